//! The time from submitting one job on an idle server until a listener has leased it.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Statement};

use crate::Floor;
use crate::floor::PAYLOAD;

/// Jobs of one claim.
const CLAIM: i64 = 100;
/// Extents of one claim.
const EXTENTS: i64 = 100;

/// A submitter, a listener and a claimer, a connection each.
pub struct Pickup {
    submitter: Client,
    submit: Statement,
    leased: mpsc::Receiver<Instant>,
    _listener: Client,
}

impl Pickup {
    /// Connects all three; the tables must be there and hold nothing that is ready.
    ///
    /// # Errors
    /// What the database says.
    pub async fn new(floor: &Floor) -> Result<Self, Error> {
        let submitter = floor.connect().await?;
        let submit = submitter
            .prepare(include_str!("../queries/submit_and_notify.sql"))
            .await?;
        let (told, hears) = mpsc::channel(1);
        let (lease, leased) = mpsc::channel(1);
        let listener = listen(floor, told).await?;
        let claimer = floor.connect().await?;
        let claim = claimer
            .prepare(include_str!("../queries/claim.sql"))
            .await?;
        tokio::spawn(lease_all(claimer, claim, hears, lease));
        Ok(Self {
            submitter,
            submit,
            leased,
            _listener: listener,
        })
    }

    /// Submits one job; gives the time from before that until it was leased.
    ///
    /// # Errors
    /// What the database says, or that the claimer is gone.
    pub async fn once(&mut self) -> Result<Option<Duration>, Error> {
        let since = Instant::now();
        self.submitter.query(&self.submit, &[&PAYLOAD]).await?;
        let leased = self.leased.recv().await;
        Ok(leased.map(|at| at - since))
    }
}

/// A connection whose notifications are passed on; what was not heard yet covers later ones.
async fn listen(floor: &Floor, told: mpsc::Sender<()>) -> Result<Client, Error> {
    let (client, mut connection) = floor.config().connect(NoTls).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                let _ = told.try_send(());
            }
        }
    });
    client.batch_execute("listen floor_ready").await?;
    Ok(client)
}

async fn lease_all(
    client: Client,
    claim: Statement,
    mut hears: mpsc::Receiver<()>,
    lease: mpsc::Sender<Instant>,
) {
    while hears.recv().await.is_some() {
        loop {
            match client.query(&claim, &[&CLAIM, &EXTENTS]).await {
                Ok(rows) if rows.is_empty() => break,
                Ok(_) if lease.send(Instant::now()).await.is_ok() => {}
                _ => return,
            }
        }
    }
}
