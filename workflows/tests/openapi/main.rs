//! `call: openapi` without a network: documents as they are published, and requests as they are sent.

mod pinned;
mod properties;

use windlass_workflows::openapi::{Complaint, Document, Given, Operation, Parts};
use windlass_workflows::value::Value;

const PETSTORE: &str = include_str!("petstore.yaml");
const MUSEUM: &str = include_str!("museum.yaml");

fn document(text: &str) -> Document {
    Document::read(text, "https://docs.example/apis/main/openapi.yaml").expect("a document")
}

fn value(text: &str) -> Value {
    Value::parse(text).expect("JSON")
}

/// The operation as a worker has it: stored and read again.
fn operation(text: &str, id: &str) -> Operation {
    let operation = document(text).operation(id).expect("an operation");
    let stored = operation.to_value().to_json();
    Operation::from_value(&value(&stored)).expect("an operation")
}

fn sent(text: &str, id: &str, values: &str) -> Parts {
    let sent = operation(text, id).request(&value(values));
    sent.unwrap_or_else(|message| panic!("{id}: {message}"))
}

fn refused(text: &str, id: &str) -> Complaint {
    document(text).operation(id).expect_err("no operation")
}

fn told(text: &str, id: &str, given: &[&str]) -> Vec<(&'static str, String)> {
    let operation = document(text).operation(id).expect("an operation");
    let given: Vec<Given<'_>> = given
        .iter()
        .map(|name| Given {
            name,
            is_null: false,
        })
        .collect();
    let complaints = operation.complaints(&given).into_iter();
    complaints
        .map(|one| (one.code, one.hint.unwrap_or_default()))
        .collect()
}

