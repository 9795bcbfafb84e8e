//! What the machine gives, as the text of a recording: rows, outcomes, commands.

use windlass_workflows::machine::command::{Call, Command, HttpRequest, Perform};
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::Outcome;
use windlass_workflows::value::Value;

use crate::codec::{instant, maybe, number};

pub fn outcome(outcome: &Outcome) -> Value {
    Value::map([
        ("kind", Value::from(outcome.kind.as_str())),
        ("code", maybe(&outcome.code)),
        ("fingerprint", maybe(&outcome.fingerprint)),
        ("result", maybe(&outcome.result)),
    ])
}

pub fn row(row: &Row) -> Value {
    let one = |word: &'static str, more: Vec<(&'static str, Value)>| {
        let members = [("row", Value::from(word))];
        Value::map(members.into_iter().chain(more))
    };
    match row {
        Row::StartChild(child) => one("start_child", {
            let template = &child.template;
            let name = format!(
                "{}.{}:{}",
                template.namespace, template.name, template.version
            );
            vec![
                number(child.activity),
                ("template", Value::from(name)),
                ("input", child.input.clone()),
                ("key", Value::from(child.key.as_str())),
                ("is_awaited", Value::from(child.is_awaited)),
                ("fate", Value::from(format!("{:?}", child.fate))),
            ]
        }),
        Row::CloseChild { activity } => one("close_child", vec![number(*activity)]),
        Row::OpenGroup {
            activity,
            function,
            input,
            key,
            ..
        } => {
            let name = format!("{}:{}", function.name, function.version);
            let mut members = asked(*activity, input, key);
            members.insert(1, ("function", Value::from(name)));
            one("open_group", members)
        }
        Row::CloseGroup { activity } => one("close_group", vec![number(*activity)]),
        Row::OpenApproval {
            activity,
            input,
            key,
        } => one("open_approval", asked(*activity, input, key)),
        Row::CloseApproval { activity } => one("close_approval", vec![number(*activity)]),
        Row::Publish { envelope, .. } => one("publish", vec![("envelope", envelope.clone())]),
        Row::TakeMail { id } => one("take_mail", vec![("id", Value::from(*id))]),
        Row::ReturnMail { id, .. } => one("return_mail", vec![("id", Value::from(*id))]),
        Row::SaveContext {
            activity,
            input,
            key,
        } => one("save_context", asked(*activity, input, key)),
        Row::BeginChunksAgain => one("begin_chunks_again", Vec::new()),
        Row::EndChunk { number, error, at } => {
            let code = error.as_ref().map(|error| error.code.clone());
            let number = ("number", Value::from(*number));
            one(
                "end_chunk",
                vec![number, ("code", maybe(&code)), ("at", instant(*at))],
            )
        }
    }
}

/// What a row says that something answers to.
fn asked(activity: Activity, input: &Value, key: &str) -> Vec<(&'static str, Value)> {
    vec![
        number(activity),
        ("input", input.clone()),
        ("key", Value::from(key)),
    ]
}

pub fn command(command: &Command) -> Value {
    match command {
        Command::Perform(one) => perform(one),
        Command::PerformChunk {
            activity,
            number: of,
            key,
            due,
        } => Value::map([
            ("command", Value::from("perform_chunk")),
            number(*activity),
            ("number", Value::from(*of)),
            ("key", Value::from(key.as_str())),
            ("due", due.map_or(Value::Null, instant)),
        ]),
        Command::Stop { activity } => {
            Value::map([("command", Value::from("stop")), number(*activity)])
        }
    }
}

fn perform(perform: &Perform) -> Value {
    let (function, given) = match &perform.call {
        Call::Function { function, input } => (
            format!("{}:{}", function.name, function.version),
            input.clone(),
        ),
        Call::Http(http) => ("http".to_owned(), request(http)),
    };
    let settings = perform.settings.as_ref().map_or(Value::Null, |settings| {
        Value::map([
            (
                "placement",
                settings.placement.clone().unwrap_or(Value::Null),
            ),
            ("effect", maybe(&settings.effect)),
        ])
    });
    Value::map([
        ("command", Value::from("perform")),
        number(perform.activity),
        ("path", Value::from(perform.path.as_str())),
        ("visit", Value::from(perform.visit)),
        ("attempt", Value::from(perform.attempt)),
        ("key", Value::from(perform.key.as_str())),
        ("call", Value::from(function)),
        ("given", given),
        ("settings", settings),
        ("due", perform.due.map_or(Value::Null, instant)),
    ])
}

fn request(http: &HttpRequest) -> Value {
    let pairs = |pairs: &[(String, String)]| {
        let pair = |(name, text): &(String, String)| {
            Value::list([Value::from(name.as_str()), Value::from(text.as_str())])
        };
        Value::list(pairs.iter().map(pair))
    };
    let who = http.authentication.as_ref().map_or(Value::Null, |who| {
        Value::map([
            ("scheme", Value::from(who.scheme.as_str())),
            ("parameters", who.parameters.clone()),
            ("secret", maybe(&who.secret)),
        ])
    });
    Value::map([
        ("method", Value::from(http.method.as_str())),
        ("url", Value::from(http.url.as_str())),
        ("headers", pairs(&http.headers)),
        ("query", pairs(&http.query)),
        ("body", http.body.clone().unwrap_or(Value::Null)),
        ("output", Value::from(format!("{:?}", http.output))),
        ("redirect", Value::from(http.redirect)),
        ("authentication", who),
    ])
}
