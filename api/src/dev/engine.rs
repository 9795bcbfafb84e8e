//! A whole engine on this machine: database, API and keeper here, the worker as a child, and the
//! sample services that the examples call.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_engine::store::{self, ServerFacts};

use super::child::{Child, Order};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::client::Client;
use crate::config::{Role, Settings, without_password};
use crate::exit::Exit;
use crate::local_postgres::{LocalDatabase, Origin, Wish};
use crate::serve::{LogLevel, Server, Wiring, bind, start_logs};

/// Ports that are tried, from the usual one on.
const PORTS: std::ops::Range<u16> = 7411..7511;
/// A killed worker is replaced while somebody watches.
const LEASE_SECONDS: u32 = 5;
/// A worker that is told to stop while somebody waits for the prompt.
const GRACE_SECONDS: u32 = 5;

/// Flags of `dev` and `demo`.
#[derive(Debug, Args)]
pub struct LocalArgs {
    /// A database to use instead of a private one [WINDLASS_DATABASE_URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The port on 127.0.0.1, instead of the first free one from 7411 on
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Do not download Postgres
    #[arg(long)]
    no_download: bool,
}

impl LocalArgs {
    /// The settings that flags give.
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let mut flags = BTreeMap::new();
        flags.extend(self.database_url.clone().map(|url| ("database.url", url)));
        if self.no_download {
            flags.insert("pg.download", "false".to_owned());
        }
        flags
    }
}

/// Which engine.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Its folder: `dev` or `demo`.
    pub name: &'static str,
    /// A database of its own beside the usual one.
    pub database: Option<&'static str>,
    /// Begin with nothing.
    pub fresh: bool,
}

/// The parts, running.
pub struct Engine {
    database: LocalDatabase,
    url: String,
    facts: ServerFacts,
    address: SocketAddr,
    server: Server,
    child: Child,
    services: Services,
    stop: CancellationToken,
    name: &'static str,
    /// Held as long as the engine lives.
    _alone: File,
}

/// The sample services.
struct Services {
    address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

impl Engine {
    /// Starts everything; returns once the API answers and the worker process exists.
    ///
    /// # Errors
    /// Without a Postgres, exit 69; else what stands in the way.
    pub async fn start(
        context: &Context,
        arguments: &LocalArgs,
        plan: &Plan,
    ) -> Result<Self, CliError> {
        start_logs(&context.settings, &context.around, LogLevel::Quiet);
        let wish = wish(context, plan.name)?;
        let alone = alone(wish.state.path(), plan.name)?;
        let database = LocalDatabase::open(&wish, &mut |line| context.say(line)).await?;
        let url = prepared(&database.url, plan).await?;
        let stop = CancellationToken::new();
        let services = Services::start(&stop).await?;
        let listener = free_port(arguments.port).await?;
        let settings = Settings {
            roles: vec![Role::Api, Role::Keeper],
            worker_lease_seconds: LEASE_SECONDS,
            worker_grace_seconds: 0,
            egress_allow: reachable(context, services.address),
            ..context.settings.clone()
        };
        let mut wiring = Wiring::new(&url, &settings, &context.around).with_listener(listener);
        let server = Server::start(&mut wiring, &stop).await?;
        server.store().enter_development().await?;
        let address = server
            .address()
            .ok_or_else(|| CliError::new(Exit::Failed, "no_address", "the API does not listen"))?;
        let child = Child::start(variables(context, &url, services.address))?;
        let facts = store::server_facts(&url).await?;
        Ok(Self {
            database,
            url,
            facts,
            address,
            server,
            child,
            services,
            stop,
            name: plan.name,
            _alone: alone,
        })
    }

    /// The caller's context with a client of this engine.
    pub fn context(&self, context: &Context) -> Result<Context, CliError> {
        Ok(Context {
            client: Client::new(&self.page())?,
            settings: context.settings.clone(),
            around: context.around.clone(),
            ..*context
        })
    }

