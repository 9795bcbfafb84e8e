//! The members that the job of a test stands for, in chunks: said chunk by chunk, or cut from a list as a plan does.

use crate::configuration::Chunk;
use crate::machine::BatchFacts;
use crate::plan::{Chunker, Document, Member, MemberValue};
use crate::value::Value;

/// The batch that a test's job is of: it has no other job.
const BATCH: &str = "b_1";

/// What one piece of a test says of members.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Their documents.
    pub items: Vec<Value>,
    /// Their keys; else their places, from 1.
    pub keys: Option<Vec<String>>,
    /// What they belong to, under the strategy `object`.
    pub object: Option<String>,
}

/// Members by chunk; no chunk is empty.
#[derive(Clone, Debug)]
pub struct Members(Vec<Vec<Member>>);

impl Members {
    /// These chunks, as they are.
    ///
    /// # Errors
    /// What a plan would never make, in words.
    pub fn of(pieces: Vec<Piece>) -> Result<Members, String> {
        let mut chunks = Vec::new();
        let mut known = 0;
        for (piece, number) in pieces.into_iter().zip(1..) {
            let members = members(piece, known).map_err(|why| format!("chunk {number}: {why}"))?;
            known += members.len() as u64;
            chunks.push(members);
        }
        match chunks.is_empty() {
            true => Err("a job has at least one chunk".to_owned()),
            false => Ok(Members(chunks)),
        }
    }

    /// One list, cut by this rule.
    ///
    /// # Errors
    /// As of [`Members::of`].
    pub fn cut(piece: Piece, rule: Chunk) -> Result<Members, String> {
        let mut chunker = Chunker::new(rule);
        let mut chunks: Vec<Vec<Member>> = Vec::new();
        for member in members(piece, 0)? {
            let number = chunker.add(member.document.text().len() as u64);
            if number > chunks.len() as u64 {
                chunks.push(Vec::new());
            }
            chunks.last_mut().expect("one is open").push(member);
        }
        Ok(Members(chunks))
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn object(&self) -> Option<&str> {
        let first = self.0.first().and_then(|chunk| chunk.first());
        first.and_then(|member| member.object.as_deref())
    }

    /// What the job is given where its configuration has no `input`.
    pub fn input(&self) -> Value {
        let count = self.0.iter().map(|chunk| chunk.len() as u64).sum();
        let chunks = self.chunks().into();
        let value = match self.object() {
            Some(object) => MemberValue::ObjectInChunks {
                object,
                count,
                chunks,
            },
            None => MemberValue::CombinedInChunks { count, chunks },
        };
        value.to_value().unwrap_or_default()
    }

    /// One chunk, from 1, as the function is given it.
    pub fn chunk(&self, number: u32) -> Option<Value> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let members = self.0.get(place)?;
        let value = MemberValue::Chunk {
            object: members.first().and_then(|member| member.object.as_deref()),
            chunk: number.into(),
            chunks: self.chunks().into(),
            members,
        };
        value.to_value().ok()
    }

    /// The job's place in its batch.
    pub fn facts(&self) -> BatchFacts {
        let object = self.object().map(str::to_owned);
        BatchFacts {
            id: BATCH.to_owned(),
            configuration: None,
            strategy: match object {
                Some(_) => "object",
                None => "combined",
            }
            .to_owned(),
            index: 0,
            of: 1,
            key: None,
            object,
            slot: None,
            context: None,
            chunks: None,
        }
    }
}

fn members(piece: Piece, known: u64) -> Result<Vec<Member>, String> {
    let Piece {
        items,
        keys,
        object,
    } = piece;
    let count = items.len();
    if count == 0 {
        return Err("there are no `items`".to_owned());
    }
    let places = known + 1..;
    let keys = keys.unwrap_or_else(|| places.clone().take(count).map(|n| n.to_string()).collect());
    if keys.len() != count {
        return Err(format!(
            "there are {} `keys` of {count} `items`",
            keys.len()
        ));
    }
    let members = items.into_iter().zip(keys).zip(places);
    let members = members.map(|((item, key), n)| Member {
        n,
        key,
        object: object.clone(),
        document: Document::from(item),
    });
    Ok(members.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(items: i64, object: Option<&str>) -> Piece {
        Piece {
            items: (1..=items).map(Value::from).collect(),
            keys: None,
            object: object.map(str::to_owned),
        }
    }

    #[test]
    fn a_list_is_cut_as_a_plan_cuts_it() {
        let rule = Chunk {
            max_items: 2,
            ..Chunk::default()
        };

        let members = Members::cut(piece(3, Some("o")), rule).unwrap();

        let input = r#"{"object":"o","count":3,"chunks":2}"#;
        assert_eq!(members.input().to_json(), input);
        let last = r#"{"object":"o","chunk":2,"chunks":2,"count":1,"keys":["3"],"items":[3]}"#;
        assert_eq!(members.chunk(2).unwrap().to_json(), last);
        assert_eq!(members.chunk(3), None);
        assert_eq!(members.facts().strategy, "object");
    }

    #[test]
    fn what_no_plan_makes_is_refused() {
        let keys = Some(vec!["a".to_owned()]);
        let few = Piece {
            keys,
            ..piece(2, None)
        };

        let refused = |pieces| Members::of(pieces).unwrap_err();

        assert_eq!(refused(Vec::new()), "a job has at least one chunk");
        let empty = refused(vec![piece(1, None), piece(0, None)]);
        assert_eq!(empty, "chunk 2: there are no `items`");
        assert_eq!(
            refused(vec![few]),
            "chunk 1: there are 1 `keys` of 2 `items`"
        );
    }
}
