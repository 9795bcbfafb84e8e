//! What a resting job waits for besides its clock, derived from its state.

use super::Execution;
use super::listen::{filters, key};
use super::row::Interest;
use super::state::{Listening, Step};
use crate::document::event::Mode;
use crate::program::node::{FilterNode, Form};
use crate::value::Value;

impl Execution {
    /// Whether a listen would take this event. Changes nothing.
    pub fn wants(&self, envelope: &Value) -> bool {
        let mut scratch = self.scratch();
        (0..scratch.state.branches.len()).any(|place| {
            scratch.state.cursor = place;
            let frame = scratch.listening();
            // What a predicate fails at is heard of when the mail is told.
            frame.is_some_and(|frame| !matches!(scratch.fitting(frame, envelope), Ok(None)))
        })
    }

    /// What a job that rests waits for, besides `next_due`.
    pub fn interests(&self) -> Vec<Interest> {
        let mut interests = Vec::new();
        let mut scratch = self.scratch();
        for place in 0..self.state.branches.len() {
            scratch.state.cursor = place;
            if let Some(frame) = scratch.listening() {
                scratch.mail_interests(frame, &mut interests);
            }
            interests.extend(scratch.state.branch().step().and_then(Step::interest));
        }
        interests
    }

    fn mail_interests(&self, frame: usize, interests: &mut Vec<Interest>) {
        let (listening, node) = self.listen_node(frame);
        let (activity, since) = (listening.activity, listening.since);
        for (place, filter) in filters(node).enumerate() {
            let constant = |name: &str| {
                let form = filter.with.iter().find(|(known, _)| &**known == name);
                match form {
                    Some((_, Form::Constant(value))) => value.as_str().map(ToOwned::to_owned),
                    _ => None,
                }
            };
            if !(node.mode == Mode::All && listening.fills(place)) {
                interests.push(Interest::Mail {
                    activity,
                    since,
                    kind: constant("type"),
                    subject: constant("subject")
                        .or_else(|| self.expected_subject(place, filter, listening)),
                });
            }
        }
    }

    /// The subject that a correlation of the whole attribute fixes.
    fn expected_subject(
        &self,
        place: usize,
        filter: &FilterNode,
        listening: &Listening,
    ) -> Option<String> {
        let of_subject = |text: &str| text == ".subject";
        let one = filter
            .correlate
            .iter()
            .find(|one| one.expect.is_some() && of_subject(&self.program.site(one.from).text))?;
        let expected = listening.keys.value.get(&key(place, &one.name))?;
        expected.as_str().map(ToOwned::to_owned)
    }
}
