//! The handler through the catalogue, as a template's step calls it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use windlass_sample_worker::{Side, catalogue};
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions, StepContext, StepFailure};
use windlass_workers::secret::Secrets;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

async fn resized(input: &str) -> Result<Value, StepFailure> {
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue(Side(100)),
    );
    let function = FunctionName {
        name: "resize".to_owned(),
        version: "1.0.0".to_owned(),
    };
    let call = Call::Function {
        function,
        input: Value::parse(input).expect("the test's own JSON"),
    };
    let context = StepContext {
        subject: None,
        job_id: 1,
        claim: uuid::Uuid::nil(),
        tenant: 1,
        path: "/do/0/resize".to_owned(),
        attempt: 0,
        key: "the-key".to_owned(),
        marks: None,
        run_time: None,
        deadline: None,
        stop: CancellationToken::new(),
        begun: None,
    };
    performer.expect("a client").perform(&call, &context).await
}

#[tokio::test]
async fn a_picture_is_fitted_and_keeps_its_proportions() {
    let output = resized(r#"{"picture":"owl","width":400,"height":300}"#)
        .await
        .expect("it has an area");

    assert_eq!(
        output.to_json(),
        r#"{"picture":"owl","width":100,"height":75,"key":"the-key"}"#
    );
}

#[tokio::test]
async fn a_small_picture_stays_as_it_is() {
    let output = resized(r#"{"picture":"owl","width":40,"height":30}"#)
        .await
        .expect("it has an area");

    assert_eq!(output.get("width").and_then(Value::as_i64), Some(40));
}

#[tokio::test]
async fn a_picture_without_area_is_final() {
    let failure = resized(r#"{"picture":"owl","width":0,"height":30}"#)
        .await
        .expect_err("no area");

    assert_eq!(
        (failure.fault.code(), failure.title()),
        ("runtime", "`owl` has no area")
    );
}

#[test]
fn what_it_can_do_is_announced() {
    assert_eq!(catalogue(Side(1)).capabilities(), ["resize:1.0.0"]);
}
