use std::fmt;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, 1-based, when it can be told.
    pub line: Option<usize>,
    /// What is wrong, with the value and the way out.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Collects problems and finds the lines they are about.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Something about `[section] key`; an empty key means the section as a whole.
    pub(super) fn add(&mut self, section: &str, key: &str, message: impl Into<String>) {
        let line = self.line_of(section, key);
        self.found.push(Problem {
            line,
            message: message.into(),
        });
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

    pub(super) fn into_inner(mut self) -> Vec<Problem> {
        self.found
            .sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        self.found
    }

    fn line_of(&self, section: &str, key: &str) -> Option<usize> {
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
                return Some(index + 1);
            }
        }
        header
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
