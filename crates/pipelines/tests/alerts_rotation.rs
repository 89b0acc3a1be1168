//! Exercise 15 on logs that grow and rotate: nothing is lost and nothing told twice, and whoever is to be told is.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use pipelines::alerts::Alert;
use tempfile::TempDir;
use witness::{run, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");

fn read(file: &Path) -> Vec<Alert> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn pack(path: &Path, text: &[u8]) {
    let mut packer =
        flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap();
}

/// Logs that rotate, and a run over what is new whenever somebody asks.
struct Rotating {
    folder: TempDir,
    written: usize,
}

impl Rotating {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rules.toml"), "[[rule]]\nname='r'\npattern='E(\\d+)'\nby='n'\n")
            .unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, written: 0 }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn write(&mut self, name: &str, count: usize) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).unwrap();
        let mut text = String::new();
        for number in self.written..self.written + count {
            let _ = write!(text, "2025-03-10T08:00:{:02}Z E{number}\r\n\tat line {number}\r\n", number % 60);
        }
        file.write_all(text.as_bytes()).unwrap();
        self.written += count;
    }

    fn command(&self, place: &str) -> Command {
        let mut command = witness::program(PROGRAM, self.folder.path());
        command.arg("alerts").arg(self.log(place)).arg("--rules").arg(self.folder.path().join("rules.toml"));
        command.arg("--state").arg(self.folder.path().join("state")).args(["--settle-ms", "0", "--quiet"]);
        command.arg("--out").arg(self.folder.path().join("out.ndjson"));
        command
    }

    fn look(&self, place: &str) {
        let ended = run(&mut self.command(place));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }

    /// Every event was told once, and whole.
    #[track_caller]
    fn check(&self) {
        let alerts = read(&self.folder.path().join("out.ndjson"));
        let mut told: Vec<usize> = alerts
            .iter()
            .map(|alert| {
                let text = &alert.lines[0].text;
                let number =
                    text.split('E').nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
                assert!(text.ends_with(&format!("\tat line {number}")), "{text}");
                number
            })
            .collect();
        told.sort_unstable();
        assert_eq!(told, (0..self.written).collect::<Vec<_>>());
    }
}

/// Runs over a file that is rotated in some way between two runs.
fn rotation(place: &str, rotate: impl Fn(&mut Rotating)) {
    let mut logs = Rotating::new();
    logs.write("app.log", 5);
    logs.look(place);
    logs.write("app.log", 3);
    rotate(&mut logs);
    logs.look(place);
    logs.check();
    logs.write("app.log", 2);
    logs.look(place);
    logs.look(place);
    logs.check();
}

#[test]
fn a_file_that_was_renamed_is_read_to_its_end_by_its_folder_and_by_its_name() {
    for place in ["", "app.log", "app*"] {
        rotation(place, |logs| {
            fs::rename(logs.log("app.log"), logs.log("app.log.1")).unwrap();
            logs.write("app.log", 4);
        });
    }
}

#[test]
fn a_file_that_was_copied_and_truncated_is_read_to_the_end_of_the_copy() {
    for place in ["", "app.log"] {
        rotation(place, |logs| {
            fs::copy(logs.log("app.log"), logs.log("app.log.1")).unwrap();
            fs::write(logs.log("app.log"), "").unwrap();
            logs.write("app.log", 9);
        });
    }
}

#[test]
fn a_copy_of_a_file_that_is_still_there_is_not_read_again() {
    rotation("", |logs| {
        logs.look("");
        fs::copy(logs.log("app.log"), logs.log("app.log.1")).unwrap();
        pack(&logs.log("copy.log.gz"), &fs::read(logs.log("app.log")).unwrap());
    });
}

#[test]
fn a_file_that_was_packed_is_read_to_its_end() {
    for place in ["", "app.log"] {
        rotation(place, |logs| {
            pack(&logs.log("app.log.1.gz"), &fs::read(logs.log("app.log")).unwrap());
            fs::remove_file(logs.log("app.log")).unwrap();
            logs.write("app.log", 4);
        });
    }
}

