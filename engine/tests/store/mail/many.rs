//! What does not fit one page: letters, jobs that wait for one event, children.

use std::time::{Duration, Instant};

use windlass_engine::store::{Claimed, NewEvent, Post, Unread};

use crate::common::mail::{
    PAID, an_event, letters, paid, resting, send, signal_to, tell, unread, with_post,
};
use crate::common::{Bench, TestWorker, journal};

const AT_REST: &str = "select count(*) from wait where n = 0";

/// What others have done.
async fn run(bench: &Bench, sql: &'static str) {
    let done = sqlx::raw_sql(sql).execute(&bench.pool).await;
    done.expect("the statement runs");
}

/// Writes events and publishes what there is.
async fn publish(bench: &Bench, events: &[NewEvent]) {
    let written = bench.store.append_events(1, events).await;
    written.expect("written");
    let published = bench.store.publish_events().await;
    published.expect("published");
}

/// Every letter of a job that listens with this mark, page by page; how many pages.
async fn read_all(bench: &Bench, job: i64, mark: i64) -> (Vec<i64>, usize) {
    let (mut known, mut pages) = (Vec::new(), 0);
    loop {
        let unread = Unread {
            mark,
            known: &known,
            of_children: false,
        };
        let read = bench.store.letters(job, unread).await.expect("read");
        pages += 1;
        known.extend(read.page.iter().map(|letter| letter.id));
        if !read.more {
            return (known, pages);
        }
        assert!(pages < 10, "pages come to an end");
    }
}

/// Rests for the signal to `k`; its listens have refused these.
async fn rest(worker: &mut TestWorker, job: &Claimed, seq: i32, mark: i64, seen: Vec<i64>) {
    let mut entry = resting(job, seq, vec![signal_to("k")]);
    if let Some(post) = entry.post.as_mut() {
        (post.mark, post.seen) = (mark, seen);
    }
    assert!(worker.record(&[entry]).await.refused.is_empty());
}

#[tokio::test]
async fn the_newest_of_very_many_letters_are_read_and_refused_ones_are_not_read_again() {
    let bench = Bench::new().await;
    let (mut worker, job) = super::claimed(&bench).await;
    run(&bench, "insert into inbox (job, kind, data) select id, 'event', '{}' from job, generate_series(1, 2500)").await;

    let (seen, pages) = read_all(&bench, job.id, 7).await;
    assert_eq!((seen.len(), pages), (2_500, 3));

    rest(&mut worker, &job, 1, 7, seen).await;
    assert_eq!(bench.count(AT_REST).await, 1, "nothing here is news");
    send(&bench.store, "k", "s1").await;
    let job = worker.claim(1).await.remove(0);
    let (news, _) = read_all(&bench, job.id, 7).await;
    assert_eq!(news.len(), 1, "the same listens refused the others");
    let (all, _) = read_all(&bench, job.id, 8).await;
    assert_eq!(all.len(), 2_501, "another listen may want them");

    rest(&mut worker, &job, 2, 8, news).await;
    assert_eq!(bench.count(AT_REST).await, 0, "it has not judged them");
}

