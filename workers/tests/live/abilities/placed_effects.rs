//! Effects and secrets of calls that jobs of their own make: those of the jobs that ask for them.

use windlass_workers::secret::Secrets;

use crate::abilities::placed::{asks, explained};
use crate::abilities::site::Site;
use crate::abilities::till::{Does, Till, pays};

/// A payment with that rule.
fn pays_once(what: &str, said: &str, rule: &str) -> String {
    let verify = match rule {
        "verify" => ", verify: find",
        _ => "",
    };
    pays(
        what,
        &format!("{said}, effect: {{ key: '${{ \"{what}\" }}', onUnknown: {rule}{verify} }}"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_of_a_step_s_effect_is_left_to_its_rule() {
    const RULES: [&str; 4] = ["redo", "assumeDone", "verify", "park"];
    let (site, till) = (Site::new().await, Till::new().await);
    let mut jobs = Vec::new();
    for rule in RULES {
        let name = rule.to_lowercase();
        let tasks = pays_once(rule, "queue: ledger", rule);
        site.publish(&name, "", &tasks).await;
        till.does(rule, Does::Hangs);
        jobs.push(site.submit(&name, &till.input()).await);
    }
    let lost = site.work(Secrets::new());
    for rule in RULES {
        till.called(rule, 1).await;
        till.does(rule, Does::Answers);
    }

    lost.abort();
    site.work(Secrets::new());

    for (rule, job) in RULES.into_iter().zip(jobs) {
        let (calls, result) = match rule {
            "redo" => (2, r#"{"receipt":2}"#),
            "assumeDone" => (1, "null"),
            "verify" => (1, r#"{"receipt":"found"}"#),
            _ => {
                let step = site.child_of(job).await;
                site.until(step, "parked").await;
                let why = explained(&site, job).await;
                assert!(
                    why.contains("which is parked in the queue `ledger`"),
                    "{why}"
                );
                assert_eq!(till.calls(rule).len(), 1);
                continue;
            }
        };
        assert_eq!(site.result(job, "completed").await, result, "{rule}");
        assert_eq!(till.calls(rule).len(), calls, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_belongs_to_the_job_that_asks_and_to_no_other() {
    let (site, till) = (Site::new().await, Till::new().await);
    site.publish("pays", "", &pays_once("one", "queue: ledger", "park"))
        .await;
    // One that is never begun has nothing.
    let late = pays_once("one", "startBy: PT0.2S, needs: { till: true }", "park");
    site.publish("late", "", &late).await;
    let (late, first) = (
        site.submit("late", &till.input()).await,
        site.submit("pays", &till.input()).await,
    );
    site.work(Secrets::new());
    let problem = site.result(late, "failed").await;
    assert!(problem.contains("was not started in time"), "{problem}");
    site.result(first, "completed").await;

    let second = site.submit("pays", &till.input()).await;

    let problem = site.result(second, "failed").await;
    assert!(
        problem.contains("409") && problem.contains(&format!("j_{first}")),
        "{problem}"
    );
    assert_eq!(till.calls("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_side_by_side_that_want_one_effect_are_told_apart() {
    let (site, till) = (Site::new().await, Till::new().await);
    let branch = |name: &str| {
        format!(
            "- {name}: {{ try: [ {{ pay: {{ call: http, with: {{ method: post, endpoint: {{ uri: '${{ $workflow.input.base + \"/pay/both\" }}' }} }}, metadata: {{ windlass: {{ queue: slow, effect: {{ key: '${{ \"both\" }}', onUnknown: redo }} }} }} }} }} ], catch: {{ errors: {{ with: {{ status: 409 }} }}, do: [ {{ no: {{ set: {{ refused: true }} }} }} ] }} }}"
        )
    };
    let tasks = format!(
        "do:\n- both:\n    fork:\n      branches:\n        {}\n        {}\n",
        branch("a"),
        branch("b")
    );
    site.publish("both", "", &tasks).await;
    let job = site.submit("both", &till.input()).await;

    site.work(Secrets::new());

    let result = site.result(job, "completed").await;
    assert!(
        result.contains("receipt") && result.contains("refused"),
        "{result}"
    );
    assert_eq!(till.calls("both").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_s_job_has_the_secrets_of_the_job_that_asks() {
    let (site, till) = (Site::new().await, Till::new().await);
    let tasks = "use: { secrets: [ word ] }
do:
- pay:
    call: http
    with: { method: post, endpoint: { uri: '${ \"\\($workflow.input.base)/pay/\\($secrets.word)\" }' } }
    metadata: { windlass: { queue: slow } }\n";
    site.publish("hush", "", tasks).await;
    let job = site.submit("hush", &till.input()).await;

    let secrets = Secrets::new().with("word", "open-sesame");
    site.work(secrets);

    site.result(job, "completed").await;
    assert_eq!(till.calls("open-sesame").len(), 1);
    let leaks = "select count(*) from job where input like '%open-sesame%'";
    assert_eq!(site.crowd.count(leaks).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_job_asks_for_the_call_of_a_step() {
    let site = Site::new().await;
    site.publish("asks", "", &asks("{ n: 1 }", "queue: slow"))
        .await;
    let call = r#"{"function":{"name":"does","version":"1.0.0"},"with":{"n":2},"key":"k","job":1}"#;
    let job = site.submit("asks/do-0-ask", call).await;

    site.work(Secrets::new());

    let why = site.result(job, "cancelled").await;
    assert!(why.contains("no job asks for this call"), "{why}");
    assert!(site.calls.lock().expect("no panic in it").is_empty());
}
