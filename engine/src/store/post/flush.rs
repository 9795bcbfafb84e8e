//! The posts of one flush: the statements around its exchange.

use std::collections::BTreeSet;

use serde::Deserialize;
use windlass_workflows::machine::turn::End;

use super::{Cause, EndedChunk, Letter, Meeting, Post, Spot};
use crate::Error;
use crate::store::approval;
use crate::store::child_batch;
use crate::store::context;
use crate::store::exchange::{Ending, NewEntry};
use crate::store::gate::Session;
use crate::store::group::{self, NewGroup};

/// Where the entries of a flush meet those who tell or wait for the same.
pub(in crate::store) fn meeting<'a>(
    entries: impl Iterator<Item = &'a NewEntry> + Clone,
) -> Meeting {
    let mut meeting = Meeting::default();
    for (new, post) in with_posts(entries) {
        if rests(new) {
            for cause in &post.causes {
                meeting.share_cause(post.tenant, new.job, cause);
            }
        }
        if let (true, Some(parent)) = (ends(new), post.parent) {
            meeting.alone(post.tenant, Spot::Job(parent));
        }
        for save in &post.saves {
            meeting.alone(post.tenant, Spot::Context(&save.key));
        }
        if !post.closed_groups.is_empty() {
            meeting.alone(post.tenant, Spot::Job(new.job));
        }
    }
    meeting
}

/// Does the posts of entries that landed, in the transaction that recorded them.
pub(in crate::store) async fn deliver<'a>(
    connection: &mut Session,
    entries: impl Iterator<Item = &'a NewEntry> + Clone,
) -> Result<(), Error> {
    give_back(connection, with_posts(entries.clone())).await?;
    take(connection, with_posts(entries.clone())).await?;
    chunks(connection, with_posts(entries.clone())).await?;
    begin_chunks_again(connection, with_posts(entries.clone())).await?;
    start(connection, with_posts(entries.clone())).await?;
    close(connection, with_posts(entries.clone())).await?;
    approval::close(connection, with_posts(entries.clone())).await?;
    approval::open(connection, with_posts(entries.clone())).await?;
    groups(connection, with_posts(entries.clone())).await?;
    child_batch::open(connection, with_posts(entries.clone())).await?;
    publish(connection, with_posts(entries.clone())).await?;
    save(connection, with_posts(entries.clone())).await?;
    pass_on(connection, with_posts(entries.clone())).await?;
    rest(connection, with_posts(entries.clone())).await?;
    tell(connection, with_posts(entries)).await
}

fn with_posts<'a>(
    entries: impl Iterator<Item = &'a NewEntry> + Clone,
) -> impl Iterator<Item = (&'a NewEntry, &'a Post)> + Clone {
    entries.filter_map(|new| Some((new, new.post.as_deref()?)))
}

fn rests(new: &NewEntry) -> bool {
    matches!(new.ending, Some(Ending::Rest { .. }))
}

fn ends(new: &NewEntry) -> bool {
    matches!(new.ending, Some(Ending::Machine(End::Outcome(_))))
}

