mod faults;
mod metrics;
mod retry;
mod support;
mod tail;
mod throttle;
mod timeout;
mod writer;
