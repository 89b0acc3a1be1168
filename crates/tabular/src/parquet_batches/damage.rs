//! Where a damaged row group is damaged: which column, which page.

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::{ParquetFile, Piece, guarded};

/// The rows that are decoded at a time when the damaged column is looked for.
const STEP: usize = 1_024;

/// "column `note`, page 3", as far as it can be found. Pages are counted from 0, the dictionary's page first.
pub(super) fn find(file: &ParquetFile, row_group: usize) -> Option<String> {
    let schema = file.metadata.parquet_schema();
    let leaves = (0..schema.num_columns()).filter(|leaf| {
        let root = schema.get_column_root_idx(*leaf);
        file.wanted.contains(&root)
    });
    leaves.into_iter().find_map(|leaf| {
        let name = schema.column(leaf).path().string();
        if let Some(page) = unreadable_page(file, row_group, leaf) {
            return Some(format!("column `{name}`, page {page}"));
        }
        let row = undecodable_row(file, row_group, schema.get_column_root_idx(leaf))?;
        Some(format!("column `{name}`, after row {row} of the row group"))
    })
}

/// The first page of a column that cannot be read, unpacked or does not have its checksum.
fn unreadable_page(file: &ParquetFile, row_group: usize, leaf: usize) -> Option<usize> {
    let opened = guarded(|| {
        let reader = SerializedFileReader::new(file.file.try_clone()?)?;
        let group = reader.get_row_group(row_group)?;
        group.get_column_page_reader(leaf)
    });
    let Ok(mut pages) = opened else { return Some(0) };
    let mut read = 0;
    loop {
        match guarded(|| pages.get_next_page()) {
            Ok(Some(_)) => read += 1,
            Ok(None) => return None,
            Err(_) => return Some(read),
        }
    }
}

/// How many rows of a column can be decoded, in steps; `None` where all can.
fn undecodable_row(file: &ParquetFile, row_group: usize, root: usize) -> Option<usize> {
    let rows = file.row_groups().nth(row_group)?;
    let piece = Piece { row_group, first: 0, rows };
    let opened = guarded(|| file.reader(&file.metadata, piece, STEP, file.mask(&[root])));
    let Ok(mut reader) = opened else { return Some(0) };
    let mut read = 0;
    loop {
        match guarded(|| reader.next().transpose().map_err(ParquetError::from)) {
            Ok(Some(batch)) => read += batch.num_rows(),
            Ok(None) => return (read < rows).then_some(read),
            Err(_) => return Some(read),
        }
    }
}
