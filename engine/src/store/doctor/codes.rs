//! What the doctor can find: a stable code each, how bad it is, what it means, and what repair does.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is late, or will go wrong.
    Warning,
    /// A promise is broken.
    Error,
}

/// Something that a check can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// Stable.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub sentence: &'static str,
    /// What repair does; `None`: it takes a person.
    pub repair: Option<&'static str>,
}

const fn error(code: &'static str, sentence: &'static str, repair: &'static str) -> Code {
    Code {
        code,
        severity: Severity::Error,
        sentence,
        repair: if repair.is_empty() {
            None
        } else {
            Some(repair)
        },
    }
}

const fn warning(code: &'static str, sentence: &'static str, repair: &'static str) -> Code {
    Code {
        severity: Severity::Warning,
        ..error(code, sentence, repair)
    }
}

const DUTY: &str = "does what the duty should have done";

/// All of them, check by check.
pub const CODES: [Code; 48] = [
    error(
        "job_nowhere",
        "a job stands in no holder and has no outcome, so nothing will ever move it",
        "parks it, with this code as its error; a redrive runs it",
    ),
    error("job_held_twice", "a job stands in two holders", ""),
    error(
        "job_leased_twice",
        "a job is leased twice, so two workers may run it",
        "",
    ),
    error("job_ended_twice", "a job has two outcomes", ""),
    error(
        "job_ended_and_held",
        "a job that has an outcome stands in a holder too",
        "cuts it out of the holder: a final outcome never changes",
    ),
    error(
        "place_without_job",
        "a place is of a job that does not exist",
        "",
    ),
    error(
        "wrong_lane",
        "a job stands in another lane than its own",
        "",
    ),
    error("wrong_tenant", "a job's lane is of another tenant", ""),
    error("wrong_batch", "a job's lane is of another batch", ""),
    error(
        "outcome_differs",
        "an outcome is of another tenant, lane or batch than its job",
        "",
    ),
    error(
        "extent_leaves_block",
        "an outcome is no range of one block of 1,000 ids, so looking for its jobs misses it",
        "",
    ),
    error(
        "journal_forgotten",
        "a job that has a journal would begin anew",
        "",
    ),
    error("journal_gap", "turns of a journal are missing", ""),
    error(
        "head_without_turn",
        "a head is of a turn that is not in the journal",
        "deletes the head where the journal is whole: it only saves reading",
    ),
    warning(
        "row_of_no_job",
        "a row speaks of a job that does not exist",
        "deletes mail, wishes, times to start, excuses and pauses; journals, heads and requests stay",
    ),
    error(
        "tally_differs",
        "what a batch counts differs from what became of its jobs",
        "adds the tally that is missing, or takes back what is too much",
    ),
    error(
        "batch_expects_wrong",
        "a batch expects another number of settlements than it will get",
        "corrects it while the batch is open",
    ),
    error(
        "batch_settled_too_often",
        "a batch has more settlements than it expects",
        "",
    ),
    error(
        "batch_ended_early",
        "a batch ended before all of its jobs had settled",
        "opens it again; it ends when they have",
    ),
    warning(
        "batch_not_finished",
        "a batch has all settlements and did not end",
        DUTY,
    ),
    error(
        "batch_plan_differs",
        "a batch has another number of jobs or members than its plan",
        "",
    ),
    error(
        "planned_left_behind",
        "a batch that releases nothing any more has planned jobs",
        "lets a running batch release them",
    ),
    error(
        "batch_without_slot",
        "no slot of a schedule knows a batch that was made for it",
        "",
    ),
    warning("lease_empty", "a lease has no jobs", "deletes it"),
    warning(
        "stop_without_job",
        "a lease stops a job that it does not have",
        "forgets the stop",
    ),
    warning(
        "lease_of_dead_worker",
        "a worker is dead and its jobs were not taken back",
        DUTY,
    ),
    error(
        "wait_without_cause",
        "a job rests and nothing will wake it",
        "wakes it: its machine looks again",
    ),
    warning(
        "cause_without_wait",
        "a cause to wake a job that does not rest",
        "deletes it",
    ),
    warning("timer_overdue", "a job's timer is over and it rests", DUTY),
    warning(
        "later_overdue",
        "a job's time has come and it is not ready",
        DUTY,
    ),
    warning(
        "expiry_overdue",
        "a job that nobody started in time has not ended",
        DUTY,
    ),
    warning(
        "cancel_overdue",
        "a job that is to be cancelled has not ended",
        DUTY,
    ),
    warning(
        "wish_overdue",
        "somebody's wish to cancel a job is still unfulfilled",
        DUTY,
    ),
    error(
        "key_without_job",
        "an idempotency key answers with a job that does not exist",
        "",
    ),
    warning(
        "key_overdue",
        "an idempotency key has run out and still stands",
        DUTY,
    ),
    warning("slot_overdue", "a slot is due and was not decided", ""),
    error(
        "slot_without_batch",
        "a slot fired and has neither batch nor job",
        "",
    ),
    error(
        "slot_twice",
        "a slot has a row and stands in one for many",
        "",
    ),
    warning(
        "schedule_not_planned",
        "the ledger of a schedule ends before now",
        "",
    ),
    error(
        "signal_missed",
        "a signal is kept although a job rests for it",
        "gives it to the job",
    ),
    warning(
        "child_untold",
        "a job has ended and its parent was not told",
        DUTY,
    ),
    warning(
        "letter_left",
        "a job has ended and what it was told still stands",
        DUTY,
    ),
    warning(
        "signal_overdue",
        "a signal's time is over and it still stands",
        DUTY,
    ),
    warning(
        "event_overdue",
        "an event was not published, or who waits for it not woken",
        DUTY,
    ),
    error(
        "paused_without_pause",
        "a job is held for a pause that does not exist, so nobody ends it",
        "lets it go on",
    ),
    error(
        "limit_drift",
        "the counter of a limit differs from what is leased",
        "counts the leases under the counter's lock",
    ),
    error(
        "lane_without_limit",
        "a lane names a counter that does not exist, so nothing of it can be claimed",
        "",
    ),
    error(
        "category_differs",
        "a category has another number of items than it says",
        "",
    ),
];

/// What the database itself will run into.
pub const DATABASE_CODES: [Code; 4] = [
    error(
        "ids_behind",
        "a sequence is about to give ids that jobs have already",
        "draws ids until new ones come",
    ),
    warning("ids_run_out", "the partitions of `job` are nearly full", ""),
    warning(
        "old_snapshot",
        "a transaction that stays open keeps Postgres from cleaning up",
        "",
    ),
    warning(
        "old_prepared",
        "a prepared transaction was left behind and keeps Postgres from cleaning up",
        "",
    ),
];

/// Everything that the doctor can find.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    CODES.iter().chain(&DATABASE_CODES)
}

/// What a code means.
pub fn meaning(code: &str) -> Option<&'static Code> {
    codes().find(|known| known.code == code)
}
