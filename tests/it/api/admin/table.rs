//! Every endpoint that is not an administrator's, asked by nobody and by every built-in role. The
//! rows are asked in the order of the server's own table; an endpoint without a row fails.

use super::{Office, Person};
use crate::app::{order_body, with_token};
use cartwright::http::endpoints::ENDPOINTS;
use reqwest::Method;
use serde_json::{Value, json};

/// An endpoint; what to put for `:id` and into the body; the status for nobody, for a user, and
/// for staff.
type Row = (&'static str, &'static str, Value, [u16; 3]);

/// What a stranger's order is called in the rows until it is known.
const SOMEBODY_ELSES: &str = "somebody else's";
/// No line of any cart.
const NO_LINE: &str = "00000000-0000-4000-8000-000000000000";

fn rows() -> Vec<Row> {
    let none = || Value::Null;
    let item = json!({"product_id": "prod-1", "quantity": 1});
    let two = json!({"quantity": 2});
    let login = json!({"email": "root@example.com", "password": "correct horse"});
    let refresh = json!({"refresh_token": "none"});
    vec![
        ("GET /api/v1/cart", "", none(), [401, 200, 200]),
        ("DELETE /api/v1/cart", "", none(), [401, 200, 200]),
        ("POST /api/v1/cart/items", "", item, [401, 200, 200]),
        (
            "PATCH /api/v1/cart/items/:id",
            NO_LINE,
            two,
            [401, 404, 404],
        ),
        (
            "DELETE /api/v1/cart/items/:id",
            NO_LINE,
            none(),
            [401, 404, 404],
        ),
        ("GET /api/v1/catalog/products", "", none(), [200; 3]),
        (
            "GET /api/v1/catalog/products/:id",
            "prod-1",
            none(),
            [200; 3],
        ),
        (
            "GET /api/v1/catalog/products/category/:id",
            "cat-1",
            none(),
            [200; 3],
        ),
        ("GET /api/v1/catalog/categories", "", none(), [200; 3]),
        ("GET /api/v1/catalog/brands", "", none(), [200; 3]),
        ("GET /api/v1/shipping-methods", "", none(), [200; 3]),
        ("POST /api/v1/orders/quote", "", json!({}), [401, 200, 200]),
        ("POST /api/v1/orders", "", order_body(), [401, 201, 201]),
        ("GET /api/v1/orders", "", none(), [401, 200, 200]),
        (
            "GET /api/v1/orders/:id",
            SOMEBODY_ELSES,
            none(),
            [401, 403, 200],
        ),
        ("POST /api/v1/auth/register", "", none(), [400; 3]),
        ("POST /api/v1/auth/login", "", login, [200; 3]),
        ("POST /api/v1/auth/refresh", "", refresh, [401; 3]),
        ("GET /api/v1/auth/google", "", none(), [501; 3]),
        ("GET /api/v1/auth/google/callback", "", none(), [501; 3]),
        ("GET /api/v1/auth/profile", "", none(), [401, 200, 200]),
        ("POST /api/v1/auth/logout", "", none(), [401, 204, 204]),
        ("GET /health", "", none(), [200; 3]),
        ("GET /ready", "", none(), [200; 3]),
        // On the operations' address alone.
        ("GET /cluster", "", none(), [404; 3]),
        ("GET /metrics", "", none(), [404; 3]),
    ]
}

async fn order_of(office: &Office, who: &Person) -> String {
    let token = Some(who.token.as_str());
    let item = json!({"product_id": "prod-1", "quantity": 1});
    office
        .app
        .send(Method::POST, "/api/v1/cart/items", token, &item)
        .await;
    let placed = office
        .app
        .send(Method::POST, "/api/v1/orders", token, &order_body())
        .await;
    let placed: Value = placed.json().await.unwrap();
    placed["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_role_and_nobody_may_do_what_the_table_says() {
    let office = Office::open().await;
    let bystander = office.user("bystander").await;
    let order = order_of(&office, &bystander).await;
    let everybody = [
        (None, 0),
        (Some(office.user("usr").await), 1),
        (Some(office.staff("sup", "customer_experience").await), 2),
        (Some(office.staff("man", "manager").await), 2),
        (Some(office.staff("adm", "admin").await), 2),
    ];
    let rows = rows();
    let everyday = |path: &str| !path.starts_with("/api/v1/admin/");
    for (who, place) in &everybody {
        let token = who.as_ref().map(|who| who.token.as_str());
        for endpoint in ENDPOINTS.iter().filter(|endpoint| everyday(endpoint.path)) {
            let name = format!("{} {}", endpoint.method, endpoint.path);
            let row = rows.iter().find(|row| row.0 == name);
            let (_, id, body, expected) = row.unwrap_or_else(|| panic!("{name} has no row"));
            let id = if *id == SOMEBODY_ELSES { &order } else { *id };
            let path = endpoint.path.replace(":id", id);
            let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
            let mut request = with_token(office.app.request(method, &path), token);
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = request.send().await.unwrap();
            let who = who.as_ref().map_or("nobody", |who| &who.email);
            assert_eq!(answer.status(), expected[*place], "{name} by {who}");
        }
    }
}
