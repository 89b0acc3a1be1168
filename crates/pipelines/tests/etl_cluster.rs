//! Exercise 11 on a distributed engine: the same lake, whatever is wrong with its orders and whoever dies.
#![cfg(feature = "cluster")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use nix::sys::signal::Signal;
use parquet::arrow::ArrowWriter;
use witness::{Ended, alive, listing, number, signal, wait_for, wait_within};

mod lakes;
use lakes::{PROGRAM, contents, digest, etl, files, lake};

/// Orders of a month of a state, of which most are wrong in one way or in several.
fn nasty(rows: usize, random: &mut fastrand::Rng, customers: u64) -> String {
    let numbers =
        ["1", "1", "7", "0", "-1", "2147483647", "2147483648", "9223372036854775807", "x", "", " 3", "1.5"];
    let discounts = ["0", "0", "250", "10000", "10001", "-1", "9223372036854775807"];
    let statuses = [
        "delivered",
        "cancelled",
        " SHIPPED\t",
        "Pending",
        "lost",
        "\"say \"\"lost\"\"\"",
        "",
        "ſhipped",
        "lo\u{7}st",
    ];
    let categories = ["Moda", " Casa ", "\"Casa, Jardim\"", " ", "\u{a0}", "\u{b}", ""];
    let moments =
        ["2024-03-05 12:00:00", "2024-03-31T23:59:59Z", "2024-04-01 00:00:00", "9999-12-31 23:59:59", "soon"];
    let notes = ["", " ", "  Olá ", "\"two\nlines\"", "\"\""];
    let mut text = String::from(
        "order_id,customer_id,product_id,category,quantity,unit_price_cents,discount_bp,status,ordered_at,note\n",
    );
    for _ in 0..rows {
        let mut any = |of: &[&str]| of[if random.bool() { 0 } else { random.usize(..of.len()) }].to_owned();
        let (id, product, quantity, price) = (any(&numbers), any(&numbers), any(&numbers), any(&numbers));
        let (discount, status, category) = (any(&discounts), any(&statuses), any(&categories));
        let (moment, note) = (any(&moments), any(&notes));
        let customer = random.u64(0..=customers + 1);
        let end = if random.u8(..40) == 0 { ",one field more\n" } else { "\n" };
        write!(
            text,
            "{id},{customer},{product},{category},{quantity},{price},{discount},{status},{moment},{note}{end}"
        )
        .unwrap();
    }
    text
}

/// The same, as another writer of Parquet might have them: with gaps, with states of their own, and at any time.
fn nasty_parquet(rows: usize, random: &mut fastrand::Rng, customers: i64, path: &Path) {
    let mut numbers = |of: &[i64]| -> ArrayRef {
        let one = |_| {
            if random.u8(..12) == 0 {
                None
            } else {
                Some(of[if random.bool() { 0 } else { random.usize(..of.len()) }])
            }
        };
        Arc::new((0..rows).map(one).collect::<Int64Array>())
    };
    let wild = [3, 0, -1, 1 << 31, i64::MAX, i64::MIN];
    let ids: Vec<i64> = (1..=customers + 1).collect();
    let mut columns = vec![
        ("order_id", numbers(&wild)),
        ("customer_id", numbers(&ids)),
        ("product_id", numbers(&wild)),
        ("quantity", numbers(&wild)),
        ("unit_price_cents", numbers(&wild)),
        ("discount_bp", numbers(&[500, 0, 10_000, 10_001, -1, i64::MIN])),
    ];
    let march = 1_709_640_000_000_000;
    let moments = numbers(&[march, 0, -1, i64::MAX, i64::MIN, march + 40 * 86_400_000_000]);
    let moments = moments.as_any().downcast_ref::<Int64Array>().unwrap().reinterpret_cast();
    let moments: TimestampMicrosecondArray = moments;
    columns.push(("ordered_at", Arc::new(moments)));
    let mut texts = |of: &[&str]| -> ArrayRef {
        let one = |_| if random.u8(..12) == 0 { None } else { Some(of[random.usize(..of.len())].to_owned()) };
        Arc::new((0..rows).map(one).collect::<StringArray>())
    };
    columns.push(("category", texts(&["Moda", " Casa", "\t"])));
    columns.push(("status", texts(&["delivered", "CANCELLED ", "lost", ""])));
    columns.push(("note", texts(&[" ", "a note", ""])));
    columns.push(("uf", texts(&["SP", "SP", "RJ"])));
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn the_rules_in_sql_are_those_of_the_other_strategies_for_orders_that_are_wrong_in_any_way() {
    let folder = lake(300, "csv");
    let customers = datagen::orders::customers_of(300);
    let mut random = fastrand::Rng::with_seed(11);
    let within = folder.path().join("in");
    for partition in ["year=2024/month=3/uf=SP", "year=2024/month=3/uf=RJ", "year=2024/month=4", "uf=MG", ""]
    {
        let place = within.join(partition);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("nasty.csv"), nasty(400, &mut random, customers)).unwrap();
        nasty_parquet(400, &mut random, customers.cast_signed(), &place.join("nasty.parquet"));
    }
    fs::create_dir(within.join("uf=ES")).unwrap();
    fs::write(within.join("uf=ES/open.csv"), nasty(30, &mut random, customers) + "1,\"never closed").unwrap();
    for piece in ["8MiB", "3KiB"] {
        let at = |name: &str| format!("{name}-{piece}");
        let wanted = etl(folder.path(), &at("wanted"), "sequential", 1, &["--piece", piece]).unwrap();
        let found = etl(folder.path(), &at("found"), "cluster", 2, &["--piece", piece]).unwrap();
        let (wanted_files, found_files) =
            (contents(&folder.path().join(at("wanted"))), contents(&folder.path().join(at("found"))));
        for (name, bytes) in &wanted_files {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let other = found_files.get(name).map_or("nothing".into(), |bytes| text(bytes));
            let differs = text(bytes)
                .lines()
                .zip(other.lines())
                .find(|(one, other)| one != other)
                .map(|(one, other)| format!("{one}\n{other}"));
            assert!(found_files.get(name) == Some(bytes), "{piece} {name}: {differs:?}");
        }
        assert_eq!(digest(&found), digest(&wanted), "{piece}");
        assert!(wanted_files == found_files, "{piece}");
    }
}

