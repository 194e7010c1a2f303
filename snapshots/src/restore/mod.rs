//! From the store back into a state.

mod fill;
mod pin;
mod point;
mod prove;
mod restorer;

pub use fill::Progress;
pub use pin::RestorePin;
pub use point::Point;
pub use restorer::{Restored, Restorer, Tried, check_listed, is_damage};
