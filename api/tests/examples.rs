//! The examples that read from systems of a user's own, and tell them: applied as they are, run against a Postgres and the
//! sample services.

#[allow(dead_code, reason = "shared with the tests of kill -9")]
mod fleet;
#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use self::fleet::{Fleet, PATIENCE, examples};

/// A day's reports of whom the examples are about: three since the slot before, one of long ago.
const WAREHOUSE: &str = "
    create table public.strike (id bigint primary key, origin_state text, phase text, size text, species text,
        damage text, cost int, reported_at timestamptz);
    insert into public.strike
    select n, 'Ohio', 'Approach', 'Large', 'Canada goose', 'Substantial', n * 1000,
        $1::timestamptz - case when n = 9 then interval '9 days' else interval '1 minute' end
    from unnest(array[1, 2, 3, 9]) n";

struct Site {
    fleet: Fleet,
}

impl Site {
    async fn new() -> Self {
        let secrets = [
            ("WINDLASS_SECRET_WAREHOUSE_URL", None),
            ("WINDLASS_SECRET_INCIDENT_FEED_TOKEN", Some("a-token")),
            (
                "WINDLASS_SECRET_OPERATIONS_WEBHOOK",
                Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ),
            (
                "WINDLASS_REFERENCES_ENV",
                Some("OPENAI_BASE_URL,ANALYSIS_URL,INCIDENT_FEED_URL,OPERATIONS_URL"),
            ),
        ];
        let fleet = Fleet::told(|cluster, services| {
            let secrets = secrets.into_iter();
            let secrets = secrets.map(|(name, value)| (name, value.unwrap_or(cluster).to_owned()));
            let addresses = [
                ("INCIDENT_FEED_URL", services.to_owned()),
                ("OPERATIONS_URL", format!("{services}/hooks/operations")),
            ];
            secrets.chain(addresses).collect()
        });
        let site = Self { fleet: fleet.await };
        site.fleet.apply(&examples()).await;
        site
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let told = self
            .fleet
            .done(&[arguments, &["-o", "json"]].concat())
            .await;
        serde_json::from_str(&told).expect("JSON")
    }

    /// The slot after the next one: the next might start by itself meanwhile.
    async fn slot(&self, schedule: &str) -> String {
        let slots = self.json(&["schedule", "next", schedule]).await;
        let at = slots[1]["at"].as_str().expect("a slot");
        at.to_owned()
    }

    /// Runs a slot now, and waits for the end of its batch.
    async fn ran(&self, schedule: &str, slot: &str) -> Value {
        let run = ["schedule", "run", schedule, "--slot", slot, "-o", "json"];
        let started: Value = serde_json::from_str(&self.fleet.done(&run).await).expect("JSON");
        let id = started["id"].as_str().expect("a batch").to_owned();
        let since = Instant::now();
        loop {
            let batch = self.json(&["batch", "show", &id]).await;
            if batch["finished_at"].is_string() {
                return batch;
            }
            assert!(since.elapsed() < PATIENCE, "no end of {batch}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the service of the webhook was told so often.
    async fn until_told(&self, times: i64) {
        let since = Instant::now();
        while self.fleet.counted("/hooks/operations", "requests").await < times {
            assert!(since.elapsed() < PATIENCE, "it is not told");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_read_a_database_and_a_service_under_a_limit_and_a_webhook_is_told() {
    let site = Site::new().await;

    // Cron, over a query: what was reported since the slot before.
    let slot = site.slot("new-strikes").await;
    let warehouse = WAREHOUSE.replace("$1", &format!("'{slot}'"));
    site.fleet.cluster.execute(&warehouse).await;
    let strikes = site.ran("new-strikes", &slot).await;
    assert_eq!(strikes["state"], "completed", "{strikes}");
    assert_eq!(strikes["progress"]["now"]["completed"], 3, "{strikes}");
    assert_eq!(site.fleet.counted("/analyse/risk", "keys").await, 3);

    // Daily, over pages of ten, ten and five: a job an airline.
    let slot = site.slot("airline-briefs").await;
    let briefs = site.ran("airline-briefs", &slot).await;
    assert_eq!(briefs["state"], "completed", "{briefs}");
    assert_eq!(briefs["planned"]["members"], 25, "{briefs}");
    assert_eq!(briefs["progress"]["now"]["completed"], 14, "{briefs}");
    assert_eq!(site.fleet.counted("/incidents", "requests").await, 3);
    let next = ["schedule", "next", "airline-briefs", "--count", "7"];
    let next = site.fleet.done(&next).await;
    assert!(next.contains("closed: weekend"), "{next}");
    let run = site.json(&["schedule", "slots", "airline-briefs", "--state", "manual"]);
    assert_eq!(run.await[0]["at"], slot.as_str());

    // What both ran under, and who was told of both.
    let limit = site.json(&["limit", "show", "analysis"]).await;
    assert_eq!(
        (&limit["concurrency"], &limit["keys"], &limit["used"]),
        (&4.into(), &1.into(), &0.into()),
        "{limit}"
    );
    site.until_told(2).await;
    let told = site.json(&["webhook", "deliveries", "operations"]).await;
    let kinds = told.as_array().expect("a list").iter();
    let finished =
        kinds.filter(|one| one["kind"] == "batch.finished" && one["state"] == "delivered");
    assert!(finished.count() >= 1, "{told}");
}
