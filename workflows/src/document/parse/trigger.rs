//! `schedule` of a document: cron, every, after, on; exactly one of them (ruling 34).

use super::Reader;
use super::spot::Spot;
use crate::calendar::Pattern;
use crate::document::event::{Read, Trigger};

const KINDS: [&str; 4] = ["cron", "every", "after", "on"];

impl Reader {
    pub fn trigger(&mut self, spot: &Spot<'_>) -> Option<Trigger> {
        let known: Vec<&str> = KINDS.into_iter().chain(["read"]).collect();
        let fields = self.object(spot, &known)?;
        let found: Vec<&str> = KINDS.into_iter().filter(|key| fields.has(key)).collect();
        let [kind] = found[..] else {
            let (code, message) = match found.is_empty() {
                true => ("schedule.empty", "a schedule says when"),
                false => ("schedule.two_kinds", "a schedule says one thing"),
            };
            let problem = fields.problem(code, message);
            self.problems
                .push(problem.hint(format!("exactly one of {}", KINDS.join(", "))));
            return None;
        };
        let spot = fields.get(kind)?;
        if let Some(read) = fields.get("read").filter(|_| kind != "on") {
            let message = "`read` says what of events becomes input; there are none here";
            self.problems.push(read.problem("schedule.read", message));
        }
        match kind {
            "cron" => self.cron(&spot),
            "every" => self.fixed_delay(&spot).map(Trigger::Every),
            "after" => self.fixed_delay(&spot).map(Trigger::After),
            _ => {
                let read = fields.get("read").and_then(|spot| self.read(&spot));
                Some(Trigger::On {
                    strategy: self.strategy(&spot)?,
                    read: read.unwrap_or(Read::Envelope),
                })
            }
        }
    }

    fn cron(&mut self, spot: &Spot<'_>) -> Option<Trigger> {
        let text = self.text(spot)?;
        match Pattern::unix(text) {
            Ok(_) => Some(Trigger::Cron(text.to_owned())),
            Err(wrong) => {
                let problem = spot.problem("schedule.pattern", wrong.message);
                self.problems.push(match wrong.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
                None
            }
        }
    }
}
