//! Applying documents: checked whole, one transaction, idempotent.

use std::collections::BTreeMap;
use std::io::Cursor;

use chrono::{DateTime, Utc};
use windlass_engine::protocol::Action;
use windlass_engine::protocol::apply::{Application, ApplyReport};
use windlass_engine::protocol::load::ReadSeek;
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter};
use windlass_engine::testing::{TestDatabase, application};
use windlass_engine::vocabulary::ConfigurationKind;
use windlass_engine::{Error, Store};
use windlass_workflows::document::hash::hash_value;
use windlass_workflows::problem::Problem;

const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
const PURPOSE: &str = "windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\n";
const CATEGORY: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    data: { file: birds.csv }\n";
const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: object\nschedule: { interval: 1h }\n";

/// Applies texts, each a file of its own, with `csv` beside the category.
async fn apply_with(
    store: &Store,
    texts: &[&str],
    csv: &str,
    dry_run: bool,
) -> Result<ApplyReport, Error> {
    let reader: Box<dyn ReadSeek> = Box::new(Cursor::new(csv.as_bytes().to_vec()));
    store
        .apply(Application {
            files: BTreeMap::from([("birds".to_owned(), reader)]),
            dry_run,
            ..application(texts)
        })
        .await
}

async fn apply(store: &Store, texts: &[&str]) -> Result<ApplyReport, Error> {
    apply_with(store, texts, "name,state\nGull,Ohio\nCrow,Utah\n", false).await
}

fn actions(report: &ApplyReport) -> Vec<Action> {
    report.changes.iter().map(|change| change.action).collect()
}

fn problems(refused: Result<ApplyReport, Error>) -> Vec<Problem> {
    match refused {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("problems expected, {other:?} found"),
    }
}

async fn planned(store: &Store) -> Vec<DateTime<Utc>> {
    let filter = SlotFilter {
        states: vec!["planned".to_owned()],
        ..SlotFilter::default()
    };
    let page = store.slots(DEFAULT_TENANT, "briefs", &filter, None, 200);
    let page = page.await.expect("a page");
    page.items.iter().map(|slot| slot.at).collect()
}

#[tokio::test]
async fn a_set_is_applied_whole_and_again_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let set = [JOB, PURPOSE, CATEGORY, TEMPLATE];

    let first = apply(&store, &set).await.expect("applied");
    let again = apply(&store, &set).await.expect("applied again");

    assert_eq!(actions(&first), [Action::Created; 4]);
    assert_eq!(first.changes[2].items, Some(2));
    assert_eq!(actions(&again), [Action::Unchanged; 4]);
    let source = store.template_source(DEFAULT_TENANT, "strikes.brief").await;
    assert_eq!(source.expect("its text"), TEMPLATE);
}

#[tokio::test]
async fn a_changed_document_is_a_new_revision_with_its_difference() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE, PURPOSE]).await.expect("applied");

    let changed = format!("{PURPOSE}priority: high\n");
    let report = apply(&store, &[&changed]).await.expect("applied");

    assert_eq!(actions(&report), [Action::Changed]);
    assert_eq!(report.changes[0].revision, Some(2));
    assert_eq!(report.changes[0].diff, ["+ /priority: \"high\""]);
    let stored = store
        .configuration(DEFAULT_TENANT, ConfigurationKind::Purpose, "brief")
        .await;
    let stored = stored.expect("the newest");
    assert_eq!((stored.revision, stored.applied_by.as_str()), (2, "mia"));
    assert!(stored.content().is_ok());
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_stores_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;

    let csv = "name,state\nGull,Ohio\n";
    let report = apply_with(&store, &[JOB, PURPOSE, CATEGORY, TEMPLATE], csv, true)
        .await
        .expect("told");

    assert!(report.dry_run);
    assert_eq!(actions(&report), [Action::Created; 4]);
    let purpose = store
        .configuration(DEFAULT_TENANT, ConfigurationKind::Purpose, "brief")
        .await;
    assert_eq!(purpose.expect_err("not stored").code(), "not_found");
    assert!(
        store
            .template(DEFAULT_TENANT, "strikes.brief")
            .await
            .is_err()
    );
    assert!(store.schedule(DEFAULT_TENANT, "briefs").await.is_err());
}

