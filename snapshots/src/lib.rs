//! Snapshots of Standfast: capture, publish, restore, retention.
