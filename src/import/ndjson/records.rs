//! What each type of record holds.

use super::fields::Fields;
use crate::domain::catalog::{Brand, Category, Product, Status, Variant};
use crate::domain::ids::{
    BrandId, CategoryId, ProductId, PromotionCode, ShippingMethodId, Sku, VariantId,
};
use crate::domain::money::Rate;
use crate::domain::regions;
use crate::domain::shop::{Discount, Promotion, ShippingMethod, TaxRate};
use crate::domain::stock::StockKey;
use crate::domain::time::Timestamp;
use crate::import::check::{self, Flaw};
use crate::import::entry::{Content, Stocked};
use crate::import::report::{Kind, Place};
use crate::import::text::{percent, slug};
use crate::store::CatalogRow;

/// The longest name of a state, in bytes, where a country has no codes of them.
const MAX_STATE: usize = 64;
/// Overwritten when the row is written.
const UNSET: Timestamp = Timestamp(0);

pub(super) fn kind(fields: &mut Fields) -> Result<Kind, Flaw> {
    match fields.text("type")?.as_str() {
        "category" => Ok(Kind::Category),
        "brand" => Ok(Kind::Brand),
        "product" => Ok(Kind::Product),
        "stock" => Ok(Kind::Stock),
        "tax_rate" => Ok(Kind::TaxRate),
        "shipping_method" => Ok(Kind::ShippingMethod),
        "promotion" => Ok(Kind::Promotion),
        _ => Err(fields.flaw(
            "type",
            "must be category, brand, product, stock, tax_rate, shipping_method or promotion",
        )),
    }
}

pub(super) fn content(kind: Kind, mut fields: Fields, line: u64) -> Result<Content, Flaw> {
    let mut stock = Stock {
        line,
        items: Vec::new(),
    };
    let row = match kind {
        Kind::Category => Some(CatalogRow::Category(category(&mut fields)?)),
        Kind::Brand => Some(CatalogRow::Brand(brand(&mut fields)?)),
        Kind::Product => Some(CatalogRow::Product(Box::new(product(
            &mut fields,
            &mut stock,
        )?))),
        Kind::TaxRate => Some(CatalogRow::TaxRate(tax_rate(&mut fields)?)),
        Kind::ShippingMethod => Some(CatalogRow::ShippingMethod(shipping_method(&mut fields)?)),
        Kind::Promotion => Some(CatalogRow::Promotion(promotion(&mut fields, &mut stock)?)),
        Kind::Stock | Kind::Unknown => {
            let sku = fields.id("sku", Sku::parse)?;
            let received = fields.optional_count("received")?;
            let received = received.ok_or_else(|| fields.flaw("received", "is required"))?;
            stock.add(StockKey::Sku(sku), Some(received), "received");
            None
        }
    };
    fields.end()?;
    row.iter().try_for_each(check::row)?;
    Ok(Content {
        row,
        named: Vec::new(),
        stock: stock.items,
    })
}

/// Gathers the stock that a record gives.
struct Stock {
    line: u64,
    items: Vec<Stocked>,
}

impl Stock {
    fn add(&mut self, key: StockKey, received: Option<u64>, field: impl Into<String>) {
        let line = self.line;
        self.items.extend(received.map(|received| Stocked {
            key,
            received,
            line,
            place: Place::Field(field.into()),
        }));
    }
}

/// The slug that is given, or one made of the name.
fn slug_of(fields: &mut Fields, name: &str) -> Result<String, Flaw> {
    Ok(fields.optional_text("slug")?.unwrap_or_else(|| slug(name)))
}

fn category(fields: &mut Fields) -> Result<Category, Flaw> {
    let name = fields.text("name")?;
    Ok(Category {
        id: fields.id("id", CategoryId::parse)?,
        slug: slug_of(fields, &name)?,
        name,
        description: fields.text_or_empty("description")?,
        parent_id: fields.optional_id("parent_id", CategoryId::parse)?,
        image_url: fields.text_or_empty("image_url")?,
        active: fields.flag("active", true)?,
        created_at: UNSET,
        updated_at: UNSET,
    })
}

fn brand(fields: &mut Fields) -> Result<Brand, Flaw> {
    let name = fields.text("name")?;
    Ok(Brand {
        id: fields.id("id", BrandId::parse)?,
        slug: slug_of(fields, &name)?,
        name,
        description: fields.text_or_empty("description")?,
        logo_url: fields.text_or_empty("logo_url")?,
        active: fields.flag("active", true)?,
        created_at: UNSET,
        updated_at: UNSET,
    })
}

