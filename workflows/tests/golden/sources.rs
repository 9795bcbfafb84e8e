//! Where the corpus comes from: the rulings as their features play them, the samples with whatever
//! answers them, and documents of our own for what neither has.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::check;
use windlass_workflows::document::tree::{Format, read_one};
use windlass_workflows::machine::command::{Command, Perform};
use windlass_workflows::machine::event::{Event, EventKind};
use windlass_workflows::machine::row::Interest;
use windlass_workflows::machine::{Applied, Execution, JobFacts};
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::resource::{Resource, Resources};
use windlass_workflows::trial::{self, Answer, Manner, Outside, Setting, Trial, Witnessed};
use windlass_workflows::value::Value;

use crate::codec::json;
use crate::own;
use crate::play::{Move, Script};

/// Answers that a sample is given before it is left alone.
const ANSWERS_MAX: usize = 12;

/// Every file of the corpus by name, in order.
pub fn all() -> Vec<(String, Vec<Script>)> {
    let mut files = features();
    files.push(("own.txt".to_owned(), own::scripts()));
    files.push(("samples.txt".to_owned(), samples()));
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

/// Texts of a folder, by name.
fn texts(folder: &str, extension: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read_to_string(&path).expect("text"))
        })
        .collect();
    found.sort();
    found
}

fn features() -> Vec<(String, Vec<Script>)> {
    let files = texts("tests/features", "feature").into_iter();
    let played = files.filter_map(|(name, text)| {
        let read = trial::read(&format!("{name}.feature"), &text, |_| Err(String::new()));
        let trials = read.expect("the feature can be read");
        let scripts: Vec<Script> = trials.iter().filter_map(recorded).collect();
        (!scripts.is_empty()).then(|| (format!("{name}.txt"), scripts))
    });
    played.collect()
}

/// Notes what a trial does to the machine; answers nothing.
#[derive(Default)]
struct Recorder(Vec<Move>);

impl Outside for Recorder {
    fn perform(&mut self, _: &Perform, _: &Setting<'_>) -> Option<Answer> {
        None
    }

    fn witness(&mut self, witnessed: Witnessed<'_>) {
        self.0.push(match witnessed {
            Witnessed::Begun { document, facts } => {
                Move::Begun(Bundle::new(document.clone()), Box::new(facts.clone()))
            }
            Witnessed::Told(event) => Move::Told(event.clone()),
            Witnessed::Restarted => Move::Restarted,
        });
    }
}

/// What a trial did; nothing where its document is refused.
fn recorded(trial: &Trial) -> Option<Script> {
    let mut recorder = Recorder::default();
    let passed = trial::run(trial, Manner::default(), &mut recorder);
    assert_eq!(passed, Ok(()), "{}", trial.name);
    (!recorder.0.is_empty()).then(|| Script {
        name: trial.name.clone(),
        moves: recorder.0,
    })
}

/// Everything that the machine can do, with these functions.
pub fn catalogue<'n>(names: impl IntoIterator<Item = (&'n str, &'n str)>) -> Catalogue {
    let able = Ability::ALL.into_iter();
    let catalogue = able.fold(Catalogue::builtin(), Catalogue::able);
    let names = names.into_iter();
    names.fold(catalogue, |catalogue, (name, version)| {
        let known = catalogue.with(name, version, &Value::from(true));
        known.expect("a schema")
    })
}

pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0)
        .single()
        .expect("an instant")
}

pub fn facts(input: &str) -> JobFacts {
    JobFacts {
        id: 7,
        nonce: 0x5eed,
        input: json(input),
        created_at: start(),
        tenant: "acme".into(),
        ..JobFacts::default()
    }
}

/// What the samples take from elsewhere.
fn team() -> Resources {
    let mut resources = Resources::default();
    let address = "https://templates.internal.example/catalog/functions/score/2.0.0/function.yaml";
    let text = "{ call: 'analyse:1.0.0@default', with: { profile: score, text: '${ .text }' } }";
    resources.add(address, Resource::Read(Arc::from(text)));
    resources
}

/// What a sample calls: `name:version`, with or without a catalog.
fn called(tree: &Value, names: &mut Vec<(String, String)>) {
    if let Some(map) = tree.as_map() {
        for (key, value) in map.iter() {
            let name = value
                .as_str()
                .filter(|_| matches!(&**key, "call" | "verify"));
            if let Some((name, rest)) = name.and_then(|name| name.split_once(':')) {
                let (version, catalog) = rest.split_once('@').unwrap_or((rest, "default"));
                let name = match catalog {
                    "default" => name.to_owned(),
                    other => format!("{name}@{other}"),
                };
                names.push((name, version.to_owned()));
            }
            called(value, names);
        }
    }
    let items = tree.as_list().unwrap_or_default();
    items.iter().for_each(|item| called(item, names));
}