    /// The address of the page.
    pub fn page(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether commands find it without being told where it is.
    pub fn is_usual(&self) -> bool {
        self.address.port() == PORTS.start
    }

    /// The lines that say the mode, the addresses, and where data lives for how long.
    pub fn banner(&self) -> Vec<String> {
        let cluster = self
            .database
            .cluster()
            .map(|cluster| cluster.data().display().to_string());
        let kept = match self.name {
            "demo" => "kept until the next `windlass demo`",
            _ => "kept until `windlass dev --forget`",
        };
        let version = self.facts.version.split(' ').next().unwrap_or_default();
        let data = match cluster {
            Some(data) => format!("private Postgres {version} in {data}   {kept}"),
            None => format!(
                "Postgres {version} at {}   {kept}",
                without_password(&self.url)
            ),
        };
        vec![
            format!(
                "  Windlass {}   development mode",
                env!("CARGO_PKG_VERSION")
            ),
            format!("  Dashboard   {}", self.page()),
            format!("  API         {}/v1", self.page()),
            format!("  Database    {data}"),
            format!(
                "  Worker      process {}, restarted when it dies",
                self.child.pid()
            ),
            format!(
                "  Services    http://{}   samples that the examples call",
                self.services.address
            ),
        ]
    }

    /// Where the data lives, for machines.
    pub fn database(&self) -> Value {
        json!({
            "url_without_password": without_password(&self.url),
            "data": self.database.cluster().map(|cluster| cluster.data().display().to_string()),
            "version": self.facts.version,
            "durable": self.facts.durable,
            "origin": match &self.database.origin {
                Origin::Given => "given",
                Origin::Running => "running",
                Origin::Installed(_) => "installed",
                Origin::Fetched(_) => "fetched",
            },
        })
    }

    /// Does what a key stands for, where it means the same everywhere.
    pub fn key(&self, key: char, say: &dyn Fn(&str)) {
        match key {
            'k' => {
                say(&format!(
                    "worker process {} is killed with signal 9; another takes over",
                    self.child.pid()
                ));
                self.child.order(Order::Kill);
            }
            'o' => open(&self.page()),
            _ => {}
        }
    }

    /// Stops in order: worker, API and keeper, services, database.
    ///
    /// # Errors
    /// The first part that did not stop well.
    pub async fn stop(self) -> Result<(), CliError> {
        self.child.stop().await;
        self.stop.cancel();
        let served = self.server.join().await;
        let _ = self.services.task.await;
        let closed = self.database.close().await;
        served?;
        closed.map_err(|error| CliError::new(Exit::Failed, error.code(), error.to_string()))
    }
}

impl Services {
    async fn start(stop: &CancellationToken) -> Result<Self, CliError> {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(windlass_sample_services::serve(
            listener,
            stop.clone().cancelled_owned(),
        ));
        Ok(Self { address, task })
    }
}

/// What `name` wants of a database on this machine.
///
/// # Errors
/// `usage` for a person without a home.
pub fn wish(context: &Context, name: &str) -> Result<Wish, CliError> {
    let settings = &context.settings;
    let homeless = || {
        CliError::usage("there is no home folder to keep data in")
            .hint("WINDLASS_STATE=/some/folder")
    };
    Ok(Wish {
        database_url: settings.database_url.clone(),
        programs: settings.pg_bin.clone(),
        path: context.around.path(),
        may_download: settings.pg_download,
        state: context
            .around
            .state_folder(settings.state.clone())
            .ok_or_else(homeless)?,
        name: name.to_owned(),
        settings: Vec::new(),
    })
}

/// Makes sure that no second one runs on the same data: it would forget them under the first.
///
/// # Errors
/// `already_running`.
pub fn alone(state: &Path, name: &str) -> Result<File, CliError> {
    std::fs::create_dir_all(state)?;
    let file = File::create(state.join(format!("{name}.lock")))?;
    file.try_lock().map_err(|_| {
        CliError::new(
            Exit::Refused,
            "already_running",
            format!(
                "`windlass {name}` runs already, on the data in {}",
                state.display()
            ),
        )
        .hint("stop it, or keep other data with WINDLASS_STATE=/some/folder")
    })?;
    Ok(file)
}

/// The address of a database with our schema, empty where it should be.
async fn prepared(url: &str, plan: &Plan) -> Result<String, CliError> {
    let base =
        Url::parse(url).map_err(|_| CliError::usage("the address of the database is none"))?;
    let usual = base.path().trim_start_matches('/').to_owned();
    let name = plan.database.unwrap_or(&usual);
    let mut target = base.clone();
    target.set_path(&format!("/{name}"));
    if plan.fresh {
        // A database cannot be dropped from within itself.
        let mut beside = base;
        if name == usual {
            beside.set_path("/postgres");
        }
        store::make_database_anew(beside.as_str(), name).await?;
    }
    store::migrate(target.as_str())
        .await
        .map_err(windlass_engine::Error::from)?;
    Ok(target.into())
}

/// The port that was asked for, or the first free one.
async fn free_port(port: Option<u16>) -> Result<TcpListener, CliError> {
    let on = |port| SocketAddr::from(([127, 0, 0, 1], port));
    if let Some(port) = port {
        return bind(on(port)).await;
    }
    for port in PORTS {
        if let Ok(listener) = bind(on(port)).await {
            return Ok(listener);
        }
    }
    bind(on(0)).await
}

/// What the user opened, and the sample services.
fn reachable(context: &Context, services: SocketAddr) -> Vec<String> {
    let mut allow = context.settings.egress_allow.clone();
    allow.push(services.ip().to_string());
    allow
}

/// What the worker's environment says beside ours. Addresses that the user set stay.
fn variables(context: &Context, url: &str, services: SocketAddr) -> Vec<(String, OsString)> {
    let allow = reachable(context, services);
    let mut variables = vec![
        ("WINDLASS_DATABASE_URL".to_owned(), url.into()),
        // Twice the same is no pooler, whatever the user's file says.
        ("WINDLASS_DATABASE_DIRECT_URL".to_owned(), url.into()),
        (
            "WINDLASS_WORKER_LEASE_SECONDS".to_owned(),
            LEASE_SECONDS.to_string().into(),
        ),
        (
            "WINDLASS_WORKER_GRACE_SECONDS".to_owned(),
            GRACE_SECONDS.to_string().into(),
        ),
        ("WINDLASS_EGRESS_ALLOW".to_owned(), allow.join(",").into()),
    ];
    if context.settings.log_filter == "info" {
        variables.push(("WINDLASS_LOG_FILTER".to_owned(), "error".into()));
    }
    for (name, value) in [
        ("ANALYSIS_URL", format!("http://{services}")),
        ("OPENAI_BASE_URL", format!("http://{services}/v1")),
    ] {
        if context.around.variable(name).is_none() {
            variables.push((name.to_owned(), value.into()));
        }
    }
    variables
}

/// Opens the page; a machine without a browser has nothing to say about it.
fn open(page: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let quiet = std::process::Stdio::null;
    let _ = tokio::process::Command::new(program)
        .arg(page)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
}
