//! Generated records as lines that [`run`](crate::import::run) takes.

use super::{Generator, Record};
use crate::domain::money::Money;
use crate::store::CatalogRow;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Category {
        id: &'a str,
        name: &'a str,
        slug: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_id: Option<&'a str>,
    },
    Brand {
        id: &'a str,
        name: &'a str,
        slug: &'a str,
        description: &'a str,
    },
    Product {
        id: &'a str,
        sku: &'a str,
        name: &'a str,
        description: &'a str,
        base_price: Price<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sale_price: Option<Price<'a>>,
        brand_id: Option<&'a str>,
        category_id: Option<&'a str>,
        stock: Option<u64>,
    },
}

#[derive(Serialize)]
struct Price<'a> {
    amount: i64,
    currency: &'a str,
}

impl Generator {
    /// Writes every record as a line of NDJSON.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_ndjson(&self, output: &mut impl Write) -> io::Result<()> {
        for record in self.records() {
            let record = record.map_err(io::Error::other)?;
            if let Some(line) = line(&record) {
                serde_json::to_writer(&mut *output, &line)?;
                output.write_all(b"\n")?;
            }
        }
        output.flush()
    }
}

/// The fields that generated records have; `None` for the kinds of which none is generated.
fn line(record: &Record) -> Option<Line<'_>> {
    match &record.row {
        CatalogRow::Category(row) => Some(Line::Category {
            id: row.id.as_str(),
            name: &row.name,
            slug: &row.slug,
            description: &row.description,
            parent_id: row.parent_id.as_ref().map(|id| id.as_str()),
        }),
        CatalogRow::Brand(row) => Some(Line::Brand {
            id: row.id.as_str(),
            name: &row.name,
            slug: &row.slug,
            description: &row.description,
        }),
        CatalogRow::Product(row) => Some(Line::Product {
            id: row.id.as_str(),
            sku: row.sku.as_str(),
            name: &row.name,
            description: &row.description,
            base_price: price(&row.base_price),
            sale_price: row.sale_price.as_ref().map(price),
            brand_id: row.brand_id.as_ref().map(|id| id.as_str()),
            category_id: row.category_id.as_ref().map(|id| id.as_str()),
            stock: record.stock,
        }),
        CatalogRow::Currency(_)
        | CatalogRow::TaxRate(_)
        | CatalogRow::ShippingMethod(_)
        | CatalogRow::Promotion(_) => None,
    }
}

fn price(money: &Money) -> Price<'_> {
    Price {
        amount: money.amount,
        currency: money.currency.as_str(),
    }
}
