//! Whether a row is a member: its selection's filter, and what the strategy needs.

use windlass_workflows::configuration::{Invalid, JobConfiguration};
use windlass_workflows::plan::{Member, Rendering};
use windlass_workflows::problem::Problem;

use crate::store::source::LeftOut;

/// What a row is.
pub(in crate::protocol) enum Verdict {
    Member,
    /// The filter does not keep it.
    Dropped,
    LeftOut(LeftOut),
}

/// Judges a row that has a key.
///
/// # Errors
/// What refuses the whole selection.
pub(in crate::protocol) fn judge(
    configuration: &JobConfiguration,
    rendering: &Rendering,
    row: &Member,
) -> Result<Verdict, Problem> {
    let keeps = rendering
        .keeps(row)
        .map_err(|error| Problem::new(error.code(), "/selection/filter", error.to_string()))?;
    if !keeps {
        return Ok(Verdict::Dropped);
    }
    match row.fits(configuration.strategy) {
        Ok(()) => Ok(Verdict::Member),
        Err(_) if configuration.selection.rows.invalid == Invalid::LeaveOut => {
            Ok(Verdict::LeftOut(LeftOut {
                n: i64::try_from(row.n).unwrap_or(i64::MAX),
                key: row.key.clone(),
                reason: "invalid",
            }))
        }
        Err(error) => {
            let problem = Problem::new(error.code(), "/selection", error.to_string());
            Err(problem.hint(error.hint()))
        }
    }
}
