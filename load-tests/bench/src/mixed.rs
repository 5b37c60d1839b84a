//! What customers do in a shop, mixed as a shop sees it: of 50 requests 45 look at the catalogue, 4
//! put something into the cart, and one orders it.

use crate::Failure;
use crate::data::{Disk, OWN};
use crate::generated;
use crate::open_loop::{Kind, Offer, Way};
use crate::served::customers;
use crate::wire::{Connection, Request, get, request};
use cartwright::import::generate::RARE;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Products of the catalogue.
const PRODUCTS: usize = 1_000;
/// Steps after which a customer begins anew.
const ROUND: usize = 50;

/// The data of a shop.
pub(crate) async fn data(dir: &Path) -> Result<Disk, Failure> {
    let catalogue = generated::catalogue(u64::try_from(PRODUCTS)?);
    let disk = Disk::generated(dir, &catalogue).await?;
    disk.import_shop().await?;
    Ok(disk)
}

/// So many customers, who register at once and each put something into the cart.
pub(crate) async fn offer(address: SocketAddr, count: u64) -> Result<Offer, Failure> {
    let looks = Arc::new(Looks::new()?);
    let mut connection = Connection::open(address).await?;
    let mut ways = Vec::new();
    for (number, customer) in (0_usize..).zip(customers(address, count).await?) {
        let token = Some(customer.token.as_str());
        let add = |product: u64| {
            let body = format!(r#"{{"product_id":"own-{}","quantity":1}}"#, product % OWN);
            request("POST", "/api/v1/cart/items", token, &body)
        };
        let own = u64::try_from(number)?;
        let adds = [add(own), add(own + 17)];
        connection.exchange(&adds[0]).await?;
        let order = request("POST", "/api/v1/orders", token, ORDER);
        // Were all at the same step, all would order at once.
        let ahead = number * ROUND / usize::try_from(count)?;
        ways.push(way(number, ahead, looks.clone(), adds, order));
    }
    Ok(Offer::new(address, ways))
}

fn way(number: usize, ahead: usize, looks: Arc<Looks>, adds: [Request; 2], order: Request) -> Way {
    Arc::new(move |step| {
        let step = step + ahead;
        match step % ROUND {
            5 | 29 => (Kind::Change, adds[0].clone()),
            17 | 41 => (Kind::Change, adds[1].clone()),
            49 => (Kind::Order, order.clone()),
            _ => (Kind::Read, looks.at(step * 31 + number * 7_919)),
        }
    })
}

const ORDER: &str = r#"{"shipping_address": {"first_name": "Ann", "last_name": "Lee", "address1": "123 Main St", "city": "New York", "state": "NY", "postal_code": "10001", "country": "US"}, "payment_method_id": "pm_123"}"#;

/// Looks at the catalogue: three products for each page of the list and each search.
struct Looks {
    products: Vec<Request>,
    pages: Vec<Request>,
    /// Paths, each to be followed by a number.
    searches: Vec<String>,
    searched: AtomicU64,
}

impl Looks {
    fn new() -> Result<Self, Failure> {
        let all = "/api/v1/catalog/products";
        let catalogue = generated::catalogue(u64::try_from(PRODUCTS)?);
        let blocks = 0..catalogue.products() / RARE;
        let words = blocks.filter_map(|block| catalogue.rare_word(block));
        Ok(Self {
            products: (0..PRODUCTS)
                .map(|number| get(&format!("{all}/gen-{number:07}"), None))
                .collect(),
            pages: (1..=PRODUCTS / 20)
                .map(|page| get(&format!("{all}?page={page}"), None))
                .collect(),
            searches: words
                .map(|word| format!("{all}?keyword={word}&asked="))
                .collect(),
            searched: AtomicU64::new(0),
        })
    }

    /// Products and pages come again and again, and are answered with what was written before; no
    /// search is like another.
    fn at(&self, number: usize) -> Request {
        match number % 5 {
            0 => self.pages[number / 5 % self.pages.len()].clone(),
            1 => {
                let path = &self.searches[number / 5 % self.searches.len()];
                let asked = self.searched.fetch_add(1, Ordering::Relaxed);
                get(&format!("{path}{asked}"), None)
            }
            _ => self.products[number % PRODUCTS].clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fifty_requests_four_change_the_cart_and_one_orders_it() {
        let looks = Arc::new(Looks::new().unwrap());
        let nothing = get("/", None);
        let adds = [nothing.clone(), nothing.clone()];
        let way = way(3, 12, looks, adds, nothing);
        let count = |kind| (0..ROUND).filter(|step| way(*step).0 == kind).count();
        let counts = [Kind::Read, Kind::Change, Kind::Order].map(count);
        assert_eq!(counts, [45, 4, 1]);
    }
}
