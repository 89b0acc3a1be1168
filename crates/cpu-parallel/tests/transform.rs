//! Exercise 06 on real files: one table, whoever did what and on whichever rung, and nothing lost.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use cpu_parallel::transform::rules::Clear;
use cpu_parallel::transform::secret::Method;
use cpu_parallel::transform::{Args, Transform};
use lab::{Answer, Digest, Exercise, Lab, Launch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use witness::run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");
const CUSTOMERS: &str = "\
customer_id,kind,name,document,email,phone,cep\n\
1,person,  JOÃO   DA silva ,111.444.777-35,Joao@Mail.example,(11) 91234-5678,01310-100\n\
2,company,Joa\u{303}o da Silva,12.ABC.345/01DE-35,,(81) 3123-4567,50030230\n\
3,person,maria,111.444.777-36,m@mail.example,(11) 91234-5678,01310-100\n\
4,person,maria,529.982.247-25,m@mail.example,123,01310-100\n";

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A folder with customers, of whom two of four are wrong, and three files of orders, some of a customer who is not there.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("customers.csv"), CUSTOMERS).unwrap();
    fs::create_dir(folder.path().join("orders")).unwrap();
    for file in 0..3_i64 {
        let ids = file * 9_000..(file + 1) * 9_000;
        let note = |id: i64| (id % 3 > 0).then(|| format!("Pedido {id} URGENTE! Não há elevador\n2º andar"));
        write(
            &folder.path().join(format!("orders/{file}.parquet")),
            vec![
                ("order_id", Arc::new(ids.clone().collect::<Int64Array>())),
                ("customer_id", Arc::new(ids.clone().map(|id| id % 5 + 1).collect::<Int64Array>())),
                ("note", Arc::new(ids.map(note).collect::<StringArray>())),
            ],
        );
    }
    folder
}

fn args(folder: &Path) -> Args {
    Args {
        inputs: vec![folder.join("orders").display().to_string()],
        customers: vec![folder.join("customers.csv").display().to_string()],
        pseudonyms: Method::Blake3,
        key: Some("a key".into()),
        clear: Vec::new(),
        stores: Vec::new(),
        rejects: Some(folder.join("bad.csv")),
        ladder: false,
    }
}

fn table(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<_> = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn every_strategy_and_every_rung_writes_the_same_bytes_and_loses_no_order() {
    let folder = folder();
    let mut answers = Vec::new();
    for workers in [1, 2, 7] {
        for strategy in Transform::STRATEGIES {
            let out = folder.path().join("out.parquet");
            let mut lab = Lab::new(workers).with_out(&out);
            lab.launch = Launch::program(PROGRAM);
            let input = Transform::prepare(&args(folder.path()), &lab).unwrap();
            let output = strategy.run.unwrap()(&input, &lab).unwrap();
            assert_eq!((output.failures().len(), output.work().rows), (0, 10_800), "{}", strategy.name);
            let rejects = fs::read_to_string(folder.path().join("bad.csv")).unwrap();
            assert_eq!(rejects.lines().count(), 1 + 27_000 - 10_800);
            let mut digest = Digest::new();
            output.digest(&mut digest).unwrap();
            answers.push((digest.finish(), fs::read(&out).unwrap(), rejects));
        }
    }
    assert_eq!(answers.len(), 24);
    assert!(answers.iter().all(|answer| answer == &answers[0]));
    let rejects = &answers[0].2;
    for reason in [
        "\"2\",document,\"the check digits are wrong\"",
        "\"3\",phone,\"a telephone number has its area and 8 digits, or 9 that begin with 9\"",
        "\"4\",customer_id,\"there is no such customer\"",
    ] {
        assert!(rejects.contains(reason), "{reason}");
    }
    assert!(!rejects.contains("maria") && !rejects.contains("111.444"), "personal data is in the rejects");
}

#[test]
fn a_person_has_one_pseudonym_and_what_is_asked_for_stays_readable() {
    let folder = folder();
    let out = folder.path().join("out.parquet");
    let lab = Lab::new(2).with_out(&out);
    let made = |args: &Args| {
        let input = Transform::prepare(args, &lab).unwrap();
        Transform::STRATEGIES[0].run.unwrap()(&input, &lab).unwrap();
        table(&out)
    };
    let text = |table: &RecordBatch, column: &str, row: usize| {
        table[column].as_string::<i32>().value(row).to_owned()
    };
    let hidden = made(&args(folder.path()));
    assert_eq!(hidden["order_id"].as_primitive::<Int64Type>().values()[..3], [0, 1, 5]);
    // Two spellings of a name are one, and the two documents are two.
    assert_eq!(text(&hidden, "name", 0), text(&hidden, "name", 1));
    assert_ne!(text(&hidden, "document", 0), text(&hidden, "document", 1));
    let bytes = fs::read(&out).unwrap();
    for personal in ["João", "11144477735", "joao@", "+5511912345678"] {
        assert!(!bytes.windows(personal.len()).any(|window| window == personal.as_bytes()), "{personal}");
    }
    assert_eq!((text(&hidden, "uf", 1), text(&hidden, "store", 1)), ("PE".into(), "Recife".into()));
    assert!(hidden["distance_km"].as_primitive::<Float64Type>().value(1) < 0.05);
    let clear = made(&Args {
        clear: vec![Clear::Name, Clear::Document, Clear::Email, Clear::Phone],
        key: Some("another key".into()),
        ..args(folder.path())
    });
    let row = |row| {
        ["name", "document_kind", "document", "email", "phone_area", "phone", "cep"]
            .map(|column| text(&clear, column, row))
    };
    assert_eq!(
        row(0),
        ["João da Silva", "cpf", "11144477735", "joao@mail.example", "11", "+5511912345678", "01310-100"]
    );
    assert_eq!(row(1), ["João da Silva", "cnpj", "12ABC34501DE35", "", "81", "+558131234567", "50030-230"]);
    let other = made(&Args { key: Some("another key".into()), ..args(folder.path()) });
    assert_ne!(text(&hidden, "name", 0), text(&other, "name", 0));
}

#[test]
fn csv_goes_in_and_out_and_a_ragged_row_is_told() {
    let folder = folder();
    let orders = "order_id,customer_id,note\n1,1,\"Rápido,\nurgente!\"\n2,1\n3,2,\n";
    fs::write(folder.path().join("orders.csv"), orders).unwrap();
    let mut command = witness::program(PROGRAM, folder.path());
    command
        .arg("transform")
        .arg(folder.path().join("orders.csv"))
        .arg("--customers")
        .arg(folder.path().join("customers.csv"));
    command.arg("--out").arg(folder.path().join("out.csv")).args([
        "--clear",
        "name,document,email,phone",
        "--quiet",
    ]);
    let run = run(&mut command);
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert!(
        run.err.contains("orders.csv:4: : there are 2 fields")
            || run.err.contains("there are 2 fields where the table has 3 columns"),
        "{}",
        run.err
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("out.csv")).unwrap(),
        "order_id,name,document_kind,document,email,phone_area,phone,cep,uf,store,distance_km,note_words,note_characters,\
         note_digits,note_shouts,note_urgent\n\
         1,João da Silva,cpf,11144477735,joao@mail.example,11,+5511912345678,01310-100,SP,São Paulo,0.0,2,16,0,1,true\n\
         3,João da Silva,cnpj,12ABC34501DE35,,81,+558131234567,50030-230,PE,Recife,0.0,0,0,0,0,false\n"
    );
}

