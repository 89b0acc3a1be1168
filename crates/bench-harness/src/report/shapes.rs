//! Lanes as shapes of SVG, small enough for a report of many pictures.

use std::fmt::Write;

use lab::measure::nanoseconds;
use lab::timeline::State;
use maud::{Markup, PreEscaped, html};

use super::Language;
use super::lanes::{READABLE, lanes};
use super::picture::{Block, Lane, NARROW, Timeline, blocks};
use super::words::{comma, show, state};

/// The columns of a picture over the whole width.
const COLUMNS: usize = 1200;
/// More lanes than this are thin and have no names.
const NAMED: usize = 12;
/// More lanes than this are drawn two pixels high.
const THIN: usize = 32;
/// More lanes than this are not drawn.
const DRAWN: usize = 100;
/// Columns are not made fewer than about this, nor lanes than this, however little a picture may cost.
const COARSE: usize = 100;
const FEW: usize = 4;
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
    /// The share of one picture among so many: about 250 KB of texts, in both languages, and 350 KB of shapes for the whole
    /// report.
    pub(super) fn of(pictures: usize) -> Self {
        let pictures = pictures.max(1);
        Self { texts: (1_200 / pictures).min(250), blocks: (20_000 / pictures).min(4_000) }
    }

    /// A quarter less; none where pictures would not become smaller.
    pub(super) fn less(self) -> Option<Self> {
        let Self { texts, blocks } = self;
        (blocks > COARSE).then_some(Self { texts: texts * 3 / 4, blocks: blocks * 3 / 4 })
    }
}

/// Lanes as shapes, in units of columns.
pub(super) struct Shapes<'a> {
    timeline: &'a Timeline,
    pub(super) lanes: Vec<(&'a Lane, Vec<Block>)>,
    columns: usize,
    /// The height of a lane and of the gap below it, and of the whole.
    lane: usize,
    gap: usize,
    pub(super) height: usize,
    texts: usize,
}

impl<'a> Shapes<'a> {
    pub(super) fn of(timeline: &'a Timeline, share: f64, budget: Budget) -> Self {
        let count = timeline.lanes.len();
        let mut drawn = count.min(DRAWN);
        // A magnified picture fills the width; another one gets the columns of its part of the width.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut columns =
            if share < READABLE { COLUMNS } else { (share * COLUMNS as f64).ceil().max(1.0) as usize };
        // Too much detail: first the columns become wider, then there are fewer lanes.
        let lanes = loop {
            let chosen = (0..drawn).map(|number| &timeline.lanes[number * count / drawn]);
            let lanes: Vec<_> = chosen.map(|lane| (lane, blocks(timeline, lane, columns))).collect();
            let total: usize = lanes.iter().map(|(_, blocks)| blocks.len()).sum();
            if total <= budget.blocks || (columns <= COARSE && drawn <= FEW) {
                break lanes;
            }
            if columns > COARSE {
                columns /= 2;
            } else {
                drawn = (drawn / 2).max(FEW.min(drawn));
            }
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
    pub(super) fn names(&self) -> Markup {
        html! {
            ol.names {
                @if self.lanes.len() <= NAMED {
                    @for (lane, _) in &self.lanes { li title=(lane.name) { (lane.name) } }
                } @else {
                    li { (show(&lanes(self.timeline.lanes.len()))) }
                }
            }
        }
    }

    /// The picture, over this share of the width. `id` names its content for [`Shapes::strip`], and `words` the element that
    /// says what it shows.
    pub(super) fn svg(&self, share: f64, id: &str, words: &str) -> Markup {
        let (view, width) = (self.view(), format!("{:.3}%", share * 100.0));
        html! {
            svg.bricks[self.has_bricks()] role="img" aria-labelledby=(words) viewBox=(view) width=(width)
                height=(self.height) preserveAspectRatio="none" {
                g id=(id) {
                    path.track d=(self.tracks()) {}
                    (self.told())
                }
            }
        }
    }

    /// The same picture once more, small.
    pub(super) fn strip(&self, share: f64, id: &str) -> Markup {
        let (view, width) = (self.view(), format!("{:.3}%", (share * 100.0).max(0.15)));
        html! {
            svg aria-hidden="true" viewBox=(view) width=(width) height=(self.height.min(28))
                preserveAspectRatio="none" { use href=(format!("#{id}")) {} }
        }
    }

    fn view(&self) -> String {
        format!("0 0 {} {}", self.columns, self.height)
    }

    fn tracks(&self) -> String {
        let mut path = String::new();
        for number in 0..self.lanes.len() {
            let (top, columns, lane) = (number * (self.lane + self.gap), self.columns, self.lane);
            let _ = write!(path, "M0 {top}h{columns}v{lane}h-{columns}z");
        }
        path
    }

    /// All blocks as one path for each state, and over the widest ones a text each, in each language.
    fn told(&self) -> Markup {
        let least = self.least();
        let single = |block: &Block| block.slice.is_some();
        let told = |block: &Block| single(block) && block.to - block.from >= least;
        html! {
            (self.plain("", |block| !single(block)))
            (self.plain(" brick", single))
            @for language in [Language::English, Language::Portuguese] {
                g.tips lang=(language.tag()) {
                    @for (number, block) in self.all().filter(|(_, block)| told(block)) {
                        path d=(self.outline(number, block)) { title { (self.text(block, language)) } }
                    }
                }
            }
        }
    }

    /// What a block is, in one language.
    fn text(&self, block: &Block, language: Language) -> String {
        let slice = &self.timeline.slices[block.slice.unwrap_or_default()];
        let (label, name) = (&slice.label, &slice.name);
        let before = if label.is_empty() { String::new() } else { format!("{label}, ") };
        let (state, time) = (state(block.state), nanoseconds(slice.end_ns - slice.start_ns));
        match language {
            Language::English => format!("{before}{name}: {}, {time}", state.en),
            Language::Portuguese => format!("{before}{name}: {}, {}", state.pt, comma(&time)),
        }
    }

    fn outline(&self, lane: usize, block: &Block) -> String {
        let (top, width, height) = (lane * (self.lane + self.gap), block.to - block.from, self.lane);
        format!("M{} {top}h{width}v{height}h-{width}z", block.from)
    }

    /// Whether a line between two neighbouring blocks would leave enough of them to be seen.
    fn has_bricks(&self) -> bool {
        let blocks = self.all().count();
        let columns: usize = self.all().map(|(_, block)| block.to - block.from).sum();
        self.lane > 2 && columns >= BRICK * blocks
    }

    /// The width from which on blocks have a text.
    fn least(&self) -> usize {
        let named = self.all().filter(|(_, block)| block.slice.is_some());
        let mut widths: Vec<usize> = named.map(|(_, block)| block.to - block.from).collect();
        widths.sort_unstable_by(|one, two| two.cmp(one));
        widths.get(self.texts).map_or(NARROW, |width| width + 1)
    }

    fn plain(&self, class: &str, wanted: impl Fn(&Block) -> bool) -> Markup {
        let mut paths = vec![String::new(); State::ALL.len()];
        for (number, block) in self.all().filter(|(_, block)| wanted(block)) {
            paths[block.state as usize].push_str(&self.outline(number, block));
        }
        html! {
            @for (path, state) in paths.iter().zip(State::ALL).filter(|(path, _)| !path.is_empty()) {
                path class=(format!("{}{class}", state.name())) d=(PreEscaped(path)) {}
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