#[test]
fn each_collection_format_is_written_in_its_way() {
    let base = "https://petstore.example/v2/pet";
    for (values, query) in [
        (r#"{"csv":["a,b","c"]}"#, "?csv=a%2Cb,c"),
        (r#"{"ssv":["a","b c"]}"#, "?ssv=a%20b%20c"),
        (r#"{"tsv":["a","b"]}"#, "?tsv=a%09b"),
        (r#"{"pipes":["a","b"]}"#, "?pipes=a%7Cb"),
        (r#"{"csv":[],"ssv":null}"#, ""),
        (r#"{"csv":7}"#, "?csv=7"),
    ] {
        let parts = sent(PETSTORE, "findPetsByTags", values);
        assert_eq!(parts.url, format!("{base}/findByTags{query}"), "{values}");
    }
    let multi = sent(PETSTORE, "findPetsByStatus", r#"{"status":["sold","a&b"]}"#);
    assert_eq!(
        multi.url,
        format!("{base}/findByStatus?status=sold&status=a%26b")
    );
    assert_eq!(
        multi.headers,
        [("Accept".to_owned(), "application/json".to_owned())]
    );
    let header = sent(PETSTORE, "findPetsByTags", r#"{"X-Tags":["a","b"]}"#);
    assert_eq!(header.headers, [("X-Tags".to_owned(), "a,b".to_owned())]);
}

#[test]
fn bodies_of_swagger_go_by_their_name_or_as_a_form() {
    let pet = sent(PETSTORE, "addPet", r#"{"pet":{"name":"Rex"}}"#);

    assert_eq!(
        (pet.method.as_str(), pet.body),
        ("POST", Some(value(r#"{"name":"Rex"}"#)))
    );
    let content = |media: &str| ("Content-Type".to_owned(), media.to_owned());
    assert!(pet.headers.contains(&content("application/json")));
    let form = sent(
        PETSTORE,
        "updatePetWithForm",
        r#"{"petId":7,"name":"Rex & Co","status":["a","b"]}"#,
    );
    assert_eq!(form.url, "https://petstore.example/v2/pet/7");
    assert_eq!(form.headers, [content("application/x-www-form-urlencoded")]);
    let body = form.body.expect("a form");
    assert_eq!(body.as_str(), Some("name=Rex%20%26%20Co&status=a&status=b"));
}

#[test]
fn a_key_of_the_api_is_given_like_a_parameter() {
    let parts = sent(PETSTORE, "getPetById", r#"{"petId":7,"api_key":"k"}"#);

    assert_eq!(parts.headers, [("api_key".to_owned(), "k".to_owned())]);
    assert_eq!(told(PETSTORE, "getPetById", &["petId"]), []);
    assert_eq!(
        told(PETSTORE, "updatePetWithForm", &["petId", "api_key"])[0].0,
        "openapi.unknown_parameter"
    );
}

#[test]
fn each_style_of_openapi_is_written_in_its_way() {
    let parts = sent(
        MUSEUM,
        "styles",
        r#"{"label":["a","b"],"matrix":{"x":1,"y":"z/"},"form":["1","2"],"flat":{"a":1,"b":2},
            "space":["a","b"],"pipe":["a","b"],"deep":{"gte":1,"l t":2},"raw":"a/b?c&d#e%",
            "json":{"a":[1]},"X-Day":{"a":1},"session":"a;b","theme":["x","y"]}"#,
    );

    assert_eq!(
        parts.url,
        "https://docs.example/apis/main/../events-api/events/.a,b;x=1;y=z%2F?form=1&form=2&flat=a,1,b,2\
         &space=a%20b&pipe=a%7Cb&deep%5Bgte%5D=1&deep%5Bl%20t%5D=2&raw=a/b?c%26d%23e%25\
         &json=%7B%22a%22%3A%5B1%5D%7D"
    );
    let lines = [
        ("X-Day", "a=1"),
        ("Cookie", "session=a%3Bb; theme=x; theme=y"),
    ];
    assert_eq!(
        parts.headers,
        lines.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[test]
fn bodies_of_openapi_stand_under_body() {
    let visit = sent(MUSEUM, "putVisit", r#"{"ticket":"t","body":"plain"}"#);
    assert_eq!(
        visit.body.and_then(|body| body.as_str().map(str::to_owned)),
        Some("\"plain\"".into())
    );
    assert_eq!(visit.headers[0].1, "application/json");

    let form = sent(
        MUSEUM,
        "sendForm",
        r#"{"body":{"tags":["a","b"],"x":["1","2"],"o":{"k":1}}}"#,
    );
    let body = form.body.expect("a form");
    assert_eq!(body.as_str(), Some("tags=a,b&x=1&x=2&o=%7B%22k%22%3A1%7D"));
    assert_eq!(form.url, "https://docs.example/forms");

    let note = sent(MUSEUM, "sendNote", r##"{"body":"# Hello"}"##);
    assert_eq!(note.body, Some(Value::from("# Hello")));
    assert_eq!(note.headers[0].1, "text/markdown");
    assert!(
        operation(MUSEUM, "sendNote")
            .request(&value(r#"{"body":1}"#))
            .is_err()
    );
}

#[test]
fn variables_of_the_address_are_plain_and_of_those_that_are_allowed() {
    let url = |values: &str| {
        operation(MUSEUM, "getTicket")
            .request(&value(values))
            .map(|sent| sent.url)
    };

    let usual = url(r#"{"ticket":"a"}"#).expect("a request");
    assert_eq!(usual, "https://eu.museum.example:8443/api/tickets/a");
    let other = url(r#"{"ticket":"a","region":"us","port":"443"}"#).expect("a request");
    assert_eq!(other, "https://us.museum.example:443/api/tickets/a");
    assert!(url(r#"{"ticket":"a","region":"evil.example/"}"#).is_err());
    assert!(url(r#"{"ticket":"a","port":"1@evil.example"}"#).is_err());
}

#[test]
fn what_would_ask_for_something_else_is_refused() {
    let ticket = operation(MUSEUM, "getTicket");
    for values in [
        r#"{}"#,
        r#"{"ticket":null}"#,
        r#"{"ticket":""}"#,
        r#"{"ticket":[]}"#,
        r#"{"ticket":".."}"#,
        r#"{"ticket":"."}"#,
        r#"{"ticket":[["a"]]}"#,
    ] {
        assert!(ticket.request(&value(values)).is_err(), "{values}");
    }
    let sent = ticket
        .request(&value(r#"{"ticket":"../x?y=%2e"}"#))
        .expect("a request");
    assert!(
        sent.url.ends_with("/tickets/..%2Fx%3Fy%3D%252e"),
        "{}",
        sent.url
    );
    let visit = operation(MUSEUM, "putVisit").request(&value(r#"{"ticket":"t"}"#));
    assert!(visit.expect_err("no body").contains("`body`"));
}

#[test]
fn what_a_template_gives_is_compared_with_what_is_declared() {
    assert_eq!(told(MUSEUM, "getTicket", &["ticket", "region"]), []);
    assert_eq!(
        told(MUSEUM, "getTicket", &["tiket"]),
        [
            (
                "openapi.unknown_parameter",
                "did you mean `ticket`?".to_owned()
            ),
            (
                "openapi.missing_parameter",
                "add `ticket:` to `parameters`".to_owned()
            ),
        ]
    );
    let codes = |id: &str, given: &[&str]| -> Vec<&str> {
        told(MUSEUM, id, given)
            .into_iter()
            .map(|one| one.0)
            .collect()
    };
    assert_eq!(codes("sendFile", &[]), ["openapi.missing_parameter"]);
    assert_eq!(codes("sendFile", &["body"]), ["openapi.not_supported"]);
    assert_eq!(
        codes("styles", &["label", "matrix", "Accept"]),
        ["openapi.unknown_parameter"]
    );
    let files = told(PETSTORE, "uploadFile", &["petId", "file"]);
    assert_eq!(files[0].0, "openapi.not_supported");
}

#[test]
fn what_cannot_be_called_says_why() {
    for (id, code) in [
        ("getTickets", "openapi.unknown_operation"),
        ("loop", "openapi.reference"),
        ("far", "openapi.reference"),
        ("undeclared", "openapi.document"),
        ("twice", "openapi.document"),
    ] {
        assert_eq!(refused(MUSEUM, id).code, code, "{id}");
    }
    let hint = refused(MUSEUM, "getTickets").hint;
    assert_eq!(hint.as_deref(), Some("did you mean `getTicket`?"));
}

#[test]
fn what_is_no_description_is_refused() {
    let code = |text: &str| {
        Document::read(text, "https://x/")
            .map(|_| ())
            .map_err(|one| one.code)
    };

    for (text, wanted) in [
        ("", "openapi.document"),
        ("<html></html>", "openapi.document"),
        ("[]", "openapi.document"),
        ("{", "openapi.document"),
        ("openapi: 4.0.0", "openapi.version"),
        ("openapi: 3.2.0", "openapi.version"),
        ("swagger: '1.2'", "openapi.version"),
    ] {
        assert_eq!(code(text), Err(wanted), "{text}");
    }
    assert_eq!(code("swagger: 2.0"), Ok(()));
    assert_eq!(code(r#"{"openapi":"3.0.4"}"#), Ok(()));
    assert_eq!(code(&" ".repeat(9 << 20)), Err("openapi.document"));
    let deep = format!(
        r#"{{"openapi":"3.0.0","x":{}1{}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(code(&deep), Err("openapi.document"));
}

#[test]
fn a_server_that_cannot_be_called_is_refused() {
    let with = |server: &str| {
        let text = format!(
            "{{\"openapi\":\"3.0.0\",\"servers\":[{server}],\"paths\":{{\"/x\":{{\"get\":{{\"operationId\":\"x\"}}}}}}}}"
        );
        let operation = document(&text).operation("x");
        operation.map(|operation| operation.request(&value("{}")).expect("a request").url)
    };

    for (server, url) in [
        (r#"{"url":"/v1"}"#, "https://docs.example/v1/x"),
        (r#"{"url":"v1/"}"#, "https://docs.example/apis/main/v1/x"),
        (r#"{"url":"//api.example"}"#, "https://api.example/x"),
        (r#"{"url":"http://api.example/"}"#, "http://api.example/x"),
        ("{}", "https://docs.example/x"),
    ] {
        assert_eq!(with(server).as_deref(), Ok(url), "{server}");
    }
    for server in [
        r#"{"url":"ftp://api.example"}"#,
        r#"{"url":"https://"}"#,
        r#"{"url":"https://user@api.example"}"#,
        r#"{"url":"https://api.example/?x=1"}"#,
        r#"{"url":"https://{host}"}"#,
        r#"{"url":"https://{host","variables":{"host":{"default":"a"}}}"#,
    ] {
        assert_eq!(
            with(server).map_err(|one| one.code),
            Err("openapi.server"),
            "{server}"
        );
    }
}
