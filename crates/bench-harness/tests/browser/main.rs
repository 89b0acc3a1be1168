//! The report and the live page in a real browser. Without one, each test says that it is skipped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bench_harness::report::{self, Language};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

mod chromium;
#[path = "../specimen/mod.rs"]
mod specimen;

use chromium::Chromium;

/// Draws the specimen's report and opens it.
fn opened(test: &str, language: Language) -> Option<(Chromium, tempfile::TempDir)> {
    let mut browser = Chromium::start(test)?;
    let runs = tempfile::tempdir().unwrap();
    let folder = specimen::write(runs.path());
    report::draw_in(&folder, language).unwrap();
    browser.open(&format!("file://{}", folder.report().display()));
    Some((browser, runs))
}

#[test]
fn the_report_shows_its_charts_answers_the_mouse_and_asks_nobody_for_anything() {
    let Some((mut browser, _runs)) = opened("the report", Language::English) else { return };
    for (selector, least) in [
        (".bars .bar", 16),
        (".timeline svg[role=img]", 16),
        (".times .stack", 16),
        (".memory .stack", 16),
        (".chip", 16),
    ] {
        let seen = browser.value(&format!(
            "[...document.querySelectorAll({selector:?})].filter(it => it.getBoundingClientRect().width > 0).length"
        ));
        assert!(seen.as_u64().unwrap() >= least, "{selector}: {seen}");
    }
    let block = "document.querySelector('.timeline .tips[lang=en] path')";
    let before = browser.value(&format!("getComputedStyle({block}).fill"));
    browser.point_at(".timeline .tips[lang=en] path", false);
    browser.wait_for(&format!("getComputedStyle({block}).fill !== {before}"));
    let told = browser.value(&format!("{block}.querySelector('title').textContent"));
    assert!(told.as_str().unwrap().contains(": "), "{told}");
    // Zooming in makes the picture wider than its place, which then scrolls.
    browser.point_at(".zoom", true);
    browser.wait_for("(() => { const plot = document.querySelector('.timeline .plot'); return plot.scrollWidth > plot.clientWidth * 2; })()");
    let (wrong, asked) = browser.told();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(
        asked.iter().all(|address| address.starts_with("file://") && address.ends_with("report.html")),
        "{asked:?}"
    );
}

#[test]
fn the_report_is_readable_in_both_languages_light_dark_narrow_and_on_paper() {
    let Some((mut browser, _runs)) = opened("the report in every dress", Language::English) else { return };
    let heading = "document.querySelector('h1').innerText";
    assert!(browser.value(heading).as_str().unwrap().starts_with("All 16 answers agree"));
    browser.screenshot("light", 1200, 900, "light");
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(paper);
    browser.screenshot("dark", 1200, 900, "dark");
    assert_ne!(browser.value(paper), light);
    browser.screenshot("narrow", 380, 800, "light");
    // Nothing sticks out of a narrow screen.
    assert_eq!(browser.value("document.documentElement.scrollWidth <= 380"), true);
    browser.point_at(".theme", true);
    browser.wait_for("document.querySelector('h1').innerText.startsWith('Todas as 16 respostas coincidem')");
    assert_eq!(browser.value("document.body.innerText.includes('All 16 answers')"), false);
    assert!(browser.printed("print") > 50_000);
    // Every picture has words, and the keyboard reaches the switches.
    let silent = "[...document.querySelectorAll('svg')].filter(it => !it.closest('[aria-hidden]') && !it.getAttribute('aria-label') && !document.getElementById(it.getAttribute('aria-labelledby'))).length";
    assert_eq!(browser.value(silent), 0);
    browser.value("document.querySelector('.skip').focus()");
    assert_eq!(browser.value("document.activeElement.getAttribute('href')"), "#cells");
}

#[test]
fn a_report_drawn_in_portuguese_is_portuguese_at_once() {
    let Some((mut browser, _runs)) = opened("the report in Portuguese", Language::Portuguese) else { return };
    assert!(
        browser.value("document.querySelector('h1').innerText").as_str().unwrap().starts_with("Todas as")
    );
    assert_eq!(browser.value("document.documentElement.lang"), "pt-BR");
    // What the mouse and a screen reader are told: only what is shown counts.
    let told = browser.value(
        "[...document.querySelectorAll('svg title, [title]')] \
         .filter(it => (it.tagName === 'title' ? it.parentElement : it).getClientRects().length > 0) \
         .map(it => it.getAttribute('title') || it.textContent).join('\\n')",
    );
    let told = told.as_str().unwrap();
    for (portuguese, english) in [
        ("vezes a velocidade", "times as fast"),
        ("executando", "running"),
        ("esperando", "waiting"),
        ("conferida", "verified"),
    ] {
        assert!(told.contains(portuguese) && !told.contains(english), "{portuguese}, {english}");
    }
}

/// The live page's server with the toy exercise, ended with Ctrl-C.
struct Live {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Live {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let toy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/toy.sh");
        symlink(toy, folder.path().join("cpu-parallel")).unwrap();
        fs::create_dir(folder.path().join("runs")).unwrap();
        specimen::write(&folder.path().join("runs"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
        command.args(["serve", "--port", "0", "--programs"]).arg(folder.path());
        command.arg("--runs").arg(folder.path().join("runs")).env("TOY_STRATEGIES", "sequential pool rayon");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address, _folder: folder }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT);
        let _ = self.child.wait();
    }
}

#[test]
fn the_live_page_starts_an_exercise_and_its_lanes_fill() {
    let Some(mut browser) = Chromium::start("the live page") else { return };
    let live = Live::start();
    browser.open(&live.address);
    browser.wait_for("document.getElementById('status').textContent === 'Ready.'");
    browser.point_at("#go", true);
    browser.wait_for("document.body.dataset.replayed === '1'");
    assert_eq!(browser.value("document.querySelectorAll('#cells tbody tr').length"), 3);
    assert_eq!(browser.value("document.querySelectorAll('#lanes canvas').length"), 3);
    let painted = "(() => { const it = document.querySelector('#lanes canvas'); \
                   return it.getContext('2d').getImageData(it.width / 2, 3, 1, 1).data[3] > 0; })()";
    assert_eq!(browser.value(painted), true);
    assert_eq!(
        browser.value(
            "document.getElementById('report').contentDocument.querySelector('h1').innerText.includes('16')"
        ),
        true
    );
    browser.screenshot("live", 1200, 900, "light");
    let (wrong, asked) = browser.told();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(asked.iter().all(|it| it.starts_with(&live.address) || it.starts_with("data:")), "{asked:?}");
}
