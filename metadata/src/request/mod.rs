//! What may be asked of the state, in its own types. They never leave the process.

mod call;
mod listing;
mod question;
mod quota;
mod remount;
mod removal;
mod reply;
mod segment;
mod traits;
mod transfer;

pub(crate) use call::GROUP_LIMIT;
pub use call::{Call, Placement};
pub use listing::{
    Cursor, ListObjects, ListSegmentObjects, ObjectPage, ObjectRow, SegmentObjectPage,
    SegmentObjectRow, SegmentPage, SegmentRow,
};
pub use question::{Answer, Found, Located, Question};
pub use quota::{Quota, TenantPage, TenantRow};
pub(crate) use remount::check_claims;
pub use remount::{Claim, ReMount, ReMounted};
pub use removal::{RemoveMany, RemovedPage};
pub use reply::Place;
pub(crate) use reply::{read_places, write_places};
pub use segment::SegmentInfo;
pub use traits::Traits;
pub use transfer::{TransferKind, TransferStart};
