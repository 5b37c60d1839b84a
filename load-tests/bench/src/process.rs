//! Processes of their own, for what would disturb other measurements or be disturbed by them: this
//! program, told what to do.

use crate::Failure;
use crate::data::Disk;
use crate::memory::{self, Idle};
use crate::served::{SECRET, Served};
use crate::start;
use cartwright::store::{Store, embedded};
use cartwright::{app, config, telemetry};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// What a process of its own does.
#[derive(Deserialize, Serialize)]
pub(crate) enum Task {
    /// Starts with the data in a folder, and tells what that took.
    Start { data: PathBuf },
    /// Makes actors that idle, and tells what they took.
    Idle { what: Idle, count: u64 },
    /// Serves until its standard input ends.
    Serve(Service),
    /// Serves as the program does with these flags.
    Node { flags: Vec<String> },
}

impl Task {
    /// Does it, in a process that was made for it.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Start { data } => tell(&start::start_with(data).await?),
            Self::Idle { what, count } => tell(&memory::idle(what, count).await?),
            Self::Serve(service) => service.run().await,
            Self::Node { flags } => node(&flags).await,
        }
    }

    /// Has a process do it, and returns what that tells.
    pub(crate) fn told<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let child = self.command()?.output()?;
        if !child.status.success() {
            let said = String::from_utf8_lossy(&child.stderr).into_owned();
            return Err(format!("a process failed: {said}").into());
        }
        Ok(serde_json::from_slice(&child.stdout)?)
    }

    fn command(&self) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--task").arg(serde_json::to_string(self)?);
        Ok(command)
    }
}

async fn node(flags: &[String]) -> Result<(), Failure> {
    let flags = flags.iter().map(Into::into);
    let Ok(config::Command::Serve(arguments)) = config::parse(flags, std::iter::empty()) else {
        return Err("the bench starts a node wrongly".into());
    };
    let settings = arguments.settings()?;
    telemetry::init(&settings.log.filter, settings.log.format, None)?;
    Box::pin(app::serve(settings)).await?;
    Ok(())
}

fn tell(what: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(what)?);
    Ok(())
}

/// What a process serves, and how.
#[derive(Deserialize, Serialize)]
pub(crate) struct Service {
    /// The folder of its data.
    pub(crate) data: PathBuf,
    /// How much of the data the store keeps in memory, in bytes.
    pub(crate) cache: usize,
    pub(crate) flags: Vec<String>,
}

impl Service {
    /// As in production.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            cache: embedded::Options::default().cache_bytes,
            flags: Vec::new(),
        }
    }

    async fn run(self) -> Result<(), Failure> {
        let options = embedded::Options {
            cache_bytes: self.cache,
            ..embedded::Options::default()
        };
        let open = move || Disk::open_with(&self.data, options);
        let store = tokio::task::spawn_blocking(open).await??;
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        let store = Box::pin(async move { Ok(store as Arc<dyn Store>) });
        let served = Served::product_with(store, &flags).await?;
        tell(&served.address)?;
        let ended = || std::io::stdin().read_to_end(&mut Vec::new());
        tokio::task::spawn_blocking(ended).await??;
        Ok(())
    }
}

/// A server in a process of its own, until it is dropped.
pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl ServerProcess {
    pub(crate) fn start(service: Service) -> Result<Self, Failure> {
        let mut command = Task::Serve(service).command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let told = child.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        Ok(Self {
            address: serde_json::from_str(&line)?,
            child,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        Memory::of(&self.id().to_string())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Whether it ended well does not matter any more.
        let _ = self.child.wait();
    }
}

/// A node of several in a process of its own, until it is dropped. The runtime of this program is
/// that of the product.
pub(crate) struct NodeProcess {
    pub(crate) address: SocketAddr,
    process: Mortal,
}

/// A node that does not serve yet.
pub(crate) struct StartingNode {
    process: Mortal,
    log: PathBuf,
}

/// A process that is killed when it is dropped.
pub(crate) struct Mortal(pub(crate) Child);

impl StartingNode {
    /// Starts one on a keyspace, and does not wait.
    pub(crate) fn start(name: &str, store: &str, log: PathBuf) -> Result<Self, Failure> {
        let flags = [
            ["cartwright", "serve"],
            ["--store", store],
            ["--node-name", name],
            ["--listen", "127.0.0.1:0"],
            ["--ops-listen", "off"],
            ["--cluster-listen", "127.0.0.1:0"],
            ["--cluster-secret", SECRET],
            ["--jwt-secret", SECRET],
            ["--rate-limit", "off"],
            ["--trusted-proxies", "127.0.0.1"],
        ];
        let flags = flags.as_flattened().iter().map(ToString::to_string);
        let mut command = Task::Node {
            flags: flags.collect(),
        }
        .command()?;
        command.stdout(Stdio::piped()).stderr(File::create(&log)?);
        let process = Mortal(command.spawn()?);
        Ok(Self { process, log })
    }

    /// The same once it serves.
    pub(crate) fn served(mut self) -> Result<NodeProcess, Failure> {
        let told = self.process.0.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("cartwright serves on http://") else {
            let log = std::fs::read_to_string(&self.log)?;
            return Err(format!("a node did not start:\n{log}").into());
        };
        Ok(NodeProcess {
            address: address.parse()?,
            process: self.process,
        })
    }
}

impl NodeProcess {
    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has in memory, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of_this() -> Result<Self, Failure> {
        Self::of("self")
    }

    fn of(process: &str) -> Result<Self, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let kib = |name: &str| -> Result<u64, Failure> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.split_whitespace().next());
            Ok(value.ok_or("no memory figures on this system")?.parse()?)
        };
        Ok(Self {
            resident: kib("VmRSS:")?,
            peak: kib("VmHWM:")?,
        })
    }
}
