//! A worker runs jobs that ask people, and jobs that read what people look after: approvals and categories.

use std::io::Cursor;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Site, request};
use windlass_engine::Error;
use windlass_engine::protocol::load::Source;
use windlass_engine::store::{ApprovalFilter, ApprovalView, NewDecision};
use windlass_engine::testing::application;
use windlass_workers::catalogue::Catalogue;
use windlass_workflows::catalogue::{Ability, Catalogue as Known};
use windlass_workflows::configuration::Format;

const LEASE_TIME: Duration = Duration::from_secs(5);
const TENANT: i32 = 1;

const ASKS: &str = "
  - ask:
      call: approval:1.0.0@default
      with: { subject: 'Publish the text?', assignees: [ maria, leo ] }
  - say:
      set: { was: '${ .decision }', by: '${ .by }', comment: '${ .comment }' }
";
const ASKS_BRIEFLY: &str = "
  - ask:
      try:
        - decision:
            call: approval:1.0.0@default
            with: { subject: 'Quick?', assignees: [ maria ] }
            timeout: { after: PT1S }
      catch:
        errors: { with: { status: 408 } }
        do:
          - late: { set: { decision: none } }
  - say: { set: { was: '${ .decision }' } }
";
const ASKS_TWICE: &str = "
  - both:
      fork:
        branches:
          - left: { call: 'approval:1.0.0@default', with: { subject: 'Go?', assignees: [ maria ], key: go } }
          - right: { call: 'approval:1.0.0@default', with: { subject: 'Go?', assignees: [ maria ], key: go } }
  - say: { set: { was: '${ map(.decision) }' } }
  - again: { call: 'approval:1.0.0@default', with: { subject: 'Still?', assignees: [ maria ], key: go } }
  - say2: { set: { was: '${ .decision }' } }
";
const RACES: &str = "
  - race:
      fork:
        compete: true
        branches:
          - ask: { call: 'approval:1.0.0@default', with: { subject: 'Go?', assignees: [ maria ] } }
          - hear: { listen: { to: { one: { with: { type: order.paid, subject: order-17 } } } } }
";
const ASKS_NOBODY: &str = "
  - ask:
      call: approval:1.0.0@default
      with: { subject: 'Go?', assignees: '${ .nobody }' }
";
const READS: &str = "
  - read:
      call: category-load:1.0.0@default
      with: { category: birds, key: '${ .key }' }
      export: { as: '{ bird: . }' }
  - wait:
      call: approval:1.0.0@default
      with: { subject: 'Is it?', assignees: [ maria ] }
  - say: { set: { state: '${ $context.bird.state }' } }
";
const BIRDS: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\n";
const SAMPLE: &str =
    include_str!("../../../workflows/tests/samples/06-approval-with-reminders.yaml");

fn decision(decision: &str, by: &str) -> NewDecision {
    NewDecision {
        decision: decision.into(),
        by: by.into(),
        comment: Some("seen".into()),
    }
}

impl Site {
    async fn start_with(&self, template: &str, input: &str) -> i64 {
        self.send(vec![request(template, input)]).await.remove(0)
    }

    async fn open(&self, assignee: Option<&str>) -> Vec<ApprovalView> {
        let filter = ApprovalFilter {
            assignee: assignee.map(str::to_owned),
            ..ApprovalFilter::default()
        };
        let page = self.store.approvals(TENANT, &filter, None, 10).await;
        page.expect("a page").items
    }

    /// The first open request for which this holds.
    async fn approval(&self, fits: impl Fn(&ApprovalView) -> bool) -> ApprovalView {
        let since = Instant::now();
        loop {
            let open = self.open(None).await;
            if let Some(found) = open.iter().find(|one| fits(one)) {
                return found.clone();
            }
            assert!(since.elapsed() < PATIENCE, "nobody asks so: {open:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn decide(&self, id: i64, new: NewDecision) -> Result<ApprovalView, Error> {
        self.store.decide(TENANT, id, new).await
    }

    async fn approval_state(&self, id: i64) -> &'static str {
        let view = self.store.approval(TENANT, id).await;
        view.expect("the approval").state()
    }

    async fn sample(&self) {
        let known = Known::builtin().able(Ability::Listen);
        let template = windlass_engine::protocol::publish::check_source(SAMPLE, &known)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.store
            .publish(TENANT, template)
            .await
            .expect("published");
    }

    /// A job of the sample that reminds after a second, once.
    async fn sampled(&self) -> i64 {
        let input = r#"{"subject":"The budget","approver":"maria","deputy":"leo","remindAfter":"PT1S","reminders":1}"#;
        let mut request = request("x", input);
        request.work = windlass_engine::protocol::Work::Template("approvals.ask-and-remind".into());
        self.send(vec![request]).await.remove(0)
    }

    async fn birds(&self, rows: &str) {
        let source = Source::File {
            name: "birds.csv".to_owned(),
            format: Format::Csv,
            reader: Box::new(Cursor::new(rows.as_bytes().to_vec())),
        };
        let loaded = self.store.load_items(TENANT, "mia", "birds", source).await;
        loaded.expect("loaded");
    }
}

fn code(refused: Result<ApprovalView, Error>) -> &'static str {
    refused.expect_err("refused").code()
}

