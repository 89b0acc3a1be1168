//! What the reading of pages promises, as functions of any bytes: the fuzz targets call them with inputs of libFuzzer's,
//! the tests with inputs of proptest's and with those that once broke a promise. They panic where a promise is broken.

use serde_json::Value;

use super::page::{Page, find_key, key_of, names_twice};
use super::walk::{Style, Walk, with};

/// The records of a page are those that a JSON parser sees, and whatever the page and its header `Link` say of others,
/// their addresses can be made.
///
/// The first two bytes choose a style and a size, the line behind them is the header, the rest is the body.
///
/// # Panics
/// Where they are others, or cannot.
pub fn a_page_is_what_a_parser_says(bytes: &[u8]) {
    let [style, size, rest @ ..] = bytes else { return };
    let style = [None, Some(Style::Page), Some(Style::Offset), Some(Style::Cursor), Some(Style::Link)]
        [usize::from(style % 5)];
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let (Ok(link), body) = (std::str::from_utf8(&rest[..end]), rest.get(end + 1..).unwrap_or_default())
    else {
        return;
    };
    let parsed = serde_json::from_slice::<Value>(body);
    let page = match Page::read(body, None) {
        Ok(page) => page,
        Err(why) => {
            let has_list = parsed.is_ok_and(|value| {
                value.is_array() || ["items", "data"].iter().any(|name| value[*name].is_array())
            });
            assert!(!has_list || names_twice(body), "{why}: {}", String::from_utf8_lossy(body));
            return;
        }
    };
    if let Ok(value) = parsed
        && !names_twice(body)
    {
        same_records(&page, &value);
    }
    let link = (!link.is_empty()).then_some(link);
    addresses(&page, link, style, u64::from(*size) + 1);
}

fn same_records(page: &Page, value: &Value) {
    let records: Vec<Value> = page
        .lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let lists: Vec<&Vec<Value>> = match value {
        Value::Object(members) => members.values().filter_map(Value::as_array).collect(),
        value => value.as_array().into_iter().collect(),
    };
    assert!(lists.contains(&&records), "{records:?} of {value:?}");
    assert!(page.lines.iter().all(|line| !line.contains(['\n', '\r'])), "{:?}", page.lines);
    let Some(key) = find_key(&page.lines) else { return };
    for (line, record) in page.lines.iter().zip(&records) {
        let found: Value = serde_json::from_str(key_of(line, Some(&key))).expect("a key is a value");
        assert!(names_twice(line.as_bytes()) || found == record[&key], "{found:?} of {line}");
    }
}

fn addresses(page: &Page, link: Option<&str>, style: Option<Style>, size: u64) {
    const URL: &str = "http://127.0.0.1:8000/a/b?uf=SP&page=3";
    let Ok(walk) = Walk::find(URL, style, size, page, link) else { return };
    let pages = walk.pages(page, link);
    for place in [0, 1, pages.unwrap_or(7).saturating_sub(1)] {
        let address = fetch::Target::parse(&walk.page(place)).expect("an address that can be asked for");
        assert!(address.to_string().starts_with("http://127.0.0.1:8000/a/b?uf=SP&"), "{address}");
    }
    if let Some(next) = walk.next(page, link) {
        // What a server says may be no address; it is then refused as one, and it never names another of our parameters.
        let known = fetch::Target::parse(&next);
        assert!(walk.is_told_by_link() || known.is_ok(), "{next}");
        if let (Ok(target), Some(cursor)) = (known, page.rest.get("next_cursor").and_then(Value::as_str))
            && !walk.is_told_by_link()
        {
            let (_, query) = target.as_str().split_once('?').expect("a query");
            let sent: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            let cursors: Vec<_> = sent.iter().filter(|(name, _)| name == "cursor").collect();
            assert!(cursors.len() == 1 && cursors[0].1 == cursor, "{cursor:?} is sent as {next}");
        }
    }
    assert_eq!(with("http://a/b?x=1&y=2", &[("x", "3")]), "http://a/b?y=2&x=3");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_page_and_any_link(
            choice in proptest::collection::vec(any::<u8>(), 2),
            link in "(</a\\?page=[0-9]{1,20}>|; rel=\"next\"|; rel=\"last\"|, ){0,6}",
            body in "(\\{|\\}|\\[|\\]|\"items\"|\"next_cursor\"|\"page\"|\"total\"|\"offset\"|:|,|1|\"a&b=\\+ é\"|18446744073709551615| |\n){0,24}",
        ) {
            a_page_is_what_a_parser_says(&[choice, format!("{link}\n{body}").into_bytes()].concat());
        }
    }
}
