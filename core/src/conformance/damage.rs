/// What happens to stored bytes behind the store's back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A bit is another: of a log one of what is known committed, of a snapshot store one of each part.
    Rot,
    /// A later version has written it, in a format that is not known yet.
    Newer,
}
