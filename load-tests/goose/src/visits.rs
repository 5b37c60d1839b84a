//! What a customer comes for. Each answer is judged by its body.

use crate::Failure;
use crate::ask::{Answer, Call, ask};
use crate::customer::Customer;
use goose::goose::GooseUser;
use rand::Rng;
use serde_json::Value;

/// Products on a page.
const PAGE: u64 = 20;
/// A cart with more lines is emptied line by line.
const FULL: usize = 4;

/// A visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// A page of the list, a search, a product.
    Browse,
    /// A line is added, changed, and perhaps removed.
    Cart,
    /// A line is added, and the cart ordered.
    Checkout,
    /// One unit of the SKU that everybody wants is ordered, while there are any.
    Flash,
}

impl Customer {
    /// Comes for a visit.
    pub(crate) async fn visit(
        &mut self,
        user: &mut GooseUser,
        visit: Visit,
    ) -> Result<(), Failure> {
        if visit == Visit::Browse {
            return self.browse(user).await;
        }
        if self.is_lost {
            return Ok(());
        }
        self.arrive().await?;
        match visit {
            Visit::Cart => self.fill_cart(user).await,
            Visit::Checkout => self.check_out(user).await,
            Visit::Flash => self.snatch(user).await,
            Visit::Browse => Ok(()),
        }
    }

    async fn browse(&mut self, user: &mut GooseUser) -> Result<(), Failure> {
        let page = self.draws.random_range(1..=self.pages);
        let path = format!("/catalog/products?page={page}&page_size={PAGE}");
        let mut list = ask(user, &Call::get("products", &path, None)).await?;
        let judged = is_page(&list.body, page);
        list.must(user, judged)?;
        self.pages = list.body["meta"]["total_pages"]
            .as_u64()
            .unwrap_or(1)
            .max(1);
        let Some(product) = self.pick(&list) else {
            return Ok(());
        };
        if let Some(word) = word_of(&product) {
            let path = format!("/catalog/products?keyword={word}");
            let mut hits = ask(user, &Call::get("products?keyword", &path, None)).await?;
            let judged = are_hits(&hits.body, &word);
            hits.must(user, judged)?;
        }
        let path = format!(
            "/catalog/products/{}",
            product["id"].as_str().unwrap_or_default()
        );
        let mut shown = ask(user, &Call::get("products/:id", &path, None)).await?;
        let judged = is_same(
            &shown.body["data"],
            &product,
            &["id", "sku", "name", "base_price", "SalePrice"],
        );
        shown.must(user, judged)
    }

    fn pick(&mut self, list: &Answer) -> Option<Value> {
        let products = list.body["data"].as_array()?;
        let chosen = self.draws.random_range(0..products.len().max(1));
        products.get(chosen).cloned()
    }

    async fn fill_cart(&mut self, user: &mut GooseUser) -> Result<(), Failure> {
        if let Some(line) = self.add_something(user).await? {
            let quantity = self.draws.random_range(4..=9);
            self.set(user, &line, quantity).await?;
            if self.cart.len() > FULL || self.draws.random_bool(0.5) {
                self.remove(user, &line).await?;
            }
        }
        self.look(user).await
    }

    async fn check_out(&mut self, user: &mut GooseUser) -> Result<(), Failure> {
        self.add_something(user).await?;
        if self.cart.is_empty() {
            return Ok(());
        }
        let Some(order) = self.order(user).await? else {
            return self.empty(user).await;
        };
        self.look(user).await?;
        let path = format!("/orders/{}", order["id"].as_str().unwrap_or_default());
        let call = Call::get("orders/:id", &path, Some(&self.session));
        let mut shown = ask(user, &call).await?;
        let judged = is_same(
            &shown.body["data"],
            &order,
            &["id", "order_number", "items", "total"],
        );
        shown.must(user, judged)
    }

