//! `windlass config`: what this process goes by. Works with a broken configuration too.

use clap::Subcommand;
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{Column, Output};
use crate::config::{Layers, Settings};
use crate::exit::Exit;

/// `windlass config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every setting; passwords are masked
    Show {
        /// With where each value came from, and its variable
        #[arg(long)]
        origin: bool,
    },
}

const VALUES: &[Column] = &[Column("SETTING", &["/key"]), Column("VALUE", &["/value"])];

const ORIGINS: &[Column] = &[
    Column("SETTING", &["/key"]),
    Column("VALUE", &["/value"]),
    Column("ORIGIN", &["/origin"]),
    Column("VARIABLE", &["/variable"]),
];

impl ConfigCommand {
    /// Runs the verb.
    pub fn run(&self, layers: &Layers, output: Output) -> Result<Exit, CliError> {
        let Self::Show { origin } = self;
        let origins = layers.origins();
        let with_origin = || serde_json::to_value(&origins).unwrap_or_default();
        let plain = || {
            Value::from_iter(
                origins
                    .iter()
                    .map(|one| json!({"key": one.key, "value": one.value})),
            )
        };
        let Value::Array(rows) = (if *origin { with_origin() } else { plain() }) else {
            return Ok(Exit::Failed);
        };
        output.list(&rows, if *origin { ORIGINS } else { VALUES }, true)?;
        Settings::read(layers)?;
        Ok(Exit::Done)
    }
}
