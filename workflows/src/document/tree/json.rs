//! JSON text to a tree.
//!
//! Finds where each value begins and leaves the meaning of strings and numbers to `Value::parse`,
//! so that both readers agree. Recursion is bounded by the depth that a document may have.

use std::collections::HashSet;
use std::sync::Arc;

use super::{
    DEPTH_MAX, Entry, KEY_BYTES_MAX, NODES_MAX, Node, Place, Stopped, Tree, join, key_too_long,
    too_deep,
};
use crate::problem::{Problem, Problems};
use crate::value::Value;

/// The one value of the text.
pub(super) fn read(source: &str, problems: &mut Problems) -> Option<Tree> {
    let mut reader = Reader {
        source,
        position: 0,
        counted: 0,
        place: Place { line: 1, column: 1 },
        nodes: 0,
        problems,
    };
    reader.document().ok()
}

struct Reader<'a> {
    source: &'a str,
    position: usize,
    /// Lines and columns are counted up to here.
    counted: usize,
    place: Place,
    nodes: usize,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Tree, Stopped> {
        let tree = self.value("", 0)?;
        match self.peek() {
            None => Ok(tree),
            Some(_) => Err(self.unexpected("", "the end of the text")),
        }
    }

    fn value(&mut self, pointer: &str, depth: usize) -> Result<Tree, Stopped> {
        let first = self.peek();
        let place = self.here();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the text holds more than {NODES_MAX} values");
            return Err(self.stop(place.problem("document.too_many_nodes", pointer, message)));
        }
        if matches!(first, Some(b'{' | b'[')) && depth >= DEPTH_MAX {
            return Err(self.stop(too_deep(place, pointer)));
        }
        let node = match first {
            Some(b'{') => Node::Map(self.entries(pointer, depth)?),
            Some(b'[') => Node::List(self.items(pointer, depth)?),
            Some(b'"') => Node::Scalar(self.text(pointer)?),
            Some(_) => Node::Scalar(self.bare(pointer)?),
            None => return Err(self.unexpected(pointer, "a value")),
        };
        Ok(Tree {
            node,
            place,
            lines: None,
        })
    }

    fn items(&mut self, pointer: &str, depth: usize) -> Result<Vec<Tree>, Stopped> {
        self.position += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(items);
        }
        loop {
            let place = join(pointer, items.len().to_string());
            items.push(self.value(&place, depth + 1)?);
            if self.takes(b']') {
                return Ok(items);
            }
            self.expect(b',', pointer, "`,` or `]`")?;
        }
    }

    fn entries(&mut self, pointer: &str, depth: usize) -> Result<Vec<Entry>, Stopped> {
        self.position += 1;
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        if self.takes(b'}') {
            return Ok(entries);
        }
        loop {
            let (key, place) = self.key(pointer)?;
            let pointer_of_value = join(pointer, &key);
            if !seen.insert(key.clone()) {
                let message = format!("the key `{key}` stands here twice");
                let problem = place.problem("document.duplicate_key", &pointer_of_value, message);
                self.problems.push(problem.hint("keep one of them"));
            }
            self.expect(b':', pointer, "`:`")?;
            let value = self.value(&pointer_of_value, depth + 1)?;
            entries.push(Entry { key, place, value });
            if self.takes(b'}') {
                return Ok(entries);
            }
            self.expect(b',', pointer, "`,` or `}`")?;
        }
    }

    fn key(&mut self, pointer: &str) -> Result<(Arc<str>, Place), Stopped> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected(pointer, "a key in double quotes"));
        }
        let place = self.here();
        match self.text(pointer)? {
            Value::Text(key) if key.len() <= KEY_BYTES_MAX => Ok((key, place)),
            _ => Err(self.stop(key_too_long(place, pointer))),
        }
    }

    fn text(&mut self, pointer: &str) -> Result<Value, Stopped> {
        let mut end = self.position + 1;
        let bytes = self.source.as_bytes();
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => return self.scalar(end + 1, pointer),
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        Err(self.unexpected(pointer, "a closing quote"))
    }

    fn bare(&mut self, pointer: &str) -> Result<Value, Stopped> {
        let rest = &self.source[self.position..];
        let ends = |c: char| c.is_whitespace() || ",:[]{}\"".contains(c);
        let length = rest.find(ends).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.unexpected(pointer, "a value"));
        }
        self.scalar(self.position + length, pointer)
    }

    fn scalar(&mut self, end: usize, pointer: &str) -> Result<Value, Stopped> {
        let place = self.here();
        let value = Value::parse(&self.source[self.position..end]).map_err(|error| {
            let message = format!("this is no JSON: {}", error.fault);
            self.stop(place.problem("json.syntax", pointer, message))
        })?;
        if value.as_str().is_some_and(|text| text.contains('\0')) {
            let message = "the text holds a zero character";
            let problem = place.problem("document.character", pointer, message);
            self.problems
                .push(problem.hint("the database cannot hold it"));
        }
        self.position = end;
        Ok(value)
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = &self.source.as_bytes()[self.position..];
        let blanks = rest.iter().take_while(|byte| b" \t\r\n".contains(byte));
        self.position += blanks.count();
        self.source.as_bytes().get(self.position).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, pointer: &str, wanted: &str) -> Result<(), Stopped> {
        if self.takes(byte) {
            return Ok(());
        }
        Err(self.unexpected(pointer, wanted))
    }

    fn unexpected(&mut self, pointer: &str, wanted: &str) -> Stopped {
        let found = self.source[self.position..].chars().next();
        let found = found.map_or("the end of the text".to_owned(), |c| format!("`{c}`"));
        let message = format!("this is no JSON: {wanted} expected, {found} found");
        let problem = self.here().problem("json.syntax", pointer, message);
        self.stop(problem)
    }

    fn stop(&mut self, problem: Problem) -> Stopped {
        self.problems.push(problem);
        Stopped
    }

    /// Line and column of the position, counted on from the last one asked for.
    fn here(&mut self) -> Place {
        for c in self.source[self.counted..self.position].chars() {
            if c == '\n' {
                self.place.line += 1;
                self.place.column = 1;
            } else {
                self.place.column += 1;
            }
        }
        self.counted = self.position;
        self.place
    }
}
