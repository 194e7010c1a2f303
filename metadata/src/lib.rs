//! Metadata service of a distributed KV cache on Standfast.
