//! Batches whose job ends first, and what is known of them until then.

use windlass_engine::protocol::Flight;
use windlass_workers::catalogue::Catalogue;

use crate::batches::stage::{LISTENS, MEMBERS_CANCELLED, RESTING, batch_of, items, tried};
use crate::common::{LEASE_TIME, Site};

/// A job that waits for a batch of six, of which two are let go and rest, as it does.
async fn with_two_open(more: &str) -> (Site, i64) {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish(
        "runs",
        &batch_of("listens", &format!("parallel: 2\n        {more}")),
    )
    .await;
    site.run(LEASE_TIME);
    let job = site.run_of(&items(6, 0)).await;
    site.until_count(RESTING, 3).await;
    (site, job)
}

async fn all_is_cancelled(site: &Site) {
    let batch = site.until_batch("cancelled").await;
    assert_eq!(
        batch
            .reason
            .as_deref()
            .map(|why| why.contains("does not want it")),
        Some(true)
    );
    site.until_count(MEMBERS_CANCELLED, 6).await;
    site.has_no_batch().await;
}

#[tokio::test]
async fn a_job_that_waits_says_for_which_batch_and_how_far_it_is() {
    let (site, job) = with_two_open("tolerate: { count: 9 }").await;
    let member = site
        .count("select min(id) from job where batch is not null")
        .await;
    site.store.kill(1, member, "mia", "").await.expect("killed");
    site.until_count("select released from batch", 3).await;
    let batch = site.batch().await;

    let reasons = site.store.explain(1, job, LEASE_TIME).await;

    let reasons = reasons.expect("explained");
    let said: Vec<(&str, &str)> = reasons
        .iter()
        .map(|reason| (reason.code, &*reason.text))
        .collect();
    let text = format!(
        "it waits for its batch b_{}, which is releasing: 1 of 6 jobs have ended, 0 of them badly",
        batch.id
    );
    assert_eq!(said, [("batch", &*text)]);
    let waits = site.job(job).await.waits;
    let shown = (waits[0].kind.as_deref(), waits[0].key.as_deref());
    assert_eq!(shown, (Some("batch"), Some(&*format!("b_{}", batch.id))));
}

#[tokio::test]
async fn a_job_that_is_cancelled_takes_its_batch_along() {
    let (site, job) = with_two_open("").await;

    let asked = site.store.cancel(1, job, "mia", "enough").await;

    asked.expect("asked");
    site.until(job, "cancelled").await;
    all_is_cancelled(&site).await;
}

#[tokio::test]
async fn a_job_that_is_killed_takes_its_batch_along() {
    let (site, job) = with_two_open("").await;

    let killed = site.store.kill(1, job, "mia", "enough").await;

    killed.expect("killed");
    all_is_cancelled(&site).await;
}

#[tokio::test]
async fn a_step_that_takes_too_long_gives_its_batch_up() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let step = batch_of("listens", "parallel: 2") + "      timeout: { after: PT2S }\n";
    site.publish("runs", &tried(&step)).await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(6, 0)).await;

    assert_eq!(site.gives(job).await["status"], 408);
    all_is_cancelled(&site).await;
}

#[tokio::test]
async fn a_batch_that_goes_on_alone_is_not_cancelled_with_its_job() {
    for by_kill in [false, true] {
        let (site, job) = with_two_open("onParentClose: abandon").await;

        let ended = match by_kill {
            true => site.store.kill(1, job, "mia", "enough").await,
            false => site.store.cancel(1, job, "mia", "enough").await,
        };
        ended.expect("it ends");
        site.until(job, "cancelled").await;

        site.until_count("select count(*) from child_batch where not over", 0)
            .await;
        site.until_count(RESTING, 2).await;
        assert_eq!(site.batch().await.state, "releasing");
        assert_eq!(site.count(MEMBERS_CANCELLED).await, 0);
    }
}

#[tokio::test]
async fn a_batch_that_nobody_awaits_is_cancelled_with_its_job_if_it_says_so() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let step = batch_of("listens", "await: false\n        onParentClose: cancel");
    site.publish("runs", &step).await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(6, 0)).await;

    site.gives(job).await;
    let batch = site.until_batch("cancelled").await;
    let why = batch.reason.as_deref();
    assert_eq!(why.map(|why| why.contains("does not want it")), Some(true));
    site.has_no_batch().await;
}

#[tokio::test]
async fn a_job_that_goes_back_out_of_a_batch_closes_it_and_opens_another() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let first = "
  - first: { wait: { milliseconds: 10 } }
";
    let runs = format!("{first}{}", batch_of("listens", "parallel: 2"));
    site.publish("runs", &runs).await;
    site.run(LEASE_TIME);
    let job = site.run_of(&items(6, 0)).await;
    site.until_count(RESTING, 3).await;
    let before = site.batch().await.id;
    let flight = Flight::Rewind { to: "first".into() };

    let preview = site.store.preview_flight(1, job, &flight).await;
    let preview = preview.expect("a preview");
    assert_eq!(preview.stops, ["/do/1/all"]);
    let by = ("mia", "again");
    let flown = site.store.fly(1, job, &flight, &preview.token, by).await;
    flown.expect("it goes back");

    let cancelled =
        format!("select count(*) from batch where id = {before} and state = 'cancelled'");
    site.until_count(&cancelled, 1).await;
    site.until_count("select count(*) from child_batch where not over", 1)
        .await;
    site.until_count(RESTING, 3).await;
    assert_eq!(site.count("select count(*) from batch").await, 2);
}

#[tokio::test]
async fn a_batch_that_ended_while_nobody_looked_is_told_by_the_next_keeper() {
    let site = Site::new().await;
    site.publish("member", crate::batches::stage::MEMBER).await;
    site.publish("runs", &batch_of("member", "")).await;
    site.work(Catalogue::new(), LEASE_TIME);
    let job = site.run_of(&items(3, 0)).await;
    site.until_count(RESTING, 1).await;
    // A keeper that dies after each of its deeds.
    site.store.plan().await.expect("planned");
    site.store.release().await.expect("released");
    site.until_count("select coalesce(sum(n), 0)::int8 from tally", 3)
        .await;
    site.store.finish().await.expect("finished");
    assert_eq!(site.job(job).await.state.as_str(), "waiting");
    assert_eq!(site.store.tell_of_batches().await.expect("told"), 1);
    assert_eq!(site.store.tell_of_batches().await.expect("told"), 0);

    site.until(job, "completed").await;

    site.keep(LEASE_TIME);
    site.has_no_batch().await;
}
