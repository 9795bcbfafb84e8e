//! The flags of `windlass serve`; each gives a setting.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

/// `windlass serve`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass serve --database-url postgres://… --migrate\n  windlass serve --role worker --role keeper"
)]
pub struct ServeArgs {
    /// What this process does; repeatable [WINDLASS_ROLES, default all]
    #[arg(long, value_name = "ROLE")]
    role: Vec<RoleName>,
    /// Where the API listens [WINDLASS_LISTEN]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address of the database [WINDLASS_DATABASE_URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The same database past the pooler, where the other is one [WINDLASS_DATABASE_DIRECT_URL]
    #[arg(long, value_name = "URL")]
    database_direct_url: Option<String>,
    /// Bring the schema up to date first [WINDLASS_MIGRATE]
    #[arg(long)]
    migrate: bool,
    /// Stop when standard input is closed, for a parent that may be killed
    #[arg(long, hide = true)]
    pub(super) until_stdin_closes: bool,
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Every role.
    All,
    /// Answers HTTP.
    Api,
    /// Leases jobs and runs them.
    Worker,
    /// Repeats the engine's duties.
    Keeper,
}

impl ServeArgs {
    /// The settings that flags give.
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let mut flags = BTreeMap::new();
        let roles: Vec<_> = self
            .role
            .iter()
            .filter_map(|role| Some(role.to_possible_value()?.get_name().to_owned()))
            .collect();
        if !roles.is_empty() {
            flags.insert("roles", roles.join(","));
        }
        flags.extend(self.listen.clone().map(|listen| ("listen", listen)));
        flags.extend(self.database_url.clone().map(|url| ("database.url", url)));
        let direct = self.database_direct_url.clone();
        flags.extend(direct.map(|url| ("database.direct_url", url)));
        if self.migrate {
            flags.insert("migrate", "true".to_owned());
        }
        flags
    }
}
