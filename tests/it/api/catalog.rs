//! The catalogue's endpoints.

use super::client::{Answer, Shop};
use reqwest::Method;
use serde_json::Value;

fn ids(body: &Value) -> Vec<String> {
    let entries = body["data"].as_array().unwrap();
    let ids = entries.iter().map(|entry| entry["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_product_is_shown_to_the_letter() {
    let shop = Shop::open().await;
    let answer = shop.get("/api/v1/catalog/products/prod-1").await;
    let mut product = answer.data();
    for time in ["created_at", "updated_at"] {
        let text = product[time].as_str().unwrap();
        assert!(text.ends_with('Z') && text.contains('T'), "{text}");
        product[time] = "now".into();
    }
    let body = shop.get("/api/v1/catalog/products/prod-1").await.text;
    assert!(body.contains(r#""base_price":{"amount":99999,"currency":"USD"},"SalePrice":null"#));
    insta::assert_json_snapshot!(product, @r#"
    {
      "SalePrice": null,
      "attributes": {
        "color": "silver",
        "ram": "16GB"
      },
      "base_price": {
        "amount": 99999,
        "currency": "USD"
      },
      "brand_id": "brand-1",
      "category_id": "cat-1",
      "created_at": "now",
      "description": "High-performance laptop for professionals",
      "id": "prod-1",
      "images": [
        "https://example.com/laptop.jpg"
      ],
      "name": "Professional Laptop",
      "sku": "LAPTOP-001",
      "status": "active",
      "updated_at": "now",
      "variants": []
    }
    "#);
    let with_variants = shop.get("/api/v1/catalog/products/prod-4").await.data();
    let variant = &with_variants["variants"][0];
    insta::assert_snapshot!(variant, @r#"{"attributes":{"storage":"128 GB"},"id":"128-gb","name":"128 GB","price":{"amount":44900,"currency":"USD"},"sku":"TABLET-001-128"}"#);
    let on_sale = shop.get("/api/v1/catalog/products/prod-3").await.data();
    assert_eq!(on_sale["SalePrice"]["amount"], 169_900);
}

#[tokio::test]
async fn ids_in_paths_are_decoded_required_and_known() {
    let shop = Shop::open().await;
    let status = |path: &'static str| async { shop.get(path).await.status.as_u16() };
    assert_eq!(status("/api/v1/catalog/products/%70rod-1").await, 200);
    let missing = shop.get("/api/v1/catalog/products/").await;
    assert_eq!(missing.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(missing.message(), "Product ID is required");
    let unknown = shop.get("/api/v1/catalog/products/none").await;
    assert_eq!(unknown.refusal(), (404, "product_not_found".to_owned()));
    for path in ["%FF", "%20", "%00", "category"] {
        let answer = shop.get(&format!("/api/v1/catalog/products/{path}")).await;
        assert_eq!(
            answer.refusal(),
            (404, "product_not_found".to_owned()),
            "{path}"
        );
    }
    assert_eq!(status("/api/v1/catalog/products/prod-1/").await, 404);
    let category = shop.get("/api/v1/catalog/products/category/none").await;
    assert_eq!(category.refusal(), (404, "category_not_found".to_owned()));
    assert_eq!(status("/api/v1/catalog/products/category/").await, 404);
}

#[tokio::test]
async fn pages_join_to_the_whole_list() {
    let shop = Shop::open().await;
    let whole = shop
        .get("/api/v1/catalog/products?page_size=100")
        .await
        .json();
    let total = whole["meta"]["total_items"].as_u64().unwrap();
    assert_eq!(ids(&whole).len() as u64, total.min(100));
    let mut joined = Vec::new();
    for page in 1..=total.div_ceil(7) {
        let path = format!("/api/v1/catalog/products?page={page}&page_size=7");
        let body = shop.get(&path).await.json();
        assert_eq!(body["meta"]["has_next"], page < total.div_ceil(7));
        assert_eq!(body["meta"]["has_prev"], page > 1);
        joined.extend(ids(&body));
    }
    assert_eq!(joined, ids(&whole));
    let default = shop.get("/api/v1/catalog/products").await.json();
    assert_eq!(ids(&default), ids(&whole)[..20]);
    let beyond = shop
        .get("/api/v1/catalog/products?page=99999999999999999999")
        .await;
    assert_eq!(beyond.json()["data"], Value::Array(vec![]));
    assert_eq!(beyond.json()["meta"]["total_items"], total);
    let capped = shop
        .get("/api/v1/catalog/products?page_size=101")
        .await
        .json();
    assert_eq!(capped["meta"]["page_size"], 100);
    for list in [
        "products",
        "categories",
        "brands",
        "products/category/cat-1",
    ] {
        for wrong in [
            "page=0",
            "page=x",
            "page_size=0",
            "page_size=-1",
            "page=1.5",
        ] {
            let answer = shop.get(&format!("/api/v1/catalog/{list}?{wrong}")).await;
            assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
            let name = wrong.split('=').next().unwrap();
            assert!(answer.message().starts_with(name), "{}", answer.message());
        }
    }
}

#[tokio::test]
async fn keywords_find_words_and_their_beginnings() {
    let shop = Shop::open().await;
    let find = async |keyword: &str| {
        let path = format!("/api/v1/catalog/products?keyword={keyword}");
        shop.get(&path).await.json()
    };
    let laptops = find("LAP").await;
    assert!(ids(&laptops).contains(&"prod-1".to_owned()));
    assert_eq!(laptops["meta"]["total_items"], ids(&laptops).len());
    assert_eq!(ids(&find("studio+lap").await), ["prod-3"]);
    assert_eq!(ids(&find("studio%20nothing").await), Vec::<String>::new());
    let all = shop.get("/api/v1/catalog/products").await.json();
    for none in ["", "+", "%20"] {
        assert_eq!(find(none).await, all, "{none:?}");
    }
    let long = shop
        .get(&format!(
            "/api/v1/catalog/products?keyword={}",
            "x".repeat(300)
        ))
        .await;
    assert_eq!(long.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn categories_and_brands_are_listed() {
    let shop = Shop::open().await;
    let categories = shop
        .get("/api/v1/catalog/categories?page_size=100")
        .await
        .json();
    let audio = categories["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "cat-4");
    let audio = audio.unwrap();
    assert_eq!(
        (&audio["parent_id"], &audio["image_url"]),
        (&"cat-1".into(), &"".into())
    );
    assert_eq!(audio["active"], true);
    let brands = shop.get("/api/v1/catalog/brands").await.json();
    let brand = brands["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "brand-1");
    let keys: Vec<_> = brand
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let expected = [
        "active",
        "created_at",
        "description",
        "id",
        "logo_url",
        "name",
        "slug",
        "updated_at",
    ];
    assert_eq!(keys, expected);
    let of_parent = shop
        .get("/api/v1/catalog/products/category/cat-1?page_size=100")
        .await
        .json();
    let of_child = shop
        .get("/api/v1/catalog/products/category/cat-4?page_size=100")
        .await
        .json();
    assert!(!ids(&of_child).is_empty());
    assert!(ids(&of_child).iter().all(|id| ids(&of_parent).contains(id)));
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let shop = Shop::open().await;
    for path in [
        "/api/v1/catalog/products",
        "/api/v1/catalog/products?keyword=lap",
        "/api/v1/catalog/products/prod-1",
        "/api/v1/catalog/products/category/cat-1",
        "/api/v1/catalog/categories",
        "/api/v1/catalog/brands",
    ] {
        let first = shop.get(path).await;
        let etag = first.header("etag");
        assert!(
            first
                .header("cache-control")
                .starts_with("public, max-age=")
        );
        for known in [etag, "*", &format!("W/{etag}"), &format!("\"x\", {etag}")] {
            let again = shop
                .request(Method::GET, path)
                .header("if-none-match", known);
            let again = Answer::of(again).await;
            assert_eq!(
                (again.status.as_u16(), again.text.as_str()),
                (304, ""),
                "{known}"
            );
            assert_eq!(again.header("etag"), etag);
        }
        let other = shop
            .request(Method::GET, path)
            .header("if-none-match", "\"x\"");
        assert_eq!(Answer::of(other).await.status, 200);
    }
}
