//! Measures what the design brings and what it costs: each row of the table is a ratio of two
//! figures, taken in turns on the same machine and the same disk. `--help` tells the options.

mod capacity;
mod cores;
mod cpu_share;
mod cpu_time;
mod data;
mod generated;
mod keyspace;
mod measure;
mod memory;
mod mixed;
mod open_loop;
mod overload;
mod process;
mod requests;
mod rows;
mod scaling;
mod seeded;
mod served;
mod start;
mod visits;
mod wire;
mod world;

use capacity::Search;
use cartwright::config::LogFormat;
use cartwright::telemetry;
use clap::Parser;
use data::Place;
use futures::FutureExt;
use futures::future::BoxFuture;
use keyspace::Keyspace;
use measure::{Effort, Measured};
use mimalloc::MiMalloc;
use process::Task;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use visits::Users;

/// The fewest rounds that a median and its spread are worth printing of.
const FEWEST_ROUNDS: u64 = 5;
/// Products of the large catalogue where it is to be brief.
const BRIEF_PRODUCTS: u64 = 20_000;
/// Measures what the design brings and what it costs, each against doing without it
#[derive(Parser)]
#[command(name = "cartwright-bench")]
struct Arguments {
    /// Rounds, in each of which baseline and subject are measured in turns; at least 5
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(FEWEST_ROUNDS..))]
    rounds: u64,

    /// Seconds of each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// Rows whose name contains this, only
    #[arg(long, default_value = "")]
    only: String,

    /// End with exit code 1 where a target is missed
    #[arg(long)]
    check: bool,

    /// As short as it makes sense: 5 rounds of 1 second
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "products"])]
    brief: bool,

    /// Overload a node that has a share of one core, and measure nothing else: this takes root on
    /// Linux
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "products", "only", "cql"])]
    overload: bool,

    /// Measure what a request costs one, three and six nodes behind HAProxy, and nothing else: this
    /// takes haproxy and a CQL server
    #[arg(long, conflicts_with_all = ["overload", "products", "only", "dir"])]
    scaling: bool,

    /// Products of the large catalogue; 20,000 if it is to be brief
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2_000..))]
    products: u64,

    /// Where the stores are kept meanwhile: a folder on the disk to measure, not in memory. By
    /// default beside this program
    #[arg(long)]
    dir: Option<PathBuf>,

    /// A CQL server, `host:port`, on which the keyspace `cartwright_bench` is made, and removed
    /// again; without it nothing is measured over CQL
    #[arg(long, value_name = "SERVER", env = "CARTWRIGHT_TEST_CQL")]
    cql: Option<String>,

    /// What this process was made for, as JSON
    #[arg(long, hide = true)]
    task: Option<String>,
}

// As in production.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Markdown, and whether it shows a target that is missed.
type Table = (String, bool);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // As in production: a node that is a process of its own serves on it.
    let runtime = Runtime::new().map_err(Failure::from);
    match runtime.and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("cartwright-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    if let Some(task) = arguments.task {
        serde_json::from_str::<Task>(&task)?.run().await?;
        return Ok(ExitCode::SUCCESS);
    }
    // As in production: what a log line costs is measured too.
    telemetry::init("info", LogFormat::Text, None)?;
    let effort = if arguments.brief {
        Effort {
            rounds: FEWEST_ROUNDS,
            time: Duration::from_secs(1),
        }
    } else {
        Effort {
            rounds: arguments.rounds,
            time: Duration::from_secs(arguments.seconds),
        }
    };
    if arguments.scaling {
        let server = arguments.cql.ok_or("--scaling takes a CQL server: --cql")?;
        let (text, misses) = scaling::measure(&server, effort).await?;
        print!("{}\n\n{text}", machine(effort));
        return Ok(ended(misses && arguments.check));
    }
    let dir = match arguments.dir {
        Some(dir) => dir,
        None => std::env::current_exe()?
            .parent()
            .ok_or("no folder of its own")?
            .to_owned(),
    };
    let products = if arguments.brief {
        BRIEF_PRODUCTS
    } else {
        arguments.products
    };
    let keyspace = match &arguments.cql {
        Some(server) => Some(Arc::new(Keyspace::make(server).await?)),
        None => None,
    };
    let bench = Bench {
        dir,
        products,
        only: arguments.only,
        overload: arguments.overload,
        brief: arguments.brief,
        effort,
        keyspace,
    };
    let done = bench.run().await;
    if let Some(keyspace) = &bench.keyspace {
        keyspace.remove().await?;
    }
    Ok(ended(done? && arguments.check))
}

