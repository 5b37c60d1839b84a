use super::*;
use crate::domain::ids::PromotionCode;

const LAMP: &str = r#"{"type":"product","id":"p1","sku":"L","name":"Lamp","base_price":{"amount":100,"currency":"USD"},"stock":5}"#;

#[tokio::test]
async fn the_same_file_twice_writes_nothing() {
    let bench = Bench::new();
    demo::text(&bench).await;
    assert!(bench.store.writes() > 0);
    let before = bench.store.products(None, 256).await.unwrap();
    bench.at(9_000);
    let (report, refused) = demo::text(&bench).await;
    assert_eq!((bench.store.writes(), refused.len()), (0, 0));
    let total = report.total();
    assert_eq!((total.added, total.changed), (0, 0));
    assert!(total.unchanged > 60);
    assert_eq!(bench.store.products(None, 256).await.unwrap(), before);
}

#[tokio::test]
async fn a_changed_record_keeps_when_it_came_and_notes_when_it_changed() {
    let bench = Bench::new();
    bench.ndjson(LAMP).await;
    bench.at(2_000);
    let (report, _) = bench.ndjson(&LAMP.replace("Lamp", "Lantern")).await;
    assert_eq!(counts(&report, Kind::Product), [0, 1, 0, 0]);
    assert_eq!(counts(&report, Kind::Stock), [0, 0, 1, 0]);
    let product = bench.product("p1").await.unwrap();
    assert_eq!(product.name, "Lantern");
    assert_eq!(
        (product.created_at, product.updated_at),
        (Timestamp(1_000), Timestamp(2_000))
    );
    bench.at(3_000);
    bench.ndjson(&LAMP.replace("Lamp", "Lantern")).await;
    assert_eq!(bench.product("p1").await.unwrap(), product);
}

#[tokio::test]
async fn stock_follows_what_was_received_and_never_falls_below_what_is_gone() {
    let bench = Bench::new();
    bench.ndjson(LAMP).await;
    let key = StockKey::Sku(Sku::parse("L").unwrap());
    bench.store.sell(key.clone()).await;
    bench.store.sell(key).await;
    let stock = |received| format!(r#"{{"type":"stock","sku":"L","received":{received}}}"#);
    let (report, _) = bench.ndjson(&stock(9)).await;
    assert_eq!(counts(&report, Kind::Stock), [0, 1, 0, 0]);
    let level = bench.received("L").await;
    assert_eq!((level.received, level.available, level.sold), (9, 7, 2));
    let (report, refused) = bench.ndjson(&format!("\n{}", stock(1))).await;
    assert_eq!(counts(&report, Kind::Stock), [0, 0, 0, 1]);
    assert_eq!(
        refused,
        ["file.ndjson:2: received must be at least 2: so many of sku:L are held or sold"]
    );
    assert_eq!(bench.received("L").await, level);
    bench.ndjson(&stock(2)).await;
    assert_eq!(bench.received("L").await.available, 0);
}

#[tokio::test]
async fn sales_between_reading_and_writing_stock_are_kept() {
    let bench = Bench::new();
    bench.ndjson(LAMP).await;
    bench.store.sell_before(3);
    bench
        .ndjson(&LAMP.replace("\"stock\":5", "\"stock\":8"))
        .await;
    let level = bench.received("L").await;
    assert_eq!((level.received, level.available, level.sold), (8, 5, 3));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_repeated() {
    let bench = Bench::new();
    bench.store.lose(3);
    let (report, _) = bench.ndjson(LAMP).await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
    bench.store.lose(100);
    let changed = LAMP.replace("Lamp", "Lantern");
    let run = bench.run(Format::Ndjson, changed.as_bytes(), Options::default());
    let error = run.await.unwrap_err();
    assert!(matches!(
        error,
        ImportError::Store(store::Error::Unknown(_))
    ));
}

#[tokio::test]
async fn large_files_are_written_in_batches_of_at_most_256() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..1_000)
        .map(|n| {
            LAMP.replace("p1", &format!("p{n}"))
                .replace("\"L\"", &format!("\"L{n}\""))
        })
        .collect();
    let text = lines.join("\n");
    let (report, _) = bench.ndjson(&text.replace(",\"stock\":5", "")).await;
    assert_eq!(counts(&report, Kind::Product), [1_000, 0, 0, 0]);
    assert_eq!(bench.store.largest(), 256);
    let (report, _) = bench.ndjson(&text).await;
    assert_eq!(counts(&report, Kind::Product), [0, 0, 1_000, 0]);
    assert_eq!(counts(&report, Kind::Stock), [1_000, 0, 0, 0]);
    assert_eq!(bench.received("L999").await.available, 5);
    let view = crate::catalog::Live::load(&bench.store)
        .await
        .unwrap()
        .current();
    let listing = view.snapshot.listing();
    let mut ids: Vec<_> = listing.page(0, 2_000).map(|product| &product.id).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!((ids.len(), listing.total()), (1_000, 1_000));
}

