use super::*;

fn csv_of(orders: &Orders, rows: Range<u64>) -> Vec<csv::StringRecord> {
    let mut page = Page::default();
    orders.csv(rows, &mut page);
    let text = [orders.csv_header().as_bytes(), page.as_bytes()].concat();
    csv::Reader::from_reader(&text[..]).records().collect::<Result<_, _>>().expect("valid CSV")
}

#[test]
fn a_record_is_the_same_alone_in_a_range_and_in_csv() {
    let orders = Orders::new(42);
    let range = 65_000..66_500;
    let records = orders.records(range.clone());
    let rows = csv_of(&orders, range.clone());
    assert_eq!((records.len(), rows.len()), (1_500, 1_500));
    for (index, (record, row)) in range.zip(records.iter().zip(&rows)) {
        assert_eq!(*record, orders.record(index));
        let at = jiff::Timestamp::from_microsecond(record.ordered_at).expect("a time");
        let expected = [
            record.order_id.to_string(),
            record.customer_id.to_string(),
            record.product_id.to_string(),
            record.category.to_owned(),
            record.uf.to_owned(),
            record.quantity.to_string(),
            record.unit_price_cents.to_string(),
            record.discount_bp.to_string(),
            record.status.to_owned(),
            at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            record.note.clone().unwrap_or_default(),
        ];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected, "order {index}");
    }
}

#[test]
fn notes_have_the_characters_that_break_readers_in_a_realistic_share() {
    let notes: Vec<_> = Orders::new(7).records(0..40_000).into_iter().map(|order| order.note).collect();
    let share = |what: fn(&str) -> bool| {
        notes.iter().flatten().filter(|note| what(note)).count() as f64 / notes.len() as f64
    };
    let present = share(|_| true);
    assert!((0.28..0.32).contains(&present), "notes in {present} of the orders");
    for (name, what) in [
        ("commas", (|note| note.contains(',')) as fn(&str) -> bool),
        ("quotes", |note| note.contains('"')),
        ("accents", |note| !note.is_ascii()),
        ("line breaks", |note| note.contains('\n')),
    ] {
        let found = share(what);
        assert!((0.01..0.30).contains(&found), "{name} in {found} of the orders");
    }
}

#[test]
fn orders_come_from_the_states_in_the_shares_of_their_people() {
    let orders = Orders::new(42);
    let mut counts = std::collections::HashMap::new();
    let total = 400_000;
    for order in orders.records(0..total) {
        *counts.entry(order.uf).or_insert(0_u64) += 1;
    }
    let people: u64 = STATES.iter().map(|state| state.population).sum();
    for state in &STATES {
        let expected = state.population as f64 / people as f64;
        let found = counts[state.sigla] as f64 / total as f64;
        // Customers come back, so that the effective sample is a tenth of the customers: half a point at most.
        assert!((found - expected).abs() < 0.005 + expected * 0.1, "{}: {found} for {expected}", state.sigla);
    }
}

#[test]
fn november_sells_more_than_february_and_the_afternoon_more_than_the_night() {
    let mut months = [0_u32; 13];
    let mut hours = [0_u32; 24];
    for order in Orders::new(1).records(0..60_000) {
        let time = jiff::Timestamp::from_microsecond(order.ordered_at).expect("a time");
        let local = time.to_zoned(jiff::tz::TimeZone::UTC);
        assert!((2023..=2025).contains(&local.year()));
        months[local.month().unsigned_abs() as usize] += 1;
        hours[local.hour().unsigned_abs() as usize] += 1;
    }
    assert!(months[11] * 10 > months[2] * 14, "{months:?}");
    assert!(hours[15] > 8 * hours[3], "{hours:?}");
}

#[test]
fn a_longer_table_begins_with_the_shorter_one_and_names_known_customers() {
    let orders = Orders::new(42);
    for index in [0, 1, 999, 50_000, 10_000_000] {
        let order = orders.record(index);
        assert!(order.customer_id >= 1 && order.customer_id as u64 <= customers_of(index));
        assert!(order.quantity > 0 && order.unit_price_cents > 0);
        assert_eq!(order.order_id as u64, index + 1);
    }
}

#[test]
fn parquet_rows_are_the_csv_rows() {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Int64Type, TimestampMicrosecondType};
    let orders = Orders::new(42);
    let batch = orders.batch(0..5_000);
    for (i, order) in orders.records(0..5_000).iter().enumerate() {
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(i), order.order_id);
        assert_eq!(batch.column(4).as_string::<i32>().value(i), order.uf);
        assert_eq!(batch.column(6).as_primitive::<Int64Type>().value(i), order.unit_price_cents);
        assert_eq!(batch.column(9).as_primitive::<TimestampMicrosecondType>().value(i), order.ordered_at);
        let notes = batch.column(10).as_string::<i32>();
        assert_eq!(order.note.as_deref(), notes.iter().nth(i).flatten());
    }
}

#[test]
fn an_order_serialises_with_its_columns_names_and_an_rfc_3339_time() {
    let value = serde_json::to_value(Orders::new(42).record(0)).expect("JSON");
    let time = value["ordered_at"].as_str().expect("a text");
    assert!(time.ends_with('Z') && time.len() == 20, "{time}");
    let names: Vec<_> = value.as_object().expect("an object").keys().cloned().collect();
    let mut header: Vec<_> = Orders::new(42).csv_header().trim_end().split(',').map(String::from).collect();
    header.sort();
    assert_eq!(names.len(), header.len());
    assert!(names.iter().all(|name| header.contains(name)));
}

#[test]
fn ndjson_lines_are_the_serialised_orders() {
    let orders = Orders::new(42);
    let mut page = Page::default();
    orders.ndjson(100..600, &mut page);
    let lines = std::str::from_utf8(page.as_bytes()).expect("UTF-8").lines();
    let expected = orders.records(100..600);
    let expected = expected.iter().map(|order| serde_json::to_string(order).expect("JSON"));
    assert!(lines.eq(expected));
}