#[tokio::test]
async fn large_letters_come_few_at_a_time() {
    let bench = Bench::new().await;
    let (_worker, job) = super::claimed(&bench).await;
    run(&bench, "insert into inbox (job, kind, data)
         select id, 'event', '{\"data\":\"' || repeat('x', 1000000) || '\"}' from job, generate_series(1, 20)").await;

    let (read, pages) = read_all(&bench, job.id, 7).await;

    assert_eq!(read.len(), 20);
    assert!(pages >= 2, "{pages}");
}

/// Jobs that rest for the event of subject `a`.
async fn listeners(bench: &Bench, count: usize) -> Vec<i64> {
    bench.submit(count).await;
    let mut worker = bench.worker().await;
    let mut ids = Vec::new();
    while ids.len() < count {
        let jobs = worker.claim(1_000).await;
        let entries: Vec<_> = jobs
            .iter()
            .map(|job| resting(job, 1, vec![paid("a")]))
            .collect();
        for some in entries.chunks(200) {
            assert!(worker.record(some).await.refused.is_empty());
        }
        ids.extend(jobs.iter().map(|job| job.id));
    }
    ids
}

#[tokio::test]
async fn a_large_event_is_written_once_however_many_jobs_wait_for_it() {
    let bench = Bench::new().await;
    let jobs = listeners(&bench, 2_500).await;
    let text = format!(r#"{{"id":"e1","data":"{}"}}"#, "x".repeat(100_000));
    let event = NewEvent {
        data: text.clone(),
        ..an_event("a", "e1")
    };

    publish(&bench, &[event]).await;

    let copies = "select coalesce(sum(octet_length(data)), 0)::int8 from inbox";
    assert_eq!(bench.count(copies).await, 0);
    assert_eq!(bench.count(AT_REST).await, 0, "all were woken");
    assert_eq!(letters(&bench, jobs[1_700]).await, [text]);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn an_event_whose_publisher_died_wakes_its_listeners_all_the_same() {
    let bench = Bench::new().await;
    listeners(&bench, 3).await;
    // What a publisher leaves that dies between its two statements.
    run(&bench, "insert into event (pos, tenant, kind, subject, data, at) values (1, 1, 'order.paid', 'a', '{}', now());
         update event_head set pos = 1").await;
    let due = bench.store.duties_due(crate::common::LEASE_TIME).await;
    assert!(due.expect("looked").duties.contains(&"mail".to_owned()));

    assert_eq!(bench.store.pass_mail().await.expect("passed"), 3);

    assert_eq!(bench.count(AT_REST).await, 0);
    assert_eq!(bench.count("select count(*) from inbox").await, 3);
    assert_eq!(bench.store.pass_mail().await.expect("passed"), 0);
}

#[tokio::test]
async fn many_events_at_once_are_all_told_and_each_only_once() {
    let bench = Bench::new().await;
    let job = listeners(&bench, 1).await.remove(0);
    let events: Vec<NewEvent> = (0..250).map(|n| an_event("a", &format!("e{n}"))).collect();
    publish(&bench, &events).await;

    let mut worker = bench.worker().await;
    let mut told = 0;
    for seq in 2.. {
        let Some(held) = worker.claim(1).await.pop() else {
            break;
        };
        let news = unread(&bench, job).await;
        told += news.len();
        let mut entry = resting(&held, seq, vec![paid("a"), paid("")]);
        if let Some(post) = entry.post.as_mut() {
            post.taken = news.iter().map(|letter| letter.id).collect();
        }
        worker.record(&[entry]).await;
    }

    assert_eq!(told, 250);
    assert_eq!(tell(&bench.store, "a", "another").await, 1);
    assert_eq!(letters(&bench, job).await.len(), 1);
}

#[tokio::test]
async fn events_that_are_older_than_the_log_are_gone() {
    let bench = Bench::new().await;
    let job = listeners(&bench, 1).await.remove(0);
    tell(&bench.store, "a", "e1").await;
    run(&bench, "delete from event").await;

    let letter = unread(&bench, job).await.remove(0);

    assert_eq!(letter.kind, windlass_engine::store::LetterKind::Gone);
    assert_eq!(letter.data, "");
}

#[tokio::test]
async fn all_children_that_ended_are_told_of_in_one_pass() {
    let bench = Bench::new().await;
    let (_worker, job) = super::claimed(&bench).await;
    run(
        &bench,
        "insert into child (job, parent, activity, awaited, on_close)
             select 1000000 + n, id, n, true, 'wait' from job, generate_series(1, 1500) n;
         insert into outcome (first_id, last_id, tenant, lane, kind)
             select job, job, 1, 1, 'failed' from child",
    )
    .await;

    assert_eq!(bench.store.tell_parents().await.expect("told"), 1_500);

    let (told, _) = read_all(&bench, job.id, 0).await;
    assert_eq!(told.len(), 1_500);
}

#[tokio::test]
async fn children_that_nobody_wants_are_asked_in_one_pass_or_for_a_second() {
    let bench = Bench::new().await;
    bench.submit(250).await;
    run(
        &bench,
        "insert into child (job, parent, activity, awaited, on_close, closing_at)
         select id, 1, 1, false, 'cancel', now() from job",
    )
    .await;

    let since = Instant::now();
    bench.store.close_children().await.expect("closed");

    let left = "select count(*) from child where closing_at is not null";
    let is_through = bench.count(left).await == 0;
    assert!(is_through || since.elapsed() > Duration::from_secs(1));
}

#[tokio::test]
async fn a_flush_that_was_rolled_back_has_not_shown_that_journals_have_no_gaps() {
    let bench = Bench::new().await;
    let (_, job) = super::claimed(&bench).await;
    let mut worker = bench.worker().await;
    let wrong = NewEvent {
        kind: format!("{PAID}\0"),
        ..an_event("a", "e1")
    };
    let entry = with_post(
        journal(&job, 1),
        Post {
            events: vec![wrong],
            ..Post::default()
        },
    );
    let failed = worker.hot.exchange(worker.id, &[entry], None).await;
    failed.expect_err("Postgres has no such text");

    let exchanged = worker.record(&[journal(&job, 5)]).await;

    assert_eq!(exchanged.refused, [job.id]);
    assert!(worker.record(&[journal(&job, 1)]).await.refused.is_empty());
}
