//! Where the state of local servers lies.
//!
//! Root's home is closed to the account that the server runs as, so root's
//! state lies in `/var/lib`; a person's lies where their system keeps state.

use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// State for root.
const ROOT: &str = "/var/lib/windlass";

/// The settings that say where state lies, read by the caller.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `WINDLASS_STATE`, which beats all others.
    pub state: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

/// The folder that holds clusters and downloaded programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// The folder for this user, or `None` for a person without a home.
    pub fn locate(environment: &Environment) -> Option<Self> {
        Self::locate_for(environment, geteuid().is_root(), cfg!(target_os = "macos"))
    }

    fn locate_for(environment: &Environment, is_root: bool, is_macos: bool) -> Option<Self> {
        if let Some(named) = &environment.state {
            return Some(Self(named.clone()));
        }
        if is_root {
            return Some(Self(ROOT.into()));
        }
        // The specification says that a relative path is invalid and must be ignored.
        let xdg = environment
            .xdg_state_home
            .as_ref()
            .filter(|path| path.is_absolute());
        if let Some(xdg) = xdg {
            return Some(Self(xdg.join("windlass")));
        }
        let below_home = if is_macos {
            "Library/Application Support/windlass"
        } else {
            ".local/state/windlass"
        };
        let home = environment.home.as_ref()?;
        Some(Self(home.join(below_home)))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(environment: &Environment, is_root: bool, is_macos: bool) -> Option<String> {
        let folder = StateFolder::locate_for(environment, is_root, is_macos)?;
        Some(folder.path().display().to_string())
    }

    #[test]
    fn each_kind_of_user_has_a_place() {
        let person = Environment {
            home: Some("/home/ada".into()),
            ..Environment::default()
        };
        let xdg = Environment {
            xdg_state_home: Some("/state".into()),
            ..person.clone()
        };
        let relative = Environment {
            xdg_state_home: Some("state".into()),
            ..person.clone()
        };
        let named = Environment {
            state: Some("/elsewhere".into()),
            ..xdg.clone()
        };

        let below_home = "/home/ada/.local/state/windlass";
        assert_eq!(located(&person, false, false).as_deref(), Some(below_home));
        assert_eq!(
            located(&person, false, true).as_deref(),
            Some("/home/ada/Library/Application Support/windlass")
        );
        assert_eq!(
            located(&xdg, false, false).as_deref(),
            Some("/state/windlass")
        );
        assert_eq!(
            located(&relative, false, false).as_deref(),
            Some(below_home)
        );
        assert_eq!(
            located(&xdg, true, false).as_deref(),
            Some("/var/lib/windlass")
        );
        assert_eq!(located(&named, true, false).as_deref(), Some("/elsewhere"));
    }

    #[test]
    fn person_without_a_home_has_no_state() {
        assert_eq!(located(&Environment::default(), false, false), None);
    }
}
