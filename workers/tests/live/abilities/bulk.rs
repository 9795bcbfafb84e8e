//! Many jobs in flight, changed by a keeper while it keeps everything else.

use std::time::{Duration, Instant};

use windlass_engine::protocol::{Answer, BulkChange, BulkFilter, Flight, NewBulk, Request, Work};
use windlass_engine::store::BulkView;
use windlass_workers::secret::Secrets;
use windlass_workflows::value::Value;

use crate::abilities::site::Site;

const JOBS: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(120);
const RESTS: &str = "do:
- rest: { wait: PT1H }
- say: { set: { word: hello } }
";

/// Waits for a count.
async fn until(site: &Site, sql: &'static str, wanted: usize) {
    let since = Instant::now();
    loop {
        let found = site.crowd.count(sql).await;
        if usize::try_from(found).is_ok_and(|found| found == wanted) {
            return;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "{found} instead of {wanted}: {sql}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ended(site: &Site, id: i64) -> BulkView {
    let since = Instant::now();
    loop {
        let view = site.store.bulk(1, id).await.expect("a change");
        if view.finished_at.is_some() {
            return view;
        }
        assert!(since.elapsed() < PATIENCE, "{view:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All of them wait, each for an hour.
async fn resting(site: &Site) {
    site.publish("flies", "", RESTS).await;
    let request = Request::new(
        Work::Template("test.flies".into()),
        Value::parse("{}").expect("JSON"),
    );
    for _ in 0..JOBS / 500 {
        let sent = site
            .store
            .submit_requests(1, "test", vec![request.clone(); 500]);
        let sent = sent.await.expect("submitted");
        assert!(
            sent.iter()
                .all(|answer| matches!(answer, Answer::Submitted(_)))
        );
    }
    site.work(Secrets::new());
    until(site, "select count(*) from wait where n = 0", JOBS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_waiting_jobs_move_to_a_new_version_and_all_end_there() {
    let site = Site::new().await;
    resting(&site).await;
    let newer = RESTS.replace("hello", "hi");
    site.publish_as("flies", "1.1.0", "", &newer).await;
    let filter = BulkFilter {
        template: Some("test.flies@1.0.0".into()),
        ..BulkFilter::default()
    };
    let change = BulkChange::Fly(Flight::Migrate {
        to: "1.1.0".into(),
        steps: [].into(),
    });

    let preview = site.store.preview_bulk(1, &filter, &change).await;
    let preview = preview.expect("a preview");
    assert_eq!(preview.count, 2_000);
    let new = NewBulk {
        filter,
        change,
        rate: 1_000,
        token: preview.token,
        accept_drift: false,
        who: "mia".into(),
        why: "a kinder word".into(),
    };
    let begun = site.store.start_bulk(1, new).await.expect("begun");
    let view = ended(&site, begun.id).await;

    assert_eq!(
        (view.state.as_str(), view.done, view.refused),
        ("done", 2_000, 0)
    );
    let moved =
        "select count(*) from job join template_version on template_version.id = template_version
                 where version = '1.1.0'";
    assert_eq!(site.crowd.count(moved).await, 2_000);
    // What was woken by the change waits again, for the same hour; then the hour is over.
    until(&site, "select count(*) from wait where n = 0", JOBS).await;
    let later = "with later as (update cluster set mode = 'development', clock_offset = '2 hours' returning 1)
                 select count(*) from later";
    assert_eq!(site.crowd.count(later).await, 1);
    let said = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome
                where kind = 'completed' and result like '%hi%'";
    until(&site, said, JOBS).await;
}
