//! Jobs that have begun: templates of the bench's jobs that rest, or stop, and their first entry.

use std::sync::Arc;

use windlass_engine::protocol::publish;
use windlass_engine::store::{Claimed, Ending, NewEntry};
use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::{Execution, JobFacts};
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::value::Value;

use super::Bench;

/// It waits for an hour.
pub const RESTS: &str = "- rest: { wait: PT1H }\n- say: { set: { word: hello } }\n";
/// Its step wants a person when it fails.
pub const STOPS: &str = "- ask: { call: http, with: { method: GET, endpoint: 'https://a.example/' }, \
    metadata: { windlass: { onExhausted: park } } }\n- say: { set: { word: hello } }\n";

/// Publishes the template of the bench's jobs; its first version is the one that is there.
pub async fn publish_as(bench: &Bench, version: &str, tasks: &str) -> Arc<Program> {
    let source = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: noop, version: '{version}' }}\ndo:\n{tasks}"
    );
    let template = publish::check_source(&source, &Catalogue::builtin());
    let template = template.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let bundle = Bundle::from_json(&template.bundle).expect("a bundle");
    if version == "1.0.0" {
        sqlx::query("update template_version set bundle = $1")
            .bind(&template.bundle)
            .execute(&bench.pool)
            .await
            .expect("what the jobs run");
    } else {
        let published = bench.store.publish(1, template).await;
        published.expect("published");
    }
    Arc::new(Program::build(&bundle).expect("a program"))
}

pub const fn started() -> EventKind {
    EventKind::Started {
        attempt: 0,
        losses: 0,
    }
}

/// The step of [`STOPS`] fails for good.
pub fn stopped() -> EventKind {
    EventKind::Failed {
        activity: Activity(1),
        fault: Fault::standard("communication", 503, "answered 503"),
        again_after: None,
    }
}

/// What a claimed job writes when it goes as far as these events lead, and leaves its worker.
pub fn written(job: &Claimed, program: &Arc<Program>, kinds: &[EventKind]) -> NewEntry {
    let facts = JobFacts {
        id: job.id,
        nonce: job.nonce,
        input: Value::parse(&job.input).expect("JSON"),
        created_at: job.created_at,
        tenant: "1".into(),
        timeout: job.timeout,
        retry: None,
        item_key: None,
        batch: None,
    };
    let mut execution = Execution::new(program.clone(), facts);
    let at = job.claimed_at;
    for kind in kinds {
        let kind = kind.clone();
        execution.apply(Event { at, kind }).expect("it is legal");
        let mut turn = execution.seal().expect("it changed");
        if turn.entry.is_none() {
            execution.settle(turn);
            continue;
        }
        let mut new = NewEntry::of(job.id, job.lease, &mut turn, false);
        let due = execution.next_due();
        new.ending.get_or_insert(Ending::Rest { due });
        return new;
    }
    panic!("nothing was written");
}

/// So many jobs that rest, by a worker that is there.
pub async fn resting(bench: &Bench, jobs: usize) -> Vec<i64> {
    let program = publish_as(bench, "1.0.0", RESTS).await;
    bench.submit(jobs).await;
    let mut worker = bench.worker().await;
    let mut ids = Vec::new();
    while ids.len() < jobs {
        let claimed = worker.claim(jobs - ids.len()).await;
        assert!(!claimed.is_empty(), "{} of {jobs}", ids.len());
        let entries = claimed
            .iter()
            .map(|job| written(job, &program, &[started()]));
        let entries: Vec<NewEntry> = entries.collect();
        let exchanged = worker.record(&entries).await;
        assert_eq!(exchanged.refused, [] as [i64; 0]);
        ids.extend(claimed.iter().map(|job| job.id));
    }
    ids.sort_unstable();
    ids
}
