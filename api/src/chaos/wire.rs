//! As much of Postgres' protocol as it takes to know when a commit was answered.
//!
//! Questions are read for statements that write; the frames of an answer are held back from the first
//! one of such a statement until ReadyForQuery, and only while answers are being swallowed.

use std::collections::HashSet;

/// The code of a request for encryption, in place of a version (53.2.1 of Postgres' manual).
const SSL_REQUEST: u32 = 80_877_103;
/// The longest frame that is looked into; a longer one is passed on unread.
const FRAME_MAX: usize = 64 << 20;

/// What both directions of a connection know together.
#[derive(Debug, Default)]
pub struct Talk {
    /// Prepared statements that write, by name.
    writers: HashSet<Vec<u8>>,
    /// Whether what was asked and is not answered yet writes.
    is_writing: bool,
    /// Whether the server's next byte is its answer to a request for encryption.
    asked_for_encryption: bool,
}

/// Questions of one connection.
#[derive(Debug, Default)]
pub struct Questions {
    frames: Frames,
    has_begun: bool,
}

/// Answers of one connection, with what of them is held back.
#[derive(Debug, Default)]
pub struct Answers {
    frames: Frames,
    held: Vec<u8>,
    has_failed: bool,
}

/// What was read of answers.
#[derive(Debug, Default)]
pub struct Held {
    /// What goes on to the client, set by the caller.
    pub bytes: Vec<u8>,
    /// A statement that writes was answered, and its commit stands.
    pub is_committed: bool,
    /// The answer of a statement that writes is not complete.
    pub is_waiting: bool,
}

/// Bytes, cut into frames.
#[derive(Debug, Default)]
struct Frames {
    rest: Vec<u8>,
}

impl Frames {
    /// The next whole frame: its letter and its body.
    fn next(&mut self, has_letter: bool) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(has_letter);
        let length = self.rest.get(head..head + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if !(4..=FRAME_MAX).contains(&length) || self.rest.len() < head + length {
            return None;
        }
        let letter = if has_letter { self.rest[0] } else { 0 };
        let body = self.rest[head + 4..head + length].to_vec();
        self.rest.drain(..head + length);
        Some((letter, body))
    }
}

impl Questions {
    /// Reads what goes to the server.
    pub fn read(&mut self, bytes: &[u8], talk: &mut Talk) {
        self.frames.rest.extend_from_slice(bytes);
        while let Some((letter, body)) = self.frames.next(self.has_begun) {
            match letter {
                0 if body.get(..4) == Some(&SSL_REQUEST.to_be_bytes()) => {
                    talk.asked_for_encryption = true;
                }
                0 => self.has_begun = true,
                b'P' => {
                    let mut parts = body.splitn(3, |byte| *byte == 0);
                    let (name, text) = (parts.next(), parts.next());
                    if let (Some(name), Some(text)) = (name, text) {
                        talk.writers.remove(name);
                        if is_writing(text) {
                            talk.writers.insert(name.to_vec());
                        }
                    }
                }
                b'B' => {
                    let name = body.splitn(3, |byte| *byte == 0).nth(1);
                    talk.is_writing |= name.is_some_and(|name| talk.writers.contains(name));
                }
                b'Q' => talk.is_writing |= is_writing(&body),
                _ => {}
            }
        }
    }
}

impl Answers {
    /// Reads what comes from the server, and holds it until `take`.
    pub fn read(&mut self, bytes: &[u8], talk: &mut Talk) -> Held {
        self.held.extend_from_slice(bytes);
        let mut bytes = bytes;
        if talk.asked_for_encryption && !bytes.is_empty() {
            talk.asked_for_encryption = false;
            bytes = &bytes[1..];
        }
        self.frames.rest.extend_from_slice(bytes);
        let mut held = Held::default();
        let mut is_ready = false;
        while let Some((letter, body)) = self.frames.next(true) {
            is_ready = letter == b'Z' && self.frames.rest.is_empty();
            match letter {
                b'E' => self.has_failed = true,
                b'Z' => {
                    let is_idle = body.first() == Some(&b'I');
                    held.is_committed |= talk.is_writing && is_idle && !self.has_failed;
                    talk.is_writing &= !is_idle;
                    self.has_failed = false;
                }
                _ => {}
            }
        }
        // Inside a transaction the client must hear its answers to go on to the commit.
        held.is_waiting = talk.is_writing && !is_ready;
        held
    }

    /// Everything that is held back.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// Whether a statement changes rows, or ends a transaction that may have.
fn is_writing(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    ["insert into", "update ", "delete from", "commit"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(letter: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![letter];
        frame.extend(u32::try_from(body.len() + 4).expect("short").to_be_bytes());
        frame.extend(body);
        frame
    }

    fn started() -> (Questions, Answers, Talk) {
        let (mut questions, mut answers, mut talk) =
            (Questions::default(), Answers::default(), Talk::default());
        let mut hello = 8_u32.to_be_bytes().to_vec();
        hello.extend(SSL_REQUEST.to_be_bytes());
        questions.read(&hello, &mut talk);
        answers.read(b"N", &mut talk);
        questions.read(&[0, 0, 0, 9, 0, 3, 0, 0, 0], &mut talk);
        answers.read(&frame(b'Z', b"I"), &mut talk);
        answers.take();
        (questions, answers, talk)
    }

    #[test]
    fn answer_to_a_committed_write_is_known_and_held_whole() {
        let (mut questions, mut answers, mut talk) = started();
        questions.read(
            &frame(b'P', b"s1\0insert into job values (1)\0\0\0"),
            &mut talk,
        );
        questions.read(&frame(b'B', b"\0s1\0\0\0"), &mut talk);

        let parts = [
            frame(b'2', b""),
            frame(b'C', b"INSERT 0 1\0"),
            frame(b'Z', b"I"),
        ]
        .concat();
        let (first, last) = parts.split_at(9);

        assert!(answers.read(first, &mut talk).is_waiting);
        assert!(answers.read(last, &mut talk).is_committed);
        assert_eq!(answers.take(), parts);
    }

    #[test]
    fn reads_failures_and_open_transactions_are_no_commits() {
        let (mut questions, mut answers, mut talk) = started();
        questions.read(&frame(b'Q', b"select 1\0"), &mut talk);
        assert!(!answers.read(&frame(b'Z', b"I"), &mut talk).is_committed);

        questions.read(&frame(b'Q', b"delete from job\0"), &mut talk);
        let failed = [frame(b'E', b"boom\0"), frame(b'Z', b"I")].concat();
        assert!(!answers.read(&failed, &mut talk).is_committed);

        questions.read(&frame(b'Q', b"update job set id = 1\0"), &mut talk);
        let open = answers.read(&frame(b'Z', b"T"), &mut talk);
        assert!(!open.is_committed && !open.is_waiting);
        questions.read(&frame(b'Q', b"commit\0"), &mut talk);
        assert!(answers.read(&frame(b'Z', b"I"), &mut talk).is_committed);
    }
}
