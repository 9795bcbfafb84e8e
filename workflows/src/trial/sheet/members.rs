//! The members of a test's job: chunk by chunk, or one list and how it is cut.

use super::{Read, entries, fail, list, string, unknown};
use crate::configuration::Chunk;
use crate::document::tree::Tree;
use crate::trial::members::{Members, Piece};
use crate::value::Value;

/// Reads a list of chunks, or an object with `items` and `max_items` or `max_bytes`.
pub fn members(tree: &Tree) -> Read<Members> {
    let members = match tree.as_list() {
        Some(chunks) => {
            let pieces = chunks.iter().map(|chunk| {
                let (piece, rule) = piece(chunk)?;
                match rule {
                    None => Ok(piece),
                    Some(_) => Err(fail(chunk, "a chunk is not cut: it has `items` alone")),
                }
            });
            Members::of(pieces.collect::<Read<_>>()?)
        }
        None => {
            let (piece, rule) = piece(tree)?;
            let wanted = "say how `items` are cut: `max_items`, `max_bytes` or both";
            Members::cut(piece, rule.ok_or_else(|| fail(tree, wanted))?)
        }
    };
    members.map_err(|message| fail(tree, message))
}

/// Members, and how they are cut if it is said.
fn piece(tree: &Tree) -> Read<(Piece, Option<Chunk>)> {
    const KEYS: &str = "items, keys, object, max_items, max_bytes";
    let (mut piece, mut rule) = (Piece::default(), None);
    for entry in entries(tree)? {
        let value = &entry.value;
        match &*entry.key {
            "items" => piece.items = list(value)?.iter().map(Tree::to_value).collect(),
            "keys" => {
                let keys = list(value)?.iter().map(|key| Ok(string(key)?.to_owned()));
                piece.keys = Some(keys.collect::<Read<_>>()?);
            }
            "object" => piece.object = Some(string(value)?.to_owned()),
            "max_items" => {
                let most = u32::try_from(count(value)?).unwrap_or(u32::MAX);
                rule.get_or_insert_with(Chunk::default).max_items = most;
            }
            "max_bytes" => rule.get_or_insert_with(Chunk::default).max_bytes = count(value)?,
            _ => return Err(unknown(entry, KEYS)),
        }
    }
    Ok((piece, rule))
}

fn count(tree: &Tree) -> Read<u64> {
    let count = tree.as_scalar().and_then(Value::as_u64);
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| fail(tree, "a number from 1 on is wanted here"))
}
