//! Selections outside and the connections that they name.

use super::documents::{documents, refused};
use windlass_workflows::configuration::{Connection, Content, NextPage, Proof, Source, restore};

const CONNECTIONS: &str = "
windlass: v1
kind: Connection
name: warehouse
type: postgres
url: { secret: warehouse-url }
max_connections: 2
statement_timeout: 10m
---
windlass: v1
kind: Connection
name: feed
type: http
base_url: https://feed.example/v2
auth: { basic: { username: ada, password: { secret: feed-password } } }
timeout: 30s
rate: 5/s
";

const QUERY: &str = "
windlass: v1
kind: JobConfiguration
name: delta
purpose: brief
selection:
  query:
    connection: warehouse
    sql: select * from strike where at >= $1
    params: [ '${ $slot.previous }', 7 ]
    key: id
strategy: individual
";

const HTTP: &str = "
windlass: v1
kind: JobConfiguration
name: delta
purpose: brief
selection:
  http:
    connection: feed
    path: /rows
    query: { since: '${ $slot.previous }' }
    items: .data
    next: { cursor: { param: after, from: .meta.next } }
    key: [ id, day ]
    object: port
strategy: object
";

#[test]
fn connections_that_batches_are_read_from_are_read_and_written_back() {
    let read = documents(CONNECTIONS);
    let Content::Connection(Connection::Postgres(warehouse)) = &read[0].content else {
        panic!("the warehouse comes first");
    };
    assert_eq!(warehouse.url.name, "warehouse-url");
    assert_eq!(warehouse.statement_timeout.as_secs(), 600);
    let Content::Connection(Connection::Http(feed)) = &read[1].content else {
        panic!("the feed comes second");
    };
    assert_eq!(feed.rate, Some(5.0));
    assert!(
        matches!(&feed.proof, Some(Proof::Basic { password, .. }) if password.name == "feed-password")
    );
    // Defaults are left out.
    let canonical = read[0].canonical().to_json();
    assert!(!canonical.contains("max_connections"), "{canonical}");
    for document in read {
        let again = format!("{:?}", restore(document.canonical()).unwrap());
        assert_eq!(again, format!("{:?}", document.content));
    }
    for (from, to, told) in [
        (
            "{ secret: warehouse-url }",
            "postgres://a:b@c/d",
            "configuration.value /url",
        ),
        (
            "max_connections: 2",
            "max_connections: 0",
            "configuration.value /max_connections",
        ),
        (
            "rate: 5/s",
            "limit: x",
            "configuration.not_supported_yet /limit",
        ),
        (
            "basic: { username: ada,",
            "bearer: { secret: a }, basic: { username: ada,",
            "configuration.value /auth",
        ),
    ] {
        assert_eq!(refused(&CONNECTIONS.replace(from, to)), [told], "{to}");
    }
}

#[test]
fn every_connection_that_is_called_proves_itself_in_the_same_ways() {
    let head = "windlass: v1\nkind: Connection\nname: desk\n";
    let basic = "{ basic: { username: ada, password: { secret: word } } }";
    let header = "{ header: { name: X-Api-Key, value: { secret: word } } }";
    for body in [
        "type: http\nbase_url: 'http://a.example'\n",
        "type: analyse\nbase_url: 'http://a.example'\nprofiles: { risk: { path: /risk } }\n",
        "type: channel\nprotocol: webhook\nurl: 'http://a.example'\n",
    ] {
        for auth in ["{ bearer: { secret: word } }", basic, header] {
            let read = documents(&format!("{head}{body}auth: {auth}\n")).remove(0);
            let again = format!("{:?}", restore(read.canonical()).unwrap());
            assert_eq!(again, format!("{:?}", read.content));
        }
        for (auth, told) in [
            ("{}", "configuration.value /auth"),
            ("{ digest: a }", "configuration.unknown_key /auth/digest"),
            (
                "{ basic: { username: ada } }",
                "configuration.missing_key /auth/basic",
            ),
            (
                "{ header: { name: 'X Key', value: { secret: word } } }",
                "configuration.value /auth/header/name",
            ),
            (
                "{ header: { name: X-Key, value: plain } }",
                "configuration.value /auth/header/value",
            ),
        ] {
            let found = refused(&format!("{head}{body}auth: {auth}\n"));
            assert!(found.contains(&told.to_owned()), "{auth}: {found:?}");
        }
    }
}

#[test]
fn queries_and_services_are_read_and_written_back() {
    let [query, http] = [QUERY, HTTP].map(|text| documents(text).remove(0));
    for document in [&query, &http] {
        let again = format!("{:?}", restore(document.canonical()).unwrap());
        assert_eq!(again, format!("{:?}", document.content));
        let connection = document
            .references()
            .iter()
            .any(|one| one.kind.as_str() == "connection");
        assert!(connection, "{:?}", document.references());
    }
    let Content::JobConfiguration(http) = &http.content else {
        panic!("a job configuration");
    };
    let Source::Http(service) = &http.selection.source else {
        panic!("a service");
    };
    assert!(matches!(&service.next, Some(NextPage::Cursor { param, .. }) if param == "after"));
}

#[test]
fn what_a_source_outside_cannot_be_is_refused() {
    for (from, to, told) in [
        (
            "select *",
            "delete",
            "configuration.value /selection/query/sql",
        ),
        (
            "$slot.previous",
            "$key",
            "expression.unknown_variable /selection/query/params/0",
        ),
        (
            "    key: id",
            "    keys: id",
            "configuration.unknown_key /selection/query/keys",
        ),
        (
            "  query:",
            "  key: id\n  query:",
            "configuration.conflict /selection/key",
        ),
    ] {
        assert_eq!(refused(&QUERY.replace(from, to)), [told], "{to}");
    }
    for (from, to, told) in [
        (
            "path: /rows",
            "path: rows",
            "configuration.value /selection/http/path",
        ),
        (
            "path: /rows",
            "path: /rows?a=1",
            "configuration.value /selection/http/path",
        ),
        (
            "items: .data",
            "items: '$key'",
            "expression.unknown_variable /selection/http/items",
        ),
        (
            "{ cursor:",
            "{ link: header, cursor:",
            "configuration.value /selection/http/next",
        ),
    ] {
        assert_eq!(refused(&HTTP.replace(from, to)), [told], "{to}");
    }
}
