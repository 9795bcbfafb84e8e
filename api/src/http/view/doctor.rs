//! What the doctor found, check by check, and what was put right.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::doctor::{CheckView, Finding, RepairView, Report, Severity, meaning};

/// What was found when each check was last made.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoctorReply {
    /// Whether nothing was found.
    pub is_clean: bool,
    /// Whether every check looked everywhere.
    pub is_whole: bool,
    /// The worst first.
    pub findings: Vec<FindingReply>,
    /// The checks, by name.
    pub checks: Vec<CheckReply>,
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingReply {
    /// Stable; `docs/doctor.md` says more.
    pub code: String,
    /// `error`: a promise is broken. `warning`: something is late, or will go wrong.
    pub severity: &'static str,
    /// What is so.
    pub message: &'static str,
    /// The check that found it.
    pub check: String,
    /// How many.
    pub found: i64,
    /// Rows that were put right in that run.
    pub repaired: i64,
    /// What a repair does; nothing where it takes a person.
    pub repair: Option<&'static str>,
    /// Some of them.
    pub examples: Vec<ExampleReply>,
}

/// One case of a finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExampleReply {
    /// A job, a batch, a lease or a name.
    pub subject: String,
    /// What was seen.
    pub detail: String,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckReply {
    /// Its name.
    pub name: String,
    /// When a pass of it last began.
    pub begun_at: DateTime<Utc>,
    /// When it last came to its end.
    pub checked_at: Option<DateTime<Utc>>,
    /// Seconds that the last pass took.
    pub seconds: f64,
    /// Why the last pass did not look everywhere.
    pub unfinished: Option<String>,
}

/// What was put right lately.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairsReply {
    /// Newest first.
    pub items: Vec<RepairReply>,
}

/// Something that was put right.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairReply {
    /// When.
    pub at: DateTime<Utc>,
    /// What was found.
    pub code: String,
    /// Rows that were changed.
    pub rows: i64,
    /// Where it looked; empty for everywhere.
    pub place: String,
    /// Who wanted it.
    pub who: String,
}

impl From<Report> for DoctorReply {
    fn from(report: Report) -> Self {
        let (is_clean, is_whole) = (report.is_clean(), report.is_whole());
        let mut findings = Vec::new();
        let mut checks = Vec::new();
        for mut view in report.checks {
            let found = std::mem::take(&mut view.findings);
            findings.extend(found.into_iter().map(|one| finding(&view.name, one)));
            checks.push(view.into());
        }
        findings
            .sort_by(|one, other| (one.severity, &one.code).cmp(&(other.severity, &other.code)));
        Self {
            is_clean,
            is_whole,
            findings,
            checks,
        }
    }
}

fn finding(check: &str, finding: Finding) -> FindingReply {
    let known = meaning(&finding.code);
    let is_warning = known.is_some_and(|known| known.severity == Severity::Warning);
    let examples = finding.examples.into_iter().map(|one| ExampleReply {
        subject: one.subject,
        detail: one.detail,
    });
    FindingReply {
        severity: if is_warning { "warning" } else { "error" },
        message: known.map_or("this release does not know it", |known| known.sentence),
        check: check.to_owned(),
        found: finding.found,
        repaired: finding.repaired,
        repair: known.and_then(|known| known.repair),
        examples: examples.collect(),
        code: finding.code,
    }
}

impl From<CheckView> for CheckReply {
    fn from(view: CheckView) -> Self {
        Self {
            name: view.name,
            begun_at: view.begun_at,
            checked_at: view.checked_at,
            seconds: view.seconds,
            unfinished: view.unfinished,
        }
    }
}

impl From<RepairView> for RepairReply {
    fn from(view: RepairView) -> Self {
        Self {
            at: view.at,
            code: view.code,
            rows: view.rows,
            place: view.place,
            who: view.who,
        }
    }
}
