use super::*;
use crate::domain::catalog::Status;
use crate::domain::ids::PromotionCode;
use crate::domain::shop::Discount;

async fn refusal(line: &str) -> String {
    let (report, refused) = Bench::new().ndjson(line).await;
    assert_eq!((report.total().refused, refused.len()), (1, 1), "{line}");
    refused[0]
        .strip_prefix("file.ndjson:1: ")
        .unwrap()
        .to_owned()
}

fn product(with: &str) -> String {
    format!(
        r#"{{"type":"product","id":"p","sku":"S","name":"N","base_price":{{"amount":100,"currency":"USD"}}{with}}}"#
    )
}

#[tokio::test]
async fn every_field_of_a_product_is_read() {
    let bench = Bench::new();
    let text = product(
        r#","description":"D","sale_price":{"amount":90,"currency":"usd"},"status":"draft","brand_id":"b","category_id":"nowhere","images":["https://example.com/1.jpg"],"attributes":{"color":"red"},"variants":[{"id":"s","sku":"S-S","name":"Small","price":{"amount":70,"currency":"USD"},"sale_price":null,"attributes":{"size":"S"},"stock":3}]"#,
    );
    let (report, _) = bench.ndjson(&format!("\u{feff}{text}\r\n\r\n")).await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
    let product = bench.product("p").await.unwrap();
    assert_eq!(product.sale_price.unwrap().amount, 90);
    assert_eq!(product.status, Status::Draft);
    assert_eq!(product.category_id.unwrap().as_str(), "nowhere");
    assert_eq!(product.images, ["https://example.com/1.jpg"]);
    assert_eq!(product.attributes["color"], "red");
    let variant = &product.variants[0];
    assert_eq!((variant.name.as_str(), variant.price.amount), ("Small", 70));
    assert_eq!(bench.received("S-S").await.available, 3);
}

#[tokio::test]
async fn the_shops_data_is_read() {
    let bench = Bench::new();
    let (_, refused) = bench
        .ndjson(concat!(
            r#"{"type":"tax_rate","country":"us","state":"ny","rate":"8.75"}"#,
            "\n",
            r#"{"type":"shipping_method","id":"fast","name":"Fast","price":{"amount":900,"currency":"EUR"},"free_from":{"amount":5000,"currency":"EUR"},"position":2}"#,
            "\n",
            r#"{"type":"promotion","code":"may","percent":"12.5","minimum_subtotal":{"amount":1000,"currency":"EUR"},"valid_from":"2025-05-01T00:00:00Z","valid_until":"2025-06-01T00:00:00+02:00","limit_per_user":1}"#,
        ))
        .await;
    assert!(refused.is_empty(), "{refused:?}");
    let shop = bench.store.shop().await.unwrap();
    assert_eq!(shop.tax_rates[0].state.as_deref(), Some("NY"));
    assert_eq!(shop.shipping_methods[0].free_from.unwrap().amount, 5_000);
    let promotion = &shop.promotions[&PromotionCode::parse("MAY").unwrap()];
    assert!(matches!(promotion.discount, Discount::Percent(rate) if rate.0 == 125_000));
    assert_eq!(promotion.valid_from, Some(Timestamp(1_746_057_600_000)));
    assert_eq!(promotion.valid_until, Some(Timestamp(1_748_728_800_000)));
    assert_eq!(
        (promotion.limit_total, promotion.limit_per_user),
        (None, Some(1))
    );
}

