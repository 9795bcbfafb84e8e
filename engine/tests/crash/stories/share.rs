//! Shares: what a group or queue gets of the workers.

use windlass_engine::Error;
use windlass_engine::store::NewShare;
use windlass_engine::vocabulary::ShareKind;

use crate::stage::{Stage, Story};

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("give a share", |stage| Box::pin(put(stage, 5))).expects(&[(
            "select count(*) from share where name = 'mail' and weight = 5 and maximum = 8",
            1,
        )]),
        Story::new("change a share", |stage| Box::pin(put(stage, 7)))
            .after(|stage| Box::pin(put(stage, 5)))
            .expects(&[("select count(*) from share where weight = 7", 1)]),
        Story::new("take a share back", |stage| Box::pin(delete(stage)))
            .after(|stage| Box::pin(put(stage, 5)))
            .expects(&[("select count(*) from share", 0)]),
    ]
}

async fn put(stage: &Stage, weight: i32) -> Result<(), Error> {
    let share = NewShare {
        kind: ShareKind::Queue,
        name: "mail".to_owned(),
        weight,
        minimum: 2,
        maximum: Some(8),
        who: "mia".to_owned(),
    };
    stage.store.put_share(1, &share).await
}

async fn delete(stage: &Stage) -> Result<(), Error> {
    stage.store.delete_share(1, ShareKind::Queue, "mail").await
}
