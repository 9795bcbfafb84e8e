//! Contexts that jobs and people change.

use std::sync::Arc;

use windlass_engine::Store;
use windlass_engine::store::{Claimed, ContextChange, Expected, NewEntry, NewSave, Post, SaveEdit};
use windlass_workflows::context::{ComputedChange, Formula};
use windlass_workflows::value::Value;

use super::journal;
use super::mail::with_post;

/// Merges `patch` into the context `k`, whatever its version is.
pub fn a_save(patch: &str) -> NewSave {
    NewSave {
        activity: 1,
        key: "k".into(),
        edit: SaveEdit::Patch {
            patch: patch.into(),
            version: None,
        },
        subject: None,
        ttl: None,
        step: "/do/0/save".into(),
    }
}

/// The same, if it still has that version.
pub fn a_save_of(version: i64, patch: &str) -> NewSave {
    NewSave {
        edit: SaveEdit::Patch {
            patch: patch.into(),
            version: Some(version),
        },
        ..a_save(patch)
    }
}

/// Computes what becomes of the context `k`; `$input` is 1.
pub fn a_change(text: &str) -> NewSave {
    let formula = Formula::compile(text).expect("jq");
    let change = ComputedChange::new(Arc::new(formula), Some(Value::from(1i64)));
    NewSave {
        edit: SaveEdit::Change(change),
        ..a_save("{}")
    }
}

/// A turn that saves contexts.
pub fn saving(job: &Claimed, seq: i32, saves: Vec<NewSave>) -> NewEntry {
    let post = Post {
        saves,
        ..Post::default()
    };
    with_post(journal(job, seq), post)
}

pub fn merge(expected: Expected, patch: &str) -> ContextChange {
    ContextChange {
        expected,
        document: Value::parse(patch).expect("JSON"),
        merges: true,
        subject: None,
        ttl: None,
    }
}

pub fn whole(expected: Expected, document: &str) -> ContextChange {
    ContextChange {
        merges: false,
        ..merge(expected, document)
    }
}

/// Version and document of a context; nothing where there is none.
pub async fn context(store: &Store, key: &str) -> Option<(i64, String)> {
    let found = store.context(1, key).await.expect("read");
    found.map(|context| (context.version, context.document))
}
