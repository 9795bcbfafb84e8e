//! Documents for what neither rulings nor samples reach: chunks, undos, effects, persons, heads, slices.

use chrono::TimeDelta;
use windlass_workflows::check;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::program::Bundle;
use windlass_workflows::value::Value;

use crate::batches::batch;
use crate::codec::json;
use crate::play::{Move, Script};
use crate::sources::{catalogue, facts, start};

const HEADER: &str = "document: { dsl: '1.0.3', namespace: golden, name: own, version: 1.0.0 }\n";
const FUNCTIONS: [(&str, &str); 6] = [
    ("echo", "1.0.0"),
    ("map", "1.0.0"),
    ("batch", "1.0.0"),
    ("context-save", "1.0.0"),
    ("undo-it", "1.0.0"),
    ("verify-it", "1.0.0"),
];

pub fn scripts() -> Vec<Script> {
    vec![
        chunks(),
        undone(),
        undone_on_cancel(),
        race(),
        effects(),
        placed(),
        beside(),
        secrets(),
        grown(),
        sliced(),
        retried(),
        decided(),
        timed_out(),
    ]
}

/// A run: each event so many seconds after the one before.
fn script(name: &str, document: &str, events: Vec<(i64, EventKind)>) -> Script {
    let published = check::publish(&format!("{HEADER}{document}"), &catalogue(FUNCTIONS));
    let template = published.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    let mut facts = facts(r#"{"n":1,"amount":12.50,"big":12345678901234567890123}"#);
    facts.batch = document.contains("chunks:").then(|| batch(Some(5)));
    let mut now = start();
    let started = EventKind::Started {
        attempt: 0,
        losses: 0,
    };
    let told = std::iter::once((0, started)).chain(events);
    let told = told.map(|(after, kind)| {
        now += TimeDelta::seconds(after);
        Move::Told(Event { at: now, kind })
    });
    let begun = Move::Begun(Bundle::new(template.document), Box::new(facts));
    Script {
        name: name.to_owned(),
        moves: std::iter::once(begun).chain(told).collect(),
    }
}

fn gives(activity: u32, output: &str) -> (i64, EventKind) {
    let kind = EventKind::Succeeded {
        activity: Activity(activity),
        output: json(output),
    };
    (1, kind)
}

fn away() -> Fault {
    Fault::standard("communication", 503, "answered 503")
}

fn fails(activity: u32) -> (i64, EventKind) {
    let kind = EventKind::Failed {
        activity: Activity(activity),
        fault: away(),
        again_after: None,
    };
    (1, kind)
}

fn due(after: i64) -> (i64, EventKind) {
    (after, EventKind::Due)
}

fn cancel() -> (i64, EventKind) {
    let kind = EventKind::Cancel {
        who: "ann".into(),
        why: "enough".into(),
    };
    (1, kind)
}

fn mail(id: i64, kind: &str, data: &str) -> (i64, EventKind) {
    let envelope = format!(
        r#"{{"specversion":"1.0","id":"e{id}","source":"/s","type":"{kind}","data":{data}}}"#
    );
    let kind = EventKind::Mail {
        id,
        envelope: json(&envelope),
        arrived: start() + TimeDelta::seconds(1),
    };
    (1, kind)
}

fn chunks() -> Script {
    let chunk = |number, result| {
        let activity = Activity(1);
        (
            1,
            EventKind::Chunk {
                activity,
                number,
                result,
            },
        )
    };
    let ok = || Ok(json(r#"{"n":1.50}"#));
    script(
        "chunks, two at once, one of them refused",
        "do: [ { c: { call: 'chunks:1.0.0@default', with: { call: 'echo:1.0.0@default', parallel: 2, tolerate: { percent: 40 } } } } ]",
        vec![
            chunk(2, ok()),
            chunk(1, Err(away())),
            chunk(3, ok()),
            chunk(4, ok()),
            chunk(5, ok()),
        ],
    )
}

const SCOPE: &str = "do:
- s:
    metadata: { windlass: { compensate: onFailureOrCancel } }
    do:
      - a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' }, metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { was: '${ $output }' } } } } }
      - b: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { b: '${ $output.id }' } } } } }
      - c: { call: 'echo:1.0.0@default' }
