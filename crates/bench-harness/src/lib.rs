//! Measures every cell, checks the answers, draws the report.
