//! Records for tests.

use crate::domain::catalog::{Category, Product, Status};
use crate::domain::ids::{CategoryId, ProductId, Sku};
use crate::domain::money::{Currency, Money};
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

pub(crate) fn product(id: &str, name: &str, description: &str) -> Product {
    Product {
        id: ProductId::parse(id).unwrap(),
        sku: Sku::parse(id).unwrap(),
        name: name.to_owned(),
        description: description.to_owned(),
        base_price: Money::zero(Currency::USD),
        sale_price: None,
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: vec![],
        attributes: BTreeMap::new(),
        variants: vec![],
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

pub(super) fn category(id: &str, parent: Option<&str>) -> Category {
    Category {
        id: CategoryId::parse(id).unwrap(),
        name: id.to_owned(),
        slug: id.to_owned(),
        description: String::new(),
        parent_id: parent.map(|parent| CategoryId::parse(parent).unwrap()),
        image_url: String::new(),
        active: true,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

pub(super) fn shop() -> Shop {
    Shop {
        currency: None,
        tax_rates: vec![],
        shipping_methods: vec![],
        promotions: BTreeMap::new(),
    }
}
