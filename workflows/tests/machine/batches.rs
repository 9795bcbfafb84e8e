//! What a job of a batch knows of its batch, for the tests that need one.

use windlass_workflows::machine::BatchFacts;

pub fn batch(chunks: Option<u32>) -> BatchFacts {
    BatchFacts {
        id: "b_1".into(),
        configuration: Some("nightly".into()),
        strategy: "combined".into(),
        index: 0,
        of: 1,
        key: Some("k1".into()),
        object: None,
        slot: None,
        context: None,
        chunks,
    }
}
