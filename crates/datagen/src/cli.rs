//! The command line: from arguments to a [`Request`], and from an outcome to words on stderr.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::encode::{Compression, Options, Tables};
use crate::error::{Error, Result};
use crate::hive;
use crate::home::home;
use crate::manifest::Arguments;
use crate::orders::Orders;
use crate::plan::{self, Format, Scale, Size, TableName};
use crate::report::{Line, summary};
use crate::run::{Outcome, Request, run};
use crate::size::{parse_bytes, show_bytes};
use crate::verify::verify;

const EXAMPLES: &str = "\
Examples:
  datagen all --scale small                          everything the laboratory reads, into data/raw/small
  datagen orders --rows 1000000 --format parquet     one table, into data/raw/orders-parquet
  datagen orders --bytes 10GB --files 40             as many rows as make about 10 GB
  datagen logs --files 4 --out /tmp/logs             application logs, into a folder of your own
  datagen verify data/raw/small                      read every byte and compare it with the manifest

The same arguments give the same bytes, with any number of workers. A second run writes nothing; an interrupted run
goes on with the files that are missing.";

/// Seeded data sets, the same bytes for any number of workers.
#[derive(Debug, Parser)]
#[command(name = "datagen", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    what: What,
    /// Stop as on Ctrl-C once stdin is closed, so that a program that started this one and died leaves nothing running.
    #[arg(long, global = true, hide = true)]
    stop_with_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything the laboratory reads: orders as CSV and as Parquet, and logs.
    All(AllArgs),
    /// A shop's orders over three years.
    Orders(OrdersArgs),
    /// The customers that orders name, with valid CPF, CNPJ, telephone and postal codes.
    Customers(TableArgs),
    /// The products that orders name.
    Products(TableArgs),
    /// Hourly readings at the 27 state capitals.
    Weather(TableArgs),
    /// States, municipalities and districts in the form of IBGE's data; names are invented.
    Localities(TableArgs),
    /// Application logs of several services, and a ledger of the incidents planted in them.
    Logs(LogsArgs),
    /// One database a store with its sales, as SQLite or as SQL for PostgreSQL and MariaDB.
    Stores(StoresArgs),
    /// Pictures of stated sizes.
    Images(ImagesArgs),
    /// Check a folder against its manifest, byte by byte.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct Common {
    /// How much data.
    #[arg(long, value_enum, default_value = "small")]
    scale: Scale,
    /// The seed: another seed, other data.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// The folder to write into.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// What changes the time and no byte.
#[derive(Debug, Args)]
struct How {
    /// Threads; all cores by default. They change the time and no byte.
    #[arg(long)]
    workers: Option<NonZero<usize>>,
    /// Say nothing but errors.
    #[arg(long, short)]
    quiet: bool,
}

impl How {
    fn workers(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        self.workers.map_or_else(cores, NonZero::get)
    }
}

#[derive(Debug, Args)]
struct AllArgs {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Amount {
    /// Rows in all files together, instead of the scale's.
    #[arg(long, conflicts_with = "bytes")]
    rows: Option<u64>,
    /// About so many bytes in all files together, such as 10GB or 1.5GiB.
    #[arg(long, value_parser = parse_bytes)]
    bytes: Option<u64>,
    /// Files, instead of the scale's.
    #[arg(long)]
    files: Option<NonZero<u64>>,
}

#[derive(Debug, Args)]
struct TableArgs {
    /// How rows are written.
    #[arg(long, value_enum, default_value = "csv")]
    format: RowFormat,
    #[command(flatten)]
    amount: Amount,
    /// Plant wrong records in CSV files, as a share of all (0.01 is one in a hundred), and write a ledger of them.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    dirty: Option<u32>,
    /// How Parquet pages are compressed.
    #[arg(long, value_enum, default_value = "snappy")]
    compression: Compression,
    /// Rows of a Parquet row group or an Arrow batch.
    #[arg(long, value_name = "ROWS", default_value_t = 65_536, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    row_group: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct OrdersArgs {
    #[command(flatten)]
    table: TableArgs,
    /// How files are laid out.
    #[arg(long, value_enum, default_value = "flat")]
    layout: Layout,
}

/// How files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Files of equal size in one folder.
    Flat,
    /// A lake partitioned by year, month and state: `year=2024/month=3/uf=SP/`.
    Hive,
}

