//! The product that a group of rows describes.

use super::super::check;
use super::rows::{HANDLE, PRICE, Row, TITLE};
use crate::domain::catalog::{Attributes, Brand, Category, Product, Status, Variant};
use crate::domain::ids::{BrandId, CategoryId, InvalidId, ProductId, Sku, VariantId};
use crate::domain::money::{Currency, Money};
use crate::domain::stock::StockKey;
use crate::domain::time::Timestamp;
use crate::import::entry::{Content, Problem, Stocked};
use crate::import::text::{amount, fit, plain, slug};
use crate::store::CatalogRow;

const BODY: &str = "Body (HTML)";
const VENDOR: &str = "Vendor";
const TAGS: &str = "Tags";
const IMAGE: &str = "Image Src";
const SKU: &str = "Variant SKU";
const QUANTITY: &str = "Variant Inventory Qty";
const COMPARE_AT: &str = "Variant Compare At Price";
const OPTIONS: [(&str, &str); 3] = [
    ("Option1 Name", "Option1 Value"),
    ("Option2 Name", "Option2 Value"),
    ("Option3 Name", "Option3 Value"),
];
/// Where a category is looked for, the shop's own first.
const CATEGORIES: [&str; 3] = [
    "Type",
    "Product Category",
    "Google Shopping / Google Product Category",
];
/// Facts of the product that are kept as attributes.
const ATTRIBUTES: [(&str, &str); 3] = [
    ("tags", TAGS),
    ("gender", "Google Shopping / Gender"),
    ("age_group", "Google Shopping / Age Group"),
];
/// Overwritten when the row is written.
const UNSET: Timestamp = Timestamp(0);

/// What a product without options is exported as.
const NO_OPTION: &str = "Default Title";

/// The product, what it names, and its stock. `rows` is not empty.
pub(super) fn content(rows: &[Row], currency: Currency) -> Result<Content, Problem> {
    rows.iter().try_for_each(Row::whole)?;
    let first = &rows[0];
    let id = ProductId::parse(first.cell(HANDLE)?).map_err(invalid(first, HANDLE))?;
    if first.cell(TITLE)?.is_empty() {
        let message = "is required on a product's first row; its rows must stand together";
        return Err(first.problem(TITLE, message));
    }
    let offers = offers(rows, currency)?;
    let Sold {
        sku,
        variants,
        stock,
    } = sold(&offers, first)?;
    let cheapest = offers
        .iter()
        .min_by_key(|offer| offer.sale.unwrap_or(offer.price).amount)
        .unwrap_or(&offers[0]);
    let (brand_id, mut named) = brand(first)?;
    let (category_id, categories) = categories(first)?;
    named.extend(categories);
    let row = CatalogRow::Product(Box::new(Product {
        id,
        sku,
        name: first.cell(TITLE)?.to_owned(),
        description: plain(first.cell(BODY)?),
        base_price: cheapest.price,
        sale_price: cheapest.sale,
        status: status(first)?,
        brand_id,
        category_id,
        images: images(rows)?,
        attributes: attributes(first)?,
        variants,
        created_at: UNSET,
        updated_at: UNSET,
    }));
    check(&row, rows, &offers)?;
    Ok(Content {
        row: Some(row),
        named,
        stock,
    })
}

/// What can be bought: at least the first row.
fn offers(rows: &[Row], currency: Currency) -> Result<Vec<Offer<'_>>, Problem> {
    let first = &rows[0];
    let mut offers = vec![Offer::read(first, first, currency)?];
    for row in &rows[1..] {
        if is_offer(row)? {
            offers.push(Offer::read(row, first, currency)?);
        }
    }
    Ok(offers)
}

/// Under which SKUs a product is sold, and what was received of them.
struct Sold {
    sku: Sku,
    variants: Vec<Variant>,
    stock: Vec<Stocked>,
}

