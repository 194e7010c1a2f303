use std::collections::BTreeMap;

use toml::{Table, Value};

use super::problems::{Place, Problem};

/// What environment variables that set configuration keys begin with.
const PREFIX: &str = "STANDFAST__";

/// What the environment sets.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    /// The variable, by section and key.
    variables: BTreeMap<(String, String), String>,
    /// Variables with our prefix that name no key.
    malformed: Vec<String>,
}

impl Overrides {
    /// Applies `STANDFAST__SECTION__KEY=value` to the table. Values are read as TOML where they are TOML, and as
    /// text where they are not: `5s` needs no quotes.
    pub(super) fn apply(
        table: &mut Table,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let mut overrides = Self::default();
        for (name, value) in environment {
            let Some(path) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let path = path.to_ascii_lowercase();
            let Some((section, key)) = path.split_once("__") else {
                overrides.malformed.push(name);
                continue;
            };
            let entry = table
                .entry(section.to_owned())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(table) = entry {
                table.insert(key.to_owned(), parse(&value));
            }
            overrides
                .variables
                .insert((section.to_owned(), key.to_owned()), name);
        }
        overrides
    }

    /// The variable that sets `[section] key`. Of a section that nobody knows (`""`, its name): one that sets
    /// anything in it.
    pub(super) fn variable_of(&self, section: &str, key: &str) -> Option<&str> {
        let found = if section.is_empty() {
            self.variables.iter().find(|((name, _), _)| name == key)
        } else {
            let path = (section.to_owned(), key.to_owned());
            self.variables.get_key_value(&path)
        };
        found.map(|(_, variable)| variable.as_str())
    }

    pub(super) fn malformed(&self) -> impl Iterator<Item = Problem> {
        self.malformed.iter().map(|name| Problem {
            place: Place::Variable(name.clone()),
            message: "sets nothing: write STANDFAST__SECTION__KEY, as in STANDFAST__ELECTION__TTL"
                .to_owned(),
        })
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
        let overrides = Overrides::apply(
            &mut table,
            set.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())),
        );
        assert_eq!(table["election"]["ttl"].as_str(), Some("2s"));
        assert_eq!(table["oplog"]["batch_max_entries"].as_integer(), Some(17));
        assert_eq!(table.len(), 2);
        assert_eq!(
            overrides.variable_of("election", "ttl"),
            Some("STANDFAST__ELECTION__TTL")
        );
        assert_eq!(overrides.variable_of("election", "margin"), None);
    }
}
