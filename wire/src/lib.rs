//! Generated gRPC code of standfast.v1.
