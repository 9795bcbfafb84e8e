//! What a job asks people, as the store writes it down: `approval:1.0.0`.

use windlass_engine::store::{Cause, CauseKind, NewApproval};
use windlass_workflows::catalogue::APPROVAL;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::Row;
use windlass_workflows::value::Value;

use super::conduct::Conduct;
use super::mail::failed;

/// What may be answered where nothing is said.
const OPTIONS: [&str; 2] = ["approve", "refuse"];
/// Longest name of what a resting job waits for: indexes hold no long ones.
const NAME_BYTES_MAX: usize = 200;

impl Conduct {
    /// What the machine must hear instead of requests that cannot be made.
    pub(super) fn unaskable(&self, rows: &[Row]) -> Vec<EventKind> {
        let refused = rows.iter().filter_map(|row| match row {
            Row::OpenApproval {
                activity, input, ..
            } => Some(failed(*activity, self.fault_of(input)?)),
            _ => None,
        });
        refused.collect()
    }

    /// The request that a row asks for, if it can be made.
    pub(super) fn asked(
        &self,
        activity: Activity,
        input: &Value,
        key: &str,
    ) -> Option<NewApproval> {
        let can = self.fault_of(input).is_none();
        can.then(|| request(activity, input, key))
    }

    fn fault_of(&self, input: &Value) -> Option<Fault> {
        let function = FunctionName {
            name: APPROVAL.to_owned(),
            version: "1.0.0".to_owned(),
        };
        let refusal = self.shared.performer.refusal(&function, input);
        refusal.or_else(|| unwritable(input))
    }
}

/// Postgres keeps no U+0000.
fn unwritable(input: &Value) -> Option<Fault> {
    let title = "approval:1.0.0 cannot ask with U+0000 in it";
    let has_nul = |text: &str| text.contains('\0');
    let lists = ["assignees", "options"].into_iter();
    let texts = lists.flat_map(|list| input.get(list).and_then(Value::as_list).unwrap_or_default());
    let texts = texts.chain(
        ["subject", "key"]
            .into_iter()
            .filter_map(|key| input.get(key)),
    );
    let mut texts = texts.filter_map(Value::as_str);
    texts
        .any(has_nul)
        .then(|| Fault::standard("validation", 400, title))
}

fn request(activity: Activity, input: &Value, key: &str) -> NewApproval {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let options = texts(input, "options");
    NewApproval {
        activity: activity.0,
        key: text("key").unwrap_or(key).to_owned(),
        round: input
            .get("round")
            .and_then(Value::as_i64)
            .and_then(|round| i32::try_from(round).ok())
            .unwrap_or_default(),
        subject: text("subject").unwrap_or_default().to_owned(),
        assignees: texts(input, "assignees"),
        options: match options.is_empty() {
            true => OPTIONS.map(str::to_owned).to_vec(),
            false => options,
        },
    }
}

/// Why a job rests that has asked: by whom and for what `explain` shows.
pub(super) fn cause(input: &Value) -> Cause {
    let subject = input.get("subject").and_then(Value::as_str);
    Cause {
        kind: CauseKind::Approval,
        name: cut(subject.unwrap_or_default()),
        key: cut(&texts(input, "assignees").join(" or ")),
    }
}

fn texts(input: &Value, name: &str) -> Vec<String> {
    let list = input.get(name).and_then(Value::as_list).unwrap_or_default();
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_by_its_own_key_or_by_that_of_its_step() {
        let read = |text: &str| {
            request(
                Activity(3),
                &Value::parse(text).expect("JSON"),
                "j7-1-/do/0/a-1",
            )
        };

        let bare = read(r#"{"subject":"Go?","assignees":["maria"]}"#);
        assert_eq!(bare.key, "j7-1-/do/0/a-1");
        assert_eq!(bare.options, ["approve", "refuse"]);
        let whole =
            read(r#"{"subject":"Go?","assignees":["maria"],"options":["a"],"round":2,"key":"k"}"#);
        assert_eq!((whole.key.as_str(), whole.round), ("k", 2));
        assert_eq!(whole.options, ["a"]);
    }

    #[test]
    fn a_long_subject_is_cut_between_two_characters() {
        let input = Value::map([("subject", Value::from("ä".repeat(150)))]);

        assert_eq!(cause(&input).name, "ä".repeat(100));
        assert!(unwritable(&Value::map([("subject", Value::from("a\0"))])).is_some());
    }
}
