//! The rows of the table, one file each.

mod hot_cart;
mod hot_stock;

use crate::Failure;
use crate::measure::Row;
use std::path::Path;

/// All of them, each with stores of its own in `dir`.
pub(crate) async fn all(dir: &Path) -> Result<Vec<Box<dyn Row>>, Failure> {
    Ok(vec![
        Box::new(hot_cart::HotCart::new(dir).await?),
        Box::new(hot_stock::HotStock::new(dir).await?),
    ])
}
