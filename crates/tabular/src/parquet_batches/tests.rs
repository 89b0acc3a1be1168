use std::fs;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::csv_text::{Dialect, write_batch};

fn batch(rows: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let notes: ArrayRef = Arc::new(
        (0..rows).map(|id| (id % 5 > 0).then(|| format!("note {}", id % 91))).collect::<StringArray>(),
    );
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("note", notes, true)]).unwrap()
}

/// A file of several row groups and pages.
fn file(folder: &TempDir, properties: parquet::file::properties::WriterPropertiesBuilder) -> PathBuf {
    let path = folder.path().join("t.parquet");
    let properties = properties.set_max_row_group_row_count(Some(1_000)).set_data_page_row_count_limit(200);
    let properties = properties.set_write_batch_size(100).build();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch(1).schema(), Some(properties)).unwrap();
    writer.write(&batch(2_500)).unwrap();
    writer.close().unwrap();
    path
}

fn text(batches: impl Iterator<Item = Result<RecordBatch, Error>>) -> Result<String, Error> {
    let mut out = Vec::new();
    for batch in batches {
        write_batch(&batch?, Dialect::default(), &mut out)?;
    }
    Ok(String::from_utf8(out).unwrap())
}

fn expected() -> String {
    text([Ok(batch(2_500))].into_iter()).unwrap()
}

#[test]
fn every_codec_and_both_page_versions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(parquet::basic::BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for codec in codecs {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let path =
                file(&folder, WriterProperties::builder().set_compression(codec).set_writer_version(version));
            assert_eq!(text(ParquetBatches::open(&path, 333).unwrap()).unwrap(), expected(), "{codec:?}");
        }
    }
}

#[test]
fn pieces_of_any_size_are_the_whole_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = ParquetFile::open(&file(&folder, WriterProperties::builder())).unwrap();
    assert_eq!((file.pieces(u64::MAX).len(), file.rows()), (3, 2_500));
    assert_eq!(file.parts(u64::MAX).len(), 1);
    for bytes in [1, 100, 1_000, 3_000] {
        let pieces = file.pieces(bytes);
        let read = |piece: &Piece| text(file.read(*piece, 64).unwrap()).unwrap();
        assert_eq!(pieces.iter().map(read).collect::<String>(), expected(), "{bytes}");
        assert_eq!(file.parts(bytes).concat(), pieces);
    }
}

#[test]
fn columns_come_in_the_order_in_which_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let all = ParquetFile::open(&file(&folder, WriterProperties::builder())).unwrap();
    let turned = all.clone().with_columns(["note", "id"]).unwrap();
    let first = ParquetBatches::of(turned, 10).next().unwrap().unwrap();
    assert_eq!(first, batch(10).project(&[1, 0]).unwrap());
    let one = all.clone().with_columns(["note"]).unwrap();
    assert!(one.bytes() < all.bytes());
    let error = all.with_columns(["nota"]).err().unwrap().to_string();
    assert!(error.ends_with("t.parquet has no column `nota`, only id, note"), "{error}");
}

/// The Julian day of 1 January 1970.
const EPOCH: u32 = 2_440_588;

/// A file of one INT96 column, from days since 1970 and nanoseconds of the day.
fn int96(folder: &TempDir, instants: &[(i64, u64)]) -> PathBuf {
    let path = folder.path().join("int96.parquet");
    let schema = Arc::new(parse_message_type("message t { required int96 at; }").unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<Int96> = instants
        .iter()
        .map(|(days, nanos)| {
            let mut value = Int96::new();
            let day = u32::try_from(i64::from(EPOCH) + days).unwrap();
            value.set_data((nanos & 0xffff_ffff) as u32, (nanos >> 32) as u32, day);
            value
        })
        .collect();
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn int96_is_exact_in_every_year_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let read = |instants: &[(i64, u64)]| text(ParquetBatches::open(&int96(&folder, instants), 2).unwrap());
    // The days are those of the civil calendar, as the calendar module counts them.
    let day = |year, month, day| crate::calendar::days(year, month, day).unwrap();
    assert_eq!(
        read(&[(0, 1), (day(2262, 4, 11), 0), (day(1677, 9, 22), 86_399_999_999_999)]).unwrap(),
        "1970-01-01 00:00:00.000000001\n2262-04-11 00:00:00\n1677-09-22 23:59:59.999999999\n"
    );
    assert_eq!(
        read(&[(day(9999, 12, 31), 86_399_999_999_000), (day(1, 1, 1), 0)]).unwrap(),
        "9999-12-31 23:59:59.999999\n0001-01-01 00:00:00\n"
    );
    assert_eq!(read(&[(day(500_000, 1, 1), 5_000_000)]).unwrap(), "+500000-01-01 00:00:00.005\n");
    let error = read(&[(0, 0), (day(3000, 1, 1), 1)]).unwrap_err().to_string();
    assert!(error.contains("column `at`: an INT96 instant with nanoseconds outside"), "{error}");
}

#[test]
fn int96_in_the_common_years_stays_in_nanoseconds() {
    let folder = tempfile::tempdir().unwrap();
    let batch = ParquetBatches::open(&int96(&folder, &[(1, 7)]), 2).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<TimestampNanosecondType>().value(0), 86_400_000_000_007);
}

/// Turns one bit of a file.
fn damage(path: &Path, at: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_page_with_a_wrong_checksum_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    // 200 rows in two row groups, written by pyarrow 26 with `write_page_checksum=True`.
    fs::write(&path, include_bytes!("../../tests/data/checksums.parquet")).unwrap();
    assert_eq!(text(ParquetBatches::open(&path, 100).unwrap()).unwrap().lines().count(), 200);
    let metadata = ArrowReaderMetadata::load(&File::open(&path).unwrap(), ArrowReaderOptions::new()).unwrap();
    let column = metadata.metadata().row_group(1).column(1);
    let (start, length) = column.byte_range();
    // The last byte of the column belongs to the data of its last page.
    damage(&path, usize::try_from(start + length - 1).unwrap(), 0);
    let error = text(ParquetBatches::open(&path, 100).unwrap()).unwrap_err().to_string();
    assert!(error.contains("t.parquet, row group 1, column `note`, page "), "{error}");
    assert!(error.contains("CRC"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn a_damaged_file_is_read_or_refused_and_never_a_panic(flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4), keep in proptest::option::of(0..100_usize)) {
        let folder = tempfile::tempdir().unwrap();
        let path = small(&folder);
        for (at, bit) in flips {
            damage(&path, at, bit);
        }
        if let Some(keep) = keep {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() * keep / 100]).unwrap();
        }
        if let Ok(batches) = ParquetBatches::open(&path, 64) {
            let _ = text(batches);
        }
    }
}

/// A small file in which most bytes matter.
fn small(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("small.parquet");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch(1).schema(), Some(properties)).unwrap();
    writer.write(&batch(40)).unwrap();
    writer.close().unwrap();
    path
}
