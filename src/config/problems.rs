use std::fmt;

use super::overrides::Overrides;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is wrong.
    pub place: Place,
    /// What is wrong, with the value and the way out.
    pub message: String,
}

/// Where a configuration is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line of the file, 1-based.
    Line(usize),
    /// An environment variable.
    Variable(String),
    /// Something that is not there.
    Whole,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line(line) => write!(f, "line {line}: ")?,
            Place::Variable(name) => write!(f, "environment, {name}: ")?,
            Place::Whole => {}
        }
        f.write_str(&self.message)
    }
}

/// Collects problems and finds the places they are about.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    overrides: Overrides,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str, overrides: Overrides) -> Self {
        let found = overrides.malformed().collect();
        Self {
            text,
            overrides,
            found,
        }
    }

    /// Something about `[section] key`; an empty key means the section as a whole.
    pub(super) fn add(&mut self, section: &str, key: &str, message: impl Into<String>) {
        let place = self.place_of(section, key);
        self.found.push(Problem {
            place,
            message: message.into(),
        });
    }

    /// What a section says of its own values. Each sentence begins with the key it is about.
    pub(super) fn about(&mut self, section: &str, sentences: Vec<String>) {
        for sentence in sentences {
            let key: String = sentence
                .trim_start_matches('`')
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            self.add(section, &key, format!("[{section}] {sentence}"));
        }
    }

    /// A key nobody knows.
    pub(super) fn unknown_key(&mut self, section: &str, key: &str, known: &[&str]) {
        let hint = hint(key, known);
        let what = if section.is_empty() {
            format!("[{key}]")
        } else {
            format!("[{section}] {key}")
        };
        self.add(section, key, format!("unknown {what}: {hint}"));
    }

    /// A backend nobody registered.
    pub(super) fn unknown_type(&mut self, section: &str, kind: &str, known: &[&str]) {
        let hint = hint(kind, known);
        self.add(
            section,
            "type",
            format!("[{section}] type = \"{kind}\" is not in this build: {hint}"),
        );
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Those of the file in its order, then the others.
    pub(super) fn into_inner(mut self) -> Vec<Problem> {
        self.found.sort_by(|a, b| a.place.cmp(&b.place));
        self.found
    }

    fn place_of(&self, section: &str, key: &str) -> Place {
        if let Some(variable) = self.overrides.variable_of(section, key) {
            return Place::Variable(variable.to_owned());
        }
        let mut current = String::new();
        let mut header = None;
        for (index, line) in self.text.lines().enumerate() {
            let line = line.trim();
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.split(']').next())
            {
                name.trim().clone_into(&mut current);
                if current == section || (section.is_empty() && current == key) {
                    header = Some(index + 1);
                }
            } else if current == section && line.split('=').next().map(str::trim) == Some(key) {
                return Place::Line(index + 1);
            }
        }
        header.map_or(Place::Whole, Place::Line)
    }
}

/// What was probably meant, or what there is.
fn hint(word: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4);
    match near {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}
