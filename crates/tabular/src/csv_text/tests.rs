use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DurationSecondArray, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use proptest::prelude::*;

use super::{Dialect, write_batch, write_header};
use crate::Error;

fn batch(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("value", array)]).unwrap()
}

/// Checks the lines that a column of one type gives.
fn check(array: impl arrow_array::Array + 'static, expected: &[&str]) {
    let mut out = Vec::new();
    write_batch(&batch(Arc::new(array)), Dialect::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, expected.join("\n") + "\n");
}

#[test]
fn integers_reach_their_ends() {
    check(
        Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]),
        &["-9223372036854775808", "", "9223372036854775807"],
    );
    check(UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]);
}

#[test]
fn a_null_and_an_empty_text_stay_apart() {
    check(StringArray::from(vec![None, Some(""), Some("a")]), &["", "\"\"", "a"]);
}

#[test]
fn texts_are_quoted_only_where_they_must_be() {
    check(
        StringArray::from(vec!["ação", "a,b", "say \"a\"", "two\nlines", "carriage\rreturn", "\"", ";"]),
        &["ação", "\"a,b\"", "\"say \"\"a\"\"\"", "\"two\nlines\"", "\"carriage\rreturn\"", "\"\"\"\"", ";"],
    );
}

#[test]
fn floats_are_the_shortest_text_and_not_a_number_is_not_null() {
    check(
        Float64Array::from(vec![Some(0.1), Some(1e100), Some(-0.0), Some(f64::NAN), None]),
        &["0.1", "1e+100", "-0.0", "NaN", ""],
    );
}

#[test]
fn decimals_are_exact() {
    let decimals =
        |values: Vec<i128>, scale| Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap();
    check(decimals(vec![12345, -5, 0], 2), &["123.45", "-0.05", "0.00"]);
    check(decimals(vec![12, 0], -2), &["1200", "0"]);
    check(decimals(vec![7], 0), &["7"]);
}

#[test]
fn dates_and_instants_are_civil() {
    check(Date32Array::from(vec![0, 19_782, -719_529]), &["1970-01-01", "2024-02-29", "-000001-12-31"]);
    check(
        TimestampMicrosecondArray::from(vec![0, 1_731_819_764_000_000, -1]),
        &["1970-01-01 00:00:00", "2024-11-17 05:02:44", "1969-12-31 23:59:59.999999"],
    );
    check(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC"), &["1970-01-01 00:00:00Z"]);
}

#[test]
fn booleans_are_words() {
    check(BooleanArray::from(vec![Some(true), Some(false), None]), &["true", "false", ""]);
}

#[test]
fn a_type_without_a_text_is_an_error_that_names_the_column() {
    let mut out = Vec::new();
    let error =
        write_batch(&batch(Arc::new(DurationSecondArray::from(vec![1]))), Dialect::default(), &mut out)
            .unwrap_err();
    assert!(matches!(&error, Error::Unsupported { column, .. } if column == "value"), "{error}");
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_text_reads_back_through_another_reader(texts in proptest::collection::vec(proptest::collection::vec(".*", 2), 1..20), delimiter in prop::sample::select(b",;\t|".to_vec())) {
        let dialect = Dialect { delimiter, header: true };
        let column = |number: usize| Arc::new(StringArray::from_iter_values(texts.iter().map(|row| &row[number]))) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column(0)), ("b;\"", column(1))]).unwrap();
        let mut out = Vec::new();
        write_header(batch.schema_ref(), dialect, &mut out);
        write_batch(&batch, dialect, &mut out).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(out.as_slice());
        prop_assert_eq!(reader.headers().unwrap(), vec!["a", "b;\""]);
        let back: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(String::from).collect()).collect();
        prop_assert_eq!(back, texts);
    }
}
