//! One chunk of a job's members, as the template's function sees it.

use windlass_workflows::machine::fault::Fault;
use windlass_workflows::value::Value;

use crate::perform::StepFailure;
use crate::shared::Shared;

/// `{ chunk, chunks, count, keys, items }`, and `object` where the members share one.
pub(super) async fn read(shared: &Shared, job: i64, number: u32) -> Result<Value, StepFailure> {
    let unread = |error: windlass_engine::Error| {
        tracing::warn!(job.id = job, chunk = number, error = %error, "a chunk could not be read; the job is given back");
        StepFailure::interrupted()
    };
    let chunks = shared.store.chunks_of(job).await.map_err(unread)?;
    let members = shared.store.chunk(job, number).await.map_err(unread)?;
    let object = members.first().and_then(|member| member.object.clone());
    let mut keys = Vec::with_capacity(members.len());
    let mut items = Vec::with_capacity(members.len());
    for member in members {
        keys.push(Value::from(member.key));
        items.push(
            Value::parse(&member.document).map_err(|error| broken(number, &error.to_string()))?,
        );
    }
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let mut value = vec![
        ("chunk", Value::from(i64::from(number))),
        ("chunks", Value::from(i64::from(chunks))),
        ("count", Value::from(count)),
    ];
    if let Some(object) = object {
        value.push(("object", Value::from(object)));
    }
    value.extend([("keys", Value::list(keys)), ("items", Value::list(items))]);
    Ok(Value::map(value))
}

/// Members were checked when they were stored.
fn broken(number: u32, error: &str) -> StepFailure {
    Fault::standard(
        "runtime",
        500,
        format!("chunk {number} holds a document that cannot be read: {error}"),
    )
    .into()
}
