//! Which jobs and batches touched a context: noted where it happens, each once, and read from both ends.

use std::time::Duration;

use crate::common::contexts::{a_save, saving, whole};
use crate::common::{Bench, TestWorker};
use windlass_engine::Error;
use windlass_engine::store::{Claimed, Expected, Toucher};

const BATCH: i64 = 7;

/// A context `k`, and four leased jobs, of which the first two belong to a batch.
async fn four_jobs() -> (Bench, TestWorker, Vec<Claimed>) {
    let bench = Bench::new().await;
    let change = whole(Expected::Absent, "{}");
    let made = bench.store.change_context(1, "k", change, "mia").await;
    made.expect("made");
    bench.submit(4).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(4).await;
    let sql = "update job set batch = $1 where id in ($2, $3)";
    let joined = sqlx::query(sql).bind(BATCH).bind(jobs[0].id);
    let joined = joined.bind(jobs[1].id).execute(&bench.pool).await;
    joined.expect("they are of a batch");
    (bench, worker, jobs)
}

async fn read(bench: &Bench, key: &str, job: i64) -> bool {
    let found = bench.store.read_context(1, key, job).await;
    found.expect("read").is_some()
}

/// Kind, number and word of what touched `k`, sorted.
async fn references(bench: &Bench, kind: Option<&str>) -> Vec<(&'static str, i64, String)> {
    let page = bench
        .store
        .context_references((1, "k"), kind, None, 100)
        .await;
    let items = page.expect("known").items.into_iter();
    let mut found: Vec<_> = items
        .map(|one| (one.who.kind(), one.who.id(), one.what))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_change_is_noted_for_job_and_batch_and_a_read_for_the_batch_alone() {
    let (bench, mut worker, jobs) = four_jobs().await;
    let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    let save = |n: usize| saving(&jobs[n], 1, vec![a_save(r#"{"a":1}"#)]);

    worker.record(&[save(0), save(1), save(2)]).await;
    for job in [ids[0], ids[1], ids[3], ids[3]] {
        assert!(read(&bench, "k", job).await);
    }

    let (change, of_read) = ("change".to_owned(), "read".to_owned());
    let wanted = [
        ("batch", BATCH, change.clone()),
        ("batch", BATCH, of_read.clone()),
        ("job", ids[0], change.clone()),
        ("job", ids[1], change.clone()),
        ("job", ids[2], change),
        ("job", ids[3], of_read),
    ];
    assert_eq!(references(&bench, None).await, wanted);
    assert_eq!(references(&bench, Some("batch")).await, wanted[..2]);
    assert_eq!(references(&bench, Some("job")).await, wanted[2..]);
    let by = Toucher::Batch(BATCH);
    let first = bench.store.touched_contexts(1, by, None, 1).await;
    let first = first.expect("a page");
    assert_eq!(first.items[0].key, "k");
    let rest = bench.store.touched_contexts(1, by, first.next, 1).await;
    let rest = rest.expect("a page");
    assert_eq!((rest.items[0].what.as_str(), rest.next), ("read", None));
}

/// Nobody waits for another one's touch, and none leaves a dead row.
#[tokio::test]
async fn what_is_noted_already_is_neither_written_nor_locked_again() {
    let (bench, mut worker, jobs) = four_jobs().await;
    let save = |seq| saving(&jobs[0], seq, vec![a_save("{}")]);
    worker.record(&[save(1)]).await;
    assert!(read(&bench, "k", jobs[0].id).await);
    let rows = "select sum(xmin::text::bigint + xmax::text::bigint)::bigint from context_reference";
    let before = bench.count(rows).await;

    worker.record(&[save(2)]).await;
    let mut other = bench.pool.begin().await.expect("a transaction");
    let held = sqlx::query("select from context_reference for update");
    held.execute(&mut *other).await.expect("held");
    assert!(read(&bench, "k", jobs[1].id).await, "it waits for nobody");
    other.rollback().await.expect("let go");

    assert_eq!(bench.count("select count(*) from context_change").await, 3);
    let kept = "select count(*) from context_reference";
    assert_eq!(bench.count(kept).await, 3);
    let written = "select sum(xmin::text::bigint)::bigint from context_reference";
    assert!(bench.count(written).await <= before);
}

#[tokio::test]
async fn who_found_nothing_or_lost_its_lease_has_touched_nothing() {
    let (bench, mut worker, jobs) = four_jobs().await;
    worker.complete(&jobs[..1]).await;
    let late = saving(&jobs[0], 1, vec![a_save(r#"{"lost":1}"#)]);

    assert_eq!(worker.record(&[late]).await.refused, [jobs[0].id]);
    assert!(!read(&bench, "nobody's", jobs[1].id).await);
    assert!(read(&bench, "k", i64::MAX).await, "there is no such job");

    assert_eq!(references(&bench, None).await, []);
    let nobody = bench
        .store
        .context_references((1, "nobody's"), None, None, 10);
    assert!(matches!(nobody.await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn pages_begin_with_the_last_and_leave_nothing_out() {
    let (bench, _worker, _jobs) = four_jobs().await;
    let rows = "insert into context_reference (tenant, key, kind, id, what, at)
                select 1, 'k', case when n % 3 = 0 then 'batch' else 'job' end, n / 2,
                       case when n % 2 = 0 then 'read' else 'change' end, now() - make_interval(secs => n / 10)
                from generate_series(1, 60) n";
    let told = sqlx::query(rows).execute(&bench.pool).await;
    told.expect("sixty");

    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = bench.store.context_references((1, "k"), None, before, 7);
        let page = page.await.expect("known");
        seen.extend(page.items);
        before = page.next;
        if before.is_none() {
            break;
        }
    }

    assert!(seen.windows(2).all(|pair| pair[0].at >= pair[1].at));
    let mut told: Vec<_> = seen
        .iter()
        .map(|one| (one.who.kind(), one.who.id(), &one.what))
        .collect();
    told.sort();
    told.dedup();
    assert_eq!((seen.len(), told.len()), (60, 60));
}

#[tokio::test]
async fn references_are_forgotten_by_age() {
    let (bench, _worker, jobs) = four_jobs().await;
    assert!(read(&bench, "k", jobs[2].id).await);
    let old = "insert into context_reference select tenant, key, kind, id + 1, what, at - interval '91 days'
               from context_reference";
    sqlx::query(old).execute(&bench.pool).await.expect("an old");

    let quarter = Duration::from_secs(90 * 86_400);
    let forgotten = bench.store.forget_references(quarter).await;

    assert_eq!(forgotten.expect("looked"), 1);
    let left = references(&bench, None).await;
    assert_eq!(left, [("job", jobs[2].id, "read".to_owned())]);
}
