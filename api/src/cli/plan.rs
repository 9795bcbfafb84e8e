//! A plan in words, for those who are to let it go.

use serde_json::Value;

/// What its figures say, a line each: how many, what is left out, the last batch, how long it takes, what stops it, and
/// samples that the template would refuse.
pub(super) fn told(counts: &Value, figures: &Value) -> Vec<String> {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let members = number(&counts["members"]);
    let more = if counts["at_least"] == true {
        "at least "
    } else {
        ""
    };
    let mut lines = vec![format!(
        "{more}{members} members, {} jobs",
        number(&counts["jobs"])
    )];
    let left_out = &figures["left_out"];
    let (duplicate, invalid) = (number(&left_out["duplicate"]), number(&left_out["invalid"]));
    if duplicate + invalid > 0 {
        lines.push(format!(
            "left out: {duplicate} duplicate, {invalid} invalid"
        ));
    }
    lines.extend(last(&figures["last"], members));
    lines.push(match figures["forecast_seconds"].as_f64() {
        Some(seconds) => format!("takes about {seconds} s at the pace of the last batch"),
        None => "how long it takes is not known".to_owned(),
    });
    let refuses = figures["verdict"] == "refused";
    for reason in list(&figures["reasons"]) {
        let what = if refuses { "fails" } else { "asks" };
        lines.push(format!(
            "{what}: {}: {}",
            text(&reason["guard"]),
            text(&reason["message"])
        ));
    }
    for job in list(&figures["sample"]) {
        let name = job["key"].as_str().or(job["object"].as_str());
        for problem in list(&job["problems"]) {
            let (at, message) = (text(&problem["pointer"]), text(&problem["message"]));
            let name = name.unwrap_or("the job");
            lines.push(format!(
                "the template refuses the input of {name}: {at} {message}"
            ));
        }
    }
    lines
}

fn last(last: &Value, members: i64) -> Option<String> {
    let (batch, then) = (last["batch"].as_str()?, last["members"].as_i64()?);
    let change = match (
        last["same_selection"].as_bool(),
        last["change_percent"].as_f64(),
    ) {
        (Some(true), _) => "the very same ones".to_owned(),
        (_, Some(change)) => format!("{change:+}%"),
        _ => "change unknown".to_owned(),
    };
    Some(format!(
        "the last batch, {batch}, had {then} members and this one {members}: {change}"
    ))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_is_told_in_lines() {
        let counts = json!({ "members": 310, "jobs": 29, "at_least": true });
        let figures = json!({
            "left_out": { "duplicate": 2, "invalid": 1 },
            "reasons": [ { "guard": "max_change", "message": "310 members after 12400" } ],
            "verdict": "refused",
            "last": { "batch": "b_6", "members": 12400, "change_percent": -97.5, "same_selection": false },
            "forecast_seconds": 14.5,
            "sample": [ { "key": "a", "problems": [ { "pointer": "/n", "message": "is no number" } ] } ],
        });

        assert_eq!(
            told(&counts, &figures),
            [
                "at least 310 members, 29 jobs",
                "left out: 2 duplicate, 1 invalid",
                "the last batch, b_6, had 12400 members and this one 310: -97.5%",
                "takes about 14.5 s at the pace of the last batch",
                "fails: max_change: 310 members after 12400",
                "the template refuses the input of a: /n is no number",
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let figures = json!({ "left_out": { "duplicate": 0, "invalid": 0 }, "verdict": "runs" });

        let lines = told(&json!({ "members": 1, "jobs": 1 }), &figures);

        assert_eq!(
            lines,
            ["1 members, 1 jobs", "how long it takes is not known"]
        );
    }
}
