//! From the store back into a state.

mod fill;
mod pin;
mod prove;
mod restorer;

pub use fill::Progress;
pub use pin::RestorePin;
pub use restorer::{Restored, Restorer, Tried};
