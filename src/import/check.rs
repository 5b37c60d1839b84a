//! The limits that every record keeps, whatever file it comes from.

use crate::domain::catalog::{Attributes, Product, Variant};
use crate::domain::money::Money;
use crate::domain::shop::{Discount, Promotion, ShippingMethod};
use crate::store::CatalogRow;
use std::collections::HashSet;

/// The longest name, in characters.
const MAX_NAME: usize = 500;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 20_000;
/// The longest address of a picture, and the longest slug, in bytes.
const MAX_ADDRESS: usize = 2_048;
const MAX_IMAGES: usize = 50;
pub(super) const MAX_VARIANTS: usize = 200;
const MAX_ATTRIBUTES: usize = 100;
/// The longest attribute name, in bytes.
const MAX_ATTRIBUTE_NAME: usize = 64;
/// The longest attribute value, in characters.
const MAX_ATTRIBUTE_VALUE: usize = 5_000;

/// A field, as the NDJSON names it, and what it must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) field: String,
    pub(super) message: String,
}

fn flaw(field: impl Into<String>, message: impl Into<String>) -> Flaw {
    Flaw {
        field: field.into(),
        message: message.into(),
    }
}

/// # Errors
/// The first limit that the record does not keep.
pub(super) fn row(row: &CatalogRow) -> Result<(), Flaw> {
    match row {
        CatalogRow::Currency(_) | CatalogRow::TaxRate(_) => Ok(()),
        CatalogRow::Category(category) => {
            name("name", &category.name)?;
            address("slug", &category.slug)?;
            description(&category.description)?;
            address("image_url", &category.image_url)
        }
        CatalogRow::Brand(brand) => {
            name("name", &brand.name)?;
            address("slug", &brand.slug)?;
            description(&brand.description)?;
            address("logo_url", &brand.logo_url)
        }
        CatalogRow::Product(product) => self::product(product),
        CatalogRow::ShippingMethod(method) => shipping_method(method),
        CatalogRow::Promotion(promotion) => self::promotion(promotion),
    }
}

fn product(product: &Product) -> Result<(), Flaw> {
    name("name", &product.name)?;
    description(&product.description)?;
    prices(
        ["base_price", "sale_price"],
        product.base_price,
        product.sale_price,
    )?;
    at_most("images", product.images.len(), MAX_IMAGES)?;
    for (index, image) in product.images.iter().enumerate() {
        address(&format!("images[{index}]"), image)?;
    }
    attributes("attributes", &product.attributes)?;
    at_most("variants", product.variants.len(), MAX_VARIANTS)?;
    let (mut ids, mut skus) = (HashSet::new(), HashSet::new());
    for (index, variant) in product.variants.iter().enumerate() {
        let path = format!("variants[{index}]");
        self::variant(variant).map_err(|flaw| Flaw {
            field: format!("{path}.{}", flaw.field),
            ..flaw
        })?;
        if !ids.insert(&variant.id) {
            let message = format!("is {} again: must differ among the variants", variant.id);
            return Err(flaw(format!("{path}.id"), message));
        }
        if !skus.insert(&variant.sku) {
            let message = format!("is {} again: must differ among the variants", variant.sku);
            return Err(flaw(format!("{path}.sku"), message));
        }
    }
    Ok(())
}

fn variant(variant: &Variant) -> Result<(), Flaw> {
    name("name", &variant.name)?;
    prices(["price", "sale_price"], variant.price, variant.sale_price)?;
    attributes("attributes", &variant.attributes)
}

fn shipping_method(method: &ShippingMethod) -> Result<(), Flaw> {
    name("name", &method.name)?;
    price("price", method.price)?;
    method
        .free_from
        .map_or(Ok(()), |from| price("free_from", from))
}

fn promotion(promotion: &Promotion) -> Result<(), Flaw> {
    if let Discount::Fixed(amount) = promotion.discount {
        price("amount", amount)?;
    }
    if let Some(least) = promotion.minimum_subtotal {
        price("minimum_subtotal", least)?;
    }
    match (promotion.valid_from, promotion.valid_until) {
        (Some(from), Some(until)) if from >= until => {
            Err(flaw("valid_until", "must be later than valid_from"))
        }
        _ => Ok(()),
    }
}

fn prices(fields: [&str; 2], regular: Money, sale: Option<Money>) -> Result<(), Flaw> {
    price(fields[0], regular)?;
    let Some(sale) = sale else { return Ok(()) };
    price(fields[1], sale)?;
    if sale.currency != regular.currency {
        let message = format!("must be in {}, as {} is", regular.currency, fields[0]);
        Err(flaw(format!("{}.currency", fields[1]), message))
    } else if sale.amount > regular.amount {
        let message = format!("must not be above {}", fields[0]);
        Err(flaw(fields[1], message))
    } else {
        Ok(())
    }
}

fn price(field: &str, money: Money) -> Result<(), Flaw> {
    if (0..=Money::MAX_AMOUNT).contains(&money.amount) {
        Ok(())
    } else {
        let message = format!("must be from 0 to {}", Money::MAX_AMOUNT);
        Err(flaw(format!("{field}.amount"), message))
    }
}

fn name(field: &str, text: &str) -> Result<(), Flaw> {
    if text.trim().is_empty() || text.chars().nth(MAX_NAME).is_some() {
        Err(flaw(field, format!("must have 1 to {MAX_NAME} characters")))
    } else {
        Ok(())
    }
}

fn description(text: &str) -> Result<(), Flaw> {
    if text.chars().nth(MAX_DESCRIPTION).is_some() {
        let message = format!("must have at most {MAX_DESCRIPTION} characters");
        Err(flaw("description", message))
    } else {
        Ok(())
    }
}

fn address(field: &str, text: &str) -> Result<(), Flaw> {
    if text.len() > MAX_ADDRESS {
        Err(flaw(
            field,
            format!("must have at most {MAX_ADDRESS} bytes"),
        ))
    } else {
        Ok(())
    }
}

fn attributes(field: &str, attributes: &Attributes) -> Result<(), Flaw> {
    at_most(field, attributes.len(), MAX_ATTRIBUTES)?;
    for (name, value) in attributes {
        if name.is_empty() || name.len() > MAX_ATTRIBUTE_NAME {
            let message = format!("must have names of 1 to {MAX_ATTRIBUTE_NAME} bytes");
            return Err(flaw(field, message));
        }
        if value.chars().nth(MAX_ATTRIBUTE_VALUE).is_some() {
            let message = format!("must have at most {MAX_ATTRIBUTE_VALUE} characters");
            return Err(flaw(format!("{field}.{name}"), message));
        }
    }
    Ok(())
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Flaw> {
    if count > most {
        Err(flaw(
            field,
            format!("must hold at most {most} {field}, not {count}"),
        ))
    } else {
        Ok(())
    }
}
