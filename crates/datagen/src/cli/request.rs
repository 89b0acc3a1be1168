//! From arguments to a [`Request`]: which files, where, and what the manifest says of them.

use std::num::NonZero;
use std::path::PathBuf;

use super::args::{
    Amount, Common, ImageFormat, ImagesArgs, Layout, LogsArgs, OrdersArgs, StoreFormat, StoresArgs, TableArgs,
};
use crate::encode::{Compression, Options, Tables};
use crate::error::{Error, Result};
use crate::hive;
use crate::home::home;
use crate::manifest::Arguments;
use crate::orders::Orders;
use crate::plan::{self, Format, Scale, Size, TableName};
use crate::run::Request;

pub(super) fn everything(common: &Common) -> Request {
    let root = common.out.clone().unwrap_or_else(|| home().join("data/raw"));
    Request {
        arguments: Arguments { what: "all".into(), options: vec![format!("scale={}", common.scale.name())] },
        options: Options { seed: common.seed, compression: Compression::Snappy },
        plan: plan::everything(common.scale, common.seed),
        root: root.join(common.scale.name()),
        workers: common.how.workers(),
    }
}

pub(super) fn table(name: TableName, args: &TableArgs) -> Result<Request> {
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

pub(super) fn orders(args: &OrdersArgs) -> Result<Request> {
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

pub(super) fn logs(args: &LogsArgs) -> Result<Request> {
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

pub(super) fn stores(args: &StoresArgs) -> Result<Request> {
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

pub(super) fn images(args: &ImagesArgs) -> Result<Request> {
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
