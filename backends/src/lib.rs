//! Log, snapshot and election backends of Standfast.
