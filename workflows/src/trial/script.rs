//! Prepared answers: which step they are for, and which of them is its turn.

use chrono::{DateTime, Utc};

use super::Answer;
use super::asked::{Asked, Number, Of};
use super::deed::{Choice, Prepared, Work};
use crate::expression::{Budget, Library, Scope, Source};
use crate::value::Value;

/// What a step is answered; `Err` is silence.
pub type Said = Result<Answer, ()>;

/// All prepared answers of a test.
#[derive(Default)]
pub struct Scripts(Vec<Script>);

/// Answers of one kind of step, the last of which stays.
struct Script {
    work: Work,
    choice: Choice,
    when: Option<Library>,
    answers: Vec<Prepared>,
    used: usize,
    /// Where the first of them stands.
    line: u32,
    /// Items of the longest list that it is for.
    items: Option<usize>,
}

impl Scripts {
    /// Adds an answer behind those of the same work and choice.
    ///
    /// # Errors
    /// When its condition is no expression.
    pub fn prepare(
        &mut self,
        line: u32,
        (work, choice): (&Work, &Choice),
        answer: &Prepared,
    ) -> Result<(), String> {
        let mut scripts = self.0.iter_mut();
        if let Some(script) = scripts.find(|one| one.work == *work && one.choice == *choice) {
            script.answers.push(answer.clone());
            return Ok(());
        }
        self.0.push(Script {
            work: work.clone(),
            choice: choice.clone(),
            when: choice.when.as_deref().map(compiled).transpose()?,
            answers: vec![answer.clone()],
            used: 0,
            line,
            items: None,
        });
        // Those that say more of the step go first.
        self.0
            .sort_by_key(|script| script.choice == Choice::default());
        Ok(())
    }

    /// What is prepared for a step, if anything is.
    ///
    /// # Errors
    /// When a condition cannot be judged.
    pub fn answer(&mut self, asked: &Asked, now: DateTime<Utc>) -> Result<Option<Said>, String> {
        for script in &mut self.0 {
            if script.fits(asked, now)? {
                return Ok(Some(script.next()));
            }
        }
        Ok(None)
    }

    /// Notes how long a list is whose items are done one by one.
    pub fn note_list(&mut self, of: &Of, items: usize) {
        for script in &mut self.0 {
            if script.choice.number.is_some() && of.is(&script.work) {
                script.items = Some(script.items.unwrap_or_default().max(items));
            }
        }
    }

    /// An answer for an item that no list had: its line, and why it is wrong.
    pub fn stray(&self) -> Option<(u32, String)> {
        self.0.iter().find_map(|script| {
            let (Some(Number::Item(index)), Some(items)) = (script.choice.number, script.items)
            else {
                return None;
            };
            let is_there = usize::try_from(index).is_ok_and(|index| index < items);
            let has = match items {
                0 => "its list is empty".to_owned(),
                items => format!("its items are 0 to {}", items - 1),
            };
            let message = format!("item {index} of `{}` is answered, and {has}", script.work.0);
            (!is_there).then_some((script.line, message))
        })
    }

    /// What is prepared, in words.
    pub fn told(&self) -> String {
        let mut names: Vec<String> = self.0.iter().map(Script::told).collect();
        names.sort();
        match names.is_empty() {
            true => "no answers are prepared".to_owned(),
            false => format!("answers are prepared for {}", names.join(", ")),
        }
    }
}

impl Script {
    fn fits(&self, asked: &Asked, now: DateTime<Utc>) -> Result<bool, String> {
        let number = asked.of.as_ref().map(|of| of.number);
        let is_numbered = self.choice.number.is_some();
        if is_numbered && number != self.choice.number {
            return Ok(false);
        }
        // The task of a list is answered whole, unless an item of it is meant.
        let of_task = asked.of.as_ref().filter(|_| is_numbered && asked.is_all);
        let is_meant = asked.is(&self.work) || of_task.is_some_and(|of| of.is(&self.work));
        match &self.when {
            Some(when) if is_meant => holds(when, &asked.given, now)
                .map_err(|why| format!("`when` of an answer of `{}`: {why}", self.work.0)),
            _ => Ok(is_meant),
        }
    }

    fn next(&mut self) -> Said {
        let place = self.used.min(self.answers.len() - 1);
        self.used += 1;
        match self.answers[place].clone() {
            Prepared::Gives { output, after } => Ok(Answer {
                result: Ok(output),
                after,
                again_after: None,
            }),
            Prepared::Fails {
                fault,
                after,
                again_after,
            } => Ok(Answer {
                result: Err(fault),
                after,
                again_after,
            }),
            Prepared::Silent => Err(()),
        }
    }

    fn told(&self) -> String {
        let number = self.choice.number.map(|number| format!(" ({number})"));
        format!("`{}`{}", self.work.0, number.unwrap_or_default())
    }
}

/// A condition, with or without `${ }`.
fn compiled(text: &str) -> Result<Library, String> {
    let text = text.trim();
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let source = Source {
        text: inner.unwrap_or(text),
        variables: &[],
    };
    Library::compile(&[source]).map_err(|problems| {
        let why = problems.first().map(|(_, problem)| problem.to_string());
        format!("`when` is no expression: {}", why.unwrap_or_default())
    })
}

fn holds(when: &Library, given: &Value, now: DateTime<Utc>) -> Result<bool, String> {
    let scope = Scope {
        now,
        variables: &[],
    };
    match when.evaluate(0, given, &scope, Budget::default()) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(format!("it gives {}, not true or false", other.kind())),
        Err(error) => Err(error.to_string()),
    }
}