";

fn undone() -> Script {
    let events = vec![
        gives(1, r#"{"id":7}"#),
        gives(2, r#"{"id":8}"#),
        fails(3),
        fails(4),
        due(5),
        gives(5, "null"),
        gives(6, "null"),
    ];
    script("a scope that fails is undone backwards", SCOPE, events)
}

fn undone_on_cancel() -> Script {
    let events = vec![
        gives(1, r#"{"id":7}"#),
        cancel(),
        gives(2, r#"{"id":8}"#),
        gives(3, "null"),
        gives(4, "null"),
    ];
    script(
        "a cancelled job awaits its step and is undone",
        SCOPE,
        events,
    )
}

fn race() -> Script {
    let document = "do:
- f:
    fork:
      compete: true
      branches:
        - ack: { listen: { to: { all: [ { with: { type: a }, correlate: { k: { from: .data.k } } }, { with: { type: b }, correlate: { k: { from: .data.k } } } ] } } }
        - slow: { do: [ { w: { wait: PT10M } }, { x: { set: { late: true } } } ] }
- more: { call: 'echo:1.0.0@default', with: { got: '${ . }' }, export: { as: '$context + { more: . }' } }
";
    let events = vec![
        mail(1, "a", r#"{"k":1}"#),
        mail(2, "b", r#"{"k":2}"#),
        mail(3, "b", r#"{"k":1}"#),
        gives(2, "[1,2.0,3e2]"),
    ];
    script("a race of two letters and a timer", document, events)
}

fn effects() -> Script {
    let document = "do: [ { c: { call: 'echo:1.0.0@default', with: { a: '${ .amount }' }, metadata: { windlass: { needs: { gpu: true }, effect: { key: '${ \"k\\(.n)\" }', onUnknown: verify, verify: 'verify-it:1.0.0@default' } } } } }, { d: { call: 'echo:1.0.0@default', metadata: { windlass: { effect: { key: '${ \"d\" }', onUnknown: redo } } } } } ]";
    let taken = EventKind::EffectTaken {
        activity: Activity(4),
        holder: "j_1".into(),
    };
    let unknown = |activity| {
        let activity = Activity(activity);
        (1, EventKind::Unknown { activity })
    };
    let events = vec![
        unknown(1),
        gives(2, r#"{"done":false}"#),
        gives(3, r#"{"paid":12.50}"#),
        unknown(4),
        (1, taken),
    ];
    script("effects of unknown fate", document, events)
}

fn placed() -> Script {
    let document = "do:
- tried:
    try: [ { pay: { call: 'echo:1.0.0@default', with: { a: '${ .amount }' }, metadata: { windlass: { queue: slow, runTime: PT5M, effect: { key: '${ \"k\\(.n)\" }', onUnknown: verify, verify: 'verify-it:1.0.0@default' } } } } } ]
    catch: { retry: { delay: PT10S, limit: { attempt: { count: 1 } } } }
- send: { call: http, with: { method: post, endpoint: 'https://a.example/{n}', body: '${ . }' }, metadata: { windlass: { startBy: PT1M } } }
- last: { call: 'echo:1.0.0@default', metadata: { windlass: { priority: high } } }
";
    let events = vec![
        settled(1, Err(away())),
        due(10),
        settled(2, Ok(json(r#"{"n":2,"paid":12.50}"#))),
        settled(3, Ok(json(r#"{"n":3}"#))),
        cancel(),
        settled(4, Ok(json("1"))),
    ];
    script("calls that jobs of their own make", document, events)
}

fn settled(activity: u32, result: Result<Value, Fault>) -> (i64, EventKind) {
    let (activity, by) = (Activity(activity), "j_9".to_owned());
    (
        1,
        EventKind::Settled {
            activity,
            by,
            result,
        },
    )
}

fn beside() -> Script {
    let document = "do:
- tell: { emit: { event: { with: { type: told, subject: '${ \"s\\(.n)\" }', data: '${ . }' } } } }
- child: { run: { workflow: { namespace: a, name: b, version: latest, input: { n: '${ .data.n }' } } } }
- group: { call: 'map:1.0.0@default', with: { items: [ 1, 2 ], call: 'echo:1.0.0@default' } }
- save: { call: 'context-save:1.0.0@default', with: { key: k, patch: { n: 1 } } }
";
    let events = vec![
        settled(1, Ok(json(r#"{"b":1}"#))),
        settled(2, Ok(json(r#"[{"index":0,"ok":true,"output":1}]"#))),
        settled(3, Err(away())),
    ];
    script("an event, a child, a group and a context", document, events)
}

fn secrets() -> Script {
    let document = "use: { secrets: [ k ], authentications: { a: { bearer: { use: k } } } }
do:
- one: { call: http, with: { method: POST, endpoint: { uri: 'https://a.example/{n}', authentication: { use: a } }, headers: { h: '${ \"Bearer \\($secrets.k)\" }' }, query: { q: '${ \"\\(.amount)\" }' }, body: '${ . }' } }
- two: { wait: PT1S }
";
    script(
        "a request with a secret",
        document,
        vec![gives(1, r#"{"ok":true}"#), due(1)],
    )
}

/// Long enough for a head.
fn grown() -> Script {
    let document = "do:
- each:
    for: { in: '[ range(30) ]' }
    do: [ { a: { call: 'echo:1.0.0@default', with: { n: '${ $item }' }, export: { as: '$context + { (\"k\\($item)\"): ., list: (($context.list // []) + [ $index ]) }' } } } ]
- last: { set: '${ $context | keys | length }' }
";
    let answers = (1..=30).map(|activity| {
        let text = format!("answer {activity} ").repeat(70);
        gives(
            activity,
            &Value::map([("text", Value::from(text))]).to_json(),
        )
    });
    script(
        "a context that grows to a head",
        document,
        answers.collect(),
    )
}

fn sliced() -> Script {
    let document = "do:
- each: { for: { in: '[ range(1200) ]' }, do: [ { a: { set: { n: '${ $index * 1.5 }' } } } ] }
- pause: { wait: PT1S }
";
    let continued = (0, EventKind::Continued);
    script(
        "a long walk in slices",
        document,
        vec![continued.clone(), continued.clone(), continued, due(1)],
    )
}

fn retried() -> Script {
    let document = "do:
- t:
    try: [ { a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' } } } ]
    catch:
      retry: { delay: PT2S, backoff: { exponential: {} }, jitter: { from: PT0S, to: PT1S }, limit: { attempt: { count: 3 } } }
      do: [ { h: { set: '${ $error }' } } ]
- w: { wait: PT1S }
";
    let events = vec![
        fails(1),
        due(3),
        fails(2),
        due(6),
        fails(3),
        due(10),
        fails(4),
        due(1),
    ];
    script("retries with jitter, then the handler", document, events)
}

fn decided() -> Script {
    let step = |name: &str| {
        format!(
            "- {name}: {{ call: 'echo:1.0.0@default', metadata: {{ windlass: {{ onExhausted: park }} }} }}\n"
        )
    };
    let document = format!("do:\n{}{}{}", step("a"), step("b"), step("c"));
    let activity = Activity;
    let events = vec![
        fails(1),
        (
            60,
            EventKind::Retry {
                activity: activity(1),
            },
        ),
        gives(2, "1"),
        fails(3),
        (
            60,
            EventKind::Skip {
                activity: activity(3),
                output: json(r#"{"by":"hand"}"#),
            },
        ),
        fails(4),
        (
            60,
            EventKind::Fail {
                activity: activity(4),
                fault: away(),
            },
        ),
    ];
    script("a person retries, skips and fails", &document, events)
}

fn timed_out() -> Script {
    let document = "timeout: { after: PT1H }
do:
- t:
    try: [ { a: { call: 'echo:1.0.0@default', timeout: { after: PT30S } } } ]
    catch: { errors: { with: { status: 408 } }, do: [ { h: { wait: PT2H } } ] }
";
    script(
        "a deadline that is caught and one that is not",
        document,
        vec![due(30), due(3_600)],
    )
}
