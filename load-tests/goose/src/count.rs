//! How much is left of an item. The API shows no stock; but a cart takes no more than there is, and
//! says how much that is. Adding to a cart reserves nothing.

use crate::Failure;
use crate::api::{Api, Session, code_of};
use reqwest::StatusCode;
use serde_json::json;

/// The most that a line holds.
const LINE: u64 = 999;
/// The most lines that a cart holds.
const LINES: u64 = 100;

/// Units of a product that can be ordered now, of at most 99,899. Empties the cart of whoever counts.
pub(crate) async fn left(api: &Api, counter: &Session, product_id: &str) -> Result<u64, Failure> {
    let counted = fill(api, counter, product_id).await;
    api.delete("/cart", counter).await?;
    counted
}

async fn fill(api: &Api, counter: &Session, product_id: &str) -> Result<u64, Failure> {
    for line in 0..LINES {
        let body = json!({
            "product_id": product_id, "quantity": LINE, "attributes": {"line": line.to_string()},
        });
        let (status, body) = api.post("/cart/items", Some(counter), body).await?;
        match (status, &*code_of(&body)) {
            (StatusCode::OK, _) => {}
            (_, "out_of_stock") => {
                let message = body["error"]["message"].as_str().unwrap_or_default();
                return available(message).ok_or_else(|| Failure::Unclear(message.to_owned()));
            }
            (_, code) => {
                return Err(Failure::Refused(
                    product_id.to_owned(),
                    status,
                    code.to_owned(),
                ));
            }
        }
    }
    Err(Failure::TooMany(product_id.to_owned(), LINE * LINES))
}

/// The first number of a message.
fn available(message: &str) -> Option<u64> {
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    message.split_whitespace().find(is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn what_is_available_is_the_number_in_the_message() {
        assert_eq!(available("only 7 of LOAD-1 available"), Some(7));
        assert_eq!(available("none of LOAD-1 available"), None);
    }
}
