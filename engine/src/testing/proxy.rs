//! A network between a program and the test server, which can fall silent and counts statements.
//!
//! Silence is what a program sees of a peer that is gone without a word: its connection stands, what it
//! sends is taken, and no byte ever comes back. Each side's sockets stay open until the proxy is dropped.

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Requests of the protocol that a client may send before it begins; they are framed like a beginning.
const BEFORE_START: [u32; 2] = [80_877_103, 80_877_104];

/// One proxy, for any number of connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: Arc<Network>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Network {
    target: u16,
    /// Raised by every silence; a connection that is older hears nothing any more.
    silences: watch::Sender<u64>,
    is_silent: watch::Sender<bool>,
    statements: AtomicU64,
}

impl Proxy {
    /// Passes everything on to `target`, a port on 127.0.0.1.
    ///
    /// # Panics
    /// When there is no port to listen on.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port for the test");
        let port = listener.local_addr().expect("a bound port").port();
        let network = Arc::new(Network {
            target,
            silences: watch::Sender::new(0),
            is_silent: watch::Sender::new(false),
            statements: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, network.clone()));
        Self {
            port,
            network,
            task,
        }
    }

    /// `url` by way of this proxy.
    ///
    /// # Panics
    /// When the URL does not name the target's port on 127.0.0.1.
    pub fn url(&self, url: &str) -> String {
        let (past, through) = (self.network.target, self.port);
        let (past, through) = (
            format!("127.0.0.1:{past}/"),
            format!("127.0.0.1:{through}/"),
        );
        assert!(url.contains(&past), "{url} does not go to {past}");
        url.replacen(&past, &through, 1)
    }

    /// From now on, no open connection and no new one gets an answer.
    pub fn fall_silent(&self) {
        self.network.is_silent.send_replace(true);
        self.network.silences.send_modify(|silences| *silences += 1);
    }

    /// New connections are served again. What met the silence stays in it.
    pub fn speak(&self) {
        self.network.is_silent.send_replace(false);
    }

    /// Statements that were sent so far, as the server sees them: each message that runs one.
    pub fn statements(&self) -> u64 {
        self.network.statements.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let silent = *network.is_silent.borrow();
        let network = network.clone();
        connections.spawn(async move {
            if silent {
                pending::<()>().await;
            }
            pass(client, &network).await;
        });
    }
}

/// Both directions, until one ends or the silence comes.
async fn pass(mut client: TcpStream, network: &Network) {
    let mut silences = network.silences.subscribe();
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, network.target)).await else {
        return;
    };
    let (mut asked, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut frames = Frames::default();
    loop {
        let passed = tokio::select! {
            biased;
            _ = silences.changed() => return pending().await,
            read = client.read(&mut asked) => match read {
                Ok(read) if read > 0 => {
                    let statements = frames.statements(&asked[..read]);
                    network.statements.fetch_add(statements, Ordering::SeqCst);
                    server.write_all(&asked[..read]).await
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(read) if read > 0 => client.write_all(&answered[..read]).await,
                _ => return,
            },
        };
        if passed.is_err() {
            return;
        }
    }
}

/// What a client says, cut into messages.
#[derive(Default)]
struct Frames {
    rest: Vec<u8>,
    has_begun: bool,
}

impl Frames {
    /// How many messages that run a statement end in these bytes.
    fn statements(&mut self, bytes: &[u8]) -> u64 {
        self.rest.extend_from_slice(bytes);
        let mut statements = 0;
        while let Some((kind, length)) = self.next() {
            if self.rest.len() < length {
                break;
            }
            // A simple query, or the running of a prepared one.
            statements += u64::from(matches!(kind, Some(b'Q' | b'E')));
            self.rest.drain(..length);
        }
        statements
    }

    /// The kind and length of the first message, once its head is there.
    fn next(&mut self) -> Option<(Option<u8>, usize)> {
        let number = |at: usize| {
            let bytes = self.rest.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        if self.has_begun {
            let length = usize::try_from(number(1)?).ok()? + 1;
            return Some((self.rest.first().copied(), length));
        }
        let (length, code) = (usize::try_from(number(0)?).ok()?, number(4)?);
        self.has_begun = self.rest.len() >= length && !BEFORE_START.contains(&code);
        Some((None, length))
    }
}
