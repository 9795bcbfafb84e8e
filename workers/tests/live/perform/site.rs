//! A small HTTP server that answers as a test says and remembers what it was asked; and calls to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{
    AnalyseProfile, ConnectionProblem, Connections, GenerateProfile,
};
use windlass_workers::egress::EgressRules;
use windlass_workers::perform::{Performer, PerformerOptions, StepContext};
use windlass_workers::secret::Secrets;
use windlass_workflows::configuration::Channel;
use windlass_workflows::document::step::HttpOutput;
use windlass_workflows::machine::command::{Call, HttpRequest};

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|line| line.to_str().ok())
    }
}

type Answer = Arc<dyn Fn(Seen) -> BoxFuture<'static, Response> + Send + Sync>;

/// The server.
pub struct Site {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Site {
    /// Answers every request at once with `answer`.
    pub async fn answering(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let answer = move |seen: Seen| -> BoxFuture<'static, Response> {
            Box::pin(std::future::ready(answer(&seen)))
        };
        Self::start("127.0.0.1:0", Arc::new(answer)).await
    }

    /// Never answers.
    pub async fn silent() -> Self {
        Self::start(
            "127.0.0.1:0",
            Arc::new(|_| Box::pin(std::future::pending())),
        )
        .await
    }

    pub async fn start(address: &str, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let router = axum::Router::new()
            .fallback(remember)
            .with_state((seen.clone(), answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panicked in it").clone()
    }
}

async fn remember(
    State((all, answer)): State<(Arc<Mutex<Vec<Seen>>>, Answer)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let seen = Seen {
        method,
        uri,
        headers,
        body,
    };
    all.lock()
        .expect("no test panicked in it")
        .push(seen.clone());
    answer(seen).await
}

/// A response of a status, content type and body.
pub fn reply(status: u16, media: &str, body: impl Into<axum::body::Body>) -> Response {
    let response = Response::builder()
        .status(status)
        .header("content-type", media);
    response.body(body.into()).expect("well formed")
}

/// Profiles that a test gives.
#[derive(Default)]
pub struct Profiles {
    pub analyse: BTreeMap<&'static str, AnalyseProfile>,
    pub generate: BTreeMap<&'static str, GenerateProfile>,
    pub channels: Vec<Channel>,
}

impl Connections for Profiles {
    fn analyse_profile<'a>(
        &'a self,
        _: i32,
        name: &'a str,
    ) -> BoxFuture<'a, Result<AnalyseProfile, ConnectionProblem>> {
        Box::pin(async move {
            self.analyse
                .get(name)
                .cloned()
                .ok_or_else(|| ConnectionProblem::unknown("analyse", name))
        })
    }

    fn generate_profile<'a>(
        &'a self,
        _: i32,
        name: &'a str,
    ) -> BoxFuture<'a, Result<GenerateProfile, ConnectionProblem>> {
        Box::pin(async move {
            self.generate
                .get(name)
                .cloned()
                .ok_or_else(|| ConnectionProblem::unknown("generate", name))
        })
    }

    fn channel<'a>(
        &'a self,
        _: i32,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Channel, ConnectionProblem>> {
        let found = self.channels.iter().find(|one| one.header.name == name);
        let found = found.cloned();
        Box::pin(async move { found.ok_or_else(|| ConnectionProblem::unknown_channel(name)) })
    }
}

/// Options that let a test reach its own server.
pub fn local() -> PerformerOptions {
    let egress = EgressRules {
        allow_private: true,
        allow: Vec::new(),
    };
    PerformerOptions {
        egress,
        ..PerformerOptions::default()
    }
}

/// A performer without profiles, secrets and handlers.
pub fn performer(options: PerformerOptions) -> Performer {
    performer_with(
        options,
        Profiles::default(),
        Secrets::new(),
        Catalogue::new(),
    )
}

pub fn performer_with(
    options: PerformerOptions,
    profiles: Profiles,
    secrets: Secrets,
    catalogue: Catalogue,
) -> Performer {
    Performer::new(options, Arc::new(profiles), secrets, catalogue).expect("a client")
}

pub fn context() -> StepContext {
    StepContext {
        job_id: 7,
        claim: uuid::Uuid::nil(),
        tenant: 1,
        path: "/do/0/ask".to_owned(),
        attempt: 0,
        key: "7-nonce-/do/0/ask-1".to_owned(),
        subject: None,
        marks: None,
        run_time: None,
        deadline: None,
        stop: CancellationToken::new(),
        begun: None,
    }
}

/// The context with a deadline after `wait`.
pub fn context_within(wait: Duration) -> StepContext {
    StepContext {
        deadline: Some(tokio::time::Instant::now() + wait),
        ..context()
    }
}

pub fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        query: Vec::new(),
        body: None,
        output: HttpOutput::Content,
        redirect: false,
        authentication: None,
    }
}

pub fn call(request: HttpRequest) -> Call {
    Call::Http(request)
}
