//! The rows of the table, one file for those that are made alike.

mod checkouts;
mod entrances;
mod hot_cart;
mod hot_stock;
mod journal;
mod many_carts;
pub(crate) mod nodes;
mod old_partition;
mod reads;
mod sizes;

use crate::Failure;
use crate::data::Place;
use crate::keyspace::Keyspace;
use crate::measure::{Row, Target};
use checkouts::Checkouts;
use entrances::Entrances;
use futures::future::BoxFuture;
use hot_cart::HotCart;
use hot_stock::HotStock;
use journal::Journal;
use many_carts::ManyCarts;
use nodes::Nodes;
use old_partition::{Kind, OldPartition};
use reads::Reads;
use sizes::{Asked, BySize, SMALL, Sizes};
use std::path::Path;
use std::sync::Arc;

/// What the names of rows begin with that are measured in a keyspace.
const OVER_CQL: &str = "over CQL: ";

/// A row before anything is set up for it.
pub(crate) struct Plan {
    /// What, how many clients, and against what.
    pub(crate) name: String,
    pub(crate) target: Target,
    /// Sets it up.
    pub(crate) make: BoxFuture<'static, Result<Box<dyn Row>, Failure>>,
}

fn plan<R: Row + 'static>(
    name: &str,
    target: Target,
    make: impl Future<Output = Result<R, Failure>> + Send + 'static,
) -> Plan {
    Plan {
        name: name.to_owned(),
        target,
        make: Box::pin(async { Ok(Box::new(make.await?) as Box<dyn Row>) }),
    }
}

/// All of them, with data of their own in folders in `dir`, and in a keyspace if there is one;
/// `products` is the size of the large catalogue.
pub(crate) fn all(dir: &Path, keyspace: Option<&Arc<Keyspace>>, products: u64) -> Vec<Plan> {
    let folder = Place::Folder(dir.to_owned());
    let mut plans = Vec::from(writes(folder.clone()));
    let journals = dir.to_owned();
    plans.push(plan(
        "commits of 64 tasks, by the embedded store's journal vs. by its database alone",
        Target::AtLeast(1.5),
        async move { Journal::new(&journals).await },
    ));
    plans.push(plan(
        "carts of 64 users, changed over HTTP vs. at the directory, one core each",
        Target::AtLeast(0.6),
        async move { Entrances::new(folder).await },
    ));
    if let Some(keyspace) = keyspace {
        let place = Place::Keyspace(keyspace.clone());
        plans.extend(writes(place.clone()));
        plans.extend(old_partitions(place));
    }
    plans.extend(reads(dir));
    plans.extend(hops());
    plans.extend(by_size(dir, products));
    plans
}

/// What the actors bring, and what they cost.
fn writes(place: Place) -> [Plan; 5] {
    use Target::{AtLeast, None};
    let (over, against, least) = match place {
        Place::Folder(_) => ("", "committing the same bytes", 0.8),
        Place::Keyspace(_) => (OVER_CQL, "with the same batch on the bare driver", 0.9),
    };
    let [one, two, three, four, five] = [(); 5].map(|()| place.clone());
    [
        plan(
            &format!("{over}one hot cart, 64 clients: output gate vs. one commit at a time"),
            AtLeast(10.0),
            async move { HotCart::new(&one).await },
        ),
        plan(
            &format!(
                "{over}one hot SKU, 64 clients: reservations folded vs. one conditional write each"
            ),
            AtLeast(10.0),
            async move { HotStock::new(&two).await },
        ),
        plan(
            &format!("{over}carts of 64 users, changed at the directory vs. 64 tasks {against}"),
            AtLeast(least),
            async move { ManyCarts::at_the_directory(&three).await },
        ),
        plan(
            &format!("{over}carts of 64 users, changed over HTTP vs. 64 tasks {against}"),
            None,
            async move { ManyCarts::over_http(&four).await },
        ),
        plan(
            &format!(
                "{over}checkouts of 64 users at the directory vs. 64 tasks making the same \
                 dependent commits"
            ),
            AtLeast(0.8),
            async move { Checkouts::new(&five).await },
        ),
    ]
}

/// What the past of a partition costs its commits.
fn old_partitions(place: Place) -> [Plan; 2] {
    let row = |what: &str, kind| {
        let name = format!("{OVER_CQL}a commit after 10,000 {what} vs. in a new partition");
        let place = place.clone();
        plan(&name, Target::AtLeast(0.9), async move {
            OldPartition::new(&place, kind).await
        })
    };
    [
        row("changes with a key", Kind::User),
        row("orders of the SKU", Kind::Stock),
    ]
}

/// What a read costs.
fn reads(dir: &Path) -> [Plan; 4] {
    use Target::AtLeast;
    let [one, two, three, four] = [(); 4].map(|()| dir.to_owned());
    [
        plan(
            "GET cart, 64 connections vs. bare warp route that checks a JWT",
            AtLeast(0.7),
            async move { Reads::cart(&one).await },
        ),
        plan(
            "GET product, 64 connections vs. bare warp route",
            AtLeast(0.8),
            async move { Reads::product(&two).await },
        ),
        plan(
            "GET list of 20, 64 connections vs. bare warp route",
            AtLeast(0.7),
            async move { Reads::list(&three).await },
        ),
        plan(
            "a search with 20 matches in 1,000 products, 64 connections vs. bare warp route",
            AtLeast(0.4),
            async move { Reads::search(&four).await },
        ),
    ]
}

/// What it costs to be at the wrong node.
fn hops() -> [Plan; 2] {
    let row = |what: &str, asked| {
        let name = format!("p50 of {what}, at the node without the actor vs. at the one with it");
        plan(&name, Target::AtMost(2.0), Nodes::new(asked))
    };
    [
        row("GET cart", nodes::Asked::Cart),
        row("a change of the cart", nodes::Asked::Change),
    ]
}

/// What a large catalogue costs.
fn by_size(dir: &Path, products: u64) -> [Plan; 3] {
    use Target::{AtMost, None};
    let sizes = Sizes::new(products);
    let row = |what: &str, target, asked| {
        let name = format!("p99 of {what}, 4 connections, {products} products vs. {SMALL}");
        let (dir, sizes) = (dir.to_owned(), sizes.clone());
        plan(&name, target, async move {
            BySize::new(&dir, sizes, asked).await
        })
    };
    [
        row("a list page of 20", AtMost(1.5), Asked::Page),
        row("a search with 20 matches", AtMost(3.0), Asked::Selective),
        row("a search that half of all match", None, Asked::Broad),
    ]
}
