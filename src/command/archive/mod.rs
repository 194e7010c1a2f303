mod export;
mod import;

pub(super) use export::{ExportArguments, run as export};
pub(super) use import::{ImportArguments, run as import};