#[derive(Debug, Args)]
struct LogsArgs {
    #[command(flatten)]
    amount: Amount,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct StoresArgs {
    /// What kind of database.
    #[arg(long, value_enum, default_value = "sqlite")]
    format: StoreFormat,
    #[command(flatten)]
    amount: Amount,
    #[command(flatten)]
    common: Common,
}

/// The forms of a store's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreFormat {
    /// A database file.
    Sqlite,
    /// Statements; load them with `psql URL -f FILE` or `mariadb … < FILE`.
    Sql,
}

#[derive(Debug, Args)]
struct ImagesArgs {
    /// How pictures are written.
    #[arg(long, value_enum, default_value = "png")]
    format: ImageFormat,
    /// Pictures, instead of the scale's number.
    #[arg(long)]
    count: Option<NonZero<u64>>,
    /// Width and height in pixels; several sizes are taken in turn.
    #[arg(long, value_name = "WxH", value_delimiter = ',', default_value = "640x480", value_parser = parse_pixels)]
    size: Vec<(u32, u32)>,
    #[command(flatten)]
    common: Common,
}

/// The forms of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImageFormat {
    Png,
    Jpeg,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The folder that holds manifest.json.
    folder: PathBuf,
    #[command(flatten)]
    how: How,
}

/// The formats of a table of rows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RowFormat {
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

impl From<RowFormat> for Format {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Csv => Self::Csv,
            RowFormat::Ndjson => Self::Ndjson,
            RowFormat::Parquet => Self::Parquet,
            RowFormat::Arrow => Self::Arrow,
        }
    }
}

/// Reads the command line.
///
/// # Errors
/// An exit code once everything is said: 0 after help and version, 2 after an error.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, u8> {
    Cli::try_parse_from(arguments).map_err(|error| {
        // Help that was asked for goes to stdout, help that was not to stderr; that it cannot be written there is
        // nobody's business.
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            return 0;
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let _ = error.print();
            return 2;
        }
        let text = error.to_string();
        let message = text.split("\n\nUsage:").next().unwrap_or(&text);
        let message = message.split("\n\nFor more information").next().unwrap_or(message);
        eprintln!("{}", message.replace("\n  tip: ", "\nhint: ").replace("\n\nhint:", "\nhint:").trim_end());
        if !message.contains("tip: ") {
            eprintln!("hint: `datagen --help` shows what there is, with examples");
        }
        2
    })
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever [`run`] or [`verify`] meets; the caller maps it to an exit code with [`Error::exit_code`].
    pub fn run(self, stop: &'static AtomicBool) -> Result<()> {
        if self.stop_with_stdin {
            // Nobody can join a thread that waits for input that may never come; it ends with the process, and all it
            // ever does is to set the flag.
            thread::spawn(|| {
                let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
                stop.store(true, Ordering::Release);
            });
        }
        let (request, quiet) = match &self.what {
            What::Verify(args) => return check(args, stop),
            What::All(args) => (everything(&args.common), args.common.how.quiet),
            What::Logs(args) => (logs(args)?, args.common.how.quiet),
            What::Orders(args) => (orders(args)?, args.table.common.how.quiet),
            What::Stores(args) => (stores(args)?, args.common.how.quiet),
            What::Images(args) => (images(args)?, args.common.how.quiet),
            What::Customers(args) => (table(TableName::Customers, args)?, args.common.how.quiet),
            What::Products(args) => (table(TableName::Products, args)?, args.common.how.quiet),
            What::Weather(args) => (table(TableName::Weather, args)?, args.common.how.quiet),
            What::Localities(args) => (table(TableName::Localities, args)?, args.common.how.quiet),
        };
        let started = Instant::now();
        let rows = request.plan.iter().map(|file| file.rows.end - file.rows.start).sum();
        let line = Line::new(rows, quiet);
        let outcome = run(&request, stop, &line);
        line.clear();
        let outcome = outcome?;
        if !quiet {
            tell(&request, &outcome, started);
        }
        Ok(())
    }
}

fn everything(common: &Common) -> Request {
    let root = common.out.clone().unwrap_or_else(|| home().join("data/raw"));
    Request {
        arguments: Arguments { what: "all".into(), options: vec![format!("scale={}", common.scale.name())] },
        options: Options { seed: common.seed, compression: Compression::Snappy },
        plan: plan::everything(common.scale),
        root: root.join(common.scale.name()),
        workers: common.how.workers(),
    }
}