#[test]
fn the_ladder_shows_four_steps_and_where_their_time_goes() {
    let folder = folder();
    let mut command = witness::program(PROGRAM, folder.path());
    command
        .arg("transform")
        .arg(folder.path().join("orders"))
        .arg("--customers")
        .arg(folder.path().join("customers.csv"));
    command
        .arg("--out")
        .arg(folder.path().join("out.parquet"))
        .arg("--rejects")
        .arg(folder.path().join("bad.csv"));
    let run = run(command.args(["--ladder", "--quiet"]));
    assert_eq!(run.code, Some(0), "{}", run.err);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", run.out);
    for (line, step) in lines[1..].iter().zip(["rows", "no allocation", "columns", "parallel"]) {
        assert!(line.starts_with(step), "{}", run.out);
        let shares: f64 =
            line.split_whitespace().filter_map(|cell| cell.strip_suffix('%')?.parse::<f64>().ok()).sum();
        assert!((shares - 100.0).abs() < 1.0, "{line}");
    }
}

/// Customers `first` to `last`, none of whom is wrong.
fn write_customers(path: &Path, ids: std::ops::RangeInclusive<i64>) {
    let count = usize::try_from(ids.end() - ids.start() + 1).unwrap();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    write(
        path,
        vec![
            ("customer_id", Arc::new(ids.collect::<Int64Array>())),
            ("name", text("Maria da Silva")),
            ("document", text("111.444.777-35")),
            ("email", text("m@mail.example")),
            ("phone", text("(11) 91234-5678")),
            ("cep", text("01310-100")),
        ],
    );
}

fn write_orders(path: &Path, customers: std::ops::RangeInclusive<i64>) {
    let count = usize::try_from(customers.end() - customers.start() + 1).unwrap();
    write(
        path,
        vec![
            ("order_id", Arc::new((0..).take(count).collect::<Int64Array>())),
            ("customer_id", Arc::new(customers.collect::<Int64Array>())),
            ("note", Arc::new(StringArray::from(vec![None::<&str>; count]))),
        ],
    );
}

#[test]
fn the_labs_customers_are_those_of_all_their_files() {
    let home = tempfile::tempdir().unwrap();
    let raw = home.path().join("data/raw/medium");
    fs::create_dir_all(raw.join("orders-parquet")).unwrap();
    fs::create_dir_all(raw.join("customers-parquet")).unwrap();
    write_orders(&raw.join("orders-parquet/part-00000.parquet"), 1..=40);
    for file in 0..4 {
        let path = raw.join(format!("customers-parquet/part-0000{file}.parquet"));
        write_customers(&path, file * 10 + 1..=file * 10 + 10);
    }
    for strategy in Transform::STRATEGIES {
        let mut command = witness::program(PROGRAM, home.path());
        command.args(["transform", "--scale", "medium", "--workers", "2", "--strategy", strategy.name]);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(0), "{}: {}", strategy.name, ended.err);
        assert!(ended.err.contains(" 40 rows"), "{}: {}", strategy.name, ended.err);
    }
}

#[test]
fn customers_come_from_several_files_and_patterns() {
    let folder = tempfile::tempdir().unwrap();
    write_orders(&folder.path().join("orders.parquet"), 1..=30);
    for (name, ids) in [("a1.parquet", 1..=10), ("a2.parquet", 11..=20), ("b.parquet", 21..=30)] {
        write_customers(&folder.path().join(name), ids);
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut command = witness::program(PROGRAM, folder.path());
    command.args(["transform", &at("orders.parquet"), "--out", &at("out.csv")]);
    command.args(["--customers", &at("a*.parquet"), "--customers", &at("b.parquet")]);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(fs::read_to_string(folder.path().join("out.csv")).unwrap().lines().count(), 31);
}
