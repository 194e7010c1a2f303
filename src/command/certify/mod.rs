mod again;
mod arguments;
mod attend;
mod grades;
mod promises;
mod report;
mod run;
mod signals;
mod text;

pub(crate) use self::arguments::CertifyArguments;
pub(super) use self::attend::attend;
pub(super) use self::run::run;
