//! A fault proxy on loopback: one for each of our processes, between it and Postgres.
//!
//! It knows the frames of the protocol, so it can let a commit happen and swallow exactly its answer.
//! What was cut is healed by resetting the connections that lost bytes; silence alone is not healed
//! by anybody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::draw::Cut;
use super::wire::{Answers, Questions, Talk};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Of a slow network: a piece, and the pause after it. About 1 KB a pause makes 5 KB/s.
const SLOW_PIECE: usize = 1_024;
const SLOW_PAUSE: Duration = Duration::from_millis(200);
/// Pause before a refused port is opened again.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// One proxy.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    target: u16,
    cut: watch::Sender<Option<Cut>>,
    /// Raised when every open connection is to be reset.
    epoch: watch::Sender<u64>,
    /// Commits whose answers are still to be swallowed.
    to_swallow: AtomicI64,
    /// Commits whose answers were.
    swallowed: AtomicU64,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `target`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(target: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            target,
            cut: watch::Sender::new(None),
            epoch: watch::Sender::new(0),
            to_swallow: AtomicI64::new(0),
            swallowed: AtomicU64::new(0),
        });
        let task = tokio::spawn(listen(listener, port, state.clone()));
        Ok(Self { port, state, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Hurts connections from now on; `salt` picks how many commits lose their answers.
    pub fn cut(&self, cut: Cut, salt: u64) {
        if cut == Cut::SwallowCommit {
            let many = i64::try_from(1 + salt % 4).unwrap_or(1);
            self.state.to_swallow.store(many, Ordering::SeqCst);
        }
        self.state.cut.send_replace(Some(cut));
        if matches!(cut, Cut::Refuse | Cut::Reset) {
            self.reset();
        }
    }

    /// Ends the fault. Connections whose bytes were held back or lost are reset.
    pub fn heal(&self) {
        let was = self.state.cut.send_replace(None);
        self.state.to_swallow.store(0, Ordering::SeqCst);
        if matches!(was, Some(Cut::HalfOpen)) {
            self.reset();
        }
    }

    /// Commits whose answers were swallowed since the last call.
    pub fn take_counts(&self) -> u64 {
        self.state.swallowed.swap(0, Ordering::SeqCst)
    }

    fn reset(&self) {
        self.state.epoch.send_modify(|epoch| *epoch += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.reset();
    }
}

async fn listen(listener: TcpListener, port: u16, state: Arc<State>) {
    let mut cut = state.cut.subscribe();
    let mut open = Some(listener);
    loop {
        if *cut.borrow_and_update() == Some(Cut::Refuse) {
            open = None;
            if cut.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listener) = &open else {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            open = TcpListener::bind(address).await.ok();
            if open.is_none() {
                sleep(AGAIN_AFTER).await;
            }
            continue;
        };
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                tokio::spawn(carry(client, state.clone()));
            },
            changed = cut.changed() => if changed.is_err() { return },
        }
    }
}

/// One connection, until either side ends or it is reset.
async fn carry(client: TcpStream, state: Arc<State>) {
    let mut epoch = state.epoch.subscribe();
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.target)).await else {
        return;
    };
    // An abort is what a cut looks like; an orderly end would be told apart by both sides.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let talk = Arc::new(Mutex::new(Talk::default()));
    tokio::select! {
        () = questions(client_in, server_out, &state, &talk) => {}
        () = answers(server_in, client_out, &state, &talk) => {}
        _ = epoch.changed() => {}
    }
}

/// From our process to Postgres.
async fn questions(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    talk: &Mutex<Talk>,
) {
    let mut frames = Questions::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        frames.read(&chunk[..read], &mut *talk.lock().await);
        if !pass(&chunk[..read], &mut to, state, false).await {
            return;
        }
    }
}

/// From Postgres to our process, frame by frame where an answer may have to be swallowed.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    talk: &Mutex<Talk>,
) {
    let mut frames = Answers::default();
    let mut chunk = vec![0; CHUNK];
    let mut passed: u32 = 0;
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        let mut held = frames.read(&chunk[..read], &mut *talk.lock().await);
        if held.is_committed && state.to_swallow.fetch_sub(1, Ordering::SeqCst) > 0 {
            state.swallowed.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if held.is_committed || !held.is_waiting || !is_swallowing(state) {
            held.bytes = frames.take();
        }
        let now = *state.cut.borrow();
        if let Some(Cut::After(limit)) = now {
            passed = passed.saturating_add(u32::try_from(held.bytes.len()).unwrap_or(u32::MAX));
            if passed > limit {
                held.bytes.truncate(limit as usize % (held.bytes.len() + 1));
                let _ = to.write_all(&held.bytes).await;
                let _ = to.flush().await;
                return;
            }
        }
        if !held.bytes.is_empty() && !pass(&held.bytes, &mut to, state, true).await {
            return;
        }
    }
}

fn is_swallowing(state: &State) -> bool {
    state.to_swallow.load(Ordering::SeqCst) > 0
}

/// Passes bytes on as the present fault allows; `false` when the connection is over.
async fn pass(bytes: &[u8], to: &mut OwnedWriteHalf, state: &State, is_answer: bool) -> bool {
    let mut cut = state.cut.subscribe();
    loop {
        let now = *cut.borrow_and_update();
        let is_held = match now {
            Some(Cut::Blackhole | Cut::HalfOpen) => true,
            Some(Cut::OneWay) => is_answer,
            _ => false,
        };
        if !is_held {
            return match now {
                Some(Cut::Slow) => slowly(bytes, to, state).await,
                _ => to.write_all(bytes).await.is_ok(),
            };
        }
        if now == Some(Cut::HalfOpen) && is_answer {
            // The server's side ends here; ours hears nothing until the fault is over.
            let _ = cut.wait_for(Option::is_none).await;
            return false;
        }
        if cut.changed().await.is_err() {
            return false;
        }
    }
}

async fn slowly(bytes: &[u8], to: &mut OwnedWriteHalf, state: &State) -> bool {
    for piece in bytes.chunks(SLOW_PIECE) {
        let is_slow = *state.cut.borrow() == Some(Cut::Slow);
        if is_slow {
            sleep(SLOW_PAUSE).await;
        }
        if to.write_all(piece).await.is_err() {
            return false;
        }
    }
    true
}
