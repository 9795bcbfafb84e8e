//! The first record: what the driver meant to do, on disk before it is sent, and every answer after.
//!
//! One thread writes; it takes what has gathered, writes it, syncs once, and says so to all who wait.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for the disk.
const WAITING_MAX: usize = 4_096;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A request is about to be sent.
    Intent(Intent),
    /// It was accepted as this job.
    Accepted {
        /// Its key.
        key: String,
        /// The job, or the batch.
        id: i64,
    },
    /// It was refused: nothing may be stored, unless an earlier try was.
    Refused {
        /// Its key.
        key: String,
        /// What the API said.
        code: String,
    },
    /// Nobody knows.
    Unknown {
        /// Its key.
        key: String,
        /// What was seen instead of an answer.
        why: String,
    },
    /// A cancel is about to be sent.
    Cancel {
        /// The job.
        job: i64,
    },
}

/// What was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its idempotency key.
    pub key: String,
    /// The template, or the configuration of a batch.
    pub what: What,
    /// SHA-256 of the input as it is sent, in hexadecimal.
    pub hash: String,
    /// Steps that must have run once it is completed.
    pub steps: Vec<String>,
    /// Jobs that it makes.
    pub jobs: i64,
}

/// One job or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A request.
    Job,
    /// A batch.
    Batch,
}

/// The hash of a text.
pub fn hash(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

type Order = (String, oneshot::Sender<()>);

/// The journal of one round, open for appending.
#[derive(Clone, Debug)]
pub struct Journal {
    orders: mpsc::Sender<Order>,
    path: PathBuf,
}

impl Journal {
    /// Begins one.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let (orders, mut waiting) = mpsc::channel::<Order>(WAITING_MAX);
        std::thread::spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while let Ok(next) = waiting.try_recv() {
                    batch.push(next);
                }
                let text: String = batch.iter().map(|(line, _)| line.as_str()).collect();
                if file
                    .write_all(text.as_bytes())
                    .and_then(|()| file.sync_data())
                    .is_err()
                {
                    return; // Whoever waits sees that it was not kept.
                }
                for (_, kept) in batch {
                    let _ = kept.send(());
                }
            }
        });
        Ok(Self {
            orders,
            path: path.to_owned(),
        })
    }

    /// Appends a line; returns once it is on disk.
    ///
    /// # Panics
    /// When the disk refuses: a run without its journal proves nothing.
    pub async fn keep(&self, line: &Line) {
        let text = serde_json::to_string(line).expect("lines have texts as keys") + "\n";
        let (kept, is_kept) = oneshot::channel();
        let sent = self.orders.send((text, kept)).await;
        assert!(
            sent.is_ok() && is_kept.await.is_ok(),
            "the journal cannot be written"
        );
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a journal says in the end, by key.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Every intent.
    pub intents: BTreeMap<String, Intent>,
    /// Every id that was answered, in order of the answers.
    pub accepted: BTreeMap<String, Vec<i64>>,
    /// Keys that were without an answer at some time.
    pub unknown: Vec<String>,
    /// Keys whose last answer was a refusal, and its code.
    pub refused: BTreeMap<String, String>,
    /// Jobs that were asked to stop.
    pub cancels: Vec<i64>,
}

impl Story {
    /// Reads it back from disk. A last line that was cut off counts for nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let mut story = Self::default();
        for line in fs::read_to_string(path)?.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Intent(intent)) => {
                    story.intents.insert(intent.key.clone(), intent);
                }
                Ok(Line::Accepted { key, id }) => {
                    story.accepted.entry(key).or_default().push(id);
                }
                Ok(Line::Refused { key, code }) => {
                    story.refused.insert(key, code);
                }
                Ok(Line::Unknown { key, .. }) => story.unknown.push(key),
                Ok(Line::Cancel { job }) => story.cancels.push(job),
                Err(_) => {}
            }
        }
        Ok(story)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_kept_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::create(&folder.path().join("journal")).expect("a journal");
        let intent = Intent {
            key: "a".into(),
            what: What::Job,
            hash: hash("{}"),
            steps: vec!["one".into()],
            jobs: 1,
        };

        journal.keep(&Line::Intent(intent.clone())).await;
        journal
            .keep(&Line::Unknown {
                key: "a".into(),
                why: "reset".into(),
            })
            .await;
        journal
            .keep(&Line::Accepted {
                key: "a".into(),
                id: 7,
            })
            .await;

        let story = Story::read(journal.path()).expect("it is there");
        assert_eq!(story.intents.get("a"), Some(&intent));
        assert_eq!(story.accepted.get("a"), Some(&vec![7]));
        assert_eq!(story.unknown, ["a"]);
    }
}
