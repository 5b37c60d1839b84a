//! The catalogue: products, categories and brands, for anybody.

use super::endpoints::{LIST_BRANDS, LIST_CATEGORIES, LIST_CATEGORY, LIST_PRODUCTS, VIEW_PRODUCT};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::format::Rfc3339;
use super::query::{self, Page, Paged};
use super::rendered::Answer;
use super::{Api, products};
use crate::actors::Failure;
use crate::catalog::search::{Keywords, SearchError};
use crate::catalog::{Listing, View};
use crate::domain::catalog::{Brand, Catalog, Category};
use crate::domain::ids::{BrandId, CategoryId, ProductId};
use serde::Serialize;
use std::sync::Arc;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &LIST_PRODUCTS, list_products),
        route(api, &VIEW_PRODUCT, view_product),
        route(api, &LIST_CATEGORY, list_category),
        route(api, &LIST_CATEGORIES, list_categories),
        route(api, &LIST_BRANDS, list_brands),
    ]
}

async fn list_products(call: Call) -> Result<Response, ApiError> {
    let view = call.api.catalog.current();
    if let Some(answer) = call.api.rendered().find(&view, call.target()) {
        return Ok(answer.respond(call.headers()));
    }
    let page = Page::parse(call.query())?;
    let keyword = query::parameter(call.query(), "keyword")?.unwrap_or_default();
    let answer = match keyword.trim() {
        "" => of_listing(&call, page, view.snapshot.listing())?,
        keyword => search(&call, page, keyword, &view).await?,
    };
    call.api.rendered().keep(&view, call.target(), &answer);
    Ok(answer.respond(call.headers()))
}

async fn list_category(call: Call) -> Result<Response, ApiError> {
    shown(&call, |view| {
        let page = Page::parse(call.query())?;
        let id = call.id()?.and_then(|id| CategoryId::parse(&id).ok());
        let listing = id.and_then(|id| view.snapshot.category(&id));
        of_listing(&call, page, listing.ok_or(ApiError::NoSuchCategory)?)
    })
}

async fn view_product(call: Call) -> Result<Response, ApiError> {
    shown(&call, |view| {
        let id = call.id()?.and_then(|id| ProductId::parse(&id).ok());
        let product = id.and_then(|id| view.snapshot.product(&id));
        products::one(product.ok_or(ApiError::NoSuchProduct)?)
    })
}

async fn list_categories(call: Call) -> Result<Response, ApiError> {
    shown(&call, |view| {
        let page = Page::parse(call.query())?;
        let paged: Paged<CategoryView<'_>> = page.of(view.snapshot.categories());
        Answer::of(&paged)
    })
}

async fn list_brands(call: Call) -> Result<Response, ApiError> {
    shown(&call, |view| {
        let page = Page::parse(call.query())?;
        let paged: Paged<BrandView<'_>> = page.of(view.snapshot.brands());
        Answer::of(&paged)
    })
}

/// Answers with what was written for the current view before, or has it written.
pub(super) fn shown(
    call: &Call,
    write: impl FnOnce(&View) -> Result<Answer, ApiError>,
) -> Result<Response, ApiError> {
    let (view, rendered) = (call.api.catalog.current(), call.api.rendered());
    let answer = match rendered.find(&view, call.target()) {
        Some(answer) => answer,
        None => {
            let answer = write(&view)?;
            rendered.keep(&view, call.target(), &answer);
            answer
        }
    };
    Ok(answer.respond(call.headers()))
}

fn of_listing(call: &Call, page: Page, listing: Listing<'_>) -> Result<Answer, ApiError> {
    let products = listing.page(page.start(), page.limit());
    let meta = page.meta(count(listing.total()));
    call.api.written_products().page(products, &meta)
}

/// A selective search is answered at once: it takes less than to hand it to another thread. A broad
/// one, such as a short prefix in a large catalogue, takes milliseconds: those have a few places of
/// their own, and a queue, so that neither they nor anything else waits for many of them.
async fn search(
    call: &Call,
    page: Page,
    keyword: &str,
    view: &Arc<View>,
) -> Result<Answer, ApiError> {
    let keywords = Keywords::parse(keyword).map_err(failed)?;
    let (offset, limit) = (page.start(), page.limit());
    let selective = view.find_selective(&keywords, offset, limit);
    let found = match selective.map_err(failed)? {
        Some(found) => found,
        None => {
            let view = Arc::clone(view);
            let find = move || view.find(&keywords, offset, limit);
            let found = call.api.broad_searches().run(call.deadline, find).await?;
            found.map_err(failed)?
        }
    };
    let meta = page.meta(count(found.total));
    call.api.written_products().page(&found.products, &meta)
}

fn failed(error: SearchError) -> ApiError {
    match error {
        SearchError::TooLong | SearchError::TooManyWords => {
            ApiError::InvalidRequest(error.to_string())
        }
        SearchError::Index(_) => {
            tracing::error!(%error, "http.search.failed");
            ApiError::Failed(Failure::Internal)
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Page {
    /// This page of a list in memory.
    fn of<'a, T, V: From<&'a T>>(self, list: &'a [T]) -> Paged<V> {
        let entries = list.iter().skip(self.start()).take(self.limit());
        Paged {
            data: entries.map(V::from).collect(),
            meta: self.meta(count(list.len())),
        }
    }
}

#[derive(Serialize)]
struct CategoryView<'a> {
    id: &'a CategoryId,
    name: &'a str,
    slug: &'a str,
    description: &'a str,
    parent_id: Option<&'a CategoryId>,
    image_url: &'a str,
    active: bool,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

#[derive(Serialize)]
struct BrandView<'a> {
    id: &'a BrandId,
    name: &'a str,
    slug: &'a str,
    description: &'a str,
    logo_url: &'a str,
    active: bool,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

impl<'a> From<&'a Category> for CategoryView<'a> {
    fn from(category: &'a Category) -> Self {
        Self {
            id: &category.id,
            name: &category.name,
            slug: &category.slug,
            description: &category.description,
            parent_id: category.parent_id.as_ref(),
            image_url: &category.image_url,
            active: category.active,
            created_at: Rfc3339(category.created_at),
            updated_at: Rfc3339(category.updated_at),
        }
    }
}

impl<'a> From<&'a Brand> for BrandView<'a> {
    fn from(brand: &'a Brand) -> Self {
        Self {
            id: &brand.id,
            name: &brand.name,
            slug: &brand.slug,
            description: &brand.description,
            logo_url: &brand.logo_url,
            active: brand.active,
            created_at: Rfc3339(brand.created_at),
            updated_at: Rfc3339(brand.updated_at),
        }
    }
}
