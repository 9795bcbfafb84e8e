//! The driver: a client that writes down what it wants before it asks, and what it was told after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::draw::{Dice, Round};
use super::journal::{Intent, Journal, Line, What, hash};
use super::site::MEMBERS;
use crate::cli::error::CliError;
use crate::exit::Exit;

/// The load is spread over so long, a little beyond the moments of the faults.
const WINDOW_MS: u64 = 5_500;
/// Beyond it nobody waits for an answer any more.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// Once everything is healed, every request is answered within this.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// A client's own pause before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(400);
/// In a hundred jobs, so many are cancelled.
const CANCELS_PERCENT: u64 = 2;

/// One thing to ask for.
#[derive(Clone, Debug)]
struct Ask {
    intent: Intent,
    template: &'static str,
    input: String,
    after: Duration,
    /// Cancelled this long after it was accepted.
    cancel: Option<Duration>,
    /// Whether the client itself asks again when it got no answer.
    is_patient: bool,
}

/// The driver of one round. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    server: String,
    journal: Journal,
    asks: Mutex<BTreeMap<String, (Ask, Option<i64>)>>,
    round: Round,
    lease: Duration,
}

impl Driver {
    /// A driver that has not begun.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub fn new(
        server: &str,
        journal: Journal,
        round: &Round,
        lease: Duration,
    ) -> Result<Self, CliError> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| CliError::new(Exit::Failed, "http_client", error.to_string()))?;
        let inner = Inner {
            http,
            server: server.to_owned(),
            journal,
            asks: Mutex::default(),
            round: round.clone(),
            lease,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Sends the round's load, each request at its moment.
    pub async fn run(&self) {
        let mut dice = Dice::new(self.inner.round.seed, 1);
        let mut sent = JoinSet::new();
        for ask in self.asks(&mut dice) {
            let driver = self.clone();
            sent.spawn(async move { driver.ask(ask).await });
        }
        while sent.join_next().await.is_some() {}
    }

    /// So many requests at once, to be cut off in their middle.
    pub async fn burst(&self, count: u64, salt: u64) {
        let mut dice = Dice::new(self.inner.round.seed, salt);
        let mut sent = JoinSet::new();
        for number in 0..count {
            let mut ask = self.single(&format!("burst-{salt}-{number}"), &mut dice);
            ask.is_patient = dice.percent(50);
            ask.after = Duration::ZERO;
            let driver = self.clone();
            sent.spawn(async move { driver.ask(ask).await });
        }
        // They go on by themselves: the caller has a process to kill.
        tokio::spawn(async move { while sent.join_next().await.is_some() {} });
    }

    fn asks(&self, dice: &mut Dice) -> Vec<Ask> {
        let mut asks: Vec<Ask> = (0..self.inner.round.requests)
            .map(|number| match dice.below(100) {
                0..=54 => self.single(&format!("single-{number}"), dice),
                55..=79 => self.three(&format!("three-{number}"), "", dice),
                80..=89 => self.retry(&format!("retry-{number}"), dice),
                90..=97 => self.timer("chaos.timer", &format!("timer-{number}"), dice),
                _ => self.timer("chaos.long-timer", &format!("long-{number}"), dice),
            })
            .collect();
        asks.push(self.batch(dice));
        if self.inner.round.has_hard_handlers() {
            asks.extend(self.hard(dice));
        }
        asks
    }

    fn made(
        &self,
        name: &str,
        template: &'static str,
        input: String,
        steps: &[&str],
        dice: &mut Dice,
    ) -> Ask {
        let is_cancelled = dice.percent(CANCELS_PERCENT);
        Ask {
            intent: Intent {
                key: format!("r{}-{name}", self.inner.round.number),
                what: What::Job,
                hash: hash(&input),
                steps: steps.iter().map(|step| (*step).to_owned()).collect(),
                jobs: 1,
            },
            template,
            input,
            after: dice.millis(0, WINDOW_MS),
            cancel: is_cancelled.then(|| dice.millis(0, 1_500)),
            is_patient: dice.percent(60),
        }
    }

    /// With texts and numbers that a careless reader would change.
    fn single(&self, name: &str, dice: &mut Dice) -> Ask {
        let input = format!(
            r#"{{"step":"work","ms":{},"text":"Zwölf Boxkämpfer\n{name}","big":12345678901234567890123,"z":1,"a":{}}}"#,
            dice.below(40),
            dice.below(1_000)
        );
        self.made(name, "chaos.single", input, &["work"], dice)
    }

    fn three(&self, name: &str, mode: &str, dice: &mut Dice) -> Ask {
        let ms = if mode.is_empty() {
            dice.below(60)
        } else {
            3_000
        };
        let input = format!(r#"{{"ms":{ms},"mode":"{mode}","name":"{name}"}}"#);
        self.made(
            name,
            "chaos.three",
            input,
            &["first", "second", "third"],
            dice,
        )
    }

    fn retry(&self, name: &str, dice: &mut Dice) -> Ask {
        let fails = 1 + dice.below(2);
        let input = format!(r#"{{"step":"work","ms":5,"fails":{fails}}}"#);
        self.made(name, "chaos.retry", input, &["work"], dice)
    }

    fn timer(&self, template: &'static str, name: &str, dice: &mut Dice) -> Ask {
        let input = format!(r#"{{"name":"{name}"}}"#);
        self.made(name, template, input, &["before", "after"], dice)
    }

    fn batch(&self, dice: &mut Dice) -> Ask {
        let mut ask = self.made("batch", "chaos-batch", String::new(), &["work"], dice);
        ask.intent.what = What::Batch;
        ask.intent.jobs = MEMBERS;
        ask.cancel = None;
        ask
    }

    /// Handlers that outlast many leases, hold their thread, or do not hear of their end.
    fn hard(&self, dice: &mut Dice) -> Vec<Ask> {
        let lease = u64::try_from(self.inner.lease.as_millis()).unwrap_or(2_000);
        let leases = if dice.percent(25) { 20 } else { 5 };
        let mut asks = Vec::new();
        for (name, mode, ms) in [
            ("slow-1", "", leases * lease),
            ("slow-2", "", leases * lease / 2),
            ("slow-3", "", 2 * lease),
            ("block", "block", 2 * lease + 300),
        ] {
            let input = format!(r#"{{"step":"work","ms":{ms},"mode":"{mode}"}}"#);
            let mut ask = self.made(name, "chaos.single", input, &["work"], dice);
            ask.cancel = None;
            asks.push(ask);
        }
        let mut deaf = self.three("deaf", "deaf", dice);
        deaf.cancel = Some(dice.millis(200, 1_200));
        asks.push(deaf);
        asks
    }

    async fn ask(&self, ask: Ask) {
        sleep(ask.after).await;
        let key = ask.intent.key.clone();
        self.inner
            .journal
            .keep(&Line::Intent(ask.intent.clone()))
            .await;
        self.inner
            .asks
            .lock()
            .await
            .insert(key, (ask.clone(), None));
        let mut tries = if ask.is_patient { 3 } else { 1 };
        while tries > 0 {
            if let Some(id) = self.send(&ask).await {
                if let Some(after) = ask.cancel {
                    sleep(after).await;
                    self.cancel(id).await;
                }
                return;
            }
            tries -= 1;
            sleep(AGAIN_AFTER).await;
        }
    }

    /// Asks once, and writes down what came back; the id when it was accepted.
    async fn send(&self, ask: &Ask) -> Option<i64> {
        let key = ask.intent.key.clone();
        let (place, body) = match ask.intent.what {
            What::Job => (
                "requests",
                format!(r#"{{"template":"{}","input":{}}}"#, ask.template, ask.input),
            ),
            What::Batch => (
                "batches",
                json!({"configuration": ask.template, "name": key}).to_string(),
            ),
        };
        let request = self
            .inner
            .http
            .post(format!("{}/v1/{place}", self.inner.server))
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", &key)
            .body(body);
        let line = match request.send().await {
            Err(error) => Line::Unknown {
                key: key.clone(),
                why: error.to_string(),
            },
            Ok(response) => {
                let status = response.status().as_u16();
                match (status, response.text().await) {
                    (200 | 201, Ok(text)) => match id(&text) {
                        Some(id) => Line::Accepted {
                            key: key.clone(),
                            id,
                        },
                        None => Line::Unknown {
                            key: key.clone(),
                            why: text,
                        },
                    },
                    (400 | 404 | 422, Ok(text)) => Line::Refused {
                        key: key.clone(),
                        code: text,
                    },
                    (status, _) => Line::Unknown {
                        key: key.clone(),
                        why: format!("status {status}"),
                    },
                }
            }
        };
        self.inner.journal.keep(&line).await;
        let Line::Accepted { id, .. } = line else {
            return None;
        };
        if let Some(known) = self.inner.asks.lock().await.get_mut(&key) {
            known.1 = Some(id);
        }
        Some(id)
    }

    async fn cancel(&self, job: i64) {
        self.inner.journal.keep(&Line::Cancel { job }).await;
        let place = format!("{}/v1/jobs/j_{job}/cancel", self.inner.server);
        let request = self
            .inner
            .http
            .post(place)
            .json(&json!({"reason": "chaos"}));
        let _ = request.send().await;
    }

    /// Keys that have no answer yet.
    pub async fn unanswered(&self) -> Vec<String> {
        let asks = self.inner.asks.lock().await;
        let open = asks.iter().filter(|(_, (_, id))| id.is_none());
        open.map(|(key, _)| key.clone()).collect()
    }

    /// Asks again for everything that has no answer, and for some that have one: a key gives one id.
    pub async fn settle(&self) {
        let asks: Vec<_> = self.inner.asks.lock().await.values().cloned().collect();
        let until = Instant::now() + SETTLED_WITHIN;
        let mut sent = JoinSet::new();
        for (place, (ask, id)) in asks.into_iter().enumerate() {
            if id.is_some() && place % 20 != 0 {
                continue;
            }
            let driver = self.clone();
            sent.spawn(async move {
                while driver.send(&ask).await.is_none() && Instant::now() < until {
                    sleep(AGAIN_AFTER).await;
                }
            });
        }
        while sent.join_next().await.is_some() {}
    }
}

/// The number of the job or batch that an answer names.
fn id(text: &str) -> Option<i64> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let id = answer.get("id")?.as_str()?;
    id.split_once('_')?.1.parse().ok()
}
