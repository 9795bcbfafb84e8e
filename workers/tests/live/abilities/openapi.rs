//! `call: openapi`: the document is read once, at publish; the request is made by the worker.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use windlass_workers::egress::EgressRules;
use windlass_workers::perform::Fetcher;
use windlass_workers::secret::Secrets;
use windlass_workflows::resource::{Resource, Resources};

use super::site::Site;

/// Without `host`, so that the service is where its document is.
const SWAGGER: &str = r#"
swagger: "2.0"
basePath: /v2
paths:
  /pet/findByStatus:
    get:
      operationId: findPetsByStatus
      produces: [ application/json ]
      parameters:
        - { name: status, in: query, required: true, type: array, items: { type: string }, collectionFormat: multi }
  /pet/{petId}:
    post:
      operationId: updatePetWithForm
      consumes: [ application/x-www-form-urlencoded ]
      parameters:
        - { name: petId, in: path, required: true, type: integer }
        - { name: name, in: formData, type: string }
        - { name: token, in: formData, type: string }
    delete:
      operationId: deletePet
      parameters: [ { name: petId, in: path, required: true, type: integer } ]
"#;

const OPENAPI: &str = r##"{ "openapi": "3.1.0", "servers": [ { "url": "/museum" } ],
  "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "query", "name": "key" } } },
  "paths": { "/tickets/{ticket}": { "put": { "operationId": "putVisit", "security": [ { "key": [] } ],
    "parameters": [ { "name": "ticket", "in": "path", "required": true } ],
    "requestBody": { "required": true, "content": { "application/json": {} } } } } } }"##;

/// `method uri`, `Accept`, `Authorization`, body.
type Seen = Arc<Mutex<Vec<[String; 4]>>>;

struct Service {
    address: SocketAddr,
    seen: Seen,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let seen = Seen::default();
        let router = Router::new().fallback(answer).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<[String; 4]> {
        self.seen.lock().expect("no panic in it").clone()
    }

    fn asked(&self, of: &str) -> Vec<[String; 4]> {
        let seen = self.seen().into_iter();
        seen.filter(|one| one[0].contains(of)).collect()
    }
}

