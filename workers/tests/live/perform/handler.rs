//! Handlers in the catalogue, called in place: their shape and what their errors mean.

use std::time::Duration;

use apalis::prelude::{
    AbortError, Attempt, BoxDynError, Data, DeferredError, RetryAfterError, TaskId, task_fn,
};
use serde::{Deserialize, Serialize};
use tower::ServiceBuilder;
use windlass_workers::apalis::Lease;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::perform::{StepFailure, Verdict};
use windlass_workers::secret::Secrets;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use crate::perform::site::{Profiles, context, local, performer_with};

#[derive(Deserialize)]
struct Resize {
    width: u32,
}

#[derive(Serialize)]
struct Resized {
    width: u32,
    job: i64,
    task: String,
    attempt: usize,
    key: String,
}

#[derive(Clone)]
struct Factor(u32);

async fn resize(
    job: Resize,
    factor: Data<Factor>,
    lease: Lease,
    task: TaskId,
    attempt: Attempt,
) -> Result<Resized, BoxDynError> {
    Ok(Resized {
        width: job.width * factor.0.0,
        job: lease.job_id(),
        task: task.to_string(),
        attempt: attempt.current(),
        key: lease.key().to_owned(),
    })
}

async fn fail(how: String) -> Result<(), BoxDynError> {
    match how.as_str() {
        "abort" => Err(AbortError::new("never again").into()),
        "later" => Err(RetryAfterError::new("busy", Duration::from_secs(9)).into()),
        "defer" => Err(DeferredError::new("not yet").into()),
        "panic" => panic!("out of paper"),
        other => Err(other.into()),
    }
}

fn catalogue() -> Catalogue {
    let resize = ServiceBuilder::new()
        .layer(Data::new(Factor(2)))
        .service(task_fn(resize));
    Catalogue::new()
        .with::<Resize, _>("resize", "1.0.0", resize)
        .with::<String, _>("fail", "1.0.0", task_fn(fail))
}

async fn called(name: &str, input: Value) -> Result<Value, StepFailure> {
    let function = FunctionName {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
    };
    let performer = performer_with(local(), Profiles::default(), Secrets::new(), catalogue());
    performer
        .perform(&Call::Function { function, input }, &context())
        .await
}

#[tokio::test]
async fn an_ordinary_handler_gets_its_extractors_and_gives_its_answer() {
    let output = called("resize", Value::map([("width", Value::from(21i64))]))
        .await
        .expect("resized");

    assert_eq!(
        output.to_json(),
        r#"{"width":42,"job":7,"task":"7","attempt":1,"key":"7-nonce-/do/0/ask-1"}"#
    );
}

#[tokio::test]
async fn errors_keep_apalis_meaning() {
    let expected = [
        ("abort", "runtime", "never again", None),
        (
            "later",
            "communication",
            "busy",
            Some(Duration::from_secs(9)),
        ),
        ("defer", "communication", "not yet", Some(Duration::ZERO)),
        (
            "panic",
            "communication",
            "the handler panicked: out of paper",
            None,
        ),
        ("a plain error", "communication", "a plain error", None),
    ];
    for (how, code, title, again_after) in expected {
        let failure = called("fail", Value::from(how))
            .await
            .expect_err("it fails");

        assert_eq!(
            (failure.fault.code(), failure.title(), failure.again_after),
            (code, title, again_after)
        );
        assert_eq!(failure.verdict, Verdict::Failed, "{how}");
    }
}

#[tokio::test]
async fn input_that_does_not_fit_is_final() {
    let failure = called("resize", Value::map([("width", Value::from("wide"))]))
        .await
        .expect_err("no number");

    assert_eq!(
        (failure.fault.code(), failure.again_after),
        ("runtime", None)
    );
    assert!(
        failure.title().contains("invalid type"),
        "{}",
        failure.title()
    );
}

#[tokio::test]
async fn an_unknown_handler_is_not_mine() {
    let failure = called("crop", Value::Null)
        .await
        .expect_err("no such handler");

    assert_eq!(failure.verdict, Verdict::NotMine);
    assert_eq!(failure.title(), "no handler `crop:1.0.0` on this worker");
}

#[test]
fn names_are_announced_in_order() {
    let names: Vec<_> = catalogue()
        .names()
        .map(|function| function.name.clone())
        .collect();

    assert_eq!(names, ["fail", "resize"]);
}
