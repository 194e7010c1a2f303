use toml::{Table, Value};

/// What environment variables that set configuration keys begin with.
const PREFIX: &str = "STANDFAST__";

/// Applies `STANDFAST__SECTION__KEY=value` to the table. Values are read as TOML where they are TOML, and as
/// text where they are not: `5s` needs no quotes.
pub(super) fn apply(table: &mut Table, environment: impl Iterator<Item = (String, String)>) {
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path = path.to_ascii_lowercase();
        let Some((section, key)) = path.split_once("__") else {
            continue;
        };
        let entry = table
            .entry(section.to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = entry {
            section.insert(key.to_owned(), parse(&value));
        }
    }
}

fn parse(value: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_sets_a_key_and_text_needs_no_quotes() {
        let mut table: Table = toml::from_str("[election]\nttl = \"5s\"").unwrap();
        let set = [
            ("STANDFAST__ELECTION__TTL", "2s"),
            ("STANDFAST__OPLOG__BATCH_MAX_ENTRIES", "17"),
            ("HOME", "/"),
        ];
        apply(
            &mut table,
            set.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())),
        );
        assert_eq!(table["election"]["ttl"].as_str(), Some("2s"));
        assert_eq!(table["oplog"]["batch_max_entries"].as_integer(), Some(17));
        assert_eq!(table.len(), 2);
    }
}
