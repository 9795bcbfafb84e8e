//! Shows the checker faults of every kind, on a round that was good: it must see each of them.
//!
//! A harness must prove that it can see. Faults of the database are planted in transactions that are
//! rolled back; those of the other two records in what was read from disk.

use std::collections::BTreeMap;

use windlass_engine::chaos::{Evidence, Plant, Witness};

use super::check::{Records, Verdict, check};
use super::journal::{Journal, Story};
use super::receipts::{self, Event, Receipt};
use super::round::verdict_on;
use super::site::Site;
use crate::cli::error::CliError;

type Stood = BTreeMap<String, Vec<i64>>;

/// The invariant that must tell of a planted fault.
fn told_by(plant: Plant) -> &'static str {
    match plant {
        Plant::OutcomeGone | Plant::StrayedJob => "I10",
        Plant::OutcomeTwice | Plant::Revived | Plant::OutcomeChanged => "I3",
        Plant::InputEdited | Plant::JobGone => "I1",
        Plant::TallyOff => "I9",
        Plant::StaleOutcome | Plant::StaleTurn => "I4",
        Plant::LeasedTwice => "I5",
    }
}

/// Plants everything; how many faults there were, and how many were seen.
///
/// # Errors
/// When a fault cannot be planted.
pub async fn test(
    site: &Site,
    journal: &Journal,
    stood: &Stood,
    verdict: &mut Verdict,
) -> Result<(usize, usize), CliError> {
    let mut planted = 0;
    let mut seen = 0;
    let mut witness = Witness::connect(&site.url).await?;
    for plant in Plant::ALL {
        let evidence = witness.evidence_with(plant).await?;
        let told = verdict_on(site, journal, stood, &evidence)?;
        let wanted = told_by(plant);
        let is_seen = told
            .violations
            .iter()
            .any(|violation| violation.invariant == wanted);
        planted += 1;
        seen += usize::from(is_seen);
        if !is_seen {
            verdict.add(
                "self-test",
                format!("{plant:?} was planted and {wanted} did not tell"),
            );
        }
    }
    let evidence = witness.evidence().await?;
    let story = Story::read(journal.path())?;
    let receipts = receipts::read(&site.folder.join("receipts"))?;
    for (name, wanted, forged) in forgeries(&story, &receipts, &evidence) {
        let told = check(&Records {
            story: &forged.0,
            receipts: &forged.1,
            evidence: &evidence,
            stood,
        });
        planted += 1;
        let is_seen = told
            .violations
            .iter()
            .any(|violation| violation.invariant == wanted);
        seen += usize::from(is_seen);
        if !is_seen {
            verdict.add(
                "self-test",
                format!("{name} was forged and {wanted} did not tell"),
            );
        }
    }
    Ok((planted, seen))
}

type Forged = (Story, Vec<Receipt>);

/// The other two records, each with one fault.
fn forgeries(
    story: &Story,
    receipts: &[Receipt],
    evidence: &Evidence,
) -> Vec<(&'static str, &'static str, Forged)> {
    let completed = |receipt: &&Receipt| {
        let place = evidence
            .jobs
            .binary_search_by_key(&receipt.job, |job| job.id);
        place.is_ok_and(|place| evidence.jobs[place].kind.as_deref() == Some("completed"))
    };
    let begin = receipts
        .iter()
        .filter(completed)
        .find(|receipt| receipt.what == Event::Begin);
    let end = receipts
        .iter()
        .filter(completed)
        .rfind(|receipt| receipt.what == Event::End);
    let mut twice = receipts.to_vec();
    twice.extend(begin.cloned());
    let mut again = receipts.to_vec();
    again.extend(begin.cloned().map(|begin| Receipt {
        claim: uuid::Uuid::new_v4(),
        ..begin
    }));
    let without: Vec<Receipt> = receipts
        .iter()
        .filter(|receipt| Some(*receipt) != end)
        .cloned()
        .collect();
    let mut two_ids = story.clone();
    if let Some(ids) = two_ids.accepted.values_mut().next() {
        ids.push(-1);
    }
    let mut ghost = story.clone();
    ghost.intents.pop_last();
    vec![
        ("a receipt written twice", "I6", (story.clone(), twice)),
        (
            "an execution without a lost lease",
            "I6",
            (story.clone(), again),
        ),
        (
            "a success without a receipt",
            "I6",
            (story.clone(), without),
        ),
        ("a key with two ids", "I2", (two_ids, receipts.to_vec())),
        (
            "a job that nobody asked for",
            "I2",
            (ghost, receipts.to_vec()),
        ),
    ]
}
