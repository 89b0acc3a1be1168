//! The report of a run, read as the text it is.

use std::fs;
use std::io::BufWriter;
use std::path::Path;

use bench_harness::folder::{Run, RunFolder};
use bench_harness::report::{self, Language};
use lab::measure::timeline_name;
use lab::record::{CellRecord, ExerciseRecord, PeerRecord};
use lab::timeline::{Slice, State, write_chrome};

mod specimen;

/// The specimen's report after `change`, with the run it shows.
fn drawn(change: impl FnOnce(&RunFolder, &mut Run)) -> (String, Run) {
    let runs = tempfile::tempdir().unwrap();
    let folder = specimen::write(runs.path());
    let mut run = folder.read().unwrap();
    change(&folder, &mut run);
    (report::html(&folder, &run, Language::English), run)
}

fn count(html: &str, what: &str) -> usize {
    html.matches(what).count()
}

/// Checks that every element that is opened is closed, in order.
fn check_well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = &html[html.find("</style>").unwrap()..];
    for piece in body.split('<').skip(2) {
        let (tag, text) = piece.split_once('>').unwrap();
        assert!(!text.contains('>'), "an unescaped > after <{tag}>");
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some("head" | "html") => {}
            Some(closed) => assert_eq!(open.pop(), Some(closed), "</{closed}> closes something else"),
            None if ["br", "input", "meta"].contains(&name) => {}
            None => open.push(name),
        }
        assert!(count(tag, "\"").is_multiple_of(2), "<{tag}> has a quote too many");
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn it_is_well_formed_small_and_needs_nothing_from_elsewhere() {
    // Kept where whoever changes the drawing finds it.
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("specimen");
    let _ = fs::remove_dir_all(&runs);
    let folder = specimen::write(&runs);
    report::draw(&folder).unwrap();
    let html = fs::read_to_string(folder.report()).unwrap();
    check_well_formed(&html);
    assert!(html.len() < 400_000, "{} bytes", html.len());
    for outside in ["http:", "https:", "url(", "@import", "<script", "src=", "<link", "javascript:"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn every_cell_has_a_row_a_bar_and_a_picture_with_words_for_those_who_do_not_see_it() {
    let (html, run) = drawn(|_, _| {});
    assert_eq!(count(&html, "data-label=\"median\""), run.cells.len());
    // One for its speed-up and one for where its time went.
    for language in ["en", "pt-BR"] {
        let tip = format!("<span class=\"tip\" role=\"img\" lang=\"{language}\" title=");
        assert_eq!(count(&html, &tip), 2 * run.cells.len());
    }
    for cell in &run.cells {
        let [low, high] = cell.speedup_ci.unwrap();
        assert!(low <= cell.speedup.unwrap() && cell.speedup.unwrap() <= high);
    }
    for exercise in &run.record.exercises {
        for number in 0..run.cells.iter().filter(|cell| cell.exercise == exercise.id).count() {
            let words = format!("lanes-{:02}-{number}-words", exercise.id);
            assert_eq!(count(&html, &format!("role=\"img\" aria-labelledby=\"{words}\"")), 1, "{words}");
            assert_eq!(count(&html, &format!("<h4 id=\"{words}\">")), 1, "{words}");
        }
    }
    assert_eq!(count(&html, "<div class=\"strategy\">"), run.cells.len());
}

#[test]
fn a_strategy_that_is_not_offered_is_listed_with_its_reason() {
    let (html, _) = drawn(|_, _| {});
    assert!(html.contains("rayon is not offered") && html.contains("rayon não é oferecida"));
    assert!(html.contains("work stealing must not wait"));
}

#[test]
fn a_wrong_answer_is_told_first_and_in_its_row() {
    let (html, _) = drawn(|_, run| {
        run.cells[2].verified = false;
        run.cells[2].error = Some("another answer than <the> reference's".into());
    });
    check_well_formed(&html);
    assert!(html.contains("Not every answer is right"));
    assert!(html.contains("01 crawl under pool: another answer than &lt;the&gt; reference's"));
    assert!(html.contains("Pool has no right answer"));
    assert!(!html.contains("answers agree"));
}

#[test]
fn a_timeline_that_is_broken_or_missing_costs_its_picture_only() {
    let (html, run) = drawn(|folder, _| {
        fs::write(folder.timelines().join("01-crawl-async-2.json"), "{").unwrap();
        fs::remove_file(folder.timelines().join("08-convert-rayon-2.json")).unwrap();
    });
    check_well_formed(&html);
    assert!(html.contains("cannot read the timeline"));
    assert!(html.contains("no timeline was recorded"));
    assert_eq!(count(&html, "<div class=\"strategy\">"), run.cells.len());
}

#[test]
fn the_words_follow_from_the_evidence() {
    let (html, _) = drawn(|_, _| {});
    for words in [
        "Sequential takes 10.2 s and has a core for 2 % of it: the rest is waiting",
        "of its 200 lanes an average of 101 are under way at once",
        "Pool, rayon e processes ganham menos, 1,96 a 2,00×: em média",
        "Pool, rayon and processes gain less, 1.96 to 2.00×: on average no more than 2.00 lanes",
        "the work is limited by the processor",
        "it keeps 2.00 of 2 cores busy",
        "Async gains nothing, 1.00×: no more than 1.00 cores busy, like a plain loop",
        "Processes needs the most memory, 120 MiB against 40 MiB of sequential",
        "100 of 200 lanes are drawn",
        "100 de 200 raias são desenhadas",
        "200 raias, ",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let (html, _) = drawn(|_, run| {
        let threads = &mut run.cells[7];
        (threads.speedup, threads.speedup_ci) = (Some(1.5), Some([1.4, 1.6]));
        threads.cpu_ns = threads.cpu_ns.map(|ns| ns * 5 / 4);
    });
    assert!(
        html.contains("Threads gains less, 1.50×: no more than 2.48 cores busy, with 1.25× the CPU time")
    );
    let (html, _) = drawn(|_, run| {
        for cell in &mut run.cells {
            cell.cpu_ns = Some(1_000_000);
            cell.speedup_ci = Some([0.5, 1.5]);
        }
    });
    assert!(html.contains("though it never says that it waits"));
    assert!(
        html.contains("No other strategy is faster by more than the scatter of its samples: none keeps more")
    );
    assert!(html.contains("Most intervals are wide"));
}

#[test]
fn peers_stand_beside_ours_with_the_record_to_beat_and_those_that_were_skipped() {
    let peer = |peer: &str, median: Option<u64>, missing: &[&str], error: Option<&str>| PeerRecord {
        exercise: 8,
        name: "convert".into(),
        peer: peer.into(),
        scale: "small".into(),
        workers: 2,
        median_ns: median,
        ratio: median.map(|ns| ns as f64 / 1e8),
        ratio_ci: median.map(|ns| [ns as f64 / 1.1e8, ns as f64 / 0.9e8]),
        peak_bytes: median.map(|_| 50 << 20),
        equal: error.is_none(),
        missing: missing.iter().map(ToString::to_string).collect(),
        error: error.map(Into::into),
        ..PeerRecord::default()
    };
    let (html, _) = drawn(|_, run| {
        run.peers = vec![
            peer("paralelo", Some(100_000_000), &[], None),
            peer("pandas", Some(900_000_000), &[], None),
            peer("polars", Some(250_000_000), &[], None),
            peer("quick and wrong", Some(1_000_000), &[], Some("another answer than ours")),
            peer("aria2", None, &["tool:aria2c"], None),
        ];
    });
    check_well_formed(&html);
    let row = |name: &str| {
        let from = html.find(&format!("<th scope=\"row\">{name}")).unwrap();
        &html[from..from + html[from..].find("</tr>").unwrap()]
    };
    assert!(row("polars").contains("the record to beat") && row("polars").contains("o recorde a bater"));
    assert!(
        row("polars").contains("2.50×")
            && row("polars").contains("2,50×")
            && row("polars").contains("50 MiB")
    );
    assert!(!row("pandas").contains("the record to beat"));
    assert!(row("quick and wrong").contains("another answer than ours"));
    assert!(row("aria2").contains("the program aria2c") && row("aria2").contains("o programa aria2c"));
}

#[test]
fn a_run_without_a_single_cell_still_has_a_report() {
    let (html, _) = drawn(|_, run| run.cells.clear());
    check_well_formed(&html);
    assert_eq!(count(&html, "Nothing was measured."), 3);
}

#[test]
fn a_report_of_fifteen_exercises_with_busy_timelines_stays_under_a_megabyte() {
    check_size(6, "short");
}

#[test]
fn pictures_give_way_where_the_words_of_a_report_are_many() {
    check_size(2, &"a long story, ".repeat(3_100));
}

#[track_caller]
fn check_size(strategies: usize, about: &str) {
    let slice = |number: u64| Slice {
        lane: format!("pool {}", number % 40),
        state: State::ALL[usize::try_from(number * number % 7 % 4).unwrap()],
        name: "task".into(),
        label: format!("part-{number:06}.parquet"),
        start_ns: number * 1_000,
        end_ns: number * 1_000 + 39_000,
    };
    let slices: Vec<_> = (0..6_000).map(slice).collect();
    let (html, run) = drawn(|folder, run| {
        let (exercise, cells) = (run.record.exercises[0].clone(), run.cells[..strategies].to_vec());
        (run.record.exercises, run.cells) = (Vec::new(), Vec::new());
        for id in 1..=15 {
            run.record.exercises.push(ExerciseRecord { id, about: about.into(), ..exercise.clone() });
            for cell in &cells {
                let name = timeline_name(id, &cell.name, &cell.strategy, run.record.workers);
                let file = fs::File::create(folder.timelines().join(name)).unwrap();
                write_chrome(&slices, BufWriter::new(file)).unwrap();
                run.cells.push(CellRecord { exercise: id, ..cell.clone() });
            }
        }
    });
    assert_eq!(count(&html, "<div class=\"strategy\">"), run.cells.len());
    assert!((200_000..1_000_000).contains(&html.len()), "{} bytes", html.len());
}