#[tokio::test]
async fn a_state_is_stored_as_addresses_have_it() {
    let rate = |country, state| {
        format!(r#"{{"type":"tax_rate","country":"{country}","state":"{state}","rate":"1"}}"#)
    };
    let bench = Bench::new();
    let lines = [
        rate("us", "new york"),
        rate("CA", "CA-QC"),
        rate("de", "Bayern"),
    ];
    bench.ndjson(&lines.join("\n")).await;
    let shop = bench.store.shop().await.unwrap();
    let mut states: Vec<_> = shop
        .tax_rates
        .iter()
        .map(|rate| rate.state.as_deref())
        .collect();
    states.sort_unstable();
    assert_eq!(states, [Some("BAYERN"), Some("NY"), Some("QC")]);
    assert_eq!(
        refusal(&rate("US", "Nowhere")).await,
        "state must be the ISO 3166-2 code or the English name of one of US"
    );
}

#[tokio::test]
async fn malformed_json_is_named_by_column() {
    assert_eq!(refusal(r#"{"type": }"#).await, "column 10: expected value");
    assert_eq!(refusal("[]").await, "must be a JSON object");
    assert!(
        refusal(r#"{"type":"stock""#)
            .await
            .starts_with("column 15: EOF")
    );
}

#[tokio::test]
async fn flaws_are_named_by_field() {
    let cases = [
        (
            r#"{"type":"thing"}"#.to_owned(),
            "type must be category, brand, product, stock, tax_rate, shipping_method or promotion",
        ),
        (
            product(r#","sale_prise":{}"#),
            "sale_prise is unknown: no such field in this record",
        ),
        (
            product(r#","base_price":{"amount":9.5,"currency":"USD"}"#),
            "base_price.amount must be a whole number of minor units",
        ),
        (
            product(r#","base_price":{"amount":-1,"currency":"USD"}"#),
            "base_price.amount must be from 0 to 10000000000000",
        ),
        (
            product(r#","base_price":{"amount":1,"currency":"DOLLAR"}"#),
            "base_price.currency must be an ISO 4217 currency code of three letters",
        ),
        (product(r#","base_price":null"#), "base_price is required"),
        (
            product(r#","sale_price":{"amount":101,"currency":"USD"}"#),
            "sale_price must not be above base_price",
        ),
        (
            product(r#","name":" ""#),
            "name must have 1 to 500 characters",
        ),
        (product(r#","sku":"""#), "sku must not be empty"),
        (
            product(r#","status":"gone""#),
            "status must be active, draft or archived",
        ),
        (
            product(r#","images":["a",7]"#),
            "images[1] must be a string",
        ),
        (
            product(r#","attributes":{"a":1}"#),
            "attributes.a must be a string",
        ),
        (
            product(r#","stock":-1"#),
            "stock must be a whole number from 0 to 4294967295",
        ),
        (
            product(r#","variants":[{"id":"a","sku":"A","name":"A","price":{"amount":1}}]"#),
            "variants[0].price.currency is required",
        ),
        (
            r#"{"type":"stock","sku":"A"}"#.to_owned(),
            "received is required",
        ),
        (
            r#"{"type":"tax_rate","country":"USA","rate":"1"}"#.to_owned(),
            "country must be an ISO 3166-1 code of two letters",
        ),
        (
            r#"{"type":"tax_rate","country":"US","rate":8.75}"#.to_owned(),
            "rate must be a string",
        ),
        (
            r#"{"type":"tax_rate","country":"US","rate":"8.75%"}"#.to_owned(),
            "rate must be a decimal number such as 49.99",
        ),
        (
            r#"{"type":"promotion","code":"A"}"#.to_owned(),
            "percent or amount must be given, and not both",
        ),
        (
            r#"{"type":"promotion","code":"A","percent":"1","valid_from":"1 May"}"#.to_owned(),
            "valid_from must be a time such as 2025-01-18T10:00:00Z",
        ),
        (
            r#"{"type":"category","id":"c","name":"C","active":"yes"}"#.to_owned(),
            "active must be true or false",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(refusal(&line).await, expected, "{line}");
    }
}

#[tokio::test]
async fn variants_must_differ_and_have_the_stock() {
    let variant = |id: &str, sku: &str| {
        format!(
            r#"{{"id":"{id}","sku":"{sku}","name":"V","price":{{"amount":1,"currency":"USD"}}}}"#
        )
    };
    let two = |a: String, b: String| product(&format!(r#","variants":[{a},{b}]"#));
    assert_eq!(
        refusal(&two(variant("a", "A"), variant("a", "B"))).await,
        "variants[1].id is a again: must differ among the variants"
    );
    assert_eq!(
        refusal(&two(variant("a", "A"), variant("b", "A"))).await,
        "variants[1].sku is A again: must differ among the variants"
    );
    let with_stock = product(&format!(r#","stock":1,"variants":[{}]"#, variant("a", "A")));
    assert_eq!(
        refusal(&with_stock).await,
        "stock must be given for each variant instead"
    );
}

#[tokio::test]
async fn limits_hold_to_the_unit() {
    let described = |length| product(&format!(r#","description":"{}""#, "é".repeat(length)));
    let (report, _) = Bench::new().ndjson(&described(20_000)).await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
    assert_eq!(
        refusal(&described(20_001)).await,
        "description must have at most 20000 characters"
    );
    let pictured = |count| product(&format!(r#","images":{:?}"#, vec!["x"; count]));
    assert_eq!(Bench::new().ndjson(&pictured(50)).await.1.len(), 0);
    assert_eq!(
        refusal(&pictured(51)).await,
        "images must hold at most 50 images, not 51"
    );
}

#[tokio::test]
async fn a_line_without_end_is_refused_and_the_next_is_read() {
    let bench = Bench::new();
    let long = product(&format!(r#","description":"{}""#, "x".repeat(MAX_RECORD)));
    let text = format!("{long}\n{}", product(""));
    let (report, refused) = bench.ndjson(&text).await;
    assert_eq!(refused, ["file.ndjson:1: must be at most 1048576 bytes"]);
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
}