#[test]
fn a_new_file_with_an_old_inode_is_new() {
    let mut logs = Rotating::new();
    logs.write("app.log", 5);
    logs.look("");
    // The same inode, and at least as long: what an inode that was used again looks like.
    fs::write(logs.log("app.log"), "").unwrap();
    logs.write("app.log", 30);
    logs.look("");
    logs.check();
}

#[test]
fn a_new_file_that_was_given_the_inode_of_a_deleted_one_is_new() {
    use std::os::unix::fs::MetadataExt;
    let mut logs = Rotating::new();
    logs.write("app.log", 5);
    logs.look("");
    let log = logs.log("app.log");
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let old = inode(&log);
    fs::remove_file(&log).unwrap();
    // Most file systems give a free inode away again at once, or soon.
    let others: Vec<PathBuf> =
        (0..200).map(|number| logs.folder.path().join(format!("other-{number}"))).collect();
    let again = std::iter::once(&log).chain(&others).find(|path| {
        fs::write(path, "").unwrap();
        inode(path) == old
    });
    let Some(again) = again else {
        eprintln!("skipped: this file system does not use inodes again");
        return;
    };
    fs::rename(again, &log).unwrap();
    logs.write("app.log", 7);
    assert_eq!(inode(&log), old);
    logs.look("");
    logs.check();
}

#[test]
fn a_run_that_is_killed_again_and_again_loses_nothing_and_tells_nothing_twice() {
    let mut logs = Rotating::new();
    for round in 0..8 {
        logs.write("app.log", 400);
        let mut command = logs.command("");
        // What is being written just now has no whole event at its end.
        command.args(["--follow", "--every-ms", "1", "--settle-ms", "200"]);
        let program = command.spawn().unwrap();
        let state = logs.folder.path().join("state");
        let saved = || fs::read(&state).ok();
        let before = saved();
        // Killed as soon as it saved something, or somewhere before: by turns.
        if round % 2 == 0 {
            wait_for("a checkpoint", || (saved() != before).then_some(()));
        }
        logs.write("app.log", 400);
        if round == 4 {
            fs::rename(logs.log("app.log"), logs.log("app.log.1")).unwrap();
        }
        let number = witness::number(&program);
        witness::signal(number, Signal::SIGKILL);
        program.wait_with_output().unwrap();
    }
    logs.look("");
    logs.check();
}

#[test]
fn following_tells_alerts_as_they_come_and_the_last_line_without_an_end_after_a_while() {
    let logs = Rotating::new();
    let log = logs.log("app.log");
    fs::write(&log, "2025-03-10T08:00:00Z E0\n").unwrap();
    let mut command = logs.command("app.log");
    command.args(["--follow", "--every-ms", "1", "--settle-ms", "30"]);
    let program = command.spawn().unwrap();
    let out = logs.folder.path().join("out.ndjson");
    let texts = || -> Vec<String> {
        let Ok(text) = fs::read_to_string(&out) else { return Vec::new() };
        let whole = text.lines().filter_map(|line| serde_json::from_str::<Alert>(line).ok());
        whole.map(|alert| alert.lines[0].text.clone()).collect()
    };
    wait_for("the first", || (texts().len() == 1).then_some(()));
    OpenOptions::new().append(true).open(&log).unwrap().write_all(b"2025-03-10T08:00:01Z E1").unwrap();
    fs::rename(&log, logs.log("app.log.1")).unwrap();
    fs::write(&log, "2025-03-10T08:00:02Z E2\n").unwrap();
    wait_for("the others", || (texts().len() == 3).then_some(()));
    assert!(texts()[1].ends_with("E1") && texts()[2].ends_with("E2"), "{:?}", texts());
    let (ended, _) = witness::end(program, &[], Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.err);
}

#[test]
fn files_and_commands_are_told_and_one_that_fails_is_told_again() {
    let mut logs = Rotating::new();
    let told = logs.folder.path().join("told");
    let flag = logs.folder.path().join("flag");
    let rules = format!(
        "[[rule]]\nname='r'\npattern='E\\d'\n[[notify]]\nfile='{}'\n[[notify]]\nrules=['r']\ncommand=['sh','-c','test -e {} && cat >> {}']\n",
        told.display(),
        flag.display(),
        told.with_extension("command").display(),
    );
    fs::write(logs.folder.path().join("rules.toml"), rules).unwrap();
    logs.write("app.log", 2);
    logs.look("");
    assert!(read(&told).len() == 2 && !told.with_extension("command").exists());
    fs::write(&flag, "").unwrap();
    logs.look("");
    assert_eq!(read(&told), read(&told.with_extension("command")));
}

