//! What a pump's jobs want to record, until its next flush takes it.
//!
//! A pump and its jobs live on one thread: nothing here is shared with another.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::sync::{Notify, oneshot};
use windlass_engine::store::{COMPUTED_MAX, NewEntry, POSTS_MAX, Taken};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is durable.
    Accepted,
    /// The lease is lost, or somebody stopped the job.
    Refused,
    /// One of its effects is another's.
    Taken(Taken),
}

/// An entry on its way, and who waits for its fate.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) new: NewEntry,
    /// Absent for an ending that nobody waits for.
    pub(crate) ack: Option<oneshot::Sender<Recorded>>,
}

impl Borrow<NewEntry> for Outgoing {
    fn borrow(&self) -> &NewEntry {
        &self.new
    }
}

impl Outgoing {
    /// Tells whoever waits. Nobody may wait any more: the job was dropped meanwhile.
    pub(crate) fn tell(self, fate: Recorded) {
        if let Some(ack) = self.ack {
            let _ = ack.send(fate);
        }
    }
}

/// The entries of one pump.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: RefCell<VecDeque<Outgoing>>,
    filled: Notify,
}

impl Outbox {
    /// Leaves an ending that nobody waits for.
    pub(crate) fn leave(&self, new: NewEntry) {
        self.put(Outgoing { new, ack: None });
    }

    /// Records an entry and waits until it is durable or refused. An entry that is dropped with its
    /// pump's trust is refused.
    ///
    /// # Cancel safety
    /// Dropped, the entry is recorded all the same.
    pub(crate) async fn record(&self, new: NewEntry) -> Recorded {
        let (ack, fate) = oneshot::channel();
        self.put(Outgoing {
            new,
            ack: Some(ack),
        });
        fate.await.unwrap_or(Recorded::Refused)
    }

    /// Takes the oldest entries: at most so many and so many bytes, but one at least; of those with a post at
    /// most [`POSTS_MAX`], and of changes that are computed under their locks [`COMPUTED_MAX`].
    pub(crate) fn take(&self, most: usize, bytes_max: usize) -> Vec<Outgoing> {
        let mut waiting = self.waiting.borrow_mut();
        let (mut bytes, mut posts, mut computed) = (0, 0, 0);
        let fits = waiting.iter().take(most).take_while(|outgoing| {
            let is_first = bytes == 0;
            bytes += outgoing.new.bytes();
            if let Some(post) = &outgoing.new.post {
                posts += 1;
                computed += post.computed();
            }
            let are_few = posts <= POSTS_MAX && computed <= COMPUTED_MAX;
            is_first || bytes <= bytes_max && are_few
        });
        let count = fits.count();
        waiting.drain(..count).collect()
    }

    /// Entries that nobody waits for: they still hold their slot.
    pub(crate) fn unattended(&self) -> usize {
        self.waiting
            .borrow()
            .iter()
            .filter(|outgoing| outgoing.ack.is_none())
            .count()
    }

    /// Forgets everything: the leases are lost.
    pub(crate) fn clear(&self) {
        self.waiting.borrow_mut().clear();
    }

    /// Waits until something is put in.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    fn put(&self, outgoing: Outgoing) {
        self.waiting.borrow_mut().push_back(outgoing);
        self.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use windlass_engine::store::{Ending, LeaseKey, NewSave, Post, SaveEdit};
    use windlass_workflows::context::{ComputedChange, Formula};

    use super::*;

    fn with_post(job: i64, post: Option<Post>) -> NewEntry {
        let lease = LeaseKey {
            claim: Uuid::nil(),
            n: 1,
        };
        NewEntry {
            post: post.map(Box::new),
            ..NewEntry::leaving(job, lease, Ending::Back, false)
        }
    }

    #[test]
    fn a_flush_has_few_entries_with_a_post() {
        let outbox = Outbox::default();
        for job in 0..1_000 {
            outbox.leave(with_post(job, (job % 2 == 0).then(Post::default)));
        }

        let first = outbox.take(1_000, usize::MAX);

        let posts = first.iter().filter(|outgoing| outgoing.new.post.is_some());
        assert_eq!(posts.count(), POSTS_MAX);
        assert_eq!(first.len(), 2 * POSTS_MAX);
        assert_eq!(outbox.take(1_000, usize::MAX).len(), 2 * POSTS_MAX);
    }

    /// A turn that computes this many contexts.
    fn computing(contexts: usize) -> Post {
        let formula = Formula::compile(".n += 1").expect("jq");
        let change = ComputedChange::new(formula.into(), None);
        let save = NewSave {
            activity: 1,
            key: "k".into(),
            edit: SaveEdit::Change(change),
            subject: None,
            ttl: None,
            step: "/do/0/a".into(),
        };
        Post {
            saves: vec![save; contexts],
            ..Post::default()
        }
    }

    #[test]
    fn a_flush_computes_few_contexts_unless_one_turn_asks_for_more() {
        let outbox = Outbox::default();
        for job in 0..20 {
            outbox.leave(with_post(job, Some(computing(1))));
        }
        outbox.leave(with_post(20, Some(computing(COMPUTED_MAX + 1))));
        outbox.leave(with_post(21, None));

        let taken = || outbox.take(1_000, usize::MAX).len();

        assert_eq!(taken(), COMPUTED_MAX);
        assert_eq!(taken(), COMPUTED_MAX);
        assert_eq!(taken(), 20 - 2 * COMPUTED_MAX);
        assert_eq!(taken(), 1, "one at least");
        assert_eq!(taken(), 1);
    }
}
