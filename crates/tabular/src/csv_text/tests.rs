use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder};
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal32Array, Decimal64Array,
    Decimal128Array, Decimal256Array, DictionaryArray, DurationMillisecondArray, DurationSecondArray,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, IntervalYearMonthArray, ListArray,
    RecordBatch, RunArray, StringArray, StructArray, Time32SecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::{IntervalMonthDayNano, i256};
use arrow_schema::{DataType, Field};
use proptest::prelude::*;

use super::{BytesText, Dialect, NullText, write_batch, write_header};
use crate::Error;

fn batch(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("value", array)]).unwrap()
}

/// Checks the lines that a column of one type gives.
fn check(array: impl Array + 'static, expected: &[&str]) {
    check_in(Dialect::default(), array, expected);
}

fn check_in(dialect: Dialect, array: impl Array + 'static, expected: &[&str]) {
    let mut out = Vec::new();
    write_batch(&batch(Arc::new(array)), dialect, &mut out).unwrap();
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
fn decimals_of_every_width_are_exact() {
    let small = Decimal32Array::from(vec![-1, 999_999_999]).with_precision_and_scale(9, 9).unwrap();
    check(small, &["-0.000000001", "0.999999999"]);
    check(Decimal64Array::from(vec![1_234]).with_precision_and_scale(18, 3).unwrap(), &["1.234"]);
    let most = i256::from_string(&"9".repeat(76)).unwrap();
    let large = Decimal256Array::from(vec![most, i256::ZERO]).with_precision_and_scale(76, 70).unwrap();
    check(large, &[&format!("999999.{}", "9".repeat(70)), &format!("0.{}", "0".repeat(70))]);
}

#[test]
fn times_of_day_have_the_digits_of_their_unit() {
    check(Time32SecondArray::from(vec![0, 86_399, 86_400]), &["00:00:00", "23:59:59", "86400"]);
    check(Time64NanosecondArray::from(vec![3_600_000_000_001]), &["01:00:00.000000001"]);
    check(Date64Array::from(vec![-1]), &["1969-12-31"]);
}

#[test]
fn lengths_of_time_are_those_of_iso_8601() {
    check(DurationSecondArray::from(vec![0, 90]), &["PT0S", "PT90S"]);
    check(DurationMillisecondArray::from(vec![-1_500]), &["PT-1.500S"]);
    check(IntervalYearMonthArray::from(vec![14, -1]), &["P14M", "P-1M"]);
    check(
        IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, -2, 3_000_000_000)]),
        &["P1M-2DT3S"],
    );
}

#[test]
fn bytes_are_hexadecimal_or_base64() {
    let bytes = || BinaryArray::from(vec![Some(b"\x00\xff\x10".as_slice()), None, Some(b"")]);
    check(bytes(), &["00ff10", "", ""]);
    let dialect = Dialect { bytes: BytesText::Base64, ..Dialect::default() };
    check_in(dialect, bytes(), &["AP8Q", "", ""]);
}

#[test]
fn another_text_for_null_is_told_from_the_same_text() {
    let dialect = Dialect { null: "NULL".parse().unwrap(), ..Dialect::default() };
    check_in(dialect, StringArray::from(vec![None, Some("NULL"), Some("")]), &["NULL", "\"NULL\"", "\"\""]);
    assert!("a\"b".parse::<NullText>().is_err() && "0123456789abcdef".parse::<NullText>().is_err());
}

#[test]
fn lists_structs_and_maps_are_json() {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
        Some(vec![Some(i64::MIN)]),
    ]);
    check(lists, &["\"[1,null]\"", "", "[]", "[-9223372036854775808]"]);

    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a \"b\"\n\u{1}"), None]));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 0.5]));
    let fields: Vec<(Arc<Field>, ArrayRef)> = vec![
        (Arc::new(Field::new("na\"me", DataType::Utf8, true)), names),
        (Arc::new(Field::new("x", DataType::Float64, true)), numbers),
    ];
    check(
        StructArray::from(fields),
        &[r#""{""na\""me"":""a \""b\""\n\u0001"",""x"":""NaN""}""#, r#""{""na\""me"":null,""x"":0.5}""#],
    );

    let mut texts = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    texts.keys().append_value("k");
    texts.values().append_value(1);
    texts.append(true).unwrap();
    check(texts.finish(), &[r#""{""k"":1}""#]);
    let mut numbers = MapBuilder::new(None, Int32Builder::new(), Int32Builder::new());
    numbers.keys().append_value(7);
    numbers.values().append_null();
    numbers.append(true).unwrap();
    check(numbers.finish(), &[r#""[{""key"":7,""value"":null}]""#]);
}

#[test]
fn a_dictionary_is_written_as_its_values() {
    let words: DictionaryArray<Int8Type> = [Some("b,c"), None, Some("a"), Some("b,c")].into_iter().collect();
    check(words, &["\"b,c\"", "", "a", "\"b,c\""]);
}

#[test]
fn a_type_without_a_text_is_an_error_that_names_the_column() {
    let mut out = Vec::new();
    let ends = Int32Array::from(vec![2]);
    let runs = RunArray::try_new(&ends, &Int32Array::from(vec![5])).unwrap();
    let error = write_batch(&batch(Arc::new(runs)), Dialect::default(), &mut out).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { column, .. } if column == "value"), "{error}");
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_text_reads_back_through_another_reader(texts in proptest::collection::vec(proptest::collection::vec(".*", 2), 1..20), delimiter in prop::sample::select(b",;\t|".to_vec())) {
        let dialect = Dialect { delimiter, ..Dialect::default() };
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
