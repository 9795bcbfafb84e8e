//! The sources of settings, one above the other, and where each value came from.
//!
//! Values travel as text until a setting reads them, so a wrong one is told in the setting's words,
//! and every wrong one is told, not only the first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use serde::Serialize;

use super::surroundings::Surroundings;
use super::table::{SETTINGS, Setting};

/// The project's file, in the folder where the command runs.
const PROJECT_FILE: &str = "windlass.toml";

/// A setting as it stands, for `config show`.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// Its key.
    pub key: &'static str,
    /// Its value, masked where it is secret.
    pub value: Option<String>,
    /// Where that came from.
    pub origin: String,
    /// Its variable.
    pub variable: String,
}

/// All sources together.
#[derive(Clone, Debug)]
pub struct Layers {
    figment: Figment,
    unknown: Vec<String>,
}

impl Layers {
    /// Of this process: `flags` by key, then the environment, then the files.
    pub fn new(flags: &BTreeMap<&'static str, String>, around: &Surroundings) -> Self {
        let files = [around.user_file(), Some(PathBuf::from(PROJECT_FILE))];
        let files: Vec<PathBuf> = files
            .into_iter()
            .flatten()
            .filter(|file| file.is_file())
            .collect();
        Self::of(flags, around, &files)
    }

    /// Of these sources; a later file beats an earlier one.
    pub fn of(
        flags: &BTreeMap<&'static str, String>,
        around: &Surroundings,
        files: &[PathBuf],
    ) -> Self {
        let mut figment = Figment::new();
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                figment = figment.merge(Serialized::default(setting.key, default));
            }
        }
        for file in files {
            figment = figment.merge(Toml::file_exact(file));
        }
        let mut unknown = unknown_keys(files);
        let mut variables = Vec::new();
        for (name, value) in around.windlass().filter(|(_, value)| !value.is_empty()) {
            match SETTINGS.iter().find(|setting| setting.variable() == name) {
                Some(setting) => variables.push(Given::new(name, setting.key, value)),
                None => unknown.push(format!("{name} is no setting{}", nearest(name))),
            }
        }
        for given in variables {
            figment = figment.merge(given);
        }
        for (key, value) in flags {
            figment = figment.merge(Given::new(&flag_name(key), key, value.clone()));
        }
        Self { figment, unknown }
    }

    /// Reads settings and collects what is wrong with them.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            layers: self,
            problems: Vec::new(),
        }
    }

    /// What is set and is no setting.
    pub(super) fn unknown(&self) -> Vec<String> {
        self.unknown.clone()
    }

    /// A broken rule, with the place of the value.
    pub(super) fn complaint(&self, key: &str, rule: &str) -> String {
        format!("{key} {rule} (it comes from {})", self.origin(key))
    }

    /// Every setting with its value and origin.
    pub fn origins(&self) -> Vec<Origin> {
        let shown = |setting: &'static Setting| {
            let value = self.find(setting.key).ok().flatten();
            Origin {
                key: setting.key,
                value: value.map(|value| {
                    if setting.secret {
                        masked(&value)
                    } else {
                        value
                    }
                }),
                origin: self.origin(setting.key),
                variable: setting.variable(),
            }
        };
        SETTINGS.iter().map(shown).collect()
    }

    fn origin(&self, key: &str) -> String {
        let Some(metadata) = self.figment.find_metadata(key) else {
            return if self.figment.find_value(key).is_ok() {
                "the default"
            } else {
                "nowhere"
            }
            .to_owned();
        };
        match &metadata.source {
            Some(Source::File(file)) => file.display().to_string(),
            Some(Source::Custom(name)) => name.clone(),
            _ => "the default".to_owned(),
        }
    }

    /// A value as text; lists joined by commas.
    fn find(&self, key: &str) -> Result<Option<String>, String> {
        match self.figment.find_value(key) {
            Ok(value) => as_text(&value)
                .map(Some)
                .ok_or_else(|| self.complaint(key, "is one value or a list of them")),
            Err(error) if error.missing() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Reads one setting after the other.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// A text that may be absent.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        match self.layers.find(key) {
            Ok(found) => found.filter(|text| !text.is_empty()),
            Err(problem) => {
                self.note(problem);
                None
            }
        }
    }

    /// A text; empty when it is absent.
    pub(super) fn text(&mut self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    /// A list; empty when it is absent.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let text = self.text(key);
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// What `read` makes of the text.
    pub(super) fn words<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key);
        let found = read(&text);
        if found.is_none() {
            self.note(
                self.layers
                    .complaint(key, &format!("is {wanted}, not {text:?}")),
            );
        }
        found
    }

    /// A number, a switch or an address.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, otherwise: T, wanted: &str) -> T {
        self.words(key, wanted, |text| text.parse().ok())
            .unwrap_or(otherwise)
    }

    /// All that was wrong. A broken file is told once, not once a setting.
    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    fn note(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// One value from a flag or a variable.
struct Given {
    from: String,
    key: String,
    value: String,
}

impl Given {
    fn new(from: &str, key: &str, value: String) -> Self {
        Self {
            from: from.to_owned(),
            key: key.to_owned(),
            value,
        }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::from(self.from.clone(), Source::Custom(self.from.clone()))
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        Serialized::default(&self.key, self.value.clone()).data()
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, letter) => Some(letter.to_string()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string())),
        Value::Array(_, items) => {
            let words: Option<Vec<_>> = items.iter().map(as_text).collect();
            Some(words?.join(","))
        }
        Value::Empty(..) | Value::Dict(..) => None,
    }
}

