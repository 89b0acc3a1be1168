//! The picture of who worked and who waited: a lane for each thread, task or process.
//!
//! All strategies of an exercise are drawn to the same scale of time, so that one look shows concurrency, parallelism or
//! neither. A strategy that would be too narrow to read is drawn a second time, magnified. Lanes are stretched to the
//! width of the page; their labels are not.

use std::fmt::Write;

use lab::measure::nanoseconds;
use lab::timeline::State;
use maud::{Markup, PreEscaped, html};

use super::figures::{self, percent};
use super::picture::{Block, Lane, NARROW, Timeline, blocks};
use super::{Section, Shown, ticks};

/// The columns of a picture over the whole width.
const COLUMNS: usize = 1200;
/// Narrower than this share of the width, a picture is magnified.
const READABLE: f64 = 0.25;
/// More lanes than this are thin and have no names.
const NAMED: usize = 12;
/// More lanes than this are drawn two pixels high.
const THIN: usize = 32;
/// More lanes than this are not drawn.
const DRAWN: usize = 100;

/// Blocks are set apart by thin lines where they are at least this wide on average, in columns.
const BRICK: usize = 12;

/// What the pictures of one report may cost in size, shared evenly.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    /// Stretches with a text of their own.
    texts: usize,
    /// Stretches altogether.
    blocks: usize,
}

impl Budget {
    /// The share of one picture among so many: about 300 KB of texts and 300 KB of shapes for the whole report.
    pub(super) fn of(pictures: usize) -> Self {
        let pictures = pictures.max(1);
        Self { texts: (2_500 / pictures).min(250), blocks: (18_000 / pictures).min(4_000) }
    }
}

/// The colours and what they mean.
pub(super) fn legend() -> Markup {
    let meanings = [
        (State::Running, "running"),
        (State::Waiting, "waiting for something outside"),
        (State::Blocked, "blocked by a lock or a full queue"),
        (State::Sending, "sending between processes"),
    ];
    html! {
        ul.legend {
            @for (state, meaning) in meanings { li { i class=(state.name()) {} (meaning) } }
            li { i.idle {} "idle" }
        }
    }
}

/// The lanes of every strategy of an exercise.
pub(super) fn figure(section: &Section<'_>, budget: Budget) -> Markup {
    let lengths = section.cells.iter().filter_map(|shown| Some(shown.timeline.as_ref().ok()?.length_ns));
    let Some(longest) = lengths.max() else {
        return html! { p.note { "No timeline was recorded." } };
    };
    let (_, size) = ticks::unit(longest);
    let end = longest as f64 / size;
    let step = ticks::linear(end, 5).get(1).map_or(100.0, |tick| tick / end * 100.0);
    html! {
        figure.timeline style=(format!("--step:{step:.3}%")) {
            figcaption {
                b { "Who worked, who waited" } " one recorded run of each strategy, the same scale of time"
            }
            (legend())
            (axis(longest, 1.0))
            @for shown in &section.cells { (strategy(shown, longest, budget)) }
        }
    }
}

fn axis(length_ns: u64, magnified: f64) -> Markup {
    let (unit, size) = ticks::unit(length_ns);
    let end = length_ns as f64 / size;
    let all = ticks::linear(end, 5);
    html! {
        div.axis aria-hidden="true" {
            span.corner { @if magnified > 1.0 { (format!("{}× magnified", figures::plain(magnified))) } }
            span.scale {
                @for tick in &all {
                    @let place = tick / end * 100.0;
                    span.last[place > 96.0] style=(format!("left:{place:.2}%")) {
                        ((tick * 1e6).round() / 1e6) " " (unit)
                    }
                }
            }
        }
    }
}

fn strategy(shown: &Shown<'_>, longest: u64, budget: Budget) -> Markup {
    let cell = shown.cell;
    let timeline = match &shown.timeline {
        Ok(timeline) => timeline,
        Err(why) => {
            let why = cell.error.as_ref().unwrap_or(why);
            return html! { div.strategy { h4 { (cell.strategy) span.facts { (why) } } } };
        }
    };
    let facts = facts(timeline);
    let text = format!("Lanes of {}: {facts}", cell.strategy);
    let share = timeline.length_ns as f64 / longest as f64;
    let shapes = Shapes::of(timeline, share, budget);
    html! {
        div.strategy {
            h4 { (cell.strategy) span.facts { (facts) } }
            @if share >= READABLE {
                div.lanes.ruled { (shapes.names()) div.plot { (shapes.svg(share, shapes.height, &text)) } }
            } @else {
                div.lanes.ruled {
                    ol.names {}
                    div.plot { (shapes.svg(share, shapes.height.min(28), &text)) }
                }
                div.lanes aria-hidden="true" { ol.names {} div.plot { (beam(share)) } }
                (axis(timeline.length_ns, 1.0 / share))
                div.lanes { (shapes.names()) div.plot { (shapes.svg(1.0, shapes.height, &text)) } }
            }
            @if shapes.lanes.len() < timeline.lanes.len() {
                p.note {
                    (shapes.lanes.len()) " of " (timeline.lanes.len()) " lanes are drawn, evenly chosen."
                }
            }
        }
    }
}

/// What the picture shows, in words.
fn facts(timeline: &Timeline) -> String {
    let total: u64 = State::ALL.iter().map(|state| timeline.total_ns(*state)).sum();
    let shares = [State::Running, State::Waiting, State::Blocked, State::Sending]
        .into_iter()
        .map(|state| (state, timeline.total_ns(state) as f64 / total.max(1) as f64))
        .filter(|(_, share)| *share >= 0.005)
        .map(|(state, share)| format!("{} {}", percent(share), state.name()));
    let shares = shares.collect::<Vec<_>>().join(", ");
    let lanes = figures::many(timeline.lanes.len(), "lane");
    format!("{}, {lanes}, {shares}", nanoseconds(timeline.length_ns))
}