const fn ended(badly: bool) -> ExitCode {
    if badly {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What is measured, and how.
struct Bench {
    dir: PathBuf,
    products: u64,
    only: String,
    overload: bool,
    brief: bool,
    effort: Effort,
    keyspace: Option<Arc<Keyspace>>,
}

impl Bench {
    /// Measures and prints; returns whether a target is missed.
    async fn run(&self) -> Result<bool, Failure> {
        if self.overload {
            println!("{}\n", machine(self.effort));
            let (text, misses) = overload::measure(&self.dir, self.search()).await?;
            print!("{text}");
            return Ok(misses);
        }
        let mut measured = Vec::new();
        for plan in rows::all(&self.dir, self.keyspace.as_ref(), self.products) {
            if plan.name.contains(&self.only) {
                eprintln!("measuring: {}", plan.name);
                let row = plan.make.await?;
                measured.push(measure::measure(plan.name, plan.target, &*row, self.effort).await?);
                row.close().await?;
            }
        }
        println!("{}", machine(self.effort));
        if !measured.is_empty() {
            print!("\n{}", measure::table(&measured));
        }
        let mut missed = measured.iter().any(Measured::misses);
        for (name, table) in self.tables() {
            if name.contains(&self.only) {
                let (text, misses) = table.await?;
                print!("\n{text}");
                missed |= misses;
            }
        }
        if self.keyspace.is_none() {
            println!("\nNothing is measured over CQL: no server is named (`--cql`).");
        }
        Ok(missed)
    }

    /// What is not compared in turns, by name: tables, and whether they miss a target.
    fn tables(&self) -> Vec<(&'static str, BoxFuture<'_, Result<Table, Failure>>)> {
        let keyspace = self.keyspace.as_ref();
        let requests = keyspace.map(|keyspace| {
            let place = Place::Keyspace(keyspace.clone());
            let requests = async move { requests::measure(&place).await };
            ("over CQL: requests", requests.boxed())
        });
        let capacity = capacity::measure(&self.dir, self.effort, self.search());
        let users = if self.brief {
            Users::BRIEF
        } else {
            Users::WHOLE
        };
        requests
            .into_iter()
            .chain([
                ("times at capacity", capacity.boxed()),
                ("starts", start::measure(&self.dir, self.products).boxed()),
                ("memory of idle users", async { memory::measure() }.boxed()),
                ("visits", visits::measure(&self.dir, users).boxed()),
            ])
            .collect()
    }

    fn search(&self) -> Search {
        if self.brief {
            Search::BRIEF
        } else {
            Search::WHOLE
        }
    }
}

/// What the figures hold for.
fn machine(Effort { rounds, time }: Effort) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    format!(
        "{cores} cores of {}, commit {}, {profile} build, {rounds} rounds of {} s each way",
        processor(),
        commit(),
        time.as_secs()
    )
}

/// What the processor calls itself.
fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches([' ', '\t', ':']).trim());
    name.unwrap_or("an unknown processor").to_owned()
}

/// The commit that is checked out, marked where the files differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout))?
            .ok()?;
        Some(text.trim().to_owned())
    };
    match (
        git(&["rev-parse", "--short", "HEAD"]),
        git(&["status", "--porcelain"]),
    ) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        _ => "unknown".to_owned(),
    }
}
