//! Profiles out of `Connection` documents, as people write them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::DateTime;
use futures::future::BoxFuture;
use windlass_workers::connection::{
    Configured, ConnectionProblem, Connections, Documents, GenerateProfile, SecretName, Setting,
};
use windlass_workflows::configuration::{Connection, Content, SourceFile, read};

const DOCUMENTS: &str = r#"
windlass: v1
kind: Connection
name: writer
type: generate
providers:
  - name: main
    base_url: { env: OPENAI_BASE_URL, default: 'http://127.0.0.1:7420/v1' }
    api_key: { secret: openai-api-key, optional: true }
    model: { env: OPENAI_MODEL, default: sample }
    timeout: 30s
  - name: spare
    base_url: https://models.internal.example/v1
    model: small
    price: { input_per_million: 0.15, output_per_million: 0.60, currency: USD }
profiles:
  brief: { system: Be brief., max_tokens: 600, temperature: 0 }
  report: { providers: [ spare ] }
---
windlass: v1
kind: Connection
name: statistics
type: analyse
base_url: { env: ANALYSIS_URL, default: 'http://127.0.0.1:7421' }
profiles:
  strike-risk: { path: /analyse/risk }
  strike-statistics: { path: /analyse/statistics, timeout: 2m }
"#;

/// The documents above; counts how often they are read.
#[derive(Clone, Default)]
struct Applied(Arc<AtomicUsize>);

impl Documents for Applied {
    fn connections(&self, tenant: i32) -> BoxFuture<'_, Result<Vec<Connection>, String>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match tenant {
                1 => Ok(connections()),
                _ => Err("no database".to_owned()),
            }
        })
    }
}

fn connections() -> Vec<Connection> {
    let file = SourceFile {
        name: "connections.yaml",
        text: DOCUMENTS,
    };
    let documents = read(&[file], DateTime::UNIX_EPOCH).expect("well formed documents");
    let connection = |content| match content {
        Content::Connection(connection) => Some(connection),
        _ => None,
    };
    documents
        .into_iter()
        .filter_map(|document| connection(document.content))
        .collect()
}

#[tokio::test]
async fn profiles_are_what_the_documents_say() {
    let profiles = Configured::new(Applied::default());

    let risk = profiles
        .analyse_profile(1, "strike-risk")
        .await
        .expect("applied");
    let statistics = profiles
        .analyse_profile(1, "strike-statistics")
        .await
        .expect("applied");
    let brief = profiles
        .generate_profile(1, "brief")
        .await
        .expect("applied");
    let report = profiles
        .generate_profile(1, "report")
        .await
        .expect("applied");

    let url = Setting::Environment {
        name: "ANALYSIS_URL".to_owned(),
        default: Some("http://127.0.0.1:7421".to_owned()),
    };
    assert_eq!((risk.base_url, risk.path.as_str()), (url, "/analyse/risk"));
    assert_eq!(statistics.timeout, Some(Duration::from_secs(120)));
    let names = |profile: &GenerateProfile| {
        let names = profile
            .providers
            .iter()
            .map(|provider| provider.name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&brief), ["main", "spare"]);
    assert_eq!(names(&report), ["spare"]);
    let key = SecretName {
        name: "openai-api-key".to_owned(),
        optional: true,
    };
    assert_eq!(brief.providers[0].api_key, Some(key));
    assert_eq!(brief.providers[0].timeout, Some(Duration::from_secs(30)));
    assert_eq!(
        (brief.system.as_deref(), brief.max_tokens),
        (Some("Be brief."), Some(600))
    );
}

#[tokio::test]
async fn documents_are_read_once_for_many_profiles_and_failures_are_not_remembered() {
    let applied = Applied::default();
    let profiles = Configured::new(applied.clone());
    for name in ["brief", "report", "brief"] {
        profiles.generate_profile(1, name).await.expect("applied");
    }
    let unknown = profiles.generate_profile(1, "poem").await;
    let reads = applied.0.load(Ordering::SeqCst);
    for _ in 0..2 {
        let unreadable = profiles.analyse_profile(2, "strike-risk").await;
        assert!(matches!(unreadable, Err(ConnectionProblem::Unavailable(_))));
    }

    assert!(matches!(
        unknown,
        Err(ConnectionProblem::UnknownProfile {
            kind: "generate",
            ..
        })
    ));
    assert_eq!((reads, applied.0.load(Ordering::SeqCst)), (1, 3));
}