#[tokio::test]
async fn a_shop_has_one_currency() {
    let bench = Bench::new();
    let euro = LAMP
        .replace("USD", "EUR")
        .replace("p1", "p2")
        .replace("\"L\"", "\"M\"");
    let (report, refused) = bench.ndjson(&format!("{LAMP}\n{euro}")).await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 1]);
    assert_eq!(
        refused,
        ["file.ndjson:2: base_price.currency must be USD: a shop has one currency"]
    );
    assert_eq!(
        bench.store.shop().await.unwrap().currency,
        Some(Currency::USD)
    );
    let (_, refused) = bench.ndjson(&euro).await;
    assert_eq!(refused.len(), 1);
    let options = Options {
        currency: Currency::parse("EUR").ok(),
        ..Options::default()
    };
    let run = bench.run(Format::ShopifyCsv, b"Handle,Title,Variant Price\n", options);
    assert_eq!(
        run.await.unwrap_err().to_string(),
        "file.csv: is in EUR, but the shop's currency is USD"
    );
}

#[tokio::test]
async fn a_record_given_twice_or_a_sku_of_two_products_is_refused() {
    let bench = Bench::new();
    let again = LAMP.replace("Lamp", "Again");
    let same_sku = LAMP.replace("p1", "p2");
    let stock = r#"{"type":"stock","sku":"L","received":7}"#;
    let (report, refused) = bench
        .ndjson(&format!("{LAMP}\n{again}\n\n{same_sku}\n{stock}\n"))
        .await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 2]);
    insta::assert_snapshot!(refused.join("\n"), @r"
    file.ndjson:2: repeats the record on line 1
    file.ndjson:4: uses SKU L, as does the product on line 1
    file.ndjson:5: received repeats the stock of sku:L, given on line 1
    ");
    assert_eq!(bench.received("L").await.received, 5);
}

#[tokio::test]
async fn on_request_the_import_stops_at_the_first_refusal() {
    let bench = Bench::new();
    let later = LAMP.replace("p1", "p2").replace("\"L\"", "\"M\"");
    let text = format!("{LAMP}\n{{}}\n{later}\n");
    let options = Options {
        on_error: OnError::Stop,
        ..Options::default()
    };
    let run = bench.run(Format::Ndjson, text.as_bytes(), options);
    let (report, refused) = run.await.unwrap();
    assert!(report.stopped);
    assert_eq!(refused, ["file.ndjson:2: type is required"]);
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
    assert!(bench.product("p2").await.is_none());
    assert_eq!(bench.received("L").await.received, 5);
}

#[tokio::test]
async fn a_promotions_total_limit_is_stock() {
    let bench = Bench::new();
    let text = r#"{"type":"promotion","code":"first","amount":{"amount":500,"currency":"USD"},"limit_total":20}"#;
    let (report, _) = bench.ndjson(text).await;
    assert_eq!(counts(&report, Kind::Promotion), [1, 0, 0, 0]);
    let key = StockKey::Promotion(PromotionCode::parse("FIRST").unwrap());
    assert_eq!(bench.store.stock(key).await.unwrap().value.available, 20);
}

#[tokio::test]
async fn a_product_with_the_sku_of_another_that_is_stored_is_refused() {
    let bench = Bench::new();
    bench.ndjson(LAMP).await;
    let other = LAMP
        .replace("p1", "p2")
        .replace("\"stock\":5", "\"stock\":9");
    let (report, refused) = bench.ndjson(&format!("\n{other}")).await;
    assert_eq!(
        refused,
        ["file.ndjson:2: uses SKU L, as does the stored product p1"]
    );
    assert_eq!(counts(&report, Kind::Product), [0, 0, 0, 1]);
    assert_eq!(counts(&report, Kind::Stock), [0; 4]);
    assert!(bench.product("p2").await.is_none());
    assert_eq!(bench.received("L").await.received, 5);

    let csv = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty,Option1 Name,Option1 Value\n\
        lamps,Lamps,L1,1,7,Size,S\nlamps,,L,1,8,Size,M\n";
    let (_, refused) = bench.csv(csv).await;
    assert_eq!(
        refused,
        ["file.csv:2: uses SKU L, as does the stored product p1"]
    );
    assert_eq!(bench.received("L").await.received, 5);
    assert_eq!(bench.received("L1").await.received, 0);
}

#[tokio::test]
async fn a_sku_that_one_product_gives_up_another_can_have() {
    let bench = Bench::new();
    bench.ndjson(LAMP).await;
    let without_stock = |id: &str, sku: &str| {
        let lamp = LAMP.replace(",\"stock\":5", "").replace("p1", id);
        lamp.replace("\"L\"", &format!("\"{sku}\""))
    };
    let moved = format!("{}\n{}", without_stock("p1", "M"), without_stock("p2", "L"));
    assert_eq!(bench.ndjson(&moved).await.1, [""; 0]);
    bench.store.writes();
    let (_, refused) = bench.ndjson(&moved).await;
    assert_eq!((bench.store.writes(), refused.len()), (0, 0));
    // In the other order the first of them finds its SKU taken.
    let back = format!("{}\n{}", without_stock("p1", "L"), without_stock("p2", "M"));
    let (_, refused) = bench.ndjson(&back).await;
    assert_eq!(
        refused,
        [
            "file.ndjson:1: uses SKU L, as does the stored product p2",
            "file.ndjson:2: uses SKU M, as does the stored product p1",
        ]
    );
}