async fn take<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let (jobs, ids): (Vec<i64>, Vec<i64>) = posts
        .flat_map(|(new, post)| post.taken.iter().map(|id| (new.job, *id)))
        .unzip();
    if !jobs.is_empty() {
        sqlx::query_file!("queries/mail/take.sql", &jobs, &ids)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn give_back<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let letters: Vec<(i64, i32, &Letter)> = posts
        .flat_map(|(new, post)| {
            let returned = post.returned.iter();
            returned.map(|letter| (new.job, post.tenant, letter))
        })
        .collect();
    if letters.is_empty() {
        return Ok(());
    }
    let heads: Vec<Head> = each(&letters, |(.., letter)| Head::of(&letter.data));
    sqlx::query_file!(
        "queries/mail/give_back.sql",
        &each(&letters, |(job, ..)| *job),
        &each(&letters, |(.., letter)| letter.id),
        &each(&letters, |(_, tenant, _)| *tenant),
        &each(&letters, |(.., letter)| letter.data.as_str()) as &[&str],
        &each(&letters, |(.., letter)| letter.at),
        &each(&heads, |head| head.subject.as_deref()) as &[Option<&str>],
        &each(&heads, |head| head.id.as_deref()) as &[Option<&str>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// By what a letter was a signal. Read here: text that Postgres cannot hold may stand elsewhere in it.
#[derive(Default, Deserialize)]
struct Head {
    subject: Option<String>,
    id: Option<String>,
}

impl Head {
    fn of(envelope: &str) -> Self {
        let head: Self = serde_json::from_str(envelope).unwrap_or_default();
        let is_signal = [&head.subject, &head.id]
            .iter()
            .all(|text| text.as_ref().is_some_and(|text| !text.contains('\0')));
        if is_signal { head } else { Self::default() }
    }
}

/// What members of ended chunks read.
async fn chunks<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let ended: Vec<(i64, &EndedChunk)> = posts
        .flat_map(|(new, post)| post.chunks.iter().map(|chunk| (new.job, chunk)))
        .collect();
    if !ended.is_empty() {
        sqlx::query_file!(
            "queries/chunk/tell.sql",
            &each(&ended, |(job, _)| *job),
            &each(&ended, |(_, chunk)| chunk.number),
            &each(&ended, |(_, chunk)| chunk.code.as_deref()) as &[Option<&str>],
            &each(&ended, |(_, chunk)| chunk.fingerprint.as_deref()) as &[Option<&str>],
            &each(&ended, |(_, chunk)| chunk.at),
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Members of failed chunks read that these are under way again.
async fn begin_chunks_again<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let again = posts.filter(|(_, post)| post.chunks_again);
    let jobs: Vec<i64> = again.map(|(new, _)| new.job).collect();
    if !jobs.is_empty() {
        sqlx::query_file!("queries/chunk/begin_again.sql", &jobs)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Signals that a job has no use for are kept again, and a duty gives them to others.
async fn pass_on<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let letters: Vec<(i64, &Post, i64)> = posts
        .flat_map(|(new, post)| post.spare.iter().map(move |id| (new.job, post, *id)))
        .collect();
    if !letters.is_empty() {
        sqlx::query_file!(
            "queries/mail/forget.sql",
            &each(&letters, |(job, ..)| *job),
            &each(&letters, |(.., id)| *id),
            &each(&letters, |(_, post, _)| post.tenant),
            &each(&letters, |(_, post, _)| Some(post.mark)) as &[Option<i64>],
        )
        .fetch_one(connection)
        .await?;
    }
    Ok(())
}

/// A column of rows.
fn each<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

async fn start<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let mut columns = Children::default();
    for (new, post) in posts {
        for child in &post.children {
            columns.ids.push(child.id);
            columns.parents.push(new.job);
            columns.tenants.push(post.tenant);
            columns.lanes.push(child.lane);
            columns.versions.push(child.template_version);
            columns.nonces.push(rand::random());
            columns.inputs.push(&child.input);
            columns.priorities.push(child.priority);
            let within = child.start_within.map(|length| length.as_secs_f64());
            columns.within.push(within);
            columns.activities.push(child.activity.cast_signed());
            columns.awaited.push(child.awaited);
            columns.on_close.push(child.on_close.as_str());
        }
    }
    if columns.ids.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "queries/child/start.sql",
        &columns.ids,
        &columns.parents,
        &columns.tenants,
        &columns.lanes,
        &columns.versions,
        &columns.nonces,
        &columns.inputs as &[&str],
        &columns.priorities,
        &columns.activities,
        &columns.awaited,
        &columns.on_close as &[&str],
        &columns.within as &[Option<f64>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Children<'a> {
    ids: Vec<i64>,
    parents: Vec<i64>,
    tenants: Vec<i32>,
    lanes: Vec<i32>,
    versions: Vec<i32>,
    nonces: Vec<i64>,
    inputs: Vec<&'a str>,
    priorities: Vec<i32>,
    within: Vec<Option<f64>>,
    activities: Vec<i32>,
    awaited: Vec<bool>,
    on_close: Vec<&'a str>,
}

/// Jobs and which of their activities: one column each.
fn activities<'a>(
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
    of: fn(&Post) -> &[u32],
) -> (Vec<i64>, Vec<i32>) {
    let named = posts.flat_map(|(new, post)| {
        let activities = of(post).iter();
        activities.map(|activity| (new.job, activity.cast_signed()))
    });
    named.unzip()
}

async fn close<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let (parents, closed) = activities(posts, |post| &post.closed);
    if !parents.is_empty() {
        sqlx::query_file!("queries/child/close.sql", &parents, &closed)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn groups<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)> + Clone,
) -> Result<(), Error> {
    close_groups(connection, posts.clone()).await?;
    let opened: Vec<(i64, i32, &NewGroup)> = posts
        .flat_map(|(new, post)| {
            let groups = post.groups.iter();
            groups.map(|group| (new.job, post.tenant, group))
        })
        .collect();
    group::open(connection, &opened).await
}

/// Steps do not want their groups and batches any more. The jobs were met alone.
async fn close_groups<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let (parents, closed) = activities(posts, |post| &post.closed_groups);
    if parents.is_empty() {
        return Ok(());
    }
    sqlx::query_file!("queries/group/close.sql", &parents, &closed)
        .execute(&mut *connection)
        .await?;
    sqlx::query_file!("queries/child_batch/close.sql", &parents, &closed)
        .execute(connection)
        .await?;
    Ok(())
}

async fn publish<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let events: Vec<_> = posts
        .flat_map(|(_, post)| post.events.iter().map(|event| (post.tenant, event)))
        .collect();
    crate::store::event::append(connection, &events).await
}

async fn save<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let saves: Vec<_> = posts
        .flat_map(|(new, post)| {
            let saves = post.saves.iter();
            saves.map(|save| (new.job, post.tenant, save))
        })
        .collect();
    context::save(connection, &saves).await
}

