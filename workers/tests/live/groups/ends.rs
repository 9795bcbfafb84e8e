//! Groups that end before their end, and what is known of them until then.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use windlass_engine::protocol::Flight;
use windlass_workers::catalogue::Catalogue;

use crate::common::{LEASE_TIME, Site};
use crate::groups::stage::{LISTENS, items, map_of};
use crate::groups::{Counted, counting};

#[tokio::test]
async fn at_most_so_many_are_open_and_explain_says_how_many_are_done() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish("maps", &map_of("listens", "parallel: 2"))
        .await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.keep(LEASE_TIME);
    let job = site.map(&items(4)).await;
    site.until_count("select count(*) from wait where n = 0", 3)
        .await;
    assert_eq!(
        site.count("select count(*) from job where parent is not null")
            .await,
        2
    );

    let first = site.count("select min(job) from child").await;
    site.store.kill(1, first, "mia", "").await.expect("killed");

    site.until(job, "failed").await;
    let result: Value = serde_json::from_str(&site.result(job).await).expect("JSON");
    assert_eq!(
        result["title"],
        json!("1 of 4 items failed; 0 are tolerated")
    );
    site.until_count("select count(*) from outcome where kind = 'cancelled'", 2)
        .await;
    assert_eq!(
        site.count("select count(*) from job where parent is not null")
            .await,
        2
    );
    site.has_no_group().await;
}

#[tokio::test]
async fn explain_counts_the_jobs_of_a_group() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish(
        "maps",
        &map_of("listens", "parallel: 2\n        tolerate: { percent: 100 }"),
    )
    .await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.keep(LEASE_TIME);
    let job = site.map(&items(4)).await;
    site.until_count("select count(*) from wait where n = 0", 3)
        .await;
    let first = site.count("select min(job) from child").await;
    site.store.kill(1, first, "mia", "").await.expect("killed");
    site.until_count("select count(*) from job where parent is not null", 3)
        .await;

    let reasons = site
        .store
        .explain(1, job, LEASE_TIME)
        .await
        .expect("explained");

    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    assert_eq!(
        texts,
        ["it waits for 4 jobs: 1 have ended, 1 of them badly; 2 are open"]
    );
}

/// A job that works on six items, of which two are open and rest, as it does.
async fn with_two_open() -> (Site, i64) {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let maps = map_of("listens", "parallel: 2");
    site.publish("maps", &maps).await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.keep(LEASE_TIME);
    let job = site.map(&items(6)).await;
    let resting = "select count(*) from wait where n = 0";
    site.until_count(resting, 3).await;
    (site, job)
}

/// The job and its two items, and no item was made after them.
async fn three_are_cancelled(site: &Site) {
    let cancelled = "select count(*) from outcome where kind = 'cancelled'";
    site.until_count(cancelled, 3).await;
    assert_eq!(site.count("select count(*) from job").await, 3);
    site.has_no_group().await;
}

#[tokio::test]
async fn a_parent_that_is_cancelled_takes_its_items_along_and_starts_no_more() {
    let (site, job) = with_two_open().await;

    site.store
        .cancel(1, job, "mia", "enough")
        .await
        .expect("asked");

    site.until(job, "cancelled").await;
    three_are_cancelled(&site).await;
}

#[tokio::test]
async fn a_parent_that_is_killed_takes_its_items_along() {
    let (site, job) = with_two_open().await;

    site.store
        .kill(1, job, "mia", "enough")
        .await
        .expect("killed");

    three_are_cancelled(&site).await;
}

#[tokio::test]
async fn a_map_that_takes_too_long_is_given_up_with_what_is_open_of_it() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let map = map_of("listens", "parallel: 2") + "      timeout: { after: PT1S }\n";
    site.publish("maps", &map).await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.keep(LEASE_TIME);

    let job = site.map(&items(6)).await;

    site.until(job, "failed").await;
    site.until_count("select count(*) from outcome where kind = 'cancelled'", 2)
        .await;
    assert_eq!(site.count("select count(*) from job").await, 3);
    site.has_no_group().await;
}

const FIRST: &str = "
  - first:
      call: count:1.0.0@default
      with: { n: 1 }
      output: { as: '${ $workflow.input }' }
";

#[tokio::test]
async fn a_job_that_goes_back_out_of_a_map_closes_it_and_opens_another() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let map = map_of("listens", "parallel: 2");
    site.publish("maps", &format!("{FIRST}{map}")).await;
    let counted = Counted::default();
    site.work(counting(&counted), LEASE_TIME);
    site.keep(LEASE_TIME);
    let job = site.map(&items(6)).await;
    let resting = "select count(*) from wait where n = 0";
    site.until_count(resting, 3).await;
    let flight = Flight::Rewind { to: "first".into() };

    let preview = site.store.preview_flight(1, job, &flight).await;
    let preview = preview.expect("a preview");
    assert_eq!(preview.stops, ["/do/1/each"]);
    let by = ("mia", "other items");
    let flown = site.store.fly(1, job, &flight, &preview.token, by).await;
    flown.expect("it goes back");

    site.until_count("select count(*) from outcome where kind = 'cancelled'", 2)
        .await;
    site.until_count("select count(*) from child_group", 1)
        .await;
    site.until_count(resting, 3).await;
    assert_eq!(counted.runs.load(Ordering::SeqCst), 2);
    assert_eq!(site.count("select count(*) from job").await, 5);
    let killed = site.store.kill(1, job, "mia", "enough").await;
    killed.expect("killed");
    site.has_no_group().await;
}

#[tokio::test]
async fn a_group_that_goes_on_alone_is_done_although_its_parent_is_gone() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish(
        "maps",
        &map_of(
            "listens",
            "parallel: 2\n        onParentClose: abandon\n        tolerate: { count: 9 }",
        ),
    )
    .await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.keep(LEASE_TIME);
    let job = site.map(&items(4)).await;
    site.until_count("select count(*) from wait where n = 0", 3)
        .await;

    let killed = site.store.kill(1, job, "mia", "enough").await;
    killed.expect("killed");

    for left in [2, 2, 2, 1] {
        let resting = "select count(*) from wait where n = 0";
        site.until_count(resting, left).await;
        let first = site.count("select min(job) from wait").await;
        site.store.kill(1, first, "mia", "").await.expect("killed");
    }
    site.has_no_group().await;
    assert_eq!(site.count("select count(*) from job").await, 5);
}

#[tokio::test]
async fn the_jobs_of_a_group_stand_where_the_step_says() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let map =
        map_of("listens", "") + "      metadata: { windlass: { queue: bulk, priority: low } }\n";
    site.publish("maps", &map).await;
    site.work(Catalogue::new(), LEASE_TIME);

    site.map(&items(2)).await;

    let placed = "select count(*) from job join lane on lane.id = job.lane where queue = 'bulk'";
    site.until_count(placed, 2).await;
}
