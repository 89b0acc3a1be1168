//! URLs made from a template and the rows of a CSV file.

use std::borrow::Cow;
use std::io::Read;

use lab::Problem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A template, cut into its texts and the columns between them.
struct Template<'a> {
    /// A text, and the column whose value follows it.
    parts: Vec<(&'a str, usize)>,
    end: &'a str,
}

/// The URLs of all rows. `name` is how problems call the file.
///
/// # Errors
/// A template that names no column of the file, and rows that cannot be read.
pub(super) fn urls(template: &str, name: &str, rows: impl Read) -> Result<Vec<String>, Problem> {
    let mut rows = csv::ReaderBuilder::new().from_reader(rows);
    let cannot = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        Problem::because("the parameters cannot be read", &error).at(format!("{name}:{line}"))
    };
    let columns = rows.headers().map_err(cannot)?.clone();
    let template = Template::parse(template, &columns)?;
    rows.into_records().map(|row| Ok(template.fill(&row.map_err(cannot)?))).collect()
}

impl<'a> Template<'a> {
    fn parse(text: &'a str, columns: &csv::StringRecord) -> Result<Self, Problem> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let place = text.len() - rest.len() + before.len() + 1;
            let at = |problem: Problem| problem.at(format!("--template:{place}"));
            let Some((column, after)) = after.split_once('}') else {
                return Err(at(Problem::new("a `{` has no `}`")));
            };
            let Some(number) = columns.iter().position(|known| known == column) else {
                let known = columns.iter().collect::<Vec<_>>().join(", ");
                return Err(at(
                    Problem::new(format!("the parameters have no column `{column}`")).expected(known)
                ));
            };
            parts.push((before, number));
            rest = after;
        }
        Ok(Self { parts, end: rest })
    }

    fn fill(&self, row: &csv::StringRecord) -> String {
        let mut url = String::new();
        for (text, column) in &self.parts {
            url.push_str(text);
            url.push_str(&encoded(row.get(*column).unwrap_or_default()));
        }
        url.push_str(self.end);
        url
    }
}

/// The characters that are encoded, so that a value means itself wherever in a URL it stands: all but the unreserved characters (RFC 3986,
/// section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as a part of a URL.
pub(crate) fn encoded(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, RESERVED).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_makes_a_url_and_values_are_encoded() {
        let rows = "city,day\nSão Paulo,1\n\"a/b?c&d\",2\n";
        let made = urls("http://x/{city}/w?d={day}&all", "rows.csv", rows.as_bytes()).unwrap();
        assert_eq!(made, ["http://x/S%C3%A3o%20Paulo/w?d=1&all", "http://x/a%2Fb%3Fc%26d/w?d=2&all"]);
    }

    #[track_caller]
    fn check_refused(template: &str, rows: &str, line: &str) {
        assert_eq!(urls(template, "rows.csv", rows.as_bytes()).unwrap_err().line(), line);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        check_refused("/{town}", "city\nBelém\n", "--template:2: the parameters have no column `town`");
        check_refused("/a{city", "city\nBelém\n", "--template:3: a `{` has no `}`");
        let ragged = urls("/{a}", "rows.csv", "a,b\n1,2\n1\n".as_bytes()).unwrap_err();
        assert!(ragged.line().starts_with("rows.csv:3: the parameters cannot be read"), "{}", ragged.line());
    }
}
