//! The program: run to its end, or started as a server that is told to stop or killed.

use crate::app::SECRET;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

/// The program with these arguments and nothing in its environment.
pub fn cartwright(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartwright"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn finish(command: &mut Command) -> Finished {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Finished {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A folder of a shop's own: its data, the files that it imports, the log of its servers.
pub struct Shop {
    dir: TempDir,
}

impl Shop {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Where the store is.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The store, as a setting names it.
    pub fn store(&self) -> String {
        format!("embedded:{}", self.data().display())
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Imports a file with these flags.
    pub fn import(&self, file: &Path, flags: &[&str]) -> Finished {
        let mut command = cartwright(&["import", "--store", &self.store()]);
        finish(command.args(flags).arg(file))
    }

    /// The command that serves the shop on a free port, with these flags.
    pub fn serve(&self, flags: &[&str]) -> Command {
        let store = self.store();
        let fixed = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ops-listen",
            "off",
            "--store",
            &store,
        ];
        let mut command = cartwright(&fixed);
        command.args(flags).env("CARTWRIGHT_JWT_SECRET", SECRET);
        // All tests ask from one address; a flag wins.
        command.env("CARTWRIGHT_RATE_LIMIT", "off");
        command
    }

    pub fn start(&self, flags: &[&str]) -> Server {
        self.started(&mut self.serve(flags))
    }

    /// A server that this command starts, once it serves.
    pub fn started(&self, command: &mut Command) -> Server {
        self.started_as("log", command)
    }

    /// The same, with a log of its own.
    pub fn started_as(&self, name: &str, command: &mut Command) -> Server {
        let log = self.dir.path().join(name);
        let child = command
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Server::serving(child, &log)
    }
}

/// A running server. Dropped, also by a test that fails, it is killed.
pub struct Server {
    /// `http://127.0.0.1:port`
    pub url: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Server {
    fn serving(mut child: Child, log: &Path) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Guarded before anything can fail.
        let mut server = Self {
            url: String::new(),
            child,
            stdout,
            log: log.to_owned(),
        };
        let mut line = String::new();
        server.stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("cartwright serves on ");
        server.url = url
            .unwrap_or_else(|| panic!("{line:?} {}", server.log()))
            .to_owned();
        server
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal, by the name that the shell has for it.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end. Returns what it had written after its address, too.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for the end, which must be a clean one.
    pub fn stop(mut self) {
        self.signal("TERM");
        let (status, rest) = self.wait();
        assert_eq!(
            (status.code(), rest.as_str()),
            (Some(0), ""),
            "{}",
            self.log()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