async fn rest<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let (mut jobs, mut marks) = (Vec::new(), Vec::new());
    let mut seen: Vec<(i64, i64)> = Vec::new();
    let mut causes: Vec<(i64, i16, i32, &Cause)> = Vec::new();
    for (new, post) in posts.filter(|(new, _)| rests(new)) {
        jobs.push(new.job);
        marks.push(post.mark);
        seen.extend(post.seen.iter().map(|id| (new.job, *id)));
        // Said twice, it would be given two signals, and only once be woken.
        let once: BTreeSet<&Cause> = post.causes.iter().collect();
        let numbered = (1..).zip(once);
        causes.extend(numbered.map(|(n, cause)| (new.job, n, post.tenant, cause)));
    }
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "queries/mail/rest.sql",
        &jobs,
        &each(&causes, |(job, ..)| *job),
        &each(&causes, |(_, n, ..)| *n),
        &each(&causes, |(_, _, tenant, _)| *tenant),
        &each(&causes, |(.., cause)| cause.kind.as_str()) as &[&str],
        &each(&causes, |(.., cause)| cause.name.as_str()) as &[&str],
        &each(&causes, |(.., cause)| cause.key.as_str()) as &[&str],
        &marks,
        &each(&seen, |(job, _)| *job),
        &each(&seen, |(_, id)| *id),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn tell<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let ended = posts.filter(|(new, post)| post.parent.is_some() && ends(new));
    let ended: Vec<i64> = ended.map(|(new, _)| new.job).collect();
    let told = crate::store::child::tell(connection, &ended).await;
    told.map(drop)
}
