use std::io::{self, IsTerminal, Write};

use super::Failure;

/// Asks at the terminal before something is done that cannot be undone.
///
/// # Errors
/// `otherwise`, unless the answer is yes; that `--yes` is wanted, when nobody is there to ask.
pub(crate) fn confirm(what: &str, otherwise: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(format!("{what}: say --yes if that is meant").into());
    }
    let mut err = io::stderr().lock();
    write!(err, "{what}. Go on? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(otherwise.into()),
    }
}
