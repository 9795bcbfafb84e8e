//! Members become jobs under a strategy, gathered in blocks that are stored together.
//!
//! A job in chunks may have millions of members: they are stored in parts before the job is whole. One of them
//! always waits, so that whoever stores the job moves the cursor with it.

use windlass_workflows::configuration::{JobConfiguration, Strategy};
use windlass_workflows::plan::{Chunker, Member, MemberValue, Rendering, check_size};
use windlass_workflows::problem::Problem;

use crate::store::ids;

/// Jobs in a block of ids: a block that is stored has whole ones, but for the last.
const BLOCK_JOBS: usize = ids::BLOCK as usize;
/// Jobs that are stored together, at most: a page.
const BLOCK_JOBS_MAX: usize = 10 * BLOCK_JOBS;
/// Bytes of inputs, and of documents beside them, from which on nothing more is shaped before they are stored.
const BLOCK_BYTES: usize = 16 << 20;
/// Members in a block of an object or combined batch, unless a single page has more.
const BLOCK_MEMBERS: usize = 5_000;

/// A job that is to be stored.
pub(in crate::protocol) struct PlannedJob {
    pub(in crate::protocol) key: Option<String>,
    pub(in crate::protocol) object: Option<String>,
    /// JSON text.
    pub(in crate::protocol) input: String,
    /// Its members, where they are kept beside it and were not stored before it.
    pub(super) members: Vec<PlannedMember>,
    /// Whether some were stored before it.
    continues: bool,
}

impl PlannedJob {
    /// Bytes of it that are in memory.
    fn bytes(&self) -> usize {
        self.input.len() + document_bytes(&self.members)
    }
}

/// A member of an object or combined job.
pub(super) struct PlannedMember {
    pub(super) n: i64,
    pub(super) chunk: Option<i32>,
    pub(super) key: String,
    pub(super) object: Option<String>,
    /// JSON text.
    pub(super) document: String,
}

fn is_much(members: &[PlannedMember]) -> bool {
    let has_many = members.len() > BLOCK_MEMBERS;
    has_many || members.len() > 1 && document_bytes(members) >= BLOCK_BYTES
}

fn document_bytes(members: &[PlannedMember]) -> usize {
    members.iter().map(|member| member.document.len()).sum()
}

/// Jobs that commit together, and the last member that they cover.
pub(in crate::protocol) struct Block {
    pub(in crate::protocol) jobs: Vec<PlannedJob>,
    /// Members of the job that follows them and is not whole yet.
    pub(super) part: Vec<PlannedMember>,
    /// Whether its first job, or else its part, has members that were stored before.
    pub(super) continues: bool,
    pub(super) cursor: i64,
}

/// Gathers members into jobs.
pub(in crate::protocol) struct Shaper<'a> {
    configuration: &'a JobConfiguration,
    rendering: &'a Rendering,
    done: Vec<(PlannedJob, i64)>,
    /// Bytes of those that are done.
    bytes: usize,
    gathered: Option<Gathered>,
    stores_members: bool,
    jobs: u64,
    chunks: u64,
}

/// The job that members are being gathered for.
struct Gathered {
    object: Option<String>,
    chunker: Option<Chunker>,
    /// Kept only where the job's input holds them.
    items: Vec<Member>,
    members: Vec<PlannedMember>,
    count: u64,
    bytes: u64,
    last: i64,
    /// Whether a member is not stored yet, and whether one is.
    has_new: bool,
    has_stored: bool,
    stores_members: bool,
}

impl<'a> Shaper<'a> {
    pub(super) fn new(configuration: &'a JobConfiguration, rendering: &'a Rendering) -> Self {
        Self {
            configuration,
            rendering,
            done: Vec::new(),
            bytes: 0,
            gathered: None,
            stores_members: true,
            jobs: 0,
            chunks: 0,
        }
    }

    /// One that renders jobs, and keeps no members beside them.
    pub(in crate::protocol) fn of_preview(
        configuration: &'a JobConfiguration,
        rendering: &'a Rendering,
    ) -> Self {
        Self {
            stores_members: false,
            ..Self::new(configuration, rendering)
        }
    }

    /// Jobs so far.
    pub(in crate::protocol) fn jobs(&self) -> u64 {
        self.jobs
    }

    /// Chunks so far.
    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Takes the next member. One that an earlier planner stored (`is_new` false) is only counted.
    pub(in crate::protocol) fn add(&mut self, member: Member, is_new: bool) -> Result<(), Problem> {
        match self.configuration.strategy {
            Strategy::Individual => self.add_individual(&member, is_new),
            Strategy::Object
                if self
                    .gathered
                    .as_ref()
                    .is_some_and(|job| job.object != member.object) =>
            {
                self.close()?;
                self.gather(member, is_new)
            }
            Strategy::Object | Strategy::Combined => self.gather(member, is_new),
        }
    }

    /// The selection has ended.
    pub(in crate::protocol) fn finish(&mut self) -> Result<(), Problem> {
        self.close()
    }

