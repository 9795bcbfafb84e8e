//! More hands for the harness: steps of branches, mail, children, chunks.

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::command::{Command, Perform};
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::Row;
use windlass_workflows::value::Value;

use crate::rig::{Rig, json};

impl Rig {
    /// The open step of the task at a path.
    pub fn open_at(&self, path: &str) -> Perform {
        let mut found = self.performs().into_iter().filter(|step| step.path == path);
        found
            .next()
            .unwrap_or_else(|| panic!("{path} is open: {:?}", self.performs()))
    }

    pub fn answer_at(&mut self, path: &str, output: &str) -> Applied {
        let activity = self.open_at(path).activity;
        self.tell(EventKind::Succeeded {
            activity,
            output: json(output),
        })
    }

    pub fn refuse_at(&mut self, path: &str, fault: Fault) -> Applied {
        let activity = self.open_at(path).activity;
        self.tell(EventKind::Failed {
            activity,
            fault,
            again_after: None,
        })
    }

    /// Mail that comes now.
    pub fn mail(&mut self, id: i64, envelope: &str) -> Applied {
        let (envelope, arrived) = (json(envelope), self.now);
        self.tell(EventKind::Mail {
            id,
            envelope,
            arrived,
        })
    }

    /// The end of the child or group that an activity started.
    pub fn settle(&mut self, activity: Activity, result: Result<&str, Fault>) -> Applied {
        self.tell(EventKind::Settled {
            activity,
            by: "j_99".into(),
            result: result.map(json),
        })
    }

    /// Words of what the rows do, with the ids of mail.
    pub fn written(&self) -> Vec<String> {
        let words = self.rows.iter().map(|row| match row {
            Row::StartChild(child) => format!("start {}", child.template.name),
            Row::CloseChild { activity } => format!("close {}", activity.0),
            Row::OpenGroup { function, .. } => format!("open {}", function.name),
            Row::CloseGroup { activity } => format!("close group {}", activity.0),
            Row::OpenApproval { .. } => "ask people".to_owned(),
            Row::CloseApproval { activity } => format!("close approval {}", activity.0),
            Row::Publish { envelope, .. } => {
                format!(
                    "publish {}",
                    envelope.get("type").and_then(Value::as_str).unwrap_or("?")
                )
            }
            Row::TakeMail { id } => format!("take {id}"),
            Row::ReturnMail { id, .. } => format!("return {id}"),
            Row::SaveContext { .. } => "save".to_owned(),
            Row::BeginChunksAgain => "begin chunks again".to_owned(),
            Row::EndChunk { number, .. } => format!("end chunk {number}"),
        });
        words.collect()
    }

    /// Numbers of the open chunks, and their activity.
    pub fn chunks(&self) -> (Activity, Vec<u32>) {
        let mut of = Activity(0);
        let pending = self.execution.pending();
        let numbers = pending.iter().filter_map(|command| match command {
            Command::PerformChunk {
                activity, number, ..
            } => {
                of = *activity;
                Some(*number)
            }
            _ => None,
        });
        let numbers = numbers.collect();
        (of, numbers)
    }

    pub fn chunk(&mut self, number: u32, result: Result<&str, Fault>) -> Applied {
        let (activity, _) = self.chunks();
        let result = result.map(json);
        self.tell(EventKind::Chunk {
            activity,
            number,
            result,
        })
    }
}
