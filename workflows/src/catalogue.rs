//! What can be called by `name:version@default`: built-in functions and the handlers of workers.
//!
//! The other rooms offer it as a value, so publishing needs no network and no clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::step::FunctionName;
use crate::schema::{Schema, SchemaError};
use crate::value::Value;

/// The function that reads a job's members chunk by chunk; its `with.call` names another one.
pub const CHUNKS: &str = "chunks";

/// The function that makes a job of each item of a list; its `with.call` may name another function.
pub const MAP: &str = "map";

/// The function that makes a batch: a tracked set of jobs over a selection.
pub const BATCH: &str = "batch";

/// The function that writes; its `with.answer` is a schema that the answer must fit.
pub const GENERATE: &str = "generate";

/// The function that reads a shared context.
pub const CONTEXT_LOAD: &str = "context-load";

/// The function that merge-patches a shared context, or computes its next document, in its turn's own flush.
pub const CONTEXT_SAVE: &str = "context-save";

/// The function that asks people; its answer may take weeks.
pub const APPROVAL: &str = "approval";

/// The function that reads one item of a category.
pub const CATEGORY_LOAD: &str = "category-load";

/// The function that sends a message through a channel.
pub const MESSAGE: &str = "message";

/// The version of all that this release brings.
const VERSION: &str = "1.0.0";

/// A function of this release.
struct Builtin {
    name: &'static str,
    /// JSON Schema of its `with`.
    input: &'static str,
    /// JSON Schema of what it gives.
    output: &'static str,
}