fn sold(offers: &[Offer<'_>], first: &Row) -> Result<Sold, Problem> {
    let handle = first.cell(HANDLE)?;
    if let [offer] = offers
        && offer.values.is_empty()
    {
        let sku = match offer.sku()? {
            Some(sku) => sku,
            None => derived(handle, &[], first)?,
        };
        return Ok(Sold {
            stock: offer.stock(&sku)?.into_iter().collect(),
            sku,
            variants: Vec::new(),
        });
    }
    let mut stock = Vec::new();
    let mut variants = Vec::new();
    for offer in offers {
        let variant = offer.variant(handle)?;
        stock.extend(offer.stock(&variant.sku)?);
        variants.push(variant);
    }
    Ok(Sold {
        sku: derived(handle, &[], first)?,
        variants,
        stock,
    })
}

fn invalid(row: &Row, column: &'static str) -> impl Fn(InvalidId) -> Problem {
    move |error| row.problem(column, error.to_string())
}

/// Whether the row is more than a further picture.
fn is_offer(row: &Row) -> Result<bool, Problem> {
    for column in [PRICE, SKU, OPTIONS[0].1, OPTIONS[1].1, OPTIONS[2].1] {
        if !row.cell(column)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A row that can be bought.
struct Offer<'a> {
    row: &'a Row,
    /// Names and values of its options; empty where the product has none.
    values: Vec<(&'a str, &'a str)>,
    price: Money,
    sale: Option<Money>,
}

impl<'a> Offer<'a> {
    fn read(row: &'a Row, first: &'a Row, currency: Currency) -> Result<Self, Problem> {
        let mut values = Vec::new();
        for (name, value) in OPTIONS {
            let (label, text) = (first.cell(name)?, row.cell(value)?);
            if !text.is_empty() {
                let label = if label.is_empty() { name } else { label };
                values.push((label, text));
            }
        }
        if let [("Title", NO_OPTION)] = values[..] {
            values.clear();
        }
        let money = |column| {
            let text = row.cell(column)?;
            amount(text, currency).map_err(|error| row.problem(column, error.to_string()))
        };
        let price = money(PRICE)?;
        let before = match row.cell(COMPARE_AT)? {
            "" => None,
            _ => Some(money(COMPARE_AT)?).filter(|before| before.amount > price.amount),
        };
        Ok(Self {
            row,
            values,
            price: before.unwrap_or(price),
            sale: before.map(|_| price),
        })
    }

    fn sku(&self) -> Result<Option<Sku>, Problem> {
        match self.row.cell(SKU)? {
            "" => Ok(None),
            text => Sku::parse(text).map(Some).map_err(invalid(self.row, SKU)),
        }
    }

    fn variant(&self, handle: &str) -> Result<Variant, Problem> {
        let values: Vec<_> = self.values.iter().map(|(_, value)| *value).collect();
        if values.is_empty() {
            let message = "is required where a product has several variants";
            return Err(self.row.problem(OPTIONS[0].1, message));
        }
        let sku = match self.sku()? {
            Some(sku) => sku,
            None => derived(handle, &values, self.row)?,
        };
        let pairs = self.values.iter();
        Ok(Variant {
            id: VariantId::parse(&joined(&values)).map_err(invalid(self.row, OPTIONS[0].1))?,
            sku,
            name: values.join(" / "),
            price: self.price,
            sale_price: self.sale,
            attributes: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        })
    }

    /// What was received. Without the column the file says nothing of stock; an empty cell is 0.
    fn stock(&self, sku: &Sku) -> Result<Option<Stocked>, Problem> {
        if self.row.number(QUANTITY).is_none() {
            return Ok(None);
        }
        let received = match self.row.cell(QUANTITY)? {
            "" => 0,
            text => text.parse::<u32>().map_err(|_| {
                let message = format!("must be a whole number from 0 to {}", u32::MAX);
                self.row.problem(QUANTITY, message)
            })?,
        };
        Ok(Some(Stocked {
            key: StockKey::Sku(sku.clone()),
            received: received.into(),
            line: self.row.line(),
            place: self.row.place(QUANTITY),
        }))
    }
}

/// The SKU of a row that has none: handle and option values, parted by a sign that no slug has,
/// so that it is the same at every import and two products never share one.
fn derived(handle: &str, values: &[&str], row: &Row) -> Result<Sku, Problem> {
    let text = if values.is_empty() {
        handle.to_owned()
    } else {
        format!("{handle}/{}", joined(values))
    };
    Sku::parse(&fit(text)).map_err(invalid(row, HANDLE))
}

/// Option values as an id. Those that lose too much by it keep their own signs.
fn joined(values: &[&str]) -> String {
    let plain = |value: &str| {
        value
            .chars()
            .all(|c| c.is_alphanumeric() || c == ' ' || c == '-')
    };
    let parts = values.iter().map(|value| {
        if plain(value) && value.chars().any(char::is_alphanumeric) {
            slug(value)
        } else {
            value.to_lowercase()
        }
    });
    fit(parts.collect::<Vec<_>>().join("/"))
}

fn status(row: &Row) -> Result<Status, Problem> {
    const COLUMNS: [&str; 2] = ["Status", "Published"];
    let status = match row.cell(COLUMNS[0])?.to_lowercase().as_str() {
        "" | "active" => Status::Active,
        "draft" => Status::Draft,
        "archived" => Status::Archived,
        _ => return Err(row.problem(COLUMNS[0], "must be active, draft or archived")),
    };
    match row.cell(COLUMNS[1])?.to_lowercase().as_str() {
        "" | "true" => Ok(status),
        "false" if status == Status::Active => Ok(Status::Draft),
        "false" => Ok(status),
        _ => Err(row.problem(COLUMNS[1], "must be true or false")),
    }
}

fn images(rows: &[Row]) -> Result<Vec<String>, Problem> {
    let mut images: Vec<String> = Vec::new();
    for row in rows {
        let image = row.cell(IMAGE)?;
        if !image.is_empty() && !images.iter().any(|other| other == image) {
            images.push(image.to_owned());
        }
    }
    Ok(images)
}

fn attributes(row: &Row) -> Result<Attributes, Problem> {
    let mut attributes = Attributes::new();
    for (name, column) in ATTRIBUTES {
        let text = row.cell(column)?;
        if !text.is_empty() {
            attributes.insert(name.to_owned(), text.to_owned());
        }
    }
    Ok(attributes)
}

fn brand(row: &Row) -> Result<(Option<BrandId>, Vec<CatalogRow>), Problem> {
    let name = row.cell(VENDOR)?;
    if name.is_empty() {
        return Ok((None, Vec::new()));
    }
    let id = BrandId::parse(&slug(name)).map_err(|_| nameless(row, VENDOR))?;
    let brand = CatalogRow::Brand(Brand {
        id: id.clone(),
        name: name.to_owned(),
        slug: slug(name),
        description: String::new(),
        logo_url: String::new(),
        active: true,
        created_at: UNSET,
        updated_at: UNSET,
    });
    check::row(&brand).map_err(|flaw| row.problem(VENDOR, flaw.message))?;
    Ok((Some(id), vec![brand]))
}

/// The categories of a path such as `Apparel > Shirts`, outermost first, and the innermost one's
/// id.
fn categories(row: &Row) -> Result<(Option<CategoryId>, Vec<CatalogRow>), Problem> {
    const DEEPEST: usize = 10;
    let mut named = Vec::new();
    let mut parent_id = None;
    for column in CATEGORIES {
        let path = row.cell(column)?;
        if path.is_empty() {
            continue;
        }
        let names: Vec<_> = path.split('>').map(str::trim).collect();
        if names.len() > DEEPEST {
            return Err(row.problem(column, format!("must have at most {DEEPEST} levels")));
        }
        for (level, name) in names.iter().enumerate() {
            let slug = slug(&names[..=level].join(" "));
            let id = CategoryId::parse(&slug).map_err(|_| nameless(row, column))?;
            let category = CatalogRow::Category(Category {
                id: id.clone(),
                name: (*name).to_owned(),
                slug,
                description: String::new(),
                parent_id: parent_id.replace(id),
                image_url: String::new(),
                active: true,
                created_at: UNSET,
                updated_at: UNSET,
            });
            check::row(&category).map_err(|flaw| row.problem(column, flaw.message))?;
            named.push(category);
        }
        break;
    }
    Ok((parent_id, named))
}

fn nameless(row: &Row, column: &'static str) -> Problem {
    row.problem(column, "must have a letter or digit")
}

/// The common limits, with the column that a field came from.
fn check(row: &CatalogRow, rows: &[Row], offers: &[Offer<'_>]) -> Result<(), Problem> {
    check::row(row).map_err(|flaw| {
        let path = flaw.field.strip_prefix("variants[");
        let index = path.and_then(|path| path.split_once(']')?.0.parse::<usize>().ok());
        if let Some(offer) = index.and_then(|index| offers.get(index)) {
            let column = match flaw.field.rsplit_once('.') {
                Some((_, "sku")) if !offer.row.cell(SKU).unwrap_or_default().is_empty() => SKU,
                Some((_, "price" | "amount" | "sale_price")) => PRICE,
                _ => OPTIONS[0].1,
            };
            return offer.row.problem(column, flaw.message);
        }
        let column = match flaw.field.split(['.', '[']).next() {
            Some("name") => TITLE,
            Some("description") => BODY,
            Some("images") => IMAGE,
            Some("attributes") => TAGS,
            Some("base_price" | "sale_price") => PRICE,
            _ => HANDLE,
        };
        rows[0].problem(column, flaw.message)
    })
}
