//! Whatever stands in a document, it is read or refused; whatever a value is, it stays in its place.

use proptest::prelude::*;
use windlass_workflows::document::tree::{Format, read_one};
use windlass_workflows::openapi::{Document, Operation};
use windlass_workflows::value::Value;

use super::{MUSEUM, PETSTORE, document};

const OPERATIONS: [&str; 12] = [
    "addPet",
    "findPetsByStatus",
    "findPetsByTags",
    "getPetById",
    "updatePetWithForm",
    "uploadFile",
    "getTicket",
    "putVisit",
    "styles",
    "sendForm",
    "loop",
    "far",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~äé\\n]{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("#/paths"),
            Just("#"),
            Just("#/x-loop"),
            Just("form"),
            Just("path"),
            Just("body"),
            Just("{a}{"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = prop_oneof![
            Just("$ref".to_owned()),
            Just("name".to_owned()),
            Just("in".to_owned()),
            Just("content".to_owned()),
            "[a-z{}/]{1,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
            prop::collection::vec((keys, inner), 0..4).prop_map(Value::map),
        ]
    })
}

/// The value with the `place`th node, in pre-order, replaced.
fn replaced(at: &Value, place: &mut usize, with: &Value) -> Value {
    if *place == 0 {
        *place = usize::MAX;
        return with.clone();
    }
    *place = place.saturating_sub(usize::from(*place != usize::MAX));
    match at {
        Value::List(list) => {
            let items = list.items().iter();
            Value::list(
                items
                    .map(|item| replaced(item, place, with))
                    .collect::<Vec<_>>(),
            )
        }
        Value::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), replaced(value, place, with)))
                .collect();
            Value::map(entries)
        }
        scalar => scalar.clone(),
    }
}

/// Values for every name that the two documents declare.
fn parameters() -> impl Strategy<Value = Value> {
    let names = [
        "pet", "status", "csv", "ssv", "X-Tags", "petId", "name", "ticket", "label", "matrix",
        "form", "flat", "deep", "raw", "json", "session", "body", "region", "port",
    ];
    let each = names.map(|name| any_value().prop_map(move |value| (name, value)));
    Vec::from(each).prop_map(Value::map)
}

/// No character that could end what it stands in.
fn is_clean(url: &str) -> bool {
    url.chars()
        .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{}|#".contains(c))
}

proptest! {
    #[test]
    fn broken_documents_are_read_or_refused(
        museum in any::<bool>(),
        place in 0usize..260,
        with in any_value(),
        values in parameters(),
    ) {
        let text = if museum { MUSEUM } else { PETSTORE };
        let whole = read_one(text, Format::Yaml).expect("YAML").to_value();
        let broken = replaced(&whole, &mut place.clone(), &with).to_json();

        let Ok(document) = Document::read(&broken, "https://docs.example/a/b.json") else {
            return Ok(());
        };
        for id in OPERATIONS {
            let Ok(operation) = document.operation(id) else { continue };
            let stored = operation.to_value();
            let again = Operation::from_value(&stored).expect("what was stored is read");
            prop_assert_eq!(again.to_value(), stored);
            let _ = operation.complaints(&[]);
            prop_assert_eq!(again.request(&values).ok(), operation.request(&values).ok());
        }
    }

    #[test]
    fn no_value_leaves_its_place(values in parameters()) {
        for (text, ids) in [(PETSTORE, &OPERATIONS[..6]), (MUSEUM, &OPERATIONS[6..10])] {
            let document = document(text);
            for id in ids {
                let operation = document.operation(id).expect("an operation");
                let Ok(sent) = operation.request(&values) else { continue };
                prop_assert!(is_clean(&sent.url), "{}", sent.url);
                let path = sent.url.split('?').next().unwrap_or_default();
                let declared = format!("{}{}", operation.server, operation.path);
                prop_assert_eq!(path.matches('/').count(), declared.matches('/').count());
            }
        }
    }

    #[test]
    fn text_comes_back_from_path_and_query_as_it_was(ticket in ".{1,20}", form in prop::collection::vec(".{0,12}", 1..4)) {
        prop_assume!(ticket != "." && ticket != "..");
        let museum = document(MUSEUM);
        let values = Value::map([("ticket", Value::from(ticket.as_str()))]);
        let sent = museum.operation("getTicket").expect("it").request(&values).expect("a request");
        let part = sent.url.rsplit('/').next().unwrap_or_default();
        prop_assert_eq!(decoded(part), ticket);

        let list = Value::list(form.iter().map(|text| Value::from(text.as_str())));
        let values = Value::map([("csv", list)]);
        let sent = document(PETSTORE).operation("findPetsByTags").expect("it").request(&values);
        let url = sent.expect("a request").url;
        let (_, query) = url.split_once("?csv=").expect("a query");
        let back: Vec<String> = query.split(',').map(decoded).collect();
        prop_assert_eq!(back, form);
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(hex, 16).expect("two digits"));
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).expect("text")
}
