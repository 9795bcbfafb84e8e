//! Which of the 37 interleavings are tested, and by what. A name that is gone fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LAST: u32 = 37;

/// Those whose tests stand beside their feature: number, file below `engine/tests/store`, test.
const ELSEWHERE: &[(u32, &str, &str)] = &[
    (
        18,
        "submit_keys.rs",
        "interleaving_18_one_key_makes_one_job_whoever_comes_first_and_however",
    ),
    (
        18,
        "submit_keys.rs",
        "interleaving_18_a_key_in_an_open_transaction_is_in_flight_and_stops_no_neighbour",
    ),
    (
        18,
        "submit_keys.rs",
        "interleaving_18_a_key_that_ran_out_is_taken_over_by_one_of_many",
    ),
    (
        19,
        "submit_replace.rs",
        "interleaving_19_a_claimed_job_stays_and_the_new_one_is_linked_to_it",
    ),
    (
        19,
        "submit_replace.rs",
        "interleaving_19_a_replaced_job_is_claimed_by_nobody",
    ),
    (
        19,
        "submit_replace.rs",
        "interleaving_19_a_job_that_changes_hands_is_looked_at_again",
    ),
    (
        20,
        "limit_race.rs",
        "no_interleaving_lets_more_run_than_the_limits_allow",
    ),
    (
        21,
        "redrive_batch.rs",
        "finish_and_redrive_at_once_never_lose_a_settlement",
    ),
    (
        26,
        "partitions.rs",
        "a_range_stays_under_a_job_that_wakes_and_is_gone_before_a_late_entry",
    ),
    (
        27,
        "partitions.rs",
        "a_missing_partition_stops_nobody_and_is_filled_later",
    ),
    (
        30,
        "redrive_batch.rs",
        "a_batch_that_finished_before_the_redrive_is_open_again_and_ends_well",
    ),
    (
        30,
        "redrive_batch.rs",
        "a_batch_does_not_finish_while_a_redriven_job_is_out",
    ),
    (
        33,
        "poison.rs",
        "one_poison_job_among_500_is_parked_and_no_neighbour_is",
    ),
    (
        34,
        "submit_sql.rs",
        "interleaving_34_a_prepared_transaction_decides_over_its_job_later",
    ),
];

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Numbers of the tests of this folder, from their names.
fn here() -> BTreeSet<u32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interleaving");
    let files = fs::read_dir(folder).expect("the folder");
    files
        .flat_map(|file| {
            let text = text(&file.expect("a file").path());
            let names = text.split("async fn i").skip(1);
            names
                .filter_map(|name| name.get(..2)?.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

#[test]
fn each_interleaving_is_tested() {
    let elsewhere: BTreeSet<u32> = ELSEWHERE.iter().map(|(number, ..)| *number).collect();

    assert_eq!(&here() | &elsewhere, (1..=LAST).collect());
}

#[test]
fn tests_that_stand_beside_their_feature_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store");
    for (number, file, test) in ELSEWHERE {
        let found = text(&folder.join(file)).contains(&format!("async fn {test}("));
        assert!(found, "interleaving {number}: no test {test} in {file}");
    }
}
