//! One page of an API's answer: its records as they were written, and what it says about the others.

use lab::Problem;
use serde_json::Value;

/// Where records are, in an answer that is an object.
const RECORDS: [&str; 6] = ["items", "data", "results", "records", "rows", "values"];

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    /// Each record on a line of its own.
    pub(super) lines: Vec<String>,
    /// What the answer says besides its records.
    pub(super) rest: Value,
}

impl Page {
    /// Reads a body.
    ///
    /// # Errors
    /// In words, a body that is no JSON or has no list of records.
    pub(super) fn read(body: &[u8], field: Option<&str>) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the page is not UTF-8".to_owned())?;
        let mut whole: Value =
            serde_json::from_str(text).map_err(|error| format!("the page is not JSON: {error}"))?;
        let list = match &mut whole {
            Value::Array(_) => text.trim(),
            Value::Object(object) => {
                let is_list = |name: &&str| object.get(*name).is_some_and(Value::is_array);
                let name = match field {
                    Some(name) => Some(name).filter(is_list),
                    None => RECORDS.into_iter().find(|name| is_list(name)),
                };
                let name = name.ok_or_else(|| {
                    format!("the page has no list called {}", field.unwrap_or("items, data or results"))
                })?;
                object.remove(name);
                member(text, name).ok_or("the page's list cannot be found")?
            }
            _ => return Err("the page is neither a list nor an object".into()),
        };
        // A line end in JSON that is no part of a text is a space.
        let lines = elements(list).into_iter().map(|record| record.replace(['\n', '\r'], " ")).collect();
        Ok(Self { lines, rest: if whole.is_array() { Value::Null } else { whole } })
    }

    /// A number that the page says.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.rest.get(name).and_then(Value::as_u64)
    }
}

/// The key of a record: one of its fields as it is written, or the whole.
pub(super) fn key_of<'a>(record: &'a str, field: Option<&str>) -> &'a str {
    field.and_then(|field| member(record, field)).unwrap_or(record)
}

/// The field that tells records apart: `id`, or the first that ends in `id` and is different in each.
pub(super) fn find_key(lines: &[String]) -> Option<String> {
    let first: Value = serde_json::from_str(lines.first()?).ok()?;
    let names: Vec<&String> = first.as_object()?.keys().collect();
    // As they are written: the record's own number usually comes first.
    let mut candidates: Vec<_> = names
        .into_iter()
        .filter(|name| *name == "id" || name.ends_with("id") || name.ends_with("Id"))
        .collect();
    candidates.sort_by_key(|name| (*name != "id", lines[0].find(&format!("\"{name}\""))));
    let distinct = |name: &&&String| {
        let keys: Option<std::collections::HashSet<&str>> =
            lines.iter().map(|line| member(line, name)).collect();
        keys.is_some_and(|keys| keys.len() == lines.len())
    };
    candidates.iter().find(distinct).map(|name| (*name).clone())
}

/// A place that a next page is told by: `Link: <URL>; rel="next"`, RFC 8288.
pub(super) fn next_of_link(link: &str) -> Option<&str> {
    link.split(',').find_map(|one| {
        let (target, parameters) = one.trim().strip_prefix('<')?.split_once('>')?;
        let is_next =
            parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then_some(target)
    })
}

/// The text of a value that begins at `at` in JSON that is known to be right: where it ends.
fn value_end(text: &[u8], at: usize) -> usize {
    let (mut depth, mut quoted, mut place) = (0_usize, false, at);
    while place < text.len() {
        match text[place] {
            b'\\' if quoted => place += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                if depth == 0 {
                    return place;
                }
                depth -= 1;
            }
            b',' if !quoted && depth == 0 => return place,
            _ => {}
        }
        place += 1;
    }
    place
}

/// The elements of a list.
fn elements(list: &str) -> Vec<&str> {
    let Some(inner) = list.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return Vec::new();
    };
    let (mut at, mut found) = (0, Vec::new());
    while at < inner.len() {
        let end = value_end(inner.as_bytes(), at);
        let element = inner[at..end].trim();
        if !element.is_empty() {
            found.push(element);
        }
        at = end + 1;
    }
    found
}

/// The value of a member of an object.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let inner = object.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut at = 0;
    while at < inner.len() {
        let end = value_end(inner.as_bytes(), at);
        let pair = inner[at..end].trim_start();
        // The name is a text of its own; the colon after it is the first one behind its closing quote.
        let close = pair.get(1..)?.find('"')? + 1;
        if pair.get(1..close) == Some(name) {
            return Some(pair[close + 1..].trim_start().strip_prefix(':')?.trim());
        }
        at = end + 1;
    }
    None
}

/// What a page that cannot be used is reported as.
pub(super) fn unusable(url: &str, why: &str) -> Problem {
    Problem::new(why.to_owned())
        .at(url)
        .expected("a list of records, or an object that has one")
        .hint("--field names the list where it is called otherwise")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_keep_the_order_of_their_fields_and_their_numbers() {
        let body = br#"{"page":1, "items": [ {"z":1.50,"a":"x,]}\"\\"} , {"z":
            [1,{"q":"}"}]}],"total":7}"#;
        let page = Page::read(body, None).unwrap();
        assert_eq!(page.lines[0], r#"{"z":1.50,"a":"x,]}\"\\"}"#);
        assert!(page.lines.len() == 2 && !page.lines[1].contains('\n') && page.number("total") == Some(7));
        assert_eq!(Page::read(b"[1, 2]", None).unwrap().lines, ["1", "2"]);
        assert!(Page::read(b"{\"a\":1}", None).unwrap_err().contains("no list"));
        assert!(Page::read(b"{\"items\":[1", None).unwrap_err().contains("not JSON"));
    }

    #[test]
    fn the_key_is_the_records_own_number() {
        let lines = [
            "{\"order_id\":1,\"customer_id\":1}".to_owned(),
            "{\"order_id\":2,\"customer_id\":1}".to_owned(),
        ];
        assert_eq!(find_key(&lines).as_deref(), Some("order_id"));
        assert_eq!(key_of(&lines[1], Some("order_id")), "2");
        assert_eq!(next_of_link("</a?page=1>; rel=\"first\", </a?page=3>; rel=\"next\""), Some("/a?page=3"));
    }

    proptest! {
        #[test]
        fn the_elements_of_a_list_are_those_that_a_parser_sees(texts in proptest::collection::vec(".{0,8}", 0..6)) {
            let list = serde_json::to_string(&texts.iter().map(|text| serde_json::json!({"a": [text], "b": text})).collect::<Vec<_>>()).unwrap();
            let parsed: Vec<Value> = serde_json::from_str(&list).unwrap();
            let found: Vec<Value> = elements(&list).into_iter().map(|one| serde_json::from_str(one).unwrap()).collect();
            prop_assert_eq!(&found, &parsed);
            for (element, text) in elements(&list).into_iter().zip(&texts) {
                prop_assert_eq!(serde_json::from_str::<String>(member(element, "b").unwrap()).unwrap(), text.clone());
            }
        }
    }
}
