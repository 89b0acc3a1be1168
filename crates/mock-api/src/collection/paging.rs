//! Which page a request asks for.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::input::{Check, within};
use crate::problem::Problem;

/// The parameters of all four ways; a request uses those of one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Paging {
    /// The page's number, from 1. With `page_size` or `per_page`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    page: Option<u64>,
    /// Records on a page, with all totals in the body.
    #[schemars(range(min = 1, max = 1000))]
    page_size: Option<u64>,
    /// The first record's position, from 0. With `limit`.
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    offset: Option<u64>,
    /// Records to answer with at most. With `offset` or `cursor`.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u64>,
    /// `start`, or the `next_cursor` of the answer before. With `limit`.
    #[schemars(regex(pattern = r"^(start|[0-9a-fA-F]{32})$"))]
    cursor: Option<String>,
    /// Records on a page, as a bare array with its neighbours in the header `Link`.
    #[schemars(range(min = 1, max = 1000))]
    per_page: Option<u64>,
}

/// One of the four ways, with its defaults filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Style {
    Page { page: u64, page_size: u64 },
    Offset { offset: u64, limit: u64 },
    Cursor { cursor: String, limit: u64 },
    Link { page: u64, per_page: u64 },
}

/// Records on a page where the request does not say.
const USUAL_SIZE: u64 = 20;

impl Check for Paging {
    fn check(&self) -> Result<(), Problem> {
        let size = |field, value: Option<u64>| value.map_or(Ok(()), |value| within(field, &value, 1..=1_000));
        size("page_size", self.page_size)?;
        size("limit", self.limit)?;
        size("per_page", self.per_page)?;
        self.page.map_or(Ok(()), |page| within("page", &page, 1..=1_000_000_000))?;
        self.offset.map_or(Ok(()), |offset| within("offset", &offset, 0..=1_000_000_000_000))
    }
}

impl Paging {
    /// The way that the given parameters name. Parameters of two ways are a mistake that a real API would hide.
    pub(super) fn style(&self) -> Result<Style, Problem> {
        let alone = |way: &str, others: &[(&str, bool)]| {
            others.iter().find(|(_, given)| *given).map_or(Ok(()), |(field, _)| {
                Err(Problem::field(field, format!("cannot be used together with `{way}`")))
            })
        };
        let (page, page_size) = (("page", self.page.is_some()), ("page_size", self.page_size.is_some()));
        let (offset, limit) = (("offset", self.offset.is_some()), ("limit", self.limit.is_some()));
        if let Some(per_page) = self.per_page {
            alone("per_page", &[page_size, offset, limit, ("cursor", self.cursor.is_some())])?;
            return Ok(Style::Link { page: self.page.unwrap_or(1), per_page });
        }
        if let Some(cursor) = &self.cursor {
            alone("cursor", &[page, page_size, offset])?;
            return Ok(Style::Cursor { cursor: cursor.clone(), limit: self.limit.unwrap_or(USUAL_SIZE) });
        }
        if offset.1 || limit.1 {
            alone(if offset.1 { "offset" } else { "limit" }, &[page, page_size])?;
            let (offset, limit) = (self.offset.unwrap_or(0), self.limit.unwrap_or(USUAL_SIZE));
            return Ok(Style::Offset { offset, limit });
        }
        Ok(Style::Page { page: self.page.unwrap_or(1), page_size: self.page_size.unwrap_or(USUAL_SIZE) })
    }
}

/// The header `Link` of a page: its neighbours, the first and the last, as references relative to the server.
pub(super) fn link(collection: &str, query: &str, page: u64, per_page: u64, pages: u64) -> String {
    let filter = if query.is_empty() { String::new() } else { format!("&{query}") };
    let last = pages.max(1);
    let mut links = vec![("first", 1), ("last", last)];
    if page > 1 {
        links.push(("prev", (page - 1).min(last)));
    }
    if page < last {
        links.push(("next", page + 1));
    }
    let links = links.into_iter().map(|(relation, page)| {
        format!("</{collection}?page={page}&per_page={per_page}{filter}>; rel=\"{relation}\"")
    });
    links.collect::<Vec<_>>().join(", ")
}
