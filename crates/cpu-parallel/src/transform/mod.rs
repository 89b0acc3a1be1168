//! Exercise 06: the orders of a shop with what its register knows of their customers: cleaned, checked and without names.
//!
//! Names are normalised, documents checked digit by digit, telephone numbers and postal codes written one way ([`clean`]);
//! personal data becomes a pseudonym ([`secret`]); the nearest store is found ([`place`]), and what customers wrote is
//! counted. None of it waits for anything: this is what a processor is for.
//!
//! The strategies `rows` and `no-allocation` are the first two steps of a ladder whose third, columns in batches, all
//! others climb from ([`ladder`]): what one core does well is what two cores do twice. `--ladder` shows the steps with
//! their times and with where each one's time goes.
//!
//! Each piece of the input becomes one row group of the output, whoever transforms it. A worker holds a batch and an encoded
//! row group; all workers of a process hold the customers and the cleaned ones among them ([`register`]).

pub mod clean;
mod jobs;
pub mod ladder;
pub mod place;
pub mod profile;
pub mod register;
pub mod rules;
pub mod secret;
mod steps;
mod strategies;
mod tables;

use std::path::PathBuf;

use lab::formats::{Format, Out};
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

use crate::csv_input::Survey;
use crate::table_file::{Form, TABLES};
pub use jobs::TransformPiece;
use place::{Point, Store};
use rules::{Clear, Rules};
use secret::Method;
pub use steps::Output;

/// The exercise.
#[derive(Debug)]
pub struct Transform;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Orders have the columns order_id, customer_id and note; customers have customer_id, name, document, email, phone and cep. An
order whose customer is not known, or has a document, telephone number or postal code that cannot be right, is left out and
listed; --rejects keeps all of them, without personal data. Orders read = orders written + orders rejected, or there is no table.

Pseudonyms depend on the key: keep it, and pass it by the variable PARALELO_KEY rather than on the command line.

Examples:
  cpu-parallel transform 'orders/*.parquet' --customers customers.parquet --out clean.parquet
  cpu-parallel transform orders.csv --customers customers.csv --out clean.csv --clear name --rejects bad.csv
  cpu-parallel transform --ladder")]
pub struct Args {
    /// CSV or Parquet files of orders, folders with .parquet files, or quoted patterns [default: some of the lab's orders]
    pub inputs: Vec<String>,
    /// CSV or Parquet files of customers, folders with .parquet files, or quoted patterns; may be given several times
    /// [default: the lab's]
    #[arg(long, value_name = "FILE")]
    pub customers: Vec<String>,
    /// How pseudonyms are made
    #[arg(long, value_enum, default_value_t)]
    pub pseudonyms: Method,
    /// What pseudonyms are made with [default: the seed]
    #[arg(long, value_name = "TEXT", env = "PARALELO_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// Columns that stay readable
    #[arg(long, value_enum, value_delimiter = ',')]
    pub clear: Vec<Clear>,
    /// A store, as `NAME=LATITUDE,LONGITUDE`; may be given several times [default: four cities]
    #[arg(long = "store", value_name = "STORE", value_parser = store)]
    pub stores: Vec<Store>,
    /// Keep the orders that are left out here, each with its reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Show the steps from the plain loop to all cores, with the time of each and where it goes
    #[arg(long)]
    pub ladder: bool,
}

fn store(text: &str) -> Result<Store, String> {
    let read = || {
        let (name, place) = text.rsplit_once('=')?;
        let (latitude, longitude) = place.split_once(',')?;
        let degrees =
            |text: &str, most: f64| text.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= most);
        let place = Point { latitude: degrees(latitude, 90.0)?, longitude: degrees(longitude, 180.0)? };
        Some(Store { name: name.into(), place })
    };
    read().ok_or_else(|| "expected NAME=LATITUDE,LONGITUDE, such as 'Recife=-8.05,-34.88'".into())
}

/// The stores that there are where nobody says which.
fn usual_stores() -> Vec<Store> {
    let store = |name: &str, uf: &str| {
        let state = place::STATES
            .iter()
            .find(|state| state.uf == uf)
            .map_or(place::STATES[0].capital, |state| state.capital);
        Store { name: name.into(), place: state }
    };
    vec![store("São Paulo", "SP"), store("Recife", "PE"), store("Manaus", "AM"), store("Porto Alegre", "RS")]
}

/// The files and what is done to them.
#[derive(Clone, Debug)]
pub struct Input {
    files: Vec<PathBuf>,
    customers: Vec<PathBuf>,
    rules: Rules,
    form: Form,
    out: PathBuf,
    rejects: Option<PathBuf>,
    ladder: bool,
}

/// The lab's own run takes a quarter of the orders: this is the heaviest work of the course.
const SHARE: usize = 4;

impl Exercise for Transform {
    const ID: u8 = 6;
    const NAME: &'static str = "transform";
    const ABOUT: &'static str = "Cleans, checks and pseudonymises orders and their customers.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Sequential, strategies::rows).named("rows").with_workers(1),
        Strategy::new(Kind::Sequential, strategies::no_allocation).named("no-allocation").with_workers(1),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<Survey>(), Role::worker::<TransformPiece>()];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn files(args: &Args, lab: &Lab) -> Files {
        Files::new(Out::File(TABLES))
            .default_out("transform.parquet")
            .inputs(lab, &args.inputs, "orders-parquet", "parquet")
            .inputs(lab, &args.customers, "customers-parquet", "parquet")
            .writes("--rejects", args.rejects.as_ref(), &[Format::Csv])
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let mut files = lab.inputs(&args.inputs, "orders-parquet", "parquet")?;
        if args.inputs.is_empty() {
            files.truncate(files.len().div_ceil(SHARE));
        }
        if files.iter().any(|file| tables::is_parquet(file) != tables::is_parquet(&files[0])) {
            return Err(
                Problem::new("some of the files are Parquet and some are not").hint("transform them apart")
            );
        }
        if args.customers.is_empty() && !args.inputs.is_empty() {
            return Err(
                Problem::new("there are no customers").hint("--customers FILE names the file that has them")
            );
        }
        let customers = lab.inputs(&args.customers, "customers-parquet", "parquet")?;
        let out = lab.out_or("transform.parquet");
        // A measured cell keeps nothing: what it writes is beside its output.
        let rejects = args.rejects.as_ref().map(|rejects| {
            if lab.may_read_stdin() {
                rejects.clone()
            } else {
                out.with_file_name(rejects.file_name().unwrap_or_default())
            }
        });
        Ok(Input {
            files,
            customers,
            rules: Rules {
                method: args.pseudonyms,
                key: args.key.clone().unwrap_or_else(|| lab.seed.to_string()),
                clear: args.clear.clone(),
                stores: if args.stores.is_empty() { usual_stores() } else { args.stores.clone() },
            },
            form: Form::of(&out),
            out,
            rejects,
            ladder: args.ladder,
        })
    }

    fn deliver(output: &Output, _: &Args, _: &Lab) -> Result<(), Problem> {
        output.print()
    }
}
