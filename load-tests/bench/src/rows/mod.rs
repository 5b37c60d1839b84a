//! The rows of the table, one file for those that are made alike.

mod hot_cart;
mod hot_stock;
mod many_carts;
mod reads;
mod sizes;

use crate::Failure;
use crate::measure::{Row, Target};
use futures::future::BoxFuture;
use hot_cart::HotCart;
use hot_stock::HotStock;
use many_carts::ManyCarts;
use reads::Reads;
use sizes::{Asked, BySize, SMALL, Sizes};
use std::path::PathBuf;

/// A row before anything is set up for it.
pub(crate) struct Plan {
    /// What, how many clients, and against what.
    pub(crate) name: String,
    pub(crate) target: Target,
    /// Sets it up, with stores of its own in a folder.
    pub(crate) make: Make,
}

type Make = Box<dyn FnOnce(PathBuf) -> BoxFuture<'static, Result<Box<dyn Row>, Failure>>>;

fn plan<R, F>(name: &str, target: Target, make: impl FnOnce(PathBuf) -> F + 'static) -> Plan
where
    R: Row + 'static,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
{
    let make: Make = Box::new(|dir| {
        let made = make(dir);
        Box::pin(async move { Ok(Box::new(made.await?) as Box<dyn Row>) })
    });
    Plan {
        name: name.to_owned(),
        target,
        make,
    }
}

/// All of them; `products` is the size of the large catalogue.
pub(crate) fn all(products: u64) -> Vec<Plan> {
    let mut plans = paths();
    plans.extend(by_size(products));
    plans
}

/// What a large catalogue costs.
fn by_size(products: u64) -> [Plan; 3] {
    use Target::{AtMost, None};
    let sizes = Sizes::new(products);
    let row = |what: &str, target, asked| {
        let name = format!("p99 of {what}, 4 connections, {products} products vs. {SMALL}");
        let sizes = sizes.clone();
        plan(&name, target, move |dir| async move {
            BySize::new(&dir, sizes, asked).await
        })
    };
    [
        row("a list page of 20", AtMost(1.5), Asked::Page),
        row("a search with 20 matches", AtMost(3.0), Asked::Selective),
        row("a search that half of all match", None, Asked::Broad),
    ]
}

/// What the ways of a request cost.
fn paths() -> Vec<Plan> {
    use Target::{AtLeast, None};
    vec![
        plan(
            "one hot cart, 64 clients: output gate vs. one commit at a time",
            AtLeast(10.0),
            |dir| async move { HotCart::new(&dir).await },
        ),
        plan(
            "one hot SKU, 64 clients: reservations folded vs. one conditional write each",
            AtLeast(10.0),
            |dir| async move { HotStock::new(&dir).await },
        ),
        plan(
            "carts of 64 users, changed at the directory vs. 64 tasks committing the same bytes",
            AtLeast(0.8),
            |dir| async move { ManyCarts::at_the_directory(&dir).await },
        ),
        plan(
            "carts of 64 users, changed over HTTP vs. 64 tasks committing the same bytes",
            None,
            |dir| async move { ManyCarts::over_http(&dir).await },
        ),
        plan(
            "GET cart, 64 connections vs. bare warp route that checks a JWT",
            AtLeast(0.7),
            |dir| async move { Reads::cart(&dir).await },
        ),
        plan(
            "GET product, 64 connections vs. bare warp route",
            AtLeast(0.8),
            |dir| async move { Reads::product(&dir).await },
        ),
        plan(
            "GET list of 20, 64 connections vs. bare warp route",
            AtLeast(0.7),
            |dir| async move { Reads::list(&dir).await },
        ),
    ]
}
