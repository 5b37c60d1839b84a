//! Has customers shop at a running Cartwright, and checks that nothing they were told was lost. It
//! knows the shop by its API alone.

mod api;
mod ask;
mod cart;
mod check;
mod count;
mod customer;
mod goods;
mod record;
mod scenario;
mod told;
mod verdict;
mod visits;

#[cfg(test)]
mod tests;

use api::Api;
use clap::{Args, Parser};
use customer::{Customer, World};
use goods::Goods;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use record::{Event, Recorder};
use reqwest::StatusCode;
use scenario::{Crowd, Length, Load, Scenario, attack};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::interval;
use told::Told;

/// How many faults are shown.
const SHOWN: usize = 20;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Wrong(String),
    #[error("{0} was answered {1} {2}")]
    Refused(String, StatusCode, String),
    #[error("{0} was not answered")]
    Unanswered(&'static str),
    #[error("of {0} there are more than {1}, which cannot be counted")]
    TooMany(String, u64),
    #[error("how many are available is not said by: {0}")]
    Unclear(String),
    #[error("the goods must be some products with stock, one of them with the SKU {0}")]
    Goods(&'static str),
    #[error("{0} is no line of a record: {1}")]
    Record(String, serde_json::Error),
    #[error("a body cannot be sent again")]
    Stream,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Transaction(#[from] Box<goose::goose::TransactionError>),
    #[error(transparent)]
    Goose(Box<goose::GooseError>),
}

impl From<goose::GooseError> for Failure {
    fn from(error: goose::GooseError) -> Self {
        Self::Goose(Box::new(error))
    }
}

/// Load on a running Cartwright, and the check that nothing was lost
#[derive(Parser)]
enum Command {
    /// Write down what there is to sell, before anybody shops
    Count(CountArgs),
    /// Have customers shop; the exit code is 1 where an answer was wrong, or a threshold is crossed
    Shop(Box<ShopArgs>),
    /// Compare what customers were told with what there is; the exit code is 1 where they differ
    Check(Place),
}

#[derive(Args)]
struct Place {
    /// Where the shop is
    #[arg(long, env = "BASE_URL", value_name = "URL")]
    base_url: String,
    /// File of what customers were told
    #[arg(long, env = "RECORD", value_name = "FILE")]
    record: PathBuf,
}

#[derive(Args)]
struct CountArgs {
    #[command(flatten)]
    place: Place,
    /// What is bought: NDJSON that was imported
    #[arg(long, env = "GOODS", value_name = "FILE")]
    goods: PathBuf,
    /// Demand that all that was received is there
    #[arg(long)]
    untouched: bool,
}

#[derive(Args)]
struct ShopArgs {
    /// What they come for
    scenario: Scenario,
    #[command(flatten)]
    place: Place,
    /// What is bought: NDJSON that was imported
    #[arg(long, env = "GOODS", value_name = "FILE")]
    goods: PathBuf,
    /// Customers
    #[arg(long, env = "USERS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    users: u32,
    /// Visits a second, of all customers together
    #[arg(long, env = "RATE", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Seconds
    #[arg(long, env = "DURATION", default_value_t = 60)]
    duration: u64,
    /// Registrations a second, at most
    #[arg(long, env = "REGISTER_RATE", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    register_rate: u32,
    /// The 95th percentile of response times that is too much, in milliseconds
    #[arg(long, env = "P95", default_value_t = 500)]
    p95: u64,
    /// Failed requests that are too many, in per cent
    #[arg(long, env = "ERRORS", default_value_t = 1)]
    errors: u64,
    /// Report to write
    #[arg(long, env = "REPORT", value_name = "FILE")]
    report: Option<PathBuf>,
    /// Further options of goose
    #[arg(last = true)]
    goose: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Count(arguments) => count(&arguments).await,
        Command::Shop(arguments) => shop(&arguments).await,
        Command::Check(place) => check(&place).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// A name that no other run has.
fn run_name() -> String {
    format!("{:016x}", StdRng::from_os_rng().random::<u64>())
}

async fn count(arguments: &CountArgs) -> Result<bool, Failure> {
    let (api, goods) = (
        Api::of(&arguments.place.base_url)?,
        Goods::read(&arguments.goods)?,
    );
    let record = Recorder::append(&arguments.place.record)?;
    let counter = api
        .register(&format!("count-{}@example.com", run_name()))
        .await?;
    let mut is_right = true;
    for item in goods.all() {
        let left = count::left(&api, &counter, &item.product_id).await?;
        if arguments.untouched && left != item.received {
            eprintln!(
                "of {} there were {} received, and {left} are there",
                item.sku, item.received
            );
            is_right = false;
        }
        let (product_id, sku) = (item.product_id.clone(), item.sku.clone());
        record.write(&Event::Stock {
            product_id,
            sku,
            left,
        })?;
    }
    record.flush()?;
    Ok(is_right)
}

async fn shop(arguments: &ShopArgs) -> Result<bool, Failure> {
    let world = Arc::new(World {
        api: Api::of(&arguments.place.base_url)?,
        goods: Goods::read(&arguments.goods)?,
        record: Recorder::append(&arguments.place.record)?,
        run: run_name(),
        registered: 0.into(),
    });
    let load = Load {
        scenario: arguments.scenario,
        users: arguments.users,
        rate: arguments.rate,
        length: Length::Time(Duration::from_secs(arguments.duration)),
    };
    let crowd = gather(&world, &load, arguments.register_rate).await?;
    let mut options = arguments.goose.clone();
    let thresholds = [
        format!("p95<{}ms", arguments.p95),
        format!("error-rate<{}%", arguments.errors),
    ];
    options.extend(
        thresholds
            .into_iter()
            .flat_map(|rule| ["--threshold".to_owned(), rule]),
    );
    if let Some(report) = &arguments.report {
        options.extend(["--report-file".to_owned(), report.display().to_string()]);
    }
    let attack = attack(&load, &arguments.place.base_url, &options, &crowd)?;
    let ended = Box::pin(attack.execute()).await;
    world.record.flush()?;
    let faults = crowd.faults();
    for fault in faults.iter().take(SHOWN) {
        eprintln!("wrong: {fault}");
    }
    eprintln!("{} answers were wrong", faults.len());
    ended?;
    Ok(faults.is_empty())
}

/// Registers everybody, at most so many a second.
async fn gather(world: &Arc<World>, load: &Load, a_second: u32) -> Result<Arc<Crowd>, Failure> {
    let mut ticks = interval(Duration::from_secs(1) / a_second);
    let mut customers = Vec::new();
    for _ in 0..load.users {
        ticks.tick().await;
        customers.push(Mutex::new(Customer::register(world).await?));
    }
    let faults = Lock::default();
    Ok(Arc::new(Crowd { customers, faults }))
}

async fn check(place: &Place) -> Result<bool, Failure> {
    let api = Api::of(&place.base_url)?;
    let told = Told::by(&record::read(&place.record)?);
    let counter = api
        .register(&format!("count-{}@example.com", run_name()))
        .await?;
    let verdict = check::check(&api, &told, &counter).await?;
    println!("{verdict}");
    Ok(verdict.violations.is_empty())
}
