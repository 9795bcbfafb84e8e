//! Every statement can be heard, held and made to fail, in one place.

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::Bench;
use common::recipe::{BIRDS, create, over, plan, with_birds};
use futures::future::BoxFuture;
use serde_json::json;
use windlass_engine::store::hook::{self, Answer, Hook, Moment, Point, Statement};
use windlass_engine::testing::TestDatabase;

/// No wait of these takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes down what passes, and refuses one statement.
#[derive(Default)]
struct Guard {
    passed: Mutex<Vec<(Moment, String)>>,
    refuses: Option<(Moment, &'static str)>,
}

impl Guard {
    fn passed(&self) -> Vec<(Moment, String)> {
        self.passed.lock().expect("no panic inside").clone()
    }
}

impl Hook for Guard {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let here = (point.moment, point.statement);
            let mut passed = self.passed.lock().expect("no panic inside");
            passed.push((point.moment, point.statement.to_owned()));
            match self.refuses {
                Some(refuses) if refuses == here => Err(hook::refused("40001")),
                _ => Ok(()),
            }
        })
    }
}

#[tokio::test]
async fn a_statement_is_heard_before_and_after_it() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let guard = Arc::new(Guard::default());

    let installed = hook::install(database.url(), guard.clone());

    store.clock().await.expect("the time");
    drop(installed);
    store.clock().await.expect("the time, unheard");

    let name = "cluster/clock".to_owned();
    let expected = [(Moment::Before, name.clone()), (Moment::After, name)];
    assert_eq!(guard.passed(), expected);
}

#[tokio::test]
async fn a_refused_statement_is_not_sent_and_a_refused_answer_was() {
    for (moment, stored) in [(Moment::Before, 0), (Moment::After, 1)] {
        let bench = Bench::new().await;
        let guard = Arc::new(Guard {
            refuses: Some((moment, "request/submit_plain")),
            ..Guard::default()
        });
        let _installed = hook::install(bench.database.url(), guard);

        let refused = bench
            .store
            .submit(1, "test", &[bench.request()])
            .await
            .expect_err("a hook refuses");

        assert_eq!(refused.sql_state().as_deref(), Some("40001"));
        assert_eq!(bench.count("select count(*) from job").await, stored);
    }
}

#[test]
fn every_file_of_the_folder_is_a_statement() {
    let names = Statement::all().iter().map(|known| known.name.as_str());
    let names: Vec<&str> = names.collect();

    assert!(names.len() > 80, "only {names:?}");
    assert!(names.contains(&"lease/exchange"), "{names:?}");
}

/// The server processes of a database.
async fn processes(bench: &Bench) -> Vec<i32> {
    let all = "select pid from pg_stat_activity where datname = current_database() order by pid";
    let found = sqlx::query_scalar(all).fetch_all(&bench.pool).await;
    found.expect("its processes")
}

#[tokio::test]
async fn a_connection_whose_copy_failed_is_closed() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = over(json!({ "category": "birds" }), "individual");
    plan(&bench.store, &source).await;
    let refuse = "create function refuse() returns trigger language plpgsql as
                      $$ begin raise exception 'not this one'; end $$;
                  create trigger refuse before insert on job for each row execute function refuse()";
    let refuse = sqlx::raw_sql(refuse).execute(&bench.pool).await;
    refuse.expect("a trigger");
    create(&bench.store, &source).await;
    let before = processes(&bench).await;

    assert!(bench.store.plan().await.is_err());

    let since = Instant::now();
    loop {
        let now = processes(&bench).await;
        if before.iter().any(|process| !now.contains(process)) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "all of {before:?} are there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_connection_whose_transaction_is_rolled_back_is_kept() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = over(json!({ "category": "birds" }), "individual");
    plan(&bench.store, &source).await;
    create(&bench.store, &source).await;
    let before = processes(&bench).await;
    let guard = Arc::new(Guard {
        refuses: Some((Moment::Before, "batch/move_cursor")),
        ..Guard::default()
    });

    let installed = hook::install(bench.database.url(), guard);
    assert!(bench.store.plan().await.is_err());
    drop(installed);

    let now = processes(&bench).await;
    assert!(
        before.iter().all(|process| now.contains(process)),
        "{before:?}: {now:?}"
    );
}
