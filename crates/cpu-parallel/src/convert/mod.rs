//! Exercise 08: Parquet to CSV, many files or one large one.
//!
//! Each file is one task, and the files share nothing, so this is the plainest work there is to spread over cores: decoding
//! and formatting keep a core busy from the first byte to the last. Threads, a pool, rayon and processes all come close to
//! the number of cores; an event loop does not, because a task that never waits never lets another one run.
//!
//! A file that is larger than a fair share is cut: row groups, and parts of long ones, are tasks of their own, whose texts
//! are put together in their order. The bytes of each CSV file depend on its Parquet file alone, and not on who made them.

mod piece;
mod plan;
mod rules;
mod strategies;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use lab::exercise::Kind;
use lab::formats::Out;
use lab::out::{Files, made};
use lab::{Answer, Content, Digest, Exercise, Failure, Lab, Problem, Role, Strategy, Work};
use tabular::csv_text::{BytesText, Dialect, NullText};
use tabular::filter::Filter;

pub use piece::Converted;
use plan::Target;
pub use rules::Packing;
use rules::Rules;

/// The exercise.
pub struct Convert;

/// What the user may choose.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  cpu-parallel convert 'in/*.parquet' --out csv/\n  cpu-parallel convert lake/ --delimiter ';' --compare\n  cpu-parallel convert big.parquet --columns id,total --where \"state = 'SP'\" --pack gzip --out csv/"
)]
pub struct Args {
    /// Parquet files, folders or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
    /// The columns to write, in this order [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The rows to write, such as "state = 'SP' and (total >= 100 or note is null)"
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// The byte between two fields
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub delimiter: u8,
    /// Leave out the line with the columns' names
    #[arg(long)]
    pub no_header: bool,
    /// What stands for a null [default: nothing]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub null: NullText,
    /// How bytes are written
    #[arg(long, value_enum, default_value_t = Bytes::Hex)]
    pub bytes: Bytes,
    /// Pack the text
    #[arg(long, value_enum, default_value_t = Packing::None)]
    pub pack: Packing,
    /// Write all files into one of this name in the folder of --out
    #[arg(long, value_name = "NAME")]
    pub into: Option<PathBuf>,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Bytes {
    /// Two hexadecimal digits a byte
    #[default]
    Hex,
    /// Base64 (RFC 4648)
    Base64,
}

/// One byte that can stand between fields.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("expected one character of ASCII that is no quote and no line break, or \\t".into()),
    }
}

/// The files to convert and where to.
#[derive(Debug)]
pub struct Input {
    targets: Vec<Target>,
    out: PathBuf,
    rules: Rules,
}

/// The files that were made.
#[derive(Debug)]
pub struct Output {
    converted: Vec<(PathBuf, Converted)>,
    failures: Vec<Failure>,
}

impl Exercise for Convert {
    const ID: u8 = 8;
    const NAME: &'static str = "convert";
    const ABOUT: &'static str = "Converts Parquet to CSV, many files or the row groups of a large one.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<strategies::Convert>()];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn files(args: &Args, lab: &Lab) -> Files {
        let into = args.into.as_ref().map(|name| lab.out_or(Self::NAME).join(name));

        Files::new(Out::Folder).inputs(lab, &args.inputs, "orders-parquet", "parquet").writes(
            "--into",
            into,
            &[],
        )
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let out = lab.out_or(Self::NAME);
        let files = lab.inputs_of(&args.inputs, "orders-parquet", "parquet", &[Content::Parquet])?;
        let bytes = match args.bytes {
            Bytes::Hex => BytesText::Hex,
            Bytes::Base64 => BytesText::Base64,
        };
        let dialect = Dialect { delimiter: args.delimiter, header: !args.no_header, null: args.null, bytes };
        let (columns, filter) = (args.columns.clone(), args.filter.clone());
        let noted = may_meet_files_of_the_user(args, lab);
        let rules = Rules { dialect, packing: args.pack, columns, filter, noted };
        let targets = match &args.into {
            Some(name) => vec![plan::into_one(files, out.join(file_name(name)?), &rules)?],
            None => plan::one_each(files, &out, &rules, lab.workers)?,
        };
        check_targets(&targets, args, lab)?;

        Ok(Input { targets, out, rules })
    }
}

/// Whether files get names that nobody gave, in a folder that the user named: files of the user's may lie in it.
fn may_meet_files_of_the_user(args: &Args, lab: &Lab) -> bool {
    args.into.is_none() && lab.may_read_stdin() && lab.out().is_some()
}

/// Refuses outputs that are inputs, and files in the user's folder that nobody named and this program did not make.
fn check_targets(targets: &[Target], args: &Args, lab: &Lab) -> Result<(), Problem> {
    let files = Convert::files(args, lab);
    for target in targets {
        files.may_write("--out", &target.to)?;
    }

    if may_meet_files_of_the_user(args, lab) {
        made::check(targets.iter().map(|target| &target.to), lab.force)?;
    }
    Ok(())
}

/// The name of a file without any folder.
fn file_name(name: &Path) -> Result<&OsStr, Problem> {
    let plain = name.file_name().filter(|plain| Path::new(plain) == name);
    plain.ok_or_else(|| {
        Problem::new(format!("--into takes the name of a file, not {}", name.display()))
            .hint("the folder is the one of --out")
    })
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        self.converted.iter().try_for_each(|(path, _)| digest.add_file(path))
    }

    fn work(&self) -> Work {
        let mut work = Work { items: (self.converted.len() + self.failures.len()) as u64, ..Work::default() };
        for (_, converted) in &self.converted {
            work.rows += converted.rows;
            work.bytes_in += converted.bytes_in;
            work.bytes_out += converted.bytes_out;
        }
        work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
