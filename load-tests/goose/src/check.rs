//! Looks at everything that customers were told of, and has it judged.

use crate::Failure;
use crate::api::{Api, Session};
use crate::cart::{lines_of, units_of};
use crate::count;
use crate::told::{Order, Told};
use crate::verdict::{Belongings, Found, Verdict, judge};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long stock may take to be released that orders held which came to nothing: longer than the
/// server's deadline for an order in the making, and than it takes to find it.
const RELEASE_TIME: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// The verdict on what was told. `counter` counts what is left.
pub(crate) async fn check(api: &Api, told: &Told, counter: &Session) -> Result<Verdict, Failure> {
    let mut found = Found::default();
    for (email, customer) in &told.customers {
        let session = api.login(email, &customer.password).await?;
        let belongings = belongings(api, &session).await?;
        found.customers.insert(email.clone(), belongings);
    }
    let begun = Instant::now();
    loop {
        found.stock = stock(api, told, counter).await?;
        let verdict = judge(told, &found);
        if verdict.is_stock_right || begun.elapsed() > RELEASE_TIME {
            return Ok(verdict);
        }
        sleep(PAUSE).await;
    }
}

async fn belongings(api: &Api, session: &Session) -> Result<Belongings, Failure> {
    let cart = api.get("/cart", session).await?;
    let orders = api.all("/orders", session).await?;
    let orders: Result<Vec<_>, _> = orders.iter().map(order_of).collect();
    Ok(Belongings {
        cart: lines_of(&cart).map_err(Failure::Wrong)?,
        orders: orders.map_err(Failure::Wrong)?,
    })
}

fn order_of(order: &Value) -> Result<(String, Order), String> {
    let id = order["id"].as_str().ok_or("an order has no id")?;
    let total = order["total"]["amount"].as_u64();
    let order = Order {
        units: units_of(&lines_of(order)?),
        total: total.ok_or("an order has no total")?,
    };
    Ok((id.to_owned(), order))
}

async fn stock(
    api: &Api,
    told: &Told,
    counter: &Session,
) -> Result<BTreeMap<String, u64>, Failure> {
    let mut stock = BTreeMap::new();
    for (sku, was) in &told.stock {
        let left = count::left(api, counter, &was.product_id).await?;
        stock.insert(sku.clone(), left);
    }
    Ok(stock)
}
