use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use proptest::prelude::*;

use super::*;

/// Five rows, one of which is all null.
fn table() -> RecordBatch {
    let decimals = Decimal128Array::from(vec![Some(100), Some(250), None, Some(-5), Some(0)]);
    let words: DictionaryArray<Int32Type> =
        [Some("SP"), Some("RJ"), None, Some("SP"), Some("D'Ávila")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4), Some(i64::MAX)]))),
        ("state", Arc::new(words)),
        ("total", Arc::new(decimals.with_precision_and_scale(10, 2).unwrap())),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None, Some(-0.0), Some(1e300)]))),
        ("day", Arc::new(Date32Array::from(vec![Some(0), Some(1), None, Some(365), Some(-1)]))),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(0),
                Some(1),
                None,
                Some(86_400_000_000),
                Some(-1),
            ])),
        ),
        ("a b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false)]))),
        ("note", Arc::new(StringArray::from(vec![Some("is"), Some(""), None, Some("null"), Some("or")]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Checks which rows, counted from 1, a condition wants.
fn check(condition: &str, expected: &[i64]) {
    let table = table();
    let numbered = Int64Array::from_iter_values(1..=5);
    let filter: Filter = condition.parse().unwrap_or_else(|error| panic!("{condition}: {error}"));
    let bound = filter.bind(&table.schema()).unwrap_or_else(|error| panic!("{condition}: {error}"));
    let with_number = RecordBatch::try_from_iter(
        table
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .zip(table.columns().iter().cloned())
            .chain([("number".to_owned(), Arc::new(numbered) as ArrayRef)]),
    );
    let wanted = bound.apply(&with_number.unwrap()).unwrap();
    let rows = wanted.column_by_name("number").unwrap();
    let rows = rows.as_any().downcast_ref::<Int64Array>().unwrap();
    assert_eq!(rows.values(), expected, "{condition}");
}

#[test]
fn comparisons_have_the_type_of_their_column() {
    check("id = 9223372036854775807", &[5]);
    check("id <> 2", &[1, 4, 5]);
    check("state = 'SP'", &[1, 4]);
    check("state = 'D''Ávila'", &[5]);
    check("total >= 1.00", &[1, 2]);
    check("total = -0.05", &[4]);
    check("day < '1970-01-02'", &[1, 5]);
    check("at > '1970-01-01'", &[2, 4]);
    check("at = '1969-12-31 23:59:59.999999'", &[5]);
    check("\"a b\" = true", &[1, 4]);
    check("x > 1", &[2, 5]);
}

#[test]
fn words_bind_as_in_sql() {
    check("id = 1 or id = 2 and state = 'SP'", &[1]);
    check("(id = 1 or id = 2) and state = 'RJ'", &[2]);
    check("NOT id in (1, 2)", &[4, 5]);
    check("state not in ('SP')", &[2, 5]);
    check("note = 'is' or note = 'or'", &[1, 5]);
    check("id is null", &[3]);
    check("not (id is not null)", &[3]);
}

#[test]
fn a_comparison_with_null_is_neither_true_nor_false() {
    check("id = 1 or not id = 1", &[1, 2, 4, 5]);
    check("not (id = 1 and state = 'SP')", &[2, 4, 5]);
    check("id is null or total > 0", &[1, 2, 3]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let wrong = |text: &str| text.parse::<Filter>().unwrap_err();
    assert_eq!(
        wrong("id ="),
        "expected a number, a text in single quotes, true or false at character 5, found the end"
    );
    assert_eq!(wrong("id ~ 3"), "expected a comparison, `in` or `is` at character 4, found `~ 3`");
    assert_eq!(wrong("(id = 3"), "expected `)` at character 8, found the end");
    assert_eq!(wrong("id = 'x"), "expected a closing ' at character 8, found the end");
    assert_eq!(wrong("id = 3 id"), "expected `and`, `or` or the end at character 8, found `id`");
    assert!(wrong(&"(".repeat(100_000)).starts_with("expected at most 64 levels"));
    let unfit = |text: &str| match text.parse::<Filter>().unwrap().bind(&table().schema()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{text} fits"),
    };
    assert_eq!(unfit("ids = 3"), "there is no column `ids`, only id, state, total, x, day, at, a b, note");
    assert_eq!(unfit("id = 'a'"), "column `id` has the type Int64, which cannot be 'a'");
    assert_eq!(unfit("id = 0.5"), "column `id` has the type Int64, which cannot be 0.5");
    assert_eq!(
        unfit("total = 0.001"),
        "column `total` has the type Decimal128(10, 2), which cannot be 0.001"
    );
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_and_never_a_panic(text in "[a-z0-9 '\"()=<>!,.é]{0,40}|(not |\\(|id=1 and ){0,90}id=1") {
        if let Ok(filter) = text.parse::<Filter>() {
            let _ = filter.bind(&table().schema()).map(|bound| bound.apply(&table()));
        }
    }

    #[test]
    fn rows_are_those_that_a_plain_loop_finds(values in proptest::collection::vec(proptest::option::of(-3_i64..3), 0..200), at in -3_i64..3) {
        let batch = RecordBatch::try_from_iter([("v", Arc::new(Int64Array::from(values.clone())) as ArrayRef)]).unwrap();
        let filter: Filter = format!("v < {at} or not v <= 1").parse().unwrap();
        let kept = filter.bind(&batch.schema()).unwrap().apply(&batch).unwrap();
        let expected: Vec<Option<i64>> = values.into_iter().filter(|v| v.is_some_and(|v| v < at || v > 1)).collect();
        prop_assert_eq!(kept.column(0).as_any().downcast_ref::<Int64Array>().unwrap(), &Int64Array::from(expected));
    }
}
