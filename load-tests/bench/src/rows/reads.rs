//! Reads over HTTP by 64 connections, against bare warp routes that give the same bodies.

use crate::Failure;
use crate::data::Disk;
use crate::generated;
use crate::measure::{Row, Sample};
use crate::served::{Customer, SECRET, Served, customers, routes};
use crate::wire::{Clients, Connection, Meanwhile, Request, Script, cycle, get, request};
use crate::world::CLIENTS;
use async_trait::async_trait;
use bytes::Bytes;
use cartwright::import::generate::RARE;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

/// Products of the shop.
const PRODUCTS: u64 = 1_000;
/// Pages of 20 that are asked for.
const PAGES: u64 = PRODUCTS / 20;
/// Lines of each cart.
const LINES: u64 = 3;

/// Two servers, and what both are asked for.
pub(crate) struct Reads {
    product: Clients,
    bare: Clients,
    _servers: (Served, Served),
    _disk: Disk,
}

/// Bodies by whatever a bare route finds them by.
type Bodies<K> = Arc<HashMap<K, Bytes>>;

impl Reads {
    /// Single products.
    pub(crate) async fn product(dir: &Path) -> Result<Self, Failure> {
        let shop = Shop::open(dir).await?;
        let mut bodies = HashMap::new();
        let mut requests = Vec::new();
        for product in 0..PRODUCTS {
            let id = product_id(product);
            let request = get(&format!("/api/v1/catalog/products/{id}"), None);
            bodies.insert(id, shop.answer(&request).await?);
            requests.push(request);
        }
        let bodies = Arc::new(bodies);
        let bare = warp::path!("api" / "v1" / "catalog" / "products" / String)
            .map(move |id: String| found(bodies.get(&id)));
        shop.against(routes(bare), &requests[0], shared(&requests))
            .await
    }

    /// Pages of 20.
    pub(crate) async fn list(dir: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Page {
            page: u64,
        }
        let shop = Shop::open(dir).await?;
        let mut bodies = HashMap::new();
        let mut requests = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/api/v1/catalog/products?page={page}&page_size=20");
            let request = get(&path, None);
            bodies.insert(page, shop.answer(&request).await?);
            requests.push(request);
        }
        let bodies: Bodies<u64> = Arc::new(bodies);
        let bare = warp::path!("api" / "v1" / "catalog" / "products")
            .and(warp::query::<Page>())
            .map(move |Page { page }| found(bodies.get(&page)));
        shop.against(routes(bare), &requests[0], shared(&requests))
            .await
    }

    /// Searches with 20 matches. No request is like another, so that none is answered with what was
    /// written for an earlier one.
    pub(crate) async fn search(dir: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Search {
            keyword: String,
        }
        const { assert!(RARE == 20, "the name says so") };
        let (shop, catalogue) = (Shop::open(dir).await?, generated::catalogue(PRODUCTS));
        let mut bodies = HashMap::new();
        let mut paths = Vec::new();
        for block in 0..PRODUCTS / RARE {
            let word = catalogue.rare_word(block).ok_or("too few products")?;
            let path = format!("/api/v1/catalog/products?page_size=20&keyword={word}");
            bodies.insert(word, shop.answer(&get(&path, None)).await?);
            paths.push(path);
        }
        let bodies: Bodies<String> = Arc::new(bodies);
        let bare = warp::path!("api" / "v1" / "catalog" / "products")
            .and(warp::query::<Search>())
            .map(move |Search { keyword }| found(bodies.get(&keyword)));
        let first = get(&paths[0], None);
        shop.against(routes(bare), &first, unlike(paths)).await
    }

    /// Everybody's own cart, behind an access token.
    pub(crate) async fn cart(dir: &Path) -> Result<Self, Failure> {
        let shop = Shop::open(dir).await?;
        let mut bodies = HashMap::new();
        let mut requests = Vec::new();
        for customer in customers(shop.served.address, CLIENTS).await? {
            fill(&shop, &customer).await?;
            let request = get("/api/v1/cart", Some(&customer.token));
            bodies.insert(customer.id, shop.answer(&request).await?);
            requests.push(request);
        }
        let first = requests[0].clone();
        let scripts = requests.into_iter().map(|request| cycle(vec![request]));
        let bare = bare_cart(Arc::new(bodies));
        shop.against(bare, &first, scripts.collect()).await
    }
}

