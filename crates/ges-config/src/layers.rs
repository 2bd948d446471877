//! Collects raw texts from all sources and lays them over each other (integrations 10.1).
//!
//! Values of the environment and of secret files stay the text they are: `0012` is not the number 12 (only a
//! setting's own type decides).

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::catalogue::{CATALOGUE, Kind, Role, Setting};
use crate::names::{Names, fold};
use crate::problem::{Problem, Warning};
use crate::sources::Sources;

/// Larger secret files are refused; a secret is a line, not a data file.
const SECRET_BYTES_MAX: u64 = 65_536;

/// One value of one source. The name of its metadata is its origin.
struct Layer {
    key: &'static str,
    text: String,
    origin: String,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(self.key, Value::from(self.text.clone()));
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// A value as found under one of its names.
struct Found {
    setting: &'static Setting,
    canonical: bool,
    text: String,
    origin: String,
}

/// All sources laid over each other, with what was odd on the way.
pub(crate) struct Layers {
    figment: Figment,
    /// Stands for the content of all secret files together.
    pub(crate) secret_files: u64,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
}

impl Layers {
    pub(crate) fn collect(role: Role, sources: &Sources) -> Self {
        let mut layers = Self { figment: Figment::new(), secret_files: 0, problems: Vec::new(), warnings: Vec::new() };
        let names = Names::new();
        for setting in CATALOGUE {
            if let Some(text) = setting.default_for(role) {
                layers.lay(Layer { key: setting.key, text: text.into(), origin: DEFAULT.into() });
            }
        }
        let environment = layers.environment(&names, sources);
        if let Some(file) = environment.iter().find(|layer| layer.key == "config_file") {
            let path = sources.working_folder.join(&file.text);
            layers.file(&names, &path);
        }
        environment.into_iter().for_each(|layer| layers.lay(layer));
        layers.secrets(&names, &sources.working_folder);
        layers
    }

    /// The text that won, and where it came from.
    pub(crate) fn find(&self, key: &str) -> Option<(String, String)> {
        let text = self.figment.find_value(key).ok()?.into_string()?;
        let origin = self.figment.find_metadata(key).map_or_else(String::new, |metadata| metadata.name.to_string());
        Some((text, origin))
    }

    fn lay(&mut self, layer: Layer) {
        self.figment = std::mem::take(&mut self.figment).merge(layer);
    }

    fn environment(&mut self, names: &Names, sources: &Sources) -> Vec<Layer> {
        let mut found = Vec::new();
        for (name, text) in &sources.environment {
            let origin = format!("environment {name}");
            match names.find(name) {
                Some((setting, canonical)) => found.push(Found { setting, canonical, text: text.clone(), origin }),
                None if fold(name).starts_with("ges_") && !of_developers(name) => {
                    self.unknown(names, name, "the environment".into());
                }
                None => {}
            }
        }
        self.choose(found)
    }

    fn file(&mut self, names: &Names, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.push(Problem::Unreadable { path: path.into(), kind: error.kind() }),
        };
        let toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        let figment = if toml { Figment::from(Toml::string(&text)) } else { Figment::from(Yaml::string(&text)) };
        let tree: Dict = match figment.extract() {
            Ok(tree) => tree,
            Err(error) => {
                // The message itself may quote the file; only the line number is taken from it.
                let (format, line) = (if toml { "TOML" } else { "YAML" }, line_of(&error.to_string()));
                return self.problems.push(Problem::Unparsable { path: path.into(), format, line });
            }
        };
        let mut found = Vec::new();
        self.flatten(names, path, String::new(), tree, &mut found);
        self.choose(found).into_iter().for_each(|layer| self.lay(layer));
    }

    fn flatten(&mut self, names: &Names, path: &Path, prefix: String, tree: Dict, found: &mut Vec<Found>) {
        for (name, value) in tree {
            let dotted = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            let env_name = format!("GES_{}", dotted.replace('.', "__"));
            match (names.find(&env_name), value) {
                (None, Value::Dict(_, inner)) => self.flatten(names, path, dotted, inner, found),
                (None, _) => self.unknown(names, &env_name, format!("file {}", path.display())),
                (Some((setting, canonical)), value) => {
                    let origin = format!("file {} {dotted}", path.display());
                    match file_text(setting.kind, value) {
                        Some(text) => found.push(Found { setting, canonical, text, origin }),
                        None => self.problems.push(Problem::BadValue {
                            name: setting.env_name(),
                            origin,
                            expected: format!("{}; put quotes around it", setting.kind.expected()),
                        }),
                    }
                }
            }
        }
    }

