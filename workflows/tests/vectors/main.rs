//! Every section of the reference vectors has a test that reads it, and no field of a case can be passed by.

mod kit;

use kit::{BATCHES, Case, SCHEDULES, reads, sections};
use serde_json::json;
use windlass_workflows::calendar::ZONE_DATA;

const PLANS: &str = "workflows/tests/batches.rs";
const LIFE: &str = "workflows/tests/batch_life.rs";
const RELEASES: &str = "workflows/tests/releases.rs";
const TIME: &str = "workflows/tests/time/ledger.rs";
const SLOTS: &str = "workflows/tests/schedules.rs";

/// Sections of `batch-vectors.yaml`, and who reads them.
const OF_BATCHES: &[(&str, &[&str])] = &[
    ("real_data", &["engine/tests/store/vectors/real.rs"]),
    ("inputs", &[PLANS, "engine/tests/store/vectors/inputs.rs"]),
    ("chunks", &[PLANS]),
    ("ramp", &[RELEASES]),
    ("tolerance", &[RELEASES]),
    ("totals", &[PLANS, "engine/tests/store/vectors/totals.rs"]),
    ("progress", &[PLANS]),
    ("release", &[PLANS]),
    ("forecast", &[PLANS]),
    ("deadline", &[TIME]),
    ("guards", &[LIFE, "engine/tests/store/vectors/guards.rs"]),
    ("ledger", &[TIME, "engine/tests/ledger/played.rs"]),
    ("overlap", &[TIME, "engine/tests/ledger/overlap.rs"]),
    ("zone_data", &["engine/tests/ledger/passing.rs"]),
    ("selection", &["engine/tests/store/vectors/selection.rs"]),
    (
        "approval",
        &[LIFE, "engine/tests/store/vectors/approval.rs"],
    ),
];
/// The same of `schedule-vectors.yaml`; its `zone_data` says what they were made with.
const OF_SCHEDULES: &[(&str, &[&str])] = &[("slots", &[SLOTS]), ("spread", &[SLOTS])];

#[test]
fn every_section_is_read_by_the_tests_that_are_named_for_it() {
    for (text, lists) in [(BATCHES, OF_BATCHES), (SCHEDULES, OF_SCHEDULES)] {
        let mut found = sections(text);
        for (section, readers) in lists {
            assert!(found.remove(*section).is_some(), "{section} is gone");
            readers.iter().for_each(|path| drop(reads(path, section)));
        }
        if text == SCHEDULES {
            assert_eq!(found.remove("zone_data"), Some(json!(ZONE_DATA)));
        }
        assert!(found.is_empty(), "nobody reads {:?}", found.keys());
    }
}

#[test]
#[should_panic(expected = "nobody looks at [\"state\"] of guards")]
fn a_field_that_nobody_takes_fails_the_test() {
    let mut case = Case::new("guards", json!({ "jobs": 0, "state": "completed" }));
    assert_eq!(case.number("jobs"), 0);
}

#[test]
#[should_panic(expected = "reads no guards")]
fn a_field_is_left_to_a_test_that_reads_its_section() {
    let mut case = Case::new("guards", json!({ "jobs": 0 }));
    case.leave("jobs", RELEASES);
}
