//! Requests with keys, as the tests of submission send them.

use sqlx::PgConnection;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, LaneKey, OnDuplicate, Submitted};
use windlass_workflows::value::Value;

use super::Bench;

pub fn keyed(key: &str, input: serde_json::Value) -> Request {
    Request {
        idempotency_key: Some(key.to_owned()),
        ..Request::new(Work::Purpose("brief".to_owned()), Value::from(input))
    }
}

pub fn on(key: &str, on_duplicate: OnDuplicate, input: serde_json::Value) -> Request {
    Request {
        on_duplicate,
        ..keyed(key, input)
    }
}

pub async fn submit(store: &Store, request: Request) -> Answer {
    let receipt = store
        .submit_request(DEFAULT_TENANT, "mia", &request)
        .await
        .expect("an answer");
    receipt.answer
}

pub fn job(answer: &Answer) -> i64 {
    match answer {
        Answer::Submitted(Submitted::Created { job })
        | Answer::Submitted(Submitted::Replaced { job, .. })
        | Answer::Submitted(Submitted::Succeeds { job, .. })
        | Answer::Submitted(Submitted::Extended { job })
        | Answer::Submitted(Submitted::Duplicate { job })
        | Answer::Submitted(Submitted::Rejected { job })
        | Answer::Submitted(Submitted::KeyReused { job }) => *job,
        other => panic!("a job expected, {other:?} found"),
    }
}

/// The lane of the purpose `brief`, so that a worker can claim from it.
pub async fn lane(bench: &Bench) -> i32 {
    let lane = LaneKey::of_template(DEFAULT_TENANT, "strikes.brief", "brief", 0);
    bench.store.lane(&lane).await.expect("the lane")
}

/// Runs a statement that gives a job.
pub async fn submit_sql(
    connection: &mut PgConnection,
    sql: &'static str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// SQLSTATE and the stable code of what the function raised.
pub fn raised(error: sqlx::Error) -> (String, String) {
    let sqlx::Error::Database(error) = error else {
        panic!("{error}")
    };
    let said = error.downcast_ref::<sqlx::postgres::PgDatabaseError>();
    (
        said.code().to_owned(),
        said.detail().unwrap_or_default().to_owned(),
    )
}
