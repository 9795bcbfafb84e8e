//! Every setting of Windlass, where it came from, and whether all of them together make sense.
//!
//! flags → `WINDLASS_*` → `windlass.toml` → the user's file → defaults. This is the only room that
//! reads the environment; all others receive values. `table` lists the settings, `layers` stacks
//! their sources, `surroundings` holds what is read beside them.

mod layers;
mod surroundings;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;

use windlass_workers::egress::EgressRules;
use windlass_workflows::document::needs::offered;

pub use self::layers::{Layers, Origin, without_password};
pub use self::surroundings::Surroundings;
pub use self::table::{SETTINGS, Setting};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers HTTP.
    Api,
    /// Leases jobs and runs them.
    Worker,
    /// Repeats the engine's duties.
    Keeper,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Api, Role::Worker, Role::Keeper];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Api => "api",
            Role::Worker => "worker",
            Role::Keeper => "keeper",
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the API, from the command line's side.
    pub server: String,
    /// Address of the database.
    pub database_url: Option<String>,
    /// The same database past the pooler, where `database_url` is one.
    pub database_direct_url: Option<String>,
    /// Pooled connections of a process.
    pub database_connections: u32,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// What this process does.
    pub roles: Vec<Role>,
    /// Whether `serve` migrates before it starts.
    pub migrate: bool,
    /// Steps at once in a worker.
    pub worker_slots: u32,
    /// What the machine of a worker has, for templates that need it.
    pub worker_offers: Vec<String>,
    /// Seconds after which a silent worker's jobs are claimable again.
    pub worker_lease_seconds: u32,
    /// Days that jobs are kept after their end; 0 keeps them for ever.
    pub retention_days: u32,
    /// Seconds that running steps may go on once the worker should stop.
    pub worker_grace_seconds: u32,
    /// Loopback and private addresses that steps may reach.
    pub egress_allow_private: bool,
    /// Hosts and networks that steps may reach whatever they are.
    pub egress_allow: Vec<String>,
    /// Variables that `{ env: NAME }` of a connection may read.
    pub references_env: Vec<String>,
    /// Folder with a file a secret.
    pub secrets_folder: Option<PathBuf>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// Folder with `postgres` and `initdb` for local databases.
    pub pg_bin: Option<PathBuf>,
    /// Whether Postgres may be downloaded.
    pub pg_download: bool,
    /// Where local databases and downloads lie.
    pub state: Option<PathBuf>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{} with the configuration:{}", counted(problems), listed(problems))]
pub struct ConfigProblems {
    /// Each with the setting, where its value came from, and what would be right.
    pub problems: Vec<String>,
}

fn counted(problems: &[String]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}

fn listed(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}

/// Smallest lease: a worker beats three times in it, and a beat may take a second.
const LEASE_SECONDS_MIN: u32 = 3;
/// Pool of a process: a page of the dashboard runs a few statements at once.
const CONNECTIONS_MIN: u32 = 2;

impl Settings {
    /// Which addresses this process may reach for others.
    pub fn egress(&self) -> EgressRules {
        let allow = self.egress_allow.iter();
        EgressRules {
            allow_private: self.egress_allow_private,
            allow: allow.filter_map(|allowed| allowed.parse().ok()).collect(),
        }
    }

    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(layers: &Layers) -> Result<Self, ConfigProblems> {
        let mut reader = layers.reader();
        let settings = Self {
            server: reader.text("server"),
            database_url: reader.optional_text("database.url"),
            database_direct_url: reader.optional_text("database.direct_url"),
            database_connections: reader.parsed("database.connections", 0, "a number"),
            listen: reader.parsed(
                "listen",
                SocketAddr::from(([127, 0, 0, 1], 0)),
                "an address such as 127.0.0.1:7411",
            ),
            roles: reader
                .words("roles", "all, api, worker or keeper", roles)
                .unwrap_or_default(),
            migrate: reader.parsed("migrate", false, "true or false"),
            worker_slots: reader.parsed("worker.slots", 0, "a number"),
            worker_offers: reader.list("worker.offers"),
            worker_lease_seconds: reader.parsed("worker.lease_seconds", 0, "a number of seconds"),
            retention_days: reader.parsed("retention.days", 0, "a number of days"),
            worker_grace_seconds: reader.parsed("worker.grace_seconds", 0, "a number of seconds"),
            egress_allow_private: reader.parsed("egress.allow_private", false, "true or false"),
            egress_allow: reader.list("egress.allow"),
            references_env: reader.list("references.env"),
            secrets_folder: reader.optional_text("secrets.folder").map(PathBuf::from),
            log_format: reader
                .words("log.format", "text or json", log_format)
                .unwrap_or(LogFormat::Text),
            log_filter: reader.text("log.filter"),
            pg_bin: reader.optional_text("pg.bin").map(PathBuf::from),
            pg_download: reader.parsed("pg.download", true, "true or false"),
            state: reader.optional_text("state").map(PathBuf::from),
        };
        let mut problems = reader.into_problems();
        problems.extend(layers.unknown());
        if problems.is_empty() {
            problems = settings.validate(layers);
        }
        match problems.is_empty() {
            true => Ok(settings),
            false => Err(ConfigProblems { problems }),
        }
    }

