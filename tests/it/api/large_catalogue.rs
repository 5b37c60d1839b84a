//! A catalogue that is large, and one that changes while it is served.

use super::client::Answer;
use crate::app::TestApp;
use cartwright::import::generate::{Generator, RARE};
use cartwright::sources::SystemClock;
use cartwright::store::memory::MemoryStore;
use cartwright::store::{CatalogKey, CatalogRow, Catalogs};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Half of them are more than a search may read at once.
const PRODUCTS: u64 = 10_000;

async fn store_of(generator: &Generator) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let rows: Vec<_> = generator.records().map(|one| one.unwrap().row).collect();
    for some in rows.chunks(256) {
        store.put_catalog(some.to_vec()).await.unwrap();
    }
    store
}

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.request(Method::GET, path)).await
}

#[tokio::test]
async fn a_storm_of_broad_searches_leaves_selective_ones_alone_and_every_total_is_exact() {
    let generator = Generator::new(7, PRODUCTS);
    let app = TestApp::over(store_of(&generator).await, &["--demo-catalog", "off"]).await;
    let (half, matches) = generator.half_word();
    let broad = (0..150).map(|n| {
        let path = format!("/api/v1/catalog/products?keyword={half}&page_size=1&n={n}");
        let app = &app;
        async move { get(app, &path).await }
    });
    let selective = (0..40).map(|block| {
        let word = generator.rare_word(block).unwrap();
        let path = format!("/api/v1/catalog/products?keyword={word}");
        let app = &app;
        async move { get(app, &path).await }
    });
    let (broad, selective) = tokio::join!(join_all(broad), join_all(selective));
    for answer in selective {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["meta"]["total_items"], RARE);
    }
    let mut answered = 0;
    for answer in broad {
        if answer.status == 200 {
            assert_eq!(answer.json()["meta"]["total_items"], matches);
            answered += 1;
        } else {
            assert_eq!(answer.refusal(), (503, "overloaded".to_owned()));
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    assert!(answered > 0, "the pool answers what it takes");
}

#[tokio::test]
async fn a_change_of_the_catalogue_reaches_a_server_that_runs_and_what_it_wrote_before_is_void() {
    let generator = Generator::new(7, 20);
    let store = store_of(&generator).await;
    let app = TestApp::over(store.clone(), &["--demo-catalog", "off"]).await;
    let path = "/api/v1/catalog/products/gen-0000000";
    let before = get(&app, path).await;
    assert_eq!(get(&app, path).await.text, before.text);
    let id = cartwright::domain::ids::ProductId::parse("gen-0000000").unwrap();
    let rows = store.catalog_rows(vec![CatalogKey::Product(id)]).await;
    let Some(CatalogRow::Product(mut product)) = rows.unwrap().remove(0) else {
        panic!("the product is stored");
    };
    product.name = "Another name".to_owned();
    store
        .put_catalog(vec![CatalogRow::Product(product)])
        .await
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let after = loop {
        let answer = get(&app, path).await;
        if answer.text != before.text {
            break answer;
        }
        assert!(Instant::now() < patience, "the change never came");
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(after.data()["name"], json!("Another name"));
    assert_ne!(after.header("etag"), before.header("etag"));
    let listed = get(&app, "/api/v1/catalog/products?keyword=another").await;
    assert_eq!(listed.json()["meta"]["total_items"], 1);
}
