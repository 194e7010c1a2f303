use std::time::Duration;

use crate::names::ClientId;

/// How patient a client is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Who it is. Default: drawn at random.
    pub client: ClientId,
    /// The tenant its keys belong to. Default `default`.
    pub tenant: String,
    /// A call that has no answer by then fails. Default 30 s.
    pub deadline: Duration,
    /// Connecting fails when none of the nodes could be connected to by then. Default 30 s.
    pub reach_within: Duration,
    /// A try that has no answer by then is made elsewhere, with the same request id. Default 1 s, and 100 us for
    /// each key of a batch.
    pub try_timeout: Duration,
    /// How often it gives a sign of life. Default 1 s.
    pub ping_every: Duration,
    /// The largest response, in bytes. Default 256 MiB.
    pub largest_response: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            client: ClientId::random(),
            tenant: "default".to_owned(),
            deadline: Duration::from_secs(30),
            reach_within: Duration::from_secs(30),
            try_timeout: Duration::from_secs(1),
            ping_every: Duration::from_secs(1),
            largest_response: 256 << 20,
        }
    }
}