#[tokio::test]
async fn a_job_asks_rests_without_a_lease_and_goes_on_with_the_decision() {
    let site = Site::new().await;
    site.publish("asks", ASKS).await;
    site.run(LEASE_TIME);
    let job = site.start_with("asks", "{}").await;
    site.until(job, "waiting").await;

    let asked = site.approval(|one| one.job == job).await;
    assert_eq!(asked.subject, "Publish the text?");
    assert_eq!(asked.options, ["approve", "refuse"]);
    assert_eq!(site.open(Some("leo")).await, std::slice::from_ref(&asked));
    assert_eq!(site.open(Some("mia")).await, []);
    let why = site.store.explain(TENANT, job, LEASE_TIME).await;
    let why = why.expect("reasons").into_iter().map(|one| one.text);
    let why: Vec<String> = why.collect();
    assert_eq!(
        why,
        ["it waits for maria or leo's approval of `Publish the text?`"]
    );

    let unknown = site.decide(asked.id, decision("maybe", "maria")).await;
    assert_eq!(code(unknown), "invalid");
    let decided = site.decide(asked.id, decision("approve", "maria")).await;
    assert_eq!(decided.expect("decided").state(), "decided");
    let second = site.decide(asked.id, decision("refuse", "leo")).await;
    let second = second.expect_err("refused");
    assert_eq!(second.code(), "approval_decided");
    assert!(
        second.to_string().contains("`approve` by maria at "),
        "{second}"
    );

    let result = site.completed(job).await;
    assert_eq!(result, r#"{"was":"approve","by":"maria","comment":"seen"}"#);
    assert_eq!(site.open(None).await, []);
    assert_eq!(site.approval_state(asked.id).await, "decided");
}

#[tokio::test]
async fn a_request_ends_with_its_step_when_time_is_up_or_the_job_is_cancelled() {
    let site = Site::new().await;
    site.publish("brief", ASKS_BRIEFLY).await;
    site.publish("asks", ASKS).await;
    site.run(LEASE_TIME);
    let brief = site.start_with("brief", "{}").await;
    let asked = site.approval(|one| one.job == brief).await;

    assert_eq!(site.completed(brief).await, r#"{"was":"none"}"#);
    assert_eq!(site.approval_state(asked.id).await, "closed");
    let late = site.decide(asked.id, decision("approve", "maria")).await;
    assert_eq!(code(late), "approval_closed");

    let job = site.start_with("asks", "{}").await;
    site.until(job, "waiting").await;
    let asked = site.approval(|one| one.job == job).await;
    let cancelled = site.store.cancel(TENANT, job, "test", "enough").await;
    cancelled.expect("cancelled");
    site.until(job, "cancelled").await;
    let since = Instant::now();
    while site.approval_state(asked.id).await != "closed" {
        assert!(since.elapsed() < PATIENCE, "it stays open");
        site.store.tidy_approvals().await.expect("tidied");
    }
}

#[tokio::test]
async fn one_key_is_one_request_in_two_branches_and_in_a_later_step() {
    let site = Site::new().await;
    site.publish("twice", ASKS_TWICE).await;
    site.run(LEASE_TIME);
    let job = site.start_with("twice", "{}").await;
    site.until(job, "waiting").await;
    let open = site.open(None).await;
    assert_eq!(open.len(), 1, "{open:?}");

    let decided = site.decide(open[0].id, decision("approve", "maria")).await;
    decided.expect("decided");

    assert_eq!(site.completed(job).await, r#"{"was":"approve"}"#);
    let kept = site
        .store
        .approval(TENANT, open[0].id)
        .await
        .expect("there");
    assert_eq!((kept.subject.as_str(), kept.state()), ("Go?", "decided"));
}

#[tokio::test]
async fn a_branch_that_loses_a_race_closes_its_request() {
    let site = Site::new().await;
    site.publish("races", RACES).await;
    site.run(LEASE_TIME);
    let job = site.start_with("races", "{}").await;
    site.until(job, "waiting").await;
    let asked = site.approval(|one| one.job == job).await;
    let paid = windlass_engine::store::NewEvent {
        kind: "order.paid".into(),
        subject: "order-17".into(),
        uid: None,
        data: r#"{"specversion":"1.0","id":"1","source":"/x","type":"order.paid","subject":"order-17"}"#.into(),
    };
    site.store
        .append_events(TENANT, &[paid])
        .await
        .expect("said");

    site.completed(job).await;
    assert_eq!(site.approval_state(asked.id).await, "closed");
}

#[tokio::test]
async fn a_request_to_nobody_fails_its_task() {
    let site = Site::new().await;
    site.publish("nobody", ASKS_NOBODY).await;
    site.run(LEASE_TIME);
    let job = site.start_with("nobody", "{}").await;

    site.until(job, "failed").await;
    let outcome = site.job(job).await.outcome.expect("an outcome");
    let result = outcome.result.expect("an error");
    assert!(
        result.contains("approval:1.0.0 does not take this"),
        "{result}"
    );
    assert_eq!(site.open(None).await, []);
}

#[tokio::test]
async fn a_decision_survives_the_worker_that_was_to_hear_it() {
    let site = Site::new().await;
    site.publish("asks", ASKS).await;
    site.keep(Duration::from_secs(1));
    let (_, first) = site.work(Catalogue::new(), Duration::from_secs(1));
    let job = site.start_with("asks", "{}").await;
    site.until(job, "waiting").await;
    let asked = site.approval(|one| one.job == job).await;
    first.abort();
    let _ = first.await;

    let decided = site.decide(asked.id, decision("refuse", "leo")).await;
    decided.expect("decided");
    assert_eq!(
        code(site.decide(asked.id, decision("approve", "maria")).await),
        "approval_decided"
    );
    // A worker that takes it up and dies before it has recorded anything.
    let (_, second) = site.work(Catalogue::new(), Duration::from_secs(1));
    second.abort();
    let _ = second.await;
    site.work(Catalogue::new(), Duration::from_secs(1));

    let result = site.completed(job).await;
    assert_eq!(result, r#"{"was":"refuse","by":"leo","comment":"seen"}"#);
}

#[tokio::test]
async fn the_sample_is_approved_after_a_reminder_under_the_first_link() {
    let site = Site::new().await;
    site.sample().await;
    site.run(LEASE_TIME);
    let job = site.sampled().await;
    let first = site.approval(|one| one.job == job).await;
    let reminded = site.approval(|one| one.job == job && one.round == 1).await;
    assert_eq!((first.id, first.round), (reminded.id, 0));
    assert_eq!(reminded.key, format!("j_{job}/maria"));

    let decided = site.decide(first.id, decision("approve", "maria")).await;
    decided.expect("decided");

    let result = site.completed(job).await;
    assert_eq!(result, r#"{"approvedBy":"maria","comment":"seen"}"#);
}

#[tokio::test]
async fn the_sample_goes_to_the_deputy_and_gives_up_in_the_end() {
    let site = Site::new().await;
    site.sample().await;
    site.run(LEASE_TIME);
    let (job, silent) = (site.sampled().await, site.sampled().await);
    let maria = site.approval(|one| one.job == job).await;
    let leo = site
        .approval(|one| one.job == job && one.assignees == ["leo"])
        .await;
    assert_ne!(maria.id, leo.id);
    assert_eq!(site.approval_state(maria.id).await, "closed");

    let decided = site.decide(leo.id, decision("refuse", "leo")).await;
    decided.expect("decided");

    site.until(job, "failed").await;
    let outcome = site.job(job).await.outcome.expect("an outcome");
    assert!(
        outcome
            .result
            .expect("an error")
            .contains("approvals/refused")
    );
    site.until(silent, "failed").await;
    let outcome = site.job(silent).await.outcome.expect("an outcome");
    assert!(
        outcome
            .result
            .expect("an error")
            .contains("approvals/expired")
    );
    assert_eq!(site.open(None).await, []);
}

#[tokio::test]
async fn an_item_is_read_once_and_as_it_was_then() {
    let site = Site::new().await;
    site.store
        .apply(application(&[BIRDS]))
        .await
        .expect("applied");
    site.birds("name,state\nGull,Ohio\nCrow,Iowa\n").await;
    site.publish("reads", READS).await;
    site.run(LEASE_TIME);
    let job = site.start_with("reads", r#"{"key":"Gull"}"#).await;
    site.until(job, "waiting").await;
    let asked = site.approval(|one| one.job == job).await;
    site.birds("name,state\nGull,Utah\n").await;

    let decided = site.decide(asked.id, decision("approve", "maria")).await;
    decided.expect("decided");
    assert_eq!(site.completed(job).await, r#"{"state":"Ohio"}"#);

    let gone = site.start_with("reads", r#"{"key":"Crow"}"#).await;
    site.until(gone, "failed").await;
    let outcome = site.job(gone).await.outcome.expect("an outcome");
    let result = outcome.result.expect("an error");
    assert!(result.contains("category.unknown_item"), "{result}");
}
