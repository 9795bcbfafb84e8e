//! What is done to many jobs, in memory and as it is written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::Error;
use crate::protocol::Flight;

/// What is done to each of them.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkChange {
    /// A change in flight. A copy is none of these: made twice, it would be two.
    Fly(Flight),
    /// It is asked to end.
    Cancel,
    /// It stands still.
    Pause,
    /// It stands still no more.
    Resume,
}

/// The verb of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkVerb {
    /// Back to a step.
    Rewind,
    /// A parked step counts as done.
    Skip,
    /// Another context.
    Patch,
    /// Another version.
    Migrate,
    /// To its end.
    Cancel,
    /// Still.
    Pause,
    /// On.
    Resume,
}

/// A change as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkWords {
    /// What.
    pub verb: BulkVerb,
    /// Of a rewind the step, of a migrate the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Of a migrate: tasks that go on as others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, String>,
    /// Of a skip: which step, where several are parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Of a skip: what the step gave.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub output: Option<Value>,
    /// Of a patch: what is merged into the context.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<Value>,
}

/// A null that is written is a value.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl BulkWords {
    /// Only the verb.
    pub const fn of(verb: BulkVerb) -> Self {
        Self {
            verb,
            to: None,
            steps: BTreeMap::new(),
            step: None,
            output: None,
            context: None,
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("words are JSON")
    }

    pub(super) fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Unreadable {
            noun: "change",
            name: String::new(),
            message: error.to_string(),
        })
    }

    /// The change that these words say.
    ///
    /// # Errors
    /// `invalid` for words that are missing, or that another verb has.
    pub fn change(self) -> Result<BulkChange, Error> {
        self.check()?;
        let verb = self.verb;
        let missing = |name: &str| {
            let message = format!("`{}` needs it", word(verb));
            Error::invalid(Problem::new(
                "missing_field",
                format!("/change/{name}"),
                message,
            ))
        };
        Ok(match verb {
            BulkVerb::Rewind => BulkChange::Fly(Flight::Rewind {
                to: self.to.ok_or_else(|| missing("to"))?,
            }),
            BulkVerb::Migrate => BulkChange::Fly(Flight::Migrate {
                to: self.to.ok_or_else(|| missing("to"))?,
                steps: self.steps,
            }),
            BulkVerb::Patch => BulkChange::Fly(Flight::Patch {
                with: self.context.ok_or_else(|| missing("context"))?,
            }),
            BulkVerb::Skip => BulkChange::Fly(Flight::Skip {
                step: self.step,
                output: self.output.ok_or_else(|| missing("output"))?,
            }),
            BulkVerb::Cancel => BulkChange::Cancel,
            BulkVerb::Pause => BulkChange::Pause,
            BulkVerb::Resume => BulkChange::Resume,
        })
    }

    /// Words of other verbs.
    fn check(&self) -> Result<(), Error> {
        use BulkVerb::{Migrate, Patch, Rewind, Skip};
        let verb = self.verb;
        let said = [
            ("to", self.to.is_some(), matches!(verb, Rewind | Migrate)),
            ("steps", !self.steps.is_empty(), verb == Migrate),
            ("step", self.step.is_some(), verb == Skip),
            ("output", self.output.is_some(), verb == Skip),
            ("context", self.context.is_some(), verb == Patch),
        ];
        let strange = said.iter().filter(|(_, said, fits)| *said && !fits);
        let problems: Vec<Problem> = strange
            .map(|(name, ..)| {
                let message = format!("`{}` knows no `{name}`", word(verb));
                Problem::new("unknown_field", format!("/change/{name}"), message)
            })
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::Invalid { problems }),
        }
    }
}

impl BulkChange {
    /// As it is written. A copy is refused before ([`super::BulkFilter`]).
    pub(super) fn words(&self) -> BulkWords {
        match self {
            Self::Cancel => BulkWords::of(BulkVerb::Cancel),
            Self::Pause => BulkWords::of(BulkVerb::Pause),
            Self::Resume => BulkWords::of(BulkVerb::Resume),
            Self::Fly(Flight::Fork { .. }) => unreachable!("a copy is no change of many"),
            Self::Fly(Flight::Rewind { to }) => BulkWords {
                to: Some(to.clone()),
                ..BulkWords::of(BulkVerb::Rewind)
            },
            Self::Fly(Flight::Migrate { to, steps }) => BulkWords {
                to: Some(to.clone()),
                steps: steps.clone(),
                ..BulkWords::of(BulkVerb::Migrate)
            },
            Self::Fly(Flight::Patch { with }) => BulkWords {
                context: Some(with.clone()),
                ..BulkWords::of(BulkVerb::Patch)
            },
            Self::Fly(Flight::Skip { step, output }) => BulkWords {
                step: step.clone(),
                output: Some(output.clone()),
                ..BulkWords::of(BulkVerb::Skip)
            },
        }
    }
}

/// As people write it.
fn word(verb: BulkVerb) -> &'static str {
    match verb {
        BulkVerb::Rewind => "rewind",
        BulkVerb::Skip => "skip",
        BulkVerb::Patch => "patch",
        BulkVerb::Migrate => "migrate",
        BulkVerb::Cancel => "cancel",
        BulkVerb::Pause => "pause",
        BulkVerb::Resume => "resume",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let with = Value::parse(r#"{"limit":1.50,"old":null}"#).expect("JSON");
        for change in [
            BulkChange::Cancel,
            BulkChange::Fly(Flight::Patch { with }),
            BulkChange::Fly(Flight::Skip {
                step: Some("pay".into()),
                output: Value::Null,
            }),
        ] {
            let text = change.words().to_json();
            let read = BulkWords::from_json(&text).expect("words");

            assert_eq!(read.change().expect("a change"), change, "{text}");
        }
    }

    #[test]
    fn words_of_another_verb_are_refused() {
        let wrong = BulkWords {
            to: Some("pay".into()),
            ..BulkWords::of(BulkVerb::Cancel)
        };
        let missing = BulkWords::of(BulkVerb::Rewind);

        assert!(wrong.change().is_err());
        assert!(missing.change().is_err());
    }
}