fn table(name: TableName, args: &TableArgs) -> Result<Request> {
    let format = args.format.into();
    let options = Options { seed: args.common.seed, compression: args.compression };
    let size = size(name, format, &args.amount, args.common.scale, &options)?;
    let mut request = Request {
        arguments: arguments(name, format, size),
        options,
        plan: Vec::new(),
        root: root(&format!("{}-{}", name.name(), format.extension()), &args.common),
        workers: args.common.how.workers(),
    };
    let mut rows_at_once = None;
    if matches!(format, Format::Parquet | Format::Arrow) {
        rows_at_once = Some(args.row_group);
        request.arguments.options.push(format!("row-group={}", args.row_group));
    }
    if format == Format::Parquet {
        request.arguments.options.push(format!("compression={:?}", args.compression).to_lowercase());
    }
    request.plan = plan::files("", name, format, size, rows_at_once);
    if let Some(per_million) = args.dirty {
        if format != Format::Csv {
            return Err(Error::Usage {
                message: "only CSV files can be dirty".into(),
                hint: "leave out --dirty, or choose --format csv".into(),
            });
        }
        request.plan = plan::dirty(request.plan, per_million);
        request.arguments.options.push(format!("dirty={per_million}/1000000"));
        if args.common.out.is_none() {
            request.root = root(&format!("{}-csv-dirty", name.name()), &args.common);
        }
    }
    Ok(request)
}

fn orders(args: &OrdersArgs) -> Result<Request> {
    let mut request = table(TableName::Orders, &args.table)?;
    if args.layout == Layout::Hive {
        if args.table.dirty.is_some() || args.table.amount.files.is_some() {
            return Err(Error::Usage {
                message: "a lake has its own number of files, and is clean".into(),
                hint: "leave out --files and --dirty, or choose --layout flat".into(),
            });
        }
        let format = args.table.format.into();
        let rows = request.plan.iter().map(|file| file.rows.end - file.rows.start).sum();
        let rows_at_once = request.plan.first().map(|file| file.rows_at_once);
        request.plan = hive::plan(&Orders::new(request.options.seed), format, rows, rows_at_once);
        request.arguments.options.retain(|option| !option.starts_with("files="));
        request.arguments.options.push("layout=hive".into());
        if args.table.common.out.is_none() {
            request.root = root(&format!("orders-lake-{}", format.extension()), &args.table.common);
        }
    }
    Ok(request)
}

/// A share between 0 and 1, in millionths.
fn parse_rate(text: &str) -> Result<u32, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if rate > 0.0 && rate <= 1.0 {
        Ok((rate * 1e6).round().max(1.0) as u32)
    } else {
        Err(format!("{text} is no share; write one above 0 and up to 1, such as 0.01"))
    }
}

fn logs(args: &LogsArgs) -> Result<Request> {
    let options = Options { seed: args.common.seed, compression: Compression::None };
    let size = size(TableName::Logs, Format::Log, &args.amount, args.common.scale, &options)?;
    Ok(Request {
        arguments: arguments(TableName::Logs, Format::Log, size),
        options,
        plan: plan::logs("", size),
        root: root("logs", &args.common),
        workers: args.common.how.workers(),
    })
}

fn stores(args: &StoresArgs) -> Result<Request> {
    let format = if args.format == StoreFormat::Sql { Format::Sql } else { Format::Sqlite };
    if format == Format::Sqlite && !cfg!(feature = "stores") {
        return Err(not_built("stores", "stores"));
    }
    if args.amount.bytes.is_some() {
        return Err(Error::Usage {
            message: "databases are counted in sales".into(),
            hint: "leave out --bytes, and use --rows and --files".into(),
        });
    }
    let options = Options { seed: args.common.seed, compression: Compression::None };
    let size = size(TableName::Stores, format, &args.amount, args.common.scale, &options)?;
    Ok(Request {
        arguments: arguments(TableName::Stores, format, size),
        options,
        plan: plan::files("", TableName::Stores, format, size, None),
        root: root(&format!("stores-{}", format.extension()), &args.common),
        workers: args.common.how.workers(),
    })
}

fn images(args: &ImagesArgs) -> Result<Request> {
    if !cfg!(feature = "images") {
        return Err(not_built("images", "images"));
    }
    let format = if args.format == ImageFormat::Jpeg { Format::Jpeg } else { Format::Png };
    let rows = args.count.map_or(TableName::Images.size(args.common.scale).rows, NonZero::get);
    let mut arguments = arguments(TableName::Images, format, Size { files: rows, rows });
    let sizes = args.size.iter().map(|(width, height)| format!("{width}x{height}"));
    arguments.options.push(format!("sizes={}", sizes.collect::<Vec<_>>().join(",")));
    Ok(Request {
        arguments,
        options: Options { seed: args.common.seed, compression: Compression::None },
        plan: plan::images(rows, format, &args.size),
        root: root(&format!("images-{}", format.extension()), &args.common),
        workers: args.common.how.workers(),
    })
}

