//! Standfast.