/// A cart's body for whoever has a token that holds.
fn bare_cart(bodies: Bodies<String>) -> BoxedFilter<(Response,)> {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["cartwright"]);
    validation.set_audience(&["cartwright"]);
    let checked = Arc::new((key, validation));
    let bare = warp::path!("api" / "v1" / "cart")
        .and(warp::header::<String>("authorization"))
        .map(move |header: String| {
            let token = header.strip_prefix("Bearer ").unwrap_or_default();
            match jsonwebtoken::decode::<Claims>(token, &checked.0, &checked.1) {
                Ok(token) => found(bodies.get(&token.claims.sub)),
                Err(_) => found(None),
            }
        });
    routes(bare)
}

/// As the generator numbers them.
fn product_id(number: u64) -> String {
    format!("gen-{number:07}")
}

async fn fill(shop: &Shop, customer: &Customer) -> Result<(), Failure> {
    for line in 0..LINES {
        let product = product_id(line);
        let body = format!(r#"{{"product_id":"{product}","quantity":1}}"#);
        let path = "/api/v1/cart/items";
        let add = request("POST", path, Some(&customer.token), &body);
        shop.answer(&add).await?;
    }
    Ok(())
}

/// A JSON body, or what makes the bench fail.
fn found(body: Option<&Bytes>) -> Response {
    let mut response = Response::new(body.cloned().unwrap_or_default().into());
    if body.is_none() {
        *response.status_mut() = warp::http::StatusCode::NOT_FOUND;
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Every client asks for all of it, each beginning elsewhere.
fn shared(requests: &[Request]) -> Vec<Script> {
    const { assert!(CLIENTS == 64, "the names say so") };
    let clients = 0..usize::try_from(CLIENTS).unwrap_or_default();
    clients
        .map(|client| {
            let mut requests = requests.to_vec();
            let middle = client * requests.len() / 64;
            requests.rotate_left(middle);
            cycle(requests)
        })
        .collect()
}

/// Every client asks for the next, marked by a number which the server ignores.
fn unlike(paths: Vec<String>) -> Vec<Script> {
    let next = AtomicU64::new(0);
    let script: Script = Arc::new(move |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let path = usize::try_from(number).unwrap_or_default() % paths.len();
        get(&format!("{}&asked={number}", paths[path]), None)
    });
    (0..CLIENTS).map(|_| script.clone()).collect()
}

/// The product with a shop of [`PRODUCTS`].
struct Shop {
    served: Served,
    disk: Disk,
}

impl Shop {
    async fn open(dir: &Path) -> Result<Self, Failure> {
        let disk = Disk::generated(dir, &generated::catalogue(PRODUCTS)).await?;
        let served = Served::product(disk.opened()).await?;
        Ok(Self { served, disk })
    }

    async fn answer(&self, request: &[u8]) -> Result<Bytes, Failure> {
        let mut connection = Connection::open(self.served.address).await?;
        Ok(Bytes::copy_from_slice(connection.exchange(request).await?))
    }

    async fn against(
        self,
        bare: BoxedFilter<(Response,)>,
        first: &Request,
        scripts: Vec<Script>,
    ) -> Result<Reads, Failure> {
        let bare = Served::bare(bare).await?;
        let clients = |address| Clients {
            address,
            scripts: scripts.clone(),
            meanwhile: Meanwhile::Look,
        };
        let (product, plain) = (clients(self.served.address), clients(bare.address));
        let mut connection = Connection::open(bare.address).await?;
        if connection.exchange(first).await? != self.answer(first).await? {
            return Err("the bare route gives another body".into());
        }
        Ok(Reads {
            product,
            bare: plain,
            _servers: (self.served, bare),
            _disk: self.disk,
        })
    }
}

#[async_trait]
impl Row for Reads {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        self.bare.run(end).await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        self.product.run(end).await
    }
}
