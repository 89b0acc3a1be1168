//! The ways in which APIs give out their pages, found by looking at the first one, or told.

use lab::Problem;
use serde::{Deserialize, Serialize};

use super::page::{Page, next_of_link};

/// How a collection is paged, as the user may say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// By the page's number: `page` and `page_size`.
    Page,
    /// By position: `offset` and `limit`.
    Offset,
    /// Each page tells the next one's cursor: `cursor` and `limit`.
    Cursor,
    /// Each page tells the next one's address in its header `Link`.
    Link,
}

/// A collection, and how its pages are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The address as the user gave it.
    pub(super) url: String,
    pub(super) style: Style,
    /// Records on a page.
    pub(super) size: u64,
    /// The number of the first page, where pages have numbers.
    pub(super) first: u64,
    /// Where the header `Link` only counts pages up: what they are counted by.
    pub(super) counted: bool,
}

impl Walk {
    /// The address that shows how the collection is paged.
    pub(super) fn probe(url: &str, style: Option<Style>, size: u64) -> String {
        match style {
            None => url.to_owned(),
            Some(Style::Page) => with(url, &[("page_size", &size.to_string())]),
            Some(Style::Offset) => with(url, &[("offset", "0"), ("limit", &size.to_string())]),
            Some(Style::Cursor) => with(url, &[("cursor", "start"), ("limit", &size.to_string())]),
            Some(Style::Link) => with(url, &[("per_page", &size.to_string())]),
        }
    }

    /// Reads off a page how the collection is paged.
    ///
    /// # Errors
    /// A page that says nothing of others.
    pub(super) fn find(
        url: &str,
        style: Option<Style>,
        size: u64,
        page: &Page,
        link: Option<&str>,
    ) -> Result<Self, Problem> {
        let found = if link.and_then(next_of_link).is_some()
            || link.is_some_and(|link| link.contains("rel=\"last\""))
        {
            Some(Style::Link)
        } else if page.rest.get("next_cursor").is_some() {
            Some(Style::Cursor)
        } else if page.number("offset").is_some() {
            Some(Style::Offset)
        } else if page.number("page").is_some() {
            Some(Style::Page)
        } else {
            None
        };
        let Some(style) = style.or(found) else {
            return Err(Problem::new("it cannot be seen how this API is paged")
                .at(fetch::Target::show(url))
                .expected(
                    "page and page_size, offset and limit, next_cursor, or a header Link, in the answer",
                )
                .hint("say it with --style"));
        };
        let first = if style == Style::Page { page.number("page").unwrap_or(1) } else { 1 };
        let mut walk = Self { url: url.to_owned(), style, size, first, counted: false };
        walk.counted = style == Style::Link
            && link
                .and_then(next_of_link)
                .and_then(|next| query(next, "page"))
                .is_some_and(|page| page == "2");
        if walk.counted && query(url, "per_page").is_none() && found.is_some() {
            walk.url = with(url, &[("per_page", &size.to_string())]);
        }
        Ok(walk)
    }

    /// Whether any page can be asked for at any time.
    pub(super) fn is_numbered(&self) -> bool {
        match self.style {
            Style::Page | Style::Offset => true,
            Style::Link => self.counted,
            Style::Cursor => false,
        }
    }

    /// Whether the header `Link` tells the next page's address.
    #[cfg(any(test, fuzzing))]
    pub(super) fn is_told_by_link(&self) -> bool {
        self.style == Style::Link
    }

    /// The address of the page at a place, from 0.
    pub(super) fn page(&self, place: u64) -> String {
        let (size, number) = (self.size.to_string(), self.first.saturating_add(place).to_string());
        match self.style {
            Style::Page => with(&self.url, &[("page", &number), ("page_size", &size)]),
            Style::Offset => {
                with(&self.url, &[("offset", &place.saturating_mul(self.size).to_string()), ("limit", &size)])
            }
            Style::Link => with(&self.url, &[("page", &number), ("per_page", &size)]),
            Style::Cursor => with(&self.url, &[("cursor", "start"), ("limit", &size)]),
        }
    }

    /// The address of the next page, where each page tells it.
    pub(super) fn next(&self, page: &Page, link: Option<&str>) -> Option<String> {
        match self.style {
            Style::Cursor => {
                let cursor = page.rest.get("next_cursor")?.as_str()?;
                Some(with(&self.url, &[("cursor", cursor), ("limit", &self.size.to_string())]))
            }
            Style::Link => link.and_then(next_of_link).map(|next| absolute(&self.url, next)),
            Style::Page | Style::Offset => None,
        }
    }

    /// How many pages there are, as far as this page says.
    pub(super) fn pages(&self, page: &Page, link: Option<&str>) -> Option<u64> {
        let by_total = || page.number("total").map(|total| total.div_ceil(self.size));
        match self.style {
            Style::Link => {
                let last = link?.split(',').find(|one| one.contains("rel=\"last\""))?;
                let target = last.trim().strip_prefix('<')?.split_once('>')?.0;
                query(target, "page")?
                    .parse::<u64>()
                    .ok()
                    .map(|last| last.saturating_add(1).saturating_sub(self.first))
            }
            _ => by_total(),
        }
    }
}

/// `url` with these parameters, instead of those of the same names. What a server tells as a cursor is any text, and becomes
/// the value of one parameter.
pub(super) fn with(url: &str, parameters: &[(&str, &str)]) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let (path, old) = url.split_once('?').unwrap_or((url, ""));
    let named = |pair: &&str| !parameters.iter().any(|(name, _)| pair.split('=').next() == Some(name));
    let mut pairs: Vec<String> =
        old.split('&').filter(|pair| !pair.is_empty()).filter(named).map(str::to_owned).collect();
    pairs.extend(parameters.iter().map(|(name, value)| {
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        format!("{name}={value}")
    }));
    format!("{path}?{}", pairs.join("&"))
}

/// The value of a parameter.
fn query<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let pairs = url.split_once('?')?.1.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(one, _)| *one == name).map(|(_, value)| value)
}

/// A reference, relative to an address.
fn absolute(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    let host_end = base
        .find("://")
        .map_or(0, |scheme| base[scheme + 3..].find('/').map_or(base.len(), |path| scheme + 3 + path));
    if reference.starts_with('/') {
        return format!("{}{reference}", &base[..host_end]);
    }
    let path = base.split('?').next().unwrap_or(base);
    if reference.starts_with('?') {
        return format!("{path}{reference}");
    }
    format!("{}/{reference}", path.rsplit_once('/').map_or(path, |(folder, _)| folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_replace_their_namesakes_and_references_find_their_place() {
        assert_eq!(with("http://a/b?uf=SP&page=3#c", &[("page", "4")]), "http://a/b?uf=SP&page=4");
        assert_eq!(
            with("http://a/b", &[("cursor", "x&limit=9=+/é")]),
            "http://a/b?cursor=x%26limit%3D9%3D%2B%2F%C3%A9"
        );
        assert_eq!(absolute("http://a:1/b/c?x=1", "/d?y=2"), "http://a:1/d?y=2");
        assert_eq!(absolute("http://a:1/b/c?x=1", "d"), "http://a:1/b/d");
        assert_eq!(absolute("http://a:1/b/c?x=1", "?y=2"), "http://a:1/b/c?y=2");
    }
}
