use proptest::prelude::*;

use super::evidence::CANDIDATES;
use super::*;
use crate::columns::{ColumnType, RawField};

fn evidence(values: &[&str]) -> Evidence {
    let mut evidence = Evidence::default();
    for (line, value) in (1..).zip(values) {
        evidence.observe(RawField { text: value.as_bytes(), quoted: false }, || Place { file: 0, line });
    }
    evidence
}

#[track_caller]
fn check(values: &[&str], expected: &str) {
    let decision = &decide(&[evidence(values)], Leaning::default())[0];
    assert_eq!(decision.column_type.to_string(), expected, "{values:?}: {}", decision.reason);
}

#[test]
fn a_column_is_what_all_of_its_values_are() {
    check(&["1", "-20", "", "0"], "int64");
    check(&["1", "0401"], "text");
    check(&["1", "2.5", "-0.25"], "float64");
    check(&["1", "2e-3"], "float64");
    check(&["12,5", "1.234,56", "7"], "float64(comma)");
    check(&["1,234.5", "7"], "float64");
    check(&["9223372036854775808"], "decimal(0)");
    check(&["1", "123456789012.3456789"], "decimal(7)");
    check(&["1234.5", "1e300", "123456789012.3456789"], "text");
    check(&["true", "FALSE"], "bool");
    check(&["true", "1"], "text");
    check(&["2024-01-31", ""], "date");
    check(&["31/01/2024", "01/02/2024"], "date(dmy)");
    check(&["01/02/2024"], "date(dmy)");
    check(&["01/31/2024", "01/02/2024"], "date(mdy)");
    check(&["2024-01-31", "2024-01-31 10:00"], "timestamp");
    check(&["2024-01-31T10:00:00.123456789"], "timestamp(ns)");
    check(&["2024-01-31T10:00:00Z", "2024-01-31T10:00:00-03:00"], "instant");
    check(&["2024-01-31T10:00:00Z", "2024-01-31 10:00:00"], "text");
    check(&["1.234.567", "1.234"], "int64(grouped,comma)");
    check(&[&"9".repeat(39)], "text");
    check(&["", ""], "text");
}

#[test]
fn a_column_that_is_clear_speaks_for_one_that_is_not() {
    let (unclear, clear) = (evidence(&["1.234", "2.345"]), evidence(&["1,5"]));
    let alone = decide(std::slice::from_ref(&unclear), Leaning::default());
    assert_eq!(alone[0].column_type.to_string(), "float64");
    let both = decide(&[unclear, clear], Leaning::default());
    assert_eq!(both[0].column_type.to_string(), "int64(grouped,comma)");
    // Thousands or thousandths: nothing tells, so it stays what it is, and more values may tell.
    let decision = &decide(&[evidence(&["1,234"])], Leaning::default())[0];
    assert_eq!((decision.column_type, decision.settled), (ColumnType::Text, false));
    let semicolons = Leaning { semicolons: true, ..Leaning::default() };
    assert_eq!(decide(&[evidence(&["1,234"])], semicolons)[0].column_type.to_string(), "float64(comma)");
}

#[test]
fn the_value_that_decided_is_remembered() {
    let decision = &decide(&[evidence(&["1", "2", "0401", "x"])], Leaning::default())[0];
    let (expected, witness) = decision.witness.clone().unwrap();
    assert_eq!((expected, &*witness.value, witness.place.line), (ColumnType::Int64, "0401", 3));
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?[0-9]{1,3}",
        2 => "[0-9]{1,3}[.,][0-9]{1,3}",
        1 => "[0-9]{1,2}\\.[0-9]{3},[0-9]",
        1 => "[0-9]{14,21}(\\.[0-9])?",
        1 => "[0-9]e[0-9]",
        2 => "(0[1-9]|1[0-9]|3[01])/(0[1-9]|1[0-9])/2024",
        2 => "2024-0[1-9]-1[0-9]( 10:00(:00(\\.[0-9]{1,9})?)?)?(Z)?",
        1 => "(true|false)",
        1 => "[a-z]?",
    ]
}

/// Columns of which most values are alike.
fn column() -> impl Strategy<Value = Vec<String>> {
    (proptest::collection::vec(value(), 1..4), proptest::collection::vec(0_usize..4, 1..30))
        .prop_map(|(kinds, picks)| picks.into_iter().map(|pick| kinds[pick % kinds.len()].clone()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn parts_in_any_order_come_to_the_same(values in column(), cut in 0_usize..30) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let (one, two) = values.split_at(cut.min(values.len()));
        let at = |values: &[&str], first: u64| {
            let mut evidence = Evidence::default();
            for (line, value) in (first..).zip(values) {
                evidence.observe(RawField { text: value.as_bytes(), quoted: false }, || Place { file: 0, line });
            }
            evidence
        };
        let (first, second) = (at(one, 1), at(two, 1 + one.len() as u64));
        let (mut forth, mut back) = (first.clone(), second.clone());
        forth.merge(second);
        back.merge(first);
        prop_assert_eq!(&forth, &back);
        prop_assert_eq!(decide(&[forth], Leaning::default()), decide(&[evidence(&values)], Leaning::default()));
    }

    /// What lets a table be made in one pass: a guess that every value fits is what all values would have said.
    #[test]
    fn a_settled_guess_that_all_values_fit_is_right(one in column(), two in column(), seen in 0_usize..20, semicolons: bool, decimals: bool) {
        let leaning = Leaning { semicolons, decimals };
        let texts = |values: &[String]| evidence(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let sample = [texts(&one[..seen.min(one.len())]), texts(&two[..seen.min(two.len())])];
        let guess = decide(&sample, leaning);
        let fits = |guess: &Decision, values: &[String]| {
            values.iter().all(|value| value.is_empty() || guess.column_type.fits(value.as_bytes()))
        };
        if guess.iter().all(|guess| guess.settled) && fits(&guess[0], &one) && fits(&guess[1], &two) {
            let all = decide(&[texts(&one), texts(&two)], leaning);
            prop_assert_eq!(all[0].column_type, guess[0].column_type);
            prop_assert_eq!(all[1].column_type, guess[1].column_type);
        }
    }
}

#[test]
fn each_type_is_tried_in_its_place() {
    assert_eq!(CANDIDATES[super::evidence::POINT].to_string(), "float64");
    assert_eq!(CANDIDATES[super::evidence::COMMA].to_string(), "float64(comma)");
    assert_eq!(CANDIDATES[super::evidence::INTEGER].to_string(), "int64");
}
