//! The analysis service over the real data, against figures that `oracle.py --figures` wrote.
//!
//! The figures were counted by another program in another language: equal by accident is unlikely.

mod common;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use windlass_sample_services::router;

use crate::common::{incidents, post};

const FIGURES: &str = include_str!("figures.json");

fn figures() -> Value {
    serde_json::from_str(FIGURES).expect("the oracle writes JSON")
}

async fn statistics(rows: &[Value]) -> Value {
    let (status, answer) = post(&router(), "/analyse/statistics", &json!({ "rows": rows })).await;
    assert_eq!(status, StatusCode::OK);
    answer
}

#[tokio::test]
async fn statistics_of_all_incidents_equal_the_oracle() {
    let answer = statistics(&incidents()).await;

    assert_eq!(answer["incidents"], figures()["incidents"]);
    assert_eq!(answer["cost_total"], figures()["cost"]);
    assert_eq!(answer["cost_repair"], 36_302_865);
    assert_eq!(answer["cost_other"], 4_242_411);
    assert_eq!(answer["speed"]["count"], 10_000 - 2836);
    assert_eq!(answer["by_damage"]["None"], 8939);
    assert_eq!(answer["by_species"][0]["species"], "Unknown bird - small");
    assert_eq!(answer["by_species"].as_array().expect("a list").len(), 5);
    assert_eq!(answer["first_date"], "1990-01-08");
    assert_eq!(answer["last_date"], "2002-07-25");
    for counts in ["by_phase", "by_size", "by_damage", "by_year", "by_month"] {
        let counts = answer[counts].as_object().expect("a map").values();
        assert_eq!(counts.filter_map(Value::as_u64).sum::<u64>(), 10_000);
    }
}

#[tokio::test]
async fn statistics_of_each_state_equal_the_oracle() {
    let mut by_state = BTreeMap::<String, Vec<Value>>::new();
    for incident in incidents() {
        let state = incident["Origin State"]
            .as_str()
            .expect("a state")
            .to_owned();
        by_state.entry(state).or_default().push(incident);
    }

    let figures = figures();
    assert_eq!(
        by_state.len(),
        figures["states"].as_object().expect("a map").len()
    );
    for (state, rows) in by_state {
        let answer = statistics(&rows).await;
        let given = json!({ "incidents": answer["incidents"], "cost": answer["cost_total"] });
        assert_eq!(given, figures["states"][&state], "{state}");
    }
}

#[tokio::test]
async fn statistics_count_a_missing_cost_as_zero_and_leave_out_a_missing_speed() {
    let rows = [
        json!({ "Cost Total $": null, "Speed IAS in knots": null }),
        json!({ "Cost Total $": 7, "Speed IAS in knots": 100, "Flight Date": "soon" }),
    ];

    let answer = statistics(&rows).await;

    assert_eq!(answer["incidents"], 2);
    assert_eq!(answer["cost_total"], 7);
    assert_eq!(
        answer["speed"],
        json!({ "count": 1, "mean": 100.0, "p50": 100, "p95": 100 })
    );
    assert_eq!(answer["by_phase"], json!({ "Unknown": 2 }));
    assert_eq!(answer["by_year"], json!({}));
}

#[tokio::test]
async fn statistics_of_no_rows_are_zero() {
    let answer = statistics(&[]).await;

    assert_eq!(answer["incidents"], 0);
    assert_eq!(answer["speed"]["mean"], Value::Null);
    assert_eq!(answer["first_date"], Value::Null);
}

#[tokio::test]
async fn risk_follows_the_fields_of_the_incident() {
    let harmless = json!({ "Effect Amount of damage": "None", "Wildlife Size": "Small", "Phase of flight": "Taxi" });
    let grave = json!({
        "Effect Amount of damage": "Substantial", "Wildlife Size": "Large",
        "Phase of flight": "Climb", "Cost Total $": 144_634, "Speed IAS in knots": 250,
    });
    let router = router();

    let (_, low) = post(&router, "/analyse/risk", &json!({ "rows": [harmless] })).await;
    let (_, high) = post(
        &router,
        "/analyse/risk",
        &json!({ "rows": [harmless, grave] }),
    )
    .await;

    assert_eq!(low, json!({ "risk": "low", "score": 0, "reasons": [] }));
    assert_eq!(high["risk"], "high");
    assert_eq!(high["score"], 50 + 20 + 10 + 30 + 10);
    assert_eq!(high["reasons"][0], "substantial damage");
    assert_eq!(high["reasons"].as_array().expect("a list").len(), 5);
}

#[tokio::test]
async fn each_incident_of_the_file_gets_one_of_three_risks() {
    let router = router();
    let mut seen = BTreeMap::<String, u32>::new();

    for incident in incidents() {
        let body = json!({ "profile": "strike-risk", "rows": [incident] });
        let (status, verdict) = post(&router, "/analyse", &body).await;
        assert_eq!(status, StatusCode::OK);
        *seen.entry(verdict["risk"].to_string()).or_default() += 1;
    }

    assert_eq!(
        seen.keys().collect::<Vec<_>>(),
        ["\"high\"", "\"low\"", "\"medium\""]
    );
    assert_eq!(seen.values().sum::<u32>(), 10_000);
}

#[tokio::test]
async fn a_profile_chooses_and_an_unknown_one_is_refused() {
    let router = router();

    let body = json!({ "profile": "strike-statistics", "rows": [{}] });
    let (_, answer) = post(&router, "/analyse", &body).await;
    assert_eq!(answer["incidents"], 1);

    for body in [
        json!({ "profile": "mood", "rows": [{}] }),
        json!({ "rows": [{}] }),
    ] {
        let (status, problem) = post(&router, "/analyse", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["status"], 422);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_refused_with_a_reason() {
    let router = router();
    let negative = json!({ "rows": [{ "Cost Total $": -1 }] });

    for body in [
        negative,
        json!({ "rows": 3 }),
        json!({}),
        json!({ "rows": [] }),
    ] {
        let (status, problem) = post(&router, "/analyse/risk", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
    }
}
