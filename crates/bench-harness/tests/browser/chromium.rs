//! A real browser without a window, spoken to in its own debugging protocol over two pipes: no driver and no port.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A cold browser on a busy machine needs many seconds; nothing of ours does.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page.
pub(crate) struct Chromium {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    /// Events that were read while an answer was waited for.
    events: VecDeque<Value>,
    session: Option<String>,
    number: u64,
    _profile: TempDir,
}

/// The browser's program; `None` if there is none.
fn program() -> Option<&'static str> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find(|name| folders.iter().any(|folder| folder.join(name).is_file()))
}

impl Chromium {
    /// Starts a browser, or says that the test is skipped.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("skipped: {test} needs chromium, and there is none in PATH");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The protocol wants the descriptors 3 and 4; the shell puts our pipes there.
        let script = format!(
            "exec {program} --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
             --user-data-dir=\"$0\" --remote-debugging-pipe 3<&0 4>&1 </dev/null >/dev/null 2>&1"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (arrived, answers) = channel();
        std::thread::spawn(move || {
            let messages = BufReader::new(said).split(0).map_while(Result::ok);
            let values = messages.filter_map(|message| serde_json::from_slice(&message).ok());
            values.take_while(|value: &Value| arrived.send(value.clone()).is_ok()).for_each(drop);
        });
        let mut browser = Self {
            child,
            commands,
            answers,
            events: VecDeque::new(),
            session: None,
            number: 0,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol and returns its result.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let value = self.answers.recv_timeout(left).unwrap_or_else(|_| panic!("no answer to {method}"));
            if value["id"] == self.number {
                assert!(value["error"].is_null(), "{method}: {}", value["error"]);
                return value["result"].clone();
            }
            self.events.push_back(value);
        }
    }

    /// Goes to an address and waits until it has loaded.
    pub(crate) fn open(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({"url": address}));
        self.wait_for("document.readyState === 'complete'");
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.value(expression) != true {
            assert!(Instant::now() < deadline, "this does not become true: {expression}");
        }
    }

    /// Moves the mouse to the middle of an element, which is scrolled to, and presses it if asked for.
    pub(crate) fn point_at(&mut self, selector: &str, press: bool) {
        let place = format!(
            "(() => {{ const it = document.querySelector({selector:?}); it.scrollIntoView({{behavior: 'instant', block: 'center'}}); \
             const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let place = self.value(&place);
        let kinds: &[&str] =
            if press { &["mouseMoved", "mousePressed", "mouseReleased"] } else { &["mouseMoved"] };
        for kind in kinds {
            let button = if *kind == "mouseMoved" { "none" } else { "left" };
            let params =
                json!({"type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &params);
        }
    }

    /// A picture of the page as it is shown, for whoever changes the drawing.
    pub(crate) fn screenshot(&mut self, name: &str, width: u32, height: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
        let shot =
            self.call("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        Self::keep(&format!("{name}.png"), shot["data"].as_str().unwrap());
    }

    /// The page as it is printed, as PDF in base 64.
    pub(crate) fn printed(&mut self, name: &str) -> usize {
        let printed = self.call("Page.printToPDF", &json!({"printBackground": true}));
        let data = printed["data"].as_str().unwrap().to_owned();
        Self::keep(&format!("{name}.pdf"), &data);
        data.len()
    }

    fn keep(name: &str, base64: &str) {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), BASE64_STANDARD.decode(base64).unwrap()).unwrap();
    }

    /// Everything that went wrong on the page since it was opened, and every address that it asked for.
    pub(crate) fn told(&mut self) -> (Vec<String>, Vec<String>) {
        // An answered call has brought along every event before it.
        self.value("1");
        let (mut wrong, mut asked) = (Vec::new(), Vec::new());
        for event in &self.events {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => wrong.push(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" => wrong.push(params.to_string()),
                "Log.entryAdded" if params["entry"]["level"] == "error" => {
                    wrong.push(params["entry"].to_string());
                }
                "Network.requestWillBeSent" => {
                    asked.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
        (wrong, asked)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
