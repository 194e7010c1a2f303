use serde::{Deserialize, Serialize};

/// Tokens of a block: a prompt of `n` tokens has `n / 512` blocks, rounded up.
pub(super) const BLOCK_TOKENS: u64 = 512;

/// One line of a trace.
///
/// ```json
/// {"timestamp": 0, "input_length": 1100, "output_length": 500, "hash_ids": [0, 1, 2]}
/// ```
///
/// Fields that are not named here are passed over: traces of other origins carry more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRequest {
    /// When it came, in milliseconds since the trace began.
    pub timestamp: u64,
    /// Tokens of the prompt.
    #[serde(default)]
    pub input_length: u64,
    /// Tokens of the answer.
    #[serde(default)]
    pub output_length: u64,
    /// The blocks of the prompt, in order. Prompts that begin alike share their first ids.
    pub hash_ids: Vec<u64>,
}