    /// What is wrong with values that could all be read.
    fn validate(&self, layers: &Layers) -> Vec<String> {
        let rules = self
            .addresses()
            .into_iter()
            .chain(self.amounts())
            .chain(self.folders());
        let broken = rules.filter(|(_, broken, _)| *broken);
        let mut problems: Vec<String> = broken
            .map(|(key, _, rule)| layers.complaint(key, rule))
            .collect();
        for allowed in &self.egress_allow {
            if let Err(error) = allowed.parse::<windlass_workers::egress::Allowed>() {
                problems.push(layers.complaint(
                    "egress.allow",
                    &format!("lists hosts and networks: {error}"),
                ));
            }
        }
        let wrong = self
            .worker_offers
            .iter()
            .find(|text| offered(text).is_none());
        if let Some(text) = wrong {
            let rule = format!("lists words such as gpu or region=eu; `{text}` is neither");
            problems.push(layers.complaint("worker.offers", &rule));
        }
        problems
    }

    fn addresses(&self) -> [Rule; 4] {
        let is_http = ["http://", "https://"]
            .iter()
            .any(|scheme| self.server.starts_with(scheme));
        let is_postgres =
            |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        let is_elsewhere =
            |url: &Option<String>| url.as_deref().is_some_and(|url| !is_postgres(url));
        [
            ("server", !is_http, "begins with http:// or https://"),
            (
                "database.url",
                is_elsewhere(&self.database_url),
                "begins with postgres://",
            ),
            (
                "database.direct_url",
                is_elsewhere(&self.database_direct_url),
                "begins with postgres://",
            ),
            (
                "database.direct_url",
                self.database_direct_url.is_some() && self.database_url.is_none(),
                "stands beside a database.url",
            ),
        ]
    }

    fn amounts(&self) -> [Rule; 5] {
        let names_ours = self.references_env.iter().any(|name| is_ours(name));
        [
            (
                "database.connections",
                self.database_connections < CONNECTIONS_MIN,
                "is at least 2",
            ),
            (
                "roles",
                self.roles.is_empty(),
                "names at least one of api, worker and keeper",
            ),
            ("worker.slots", self.worker_slots == 0, "is at least 1"),
            (
                "worker.lease_seconds",
                self.worker_lease_seconds < LEASE_SECONDS_MIN,
                "is at least 3",
            ),
            (
                "references.env",
                names_ours,
                "names no WINDLASS_ variable: those hold secrets",
            ),
        ]
    }

    fn folders(&self) -> [Rule; 2] {
        let is_missing =
            |folder: &Option<PathBuf>| folder.as_ref().is_some_and(|folder| !folder.is_dir());
        [
            (
                "secrets.folder",
                is_missing(&self.secrets_folder),
                "is a folder that exists",
            ),
            (
                "pg.bin",
                is_missing(&self.pg_bin),
                "is a folder that exists",
            ),
        ]
    }
}

/// A setting, whether it breaks the rule, and the rule.
type Rule = (&'static str, bool, &'static str);

fn is_ours(name: &str) -> bool {
    name.starts_with("WINDLASS_")
}

fn roles(text: &str) -> Option<Vec<Role>> {
    let mut roles = Vec::new();
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match Role::ALL.iter().find(|role| role.as_str() == word) {
            Some(role) => roles.push(*role),
            None if word == "all" => roles.extend(Role::ALL),
            None => return None,
        }
    }
    Some(
        Role::ALL
            .into_iter()
            .filter(|role| roles.contains(role))
            .collect(),
    )
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
