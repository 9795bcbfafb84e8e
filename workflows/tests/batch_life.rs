//! The reference vectors of guards and approvals.

#[path = "vectors/kit.rs"]
mod kit;

use kit::{Case, of_batches};
use windlass_workflows::configuration::{Content, JobConfiguration, restore};
use windlass_workflows::plan::{Approval, Asking, Drawn, approval, tripped};
use windlass_workflows::value::Value;

/// Who asserts what only a batch has.
const GUARDS: &str = "engine/tests/store/vectors/guards.rs";
/// The same of approvals, with those that are refused before anybody judges.
const APPROVAL: &str = "engine/tests/store/vectors/approval.rs";

/// A job configuration with these keys beside the least that it needs.
fn configured(keys: &serde_json::Value) -> JobConfiguration {
    let mut document = serde_json::json!({
        "windlass": "v1", "kind": "JobConfiguration", "name": "briefs", "purpose": "brief",
        "selection": { "category": "birds" }, "strategy": "individual",
    });
    let keys = keys.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(keys);
    match restore(&Value::from(document)).unwrap() {
        Content::JobConfiguration(configuration) => *configuration,
        _ => unreachable!("it is a job configuration"),
    }
}

/// What a vector of guards says of the plan and of the batch before it.
fn drawn(case: &mut Case) -> Drawn {
    let is_same = case.take("selection_hash_equals_last");
    let mut count = |field: &str| case.take(field).and_then(|count| count.as_u64());
    Drawn {
        // Where a vector says nothing of members, there are some.
        members: count("members").unwrap_or(5),
        left_out: count("invalid").unwrap_or_default(),
        last_members: count("last"),
        is_same: is_same == Some(true.into()),
    }
}

#[test]
fn guards_ask_where_their_vectors_do() {
    for mut case in of_batches("guards") {
        let guards = configured(&serde_json::json!({ "guards": case.need("guards") })).guards;
        let drawn = drawn(&mut case);

        let found = tripped(&guards, &drawn);

        let asked: Vec<&str> = found.iter().map(|one| one.guard).collect();
        assert_eq!(
            case.need("ask"),
            serde_json::json!(asked),
            "{}",
            case.told()
        );
        for field in ["state", "jobs", "rows"] {
            case.leave(field, GUARDS);
        }
        case.says("note", "no completed batch of this configuration yet");
        if let Some(change) = case.take("change") {
            assert_eq!(changed(&drawn), change, "{}", case.told());
        }
    }
}

/// The change that a guard sees, as one tells it that allows none.
fn changed(drawn: &Drawn) -> String {
    let strict = configured(&serde_json::json!({ "guards": { "max_change": "0%" } })).guards;
    let told = tripped(&strict, drawn);
    let (_, change) = told[0].message.split_once("a change of ").unwrap();
    change.split_once(',').unwrap().0.to_owned()
}

#[test]
fn growth_beyond_all_is_a_guard_too() {
    let guards = configured(&serde_json::json!({ "guards": { "max_change": "150%" } })).guards;
    let drawn = |members| Drawn {
        members,
        last_members: Some(100),
        ..Drawn::default()
    };

    assert_eq!(tripped(&guards, &drawn(250)), []);
    let message = &tripped(&guards, &drawn(251))[0].message;
    assert_eq!(
        message,
        "251 members after 100: a change of 151%, at most 150% is expected"
    );
}

/// What a vector says of the moment: hash, person, and how the plan stands.
fn moment(case: &str) -> Option<(Asking<'static>, &'static str)> {
    let asking = Asking {
        is_open: true,
        was_approved: false,
        is_late: false,
        plan_hash: "f00d",
        creator: "mia",
        four_eyes: true,
        is_retired: false,
    };
    let seen = |asking| Some((asking, "leo"));
    match case {
        "hash matches"
        | "another hash"
        | "configuration changed since the plan"
        | "category emptied since the plan" => seen(asking),
        "creator approves, four_eyes" | "scheduled slot; the last applier approves, four_eyes" => {
            Some((asking, "mia"))
        }
        "later than within" => seen(Asking {
            is_late: true,
            ..asking
        }),
        "template retired since the plan" => seen(Asking {
            is_retired: true,
            ..asking
        }),
        "twice" => seen(Asking {
            is_open: false,
            was_approved: true,
            ..asking
        }),
        // The body has no hash, and nobody has roles: neither comes so far.
        "no hash" | "role not in by" => None,
        other => panic!("a vector that nobody plays: {other}"),
    }
}

#[test]
fn approvals_come_to_what_their_vectors_say() {
    for mut vector in of_batches("approval") {
        let case = vector.text("case");
        let Some((asking, who)) = moment(&case) else {
            vector.leave_whole(&case, APPROVAL);
            continue;
        };
        let hash = if case == "another hash" {
            "beef"
        } else {
            "f00d"
        };

        let found = match approval(&asking, hash, who) {
            Approval::Given | Approval::GivenBefore => "200",
            Approval::PlanChanged => "409 plan_changed",
            Approval::SamePerson => "403",
            Approval::Late | Approval::NotAsked => "409 illegal_state",
            Approval::TemplateRetired => "409 template_retired",
        };

        let wanted = vector.need("expect").to_string();
        assert_eq!(found, wanted.trim_matches('"'), "{case}");
        for field in ["state", "flag", "effect", "note"] {
            vector.leave(field, APPROVAL);
        }
    }
}

#[test]
fn a_plan_that_never_asked_is_not_approved() {
    let (asking, who) = moment("hash matches").unwrap();
    let closed = Asking {
        is_open: false,
        ..asking
    };

    assert_eq!(approval(&closed, "f00d", who), Approval::NotAsked);
    assert_eq!(approval(&asking, "f00d", "mia"), Approval::SamePerson);
    let alone = Asking {
        four_eyes: false,
        ..asking
    };
    assert_eq!(approval(&alone, "f00d", "mia"), Approval::Given);
}

#[test]
fn roles_are_refused_by_name_until_there_are_some() {
    let document = serde_json::json!({
        "windlass": "v1", "kind": "JobConfiguration", "name": "briefs", "purpose": "brief",
        "selection": { "category": "birds" }, "strategy": "individual", "approval": { "by": ["approver"] },
    });

    let problems = restore(&Value::from(document)).map(drop).unwrap_err();

    assert_eq!(problems[0].code, "configuration.not_supported_yet");
    assert_eq!(problems[0].pointer, "/approval/by");
}
