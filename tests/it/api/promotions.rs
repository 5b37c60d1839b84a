//! Promotions from the import to the order: limits, validity, minimum, arithmetic.

use super::shop::{Shop, refusal, totals};
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The answer is a refusal of the code with this message.
fn assert_refused((status, answer): &(StatusCode, Value), message: &str) {
    assert_eq!(*status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(refusal(answer), ("invalid_promotion_code", message));
}

#[tokio::test]
async fn a_limit_of_five_gives_five_of_fifty_buyers_at_once_the_discount() {
    let shop =
        Shop::with(r#"{"type":"promotion","code":"FIVE","percent":"50","limit_total":5}"#).await;
    let names: Vec<String> = (0..50).map(|n| format!("buyer{n}")).collect();
    let buyers = join_all(
        names
            .iter()
            .map(|name| shop.customer(name, &[("shirt", 1)])),
    )
    .await;
    let coded = json!({"promotion_codes": ["FIVE"]});
    let answers = join_all(buyers.iter().map(|token| shop.order(token, coded.clone()))).await;
    let mut refused = Vec::new();
    for (token, answer) in buyers.iter().zip(&answers) {
        if answer.0 == StatusCode::CREATED {
            assert_eq!(totals(&answer.1), [2_000, 1_000, 0, 0, 1_000]);
        } else {
            let message = "promotion_codes: FIVE was used as often as it may be";
            assert_refused(answer, message);
            refused.push(token);
        }
    }
    assert_eq!(refused.len(), 45);
    // Whoever was refused still has the cart and can order at the full price.
    let (status, order) = shop.order(refused[0], json!({})).await;
    assert_eq!((status, totals(&order)[4]), (StatusCode::CREATED, 2_000));
    let closed = shop.closed().await;
    assert_eq!(closed.of_promotion("FIVE").await, [0, 0, 5]);
    assert_eq!(closed.of_sku("SHIRT").await, [94, 0, 6]);
}

#[tokio::test]
async fn an_order_that_lacks_stock_gives_its_promotion_back() {
    let shop = Shop::with(concat!(
        r#"{"type":"promotion","code":"ONCE","percent":"10","limit_total":1}"#,
        "\n",
        r#"{"type":"product","id":"rare","sku":"RARE","name":"Rare","base_price":{"amount":100,"currency":"USD"},"stock":1}"#,
    ))
    .await;
    let ann = shop.customer("ann", &[("rare", 1)]).await;
    let bob = shop.customer("bob", &[("rare", 1)]).await;
    assert_eq!(shop.order(&ann, json!({})).await.0, StatusCode::CREATED);
    let coded = json!({"promotion_codes": ["ONCE"]});
    let (status, answer) = shop.order(&bob, coded.clone()).await;
    assert_eq!(
        (status, refusal(&answer).0),
        (StatusCode::BAD_REQUEST, "out_of_stock")
    );
    // What it held is released, at the latest, when the node has stopped.
    let shop = shop.restarted().await;
    let eve = shop.customer("eve", &[("mug", 1)]).await;
    let (status, answer) = shop.order(&eve, coded).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(shop.closed().await.of_promotion("ONCE").await, [0, 0, 1]);
}

#[tokio::test]
async fn a_limit_per_user_holds_for_orders_at_once_and_after_a_restart() {
    let shop = Shop::with(
        r#"{"type":"promotion","code":"TWICE","amount":{"amount":300,"currency":"USD"},"limit_per_user":2}"#,
    )
    .await;
    let ann = shop.customer("ann", &[("mug", 1)]).await;
    let coded = json!({"promotion_codes": ["TWICE"]});
    let buy = || async {
        shop.add(&ann, "mug", 1).await;
        shop.order(&ann, coded.clone()).await
    };
    let answers = join_all((0..8).map(|_| buy())).await;
    let mut used = 0;
    for (status, answer) in &answers {
        match (status.as_u16(), refusal(answer).0) {
            (201, _) => used += 1,
            (400, "invalid_promotion_code" | "cart_empty") | (409, "cart_changed") => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=2).contains(&used), "{used}");
    if used == 1 {
        assert_eq!(buy().await.0, StatusCode::CREATED);
    }
    let message = "promotion_codes: TWICE was used as often as one customer may";
    assert_refused(&buy().await, message);

    let shop = shop.restarted().await;
    assert_refused(&shop.order(&ann, coded.clone()).await, message);
    assert_refused(&shop.quote(&ann, &coded).await, message);
    let (status, _) = shop.order(&ann, json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    let bob = shop.customer("bob", &[("mug", 1)]).await;
    let (status, order) = shop.order(&bob, coded).await;
    assert_eq!((status, totals(&order)[1]), (StatusCode::CREATED, 300));
}

#[tokio::test]
async fn a_promotion_counts_from_its_first_instant_to_its_last() {
    let shop = Shop::with(concat!(
        r#"{"type":"promotion","code":"PAST","percent":"10","valid_until":"2001-01-01T00:00:00Z"}"#,
        "\n",
        r#"{"type":"promotion","code":"FUTURE","percent":"10","valid_from":"2999-01-01T00:00:00+02:00"}"#,
        "\n",
        r#"{"type":"promotion","code":"NOW","percent":"10","valid_from":"2001-01-01T00:00:00Z","valid_until":"2999-01-01T00:00:00Z"}"#,
    ))
    .await;
    let ann = shop.customer("ann", &[("shirt", 1)]).await;
    for (code, problem) in [
        ("PAST", "has expired"),
        ("FUTURE", "is not valid yet"),
        ("NONE", "is unknown"),
    ] {
        let coded = json!({"promotion_codes": ["NOW", code]});
        let message = format!("promotion_codes: {code} {problem}");
        assert_refused(&shop.quote(&ann, &coded).await, &message);
        assert_refused(&shop.order(&ann, coded).await, &message);
    }
    let (_, order) = shop.order(&ann, json!({"promotion_codes": ["NOW"]})).await;
    assert_eq!(totals(&order), [2_000, 200, 0, 0, 1_800]);
}

#[tokio::test]
async fn a_minimum_is_of_the_subtotal_before_discounts() {
    let shop = Shop::with(concat!(
        r#"{"type":"promotion","code":"FORTY","percent":"10","minimum_subtotal":{"amount":4000,"currency":"USD"}}"#,
        "\n",
        r#"{"type":"promotion","code":"HALF","percent":"50"}"#,
    ))
    .await;
    let ann = shop.customer("ann", &[("shirt", 1), ("mug", 2)]).await;
    let coded = json!({"promotion_codes": ["HALF", "FORTY"]});
    let message = "promotion_codes: FORTY needs a subtotal of at least 40.00 USD";
    assert_refused(&shop.order(&ann, coded.clone()).await, message);
    let bob = shop.customer("bob", &[("shirt", 2)]).await;
    let (_, order) = shop.order(&bob, coded).await;
    assert_eq!(totals(&order), [4_000, 2_200, 0, 0, 1_800]);
}

#[tokio::test]
async fn codes_of_both_kinds_add_up_and_each_counts_once_however_it_is_written() {
    let shop = Shop::with(concat!(
        r#"{"type":"promotion","code":"Tenth","percent":"10"}"#,
        "\n",
        r#"{"type":"promotion","code":"ODD","percent":"3.33"}"#,
        "\n",
        r#"{"type":"promotion","code":"FIVER","amount":{"amount":500,"currency":"USD"}}"#,
        "\n",
        r#"{"type":"tax_rate","country":"US","state":"NY","rate":"8.875"}"#,
    ))
    .await;
    let ann = shop.customer("ann", &[("shirt", 2), ("mug", 3)]).await;
    let coded = json!({"promotion_codes": ["fiver", "TENTH", "odd", "FIVER", " tenth "]});
    let (status, quote) = shop
        .quote(
            &ann,
            &json!({
                "promotion_codes": coded["promotion_codes"],
                "shipping_address": {"country": "US", "state": "NY"},
            }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{quote}");
    assert_eq!(
        quote["data"]["promotion_codes"],
        json!(["FIVER", "TENTH", "ODD"])
    );
    let (_, order) = shop.order(&ann, coded).await;
    assert_eq!(totals(&quote), totals(&order));
    // 40.00 + 29.97 = 69.97; - 6.99 = 62.98; - 2.09 = 60.89; - 5.00 = 55.89: 14.08 off in all.
    // Of that 8.05 (8.0493) off the shirts and 6.03 (6.0307) off the mugs: 8.04 and 6.03 first,
    // and the cent that is left to the shirts, who lost more. Tax: 8.875 % of 31.95 is 2.84 (2.8356), of
    // 23.94 is 2.12 (2.1247).
    let items = &order["data"]["items"];
    let line = |index: usize, name: &str| items[index][name]["amount"].as_i64().unwrap();
    let lines = [0, 1]
        .map(|index| ["discount_amount", "tax_amount", "total"].map(|name| line(index, name)));
    assert_eq!(lines, [[805, 284, 3_479], [603, 212, 2_606]]);
    assert_eq!(totals(&order), [6_997, 1_408, 496, 0, 6_085]);
}
