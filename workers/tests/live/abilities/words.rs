//! What a template says of its jobs and steps beside what they do.

use windlass_engine::testing::application;
use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

const LANE: &str = ", metadata: { windlass: { lane: '${ .campaign }' } }";
const WAITS: &str = "do: [ { rest: { wait: PT1H } } ]";
/// Starts a child with a job's own input.
const STARTS: &str = "do:
- start:
    run: { workflow: { namespace: test, name: waits, version: '1.0.0', input: { campaign: '${ .child.campaign }' } } }\n";

/// How many children of each template stand in these lanes.
const WAIT_IN_SPRING: &str = "select count(*) from job join lane on lane.id = job.lane
    where lane.template = 'test.waits' and lane.grp = '1/spring' and job.parent is not null";
const ITEMS_IN_SPRING: &str = "select count(*) from job join lane on lane.id = job.lane
    where lane.template = 'test.maps' and lane.grp = '1/spring' and job.parent is not null";
const CHILDREN_IN_CARE: &str = "select count(*) from job join lane on lane.id = job.lane
    where lane.purpose = 'care' and lane.grp = '1/care' and job.parent is not null";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_placed_in_the_lane_that_its_template_reads_from_its_input() {
    let site = Site::new().await;
    site.publish("waits", LANE, WAITS).await;
    site.publish("starts", "", STARTS).await;
    let placed = "do:
- start:
    run: { workflow: { namespace: test, name: waits, version: '1.0.0', input: { campaign: '${ .child.campaign }' } } }
    metadata: { windlass: { queue: slow } }\n";
    site.publish("places", "", placed).await;
    let input = r#"{"child":{"campaign":"spring"}}"#;
    let parents = [
        site.submit("starts", input).await,
        site.submit("places", input).await,
    ];
    site.work(Secrets::new());

    for parent in parents {
        let child = site.child_of(parent).await;
        site.until(child, "waiting").await;
    }

    assert_eq!(site.crowd.count(WAIT_IN_SPRING).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_whose_input_gives_no_lane_fails_the_step_that_starts_it() {
    let site = Site::new().await;
    site.publish("waits", LANE, WAITS).await;
    site.publish("starts", "", STARTS).await;
    let parent = site.submit("starts", r#"{"child":{}}"#).await;

    site.work(Secrets::new());
    let problem = site.result(parent, "failed").await;

    assert!(
        problem.contains("the template's lane is no text: null"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_a_map_share_the_lane_of_the_job_that_they_are_a_part_of() {
    let site = Site::new().await;
    let maps = "do:
- each: { call: 'map:1.0.0@default', with: { items: [ 1, 2, 3 ], call: 'does:1.0.0@default' } }\n";
    site.publish("maps", LANE, maps).await;
    let parent = site.submit("maps", r#"{"campaign":"spring"}"#).await;

    site.work(Secrets::new());
    site.result(parent, "completed").await;

    assert_eq!(site.crowd.count(ITEMS_IN_SPRING).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_and_an_item_serve_the_purpose_that_their_template_names() {
    let site = Site::new().await;
    let purpose = "windlass: v1\nkind: Purpose\nname: care\ntemplate: test.waits\npriority: high\n";
    let serving = ", metadata: { windlass: { purpose: care } }";
    site.publish("waits", "", WAITS).await;
    let applied = site.store.apply(application(&[purpose])).await;
    applied.expect("applied");
    site.publish_as("waits", "1.1.0", serving, WAITS).await;
    let starts = STARTS.replace("1.0.0", "1.1.0");
    site.publish("starts", "", &starts).await;
    let maps = "do:
- each: { call: 'map:1.0.0@default', with: { items: [ 1, 2 ], call: 'does:1.0.0@default' } }\n";
    site.publish("maps", serving, maps).await;
    let starter = site.submit("starts", r#"{"child":{}}"#).await;
    let mapper = site.submit("maps", "{}").await;

    site.work(Secrets::new());
    site.result(mapper, "completed").await;
    let child = site.child_of(starter).await;
    let view = site.until(child, "waiting").await;

    assert_eq!(view.purpose, "care");
    assert_eq!(view.template, "test.waits@1.1.0");
    assert_eq!(site.crowd.count(CHILDREN_IN_CARE).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_is_told_whom_its_step_is_about_and_a_job_says_its_stage() {
    let site = Site::new().await;
    let tasks = "use:
  functions:
    tell: { call: 'tells:1.0.0@default', with: {}, metadata: { windlass: { stage: telling } } }
do:
- about: { call: tell, with: {}, metadata: { windlass: { subject: '${ .who }' } }, export: { as: '{ first: .about }' } }
- nobody: { call: tell, with: {}, export: { as: '$context + { second: .about }' } }
- rest:
    do:
    - long: { wait: PT1H }
    metadata: { windlass: { stage: resting } }
- show: { set: '${ $context }' }\n";
    site.publish("tells", "", tasks).await;
    let job = site.submit("tells", r#"{"who":"mia"}"#).await;
    site.work(Secrets::new());

    let view = site.until(job, "waiting").await;

    let stages = site.store.stages_of(1, &view).await.expect("stages");
    assert_eq!(stages, ["resting"]);
    let stages = site.store.stages(1, &view.template).await.expect("stages");
    assert_eq!(stages.at("/do/0/about"), Some("telling"));
    let journal = site
        .store
        .journal(1, job, 0, 10)
        .await
        .expect("a page")
        .items;
    let about = r#""now_at":"/do/0/about","subject":"mia""#;
    let told = journal.iter().filter(|entry| entry.data.contains(about));
    assert_eq!(told.count(), 1);
    let context = r#"{"first":"mia","second":null}"#;
    assert!(journal.last().expect("an entry").data.contains(context));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_that_is_no_text_fails_a_step_and_can_be_caught() {
    let site = Site::new().await;
    let tasks = "do:
- attempt:
    try: [ { about: { call: 'tells:1.0.0@default', with: {}, metadata: { windlass: { subject: '${ .who }' } } } } ]
    catch: { do: [ { note: { set: { why: '${ $error.title }' } } } ] }\n";
    site.publish("tells", "", tasks).await;
    let job = site.submit("tells", r#"{"who":7}"#).await;

    site.work(Secrets::new());

    let result = site.result(job, "completed").await;
    assert_eq!(result, r#"{"why":"`subject` is no text: 7"}"#);
}