#[tokio::test]
async fn every_problem_of_a_set_comes_at_once_and_nothing_is_stored() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let purpose = PURPOSE.replace("strikes.brief", "strikes.breif");
    let job = JOB.replace("category: birds", "category: brids");

    let csv = "name,state\nGull\n";
    let refused = apply_with(&store, &[TEMPLATE, &purpose, &job, CATEGORY], csv, false).await;

    let told = problems(refused);
    let lines: Vec<_> = told
        .iter()
        .map(|one| (one.file.as_deref(), one.line, one.code.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (Some("1.yaml"), Some(4), "unknown_reference"),
            (Some("2.yaml"), Some(5), "unknown_reference"),
            (Some("birds.csv"), Some(2), "invalid_row"),
        ]
    );
    assert_eq!(
        told[0].hint.as_deref(),
        Some("did you mean `strikes.brief`?")
    );
    assert_eq!(told[1].hint.as_deref(), Some("did you mean `birds`?"));
    assert!(
        store
            .template(DEFAULT_TENANT, "strikes.brief")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_batch_by_object_needs_a_category_with_objects() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let category = CATEGORY.replace("object: state\n", "");

    let told = problems(apply(&store, &[TEMPLATE, PURPOSE, &category, JOB]).await);

    assert_eq!(told[0].code, "missing_object");
    assert_eq!(told[0].file.as_deref(), Some("3.yaml"));
}

#[tokio::test]
async fn other_content_under_a_published_version_is_refused() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE]).await.expect("published");

    let other = TEMPLATE.replace("hello", "goodbye");
    let told = problems(apply(&store, &[&other]).await);

    assert_eq!(
        (told[0].code.as_str(), told[0].line),
        ("template_version_exists", Some(1))
    );
}

#[tokio::test]
async fn a_template_that_is_published_stays_unchanged_under_rules_that_came_since() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE]).await.expect("published");
    // An earlier release took this.
    let refused = TEMPLATE.replace("word: hello", "word: '${ ( }'");
    let earlier = application(&[&refused]);
    let hash = hash_value(earlier.documents[0].canonical());
    let published = sqlx::query("update template_version set hash = $1").bind(hash);
    let pool = database.pool().await;
    published.execute(&pool).await.expect("its hash");

    let again = apply(&store, &[&refused]).await.expect("unchanged");
    assert_eq!(actions(&again), [Action::Unchanged]);
    let next = refused.replace("'1.0.0'", "'1.0.1'");
    assert!(!problems(apply(&store, &[&next]).await).is_empty());
    let other = refused.replace("say:", "tell:");
    assert!(!problems(apply(&store, &[&other]).await).is_empty());
}

#[tokio::test]
async fn slots_of_the_next_day_are_planned_once() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE, PURPOSE, CATEGORY, JOB])
        .await
        .expect("applied");

    let slots = planned(&store).await;
    apply(&store, &[JOB]).await.expect("applied again");

    assert_eq!(slots.len(), 24);
    assert_eq!(planned(&store).await, slots);
    let schedule = store
        .schedule(DEFAULT_TENANT, "briefs")
        .await
        .expect("its schedule");
    assert_eq!(schedule.next_at, slots.last().copied());
    assert!(schedule.enabled);
}

#[tokio::test]
async fn an_edit_of_the_timing_replaces_the_planned_slots() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE, PURPOSE, CATEGORY, JOB])
        .await
        .expect("applied");

    let slower = JOB.replace("interval: 1h", "interval: 2h");
    apply(&store, &[&slower]).await.expect("applied");
    let after_edit = planned(&store).await;
    let without = JOB.replace("schedule: { interval: 1h }\n", "");
    apply(&store, &[&without]).await.expect("applied");

    assert_eq!(after_edit.len(), 12);
    assert!(planned(&store).await.is_empty());
    let schedule = store
        .schedule(DEFAULT_TENANT, "briefs")
        .await
        .expect("its row stays");
    assert!(!schedule.enabled);
}

#[tokio::test]
async fn two_applies_at_once_take_turns() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    apply(&store, &[TEMPLATE]).await.expect("published");
    let high = format!("{PURPOSE}priority: high\n");
    let (left, right) = ([PURPOSE], [high.as_str()]);

    let (first, second) = tokio::join!(apply(&store, &left), apply(&store, &right));

    let mut revisions = [first, second].map(|report| report.expect("applied").changes[0].revision);
    revisions.sort();
    assert_eq!(revisions, [Some(1), Some(2)]);
}
