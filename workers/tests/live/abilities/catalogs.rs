//! Functions of other catalogues: read once, at publish; called by jobs for as long as the version lives.

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use windlass_workers::egress::EgressRules;
use windlass_workers::perform::Fetcher;
use windlass_workers::secret::Secrets;

use super::site::Site;

/// Serves a catalogue whose outer function calls an inner one.
async fn catalogue(score: String) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let outer = "{ call: 'inner:1.0.0@team', with: { text: '${ .words }' }, output: { as: '{ score: . }' } }";
    let inner = format!(
        "{{ call: http, with: {{ method: post, endpoint: '{score}/score', body: '${{ . }}' }}, output: {{ as: .score }} }}"
    );
    let router = Router::new()
        .route(
            "/c/functions/outer/1.0.0/function.yaml",
            get(async move || outer),
        )
        .route(
            "/c/functions/inner/1.0.0/function.yaml",
            get(async move || inner),
        );
    let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    (address, server)
}

async fn scorer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let answer = async |body: String| {
        let answer = format!(r#"{{"score":{}}}"#, body.len());
        ([("content-type", "application/json")], answer)
    };
    let router = Router::new().route("/score", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    address
}

#[tokio::test]
async fn a_function_of_a_catalogue_needs_the_catalogue_no_more_once_it_is_published() {
    let site = Site::new().await;
    let (address, server) = catalogue(scorer().await).await;
    let allow = vec!["127.0.0.1".parse().expect("an address")];
    let rules = EgressRules {
        allow,
        ..EgressRules::default()
    };
    let fetcher = Fetcher::new(rules).expect("a client");
    let rest = format!(
        "use: {{ catalogs: {{ team: {{ endpoint: '{address}/c' }} }} }}
do:
  - judge: {{ call: 'outer:1.0.0@team', with: {{ words: '${{ .said }}' }} }}
"
    );
    site.publish_with("judge", &rest, &fetcher).await;
    server.abort();
    let _ = server.await;
    site.work(Secrets::new());

    let job = site.submit("judge", r#"{"said":"good"}"#).await;

    let result = site.result(job, "completed").await;
    assert_eq!(result, r#"{"score":15}"#);
}
