//! What all strategies work on.

use std::path::PathBuf;
use std::sync::OnceLock;

use lab::{Lab, OrProblem, Problem};

use super::args::{Format, QueryArgs};
use super::part::{Setup, SharedSetup};
use super::source::Source;
use super::statements::statements_for;

/// What the lab asks its own stores.
const OWN: &str = "-- name: sales\n\
    SELECT p.category, s.status, count(*) AS sales, sum(s.quantity) AS items, \
    sum(s.quantity * s.unit_price_cents) AS cents, max(s.ordered_at) AS last \
    FROM sale s JOIN product p USING (product_id) GROUP BY p.category, s.status ORDER BY p.category, s.status";

/// The ranges of a key where nobody says how many. It is a number of the plan and not of the workers, so that rows come in
/// one order whoever fetches them.
const PARTS: u32 = 8;

/// What all strategies work on.
#[derive(Debug)]
pub struct Input {
    /// The databases and what they are asked.
    pub setup: SharedSetup,
    /// What becomes of the tables.
    pub format: Format,
    /// What the column with the source is called, if there is one.
    pub source_column: Option<String>,
    /// Where the summary goes.
    pub summary: Option<PathBuf>,
    /// The servers that are asked at once under the strategy `async`.
    pub at_once: usize,
    /// Whether large tables may be read by ranges.
    pub by_ranges: bool,
}

impl Input {
    /// Finds the databases and reads the statements.
    ///
    /// # Errors
    /// A database or statement that is not there, before anything is asked.
    pub fn prepare(args: &QueryArgs, lab: &Lab) -> Result<Self, Problem> {
        let text = match args.sql.as_deref() {
            Some(sql) => match sql.strip_prefix('@') {
                Some(path) => std::fs::read_to_string(path)
                    .or_problem(|| format!("cannot read the statements in {path}"))?,
                None => sql.to_owned(),
            },
            None if args.sources.is_empty() => OWN.to_owned(),
            None => {
                return Err(Problem::new("databases, and nothing to ask them")
                    .hint("say it with --sql 'SELECT …' or --sql @FILE"));
            }
        };
        let out = lab.out();
        let sources = Source::all(&args.sources, lab)?;
        let mut dialects: Vec<_> = sources.iter().map(|source| source.place.dialect()).collect();
        dialects.dedup();
        let setup = Setup {
            statements: statements_for(&text, &dialects)?,
            sources,
            limit: args.limit,
            timeout: args.source_timeout,
            key: args.key.clone(),
            parts: args.parts.unwrap_or(PARTS),
            may_write: args.write,
            spool: PathBuf::new(),
            started: OnceLock::new(),
        };
        Ok(Self {
            format: args.format_for(out.as_deref()),
            source_column: (args.source_column != "none").then(|| args.source_column.clone()),
            summary: args.summary.clone(),
            at_once: args.concurrency.into(),
            by_ranges: args.parts != Some(1),
            setup: setup.into(),
        })
    }
}
