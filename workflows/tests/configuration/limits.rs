//! Documents of kind `Limit`, and the references to them.

use windlass_workflows::configuration::{Content, Limit, LimitScope, Overflow, ReferenceKind};

use super::documents::{documents, refused};

const HEAD: &str = "windlass: v1\nkind: Limit\nname: one\n";

fn limit(rest: &str) -> Limit {
    match documents(&format!("{HEAD}{rest}")).remove(0).content {
        Content::Limit(limit) => limit,
        other => panic!("a limit expected, {other:?} found"),
    }
}

#[test]
fn a_limit_says_how_many_and_how_often() {
    let both = limit("concurrency: 64\nrate: 50/min\nkeys: { writer: { rate: 4/s, burst: 9 } }\n");

    assert_eq!(both.figures.concurrency, Some(64));
    assert!((both.figures.rate.unwrap() - 50.0 / 60.0).abs() < 1e-9);
    assert_eq!(
        both.figures.burst(),
        Some(1),
        "what a second brings, but one at least"
    );
    assert_eq!(
        (both.keys[0].0.as_str(), both.keys[0].1.burst()),
        ("writer", Some(9))
    );
    assert_eq!(
        (both.scope, both.overflow),
        (LimitScope::Reference, Overflow::Queue)
    );
}

#[test]
fn a_limit_is_attached_and_reads_its_keys() {
    let read = limit(
        "scope: { purpose: survey }\nkey: '${ .contact.operator }'\nconcurrency: 1\noverflow: reject_new\n",
    );

    assert_eq!(read.scope, LimitScope::Purpose("survey".to_owned()));
    assert_eq!(read.key.as_deref(), Some(".contact.operator"));
    assert_eq!(read.overflow, Overflow::RejectNew);
}

#[test]
fn what_a_limit_cannot_mean_is_refused() {
    let wrong = [
        ("burst: 3", "configuration.missing_key "),
        ("concurrency: -1", "configuration.value /concurrency"),
        ("rate: 20/fortnight", "configuration.value /rate"),
        ("rate: 0/s", "configuration.value /rate"),
        ("concurrency: 1\nkey: .plain", "configuration.value /key"),
        (
            "concurrency: 1\nkey: '${ now }'",
            "configuration.value /key",
        ),
        ("concurrency: 1\nkey: '${ . ) }'", "expression.syntax /key"),
        (
            "concurrency: 1\nscope: { step: /do/0 }",
            "configuration.not_supported_yet /scope/step",
        ),
        (
            "concurrency: 1\nscope: { tenant: true, queue: a }",
            "configuration.value /scope",
        ),
        (
            "concurrency: 1\noverflow: explode",
            "configuration.value /overflow",
        ),
    ];
    for (rest, problem) in wrong {
        assert_eq!(refused(&format!("{HEAD}{rest}\n")), [problem], "{rest}");
    }
}

#[test]
fn purposes_name_limits_and_keys_of_them() {
    let purpose =
        "windlass: v1\nkind: Purpose\nname: survey\ntemplate: a.b\nlimits: [ one, 'two:writer' ]\n";
    let read = documents(purpose).remove(0);

    let named: Vec<_> = read
        .references()
        .iter()
        .filter(|reference| reference.kind == ReferenceKind::Limit)
        .map(|reference| (reference.name.as_str(), reference.pointer.as_str()))
        .collect();
    assert_eq!(named, [("one", "/limits/0"), ("two", "/limits/1")]);
    let Content::Purpose(purpose) = &read.content else {
        panic!("a purpose");
    };
    assert_eq!(purpose.limits[1].key.as_deref(), Some("writer"));
}
