//! What handlers did, held against what was recorded: nothing recorded that did not run, nothing run
//! again that no lease was lost for.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use windlass_engine::chaos::Entry;

use super::{Records, Verdict};
use crate::chaos::receipts::{Event, Receipt};

/// I6: every success has its receipts, and nothing ran twice that no lease was lost for.
pub(super) fn judge(
    records: &Records<'_>,
    history: &BTreeMap<i64, Vec<&Entry>>,
    verdict: &mut Verdict,
) {
    let mut begun: BTreeMap<(i64, &str, u32), Vec<&Receipt>> = BTreeMap::new();
    let mut ended: BTreeSet<(i64, &str, Uuid)> = BTreeSet::new();
    for receipt in records.receipts {
        match receipt.what {
            Event::Begin => {
                let try_of = (receipt.job, receipt.step.as_str(), receipt.attempt);
                begun.entry(try_of).or_default().push(receipt);
            }
            Event::End => drop(ended.insert((receipt.job, receipt.step.as_str(), receipt.claim))),
            Event::Fail | Event::Drop | Event::Late => {}
        }
    }
    let mut surplus: BTreeMap<i64, usize> = BTreeMap::new();
    for ((job, step, attempt), begins) in &begun {
        let claims: BTreeSet<Uuid> = begins.iter().map(|receipt| receipt.claim).collect();
        if claims.len() < begins.len() {
            verdict.doubled(
                "I6",
                format!("{step} of job {job}, try {attempt}, ran twice under one claim"),
            );
        }
        *surplus.entry(*job).or_default() += begins.len() - 1;
    }
    for (job, surplus) in surplus {
        let entries = history.get(&job).map_or(&[][..], Vec::as_slice);
        let losses = entries
            .iter()
            .filter(|entry| matches!(entry.what.as_str(), "lost" | "back"));
        let losses = losses.count();
        verdict.surplus += surplus;
        if surplus > losses {
            verdict.doubled(
                "I6",
                format!("job {job} ran {surplus} times too often and lost {losses} leases"),
            );
        }
    }
    verdict.late_starts = late_starts(records, history);
    successes(records, &ended, verdict);
}

fn successes(records: &Records<'_>, ended: &BTreeSet<(i64, &str, Uuid)>, verdict: &mut Verdict) {
    let mut wrote: BTreeMap<i64, BTreeSet<Uuid>> = BTreeMap::new();
    for turn in &records.evidence.turns {
        wrote.entry(turn.job).or_default().extend(turn.claim);
    }
    let batch = ["work".to_owned()];
    let completed = records
        .evidence
        .jobs
        .iter()
        .filter(|job| job.kind.as_deref() == Some("completed"));
    for job in completed {
        let intent = job
            .key
            .as_ref()
            .and_then(|key| records.story.intents.get(key));
        let steps = intent.map_or(&batch[..], |intent| intent.steps.as_slice());
        let mut claims = wrote.remove(&job.id).unwrap_or_default();
        claims.extend(job.claim);
        for step in steps {
            let has_receipt = claims
                .iter()
                .any(|claim| ended.contains(&(job.id, step.as_str(), *claim)));
            if !has_receipt {
                verdict.add("I6", format!("job {} is completed, and no receipt of {step} bears a claim that recorded it", job.id));
            }
        }
    }
}

/// Executions that began once their lease was somebody else's. One can slip through between the look
/// at the trust and the first instruction of the handler, when a process is frozen just there.
fn late_starts(records: &Records<'_>, history: &BTreeMap<i64, Vec<&Entry>>) -> usize {
    let is_late = |receipt: &&Receipt| {
        let entries = history.get(&receipt.job).map_or(&[][..], Vec::as_slice);
        let lost = entries
            .iter()
            .find(|entry| entry.what == "lost" && entry.claim == Some(receipt.claim));
        receipt.what == Event::Begin && lost.is_some_and(|lost| receipt.at_us > lost.at_us)
    };
    records.receipts.iter().filter(is_late).count()
}