/// What this release brings.
const BUILTIN: [Builtin; 10] = [
    Builtin {
        name: "analyse",
        input: r#"{"type":"object","required":["profile"],
            "properties":{"profile":{"type":"string","minLength":1}}}"#,
        output: r#"{"type":["object","array"]}"#,
    },
    Builtin {
        name: APPROVAL,
        input: r#"{"type":"object","required":["subject","assignees"],"additionalProperties":false,
            "properties":{"subject":{"type":"string","minLength":1,"maxLength":2000},
                "assignees":{"type":"array","minItems":1,"maxItems":100,"uniqueItems":true,
                    "items":{"type":"string","minLength":1,"maxLength":200}},
                "options":{"type":"array","minItems":1,"maxItems":20,"uniqueItems":true,
                    "items":{"type":"string","minLength":1,"maxLength":100}},
                "round":{"type":"integer","minimum":0,"maximum":1000000},
                "key":{"type":"string","minLength":1,"maxLength":500}}}"#,
        output: r#"{"type":"object","required":["decision","by","comment","at"],
            "properties":{"decision":{"type":"string"},"by":{"type":"string"},
                "comment":{"type":["string","null"]},"at":{"type":"string"}}}"#,
    },
    Builtin {
        name: BATCH,
        input: r#"{"type":"object","additionalProperties":false,
            "properties":{
                "workflow":{"type":"object","required":["namespace","name"],"additionalProperties":false,
                    "properties":{"namespace":{"type":"string"},"name":{"type":"string"},"version":{"type":"string"}}},
                "purpose":{"type":"string","minLength":1},
                "configuration":{"type":"string","minLength":1},
                "selection":{"type":"object","additionalProperties":false,
                    "properties":{"category":{"type":"string","minLength":1},"items":{"type":"array"},
                        "key":true,"object":{"type":["string","null"]},
                        "filter":{"type":["string","null"]},"limit":{"type":["integer","null"],"minimum":1}}},
                "strategy":{"enum":["individual","object","combined"]},
                "chunk":{"type":"object","minProperties":1,"additionalProperties":false,
                    "properties":{"maxItems":{"type":"integer","minimum":1},"maxBytes":{"type":["integer","string"]}}},
                "input":{"type":"object"},
                "parallel":{"type":"integer","minimum":1},
                "tolerate":{"type":"object","minProperties":1,"maxProperties":1,"additionalProperties":false,
                    "properties":{"count":{"type":"integer","minimum":0},
                        "percent":{"type":"number","minimum":0,"maximum":100}}},
                "await":{"type":"boolean"},
                "onParentClose":{"enum":["cancel","abandon"]}}}"#,
        output: r#"{"type":"object","required":["id"],
            "properties":{"id":{"type":"string"},"state":{"type":"string"},"members":{"type":"integer"},
                "jobs":{"type":"integer"},"counts":{"type":"object"},"manifest":{"type":"string"}}}"#,
    },
    Builtin {
        name: CATEGORY_LOAD,
        input: r#"{"type":"object","additionalProperties":false,
            "properties":{"category":{"type":"string","minLength":1},"key":{"type":"string"},
                "categoryId":{"type":"string","pattern":"^[^/]+/"}},
            "oneOf":[{"required":["category","key"]},{"required":["categoryId"]}]}"#,
        output: r#"{"type":"object"}"#,
    },
    Builtin {
        name: CHUNKS,
        input: r#"{"type":"object","required":["call"],"additionalProperties":false,
            "properties":{"call":{"type":"string"},
                "parallel":{"type":"integer","minimum":1,"maximum":64},
                "tolerate":{"type":"object","required":["percent"],"additionalProperties":false,
                    "properties":{"percent":{"type":"number","minimum":0,"maximum":100}}}}}"#,
        output: r#"{"type":"array"}"#,
    },
    Builtin {
        name: CONTEXT_LOAD,
        input: r#"{"type":"object","additionalProperties":false,
            "properties":{"key":{"type":"string","minLength":1},
                "requestId":{"type":"string","minLength":1}},
            "oneOf":[{"required":["key"]},{"required":["requestId"]}]}"#,
        output: r#"{"type":"object","required":["key","version","document","subject"]}"#,
    },
    Builtin {
        name: CONTEXT_SAVE,
        input: r#"{"type":"object","required":["key"],"additionalProperties":false,
            "properties":{"key":{"type":"string","minLength":1},"patch":{"type":"object"},
                "change":{"type":"string","minLength":1},"input":true,
                "version":{"type":["integer","null"],"minimum":0},
                "subject":{"type":["string","null"]},"ttl":{"type":["string","null"]}}}"#,
        output: r#"{"type":"object"}"#,
    },
    Builtin {
        name: GENERATE,
        input: r#"{"type":"object","required":["profile"],
            "properties":{"profile":{"type":"string","minLength":1},"prompt":{"type":"string"},
                "answer":{"type":["object","boolean"]}}}"#,
        output: r#"{"type":"object","required":["text","provider","usage"],
            "properties":{"text":{"type":"string"},"model":{"type":["string","null"]},
                "provider":{"type":"string"},"answer":true,
                "usage":{"type":"object","required":["input_tokens","output_tokens"]},
                "cost":{"type":"object","required":["amount","currency"]}}}"#,
    },
    Builtin {
        name: MAP,
        input: r#"{"type":"object","required":["items"],"additionalProperties":false,
            "properties":{"items":{"type":"array","maxItems":100000},
                "call":{"type":"string"},
                "workflow":{"type":"object","required":["namespace","name"],"additionalProperties":false,
                    "properties":{"namespace":{"type":"string"},"name":{"type":"string"},"version":{"type":"string"}}},
                "parallel":{"type":"integer","minimum":1,"maximum":1000},
                "tolerate":{"type":"object","minProperties":1,"maxProperties":1,"additionalProperties":false,
                    "properties":{"count":{"type":"integer","minimum":0},
                        "percent":{"type":"number","minimum":0,"maximum":100}}},
                "key":{"type":"string","minLength":1,"maxLength":255},
                "onParentClose":{"enum":["cancel","abandon"]}}}"#,
        output: r#"{"type":"array"}"#,
    },
    Builtin {
        name: MESSAGE,
        input: r#"{"type":"object","required":["channel","to","template"],"additionalProperties":false,
            "properties":{"channel":{"type":"string","minLength":1},
                "to":{"type":["string","object"]},
                "template":{"type":"string","minLength":1},
                "thread":{"type":["string","null"]},
                "values":{"type":["object","null"]}}}"#,
        output: r#"{"type":"object","required":["messageId","state"],
            "properties":{"messageId":{"type":"string"},"state":{"type":"string","minLength":1}}}"#,
    },
];

