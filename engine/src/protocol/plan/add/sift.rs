//! Which rows of an addition become members: by their keys, their objects, and the filter of the batch.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use windlass_workflows::category::KEY_SEPARATOR;
use windlass_workflows::configuration::{
    Category, Content, Duplicate, Format, Invalid, JobConfiguration, Key, Source, Strategy,
};
use windlass_workflows::plan::{Document, Member, Rendering};
use windlass_workflows::problem::Problem;

use super::super::PlanRow;
use super::super::block::Names;
use super::super::judge::{Verdict, judge};
use super::open::closed;
use super::{ADD_BYTES_MAX, ADD_MEMBERS_MAX};
use crate::protocol::load::{LISTED_MAX, in_file, panicked, refusals};
use crate::protocol::rows::{self, Bounds, For, Gathered, Reading, Sink};
use crate::protocol::upload::{Upload, form};
use crate::store::source::LeftOut;
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};

/// Rows of an addition, judged.
pub(super) struct Sifted {
    /// In the order of their jobs, numbered from 1.
    pub(super) members: Vec<Member>,
    pub(super) left_out: Vec<LeftOut>,
}

/// What is said of each key of an addition.
struct Rows<'a> {
    reading: &'a Reading,
    /// Rows that its batch numbered before.
    before: i64,
    is_numbered: bool,
    standing: HashSet<String>,
    duplicate: Duplicate,
    kept: Vec<Option<(&'a Gathered, String)>>,
    left_out: Vec<LeftOut>,
    problems: Vec<Problem>,
}

impl Store {
    /// Reads the rows that somebody adds, as its batch's selection reads them.
    pub(super) async fn rows_to_add(
        &self,
        plan: &PlanRow,
        file: Upload,
        format: Format,
    ) -> Result<Reading, Error> {
        let form = self.form_of(plan).await?;
        let leave_out = plan.configuration.selection.rows.invalid == Invalid::LeaveOut;
        let bounds = Bounds {
            rows: ADD_MEMBERS_MAX,
            bytes: ADD_BYTES_MAX,
        };
        // Nothing is copied.
        let (nobody, _) = mpsc::channel(1);
        let sink = Sink::new(nobody, For::Addition { leave_out, bounds });
        let (name, reader) = (file.name, file.reader);
        let reading = spawn_blocking(move || rows::read_file(&form, format, reader, sink));
        let reading = reading.await.unwrap_or_else(panicked);
        let problems = refusals(&reading, LISTED_MAX);
        match problems.is_empty() {
            true => Ok(reading),
            false => Err(Error::Invalid {
                problems: in_file(problems, Some(name)),
            }),
        }
    }

    /// How rows are read: as those of the batch's category, or of its file or items.
    async fn form_of(&self, plan: &PlanRow) -> Result<Category, Error> {
        let configuration = &plan.configuration;
        match &configuration.selection.source {
            Source::Category(name) => {
                let kind = ConfigurationKind::Category;
                let revision = self.configuration(plan.tenant, kind, name).await?;
                match revision.content()? {
                    Content::Category(category) => Ok(category),
                    _ => Err(Error::not_found("category", name.as_str())),
                }
            }
            source => {
                let (key, object) = source.identity().expect("only a category has its own");
                Ok(form(configuration, key, object))
            }
        }
    }

