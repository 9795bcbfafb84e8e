//! The environment, read once: what is no setting but still steers us.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::local_postgres::{Environment, StateFolder};

/// Secrets as variables begin like this.
const SECRET_PREFIX: &str = "WINDLASS_SECRET_";
/// The one secret that is known by the name which its provider gave it.
const OPENAI_KEY: (&str, &str) = ("OPENAI_API_KEY", "openai-api-key");

/// What was around the process when it began.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    variables: BTreeMap<String, OsString>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether somebody can answer.
    pub stdin_is_terminal: bool,
}

impl Surroundings {
    /// Of this process.
    pub fn read() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self {
            variables: std::env::vars_os().filter_map(named).collect(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// Of a test: these variables, no terminal.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.into()));
        Self {
            variables: variables.into(),
            ..Self::default()
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?.to_string_lossy().into_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The variables of settings, with their names.
    pub(super) fn windlass(&self) -> impl Iterator<Item = (&str, String)> {
        let ours = self
            .variables
            .iter()
            .filter(|(name, _)| name.starts_with("WINDLASS_"));
        ours.filter(|(name, _)| !name.starts_with(SECRET_PREFIX))
            .map(|(name, value)| (name.as_str(), value.to_string_lossy().into_owned()))
    }

    /// Secrets given as variables: `WINDLASS_SECRET_MY_KEY` is `my-key`.
    pub fn secrets(&self) -> BTreeMap<String, String> {
        let mut secrets = BTreeMap::new();
        if let Some(key) = self.variable(OPENAI_KEY.0) {
            secrets.insert(OPENAI_KEY.1.to_owned(), key);
        }
        for (name, value) in &self.variables {
            if let Some(name) = name.strip_prefix(SECRET_PREFIX) {
                let name = name.to_lowercase().replace('_', "-");
                secrets.insert(name, value.to_string_lossy().into_owned());
            }
        }
        secrets
    }

    /// The variables of this list that are set.
    pub fn references(&self, allowed: &[String]) -> BTreeMap<String, String> {
        let set = allowed
            .iter()
            .filter_map(|name| Some((name.clone(), self.variable(name)?)));
        set.collect()
    }

    /// The search path for programs.
    pub fn path(&self) -> Option<OsString> {
        self.variables.get("PATH").cloned()
    }

    /// Where local state lies; `named` is the setting.
    pub fn state_folder(&self, named: Option<PathBuf>) -> Option<StateFolder> {
        let folder = |name: &str| self.variables.get(name).map(PathBuf::from);
        StateFolder::locate(&Environment {
            state: named,
            xdg_state_home: folder("XDG_STATE_HOME"),
            home: folder("HOME"),
        })
    }

    /// The user's own configuration file.
    pub fn user_file(&self) -> Option<PathBuf> {
        let folder = |name: &str| self.variables.get(name).map(PathBuf::from);
        let xdg = folder("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
        let folder = xdg.or_else(|| folder("HOME").map(|home| home.join(".config")))?;
        Some(folder.join("windlass/windlass.toml"))
    }

    /// As if `NO_COLOR` were set.
    pub fn forbid_color(&mut self) {
        self.variables.insert("NO_COLOR".to_owned(), "1".into());
    }

    /// Whether colours are welcome on a stream (`NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`).
    pub fn wants_color(&self, is_terminal: bool) -> bool {
        if self.variable("NO_COLOR").is_some() {
            return false;
        }
        let forced = self
            .variable("CLICOLOR_FORCE")
            .is_some_and(|value| value != "0");
        forced || (is_terminal && self.variable("TERM").is_none_or(|term| term != "dumb"))
    }
}
