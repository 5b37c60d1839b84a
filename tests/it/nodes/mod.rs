//! Several nodes as processes of their own over one keyspace, under load: what was acknowledged is
//! there once, nothing is there twice, and nobody is shown a cart that never was, whatever the nodes
//! are put through.

mod balancer;
mod fleet;
mod haproxy;
mod soak;

use crate::cql;
use crate::history::{Final, Recorder, check, events_of};
use crate::line::Line;
use crate::load::{Customer, Load, PHASE_TIME, Shop, belongings};
use crate::process::api::Api;
use balancer::Balancer;
use fleet::{DETECTION, Fleet, Node};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};

/// How many customers there are.
const CUSTOMERS: usize = 6;
/// What each hand must get done after whatever happens.
const CHANGES: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_come_go_die_hang_and_lose_the_store_and_nothing_untrue_is_told() {
    let Some(server) = cql::server() else { return };
    let fleet = Fleet::on(&server).await;
    let line = Line::to(server).await;
    let (a, b) = (fleet.start("a"), fleet.start("b"));
    let c = fleet.start_through("c", &line.address);
    let balancer = Balancer::before(&[&a, &b, &c]);
    let scene = Scene::of(&fleet, &[&a, &b, &c], balancer.clone()).await;
    let phase = |name| Phase::begins(name, &scene.recorder, &balancer);
    scene.load.goes_on(CHANGES).await;

    let joining = phase("d joins");
    let d = fleet.start("d");
    balancer.add(&d.server.url);
    scene.settles(&[&a, &b, &c, &d]).await;
    assert_eq!(joining.told().lost(), 0);

    let leaving = phase("a is told to stop");
    a.stop();
    scene.settles(&[&b, &c, &d]).await;
    assert_eq!(leaving.told().lost(), 0);

    let killing = phase("b is killed");
    b.kill();
    scene.settles(&[&c, &d]).await;
    killing.ended_in_time();

    let e = fleet.start("e");
    balancer.add(&e.server.url);
    scene.settles(&[&c, &d, &e]).await;
    let pausing = phase("d hangs for longer than its lease");
    d.server.signal("STOP");
    scene.settles(&[&c, &e]).await;
    pausing.ended_in_time();
    let going_on = phase("d goes on");
    d.server.signal("CONT");
    scene.settles(&[&c, &d, &e]).await;
    going_on.told();

    let cutting = phase("c does not reach the store");
    line.freeze(true);
    scene.settles(&[&d, &e]).await;
    cutting.ended_in_time();
    let healing = phase("c reaches it again");
    line.freeze(false);
    scene.settles(&[&c, &d, &e]).await;
    healing.told();

    scene.ends(vec![c, d, e]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_drains_answers_by_way_of_others_and_has_clients_connect_to_them() {
    let Some(server) = cql::server() else { return };
    let fleet = Fleet::on(&server).await;
    let (staying, mut leaving) = (fleet.start("staying"), fleet.start("leaving"));
    fleet.agrees(&[&staying, &leaving]).await;
    let url = leaving.server.url.clone();
    let token = Api::of(&url).token("ann@example.com").await;
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = client.get(format!("{url}{path}")).bearer_auth(&token);
        let answer = request.send().await.unwrap();
        let closes = answer.headers().get("connection").cloned();
        (
            answer.status().as_u16(),
            closes.is_some_and(|it| it == "close"),
        )
    };
    assert_eq!(ask("/ready").await, (200, false));
    leaving.server.signal("TERM");
    while ask("/ready").await != (503, true) {}
    fleet.agrees(&[&staying]).await;
    assert_eq!(ask("/api/v1/cart").await, (200, true));
    let (status, _) = leaving.server.wait();
    assert!(status.success(), "{}", leaving.server.log());
    staying.stop();
}

/// Nodes under load.
struct Scene<'a> {
    fleet: &'a Fleet,
    recorder: Recorder,
    /// Names and tokens.
    customers: Vec<(String, String)>,
    load: Load,
}

/// What is done to the nodes, and how that goes.
struct Phase<'a> {
    name: &'static str,
    begun: Instant,
    balancer: &'a Balancer,
}

impl<'a> Scene<'a> {
    /// Customers of these nodes at work.
    async fn of(fleet: &'a Fleet, nodes: &[&Node], shop: Arc<dyn Shop>) -> Self {
        Self::named(fleet, nodes, shop, "c").await
    }

    /// The same, whose names begin so.
    async fn named(fleet: &'a Fleet, nodes: &[&Node], shop: Arc<dyn Shop>, prefix: &str) -> Self {
        fleet.agrees(nodes).await;
        let mut customers = Vec::new();
        for (number, node) in (0..CUSTOMERS).zip(nodes.iter().cycle()) {
            let name = format!("{prefix}{number}");
            let api = Api::of(&node.server.url);
            let token = api.token(&format!("{name}@example.com")).await;
            customers.push((name, token));
        }
        let recorder = Recorder::new("nothing");
        let at_work = customers.iter().map(|(name, token)| Customer {
            name: name.clone(),
            token: token.clone(),
            shop: shop.clone(),
            reads: true,
        });
        let load = Load::of(at_work.collect(), &recorder);
        Self {
            fleet,
            recorder,
            customers,
            load,
        }
    }

    /// Waits until the nodes agree that they are these, and everybody gets on.
    async fn settles(&self, nodes: &[&Node]) {
        let took = self.fleet.agrees(nodes).await;
        println!("agreed after {:.1} s", took.as_secs_f64());
        self.load.goes_on(CHANGES).await;
    }

    /// Ends the load and the nodes, looks at what there is, and judges it.
    async fn ends(self, nodes: Vec<Node>) {
        self.recorder.phase("everything is looked at");
        self.load.end().await;
        let history = self.recorder.history();
        for node in nodes {
            node.stop();
        }
        // Who comes alone has all users, and ends the orders that nobody has ended.
        let last = self.fleet.start("last");
        let mut end = belongings(&Api::of(&last.server.url), &self.customers).await;
        let settled = settle(self.fleet, &mut end).await;
        last.stop();
        if let Ok(file) = std::env::var("CARTWRIGHT_TEST_HISTORY") {
            std::fs::write(file, events_of(&history, |_| true)).unwrap();
        }
        let verdict = check(&history, &end);
        println!("{verdict}");
        verdict.assert_holds();
        settled.unwrap();
    }
}

/// Reads the stock until no order in the making holds any of it.
async fn settle(fleet: &Fleet, end: &mut Final) -> Result<(), Elapsed> {
    let settling = async {
        loop {
            end.stock = fleet.stock().await;
            if end.stock.held == 0 {
                break;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PHASE_TIME, settling).await
}

impl<'a> Phase<'a> {
    fn begins(name: &'static str, recorder: &Recorder, balancer: &'a Balancer) -> Self {
        recorder.phase(name);
        Self {
            name,
            begun: Instant::now(),
            balancer,
        }
    }

    /// Says what failed, and how.
    fn told(&self) -> balancer::Failures {
        let failures = self.balancer.failures(self.begun);
        println!("{}: {failures}", self.name);
        failures
    }

    /// What failed must have ended soon after the node was found dead. The bound is for a machine
    /// that does much else.
    fn ended_in_time(&self) {
        let lasted = self.told().lasted();
        let beyond = lasted.saturating_sub(DETECTION).as_secs_f64();
        println!("{}: {beyond:.1} s beyond detection", self.name);
        assert!(lasted < DETECTION + 4 * Duration::from_secs(5));
    }
}
