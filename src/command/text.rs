use std::borrow::Cow;

/// The name of a tenant: an empty one would mean `default`, which was not asked for.
pub(super) fn tenant(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("want the name of a tenant: `default`, or one of `quota list`".to_owned());
    }
    Ok(text.to_owned())
}

/// Why something is done, for those who read it later.
pub(super) fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("say why: it is all that others will know later".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of a segment: by an empty one it can be neither preferred nor unmounted.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(
            "want a name: puts prefer a segment by it, and `segment unmount` takes it".to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// A key or name as it stands in a table: what would break the line is escaped.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_shown_escaped_and_the_rest_as_it_is() {
        assert_eq!(shown("käse\u{a0}b\\n"), "käse\u{a0}b\\n");
        assert_eq!(shown("a\nb\tc\u{1b}[31m\r"), "a\\nb\\tc\\u{1b}[31m\\r");
    }
}
