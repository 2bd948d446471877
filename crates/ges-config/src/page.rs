//! The reference page, made from the catalogue.

use std::fmt::Write as _;

use crate::catalogue::{CATALOGUE, Role, Setting};

const INTRODUCTION: &str = "# Configuration

Generated from the catalogue of settings by `cargo xtask docs`; edit the catalogue, not this page.

Sources, lowest to highest: built-in defaults, the file named by `GES_CONFIG_FILE` (YAML or TOML, `section.field` as
nested keys), environment variables, secret files in the folders of `GES_CONFIG_FOLDERS`. In a secret folder every
regular file is one setting: the file name is any name of the setting, the content its value (one line end at the end is
dropped, names that begin with a dot are skipped).

Names compare without regard to case, and `-` equals `_`. Within one source the canonical name wins over its aliases;
aliases that differ stop the start. An empty value counts as not given. Unknown `GES_…` names are reported with the
nearest known one. All problems are reported together, with exit status 78. `check-config` prints every effective value
and where it came from, secrets as `***`.
";

/// The Markdown page of all settings.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut section = None;
    for setting in CATALOGUE {
        let this = setting.key.split_once('.').map_or("general", |(section, _)| section);
        if section != Some(this) {
            section = Some(this);
            let _ =
                write!(page, "\n## {this}\n\n| name | type | default | needed by | meaning |\n|---|---|---|---|---|\n");
        }
        page.push_str(&row(setting));
    }
    page
}

fn row(setting: &Setting) -> String {
    let aliases: Vec<_> = setting.aliases.iter().map(|alias| format!("`{alias}`")).collect();
    let aliases = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
    let unit = if setting.unit.is_empty() { String::new() } else { format!(", {}", setting.unit) };
    let default = setting.default.map_or_else(|| "–".to_owned(), |text| format!("`{text}`"));
    let standalone = setting.standalone.map_or_else(String::new, |text| format!(", standalone `{text}`"));
    let needed: Vec<_> = setting.needed.iter().copied().map(Role::name).collect();
    format!(
        "| `{}`{aliases} | {}{unit} | {default}{standalone} | {} | {} Since {}. |\n",
        setting.env_name(),
        setting.kind.expected(),
        needed.join(", "),
        setting.doc,
        setting.since,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == reference_page(), "run `cargo xtask docs`");
    }

    #[test]
    fn every_setting_has_a_row() {
        let page = reference_page();
        for setting in CATALOGUE {
            assert!(page.contains(&format!("| `{}`", setting.env_name())), "{}", setting.key);
        }
    }
}
