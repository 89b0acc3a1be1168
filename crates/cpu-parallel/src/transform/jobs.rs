//! The work of one worker: piece after piece is transformed and encoded, with a register that is loaded once.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use lab::procs::Bytes;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::row_groups::Encoding;

use super::ladder::{Rung, Transformer};
use super::profile::{Profile, Spent, Stage};
use super::register::Register;
use super::rules::{Orders, Rejected, Rules, order_columns, transformed};
use super::tables::{Files, Rows, open, place, read_group, table, typed};
use crate::table_file::{Form, Part};

/// What every worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub(super) files: Files,
    pub(super) customers: Vec<PathBuf>,
    pub(super) rules: Rules,
    pub(super) rung: Rung,
    pub(super) form: Form,
    /// Whether the time of each stage is taken.
    pub(super) profiled: bool,
    /// How many workers share their memory, and with it the register.
    pub(super) sharing: usize,
    /// The register, which the first of them loads.
    #[serde(skip)]
    pub(super) register: OnceLock<Result<Arc<Register>, Problem>>,
}

/// Rows that are transformed together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    pub(super) rows: Rows,
    pub(super) label: String,
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.label)
    }
}

/// What became of a piece.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Transformed {
    pub(super) rows: u64,
    pub(super) rejects: Vec<Rejected>,
    /// A row group, or text.
    pub(super) bytes: Bytes,
    pub(super) spent: Spent,
}

/// The job.
#[derive(Debug)]
pub struct TransformPiece {
    files: Files,
    form: Form,
    profiled: bool,
    transformer: Transformer,
}

impl Job for TransformPiece {
    const NAME: &'static str = "transform";
    type Setup = Setup;
    type Task = Piece;
    type Reply = Transformed;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let load = || Register::load(&setup.customers, setup.sharing).map(Arc::new);
        let register = setup.register.get_or_init(load).clone()?;
        Ok(Self {
            files: setup.files.clone(),
            form: setup.form,
            profiled: setup.profiled,
            transformer: Transformer::new(setup.rung, setup.rules.clone(), register),
        })
    }

    fn run(&mut self, piece: &Piece, stop: &Stop) -> Result<Transformed, Problem> {
        let mut done = Transformed::default();
        let mut profile = Profile::new(self.profiled);
        let mut sink = Part::new(self.form, transformed(), &encoding())?;
        let Self { files, transformer, .. } = self;
        profile.begin();
        let mut transform = |batch: &RecordBatch, done: &mut Transformed, profile: &mut Profile| {
            stop.check()?;
            profile.lap(Stage::Read);
            let orders = Orders {
                ids: batch.column(0).as_primitive::<Int64Type>(),
                customers: batch.column(1).as_primitive::<Int64Type>(),
                notes: batch.column(2).as_string(),
            };
            let out = transformer.batch(&orders, &mut done.rejects, profile)?;
            done.rows += out.num_rows() as u64;
            profile.begin();
            sink.write(&out)?;
            profile.lap(Stage::Write);
            Ok(())
        };
        let schema = order_columns();
        match (&*files, &piece.rows) {
            (Files::Parquet(paths), Rows::Group(number, group)) => {
                let (file, columns) = open(&paths[*number as usize], &schema)?;
                let mut take = |batch: RecordBatch| transform(&batch, &mut done, &mut profile);
                read_group(&file, &columns, &schema, *group as usize, &mut take)?;
            }
            (Files::Csv(files), Rows::Stretches(stretches)) => {
                for (number, segment) in stretches {
                    let file = &files[*number as usize];
                    let (table, handle) = (table(file, &schema)?, file.open()?);
                    let mut rows = file.rows(&handle, segment);
                    while let Some(block) = rows.next_block().or_problem(|| file.cannot())? {
                        let batch = typed(&table, block, file)?;
                        for reject in block.rejects() {
                            let column =
                                reject.column.and_then(|at| file.names.get(at)).cloned().unwrap_or_default();
                            done.rejects.push(Rejected {
                                order: place(file, &reject),
                                column,
                                reason: reject.reason,
                            });
                        }
                        transform(&batch, &mut done, &mut profile)?;
                    }
                }
            }
            _ => return Err(Problem::new("a piece is not of the files' format")),
        }
        profile.begin();
        done.bytes = Bytes(sink.finish()?);
        profile.lap(Stage::Write);
        done.spent = profile.spent();
        Ok(done)
    }
}

/// How row groups are encoded: pseudonyms hardly ever come back, so no list of them is tried.
pub(super) fn encoding() -> Encoding {
    let varied = ["order_id", "name", "document", "email", "phone", "cep"];
    Encoding { without_dictionary: varied.map(Into::into).to_vec(), ..Encoding::default() }
}