    fn secrets(&mut self, names: &Names, working_folder: &Path) {
        let Some((list, _)) = self.find("config_folders") else { return };
        let mut found = Vec::new();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let (name, may_be_missing) = match name.strip_suffix('?') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let folder = working_folder.join(name);
            match secret_files(&folder) {
                Ok(files) => files.into_iter().for_each(|path| self.secret(names, path, &mut found)),
                Err(std::io::ErrorKind::NotFound) if may_be_missing => {}
                Err(kind) => self.problems.push(Problem::Unreadable { path: folder, kind }),
            }
        }
        let mut hasher = DefaultHasher::new();
        for layer in self.choose(found) {
            (layer.key, &layer.text).hash(&mut hasher);
            self.lay(layer);
        }
        self.secret_files = hasher.finish();
    }

    fn secret(&mut self, names: &Names, path: PathBuf, found: &mut Vec<Found>) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((setting, canonical)) = names.find(&name) else {
            let place = path.parent().map_or_else(String::new, |folder| format!("folder {}", folder.display()));
            return self.unknown(names, &name, place);
        };
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let text = if size > SECRET_BYTES_MAX {
            Err(std::io::ErrorKind::FileTooLarge)
        } else {
            std::fs::read_to_string(&path).map_err(|error| error.kind())
        };
        match text {
            Ok(text) => {
                let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
                let text = line.unwrap_or(&text).to_owned();
                found.push(Found { setting, canonical, text, origin: format!("secret file {}", path.display()) });
            }
            Err(kind) => self.problems.push(Problem::Unreadable { path, kind }),
        }
    }

    /// Of several names of one setting within one source: the canonical one wins, aliases must agree.
    /// An empty text is no value: config maps often carry empty strings for what is not used.
    fn choose(&mut self, found: Vec<Found>) -> Vec<Layer> {
        let mut by_key: BTreeMap<&str, Vec<Found>> = BTreeMap::new();
        for one in found.into_iter().filter(|one| !one.text.is_empty()) {
            by_key.entry(one.setting.key).or_default().push(one);
        }
        let mut layers = Vec::new();
        for (key, mut candidates) in by_key {
            candidates.sort_by_key(|one| !one.canonical);
            let mut rest = candidates.into_iter();
            let Some(first) = rest.next() else { continue };
            for other in rest.filter(|other| other.text != first.text) {
                let (used, ignored) = (first.origin.clone(), other.origin);
                if first.canonical && !other.canonical {
                    self.warnings.push(Warning::Overruled { used, ignored });
                } else {
                    let name = first.setting.env_name();
                    self.problems.push(Problem::Conflict { name, first: used, second: ignored });
                }
            }
            layers.push(Layer { key, text: first.text, origin: first.origin });
        }
        layers
    }

    fn unknown(&mut self, names: &Names, name: &str, place: String) {
        self.warnings.push(Warning::Unknown { name: name.into(), place, nearest: names.nearest(name) });
    }
}

/// Names that test runs use and the service never reads.
fn of_developers(name: &str) -> bool {
    let name = fold(name);
    name.starts_with("ges_test_") || name == "ges_no_install"
}

/// Origin of a built-in value.
pub(crate) const DEFAULT: &str = "default";

/// Regular files directly inside, links followed, in order of name; names with a leading dot are bookkeeping of
/// the mount (`..data`).
fn secret_files(folder: &Path) -> Result<Vec<PathBuf>, std::io::ErrorKind> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| error.kind())? {
        let path = entry.map_err(|error| error.kind())?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The text of a value of a configuration file. `None` when the file's own typing may have changed it: a float such
/// as `1.10` cannot be turned back into the text that was written.
fn file_text(kind: Kind, value: Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => match (number.to_i128(), number.to_u128(), kind) {
            (Some(whole), _, _) => Some(whole.to_string()),
            (None, Some(whole), _) => Some(whole.to_string()),
            (None, None, Kind::Number) => number.to_f64().map(|number| number.to_string()),
            (None, None, _) => None,
        },
        Value::Array(_, items) if matches!(kind, Kind::List | Kind::Urls | Kind::Networks) => items
            .into_iter()
            .map(|item| file_text(Kind::Text, item))
            .collect::<Option<Vec<_>>>()
            .map(|all| all.join(",")),
        Value::Empty(..) => Some(String::new()),
        Value::Char(_, letter) => Some(letter.to_string()),
        Value::Array(..) | Value::Dict(..) => None,
    }
}

/// The number after the word `line`.
fn line_of(message: &str) -> Option<u32> {
    let after = message.split("line ").nth(1)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
