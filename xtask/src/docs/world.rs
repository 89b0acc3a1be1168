//! The folder in which the pages' commands run.
//!
//! It looks like the project's: our programs find their home in it, and pages may name files below `crates`. It holds the
//! lab's data at the scale `tiny`, and what the commands take for the user's own: `in/*.csv`, `big.parquet`, `list.txt`
//! and so on, made by `datagen` and the simulated API. A `cargo` of its own stands first in the path: it starts the
//! programs that are built already, and nothing else.

use std::cell::Cell;
use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::smaller::Ports;
use crate::children::{Leash, Running, exit_code};
use crate::house::{BUILT, House};
use crate::serve::Server;

/// The `cargo` of the world.
const CARGO: &str = r#"#!/bin/sh
# Starts what is built already: `cargo run -p NAME [-- …]` and `cargo xtask …`.
case "$1" in
    xtask) shift; exec "$PARALELO_PROGRAMS/xtask" "$@" ;;
    run)
        [ "$2" = -p ] || { echo "this cargo knows \`run -p NAME\` only" >&2; exit 2; }
        name=$3
        shift 3
        [ "$1" = -- ] && shift
        exec "$PARALELO_PROGRAMS/$name" "$@" ;;
    *) echo "this cargo knows \`run\` and \`xtask\` only" >&2; exit 2 ;;
esac
"#;

/// What a user would have. `$API` is the address of the simulated API.
const FIXTURES: &str = r#"
set -eu
datagen="$PARALELO_PROGRAMS/datagen"
"$datagen" all --scale tiny --out data/raw
"$datagen" orders --rows 2000 --files 3 --format csv --out made-csv
"$datagen" orders --rows 2000 --files 3 --format parquet --out made-parquet
mkdir -p in stores
find made-csv -name '*.csv' -exec mv {} in/ \;
find made-parquet -name '*.parquet' -exec mv {} in/ \;
set -- in/*.parquet
cp "$1" big.parquet
set -- in/*.csv
cp "$1" in.csv
cp "$1" big.csv
find data/raw/tiny -name '*.db' -exec cp {} stores/ \;
printf 'SELECT status, count(*) AS n FROM sale GROUP BY status ORDER BY status;\n' > sales.sql
for city in 1 2 3 4 5 6; do printf '%s/delay/%s0\n' "$API" "$city"; done > list.txt
for name in a b c; do printf '%s/download/%s.bin?size=100000\n' "$API" "$name"; done > files.txt
for name in a b c; do
    printf '%s  %s.bin\n' "$(curl -sS "$API/download/$name.bin?size=100000" | sha256sum | cut -d' ' -f1)" "$name"
done > SHA256SUMS
mkdir events
for file in 1 2; do
    for event in 1 2 3 4 5 6 7 8 9; do
        printf '{"id":"%s-%s","account":%s,"kind":"paid"}\n' "$file" "$event" "$event"
    done > events/$file.ndjson
done
find data/raw/tiny -name '*.log' | sort | head -n 1 | while read -r log; do head -n 200 "$log" > app.log; done
printf '#!/bin/sh\nsleep 0.02\n' > job
"$PARALELO_PROGRAMS/pipelines" alerts --example > rules.toml
"$PARALELO_PROGRAMS/bench-harness" run --scale tiny --only 08 --samples 7 --api "$API" > run.txt 2>&1
cp -R data/runs/latest/ data/runs/A
cp -R data/runs/latest/ data/runs/B
chmod +x job
"#;

/// The folder, the API, and what commands find in their environment.
#[derive(Debug)]
pub(super) struct World {
    folder: PathBuf,
    programs: PathBuf,
    path: OsString,
    ports: Ports,
    said: Cell<usize>,
    // Stopped before the folder is removed: fields go in their order, after `Drop`.
    api: Option<Server>,
}

impl World {
    /// Makes the folder and all that is in it.
    pub(super) fn make(house: &House) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("paralelo-docs-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("bin"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let mut path = OsString::from(folder.join("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let ports = Ports { api: 0, states: free_port()?, metrics: free_port()? };
        let programs = house.programs().to_owned();
        let mut world = Self { folder, programs, path, ports, said: Cell::new(0), api: None };
        world.furnish(house)?;
        Ok(world)
    }

    fn furnish(&mut self, house: &House) -> Result<()> {
        for name in ["Cargo.toml", "crates"] {
            symlink(house.root.join(name), self.folder.join(name)).context("cannot make a link")?;
        }
        let cargo = self.folder.join("bin/cargo");
        std::fs::write(&cargo, CARGO).context("cannot write a cargo")?;
        std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755))?;
        let api = Server::api_anywhere(house)?;
        let port = api.address.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok());
        self.ports.api = port.with_context(|| format!("{} names no port", api.address))?;
        let url = api.address.clone();
        self.api = Some(api);
        let mut command = Command::new("sh");
        command.args(["-c", FIXTURES]).current_dir(&self.folder).envs(self.environment()).env("API", url);
        let made = exit_code("sh", Running::quietly(&mut command, Leash::Signal, &house.stop)?.wait()?);
        ensure!(made == 0, "what the commands need could not be made");
        Ok(())
    }

    /// Where commands run.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    /// A new file for what a command says.
    pub(super) fn said(&self) -> PathBuf {
        self.said.set(self.said.get() + 1);
        self.folder.join(format!("bin/said-{}", self.said.get()))
    }

    /// What commands find in their environment.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("PATH", self.path.clone()),
            ("PARALELO_HOME", self.folder.clone().into()),
            ("PARALELO_PROGRAMS", self.programs.clone().into()),
            ("PARALELO_API", format!("http://127.0.0.1:{}", self.ports.api).into()),
            (BUILT, "1".into()),
            ("LC_ALL", "C.UTF-8".into()),
        ]
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.api.take());
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// A port that nobody uses just now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("there is no free port")?;
    Ok(listener.local_addr().context("a socket without an address")?.port())
}
