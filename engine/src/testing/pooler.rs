//! A real PgBouncer in transaction mode, in front of the test server.
//!
//! `WINDLASS_TEST_PGBOUNCER` names the program, else it is where `.ci/install` put it, else there is none. It
//! has the settings of its package, so what passes here needs no odd ones. A shell holds it on a leash: the
//! pipe from this process to the shell closes with the process, however that ends, and the shell ends it.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::{User, geteuid};
use tempfile::TempDir;

/// $1 program, $2 settings, whose folder goes with the program. SIGQUIT ends it at once; by others it waits for its clients.
const LEASH: &str = r#"
"$1" "$2" & pid=$!
read -r _
kill -QUIT "$pid"
wait "$pid"
rm -rf "${2%/*}"
"#;
/// In a folder of its own.
const SETTINGS_FILE: &str = "pgbouncer.ini";
/// Times that a port is tried; another process may have been faster.
const STARTS_MAX: usize = 5;
/// It answers within milliseconds; a busy machine may take longer.
const READY_CHECKS_MAX: usize = 500;
const READY_PAUSE: Duration = Duration::from_millis(20);

/// A running PgBouncer. It ends with the value, or with the process.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    leash: Child,
    program: PathBuf,
    folder: TempDir,
    text: String,
}

impl Pooler {
    /// The program, if there is one.
    pub fn program() -> Option<PathBuf> {
        if let Some(program) = env::var_os("WINDLASS_TEST_PGBOUNCER") {
            return Some(program.into());
        }
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
        let program = cache.or_else(home)?.join("windlass/pgbouncer/pgbouncer");
        program.is_file().then_some(program)
    }

    /// Starts one in front of the server on `server`, with these settings beside those of its package;
    /// `None` where there is no program.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(server: u16, settings: &[(&str, &str)]) -> Option<Self> {
        let program = Self::program()?;
        let started = (0..STARTS_MAX).find_map(|_| {
            Self::start_once(&program, server, settings).expect("the system starts programs")
        });
        Some(started.unwrap_or_else(|| panic!("{} does not start", program.display())))
    }

    /// `None` when it did not come to listen.
    fn start_once(
        program: &Path,
        server: u16,
        settings: &[(&str, &str)],
    ) -> io::Result<Option<Self>> {
        let folder = tempfile::Builder::new()
            .prefix("windlass-test-pooler-")
            .tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let text = configuration(port, server, settings);
        let leash = leashed(program, folder.path(), port, &text)?;
        Ok(leash.map(|leash| Self {
            port,
            leash,
            program: program.to_owned(),
            folder,
            text,
        }))
    }

    /// Ends it, with all sessions that go through it, and starts it again on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.end();
        let leash = leashed(&self.program, self.folder.path(), self.port, &self.text);
        self.leash = leash
            .expect("the system starts programs")
            .expect("a pooler that starts again");
    }

    fn end(&mut self) {
        drop(self.leash.stdin.take());
        let _ = self.leash.wait();
    }

    /// The address of a database through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://windlass@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the program; `None` when it did not come to listen.
fn leashed(program: &Path, folder: &Path, port: u16, text: &str) -> io::Result<Option<Child>> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    fs::write(folder.join(SETTINGS_FILE), text)?;
    let mut leash = Command::new("sh")
        .args(["-c", LEASH, "windlass-test-pooler"])
        .args([program, &folder.join(SETTINGS_FILE)])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    for _ in 0..READY_CHECKS_MAX {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(Some(leash));
        }
        sleep(READY_PAUSE);
    }
    drop(leash.stdin.take());
    leash.wait()?;
    Ok(None)
}

/// PgBouncer refuses root; it reads its settings first, and then becomes somebody else.
fn configuration(port: u16, server: u16, settings: &[(&str, &str)]) -> String {
    let lent = ["postgres", "nobody"]
        .into_iter()
        .find(|name| geteuid().is_root() && User::from_name(name).ok().flatten().is_some());
    let user = lent.map(|name| format!("user = {name}\n"));
    let mut text = format!(
        "[databases]\n* = host=127.0.0.1 port={server} user=windlass\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = transaction\nmax_client_conn = 2000\n{}",
        user.unwrap_or_default()
    );
    for (name, value) in settings {
        text.push_str(&format!("{name} = {value}\n"));
    }
    text
}
