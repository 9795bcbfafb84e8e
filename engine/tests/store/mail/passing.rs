//! Signals that the one who has them does not want, and messages that are said twice.

use chrono::Utc;
use windlass_engine::Error;
use windlass_engine::protocol::{Occurrence, To};
use windlass_engine::store::{Claimed, Letter, LetterKind, NewEntry, Post, Signalled};

use crate::common::mail::{letters, resting, send, signal_to, unread, with_post};
use crate::common::{Bench, TestWorker, completed, journal};

/// Rests for the signal to `k` and gives up what it has.
async fn refusing(bench: &Bench, job: &Claimed, seq: i32, mark: i64) -> NewEntry {
    let mut entry = resting(job, seq, vec![signal_to("k")]);
    let letters = unread(bench, job.id).await;
    if let Some(post) = entry.post.as_mut() {
        post.mark = mark;
        post.spare = letters.iter().map(|letter| letter.id).collect();
    }
    entry
}

/// Sends the signal of the tests to a job.
async fn signal(bench: &Bench, job: i64) -> Result<Signalled, Error> {
    let signal = super::signal(To::Job(job), "go");
    bench.store.signal(1, signal).await
}

/// Letters that a job gives back.
fn letter(id: i64, data: &str) -> Letter {
    Letter {
        id,
        kind: LetterKind::Event,
        data: data.into(),
        at: Utc::now(),
    }
}

/// Something that happened.
fn says(source: &str, id: &str) -> Occurrence {
    Occurrence {
        kind: "order.paid".into(),
        id: id.into(),
        source: source.into(),
        subject: None,
        data: None,
        at: Utc::now(),
    }
}

/// Two jobs that rest for the signal to `k`, each with its own mark.
async fn two_at_rest(bench: &Bench) -> (TestWorker, [i64; 2]) {
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    for (job, mark) in jobs.iter().zip([5, 6]) {
        let entry = refusing(bench, job, 1, mark).await;
        worker.record(&[entry]).await;
    }
    (worker, [jobs[0].id, jobs[1].id])
}

#[tokio::test]
async fn a_signal_that_a_job_refused_goes_to_the_next_one_and_not_back() {
    let bench = Bench::new().await;
    let (mut worker, [one, other]) = two_at_rest(&bench).await;
    let taken = Signalled::Taken { job: one };
    assert_eq!(send(&bench.store, "k", "s1").await, taken);

    let job = worker.claim(1).await.remove(0);
    let entry = refusing(&bench, &job, 2, 5).await;
    worker.record(&[entry]).await;

    let kept = Signalled::Duplicate { job: None };
    assert_eq!(send(&bench.store, "k", "s1").await, kept);
    assert!(worker.claim(1).await.is_empty(), "both rest");
    assert_eq!(bench.store.pass_mail().await.expect("passed"), 1);
    assert_eq!(letters(&bench, other).await.len(), 1);

    // The other one does not want it either: it is kept, and nobody is woken for it again.
    let job = worker.claim(1).await.remove(0);
    assert_eq!(job.id, other);
    let entry = refusing(&bench, &job, 2, 6).await;
    worker.record(&[entry]).await;
    assert_eq!(bench.store.pass_mail().await.expect("passed"), 0);

    // With another listen the first one may want it.
    assert_eq!(send(&bench.store, "k", "s2").await, taken);
    let job = worker.claim(1).await.remove(0);
    let mut entry = resting(&job, 3, vec![signal_to("k")]);
    if let Some(post) = entry.post.as_mut() {
        post.mark = 9;
        post.taken = vec![unread(&bench, one).await[0].id];
    }
    worker.record(&[entry]).await;
    assert_eq!(bench.store.pass_mail().await.expect("passed"), 1);
    let letter = letters(&bench, one).await.remove(0);
    assert!(letter.contains("s1"), "{letter}");
}

#[tokio::test]
async fn a_running_job_does_not_collect_what_its_listens_refused() {
    let bench = Bench::new().await;
    let (mut worker, job) = super::claimed(&bench).await;
    send(&bench.store, "k", "s1").await;
    let causes = [signal_to("k")];
    let collect = |mark| bench.store.collect(1, job.id, job.lease, mark, &causes);
    assert_eq!(collect(5).await.expect("looked"), 1);
    let spare = vec![unread(&bench, job.id).await[0].id];
    let said = Post {
        spare,
        mark: 5,
        ..Post::default()
    };
    worker.record(&[with_post(journal(&job, 1), said)]).await;

    assert_eq!(collect(5).await.expect("looked"), 0);
    assert_eq!(collect(6).await.expect("looked"), 1);
}

#[tokio::test]
async fn a_repeated_signal_has_its_first_answer_after_its_job_has_ended() {
    let bench = Bench::new().await;
    let (mut worker, job) = super::claimed(&bench).await;
    let me = format!("j_{}", job.id);
    worker
        .record(&[resting(&job, 1, vec![signal_to(&me)])])
        .await;
    let first = signal(&bench, job.id).await.expect("sent");
    assert_eq!(first, Signalled::Taken { job: job.id });
    let job = worker.claim(1).await.remove(0);
    worker.record(&[completed(&job)]).await;

    let again = signal(&bench, job.id).await.expect("known");

    assert_eq!(again, Signalled::Duplicate { job: Some(job.id) });
}

#[tokio::test]
async fn a_letter_with_a_zero_character_can_be_given_back() {
    let bench = Bench::new().await;
    let (mut worker, job) = super::claimed(&bench).await;
    let returned = vec![
        letter(7, r#"{"id":"s1","subject":"k","data":"\u0000"}"#),
        letter(8, r#"{"id":"\u0000","subject":"k"}"#),
    ];
    let said = Post {
        returned,
        ..Post::default()
    };

    let exchanged = worker.record(&[with_post(journal(&job, 1), said)]).await;

    assert!(exchanged.refused.is_empty());
    assert_eq!(letters(&bench, job.id).await.len(), 2);
}

#[tokio::test]
async fn two_events_whose_sources_and_ids_read_alike_are_two() {
    let bench = Bench::new().await;
    let all = vec![says("a b", "c"), says("a", "b c"), says("a%20b", "c")];
    bench.store.tell(1, all).await.expect("told");

    assert_eq!(bench.count("select count(*) from event").await, 3);
    bench
        .store
        .tell(1, vec![says("a b", "c")])
        .await
        .expect("told");
    assert_eq!(bench.count("select count(*) from event").await, 3);
}