/// Lanes as shapes, in units of columns.
struct Shapes<'a> {
    timeline: &'a Timeline,
    lanes: Vec<(&'a Lane, Vec<Block>)>,
    columns: usize,
    /// The height of a lane and of the gap below it, and of the whole.
    lane: usize,
    gap: usize,
    height: usize,
    texts: usize,
}

impl<'a> Shapes<'a> {
    fn of(timeline: &'a Timeline, share: f64, budget: Budget) -> Self {
        let count = timeline.lanes.len();
        let drawn = count.min(DRAWN);
        let chosen: Vec<&Lane> = (0..drawn).map(|number| &timeline.lanes[number * count / drawn]).collect();
        // A magnified picture fills the width; another one gets the columns of its part of the width.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut columns =
            if share < READABLE { COLUMNS } else { (share * COLUMNS as f64).ceil().max(1.0) as usize };
        let lanes = loop {
            let lanes: Vec<_> = chosen.iter().map(|lane| (*lane, blocks(timeline, lane, columns))).collect();
            let total: usize = lanes.iter().map(|(_, blocks)| blocks.len()).sum();
            if total <= budget.blocks.max(drawn) || columns <= 75 {
                break lanes;
            }
            columns /= 2;
        };
        let (lane, gap) = if drawn <= NAMED {
            (14, 4)
        } else if drawn <= THIN {
            (6, 1)
        } else {
            (2, 0)
        };
        Self { timeline, lanes, columns, lane, gap, height: drawn * (lane + gap), texts: budget.texts }
    }

    /// The lanes' names, or how many there are where names would not fit.
    fn names(&self) -> Markup {
        html! {
            ol.names {
                @if self.lanes.len() <= NAMED {
                    @for (lane, _) in &self.lanes { li title=(lane.name) { (lane.name) } }
                } @else {
                    li { (self.timeline.lanes.len()) " lanes" }
                }
            }
        }
    }

    fn svg(&self, share: f64, height: usize, text: &str) -> Markup {
        let view = format!("0 0 {} {}", self.columns, self.height);
        let width = format!("{:.3}%", (share * 100.0).max(0.15));
        html! {
            svg.bricks[self.has_bricks()] role="img" aria-label=(text) viewBox=(view) width=(width) height=(height)
                preserveAspectRatio="none" {
                path.track d=(self.tracks()) {}
                @if height == self.height { (self.told()) }
                @else { (self.plain(|_| true)) }
            }
        }
    }

    fn tracks(&self) -> String {
        let mut path = String::new();
        for number in 0..self.lanes.len() {
            let (top, columns, lane) = (number * (self.lane + self.gap), self.columns, self.lane);
            let _ = write!(path, "M0 {top}h{columns}v{lane}h-{columns}z");
        }
        path
    }

    /// The widest blocks with a text each, and all others as one path for each state.
    fn told(&self) -> Markup {
        let least = self.least();
        let told = |block: &Block| block.slice.is_some() && block.to - block.from >= least;
        html! {
            (self.plain(|block| !told(block)))
            @for (number, block) in self.all().filter(|(_, block)| told(block)) {
                @let slice = &self.timeline.slices[block.slice.unwrap_or_default()];
                rect class=(block.state.name()) x=(block.from) y=(number * (self.lane + self.gap))
                    width=(block.to - block.from) height=(self.lane) {
                    title {
                        @if !slice.label.is_empty() { (slice.label) ", " }
                        (slice.name) ": " (block.state.name()) ", "
                        (nanoseconds(slice.end_ns - slice.start_ns))
                    }
                }
            }
        }
    }

    /// Whether a line between two neighbouring blocks would leave enough of them to be seen.
    fn has_bricks(&self) -> bool {
        let blocks = self.all().count();
        let columns: usize = self.all().map(|(_, block)| block.to - block.from).sum();
        self.lane > 2 && self.least() <= NARROW && columns >= BRICK * blocks
    }

    /// The width from which on blocks have a text.
    fn least(&self) -> usize {
        let named = self.all().filter(|(_, block)| block.slice.is_some());
        let mut widths: Vec<usize> = named.map(|(_, block)| block.to - block.from).collect();
        widths.sort_unstable_by(|one, two| two.cmp(one));
        widths.get(self.texts).map_or(NARROW, |width| width + 1)
    }

    fn plain(&self, wanted: impl Fn(&Block) -> bool) -> Markup {
        let mut paths = vec![String::new(); State::ALL.len()];
        for (number, block) in self.all().filter(|(_, block)| wanted(block)) {
            let (top, width, lane) = (number * (self.lane + self.gap), block.to - block.from, self.lane);
            let _ = write!(paths[block.state as usize], "M{} {top}h{width}v{lane}h-{width}z", block.from);
        }
        html! {
            @for (path, state) in paths.iter().zip(State::ALL).filter(|(path, _)| !path.is_empty()) {
                path class=(state.name()) d=(PreEscaped(path)) {}
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = (usize, &Block)> {
        self.lanes
            .iter()
            .enumerate()
            .flat_map(|(number, (_, blocks))| blocks.iter().map(move |block| (number, block)))
    }
}

/// The beam from a narrow picture to its magnified one.
fn beam(share: f64) -> Markup {
    html! {
        svg.beam viewBox="0 0 1000 16" width="100%" height="16" preserveAspectRatio="none" {
            polygon points=(format!("0,0 {:.1},0 1000,16 0,16", (share * 1000.0).max(1.5))) {}
        }
    }
}
