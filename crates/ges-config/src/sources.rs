//! Where settings come from, as a value: tests never touch the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment and the folder that relative paths start from.
#[derive(Clone, Default)]
pub struct Sources {
    /// Environment variables. May hold secrets.
    pub environment: BTreeMap<String, String>,
    /// Start of relative paths.
    pub working_folder: PathBuf,
}

impl std::fmt::Debug for Sources {
    /// Shows names only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.environment.keys().collect();
        f.debug_struct("Sources").field("environment", &names).field("working_folder", &self.working_folder).finish()
    }
}

impl Sources {
    /// The environment and working folder of this process: the only place of the product that reads them.
    ///
    /// Variables that are not Unicode are left out.
    pub fn from_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { environment, working_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")) }
    }

    /// Sources made of these variables, relative to the current folder.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { environment, working_folder: PathBuf::from(".") }
    }
}
