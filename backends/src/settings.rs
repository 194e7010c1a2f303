//! Configuration tables: every problem at once, unknown keys refused.

use serde::de::DeserializeOwned;
use standfast_core::{Error, ErrorKind, Result};

/// The table of one store. Every key has a default, so that each can be checked by itself.
pub(crate) trait Settings: DeserializeOwned {
    /// The keys there are.
    const KEYS: &'static [&'static str];

    /// What is wrong between keys, or with a value that has the right form.
    fn problems(&self) -> Vec<String>;
}

/// Every problem of `table`, each a sentence with the key, the value and the way out.
pub(crate) fn check<T: Settings>(table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        if !T::KEYS.contains(&key.as_str()) {
            found.push(format!(
                "unknown key `{key}`: this type knows {}",
                T::KEYS.join(", ")
            ));
            continue;
        }
        let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = alone.try_into::<T>() {
            let reason = error.message().trim().to_owned();
            found.push(format!("`{key} = {value}`: {reason}"));
        }
    }
    if !found.is_empty() {
        return found;
    }
    match table.clone().try_into::<T>() {
        Ok(settings) => settings.problems(),
        Err(error) => vec![error.message().trim().to_owned()],
    }
}

/// The settings of a table without problems.
///
/// # Errors
/// `Config` naming every problem.
pub(crate) fn load<T: Settings>(table: &toml::Table) -> Result<T> {
    let problems = check::<T>(table);
    if !problems.is_empty() {
        return Err(Error::new(ErrorKind::Config, "open store").context(problems.join("; ")));
    }
    table
        .clone()
        .try_into()
        .map_err(|source| Error::new(ErrorKind::Config, "open store").source(source))
}
