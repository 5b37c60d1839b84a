//! All of it at once: a server in this process, customers who shop there, and the check, which
//! finds out when what they were told is not so.

use crate::api::Api;
use crate::check::check;
use crate::customer::World;
use crate::goods::Goods;
use crate::record::{self, Event, Line, Recorder, What};
use crate::scenario::{Length, Load, Scenario, attack};
use crate::told::Told;
use crate::verdict::Verdict;
use crate::{count, gather, run_name};
use cartwright::app::{Listeners, Server, Stores};
use cartwright::auth::password::{Cost, Hasher, Limits};
use cartwright::auth::secret::Secret;
use cartwright::config::{self, Command, LogFormat};
use cartwright::import::{self, Format, Input, Progress, Refusal};
use cartwright::sources::Sources;
use cartwright::store::Store;
use cartwright::store::memory::MemoryStore;
use cartwright::telemetry;
use std::path::Path;
use std::sync::Arc;

const GOODS: &str = r#"{"type":"product","id":"mug","sku":"MUG","name":"Stone Mug","base_price":{"amount":999,"currency":"USD"},"stock":2500}
{"type":"product","id":"jug","sku":"JUG","name":"Enamel Jug","base_price":{"amount":2333,"currency":"USD"},"sale_price":{"amount":1999,"currency":"USD"},"stock":50}
{"type":"product","id":"print","sku":"LOAD-FLASH","name":"Limited Print","base_price":{"amount":4900,"currency":"USD"},"stock":5}
{"type":"tax_rate","country":"US","state":"NY","rate":"8.75"}
"#;

/// Nothing is expected to be refused.
struct Whole;

impl Progress for Whole {
    fn read(&mut self, _: u64) {}

    fn refused(&mut self, refusal: &Refusal) {
        panic!("{refusal}");
    }
}

/// A server for as long as the test runs. Returns where it is.
async fn serve() -> String {
    // Otherwise goose's log gets it.
    telemetry::init("error", LogFormat::Text, None).unwrap();
    let arguments = "cartwright serve --listen 127.0.0.1:0 --ops-listen off --rate-limit off";
    let parsed = config::parse(arguments.split(' ').map(Into::into), std::iter::empty());
    let Ok(Command::Serve(arguments)) = parsed else {
        panic!("the command is serve");
    };
    let (settings, sources) = (arguments.settings().unwrap(), Sources::system());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sources.clock.clone()));
    let input = Input {
        file: "goods.ndjson".to_owned(),
        format: Format::Ndjson,
        data: GOODS.as_bytes(),
    };
    let options = import::Options::default();
    import::run(&*store, &sources, input, options, &mut Whole)
        .await
        .unwrap();
    let hasher = Hasher::with_cost(Limits::default(), Cost::TRIVIAL, sources.entropy.clone());
    let secret = Secret::parse("a secret of the tests, which guards nothing").unwrap();
    let stores = Stores {
        store,
        is_healthy: Arc::new(|| true),
    };
    let listeners = Listeners::bind(&settings).await.unwrap();
    let server = Server::start(
        &settings,
        listeners,
        stores,
        &secret,
        hasher.unwrap(),
        sources,
    );
    let server = server.await.unwrap();
    let url = format!("http://{}", server.address().unwrap());
    tokio::spawn(async move { server.run(std::future::pending()).await });
    url
}

/// Has customers shop there, and returns what they wrote down, and what was wrong.
async fn shop(url: &str, scenario: Scenario, rounds: u32, record: &Path) -> Vec<String> {
    let world = Arc::new(World {
        api: Api::of(url).unwrap(),
        goods: Goods::parse(GOODS).unwrap(),
        record: Recorder::append(record).unwrap(),
        run: run_name(),
        registered: 0.into(),
    });
    let length = Length::Rounds(rounds);
    let load = Load {
        scenario,
        users: 4,
        rate: 4_000,
        length,
    };
    let crowd = gather(&world, &load, 1_000).await.unwrap();
    let options = ["--no-print-metrics", "--quiet"].map(str::to_owned);
    let attack = attack(&load, url, &options, &crowd).unwrap();
    Box::pin(attack.execute()).await.unwrap();
    world.record.flush().unwrap();
    crowd.faults()
}

/// The verdict on what was told.
async fn judged(api: &Api, events: &[Event]) -> Verdict {
    let counter = api.register(&format!("{}@example.com", run_name())).await;
    check(api, &Told::by(events), &counter.unwrap())
        .await
        .unwrap()
}

/// Records in which one thing is not as it was told.
fn tampered(events: &[Event]) -> Vec<Vec<Event>> {
    let is_order = |event: &Event| matches!(event, Event::Order { .. });
    let order = events.iter().rposition(is_order).unwrap();
    let cart = events
        .iter()
        .rposition(|event| matches!(event, Event::Cart { .. }))
        .unwrap();
    let changed = |at: usize, change: fn(&mut Event)| {
        let mut events = events.to_vec();
        change(&mut events[at]);
        events
    };
    let mut forgotten = events.to_vec();
    forgotten.remove(order);
    // And that it was asked for: what was never answered may have been placed.
    let is_asked = |event: &Event| {
        matches!((event, &events[order]), (
            Event::Asked { email, what: What::Order },
            Event::Order { email: ordered, .. },
        ) if email == ordered)
    };
    forgotten.remove(events[..order].iter().rposition(is_asked).unwrap());
    vec![
        forgotten,
        changed(order, |event| {
            if let Event::Order { id, .. } = event {
                id.push('0');
            }
        }),
        changed(order, |event| {
            if let Event::Order { total, .. } = event {
                *total += 1;
            }
        }),
        changed(cart, |event| {
            if let Event::Cart { lines, .. } = event {
                let sku = "MUG".to_owned();
                lines.insert("lost".to_owned(), Line { sku, quantity: 1 });
            }
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_what_is_tampered_with_is_found() {
    let (url, dir) = (serve().await, tempfile::tempdir().unwrap());
    let (record, api) = (dir.path().join("record"), Api::of(&url).unwrap());
    let goods = Goods::parse(GOODS).unwrap();
    let stock = Recorder::append(&record).unwrap();
    let counter = api.register("counter@example.com").await.unwrap();
    for item in goods.all() {
        let left = count::left(&api, &counter, &item.product_id).await.unwrap();
        assert_eq!(left, item.received);
        let (product_id, sku) = (item.product_id.clone(), item.sku.clone());
        stock
            .write(&Event::Stock {
                product_id,
                sku,
                left,
            })
            .unwrap();
    }
    drop(stock);

    assert_eq!(shop(&url, Scenario::Flash, 3, &record).await, [""; 0]);
    let events = record::read(&record).unwrap();
    let is_sold = |event: &&Event| matches!(event, Event::Order { .. });
    assert_eq!(
        events.iter().filter(is_sold).count(),
        5,
        "all that there were"
    );
    assert_eq!(judged(&api, &events).await.violations, [""; 0]);

    assert_eq!(shop(&url, Scenario::Mixed, 30, &record).await, [""; 0]);
    // Nobody orders what is in these carts.
    assert_eq!(shop(&url, Scenario::Cart, 3, &record).await, [""; 0]);
    let events = record::read(&record).unwrap();
    assert_eq!(judged(&api, &events).await.violations, [""; 0]);
    for wrong in tampered(&events) {
        let verdict = judged(&api, &wrong).await;
        assert_ne!(verdict.violations, [""; 0]);
        assert!(verdict.to_string().contains("VIOLATED"), "{verdict}");
    }
}
