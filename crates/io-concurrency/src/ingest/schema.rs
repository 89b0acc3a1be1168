//! The types that the user gives.

use std::collections::HashMap;
use std::fs;

use lab::{OrProblem, Problem};
use tabular::columns::ColumnType;

/// Types by the names of columns.
pub(super) type Given = HashMap<String, ColumnType>;

/// Reads `NAME: TYPE, NAME: TYPE`, or the same with a line for each from `@FILE`.
pub(super) fn read(text: &str) -> Result<Given, Problem> {
    let parts: Vec<String> = match text.strip_prefix('@') {
        Some(path) => {
            let lines = fs::read_to_string(path).or_problem(|| format!("cannot read the schema {path}"))?;
            lines.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect()
        }
        None => between_parentheses(text),
    };
    let mut given = Given::new();
    for part in parts.iter().filter(|part| !part.is_empty() && !part.starts_with('#')) {
        let wrong = |why: String| {
            Problem::new(format!("`{part}` in the schema: {why}"))
                .expected("NAME: TYPE")
                .hint("`--explain` prints the types that were found as a schema that can be changed")
        };
        // A name may hold a colon; a type never does.
        let (name, column_type) = part.rsplit_once(':').ok_or_else(|| wrong("there is no colon".into()))?;
        let column_type = column_type.trim().parse().map_err(wrong)?;
        if given.insert(name.trim().to_owned(), column_type).is_some() {
            return Err(wrong("the column has a type already".into()));
        }
    }
    Ok(given)
}

/// Splits at commas, but not at those within parentheses.
fn between_parentheses(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_usize);
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_given_by_name() {
        let given = read("cep: text, a:b: decimal(2,comma),dia:date(dmy)").unwrap();
        assert_eq!(given["cep"], ColumnType::Text);
        assert_eq!(given["a:b"].to_string(), "decimal(2,comma)");
        assert_eq!(given["dia"].to_string(), "date(dmy)");
        for (wrong, why) in
            [("cep", "no colon"), ("cep: number", "is no type"), ("a: text, a: text", "already")]
        {
            assert!(read(wrong).unwrap_err().to_string().contains(why), "{wrong}");
        }
    }
}
