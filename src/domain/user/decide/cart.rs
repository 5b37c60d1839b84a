//! Changes of the cart.

use super::{Answer, Context, Decision};
use crate::domain::cart::{
    Cart, Line, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_VALUE, MAX_ATTRIBUTES, MAX_BYTES, MAX_KNOWN_NAME,
    MAX_LINES, MAX_QUANTITY,
};
use crate::domain::catalog::{Attributes, Catalog, NoOffer, Offer, offer};
use crate::domain::ids::{LineId, ProductId, Sku, VariantId};
use crate::domain::user::{Command, Event, Rejection, State};

/// The SKU whose stock a change is judged by: that of the units that it adds.
pub(super) fn stock_needed(state: &State, command: &Command, catalog: &dyn Catalog) -> Option<Sku> {
    match command {
        Command::AddItem {
            product_id,
            variant_id,
            ..
        } => offer(catalog, product_id, variant_id.as_ref())
            .ok()
            .map(|offer| offer.sku.clone()),
        Command::SetQuantity { line, quantity } => {
            let line = state
                .cart
                .line(*line)
                .filter(|line| *quantity > i64::from(line.quantity))?;
            let offer = offer(catalog, &line.product_id, line.variant_id.as_ref()).ok()?;
            Some(offer.sku.clone())
        }
        _ => None,
    }
}

pub(super) fn decide(
    cart: &Cart,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let at = context.now;
    let event = match command {
        Command::AddItem {
            product_id,
            variant_id,
            quantity,
            attributes,
        } => add(
            cart,
            (product_id, variant_id.as_ref()),
            *quantity,
            attributes,
            context,
        )?,
        Command::SetQuantity { line, quantity } => set_quantity(cart, *line, *quantity, context)?,
        Command::RemoveItem(line) => {
            let line = cart.line(*line).ok_or(Rejection::ItemNotFound)?.id;
            Event::LineRemoved { line, at }
        }
        _ => Event::CartCleared { at },
    };
    Ok(Decision::new(vec![event], Answer::Cart))
}

fn add(
    cart: &Cart,
    (product_id, variant_id): (&ProductId, Option<&VariantId>),
    quantity: i64,
    attributes: &Attributes,
    context: &Context<'_>,
) -> Result<Event, Rejection> {
    let quantity = checked_quantity(quantity)?;
    check_attributes(attributes)?;
    let offer = offer(context.catalog, product_id, variant_id).map_err(Rejection::from)?;
    check_stock(cart, &offer, u64::from(quantity), context)?;
    let at = context.now;
    let event = match cart.same_choice(product_id, variant_id, attributes) {
        Some(line) => {
            let total = checked_quantity(i64::from(line.quantity) + i64::from(quantity))?;
            Event::LineChanged {
                line: renewed(line, &offer, total),
                at,
            }
        }
        None if cart.lines.len() >= MAX_LINES => return Err(Rejection::CartFull),
        None => Event::LineAdded {
            line: Line {
                id: LineId((context.fresh_id)()),
                product_id: product_id.clone(),
                variant_id: variant_id.cloned(),
                sku: offer.sku.clone(),
                name: known_name(offer.name),
                price: offer.price,
                quantity,
                attributes: attributes.clone(),
            },
            at,
        },
    };
    check_size(cart, &event, context)?;
    Ok(event)
}

fn set_quantity(
    cart: &Cart,
    line: LineId,
    quantity: i64,
    context: &Context<'_>,
) -> Result<Event, Rejection> {
    let quantity = checked_quantity(quantity)?;
    let line = cart.line(line).ok_or(Rejection::ItemNotFound)?;
    let more = quantity.saturating_sub(line.quantity);
    let line = match offer(context.catalog, &line.product_id, line.variant_id.as_ref()) {
        Ok(offer) => {
            if more > 0 {
                check_stock(cart, &offer, u64::from(more), context)?;
            }
            renewed(line, &offer, quantity)
        }
        Err(_) if more > 0 => {
            return Err(Rejection::ProductUnavailable {
                name: line.name.clone(),
            });
        }
        Err(_) => Line {
            quantity,
            ..line.clone()
        },
    };
    Ok(Event::LineChanged {
        line,
        at: context.now,
    })
}

/// The line with a new quantity and what is known of its product now.
fn renewed(line: &Line, offer: &Offer<'_>, quantity: u32) -> Line {
    Line {
        quantity,
        sku: offer.sku.clone(),
        name: known_name(offer.name),
        price: offer.price,
        ..line.clone()
    }
}

/// A product's name as a line keeps it: cut where it is long, so that a full cart stays small.
fn known_name(name: &str) -> String {
    let cut = (0..=name.len().min(MAX_KNOWN_NAME))
        .rev()
        .find(|end| name.is_char_boundary(*end));
    name[..cut.unwrap_or(0)].to_owned()
}

fn checked_quantity(quantity: i64) -> Result<u32, Rejection> {
    let checked = u32::try_from(quantity).ok();
    checked
        .filter(|n| (1..=MAX_QUANTITY).contains(n))
        .ok_or(Rejection::InvalidQuantity)
}

fn check_attributes(attributes: &Attributes) -> Result<(), Rejection> {
    let fits = attributes.len() <= MAX_ATTRIBUTES
        && attributes.iter().all(|(name, value)| {
            (1..=MAX_ATTRIBUTE_NAME).contains(&name.len()) && value.len() <= MAX_ATTRIBUTE_VALUE
        });
    if fits {
        Ok(())
    } else {
        Err(Rejection::InvalidAttributes)
    }
}

fn check_stock(
    cart: &Cart,
    offer: &Offer<'_>,
    more: u64,
    context: &Context<'_>,
) -> Result<(), Rejection> {
    let figure = context
        .available
        .as_ref()
        .filter(|(sku, _)| sku == offer.sku);
    let available = figure.map_or(0, |(_, available)| *available);
    if cart.quantity_of(offer.sku) + more <= available {
        Ok(())
    } else {
        Err(Rejection::OutOfStock {
            sku: offer.sku.to_string(),
            available,
        })
    }
}

/// Refuses a change that would make the cart larger than may be stored. Only attributes make it
/// so: lines without any always fit.
fn check_size(cart: &Cart, event: &Event, context: &Context<'_>) -> Result<(), Rejection> {
    let Event::LineAdded { line, .. } = event else {
        return Ok(());
    };
    let mut larger = cart.clone();
    larger.lines.push(line.clone());
    if larger.lines.iter().any(|line| !line.attributes.is_empty())
        && (context.stored_size)(&larger) > MAX_BYTES
    {
        return Err(Rejection::CartTooLarge);
    }
    Ok(())
}

impl From<NoOffer> for Rejection {
    fn from(reason: NoOffer) -> Self {
        match reason {
            NoOffer::UnknownProduct => Self::ProductNotFound,
            NoOffer::UnknownVariant => Self::VariantNotFound,
            NoOffer::VariantRequired => Self::VariantRequired,
        }
    }
}
