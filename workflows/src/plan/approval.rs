//! Whether a plan may be approved, by whom, and until when. An approval names the hash of the plan that
//! its giver saw.

/// How a plan stands when somebody approves it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whether it asks.
    pub is_open: bool,
    /// Whether somebody approved it before.
    pub was_approved: bool,
    /// Whether nobody may approve it any more.
    pub is_late: bool,
    /// Its hash.
    pub plan_hash: &'a str,
    /// Who made the batch; of one that a schedule made, who applied its configuration.
    pub creator: &'a str,
    /// Whether that must be another person.
    pub four_eyes: bool,
    /// Whether its template was retired since.
    pub is_retired: bool,
}

/// What comes of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The batch goes on.
    Given,
    /// It was given before; nothing happens.
    GivenBefore,
    /// The approver saw another plan.
    PlanChanged,
    /// Who made the batch does not approve it.
    SamePerson,
    /// Time is up: the batch ends `cancelled`.
    Late,
    /// The template is not to be used any more.
    TemplateRetired,
    /// It asks nobody.
    NotAsked,
}

/// Judges an approval of the plan with this hash by this person.
pub fn approval(asking: &Asking<'_>, plan_hash: &str, who: &str) -> Approval {
    let is_other = asking.plan_hash != plan_hash;
    match asking {
        _ if asking.was_approved && !is_other => Approval::GivenBefore,
        _ if !asking.is_open => Approval::NotAsked,
        _ if asking.is_late => Approval::Late,
        _ if is_other => Approval::PlanChanged,
        _ if asking.four_eyes && asking.creator == who => Approval::SamePerson,
        _ if asking.is_retired => Approval::TemplateRetired,
        _ => Approval::Given,
    }
}
