//! Where those who tell and those who wait meet, and those who change one context: advisory locks of a
//! transaction.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Cause, CauseKind};
use crate::Error;
use crate::store::gate::Session;

/// One thing that can be told and waited for, or changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot<'a> {
    /// A signal of this name, to this key.
    Signal(&'a str, &'a str),
    /// Events of this type; empty for those who wait for any.
    Event(&'a str),
    /// What children and people say to this job, whosever it is.
    Job(i64),
    /// Changes of the context of this key.
    Context(&'a str),
}

impl Spot<'_> {
    /// Its number, the same in every process. Two that collide wait for each other without need.
    fn number(self, tenant: i32) -> i64 {
        let mut hash = Sha256::new();
        let mut say = |part: &[u8]| {
            hash.update(u64::try_from(part.len()).unwrap_or_default().to_le_bytes());
            hash.update(part);
        };
        match self {
            Self::Signal(name, key) => {
                say(b"signal");
                say(&tenant.to_le_bytes());
                say(name.as_bytes());
                say(key.as_bytes());
            }
            Self::Event(kind) => {
                say(b"event");
                say(&tenant.to_le_bytes());
                say(kind.as_bytes());
            }
            Self::Context(key) => {
                say(b"context");
                say(&tenant.to_le_bytes());
                say(key.as_bytes());
            }
            Self::Job(job) => {
                say(b"job");
                say(&job.to_le_bytes());
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The spots of one transaction, in the order in which everybody takes them.
#[derive(Debug, Default)]
pub(crate) struct Meeting(BTreeMap<i64, bool>);

impl Meeting {
    /// Who waits shares the spot with others who wait.
    pub(crate) fn share(&mut self, tenant: i32, spot: Spot<'_>) {
        self.0.entry(spot.number(tenant)).or_insert(false);
    }

    /// Who tells has it alone. Who does both is as one who tells.
    pub(crate) fn alone(&mut self, tenant: i32, spot: Spot<'_>) {
        self.0.insert(spot.number(tenant), true);
    }

    /// What a cause of a job is met at; children meet at their parent's spot.
    pub(super) fn share_cause(&mut self, tenant: i32, job: i64, cause: &Cause) {
        match cause.kind {
            CauseKind::Signal => self.share(tenant, Spot::Signal(&cause.name, &cause.key)),
            CauseKind::Event => self.share(tenant, Spot::Event(&cause.name)),
            CauseKind::Child | CauseKind::Approval | CauseKind::Group | CauseKind::Batch => {
                self.share(tenant, Spot::Job(job));
            }
        }
    }

    /// Takes the locks, until the transaction ends: a statement of its own, before all others.
    pub(crate) async fn hold(&self, connection: &mut Session) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let spots: Vec<i64> = self.0.keys().copied().collect();
        let alone: Vec<bool> = self.0.values().copied().collect();
        let held = sqlx::query_file!("queries/mail/meet.sql", &spots, &alone);
        held.fetch_one(connection).await?;
        Ok(())
    }
}
