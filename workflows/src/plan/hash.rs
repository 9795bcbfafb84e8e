//! What a selection and a plan hash to. Two equal hashes mean the same work.
//!
//! Every part is written with its length before it (8 bytes, big endian), so no two sequences of
//! parts have the same bytes; an absent part has a length that none can have.

use sha2::{Digest, Sha256};

use super::member::Member;
use crate::configuration::{Chunk, Strategy};

/// Grows member by member, in the order of `n`.
#[derive(Clone, Debug, Default)]
pub struct SelectionHash {
    hasher: Sha256,
    members: u64,
    bytes: u64,
}

impl SelectionHash {
    /// Nothing selected yet.
    pub fn new() -> SelectionHash {
        SelectionHash::default()
    }

    /// Adds a member.
    pub fn add(&mut self, member: &Member) {
        let document = member.document.text().as_bytes();
        self.add_parts(&member.key, member.object.as_deref(), document);
    }

    /// Adds a member by its parts; the document as compact JSON.
    pub fn add_parts(&mut self, key: &str, object: Option<&str>, document: &[u8]) {
        write(&mut self.hasher, Some(key.as_bytes()));
        write(&mut self.hasher, object.map(str::as_bytes));
        write(&mut self.hasher, Some(document));
        self.members += 1;
        self.bytes += document.len() as u64;
    }

    /// How many members were added.
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Bytes of their documents.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash of what was added.
    pub fn finish(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }
}

/// What a plan hash covers.
#[derive(Clone, Copy, Debug)]
pub struct PlanHash<'a> {
    /// Hash of the configuration's revision.
    pub revision: &'a [u8],
    /// Hash of the template version.
    pub template: &'a [u8],
    /// Revision of the purpose, if one is named.
    pub purpose_revision: Option<i64>,
    /// How members become jobs.
    pub strategy: Strategy,
    /// How the members of one job are cut.
    pub chunk: Option<Chunk>,
    /// Members.
    pub members: u64,
    /// Jobs.
    pub jobs: u64,
    /// Chunks.
    pub chunks: u64,
    /// Hash of the selection.
    pub selection: &'a [u8],
}

impl PlanHash<'_> {
    /// The hash of the plan.
    pub fn finish(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let purpose = self.purpose_revision.map(i64::to_be_bytes);
        let max_items = self.chunk.map(|chunk| chunk.max_items.to_be_bytes());
        let max_bytes = self.chunk.map(|chunk| chunk.max_bytes.to_be_bytes());
        let counts = [self.members, self.jobs, self.chunks].map(u64::to_be_bytes);
        write(&mut hasher, Some(self.revision));
        write(&mut hasher, Some(self.template));
        write(&mut hasher, purpose.as_ref().map(|bytes| &bytes[..]));
        write(&mut hasher, Some(self.strategy.as_str().as_bytes()));
        write(&mut hasher, max_items.as_ref().map(|bytes| &bytes[..]));
        write(&mut hasher, max_bytes.as_ref().map(|bytes| &bytes[..]));
        for count in &counts {
            write(&mut hasher, Some(count));
        }
        write(&mut hasher, Some(self.selection));
        hasher.finalize().into()
    }
}

/// What the hash of a plan becomes by an addition. Hashes are told in hexadecimal.
#[derive(Clone, Copy, Debug)]
pub struct AddedHash<'a> {
    /// Hash of the plan before it.
    pub plan: &'a str,
    /// Members that are added.
    pub members: u64,
    /// Their jobs.
    pub jobs: u64,
    /// The chunks of those.
    pub chunks: u64,
    /// Hash of what was selected for it.
    pub selection: &'a [u8],
}

impl AddedHash<'_> {
    /// The hash of the plan with the addition.
    pub fn finish(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        write(&mut hasher, Some(self.plan.as_bytes()));
        for count in [self.members, self.jobs, self.chunks].map(u64::to_be_bytes) {
            write(&mut hasher, Some(&count));
        }
        write(&mut hasher, Some(self.selection));
        hasher.finalize().into()
    }

    /// The hash of a selection with what was selected for an addition.
    pub fn selection(before: &str, added: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        write(&mut hasher, Some(before.as_bytes()));
        write(&mut hasher, Some(added));
        hasher.finalize().into()
    }
}

fn write(hasher: &mut Sha256, part: Option<&[u8]>) {
    let length = part.map_or(u64::MAX, |part| part.len() as u64);
    hasher.update(length.to_be_bytes());
    hasher.update(part.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(members: &[(&str, Option<&str>, &str)]) -> [u8; 32] {
        let mut hash = SelectionHash::new();
        for (key, object, document) in members {
            hash.add_parts(key, *object, document.as_bytes());
        }
        hash.finish()
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        let plain = hash(&[("ab", Some("c"), "{}")]);
        assert_eq!(plain, hash(&[("ab", Some("c"), "{}")]));
        assert_ne!(plain, hash(&[("a", Some("bc"), "{}")]));
        assert_ne!(hash(&[("a", None, "{}")]), hash(&[("a", Some(""), "{}")]));
        assert_ne!(plain, hash(&[("ab", Some("c"), "{}"), ("d", None, "{}")]));
    }

    #[test]
    fn every_part_of_a_plan_counts() {
        let plan = PlanHash {
            revision: b"r",
            template: b"t",
            purpose_revision: None,
            strategy: Strategy::Combined,
            chunk: None,
            members: 1,
            jobs: 1,
            chunks: 0,
            selection: b"s",
        };
        let chunk = Some(Chunk::default());
        let others = [
            PlanHash {
                revision: b"x",
                ..plan
            },
            PlanHash {
                template: b"x",
                ..plan
            },
            PlanHash {
                purpose_revision: Some(1),
                ..plan
            },
            PlanHash {
                strategy: Strategy::Object,
                ..plan
            },
            PlanHash { chunk, ..plan },
            PlanHash { members: 2, ..plan },
            PlanHash { jobs: 2, ..plan },
            PlanHash { chunks: 2, ..plan },
            PlanHash {
                selection: b"x",
                ..plan
            },
        ];
        for other in others {
            assert_ne!(plan.finish(), other.finish(), "{other:?}");
        }
    }

    #[test]
    fn an_addition_is_chained_to_the_plan_before_it() {
        let added = |plan, selection| AddedHash {
            plan,
            members: 1,
            jobs: 1,
            chunks: 0,
            selection,
        };
        let once = added("a", b"x").finish();
        let (first, other_first) = (hex(once), hex(added("a", b"y").finish()));
        let then = added(&first, b"y").finish();
        let other = added(&other_first, b"x").finish();

        assert_ne!(once, added("b", b"x").finish());
        assert_ne!(then, other, "their order counts");
        assert_ne!(
            AddedHash::selection("a", b"x"),
            AddedHash::selection("a", b"y")
        );
    }

    fn hex(hash: [u8; 32]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