/// Keys of files that are no settings. A file that cannot be read is a problem of every setting.
fn unknown_keys(files: &[PathBuf]) -> Vec<String> {
    let unknown = |file: &PathBuf| {
        let data = Toml::file_exact(file).data().ok()?;
        let dict = data.into_values().next()?;
        let mut keys = Vec::new();
        leaves("", &dict, &mut keys);
        let strange = keys.into_iter().filter(|key| Setting::find(key).is_none());
        Some(strange.map(|key| in_file(&key, file)).collect::<Vec<_>>())
    };
    files.iter().filter_map(unknown).flatten().collect()
}

fn in_file(key: &str, file: &Path) -> String {
    format!("{key} in {} is no setting{}", file.display(), nearest(key))
}

fn leaves(prefix: &str, dict: &Dict, keys: &mut Vec<String>) {
    for (name, value) in dict {
        let key = format!("{prefix}{name}");
        match value {
            Value::Dict(_, inner) => leaves(&format!("{key}."), inner, keys),
            _ => keys.push(key),
        }
    }
}

/// A hint, where a setting ends alike or begins alike.
fn nearest(written: &str) -> String {
    let plain = |text: &str| {
        text.trim_start_matches("WINDLASS_")
            .replace(['.', '_'], "")
            .to_lowercase()
    };
    let written = plain(written);
    let near = SETTINGS.iter().find(|setting| {
        let key = plain(setting.key);
        key.ends_with(&written) || written.ends_with(&key) || key.starts_with(&written)
    });
    near.map(|setting| format!("; did you mean {} or {}?", setting.key, setting.variable()))
        .unwrap_or_default()
}

fn flag_name(key: &str) -> String {
    let name = match key {
        "database.url" => "database-url",
        "database.direct_url" => "database-direct-url",
        "roles" => "role",
        other => other,
    };
    format!("--{name}")
}

/// The value without the password of an address.
pub(super) fn masked(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return "***".to_owned();
    };
    match rest.rsplit_once('@') {
        Some((account, place)) => {
            let user = account.split(':').next().unwrap_or_default();
            let hidden = if account.contains(':') { ":***" } else { "" };
            format!("{scheme}://{user}{hidden}@{place}")
        }
        None => value.to_owned(),
    }
}

/// An address without its password, for people and logs.
pub fn without_password(url: &str) -> String {
    masked(url).replace(":***@", "@")
}
