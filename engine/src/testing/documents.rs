//! Documents as `windlass apply` brings them.

use std::collections::BTreeMap;

use chrono::Utc;
use windlass_workflows::configuration::{SourceFile, read};

use crate::protocol::apply::Application;
use crate::store::DEFAULT_TENANT;

/// An application of these documents by `mia`, without files beside them.
///
/// # Panics
/// When one of them is not sound.
pub fn application(texts: &[&str]) -> Application {
    let names: Vec<String> = (0..texts.len()).map(|n| format!("{n}.yaml")).collect();
    let named = || names.iter().zip(texts);
    let files: Vec<SourceFile<'_>> = named()
        .map(|(name, text)| SourceFile { name, text })
        .collect();
    Application {
        tenant: DEFAULT_TENANT,
        who: "mia".to_owned(),
        documents: read(&files, Utc::now()).expect("sound documents"),
        texts: named()
            .map(|(name, text)| (name.clone(), (*text).to_owned()))
            .collect(),
        files: BTreeMap::new(),
        resources: BTreeMap::new(),
        dry_run: false,
    }
}