/// What a leaner build cannot do.
fn not_built(what: &str, feature: &str) -> Error {
    Error::Usage {
        message: format!("this build cannot make {what}"),
        hint: format!("use `cargo run -p datagen --features {feature} -- {what} …`"),
    }
}

/// Width and height, such as `640x480`.
fn parse_pixels(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("`{text}` is no size in pixels; write it like 640x480, up to 16384x16384");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16_384).contains(side)).ok_or_else(wrong);
    Ok((side(width)?, side(height)?))
}

fn arguments(name: TableName, format: Format, size: Size) -> Arguments {
    Arguments {
        what: name.name().into(),
        options: vec![
            format!("format={}", format.extension()),
            format!("rows={}", size.rows),
            format!("files={}", size.files),
        ],
    }
}

fn root(folder: &str, common: &Common) -> PathBuf {
    common.out.clone().unwrap_or_else(|| home().join("data/raw").join(folder))
}

/// How many rows in how many files.
fn size(name: TableName, format: Format, amount: &Amount, scale: Scale, options: &Options) -> Result<Size> {
    let usual = name.size(scale);
    let rows = match (amount.rows, amount.bytes) {
        (Some(rows), _) => rows,
        (None, Some(bytes)) => rows_of(name, format, bytes, options)?,
        (None, None) => usual.rows,
    };
    if rows > name.limit() {
        return Err(Error::Usage {
            message: format!("{} has at most {} rows, and {rows} were asked for", name.name(), name.limit()),
            hint: "ask for fewer with --rows or --bytes".into(),
        });
    }
    let files = amount.files.map_or(usual.files, NonZero::get);
    if files > 99_999 {
        return Err(Error::Usage {
            message: format!("{files} files are too many"),
            hint: "--files takes at most 99999, so that names of five digits sort".into(),
        });
    }
    Ok(Size { files, rows })
}

/// The rows that make about `bytes`. Identifiers grow with the table, so the second estimate samples its middle.
fn rows_of(name: TableName, format: Format, bytes: u64, options: &Options) -> Result<u64> {
    let tables = Tables::new(options);
    let first = bytes as f64 / tables.bytes_per_row(name, format, 0)?;
    let second = bytes as f64 / tables.bytes_per_row(name, format, (first / 2.0) as u64)?;
    Ok(second as u64)
}

/// Says on stderr what was done.
fn tell(request: &Request, outcome: &Outcome, started: Instant) {
    let root = request.root.display();
    let files = outcome.manifest.files.len();
    if outcome.written == 0 {
        eprintln!("{root}: nothing to write, all {files} files are there");
        return;
    }
    eprint!("{}", summary(&outcome.manifest));
    let bytes = outcome.bytes;
    let seconds = started.elapsed().as_secs_f64();
    let rate = show_bytes((bytes as f64 / seconds.max(1e-9)) as u64);
    eprintln!(
        "{root}: {} of {files} files written, {} in {seconds:.2} s, {rate}/s",
        outcome.written,
        show_bytes(bytes)
    );
}

/// Checks a folder, and names on stdout what is wrong with it.
fn check(args: &VerifyArgs, stop: &AtomicBool) -> Result<()> {
    let line = Line::new(0, true);
    let (manifest, problems) = verify(&args.folder, args.how.workers(), stop, &line)?;
    for problem in &problems {
        println!("{}: {}", problem.path, problem.what);
    }
    let bytes = manifest.files.iter().map(|entry| entry.bytes).sum();
    if !problems.is_empty() {
        let of = manifest.files.len();
        return Err(Error::Differs { folder: args.folder.clone(), problems: problems.len(), of });
    }
    if !args.how.quiet {
        let files = manifest.files.len();
        eprintln!("{}: {files} files, {}, all as written", args.folder.display(), show_bytes(bytes));
    }
    Ok(())
}

/// Lets Ctrl-C and a polite kill set `stop` instead of ending the process, so that files half-written are removed.
///
/// # Errors
/// When the system refuses the handler.
pub fn stop_on_signals() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Release)).map_err(|error| Error::Usage {
        message: format!("cannot listen to Ctrl-C: {error}"),
        hint: "start one run in a process".into(),
    })?;
    Ok(&STOP)
}