/// A web server that answers each request with the next of these statuses. Returns what it was sent.
fn web_hook(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/hook?token=secret", listener.local_addr().unwrap());
    let serve = move || {
        let one = |status: &u16| {
            let (stream, _) = wait_for("a request", || listener.accept().ok());
            stream.set_nonblocking(false).unwrap();
            let mut request = BufReader::new(&stream);
            let (mut head, mut length) = (String::new(), 0);
            while request.read_line(&mut head).unwrap() > 2 {
                let line = head.lines().last().unwrap().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            assert!(
                head.starts_with("POST /hook?token=secret ") && head.contains("application/json"),
                "{head}"
            );
            let mut body = vec![0; length];
            request.read_exact(&mut body).unwrap();
            write!(&stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            String::from_utf8(body).unwrap()
        };
        statuses.iter().map(one).collect()
    };
    (url, std::thread::spawn(serve))
}

#[test]
fn a_web_hook_gets_each_alert_with_its_lines_and_one_that_fails_is_told_again() {
    let mut logs = Rotating::new();
    let rules = |logs: &Rotating, url: &str| {
        let rules = format!("[[rule]]\nname='r'\npattern='E\\d'\n[[notify]]\nwebhook='{url}'\n");
        fs::write(logs.folder.path().join("rules.toml"), rules).unwrap();
    };
    // A failure that may pass is tried again at once; one that may not, in the next round.
    let (url, hook) = web_hook(&[503, 200, 200, 403]);
    rules(&logs, &url);
    logs.write("app.log", 3);
    logs.look("");
    let first = hook.join().unwrap();
    assert!(first[0] == first[1] && first[0] != first[2], "{first:?}");
    let told = |bodies: &[String]| -> Vec<Alert> {
        bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    };
    let all = read(&logs.folder.path().join("out.ndjson"));
    assert_eq!(told(&first[1..]), all);
    assert!(all[0].lines[0].text.contains("E0\r\n\tat line 0"), "{all:?}");
    // What the hook refused it is told in the next round, wherever it is then.
    let (url, hook) = web_hook(&[200]);
    rules(&logs, &url);
    logs.look("");
    assert_eq!(told(&hook.join().unwrap()), all[2..]);
    logs.look("");
    logs.check();
}

#[test]
fn a_bomb_is_named_and_the_others_are_read() {
    let logs = Rotating::new();
    fs::write(logs.log("a.log"), "2025-03-10T08:00:00Z E1\n").unwrap();
    pack(&logs.log("b.log.gz"), &"0\n".repeat(130 << 20).into_bytes());
    let mut command = witness::program(PROGRAM, logs.folder.path());
    command.arg("alerts").arg(logs.log("")).arg("--rules").arg(logs.folder.path().join("rules.toml"));
    let ended = run(&mut command);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(1), 1), "{}", ended.err);
    assert!(ended.err.contains("b.log.gz") && ended.err.contains("250 times"), "{}", ended.err);
}

#[test]
fn a_file_that_cannot_be_unpacked_is_named_and_the_others_are_read() {
    let logs = Rotating::new();
    fs::write(logs.log("a.log"), "2025-03-10T08:00:00Z E1\n").unwrap();
    fs::write(logs.log("b.log.gz"), "this is not gzip").unwrap();
    for strategy in ["sequential", "processes"] {
        let mut command = witness::program(PROGRAM, logs.folder.path());
        command.arg("alerts").arg(logs.log("")).arg("--rules").arg(logs.folder.path().join("rules.toml"));
        let ended = run(command.args(["--strategy", strategy]));
        assert_eq!((ended.code, ended.out.lines().count()), (Some(1), 1), "{}", ended.err);
        assert!(ended.err.contains("b.log.gz") && ended.err.contains("gzip"), "{}", ended.err);
    }
}
