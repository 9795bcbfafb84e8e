//! A worker of one's own: the handler `resize` in the catalogue of a Windlass worker.
//!
//! `WINDLASS_DATABASE_URL=… windlass-sample-worker [in-place|apalis]`; Ctrl-C drains it. Where that is a
//! transaction pooler, `WINDLASS_DATABASE_DIRECT_URL` is the way past it.

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::store::{connect_options, pooled_options};
use windlass_sample_worker::{Side, apalis_worker, catalogue};
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("WINDLASS_DATABASE_URL")
        .context("WINDLASS_DATABASE_URL says where the engine's database is")?;
    let stop = CancellationToken::new();
    let side = Side(1_024);
    let (catalogue, apalis) = match std::env::args().nth(1).as_deref() {
        Some("apalis") => {
            let (catalogue, run) = apalis_worker(side, stop.clone());
            (catalogue, Some(tokio::spawn(run)))
        }
        _ => (catalogue(side), None),
    };
    let capabilities = catalogue.capabilities();
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue,
    )?;
    let name = "windlass sample worker";
    let (connect, listen) = match std::env::var("WINDLASS_DATABASE_DIRECT_URL") {
        Ok(direct) => (pooled_options(&url, name)?, connect_options(&direct, name)?),
        Err(_) => (connect_options(&url, name)?, connect_options(&url, name)?),
    };
    let store = Store::open(connect.clone(), 2).await?;
    let worker = Worker::new(
        store,
        connect,
        performer,
        WorkerOptions {
            capabilities,
            ..WorkerOptions::default()
        },
    )
    .listening_on(listen);
    let told = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler there is nothing to wait for, and the worker stops at once.
        let _ = tokio::signal::ctrl_c().await;
        told.cancel();
    });
    worker.run(stop).await;
    if let Some(apalis) = apalis {
        apalis.await?;
    }
    Ok(())
}
