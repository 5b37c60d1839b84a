use super::*;
use crate::domain::catalog::Status;

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Status";

fn csv(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[tokio::test]
async fn a_product_without_options() {
    let bench = Bench::new();
    let row = r#"blue-shirt,Blue Shirt,"<p>Soft &amp; <b>warm</b>, ""really"".</p>",North Mill,Shirts,"men, blue",true,Title,Default Title,,,,4,49.99,60,https://example.com/1.jpg,active"#;
    let image = "blue-shirt,,,,,,,,,,,,,,,https://example.com/2.jpg,";
    let (report, refused) = bench.csv(&csv(&[row, image])).await;
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(counts(&report, Kind::Brand), [1, 0, 0, 0]);
    assert_eq!(counts(&report, Kind::Category), [1, 0, 0, 0]);
    let product = bench.product("blue-shirt").await.unwrap();
    assert_eq!(product.description, "Soft & warm, \"really\".");
    assert_eq!(product.base_price.amount, 6_000);
    assert_eq!(product.sale_price.unwrap().amount, 4_999);
    assert_eq!(product.brand_id.unwrap().as_str(), "north-mill");
    assert_eq!(product.category_id.unwrap().as_str(), "shirts");
    assert_eq!(product.attributes["tags"], "men, blue");
    assert_eq!(product.images.len(), 2);
    assert_eq!(product.sku.as_str(), "blue-shirt");
    assert!(product.variants.is_empty());
    assert_eq!(bench.received("blue-shirt").await.available, 4);
}

#[tokio::test]
async fn rows_with_options_are_variants_with_their_own_price_and_stock() {
    let bench = Bench::new();
    let rows = [
        "top,Top,,,,,TRUE,Size,Small,Color,Dark Red,,1,60,,,",
        "top,,,,,,,,Large,,Dark Red,TOP-L,,55.5,55.50,,",
        "top,,,,,,,,Large,,Blue,,7,70,99.00,,",
        "top,,,,,,,,,,,,,,,https://example.com/2.jpg,",
        "cap,Cap,,,,,false,Size,One,,,,2,10,,,",
    ];
    let (_, refused) = bench.csv(&csv(&rows)).await;
    assert!(refused.is_empty(), "{refused:?}");
    let product = bench.product("top").await.unwrap();
    let variants: Vec<_> = product
        .variants
        .iter()
        .map(|v| (v.id.as_str(), v.sku.as_str(), v.name.as_str()))
        .collect();
    assert_eq!(
        variants,
        [
            ("small/dark-red", "top/small/dark-red", "Small / Dark Red"),
            ("large/dark-red", "TOP-L", "Large / Dark Red"),
            ("large/blue", "top/large/blue", "Large / Blue"),
        ]
    );
    assert_eq!(product.variants[2].attributes["Size"], "Large");
    assert_eq!(product.variants[2].attributes["Color"], "Blue");
    let prices: Vec<_> = product
        .variants
        .iter()
        .map(|v| (v.price.amount, v.sale_price.map(|p| p.amount)))
        .collect();
    assert_eq!(prices, [(6_000, None), (5_550, None), (9_900, Some(7_000))]);
    assert_eq!(
        (product.base_price.amount, product.sale_price),
        (5_550, None)
    );
    assert_eq!(bench.received("top/small/dark-red").await.available, 1);
    assert_eq!(bench.received("TOP-L").await.available, 0);
    assert_eq!(bench.received("top/large/blue").await.available, 7);
    let cap = bench.product("cap").await.unwrap();
    assert_eq!((cap.status, cap.variants.len()), (Status::Draft, 1));
}

#[tokio::test]
async fn importing_again_changes_nothing() {
    let bench = Bench::new();
    let text = csv(&[
        "a,A,,V,T,,true,Size,S,,,,1,60,,,",
        "a,,,,,,,,M,,,,2,60,,,",
        "b,B,,V,T,,true,Title,Default Title,,,,0,60,,,",
    ]);
    bench.csv(&text).await;
    bench.store.writes();
    bench.at(2_000);
    let (report, _) = bench.csv(&text).await;
    assert_eq!(bench.store.writes(), 0);
    assert_eq!(counts(&report, Kind::Product), [0, 0, 2, 0]);
    assert_eq!(counts(&report, Kind::Brand), [0, 0, 1, 0]);
    assert_eq!(counts(&report, Kind::Stock), [0, 0, 3, 0]);
}

#[tokio::test]
async fn a_brand_that_is_there_keeps_its_description() {
    let bench = Bench::new();
    bench
        .ndjson(r#"{"type":"brand","id":"v","name":"Vee","description":"Known"}"#)
        .await;
    bench.csv(&csv(&["a,A,,V,,,true,,,,,,1,60,,,"])).await;
    let brands = bench.store.brands(None, 9).await.unwrap();
    assert_eq!((brands.len(), brands[0].description.as_str()), (1, "Known"));
}

#[tokio::test]
async fn a_category_path_becomes_a_tree() {
    let bench = Bench::new();
    let text = "Handle,Title,Variant Price,Google Shopping / Google Product Category\na,A,1,Apparel & Accessories > Shirts\n";
    bench.csv(text).await;
    let categories = bench.store.categories(None, 9).await.unwrap();
    let of = |index: usize| {
        (
            categories[index].id.as_str(),
            categories[index].name.as_str(),
        )
    };
    assert_eq!(of(0), ("apparel-accessories", "Apparel & Accessories"));
    assert_eq!(of(1), ("apparel-accessories-shirts", "Shirts"));
    assert_eq!(categories[1].parent_id.as_ref(), Some(&categories[0].id));
    assert_eq!(
        bench.product("a").await.unwrap().category_id.as_ref(),
        Some(&categories[1].id)
    );
    assert_eq!(bench.received("a").await, StockLevel::default());
}

#[tokio::test]
async fn broken_rows_are_named_by_line_and_column_and_refuse_their_product() {
    let bench = Bench::new();
    let rows = [
        "ok,Fine,\"two\nlines\",,,,true,,,,,,1,60,,,",
        "a,A,,,,,true,,,,,,-3,60,,,",
        "b,B,,,,,true,,,,,,1,49.999,,,",
        "c,C,,,,,true,Size,S,,,,1,5,,,",
        "c,,,,,,,,M,,,,1,,,,",
        "d,,,,,,true,,,,,,1,60,,,",
        ",E,,,,,true,,,,,,1,60,,,",
        "f,F,,,,,true,,,,,,1,60,,,,,",
        "g,G,,,,,maybe,,,,,,1,60,,,",
        "h,H,,!!,,,true,,,,,,1,60,,,",
        "i,I,,,,,true,Size,S,,,,1,5,,,",
        "i,,,,,,,,s,,,,1,5,,,",
        "j,J,,,,,true,,,,,,1,5,x,,",
        "k,K,,,,,true,,,,,ok,1,5,,,",
        "ok,Again,,,,,true,,,,,,1,60,,,",
    ];
    let (report, refused) = bench.csv(&csv(&rows)).await;
    insta::assert_snapshot!(refused.join("\n"), @r"
    file.csv:4: column 13 (Variant Inventory Qty) must be a whole number from 0 to 4294967295
    file.csv:5: column 14 (Variant Price) must have at most 2 decimal places
    file.csv:7: column 14 (Variant Price) must be a decimal number such as 49.99
    file.csv:8: column 2 (Title) is required on a product's first row; its rows must stand together
    file.csv:9: column 1 (Handle) must not be empty
    file.csv:10: must have 17 columns, as the header has, not 19
    file.csv:11: column 7 (Published) must be true or false
    file.csv:12: column 4 (Vendor) must have a letter or digit
    file.csv:14: column 9 (Option1 Value) is s again: must differ among the variants
    file.csv:15: column 15 (Variant Compare At Price) must be a decimal number such as 49.99
    file.csv:16: uses SKU ok, as does the product on line 2
    file.csv:17: repeats the record on line 2
    ");
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 12]);
    assert_eq!(bench.store.products(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn lines_are_counted_with_any_line_end_blank_lines_and_a_byte_order_mark() {
    let text = "\u{feff}Handle,Title,Variant Price\n\na,A,1\n\n\nb,\"B\nB\",x\nc,C,\"y\"\nd,D,z";
    for text in [
        text.to_owned(),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
    ] {
        let (report, refused) = Bench::new().csv(&text).await;
        assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 3]);
        for (refusal, line) in refused.iter().zip([6, 8, 9]) {
            let place = format!("file.csv:{line}: column 3 (Variant Price) must be");
            assert!(refusal.starts_with(&place), "{refusal} in {text:?}");
        }
    }
}

#[tokio::test]
async fn columns_are_found_by_name_and_their_lack_is_one_error() {
    let bench = Bench::new();
    bench
        .csv("variant price,Extra,TITLE,Handle\n9,x,A,a\n")
        .await;
    assert_eq!(bench.product("a").await.unwrap().base_price.amount, 900);
    let run = bench.run(Format::ShopifyCsv, b"Handle,Price\n", Options::default());
    assert_eq!(
        run.await.unwrap_err().to_string(),
        "file.csv: is no Shopify product export: it lacks Title, Variant Price"
    );
}

#[tokio::test]
async fn prices_need_a_currency_and_follow_its_decimals() {
    let bench = Bench::new();
    let text = "Handle,Title,Variant Price\na,A,500\n";
    let run = bench.run(Format::ShopifyCsv, text.as_bytes(), Options::default());
    assert!(matches!(
        run.await.unwrap_err(),
        ImportError::NoCurrency { .. }
    ));
    let options = Options {
        currency: Currency::parse("JPY").ok(),
        ..Options::default()
    };
    let run = bench.run(Format::ShopifyCsv, text.as_bytes(), options);
    run.await.unwrap();
    assert_eq!(bench.product("a").await.unwrap().base_price.amount, 500);
}

#[tokio::test]
async fn a_lost_quote_ends_the_import_before_memory_does() {
    let bench = Bench::new();
    let text = format!(
        "Handle,Title,Variant Price\na,\"A,1\n{}",
        "b,B,2\n".repeat(400_000)
    );
    let options = Options {
        currency: Some(Currency::USD),
        ..Options::default()
    };
    let run = bench.run(Format::ShopifyCsv, text.as_bytes(), options);
    let error = run.await.unwrap_err().to_string();
    assert!(error.contains("is a quote missing?"), "{error}");
}

#[tokio::test]
async fn a_file_may_be_longer_than_a_row() {
    let filler = "x".repeat(19_000);
    let rows = (0..100).map(|n| format!("p{n},P,{filler},,,,true,,,,,,1,5,,,"));
    let text = format!("{HEADER}\n{}", rows.collect::<Vec<_>>().join("\n"));
    assert!(text.len() > MAX_RECORD);
    let (report, _) = Bench::new().csv(&text).await;
    assert_eq!(counts(&report, Kind::Product), [100, 0, 0, 0]);
}

#[tokio::test]
async fn text_must_be_utf_8() {
    let bench = Bench::new();
    let options = Options {
        currency: Some(Currency::USD),
        ..Options::default()
    };
    let text = b"Handle,Title,Variant Price\na,\xff,1\nb,B,2\n";
    let (report, refused) = bench.run(Format::ShopifyCsv, text, options).await.unwrap();
    assert_eq!(refused, ["file.csv:2: column 2 (Title) must be UTF-8"]);
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 1]);
}

#[tokio::test]
async fn more_than_200_variants_are_refused() {
    let bench = Bench::new();
    let rows = |count: usize| {
        let first = "a,A,,,,,true,Size,0,,,,1,5,,,".to_owned();
        let rest = (1..count).map(|n| format!("a,,,,,,,,{n},,,,1,5,,,"));
        let rows: Vec<_> = std::iter::once(first).chain(rest).collect();
        format!("{HEADER}\n{}\n", rows.join("\n"))
    };
    let (_, refused) = bench.csv(&rows(201)).await;
    assert_eq!(
        refused,
        ["file.csv:2: column 1 (Handle) must hold at most 200 variants, not 201"]
    );
    let (_, refused) = bench.csv(&rows(1_000)).await;
    assert_eq!(
        refused,
        ["file.csv:402: column 1 (Handle) must not name more than 400 rows"]
    );
    let (report, _) = bench.csv(&rows(200)).await;
    assert_eq!(counts(&report, Kind::Product), [1, 0, 0, 0]);
}