    /// The next block, if one is whole, or at the end whatever is left.
    pub(in crate::protocol) fn take_block(&mut self, all: bool) -> Option<Block> {
        let members: usize = self.done.iter().map(|(job, _)| job.members.len()).sum();
        let is_whole = self.done.len() >= BLOCK_JOBS || members >= BLOCK_MEMBERS || self.is_full();
        if !(is_whole || all && !self.done.is_empty() || self.has_part()) {
            return None;
        }
        let whole = self.done.len().min(BLOCK_JOBS_MAX) / BLOCK_JOBS * BLOCK_JOBS;
        let taken = if whole > 0 { whole } else { self.done.len() };
        let (jobs, lasts): (Vec<PlannedJob>, Vec<i64>) = self.done.drain(..taken).unzip();
        self.bytes = self.done.iter().map(|(job, _)| job.bytes()).sum();
        let mut block = Block {
            continues: jobs.first().is_some_and(|job| job.continues),
            cursor: lasts.last().copied().unwrap_or_default(),
            part: Vec::new(),
            jobs,
        };
        if self.done.is_empty() && self.has_part() {
            self.take_part(&mut block);
        }
        Some(block)
    }

    /// Whether what is done weighs so much that it is to be stored first.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BLOCK_BYTES
    }

    /// Whether the job that is not whole yet has many members to store, or large ones.
    fn has_part(&self) -> bool {
        let job = self.gathered.as_ref();
        job.is_some_and(|job| job.chunker.is_some() && is_much(&job.members))
    }

    /// All of them but the last.
    fn take_part(&mut self, block: &mut Block) {
        let Some(job) = &mut self.gathered else {
            return;
        };
        block.continues |= block.jobs.is_empty() && job.has_stored;
        job.has_stored = true;
        block.part = job.members.drain(..job.members.len() - 1).collect();
        block.cursor = block.part.last().map_or(block.cursor, |member| member.n);
    }

    fn add_individual(&mut self, member: &Member, is_new: bool) -> Result<(), Problem> {
        self.jobs += 1;
        if is_new {
            let input = self
                .render(&MemberValue::Individual(member))
                .map_err(|problem| of_member(problem, member))?;
            let job = PlannedJob {
                key: Some(member.key.clone()),
                object: member.object.clone(),
                input,
                members: Vec::new(),
                continues: false,
            };
            self.push(job, number(member.n));
        }
        Ok(())
    }

    fn gather(&mut self, member: Member, is_new: bool) -> Result<(), Problem> {
        let by_object = self.configuration.strategy == Strategy::Object;
        let (chunk_rule, stores_members) = (self.configuration.chunk, self.stores_members);
        let job = self.gathered.get_or_insert_with(|| {
            let object = by_object.then(|| member.object.clone()).flatten();
            Gathered::new(object, chunk_rule.map(Chunker::new), stores_members)
        });
        job.take(member, is_new);
        if job.chunker.is_none() {
            check_size(job.count, job.bytes).map_err(|large| {
                Problem::new(large.code(), "/chunk", large.to_string()).hint(large.hint())
            })?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(gathered) = self.gathered.take() else {
            return Ok(());
        };
        self.jobs += 1;
        self.chunks += gathered.chunks();
        if !gathered.has_new {
            return Ok(());
        }
        let input = self.render(&gathered.value())?;
        let job = PlannedJob {
            key: None,
            object: gathered.object,
            input,
            members: gathered.members,
            continues: gathered.has_stored,
        };
        self.push(job, gathered.last);
        Ok(())
    }

    fn push(&mut self, job: PlannedJob, last: i64) {
        self.bytes += job.bytes();
        self.done.push((job, last));
    }

    fn render(&self, value: &MemberValue<'_>) -> Result<String, Problem> {
        let rendered = self.rendering.input_text(value);
        rendered.map_err(|error| Problem::new("expression_failed", "/input", error.to_string()))
    }
}

impl Gathered {
    fn new(object: Option<String>, chunker: Option<Chunker>, stores_members: bool) -> Self {
        Self {
            object,
            chunker,
            items: Vec::new(),
            members: Vec::new(),
            count: 0,
            bytes: 0,
            last: 0,
            has_new: false,
            has_stored: false,
            stores_members,
        }
    }

    fn take(&mut self, member: Member, is_new: bool) {
        let bytes = member.document.text().len() as u64;
        let chunk = self
            .chunker
            .as_mut()
            .map(|chunker| i32::try_from(chunker.add(bytes)).unwrap_or(i32::MAX));
        self.count += 1;
        self.bytes += bytes;
        self.last = number(member.n);
        self.has_new |= is_new;
        self.has_stored |= !is_new;
        if is_new && self.stores_members {
            self.members.push(PlannedMember {
                n: self.last,
                chunk,
                key: member.key.clone(),
                object: member.object.clone(),
                document: member.document.text().to_owned(),
            });
        }
        if is_new && self.chunker.is_none() {
            self.items.push(member);
        }
    }

    fn chunks(&self) -> u64 {
        self.chunker.as_ref().map_or(0, Chunker::chunks)
    }

    fn value(&self) -> MemberValue<'_> {
        match (self.object.as_deref(), &self.chunker) {
            (Some(object), None) => MemberValue::Object {
                object,
                members: &self.items,
            },
            (Some(object), Some(chunker)) => MemberValue::ObjectInChunks {
                object,
                count: self.count,
                chunks: chunker.chunks(),
            },
            (None, None) => MemberValue::Combined(&self.items),
            (None, Some(chunker)) => MemberValue::CombinedInChunks {
                count: self.count,
                chunks: chunker.chunks(),
            },
        }
    }
}

/// Names the row in what went wrong with it.
fn of_member(problem: Problem, member: &Member) -> Problem {
    let message = format!(
        "member {} (key `{}`): {}",
        member.n, member.key, problem.message
    );
    Problem { message, ..problem }
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
