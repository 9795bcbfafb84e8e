//! Limits under interleaving: many claimers, settlements, deaths and lost answers at once, with every
//! instant checked afterwards from a history of the leases.

use std::time::Duration;

use futures::future::join_all;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;
use windlass_engine::store::{Claimed, Ending, LaneKey, NewEntry, Want};

use crate::common::{Bench, LEASE_TIME, TestWorker, completed, ending};

const CLAIMERS: u64 = 8;
const JOBS: usize = 200;
/// Claims of one claimer; far more than the work takes.
const ROUNDS_MAX: usize = 20_000;

/// Every change of a lease, in the order of the counters' locks: a trigger runs at the end of its
/// statement, which holds them until its commit. It reads no counter, so it can prove them wrong.
const WATCH: &str = "
    create table seen (n bigserial, tx xid8 not null default pg_current_xact_id(), lane int, jobs int);
    create function size(jobs int8multirange) returns int language sql as
        'select coalesce(sum(upper(r) - lower(r)), 0)::int from unnest(jobs) r';
    create function watch() returns trigger language plpgsql as $$
    begin
        insert into seen (lane, jobs) values (
            case tg_op when 'DELETE' then old.lane else new.lane end,
            case when tg_op = 'DELETE' then 0 else size(new.jobs) end
              - case when tg_op = 'INSERT' then 0 else size(old.jobs) end);
        return null;
    end $$;
    create trigger watch after insert or update or delete on lease for each row execute function watch()";

/// The most and the fewest units that any key had under lease at once, above its cap and below nothing.
const SWEEP: &str = "
    with moved as (
        select tx, key, max(seen.n) as n, sum(jobs * coalesce(cost, 1)) as jobs
        from seen join lane on lane.id = seen.lane cross join unnest(limits, costs) as part (key, cost)
        group by tx, key
    ), history as (
        select key, sum(jobs) over (partition by key order by n) as live from moved
    )
    select max(live - cap)::int4, min(live)::int4, max(live)::int4
    from history join limit_use using (key)";

async fn limited_lanes(bench: &Bench, keys: [[&str; 2]; 2]) -> Vec<i32> {
    sqlx::query(
        "insert into limit_rule (tenant, name, scope, concurrency)
         values (1, 'a', 'reference', 5), (1, 'b', 'reference', 5), (1, 'both', 'reference', 7)",
    )
    .execute(&bench.pool)
    .await
    .expect("rules");
    let mut lanes = Vec::new();
    for keys in keys {
        let key = LaneKey {
            limit_keys: keys.map(str::to_owned).to_vec(),
            ..LaneKey::of_template(1, "test.noop", "", 0)
        };
        lanes.push(bench.store.lane(&key).await.expect("a lane"));
    }
    lanes
}

/// Claims, settles in random ways, forgets answers and dies, until everything has ended.
async fn claimer(bench: &Bench, mut worker: TestWorker, lanes: Vec<i32>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut held: Vec<Claimed> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let ends = random.random_range(0..=held.len());
        held.shuffle(&mut random);
        let entries: Vec<NewEntry> = held
            .drain(..ends)
            .map(|job| match random.random_range(0..10) {
                0 => ending(&job, Ending::Back),
                _ => completed(&job),
            })
            .collect();
        let mut wanted = lanes.clone();
        wanted.shuffle(&mut random);
        let want = Want {
            limited: true,
            named: false,
            claim: Uuid::now_v7(),
            lanes: wanted
                .into_iter()
                .map(|lane| (lane, random.random_range(1..6)))
                .collect(),
        };
        let exchanged = worker.hot.exchange(worker.id, &entries, Some(&want)).await;
        let claimed = exchanged.expect("exchanged").claimed;
        let is_idle = entries.is_empty() && claimed.is_empty() && held.is_empty();
        match random.random_range(0..40) {
            0 => {
                bench.silence(&worker).await;
                bench.store.expire(LEASE_TIME).await.expect("expired");
                worker = bench.worker().await;
                held.clear();
            }
            1 => give_back(&mut worker, &held).await,
            _ => held.extend(claimed),
        }
        if is_idle && is_over(bench).await {
            return;
        }
    }
    panic!("the work did not end");
}

/// The answer was lost; the next heartbeat does not list the claim.
async fn give_back(worker: &mut TestWorker, held: &[Claimed]) {
    let known: Vec<Uuid> = held.iter().map(|job| job.lease.claim).collect();
    worker
        .beat
        .give_back_unlisted(worker.id, &known, Duration::ZERO)
        .await
        .expect("given back");
}

async fn is_over(bench: &Bench) -> bool {
    bench.store.expire(LEASE_TIME).await.expect("expired");
    bench
        .count("select (select count(*) from ready) + (select count(*) from lease)")
        .await
        == 0
}

#[tokio::test]
async fn no_interleaving_lets_more_run_than_the_limits_allow() {
    race([["a", "both"], ["b", "both"]]).await;
}

#[tokio::test]
async fn no_interleaving_takes_more_units_than_the_limits_give() {
    race([["a*2", "both*3"], ["b", "both"]]).await;
}

async fn race(keys: [[&str; 2]; 2]) {
    let bench = Bench::new().await;
    sqlx::raw_sql(WATCH)
        .execute(&bench.pool)
        .await
        .expect("watched");
    let lanes = limited_lanes(&bench, keys).await;
    for lane in &lanes {
        let mut request = bench.request();
        request.lane = *lane;
        let page = vec![request; JOBS / 2];
        bench
            .store
            .submit(1, "test", &page)
            .await
            .expect("submitted");
    }

    let mut workers = Vec::new();
    for seed in 0..CLAIMERS {
        workers.push(claimer(&bench, bench.worker().await, lanes.clone(), seed));
    }
    join_all(workers).await;

    let (above, least, most): (i32, i32, i32) = sqlx::query_as(SWEEP)
        .fetch_one(&bench.pool)
        .await
        .expect("a history");
    assert!(above <= 0, "{above} units above a cap were live at once");
    assert_eq!(
        (least, most),
        (0, 7),
        "the caps were reached, and nothing was freed twice"
    );
    assert_eq!(bench.store.limit_drift().await.expect("compared"), []);
    assert_eq!(
        bench
            .count("select count(*) from limit_use where used <> 0")
            .await,
        0
    );
    bench.assert_held_once().await;
}