fn samples() -> Vec<Script> {
    let files = texts("tests/samples", "yaml").into_iter();
    let samples = files.filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_digit()));
    samples.map(|(name, text)| sample(name, &text)).collect()
}

fn sample(name: String, text: &str) -> Script {
    let tree = read_one(text, Format::Yaml).expect("YAML").to_value();
    let mut names = Vec::new();
    called(&tree, &mut names);
    let names = names.iter().map(|(name, version)| (&**name, &**version));
    let read = check::read(text).expect("YAML");
    let template = check::publish_tree(&read, &catalogue(names), &team());
    let template = template.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    let bundle = Bundle::of(&template);
    let schema = tree.pointer("/input/schema/document");
    let mut input = json(INPUT);
    if let Some(schema) = schema {
        input = input.merged(&fitting(schema));
    }
    let facts = facts(&input.to_json());
    let program = Arc::new(Program::build(&bundle).expect("it builds"));
    let mut execution = Execution::new(program, facts.clone());
    let mut moves = vec![Move::Begun(bundle, Box::new(facts))];
    let mut now = start();
    let mut next = Some(EventKind::Started {
        attempt: 0,
        losses: 0,
    });
    for _ in 0..=ANSWERS_MAX {
        let Some(kind) = next.take() else { break };
        now += TimeDelta::seconds(1);
        let mut event = Event { at: now, kind };
        loop {
            moves.push(Move::Told(event.clone()));
            let applied = execution.apply(event).expect("it is legal");
            while let Some(turn) = execution.seal() {
                execution.settle(turn);
            }
            if applied != Applied::More {
                break;
            }
            event = Event {
                at: now,
                kind: EventKind::Continued,
            };
        }
        next = answer(&execution);
        if let Some(due) = execution.next_due().filter(|_| next.is_none()) {
            now = now.max(due);
            next = Some(EventKind::Due);
        }
    }
    Script { name, moves }
}

/// A value that a schema of a sample takes.
fn fitting(schema: &Value) -> Value {
    let first = |key| {
        schema
            .get(key)
            .and_then(Value::as_list)
            .and_then(|list| list.first())
    };
    if let Some(given) = schema.get("const").or(first("enum")) {
        return given.clone();
    }
    let kind = schema.get("type").and_then(Value::as_str);
    let least = |key| schema.get(key).and_then(Value::as_i64);
    match kind.unwrap_or("object") {
        "object" => {
            let members = schema.get("properties").and_then(Value::as_map);
            let members = members.into_iter().flat_map(|map| map.iter());
            Value::map(members.map(|(key, schema)| (key.clone(), fitting(schema))))
        }
        "array" => Value::list(schema.get("items").map(fitting)),
        "integer" | "number" => Value::from(least("minimum").unwrap_or(2)),
        "boolean" => Value::from(true),
        _ => match schema.get("format").and_then(Value::as_str) {
            Some("email") => Value::from("a@b.example"),
            Some("uri") => Value::from("https://a.example/b"),
            Some("date") => Value::from("2026-03-01"),
            Some("date-time") => Value::from("2026-03-01T09:00:00Z"),
            _ => Value::from("x1"),
        },
    }
}

/// An input and an output that give most expressions of the samples something to read.
const INPUT: &str = r#"{"id":"i1","tenant":"acme","email":"a@b.example","name":"Ann","items":[{"id":1,"sku":"a"}],"chunks":2,"subject":"s","sku":"a","orderId":"o1","text":"t","plan":"team","contact":{"email":"a@b.example"}}"#;
const OUTPUT: &str = r#"{"id":"x1","ok":true,"score":0.5,"items":[],"decision":"approved","done":true,"messageId":"m1","state":"sent","version":1,"data":{},"eligible":true}"#;

/// The first open step answers, or the first job that another one waits for.
fn answer(execution: &Execution) -> Option<EventKind> {
    let Some(first) = execution.pending().into_iter().next() else {
        let mut interests = execution.interests().into_iter();
        let child = interests.find_map(|one| match one {
            Interest::Child { activity } => Some(activity),
            _ => None,
        });
        return Some(EventKind::Settled {
            activity: child?,
            by: "j_9".to_owned(),
            result: Ok(json(OUTPUT)),
        });
    };
    Some(match first {
        Command::Perform(perform) => EventKind::Succeeded {
            activity: perform.activity,
            output: json(OUTPUT),
        },
        Command::PerformChunk {
            activity, number, ..
        } => EventKind::Chunk {
            activity,
            number,
            result: Ok(json(OUTPUT)),
        },
        Command::Stop { .. } => return None,
    })
}
