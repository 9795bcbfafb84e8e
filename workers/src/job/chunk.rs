//! One chunk of a job's members, as the template's function sees it.

use windlass_workflows::machine::fault::Fault;
use windlass_workflows::plan::{Document, Member, MemberValue};
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
    let members: Vec<Member> = (1..)
        .zip(members)
        .map(|(n, member)| Member {
            n,
            key: member.key,
            object: member.object,
            document: Document::stored(member.document),
        })
        .collect();
    let chunk = MemberValue::Chunk {
        object: members.first().and_then(|member| member.object.as_deref()),
        chunk: number.into(),
        chunks: chunks.into(),
        members: &members,
    };
    chunk
        .to_value()
        .map_err(|error| broken(number, &error.to_string()))
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
