//! One page of an API's answer: its records as they were written, and what it says about the others.

use lab::Problem;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Where records are, in an answer that is an object.
const RECORDS: [&str; 6] = ["items", "data", "results", "records", "rows", "values"];

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Each record on a line of its own.
    pub lines: Vec<String>,
    /// What the answer says besides its records.
    pub rest: Value,
}

impl Page {
    /// Reads a body: checks it, and cuts the records out of it as they are written, in one pass and without making anything
    /// of them.
    ///
    /// # Errors
    /// In words, a body that is no JSON or has no list of records.
    pub fn read(body: &[u8], field: Option<&str>) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the page is not UTF-8".to_owned())?;
        let mut reader = Reader { text, at: 0 };
        let (records, rest) = match reader.next() {
            Some(b'[') => (reader.list(), Value::Null),
            Some(b'{') => return reader.object().ok_or_else(|| wrong(text))?.page(text, field),
            _ => {
                serde_json::from_str::<IgnoredAny>(text).map_err(|_| wrong(text))?;
                return Err("the page is neither a list nor an object".into());
            }
        };
        let records = records.filter(|_| reader.is_at_end()).ok_or_else(|| wrong(text))?;
        Ok(Self { lines: lines(text, &records), rest })
    }

    /// A number that the page says.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.rest.get(name).and_then(Value::as_u64)
    }
}

/// What is wrong with a text that is no JSON, with its line and column.
fn wrong(text: &str) -> String {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => format!("the page is not JSON: {error}"),
        Ok(_) => "the page's list cannot be found".into(),
    }
}

/// Records as lines: a line end in JSON that is no part of a text is a space.
fn lines(text: &str, records: &[&str]) -> Vec<String> {
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return records.iter().map(|record| (*record).to_owned()).collect();
    }
    records.iter().map(|record| record.replace(['\n', '\r'], " ")).collect()
}

/// Goes through JSON value by value, and checks each on the way.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// The members of an object, in their order; of those that are lists of records their elements.
struct Members<'a> {
    others: Vec<(String, &'a str)>,
    lists: Vec<(String, &'a str, Vec<&'a str>)>,
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space; it stays where it is.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes the next byte if it is this one.
    fn pass(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    fn is_at_end(&mut self) -> bool {
        self.next().is_none()
    }

    /// The next value, and its text.
    fn value<T: Deserialize<'a>>(&mut self) -> Option<(T, &'a str)> {
        self.next()?;
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
        let value = values.next()?.ok()?;
        let length = values.byte_offset();
        self.at += length;
        Some((value, &rest[..length]))
    }

    /// What stands between brackets, with commas between, each passed by `element`.
    fn row(
        &mut self,
        [open, close]: [u8; 2],
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.pass(open)?;
        if self.next()? == close {
            return self.pass(close);
        }
        loop {
            element(self)?;
            if self.next()? == close {
                return self.pass(close);
            }
            self.pass(b',')?;
        }
    }

    /// The elements of a list.
    fn list(&mut self) -> Option<Vec<&'a str>> {
        let mut elements = Vec::new();
        self.row(*b"[]", |reader| {
            elements.push(reader.value::<IgnoredAny>()?.1);
            Some(())
        })?;
        Some(elements)
    }

    /// The members of the object that the whole text is.
    fn object(&mut self) -> Option<Members<'a>> {
        let mut members = Members { others: Vec::new(), lists: Vec::new() };
        self.row(*b"{}", |reader| {
            let (name, _) = reader.value::<String>()?;
            reader.pass(b':')?;
            if reader.next()? == b'[' {
                let from = reader.at;
                let elements = reader.list()?;
                members.lists.push((name, &reader.text[from..reader.at], elements));
            } else {
                members.others.push((name, reader.value::<IgnoredAny>()?.1));
            }
            Some(())
        })?;
        self.is_at_end().then_some(members)
    }
}

impl Members<'_> {
    fn page(mut self, text: &str, field: Option<&str>) -> Result<Page, String> {
        let place = |name: &str| self.lists.iter().position(|(known, ..)| known == name);
        let place = match field {
            Some(name) => place(name),
            None => RECORDS.into_iter().find_map(place),
        };
        let place = place.ok_or_else(|| {
            format!("the page has no list called {}", field.unwrap_or("items, data or results"))
        })?;
        let (_, _, records) = self.lists.swap_remove(place);
        let others =
            self.others.into_iter().chain(self.lists.into_iter().map(|(name, list, _)| (name, list)));
        let rest = others.map(|(name, value)| Some((name, serde_json::from_str(value).ok()?)));
        let rest = rest.collect::<Option<serde_json::Map<String, Value>>>().ok_or_else(|| wrong(text))?;
        Ok(Page { lines: lines(text, &records), rest: Value::Object(rest) })
    }
}

/// Whether an object of a text says one name twice, of which every parser takes the one that it likes.
#[cfg(any(test, fuzzing))]
pub(super) fn names_twice(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let Some(Members { others, lists }) = (Reader { text, at: 0 }).object() else { return false };
    let mut names: Vec<_> = others.into_iter().map(|(name, _)| name).collect();
    names.extend(lists.into_iter().map(|(name, ..)| name));
    let count = names.len();
    names.sort();
    names.dedup();
    names.len() < count
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
        for body in [
            "{\"items\":[1",
            "[1,]",
            "[1 2]",
            "{\"items\":[1]}x",
            "{\"items\":[1],}",
            "[01]",
            "",
            "{\"items\":[\"\\q\"]}",
        ] {
            let why = Page::read(body.as_bytes(), None).unwrap_err();
            assert!(why.contains("not JSON") && why.contains("line 1"), "{body}: {why}");
        }
        assert!(Page::read(b"7", None).unwrap_err().contains("neither a list nor an object"));
    }

    #[test]
    fn of_several_lists_the_one_that_was_named_has_the_records_and_the_others_are_beside_it() {
        let body = br#"{"tags":["a"],"data":{"n":1},"results":[{"id":1}],"values":[]}"#;
        let page = Page::read(body, None).unwrap();
        assert_eq!((page.lines.len(), page.rest["tags"][0].as_str()), (1, Some("a")));
        let page = Page::read(body, Some("tags")).unwrap();
        assert_eq!((page.lines, page.rest["data"]["n"].as_u64()), (vec!["\"a\"".to_owned()], Some(1)));
        assert!(Page::read(body, Some("data")).unwrap_err().contains("no list called data"));
        assert_eq!(
            Page::read(b" { } ", None).unwrap_err(),
            "the page has no list called items, data or results"
        );
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
            let elements = Reader { text: &list, at: 0 }.list().unwrap();
            let found: Vec<Value> = elements.iter().map(|one| serde_json::from_str(one).unwrap()).collect();
            prop_assert_eq!(&found, &parsed);
            for (element, text) in elements.into_iter().zip(&texts) {
                prop_assert_eq!(serde_json::from_str::<String>(member(element, "b").unwrap()).unwrap(), text.clone());
            }
        }
    }
}
