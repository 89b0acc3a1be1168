//! CSV and Parquet: typed columns, exact text, rows that can be rejected.
