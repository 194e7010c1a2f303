use standfast_core::ByteSize;

/// The smallest limit: a log of some large batches must fit below it.
const LEAST: ByteSize = ByteSize::mib(8);

/// What is wrong with the limit of a log's size.
pub(crate) fn problems(max_bytes: ByteSize) -> Vec<String> {
    if max_bytes.0 == 0 || max_bytes >= LEAST {
        return Vec::new();
    }
    vec![format!(
        "`max_bytes = \"{max_bytes}\"` is too small: want at least \"{LEAST}\", or \"0B\" for no limit"
    )]
}