    async fn snatch(&mut self, user: &mut GooseUser) -> Result<(), Failure> {
        let world = self.world.clone();
        if self.add(user, &world.goods.flash, 1).await?.is_none() {
            return Ok(());
        }
        match self.order(user).await? {
            Some(_) => self.look(user).await,
            None => self.empty(user).await,
        }
    }

    /// A few units of something ordinary.
    async fn add_something(&mut self, user: &mut GooseUser) -> Result<Option<String>, Failure> {
        let world = self.world.clone();
        let chosen = self.draws.random_range(0..world.goods.ordinary.len());
        let quantity = self.draws.random_range(1..=3);
        self.add(user, &world.goods.ordinary[chosen], quantity)
            .await
    }

    /// Removes what somebody else was faster to buy.
    async fn empty(&mut self, user: &mut GooseUser) -> Result<(), Failure> {
        for line in self.cart.clone().into_keys() {
            self.remove(user, &line).await?;
        }
        Ok(())
    }
}

/// Whether a page of a list holds what its meta says.
fn is_page(body: &Value, page: u64) -> Result<(), String> {
    let meta = &body["meta"];
    let total = meta["total_items"]
        .as_u64()
        .ok_or("total_items is missing")?;
    let expected = total.saturating_sub((page - 1) * PAGE).min(PAGE);
    let shown = body["data"].as_array().map(|data| data.len() as u64);
    match meta["page"] == page && shown == Some(expected) {
        true => Ok(()),
        false => Err(format!(
            "page {page} must have {expected} products, and has {shown:?}: {meta}"
        )),
    }
}

/// Whether there are any, and each has the word in its name or description.
fn are_hits(body: &Value, word: &str) -> Result<(), String> {
    let hits = body["data"].as_array().ok_or("data is no list")?;
    let has = |field: &Value| {
        let text = field.as_str().unwrap_or_default().to_lowercase();
        text.contains(&word.to_lowercase())
    };
    let miss = hits
        .iter()
        .find(|hit| !has(&hit["name"]) && !has(&hit["description"]));
    match (hits.len(), miss) {
        (0, _) => Err(format!("nothing was found for {word}")),
        (_, Some(miss)) => Err(format!("{miss} was found for {word}")),
        _ => Ok(()),
    }
}

/// The first word of a name that needs no escaping.
fn word_of(product: &Value) -> Option<String> {
    let name = product["name"].as_str()?;
    let is_plain =
        |word: &&str| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    name.split(' ').find(is_plain).map(str::to_owned)
}

/// Whether the fields are those of what was shown before.
fn is_same(shown: &Value, before: &Value, fields: &[&str]) -> Result<(), String> {
    let differs = fields
        .iter()
        .find(|field| shown[**field] != before[**field]);
    match differs {
        None => Ok(()),
        Some(field) => Err(format!(
            "{field} was {}, and is {}",
            before[*field], shown[*field]
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_as_long_as_its_meta_says() {
        let body = |shown: usize, page: u64| json!({"data": vec![0; shown], "meta": {"page": page, "total_items": 45}});
        assert!(is_page(&body(20, 1), 1).is_ok() && is_page(&body(5, 3), 3).is_ok());
        assert!(is_page(&body(19, 1), 1).is_err() && is_page(&body(20, 1), 2).is_err());
    }

    #[test]
    fn a_hit_has_the_word() {
        let hits = |name: &str| json!({"data": [{"name": name, "description": "Of oak"}]});
        assert!(are_hits(&hits("Oak Stool"), "oak").is_ok());
        assert!(are_hits(&hits("Stool"), "Oak").is_ok());
        assert!(are_hits(&hits("Stool"), "Pine").is_err());
        assert!(are_hits(&json!({"data": []}), "oak").is_err());
        let word = |name: &str| word_of(&json!({"name": name}));
        assert_eq!(word("27-inch Monitor").as_deref(), Some("Monitor"));
        assert_eq!(word("4 K"), None);
    }
}