/// A scheduler or an executor, and where it listens.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(role: &str, folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["worker", role, "--listen", "127.0.0.1:0"]).args(more).env("TMPDIR", folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address =
            said.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{said}")).to_owned();
        Self { child, address }
    }

    /// Ends it by its standard input, and waits until it is gone.
    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_executor_that_is_killed_half_way_costs_nothing_and_nothing_is_left_behind() {
    // Another one wants its rows while the scheduler still believes in it.
    check_killed("12", Duration::ZERO);
}

#[test]
fn the_only_executor_is_killed_half_way_and_the_job_goes_on_when_another_comes() {
    // The scheduler takes it for dead, and takes back what was done of the rest, before anybody wants its rows.
    check_killed("8", Duration::from_secs(10));
}

/// Kills an executor that has handed in a stage, and starts another one so long after.
fn check_killed(patience: &str, pause: Duration) {
    let folder = lake(3_000, "csv");
    let at = |name: &str| folder.path().join(name);
    let temporary = |name: &str| {
        fs::create_dir(at(name)).unwrap();
        at(name)
    };
    let (one, two, own) = (temporary("one"), temporary("two"), temporary("own"));
    etl(folder.path(), "wanted", "sequential", 1, &["--piece", "64KiB"]).unwrap();
    let scheduler = Server::start("etl-scheduler", &own, &["--patience", patience]);
    let executor = |folder: &Path| {
        Server::start("etl-executor", folder, &["--scheduler", &scheduler.address, "--tasks", "1"])
    };
    let mut doomed = executor(&one);
    let mut job = witness::program(PROGRAM, folder.path());
    job.arg("etl").arg(at("in")).arg("--customers").arg(at("customers")).arg("--out").arg(at("found"));
    job.args(["--piece", "64KiB", "--workers", "2", "--scheduler", &scheduler.address]).env("TMPDIR", &own);
    let mut running = job.spawn().unwrap();
    // It has done one task and begun another, so the scheduler knows of rows that are in its folder and nowhere else.
    wait_for("rows of the doomed executor", || {
        (files(&one).iter().filter(|file| holds_rows(file)).count() > 1).then_some(())
    });
    assert!(running.try_wait().unwrap().is_none(), "the job was over before");
    signal(number(&doomed.child), Signal::SIGKILL);
    doomed.child.wait().unwrap();
    // sleep: what happens meanwhile happens in the scheduler, which tells nobody.
    std::thread::sleep(pause);
    let living = executor(&two);
    wait_within(Duration::from_mins(2), "the end of the job", || running.try_wait().unwrap());
    let ended = Ended::from(running.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(contents(&at("found")) == contents(&at("wanted")));
    assert!(ended.err.contains("(cluster"), "{}", ended.err);

    // The living ones clear away; what the killed one left is the next one's to sweep.
    let numbers = [number(&scheduler.child), number(&living.child)];
    Server::start("etl-executor", &one, &["--scheduler", &scheduler.address]).end();
    living.end();
    scheduler.end();
    assert!(!numbers.into_iter().any(alive));
    for place in [&one, &two, &own] {
        assert_eq!(listing(place), [""; 0], "{}", place.display());
    }
}

fn holds_rows(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "arrow")
        && file.metadata().is_ok_and(|found| found.len() > 0)
}

#[test]
fn a_scheduler_that_is_not_there_is_named_and_what_is_none_is_said_to_be() {
    let folder = lake(150, "csv");
    for (address, told) in
        [("127.0.0.1:1", "there is no scheduler"), ("nowhere", "no address of a scheduler")]
    {
        let problem =
            etl(folder.path(), "out", "cluster", 1, &["--scheduler", address]).unwrap_err().to_string();
        assert!(problem.contains(told) && problem.contains(address), "{problem}");
        assert_eq!(listing(&folder.path().join("out")), [""; 0]);
    }
}

#[test]
fn a_cluster_in_this_process_leaves_no_folder() {
    let folder = lake(1_000, "csv");
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    let mut job = witness::program(PROGRAM, folder.path());
    job.arg("etl").arg(folder.path().join("in")).arg("--customers").arg(folder.path().join("customers"));
    job.arg("--out").arg(folder.path().join("out")).args(["--strategy", "cluster"]).env("TMPDIR", &own);
    let ended = witness::run(&mut job);
    assert_eq!((ended.code, listing(&own)), (Some(0), Vec::new()), "{}", ended.err);
}
