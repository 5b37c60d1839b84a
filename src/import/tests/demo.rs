use super::*;
use crate::catalog::search::Keywords;
use crate::catalog::{Found, Live, View};
use crate::domain::catalog::Catalog;
use crate::domain::ids::CategoryId;
use crate::domain::money::Rate;
use crate::domain::shop::Discount;
use std::collections::HashSet;

/// Imports the demo catalogue, telling what is refused.
pub(super) async fn text(bench: &Bench) -> (Report, Vec<String>) {
    bench.ndjson(include_str!("../demo.ndjson")).await
}

#[tokio::test]
async fn it_loads_whole_and_only_into_an_empty_store() {
    let bench = Bench::new();
    let loaded = crate::import::demo::load_into_empty(&bench.store, &bench.sources);
    let report = loaded.await.unwrap().unwrap();
    insta::assert_snapshot!(report, @r"
    category: 8 added, 0 changed, 0 unchanged, 0 refused
    brand: 6 added, 0 changed, 0 unchanged, 0 refused
    product: 42 added, 0 changed, 0 unchanged, 0 refused
    stock: 57 added, 0 changed, 2 unchanged, 0 refused
    tax_rate: 1 added, 0 changed, 0 unchanged, 0 refused
    shipping_method: 2 added, 0 changed, 0 unchanged, 0 refused
    promotion: 1 added, 0 changed, 0 unchanged, 0 refused
    ");
    let again = crate::import::demo::load_into_empty(&bench.store, &bench.sources);
    assert_eq!(again.await.unwrap(), None);
}

#[tokio::test]
async fn its_records_agree_with_each_other() {
    let bench = Bench::new();
    text(&bench).await;
    let view = Live::load(&bench.store).await.unwrap().current();
    let snapshot = &view.snapshot;
    let brands: HashSet<_> = snapshot.brands().iter().map(|brand| &brand.id).collect();
    let mut skus = HashSet::new();
    for product in snapshot.listing().page(0, usize::MAX) {
        assert!(brands.contains(product.brand_id.as_ref().unwrap()));
        assert!(
            snapshot
                .category(product.category_id.as_ref().unwrap())
                .is_some()
        );
        assert!(product.description.len() > 20 && !product.images.is_empty());
        assert!(skus.insert(product.sku.clone()));
        for variant in &product.variants {
            assert!(skus.insert(variant.sku.clone()));
        }
    }
    for category in snapshot.categories() {
        let parent = category.parent_id.as_ref();
        assert!(parent.is_none_or(|parent| snapshot.category(parent).is_some()));
        assert!(snapshot.category(&category.id).unwrap().total() > 0);
    }
    let total = |id| {
        snapshot
            .category(&CategoryId::parse(id).unwrap())
            .unwrap()
            .total()
    };
    assert_eq!(
        (total("cat-1"), total("cat-4"), total("cat-5")),
        (24, 7, 10)
    );
    assert_eq!(bench.received("RADIO-001").await.available, 0);
}

#[tokio::test]
async fn the_first_product_and_the_shops_data_are_those_of_the_examples() {
    let bench = Bench::new();
    text(&bench).await;
    let live = Live::load(&bench.store).await.unwrap();
    let view = live.current();
    let laptop = ProductId::parse("prod-1").unwrap();
    let laptop = view.snapshot.product(&laptop).unwrap();
    assert_eq!(laptop.name, "Professional Laptop");
    assert_eq!(
        (laptop.sku.as_str(), laptop.base_price.amount),
        ("LAPTOP-001", 99_999)
    );
    assert_eq!(laptop.sale_price, None);
    assert_eq!(bench.received("LAPTOP-001").await.available, 50);
    assert!(find(&view, "lap").total >= 3);
    let shop = view.snapshot.shop();
    let methods: Vec<_> = shop
        .shipping_methods
        .iter()
        .map(|method| method.id.as_str())
        .collect();
    assert_eq!(methods, ["ship_standard", "ship_express"]);
    assert_eq!(shop.tax_rates[0].rate, Rate(87_500));
    let promotion = shop.promotions.values().next().unwrap();
    assert_eq!(promotion.code.as_str(), "SAVE10");
    assert_eq!(promotion.discount, Discount::Percent(Rate(100_000)));
}

#[tokio::test]
async fn what_is_imported_shows_and_earlier_views_stay_as_they_were() {
    let bench = Bench::new();
    text(&bench).await;
    let live = Live::load(&bench.store).await.unwrap();
    let before = live.current();
    bench.at(5_000);
    let new = r#"{"type":"product","id":"new","sku":"NEW","name":"Zeppelin","base_price":{"amount":1,"currency":"USD"}}"#;
    bench.ndjson(new).await;
    live.follow(&bench.store).await.unwrap();
    let after = live.current();
    assert_eq!(find(&after, "zepp").products[0].id.as_str(), "new");
    let first = after.snapshot.listing().page(0, 1).next();
    assert_eq!(first.unwrap().id.as_str(), "new");
    assert_eq!(find(&before, "zepp").total, 0);
    assert_eq!(
        before.snapshot.listing().total() + 1,
        after.snapshot.listing().total()
    );
}

fn find(view: &View, text: &str) -> Found {
    view.find(&Keywords::parse(text).unwrap(), 0, 20).unwrap()
}
