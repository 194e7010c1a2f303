use std::fmt::Write;

use super::Table;

const HEAD: &str = "\
# Configuration

One TOML file a node: `standfast serve --config FILE`. `standfast check --config FILE` tells everything that is wrong with
one, with line numbers; `--connect` tries its stores as well. [a.toml](../examples/configs/a.toml) is one to begin with.

A time is text with its unit (`\"250us\"`, `\"5ms\"`, `\"1.5s\"`, `\"2m\"`, `\"1h\"`, `\"7d\"`), and so is a size (`\"512B\"`, `\"64KiB\"`,
`\"16MiB\"`, `\"2GiB\"`, `\"1TiB\"`), and a part of a whole (`\"90%\"`). A name is 1 to 64 letters, digits, `-`, `_` and `.`. A
relative path begins where the file lies. The environment overrides the file: `STANDFAST__ELECTION__TTL=5s` is
`[election] ttl`.

This page is made of the structs that read the file, and a test compares them.
";

/// The page.
pub(super) fn render(tables: &[Table]) -> String {
    let mut page = HEAD.to_owned();
    for table in tables {
        write!(page, "\n## `{}`\n\n", table.title).unwrap();
        let doc = &table.of.doc;
        writeln!(page, "{}\n", wrapped(&about(doc))).unwrap();
        page.push_str("| key | value | default | what it does |\n|---|---|---|---|\n");
        for field in &table.of.fields {
            let default = field.default().unwrap_or_default();
            writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                field.name,
                field.form,
                default,
                field.meaning()
            )
            .unwrap();
        }
    }
    page
}

/// What a struct's comment says after naming its section, as a sentence.
fn about(doc: &str) -> String {
    let (_, about) = doc.split_once(": ").expect("`[section]`: what it is");
    let (first, rest) = about.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// In lines of up to 120 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if !line.is_empty() && line.len() + word.len() >= 120 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