async fn answer(
    State(seen): State<Seen>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let line = |name: header::HeaderName| {
        let line = headers.get(name).and_then(|line| line.to_str().ok());
        line.unwrap_or_default().to_owned()
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    let asked = format!("{method} {uri}");
    let entry = [
        asked.clone(),
        line(header::ACCEPT),
        line(header::AUTHORIZATION),
        body,
    ];
    seen.lock().expect("no panic in it").push(entry);
    let json = |text: &'static str| ([(header::CONTENT_TYPE, "application/json")], text);
    match asked.as_str() {
        "GET /docs/swagger.yaml" => SWAGGER.into_response(),
        "GET /docs/openapi.json" => json(OPENAPI).into_response(),
        "GET /moved" => (
            StatusCode::FOUND,
            [(header::LOCATION, "/docs/openapi.json")],
        )
            .into_response(),
        "GET /loop" => (StatusCode::FOUND, [(header::LOCATION, "/loop")]).into_response(),
        "GET /away" => (
            StatusCode::FOUND,
            [(header::LOCATION, "http://169.254.169.254/")],
        )
            .into_response(),
        "GET /large" => vec![b' '; 9 << 20].into_response(),
        "GET /bytes" => vec![0xffu8, 0xfe].into_response(),
        asked if asked.starts_with("GET /v2/pet/findByStatus") => {
            json(r#"[{"id":7}]"#).into_response()
        }
        asked if asked.starts_with("POST /v2/pet/7") => json(r#"{"code":200}"#).into_response(),
        asked if asked.starts_with("PUT /museum/tickets") => {
            (StatusCode::CREATED, json(r#"{"kept":true}"#)).into_response()
        }
        asked if asked.starts_with("DELETE") => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, "/gone")]).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn fetcher() -> Fetcher {
    let allow = vec!["127.0.0.1".parse().expect("an address")];
    let rules = EgressRules {
        allow,
        ..EgressRules::default()
    };
    Fetcher::new(rules).expect("a client")
}

/// Four calls: a list in a query, a form, JSON with a key of the API, and an answer that leads elsewhere.
fn four(service: &Service) -> String {
    let swagger = service.url("/docs/swagger.yaml");
    format!(
        "use: {{ secrets: [ hook ] }}
do:
  - find:
      call: openapi
      with:
        document: {{ endpoint: '{swagger}' }}
        operationId: findPetsByStatus
        parameters: {{ status: '${{ .wanted }}' }}
  - update:
      call: openapi
      with:
        document: {{ endpoint: '{swagger}' }}
        operationId: updatePetWithForm
        parameters: {{ petId: '${{ .[0].id }}', name: 'Rex & Co', token: '${{ $secrets.hook }}' }}
        authentication: {{ bearer: {{ token: '${{ $secrets.hook }}' }} }}
  - visit:
      call: openapi
      with:
        document: {{ endpoint: '{}' }}
        operationId: putVisit
        parameters: {{ ticket: a/b, key: k 1, body: {{ day: 1 }} }}
        output: response
  - delete:
      call: openapi
      with:
        document: {{ endpoint: '{swagger}' }}
        operationId: deletePet
        parameters: {{ petId: 8 }}
        redirect: true
        output: raw
      output: {{ as: '${{ {{ last: . , status: $input.statusCode, at: $input.request.uri }} }}' }}
",
        service.url("/docs/openapi.json")
    )
}

#[tokio::test]
async fn calls_go_where_their_documents_said_when_they_were_published() {
    let (site, service) = (Site::new().await, Service::start().await);
    site.publish_with("calls", &four(&service), &fetcher())
        .await;
    let read = service.asked("/docs/").len();
    site.work(Secrets::new().with("hook", "s3&cret"));

    let jobs = [
        site.submit("calls", r#"{"wanted":["sold","a b"]}"#).await,
        site.submit("calls", r#"{"wanted":["sold","a b"]}"#).await,
    ];

    for job in jobs {
        let result = site.result(job, "completed").await;
        let at = service.url("/museum/tickets/a%2Fb?key=k%201");
        assert_eq!(result, format!(r#"{{"last":"","status":201,"at":"{at}"}}"#));
    }
    assert_eq!(
        (read, service.asked("/docs/").len()),
        (2, 2),
        "read at publish only"
    );
    let find = &service.asked("findByStatus")[0];
    assert_eq!(find[0], "GET /v2/pet/findByStatus?status=sold&status=a%20b");
    assert_eq!(find[1], "application/json");
    let update = &service.asked("POST")[0];
    assert_eq!(
        update[2..],
        ["Bearer s3&cret", "name=Rex%20%26%20Co&token=s3%26cret"]
    );
    assert_eq!(service.asked("PUT")[0][3], r#"{"day":1}"#);
}

#[tokio::test]
async fn a_value_that_is_missing_at_run_time_is_an_error_of_the_step() {
    let (site, service) = (Site::new().await, Service::start().await);
    let tasks = format!(
        "do:
  - tried:
      try:
        - find:
            call: openapi
            with:
              document: {{ endpoint: '{}' }}
              operationId: findPetsByStatus
              parameters: {{ status: '${{ .wanted }}' }}
      catch:
        errors: {{ with: {{ status: 400 }} }}
        do: [ {{ told: {{ set: {{ why: '${{ $error.title }}' }} }} }} ]
",
        service.url("/docs/swagger.yaml")
    );
    site.publish_with("missing", &tasks, &fetcher()).await;
    site.work(Secrets::new());

    let job = site.submit("missing", "{}").await;

    let result = site.result(job, "completed").await;
    assert_eq!(
        result,
        r#"{"why":"the required parameter `status` is missing"}"#
    );
    assert!(service.asked("findByStatus").is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let service = Service::start().await;
    let code = async |fetcher: &Fetcher, path: &str| {
        let read = fetcher.read(&service.url(path)).await;
        read.map(|_| "read").map_err(|problem| problem.code)
    };

    let open = fetcher();
    for (path, wanted) in [
        ("/docs/openapi.json", Ok("read")),
        ("/moved", Ok("read")),
        ("/none", Err("resource.unreachable")),
        ("/loop", Err("resource.unreachable")),
        ("/away", Err("resource.refused")),
        ("/large", Err("resource.too_large")),
        ("/bytes", Err("resource.unreadable")),
    ] {
        assert_eq!(
            code(&open, path).await,
            wanted.map_err(str::to_owned),
            "{path}"
        );
    }
    let closed = Fetcher::new(EgressRules::default()).expect("a client");
    let refused = code(&closed, "/docs/openapi.json").await;
    assert_eq!(refused, Err("resource.refused".to_owned()));
}

#[tokio::test]
async fn no_more_is_read_than_a_template_may_take() {
    let service = Service::start().await;
    let urls: Vec<String> = (0..20)
        .map(|n| service.url(&format!("/none/{n:02}")))
        .collect();
    let mut resources = Resources::default();

    fetcher().read_all(urls.clone(), &mut resources).await;

    assert_eq!(service.seen().len(), 16);
    assert!(matches!(resources.get(&urls[0]), Some(Resource::Failed(_))));
    assert_eq!(resources.get(&urls[16]), None);
}
