//! Exercise 11 from an object store to an object store: a real server that speaks S3 (`moto_server`, from the Python index), on loopback.
//!
//! Where there is no Python or no `moto` to be had, the test says so and proves nothing.
#![cfg(feature = "s3")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

mod lakes;
use lakes::{PROGRAM, contents, etl, lake};

/// The server, and where it listens.
struct Store {
    server: Child,
    address: String,
}

impl Store {
    /// Starts one; `None`, with the reason said, where there is none.
    fn start() -> Option<Self> {
        let mut command = server()?;
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        command.args(["-H", "127.0.0.1", "-p", &free.port().to_string()]);
        let server =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let store = Self { server, address: free.to_string() };
        witness::wait_for("the store", || TcpStream::connect(free).ok());
        assert_eq!(store.ask("PUT", "/shop", b"").0, 200);
        Some(store)
    }

    /// A request by hand. The server wants it signed and does not look at the signature.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    fn put(&self, folder: &Path, to: &str) {
        for (name, bytes) in contents(folder) {
            assert_eq!(self.ask("PUT", &format!("/shop/{to}/{name}"), &bytes).0, 200, "{name}");
        }
    }

    /// The pipeline over what is in the store.
    fn etl(&self, folder: &Path, strategy: &str) -> witness::Ended {
        let mut command = witness::program(PROGRAM, folder);
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.address)).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_REGION", "us-east-1");
        command.args(["etl", "s3://shop/orders", "--customers", "s3://shop/customers"]);
        witness::run(command.args(["--out", "s3://shop/lake", "--strategy", strategy, "--workers", "2"]))
    }

    /// Whether the lake in the store is the one in `folder`, byte for byte and without anything else.
    fn check(&self, folder: &Path) {
        let wanted = contents(folder);
        let (_, listing) = self.ask("GET", "/shop?list-type=2&max-keys=5000&prefix=lake/", b"");
        let listing = String::from_utf8(listing).unwrap();
        assert_eq!(listing.matches("<Key>").count(), wanted.len(), "{listing}");
        for (name, bytes) in &wanted {
            assert!(self.ask("GET", &format!("/shop/lake/{name}"), b"") == (200, bytes.clone()), "{name}");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server: the program of this machine, or the module of a Python that has it.
fn server() -> Option<Command> {
    let program = "moto_server";
    let asked = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) {
        return Some(Command::new(program));
    }
    let mut module = Command::new(witness::python(&["moto[s3,server]"])?);
    module.args(["-m", "moto.server"]);
    Some(module)
}

#[test]
fn a_lake_in_an_object_store_is_the_one_on_disk_and_only_what_has_changed_is_done() {
    let Some(store) = Store::start() else { return };
    let folder = lake(150, "csv");
    let at = |name: &str| folder.path().join(name);
    store.put(&at("in"), "orders");
    store.put(&at("customers"), "customers");
    etl(folder.path(), "wanted", "sequential", 1, &[]).unwrap();
    let ended = store.etl(folder.path(), "pool");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    store.check(&at("wanted"));
    let again = store.etl(folder.path(), "processes");
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.err.contains("0 of 0 items"), "{}", again.err);
    store.check(&at("wanted"));

    // One partition is another one now.
    let changed = lakes::files(&at("in")).into_iter().find(|path| path.ends_with("part-00000.csv")).unwrap();
    let text = fs::read_to_string(&changed).unwrap();
    fs::write(&changed, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    store.put(&at("in"), "orders");
    etl(folder.path(), "changed", "sequential", 1, &[]).unwrap();
    let ended = store.etl(folder.path(), "pool");
    assert!(ended.err.contains("1 of 1 items"), "{}", ended.err);
    store.check(&at("changed"));

    // One that cannot be read is named, and nothing is committed.
    let name = changed.strip_prefix(at("in")).unwrap().to_string_lossy().into_owned();
    assert_eq!(store.ask("PUT", &format!("/shop/orders/{name}"), b"no,orders\n").0, 200);
    let ended = store.etl(folder.path(), "pool");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains(&name) && ended.err.contains("no column `order_id`"), "{}", ended.err);
    store.check(&at("changed"));
}
