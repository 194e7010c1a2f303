//! Traces of requests: read from a file, or made up.

mod dice;
mod file;
mod generator;
mod request;

pub use file::read_trace;
pub use generator::TraceGenerator;
pub use request::TraceRequest;
