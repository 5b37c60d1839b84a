//! Query parameters, and the pages that they ask for.

use super::error::ApiError;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::borrow::Cow;

/// The products, orders and so on of a page, unless the client says otherwise.
const DEFAULT_SIZE: u32 = 20;
/// The most of a page.
const MAX_SIZE: u32 = 100;

/// A parameter's value, decoded. Of several the last counts. `None` where it is absent.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, ApiError> {
    let mut pairs = query
        .split('&')
        .rev()
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let Some((_, value)) = pairs.find(|(given, _)| *given == name) else {
        return Ok(None);
    };
    let decoded = if value.contains('+') {
        let spaced = value.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8();
        decoded.map(|text| Cow::Owned(text.into_owned()))
    } else {
        percent_decode_str(value).decode_utf8()
    };
    let invalid = |_| ApiError::InvalidRequest(format!("{name} must be percent-encoded UTF-8"));
    decoded.map(Some).map_err(invalid)
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    pub(super) number: u64,
    /// 1 to [`MAX_SIZE`].
    pub(super) size: u32,
}

impl Page {
    /// The page that a query asks for.
    ///
    /// # Errors
    /// A number or a size that is not a whole number of at least 1.
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let number = whole_number(query, "page")?.unwrap_or(1);
        let size = whole_number(query, "page_size")?.unwrap_or(DEFAULT_SIZE.into());
        let size = u32::try_from(size).map_or(MAX_SIZE, |size| size.min(MAX_SIZE));
        Ok(Self { number, size })
    }

    /// How many entries come before it.
    pub(super) fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size.into())
    }

    /// As [`Self::offset`], for what is in memory.
    pub(super) fn start(self) -> usize {
        usize::try_from(self.offset()).unwrap_or(usize::MAX)
    }

    /// The most entries that it has.
    pub(super) fn limit(self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// What is told about it, given how many entries there are in all.
    pub(super) fn meta(self, total_items: u64) -> Meta {
        let total_pages = total_items.div_ceil(self.size.into());
        Meta {
            page: self.number,
            page_size: self.size,
            total_items,
            total_pages,
            has_next: self.number < total_pages,
            has_prev: self.number > 1,
        }
    }
}

/// A whole number of at least 1; one beyond every list counts as the largest there is.
fn whole_number(query: &str, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = parameter(query, name)? else {
        return Ok(None);
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().unwrap_or(u64::MAX));
    match number {
        Some(number) if number >= 1 => Ok(Some(number)),
        _ => Err(ApiError::InvalidRequest(format!(
            "{name} must be a whole number of at least 1"
        ))),
    }
}

/// Where a page stands in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Meta {
    page: u64,
    page_size: u32,
    total_items: u64,
    total_pages: u64,
    has_next: bool,
    has_prev: bool,
}

/// A page as it is answered.
#[derive(Serialize)]
pub(super) struct Paged<T> {
    pub(super) data: Vec<T>,
    pub(super) meta: Meta,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(query: &str) -> Result<(u64, u32), String> {
        let page = Page::parse(query).map_err(|error| error.to_string())?;
        Ok((page.number, page.size))
    }

    #[test]
    fn a_page_is_one_of_twenty_unless_the_query_says_otherwise() {
        assert_eq!(page(""), Ok((1, 20)));
        assert_eq!(page("page=3&page_size=7"), Ok((3, 7)));
        assert_eq!(page("page_size=101"), Ok((1, 100)));
        assert_eq!(page("page=1&page=2"), Ok((2, 20)));
        assert_eq!(page("page=%32"), Ok((2, 20)));
        let beyond = "99999999999999999999999";
        let all = page(&format!("page={beyond}&page_size={beyond}"));
        assert_eq!(all, Ok((u64::MAX, 100)));
        for wrong in ["0", "-1", "1.5", "x", "", "+1", "%2B1", " 1", "1e3"] {
            let told = page(&format!("page={wrong}")).unwrap_err();
            assert_eq!(told, "page must be a whole number of at least 1", "{wrong}");
            let told = page(&format!("page_size={wrong}")).unwrap_err();
            assert_eq!(told, "page_size must be a whole number of at least 1");
        }
    }

    #[test]
    fn values_are_decoded() {
        let keyword = |query| parameter(query, "keyword").map(|value| value.map(Cow::into_owned));
        assert_eq!(keyword("a=b").unwrap(), None);
        assert_eq!(keyword("keyword").unwrap().as_deref(), Some(""));
        assert_eq!(
            keyword("keyword=a+b%2Bc%C3%A4=d").unwrap().as_deref(),
            Some("a b+cä=d")
        );
        assert!(keyword("keyword=%FF").is_err());
        assert!(keyword("keyword=+%FF").is_err());
    }

    #[test]
    fn meta_tells_the_truth_past_the_end() {
        let page = Page {
            number: 9,
            size: 20,
        };
        let expected = Meta {
            page: 9,
            page_size: 20,
            total_items: 41,
            total_pages: 3,
            has_next: false,
            has_prev: true,
        };
        assert_eq!(page.meta(41), expected);
        let first = Page::parse("").unwrap().meta(0);
        assert_eq!(
            (first.total_pages, first.has_next, first.has_prev),
            (0, false, false)
        );
    }

    proptest! {
        #[test]
        fn pages_cover_every_entry_once(total in 0_u64..5_000, size in 1_u32..=MAX_SIZE) {
            let pages = Page { number: 1, size }.meta(total).total_pages;
            let mut covered = 0;
            for number in 1..=pages {
                let page = Page { number, size };
                prop_assert_eq!(page.offset(), covered);
                covered = total.min(covered + u64::from(size));
                prop_assert_eq!(page.meta(total).has_next, covered < total);
            }
            prop_assert_eq!(covered, total);
        }

        #[test]
        fn no_query_panics(query in "\\PC{0,60}", number in any::<u64>()) {
            let _ = parameter(&query, "page");
            if let Ok(page) = Page::parse(&format!("page={number}&page_size={number}")) {
                let _ = (page.offset(), page.start(), page.meta(number));
            }
        }
    }
}