fn product(fields: &mut Fields, stock: &mut Stock) -> Result<Product, Flaw> {
    let received = fields.optional_count("stock")?;
    let variants = fields.objects("variants")?.into_iter().enumerate();
    let variants = variants
        .map(|(index, fields)| variant(index, fields, stock))
        .collect::<Result<Vec<_>, _>>()?;
    let sku = fields.id("sku", Sku::parse)?;
    if received.is_some() && !variants.is_empty() {
        return Err(fields.flaw("stock", "must be given for each variant instead"));
    }
    stock.add(StockKey::Sku(sku.clone()), received, "stock");
    Ok(Product {
        id: fields.id("id", ProductId::parse)?,
        sku,
        name: fields.text("name")?,
        description: fields.text_or_empty("description")?,
        base_price: fields.money("base_price")?,
        sale_price: fields.optional_money("sale_price")?,
        status: status(fields)?,
        brand_id: fields.optional_id("brand_id", BrandId::parse)?,
        category_id: fields.optional_id("category_id", CategoryId::parse)?,
        images: fields.texts("images")?,
        attributes: fields.attributes("attributes")?,
        variants,
        created_at: UNSET,
        updated_at: UNSET,
    })
}

fn variant(index: usize, mut fields: Fields, stock: &mut Stock) -> Result<Variant, Flaw> {
    let variant = Variant {
        id: fields.id("id", VariantId::parse)?,
        sku: fields.id("sku", Sku::parse)?,
        name: fields.text("name")?,
        price: fields.money("price")?,
        sale_price: fields.optional_money("sale_price")?,
        attributes: fields.attributes("attributes")?,
    };
    let received = fields.optional_count("stock")?;
    let key = StockKey::Sku(variant.sku.clone());
    stock.add(key, received, format!("variants[{index}].stock"));
    fields.end()?;
    Ok(variant)
}

fn status(fields: &mut Fields) -> Result<Status, Flaw> {
    match fields.optional_text("status")?.as_deref() {
        None | Some("active") => Ok(Status::Active),
        Some("draft") => Ok(Status::Draft),
        Some("archived") => Ok(Status::Archived),
        Some(_) => Err(fields.flaw("status", "must be active, draft or archived")),
    }
}

fn tax_rate(fields: &mut Fields) -> Result<TaxRate, Flaw> {
    let country = fields.text("country")?.trim().to_uppercase();
    if !regions::is_country(&country) {
        return Err(fields.flaw("country", "must be an ISO 3166-1 code of two letters"));
    }
    let state = fields.optional_text("state")?;
    let state = state
        .map(|state| state_of(&country, &state).ok_or_else(|| not_a_state(fields, &country)))
        .transpose()?;
    let rate = share(fields, "rate")?.ok_or_else(|| fields.flaw("rate", "is required"))?;
    Ok(TaxRate {
        country,
        state,
        rate,
    })
}

/// The state as addresses have it, so that a rate meets the addresses that it is for.
fn state_of(country: &str, text: &str) -> Option<String> {
    let text = text.trim();
    if regions::has_states(country) {
        regions::state_code(country, text).map(str::to_owned)
    } else {
        let free = !text.is_empty() && text.len() <= MAX_STATE;
        free.then(|| text.to_uppercase())
    }
}

fn not_a_state(fields: &Fields, country: &str) -> Flaw {
    if regions::has_states(country) {
        let message =
            format!("must be the ISO 3166-2 code or the English name of one of {country}");
        fields.flaw("state", message)
    } else {
        fields.flaw("state", format!("must have 1 to {MAX_STATE} bytes"))
    }
}

/// A percentage, as text so that no binary fraction comes near it.
fn share(fields: &mut Fields, name: &str) -> Result<Option<Rate>, Flaw> {
    let text = fields.optional_text(name)?;
    text.map(|text| percent(&text).map_err(|error| fields.flaw(name, error.to_string())))
        .transpose()
}

fn shipping_method(fields: &mut Fields) -> Result<ShippingMethod, Flaw> {
    Ok(ShippingMethod {
        id: fields.id("id", ShippingMethodId::parse)?,
        name: fields.text("name")?,
        price: fields.money("price")?,
        free_from: fields.optional_money("free_from")?,
        position: fields.optional_u32("position")?.unwrap_or(0),
    })
}

fn promotion(fields: &mut Fields, stock: &mut Stock) -> Result<Promotion, Flaw> {
    let code = fields.id("code", PromotionCode::parse)?;
    let percent = share(fields, "percent")?.map(Discount::Percent);
    let amount = fields.optional_money("amount")?.map(Discount::Fixed);
    let discount = match (percent, amount) {
        (Some(discount), None) | (None, Some(discount)) => discount,
        _ => return Err(fields.flaw("percent", "or amount must be given, and not both")),
    };
    let limit_total = fields.optional_u32("limit_total")?;
    let key = StockKey::Promotion(code.clone());
    stock.add(key, limit_total.map(u64::from), "limit_total");
    Ok(Promotion {
        code,
        discount,
        minimum_subtotal: fields.optional_money("minimum_subtotal")?,
        valid_from: fields.optional_time("valid_from")?,
        valid_until: fields.optional_time("valid_until")?,
        limit_total,
        limit_per_user: fields.optional_u32("limit_per_user")?,
    })
}