/// Something that templates may ask for and that whoever runs them must be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// `listen`: mail for jobs.
    Listen,
    /// `emit`: events for everybody.
    Emit,
    /// `run.workflow`: jobs of jobs.
    Child,
    /// `call` of `map`: groups of jobs.
    Group,
    /// `call` of `batch`.
    Batch,
    /// `call` of `context-save`: contexts that jobs share.
    Context,
    /// `schedule` of a document by the clock: `cron`, `every`, `after`.
    Schedule,
    /// `schedule.on` of a document: events start jobs.
    Trigger,
    /// `effect` of a step.
    Effect,
    /// Queue, priority, limits, cost, needs and lengths of time of a step.
    Placement,
    /// Purpose and lane of a document's settings.
    DocumentSettings,
}

impl Ability {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Listen,
        Self::Emit,
        Self::Child,
        Self::Group,
        Self::Batch,
        Self::Context,
        Self::Schedule,
        Self::Trigger,
        Self::Effect,
        Self::Placement,
        Self::DocumentSettings,
    ];
}

/// The functions that exist, with the schemas of what they take and give, and what else can be done.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    functions: BTreeMap<FunctionName, Schema>,
    outputs: BTreeMap<FunctionName, Schema>,
    abilities: BTreeSet<Ability>,
}

impl Catalogue {
    /// What this release brings.
    pub fn builtin() -> Catalogue {
        let compiled = |text: fn(&Builtin) -> &'static str| -> BTreeMap<_, _> {
            let functions = BUILTIN.iter();
            let compiled = functions.map(|one| (named(one.name, VERSION), schema_of(text(one))));
            compiled.collect()
        };
        Catalogue {
            functions: compiled(|one| one.input),
            outputs: compiled(|one| one.output),
            abilities: BTreeSet::new(),
        }
    }

    /// The same for somebody who can do this too; templates that ask for more are refused.
    pub fn able(mut self, ability: Ability) -> Catalogue {
        self.abilities.insert(ability);
        self
    }

    /// Whether that can be done.
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// The same with one more function; `true` is the schema of one that takes anything.
    ///
    /// # Errors
    /// When the schema does not compile.
    pub fn with(
        mut self,
        name: &str,
        version: &str,
        input_schema: &Value,
    ) -> Result<Catalogue, SchemaError> {
        let schema = Schema::compile(input_schema)?;
        let function = named(name, version);
        // What stands in the place of a built-in function gives what it likes.
        self.outputs.remove(&function);
        self.functions.insert(function, schema);
        Ok(self)
    }

    /// The schema of a function's input, if there is such a function.
    pub fn schema(&self, function: &FunctionName) -> Option<&Schema> {
        self.functions.get(function)
    }

    /// The schema of what a function gives, if it is known: handlers do not say it.
    pub fn output_schema(&self, function: &FunctionName) -> Option<&Schema> {
        self.outputs.get(function)
    }

    /// All functions, by name and version.
    pub fn functions(&self) -> impl Iterator<Item = &FunctionName> {
        self.functions.keys()
    }
}

fn schema_of(text: &str) -> Schema {
    let schema = Value::parse(text).expect("the text above is JSON");
    Schema::compile(&schema).expect("the text above is a schema")
}

fn named(name: &str, version: &str) -> FunctionName {
    FunctionName {
        name: name.to_owned(),
        version: version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_stand_beside_the_built_in_functions() {
        let catalogue = Catalogue::builtin();
        let catalogue = catalogue
            .with("score", "2.1.0", &Value::Bool(true))
            .unwrap();

        let known: Vec<&str> = catalogue.functions().map(|f| f.name.as_str()).collect();

        let builtin = [
            "analyse",
            "approval",
            "batch",
            "category-load",
            "chunks",
            "context-load",
            "context-save",
            "generate",
            "map",
            "message",
        ];
        assert_eq!(known, [&builtin[..], &["score"]].concat());
        assert!(catalogue.schema(&named("score", "2.1.0")).is_some());
        assert!(catalogue.schema(&named("score", "2.0.0")).is_none());
        assert!(
            Catalogue::builtin()
                .with("bad", "1.0.0", &Value::from(1i64))
                .is_err()
        );
    }
}
