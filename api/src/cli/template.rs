//! `windlass template`: check documents without storing them, look at published ones, name their versions.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use windlass_workflows::document::SCHEMA;

use super::check;
use super::context::{Context, Paging, items, query};
use super::draft;
use super::error::CliError;
use super::output::Column;
use super::trial;
use crate::exit::Exit;

/// `windlass template`
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Say everything that is wrong with documents; store nothing
    Check {
        /// Files (`-` is standard input)
        #[arg(required = true)]
        file: Vec<String>,
        /// Do not ask a server; what needs one is named and not checked
        #[arg(long)]
        local: bool,
        /// Handlers that are registered, as name:version; with --local, calls to others are problems
        #[arg(
            long,
            value_name = "HANDLERS",
            value_delimiter = ',',
            requires = "local"
        )]
        handlers: Option<Vec<String>>,
    },
    /// Run tests of templates: .feature files, test sheets, folders of them; needs no server
    Test {
        /// Files and folders
        #[arg(required = true)]
        file: Vec<String>,
    },
    /// Draw one as a Mermaid flowchart: a file, or a published name
    Graph {
        /// Its file, or its name
        name: String,
    },
    /// Say what changed from one to another, step by step: files, or published names
    Diff {
        /// The older one
        old: String,
        /// The newer one
        new: String,
    },
    /// Say which version an alias means: work that starts runs that one, jobs that exist keep theirs
    Alias {
        /// Its name
        name: String,
        /// The alias and a published version, such as stable=1.2.0
        #[arg(value_name = "ALIAS=VERSION")]
        meaning: String,
    },
    /// Print the JSON Schema of templates, for editors
    Schema,
    /// List many
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one: name, namespace.name or namespace.name@version; an alias is a version too
    Show {
        /// Its name
        name: String,
    },
}

const TEMPLATES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("NAMESPACE", &["/namespace"]),
    Column("VERSION", &["/version"]),
    Column("TITLE", &["/title"]),
    Column("PUBLISHED", &["/created_at"]),
];

impl TemplateCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Check {
                file,
                local,
                handlers,
            } => check::run(context, &file, local, handlers.as_deref()).await,
            Self::Test { file } => trial::run(context, &file).await,
            Self::Graph { name } => draft::graph(context, &name).await,
            Self::Diff { old, new } => draft::diff(context, &old, &new).await,
            Self::Alias { name, meaning } => alias(context, &name, &meaning).await,
            Self::Schema => {
                context.output.line(SCHEMA.trim_end())?;
                Ok(Exit::Done)
            }
            Self::List { paging } => {
                context
                    .list(&["templates"], Vec::new(), &paging, TEMPLATES)
                    .await
            }
            Self::Show { name } => {
                let name = resolved(context, &name).await?;
                match name.split_once('@') {
                    Some((name, version)) => {
                        context
                            .show(&["templates", name, "versions", version])
                            .await
                    }
                    None => context.show(&["templates", &name]).await,
                }
            }
        }
    }
}

async fn alias(context: &Context, name: &str, meaning: &str) -> Result<Exit, CliError> {
    let Some((alias, version)) = meaning.split_once('=') else {
        let error = CliError::usage(format!("`{meaning}` says no version"));
        return Err(error.hint("windlass template alias NAME stable=1.2.0"));
    };
    let name = resolved(context, name).await?;
    let path = ["templates", name.as_str(), "aliases", alias];
    let body = json!({ "version": version });
    let sent = context.client.send(Method::PUT, &path, Some(&body));
    context.output.item(&sent.await?)?;
    Ok(Exit::Done)
}

/// The full name of a template: a name without its namespace is enough where only one has it.
pub async fn resolved(context: &Context, reference: &str) -> Result<String, CliError> {
    let (name, version) = reference.split_once('@').unwrap_or((reference, ""));
    if name.contains('.') {
        return Ok(reference.to_owned());
    }
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let query = query(&[("cursor", &cursor)]);
        let (templates, next) = items(context.client.get(&["templates"], &query).await?);
        let namesakes = templates.iter().filter(|template| template["name"] == name);
        found.extend(namesakes.filter_map(|template| {
            template["namespace"]
                .as_str()
                .map(|space| format!("{space}.{name}"))
        }));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    match found.as_slice() {
        [] => Err(CliError::new(
            Exit::NotFound,
            "not_found",
            format!("no template is called `{name}`"),
        )
        .hint("windlass template list")),
        [one] if version.is_empty() => Ok(one.clone()),
        [one] => Ok(format!("{one}@{version}")),
        many => Err(
            CliError::usage(format!("`{name}` may be {}", many.join(" or ")))
                .hint("write the namespace too"),
        ),
    }
}
