//! What the process ends with: stable numbers that scripts may rely on.

use std::process::ExitCode;

/// Why the process ends. The numbers are a promise (`windlass --help` lists them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; an empty list included.
    Done = 0,
    /// Something that nobody expected.
    Failed = 1,
    /// The command line is wrong, or a question came up that nobody could answer.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Not signed in or not allowed.
    Forbidden = 4,
    /// The state of the thing forbids it.
    Refused = 5,
    /// What was waited for ended badly.
    EndedBadly = 6,
    /// The wait ran out, the work goes on.
    WaitOver = 7,
    /// Server or database out of reach; safe to retry.
    Unreachable = 8,
    /// Finished, with findings.
    Findings = 9,
    /// There is no Postgres, and none could be fetched.
    NoPostgres = 69,
    /// Ctrl-C.
    Interrupted = 130,
}

/// The list for the end of the help text.
pub const HELP: &str = "\
Exit codes:
  0 done    1 failed unexpectedly    2 usage    3 not found    4 not allowed    5 refused by state
  6 ended badly    7 wait over, work goes on    8 unreachable, retry    9 findings    69 no Postgres
  130 interrupted";

impl Exit {
    /// What an answer of the API means for a script.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 | 413 => Self::Usage,
            422 => Self::Findings,
            401 | 403 => Self::Forbidden,
            404 => Self::NotFound,
            409 | 412 | 428 => Self::Refused,
            429 | 502..=504 => Self::Unreachable,
            _ => Self::Failed,
        }
    }

    /// As a number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_map_to_the_documented_numbers() {
        let numbers: Vec<u8> = [404, 403, 409, 422, 503, 500]
            .map(|status| Exit::of_status(status).code())
            .into();

        assert_eq!(numbers, [3, 4, 5, 9, 8, 1]);
    }
}
