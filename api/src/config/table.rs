//! The settings, one a line: key in the file, default, and what it means.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// In `windlass.toml`; a dot opens a table.
    pub key: &'static str,
    /// Where nothing else is said; `None` for absent.
    pub default: Option<&'static str>,
    /// Whether its value is masked where values are shown.
    pub secret: bool,
    /// For people.
    pub about: &'static str,
}

const fn setting(key: &'static str, default: Option<&'static str>, about: &'static str) -> Setting {
    Setting {
        key,
        default,
        secret: false,
        about,
    }
}

/// All of them. Lists are separated by commas, in the file they may be lists.
pub const SETTINGS: &[Setting] = &[
    setting(
        "server",
        Some("http://127.0.0.1:7411"),
        "the API that commands talk to",
    ),
    Setting {
        key: "database.url",
        default: None,
        secret: true,
        about: "address of the database of `serve` and `migrate`",
    },
    Setting {
        key: "database.direct_url",
        default: None,
        secret: true,
        about: "the same database past the pooler, where `database.url` is a transaction pooler",
    },
    setting(
        "database.connections",
        Some("10"),
        "pooled connections of a process",
    ),
    setting("listen", Some("127.0.0.1:7411"), "where the API listens"),
    setting(
        "roles",
        Some("all"),
        "what `serve` does: all, or some of api, worker, keeper",
    ),
    setting(
        "migrate",
        Some("false"),
        "whether `serve` brings the schema up to date first",
    ),
    setting("worker.slots", Some("64"), "steps at once in a worker"),
    setting(
        "worker.offers",
        Some(""),
        "what `needs` of a template may ask for: words such as gpu or region=eu",
    ),
    setting(
        "worker.lease_seconds",
        Some("30"),
        "a silent worker's jobs are claimable again after this",
    ),
    setting(
        "retention.days",
        Some("30"),
        "jobs are kept so long after their end, then go by whole ranges of ids; 0: for ever",
    ),
    setting(
        "worker.grace_seconds",
        Some("30"),
        "running steps may go on so long once the worker should stop",
    ),
    setting(
        "egress.allow_private",
        Some("false"),
        "steps may reach loopback and private addresses",
    ),
    setting(
        "egress.allow",
        Some(""),
        "hosts and networks that steps may reach whatever they are",
    ),
    setting(
        "references.env",
        Some("OPENAI_BASE_URL,OPENAI_MODEL,ANALYSIS_URL"),
        "variables that connections may name",
    ),
    setting("secrets.folder", None, "a folder with one file a secret"),
    setting("log.format", Some("text"), "text or json"),
    setting(
        "log.filter",
        Some("info"),
        "which lines are logged, such as info,windlass_engine=debug",
    ),
    setting(
        "pg.bin",
        None,
        "folder with postgres and initdb, for `dev` and `demo`",
    ),
    setting(
        "pg.download",
        Some("true"),
        "whether `dev` and `demo` may download Postgres",
    ),
    setting("state", None, "where local databases lie"),
];

impl Setting {
    /// Its variable: `database.url` is `WINDLASS_DATABASE_URL`.
    pub fn variable(&self) -> String {
        format!("WINDLASS_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The setting of a key.
    pub fn find(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}
