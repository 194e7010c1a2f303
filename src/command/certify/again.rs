use super::CertifyArguments;
use super::arguments::{PATIENCE, SCRATCH};

/// The command that runs a case again, for a shell.
pub(super) fn again(arguments: &CertifyArguments, case: &str, seed: u64) -> String {
    let config = arguments.config.config.display().to_string();
    let mut command = format!(
        "standfast certify --config {} --only {case} --seed {seed}",
        quoted(&config)
    );
    if arguments.scratch != SCRATCH {
        command.push_str(" --scratch ");
        command.push_str(&arguments.scratch);
    }
    let patience = arguments.patience.to_string();
    if patience != PATIENCE {
        command.push_str(" --patience ");
        command.push_str(&patience);
    }
    command
}

/// One word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, wanted) in [
            ("/etc/a-1.toml", "/etc/a-1.toml"),
            ("my nodes/a.toml", "'my nodes/a.toml'"),
            ("$HOME/a", "'$HOME/a'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(path), wanted);
        }
    }
}
