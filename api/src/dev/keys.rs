//! Single keys from a terminal, without Enter; Ctrl-C stays a signal.
//!
//! Without a terminal there are no keys, and nobody waits for them.

use std::io::Read;
use std::os::fd::AsFd;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use crate::config::Surroundings;

/// Keys that were pressed and not yet asked for; more are forgotten.
const PRESSED_MAX: usize = 16;

/// Keys of the terminal, as long as this lives.
#[derive(Debug)]
pub struct Keys {
    before: Option<Termios>,
    pressed: mpsc::Receiver<char>,
}

impl Keys {
    /// Listens, where there is a terminal to read from and one to say it on.
    pub fn listen(around: &Surroundings) -> Self {
        let (sender, pressed) = mpsc::channel(PRESSED_MAX);
        let both = around.stdin_is_terminal && around.stderr_is_terminal;
        let before = both.then(without_lines).flatten();
        if before.is_some() {
            // Blocked in a read for ever, this thread ends with the process.
            std::thread::spawn(move || read(&sender));
        }
        Self { before, pressed }
    }

    /// Whether keys do anything.
    pub fn is_listening(&self) -> bool {
        self.before.is_some()
    }

    /// The next key; for ever without a terminal.
    ///
    /// # Cancel safety
    /// Safe: a key is taken or stays.
    pub async fn next(&mut self) -> char {
        match self.pressed.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keys {
    /// The terminal is somebody else's again.
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin().as_fd(), SetArg::TCSANOW, before);
        }
    }
}

/// Turns off line editing and echo; returns how it was.
fn without_lines() -> Option<Termios> {
    let stdin = std::io::stdin();
    let before = tcgetattr(stdin.as_fd()).ok()?;
    let mut single = before.clone();
    single
        .local_flags
        .remove(LocalFlags::ICANON | LocalFlags::ECHO);
    tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &single).ok()?;
    Some(before)
}

fn read(sender: &mpsc::Sender<char>) {
    for byte in std::io::stdin().lock().bytes() {
        let Ok(byte) = byte else { return };
        if matches!(
            sender.try_send(char::from(byte)),
            Err(mpsc::error::TrySendError::Closed(_))
        ) {
            return;
        }
    }
}