    /// Judges the rows by what the batch has now.
    pub(super) async fn sift(
        &self,
        plan: &PlanRow,
        rendering: &Rendering,
        reading: &Reading,
    ) -> Result<Sifted, Error> {
        let is_numbered = self.form_of(plan).await?.key == Key::Row;
        let count = i64::try_from(reading.gathered.len()).unwrap_or(i64::MAX);
        let before = sqlx::query_file!("queries/addition/number.sql", plan.id, count, is_numbered)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| closed(plan.id))?
            .before;
        let keys = reading.gathered.iter().filter(|_| !is_numbered);
        let keys = Names::of(keys.map(|row| (false, row.key.clone())));
        let rows = Rows {
            reading,
            before,
            is_numbered,
            standing: keys
                .standing(self.pool(), plan.id)
                .await?
                .into_iter()
                .collect(),
            duplicate: plan.configuration.selection.rows.duplicate,
            kept: Vec::new(),
            left_out: Vec::new(),
            problems: Vec::new(),
        };
        let sifted = rows.sifted(&plan.configuration, rendering)?;
        self.refuse_objects(plan, &sifted.members).await?;
        Ok(sifted)
    }

    /// An object's job is planned with all that it has.
    async fn refuse_objects(&self, plan: &PlanRow, members: &[Member]) -> Result<(), Error> {
        if plan.configuration.strategy != Strategy::Object {
            return Ok(());
        }
        let objects = members.iter().filter_map(|member| member.object.clone());
        let objects: HashSet<String> = objects.collect();
        let objects = Names::of(objects.into_iter().map(|object| (true, object)));
        let standing = objects.standing(self.pool(), plan.id).await?;
        let Some(first) = standing.first() else {
            return Ok(());
        };
        let more = match standing.len() {
            1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        Err(Error::Conflict {
            code: "already_planned",
            message: format!("b_{} has planned the job of `{first}`{more}", plan.id),
            hint: Some("leave them out, or put them into a new batch".into()),
        })
    }
}

impl<'a> Rows<'a> {
    fn sifted(
        mut self,
        configuration: &JobConfiguration,
        rendering: &Rendering,
    ) -> Result<Sifted, Error> {
        let mut places = HashMap::new();
        for row in &self.reading.gathered {
            self.place(row, &mut places);
        }
        if !self.problems.is_empty() {
            return Err(Error::Invalid {
                problems: self.problems,
            });
        }
        let (mut members, mut left_out) = (Vec::new(), self.left_out);
        for (row, key) in self.kept.into_iter().flatten() {
            let member = member(row, key, self.before);
            match judge(configuration, rendering, &member).map_err(Error::invalid)? {
                Verdict::Member => members.push(member),
                Verdict::Dropped => {}
                Verdict::LeftOut(row) => left_out.push(row),
            }
        }
        if configuration.strategy == Strategy::Object {
            members.sort_by(|left, right| left.object.cmp(&right.object));
        }
        for (n, member) in (1..).zip(&mut members) {
            member.n = n;
        }
        Ok(Sifted { members, left_out })
    }

    /// Keeps a row, unless it is none or its key is there.
    fn place(&mut self, row: &'a Gathered, places: &mut HashMap<String, usize>) {
        if row.left_out {
            return self.leave_out(row.n, String::new(), "invalid");
        }
        let key = match self.is_numbered {
            true => (self.before + row.n).to_string(),
            false => row.key.clone(),
        };
        let earlier = places.get(&key).copied();
        let stands = self.standing.contains(&key);
        match (stands, earlier, self.duplicate) {
            (false, None, _) => {}
            (_, _, Duplicate::First) => return self.leave_out(row.n, key, "duplicate"),
            (false, Some(earlier), Duplicate::Last) => {
                if let Some((row, key)) = self.kept[earlier].take() {
                    self.leave_out(row.n, key, "duplicate");
                }
            }
            (true, ..) => return self.refuse(row, &key, "the batch has it already"),
            (false, Some(_), _) => return self.refuse(row, &key, "a row before it has it too"),
        }
        places.insert(key.clone(), self.kept.len());
        self.kept.push(Some((row, key)));
    }

    fn leave_out(&mut self, n: i64, key: String, reason: &'static str) {
        let n = self.before + n;
        self.left_out.push(LeftOut { n, key, reason });
    }

    fn refuse(&mut self, row: &Gathered, key: &str, why: &str) {
        let line = u32::try_from(self.reading.line_of(row.n)).unwrap_or(u32::MAX);
        let key = key.replace(KEY_SEPARATOR, ", ");
        let problem = Problem::new("duplicate_key", "", format!("key `{key}`: {why}"));
        let hint = "leave the row out, or let `rows: { duplicate: first }` do so";
        self.problems.push(problem.hint(hint).at(line, 1));
    }
}

fn member(row: &Gathered, key: String, before: i64) -> Member {
    Member {
        n: u64::try_from(before + row.n).unwrap_or_default(),
        key,
        object: row.object.clone(),
        document: Document::stored(row.document.clone()),
    }
}
