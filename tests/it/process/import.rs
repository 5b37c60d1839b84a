//! `cartwright import`: a shop from a Shopify export, and what is said of one that is broken.

use super::api::Api;
use super::binary::{Finished, Shop, cartwright, finish};
use cartwright::import::generate::{Generator, RARE};
use serde_json::{Value, json};

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,\
                      Variant SKU,Variant Inventory Qty,Variant Price,Variant Compare At Price,Status";

/// A file of these rows.
fn csv(rows: &[&str]) -> String {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!("{HEADER}\n{rows}")
}

/// Three products of which there is one unit each, one of them in two sizes.
const ROWS: [&str; 4] = [
    "blue-shirt,Blue Shirt,<p>Soft &amp; warm</p>,North Mill,Shirts,true,Title,Default Title,,1,49.99,60.00,active",
    "oak-lamp,Oak Lamp,,Bright Works,Lamps,true,Title,Default Title,LAMP-1,1,120,,active",
    "wool-hat,Wool Hat,Warm,North Mill,Hats,true,Size,Small,HAT-S,1,25.50,,active",
    "wool-hat,,,,,,,Large,HAT-L,1,25.50,,",
];

#[tokio::test]
async fn a_shopify_export_becomes_a_shop_that_sells_what_it_has() {
    let shop = Shop::new();
    let file = shop.write("export.csv", &csv(&ROWS));
    let first = shop.import(&file, &["--currency", "EUR"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let name = file.display();
    let counts = |category: &str, brand: &str, product: &str, stock: &str| {
        format!(
            "{name}\ncategory: {category}\nbrand: {brand}\nproduct: {product}\nstock: {stock}\n"
        )
    };
    let added = |count: u64| format!("{count} added, 0 changed, 0 unchanged, 0 refused");
    assert_eq!(
        first.stdout,
        counts(&added(3), &added(2), &added(3), &added(4))
    );
    let again = shop.import(&file, &["--currency", "EUR"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let same = |count: u64| format!("0 added, 0 changed, {count} unchanged, 0 refused");
    // Brands and categories are counted where they are new.
    assert_eq!(again.stdout, counts(&same(3), &same(2), &same(3), &same(4)));

    let server = shop.start(&[]);
    let api = Api::of(&server.url);
    let listing = api.get("/catalog/products", None).await;
    assert_eq!(listing.body["meta"]["total_items"], 3);
    let category = api.get("/catalog/products/category/shirts", None).await;
    assert_eq!(category.body["data"][0]["id"], "blue-shirt");
    let found = api.get("/catalog/products?keyword=shi", None).await;
    assert_eq!(found.body["meta"]["total_items"], 1);
    let shirt = &found.body["data"][0];
    assert_eq!(shirt["description"], "Soft & warm");
    assert_eq!(
        shirt["base_price"],
        json!({"amount": 6_000, "currency": "EUR"})
    );
    assert_eq!(
        shirt["SalePrice"],
        json!({"amount": 4_999, "currency": "EUR"})
    );

    let (ann, bob) = (
        api.token("ann@example.com").await,
        api.token("bob@example.com").await,
    );
    for token in [&ann, &bob] {
        assert_eq!(
            add(&api, token, json!({"product_id": "blue-shirt"}))
                .await
                .0,
            200
        );
        let hat = json!({"product_id": "wool-hat", "variant_id": "large"});
        assert_eq!(add(&api, token, hat).await.0, 200);
    }
    let placed = api.order(&ann).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(
        placed.body["data"]["total"],
        json!({"amount": 7_549, "currency": "EUR"})
    );
    let refused = api.order(&bob).await;
    assert_eq!((refused.status, refused.code()), (400, "out_of_stock"));
    let lamp = json!({"product_id": "oak-lamp"});
    assert_eq!(add(&api, &bob, lamp.clone()).await.0, 200);
    let second = add(&api, &ann, json!({"product_id": "blue-shirt"})).await;
    assert_eq!(second, (400, json!("out_of_stock")));
    server.stop();

    // What was sold stays sold, and what is in carts stays there: also after the same import.
    let third = shop.import(&file, &["--currency", "EUR"]);
    assert_eq!(third.stdout, again.stdout);
    let server = shop.start(&[]);
    let api = Api::of(&server.url);
    let orders = api.get("/orders", Some(&ann)).await;
    assert_eq!(orders.body["data"], json!([placed.body["data"]]));
    let cart = api.get("/cart", Some(&bob)).await;
    assert_eq!(cart.body["data"]["items"].as_array().unwrap().len(), 3);
    assert_eq!(
        add(&api, &ann, json!({"product_id": "blue-shirt"})).await.0,
        400
    );
    server.stop();
}

/// One unit into the cart; the status, and the code of a refusal.
async fn add(api: &Api, token: &str, mut item: Value) -> (u16, Value) {
    item["quantity"] = json!(1);
    let answer = api.post("/cart/items", Some(token), item).await;
    (answer.status, answer.body["error"]["code"].clone())
}

#[test]
fn broken_rows_are_named_and_the_others_are_taken() {
    let shop = Shop::new();
    let rows = [
        ROWS[0],
        "lamp,Lamp,,,,true,Title,Default Title,,1,cheap,,active",
        "desk,,,,,true,Title,Default Title,,1,10,,active",
        ROWS[1],
    ];
    let file = shop.write("export.csv", &csv(&rows));
    let Finished {
        code,
        stdout,
        stderr,
    } = shop.import(&file, &["--currency", "EUR", "--log", "warn"]);
    assert_eq!(code, Some(1), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    let name = file.display();
    assert_eq!(lines.len(), 2, "{stderr}");
    assert!(
        lines[0].starts_with(&format!("{name}:3: column 11 (Variant Price) ")),
        "{stderr}"
    );
    assert!(
        lines[1].starts_with(&format!("{name}:4: column 2 (Title) ")),
        "{stderr}"
    );
    assert!(
        stdout.contains("product: 2 added, 0 changed, 0 unchanged, 2 refused"),
        "{stdout}"
    );
}

#[test]
fn an_import_stops_where_it_is_told_to() {
    let shop = Shop::new();
    let rows = [
        "lamp,Lamp,,,,true,Title,Default Title,,1,cheap,,active",
        ROWS[0],
    ];
    let file = shop.write("export.csv", &csv(&rows));
    let flags = ["--currency", "EUR", "--on-error", "stop"];
    let Finished { code, stdout, .. } = shop.import(&file, &flags);
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("product: 0 added, 0 changed, 0 unchanged, 1 refused"),
        "{stdout}"
    );
}

#[test]
fn what_cannot_be_imported_at_all_is_said_in_one_line() {
    let shop = Shop::new();
    let export = shop.write("export.csv", &csv(&ROWS));
    let no_columns = shop.write("other.csv", "a,b\n1,2\n");
    let picture = shop.write("shop.png", "");
    let missing = shop.data().join("missing.csv");
    for (file, flags, expected) in [
        (&export, &[][..], "give the currency"),
        (&export, &["--currency", "euro"], "--currency"),
        (&no_columns, &["--currency", "EUR"], "Handle"),
        (&picture, &[], "shop.png"),
        (
            &missing,
            &["--currency", "EUR"],
            "missing.csv: cannot be opened",
        ),
    ] {
        let flags = [flags, &["--log", "warn"]].concat();
        let Finished {
            code,
            stdout,
            stderr,
        } = shop.import(file, &flags);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(1), ""),
            "{expected}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
}

#[tokio::test]
async fn a_generated_catalogue_is_imported_and_its_words_are_found() {
    let shop = Shop::new();
    let generate = || {
        finish(&mut cartwright(&[
            "generate",
            "--products",
            "45",
            "--seed",
            "3",
        ]))
    };
    let made = generate();
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    assert_eq!(made.stdout, generate().stdout);
    let imported = shop.import(&shop.write("made.ndjson", &made.stdout), &[]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let server = shop.start(&[]);
    let api = Api::of(&server.url);
    let generator = Generator::new(3, 45);
    let rare = generator.rare_word(1).unwrap();
    let (half, halves) = generator.half_word();
    for (word, count) in [(rare.as_str(), RARE), (half, halves), ("lot", 45)] {
        let path = format!("/catalog/products?keyword={word}");
        let found = api.get(&path, None).await;
        assert_eq!(found.body["meta"]["total_items"], count, "{word}");
    }
}
