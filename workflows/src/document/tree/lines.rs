//! Where the lines stand of a text that takes several: what is wrong in it is told at its own line.

use std::sync::Arc;

use super::{Place, Tree};

/// One line of a text.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes of the text before it.
    offset: usize,
    place: Place,
}

/// The lines of a text that begins at that place; a block begins there or on the line below. Blanks at both ends of a line count
/// for nothing, because folding changes them; behind what is escaped no line is known.
pub(super) fn lines(source: &[&str], text: &str, is_block: bool, place: Place) -> Arc<[Line]> {
    let number = |count: u32| {
        usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
    };
    let (first, start) = (number(place.line), number(place.column));
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in source.iter().enumerate().skip(first) {
        let rest = text[offset..].trim_start();
        if rest.is_empty() {
            break;
        }
        offset = text.len() - rest.len();
        let (skipped, blanks) = match index == first && !is_block {
            true => (start, "\"' \t"),
            false => (0, " \t"),
        };
        let content: String = line.chars().skip(skipped).collect();
        let content = content.trim_end();
        let inner = content.trim_start_matches(|c| blanks.contains(c));
        let same = rest.bytes().zip(inner.bytes());
        let same = same.take_while(|(one, other)| one == other).count();
        // What stands before a block says how to read it.
        if is_block && index == first && same < inner.len() {
            continue;
        }
        if same > 0 {
            let before = content[..content.len() - inner.len()].chars().count();
            let counted = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
            let (line, column) = (counted(index), counted(skipped + before));
            let place = Place { line, column };
            found.push(Line { offset, place });
        }
        if same < inner.len() {
            break;
        }
        offset += same;
    }
    found.into()
}

impl Tree {
    /// Where a byte of this text stands; where its lines are not known, the place of the text.
    pub fn place_at(&self, offset: usize) -> Place {
        let text = self.as_str().unwrap_or_default();
        let lines = self.lines.as_deref().unwrap_or_default();
        let before = lines.iter().rev().find(|line| line.offset <= offset);
        let Some(line) = before else {
            return self.place;
        };
        let between = text.get(line.offset..offset).unwrap_or_default();
        let columns = u32::try_from(between.trim_end_matches('\n').chars().count());
        Place {
            line: line.place.line,
            column: line.place.column + columns.unwrap_or_default(),
        }
    }
}
