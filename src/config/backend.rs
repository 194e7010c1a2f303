use toml::{Table, Value};

/// Which implementation a section names, and what is left of its table for that implementation to read.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendTable {
    /// `type`.
    pub kind: String,
    /// The keys that are neither `type` nor Standfast's own.
    pub table: Table,
}

/// Takes `type` and the keys named in `own` out of a section; the rest is the backend's.
pub(super) fn split(mut section: Table, own: &[String]) -> Result<(BackendTable, Table), String> {
    let kind = match section.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(other) => return Err(format!("type = {other}: want a string")),
        None => return Err("`type` is missing".to_owned()),
    };
    let mut ours = Table::new();
    for key in own {
        if let Some(value) = section.remove(key) {
            ours.insert(key.clone(), value);
        }
    }
    Ok((
        BackendTable {
            kind,
            table: section,
        },
        ours,
    ))
}

/// The keys of a section whose struct can be written with all its defaults.
pub(super) fn keys_of<T: serde::Serialize>(defaults: &T) -> Vec<String> {
    Table::try_from(defaults)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}
