//! The aggregate of some rows, alone or cut into partitions, and how parts become one.
//!
//! A partition is decided by the key alone, so the parts of one partition are merged without looking at any other: that is
//! how the merging is spread over cores, and why its tables stay in a core's cache. Parts are merged in the order of the
//! input, so means and deviations come to the same bits whoever did what.
//!
//! Where nearly every row has a key of its own, aggregating a piece first only costs: its rows are then *raw*, sorted into
//! partitions as they are, and aggregated once, where they are merged.

use std::borrow::Cow;

use arrow_buffer::NullBuffer;
use serde::{Deserialize, Serialize};

use super::keys::{GroupKeys, Keys, Union};
use super::measure::Measure;
use super::question::Question;
use super::samples::Samples;
use super::values::{Kind, Values, word_of_float, word_of_whole};
use super::wire::Wired;

/// Groups from which on a part is cut into partitions.
const MANY: usize = 16_384;
/// Rows after which a piece decides whether to aggregate.
const LOOKED_AT: usize = 1 << 14;

/// The aggregate of some rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    keys: GroupKeys,
    /// Rows of each group.
    rows: Vec<u64>,
    measures: Vec<Measure>,
    samples: Vec<Samples>,
    raw: Option<Raw>,
}

/// Rows as they are, behind the aggregated ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Raw {
    words: Wired<u64>,
    /// Which of them have no key; empty where all have one.
    missing: Vec<bool>,
    columns: Vec<RawColumn>,
}

/// The values of raw rows, and which of them are there; empty where all are.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum RawColumn {
    Whole(Wired<i64>, Vec<bool>),
    Float(Wired<f64>, Vec<bool>),
}

/// What one worker makes of one piece.
#[derive(Debug)]
pub struct Gather<'a> {
    question: &'a Question,
    keys: Keys,
    rows: Vec<u64>,
    measures: Vec<Measure>,
    samples: Vec<Samples>,
    seen: usize,
    raw: Option<Raw>,
}

impl<'a> Gather<'a> {
    /// No row yet.
    pub fn new(question: &'a Question) -> Self {
        let (measures, samples) = empty(question);
        Self {
            question,
            keys: Keys::new(&question.keys),
            rows: Vec::new(),
            measures,
            samples,
            seen: 0,
            raw: None,
        }
    }

    /// Takes rows in.
    pub fn add(&mut self, keys: &[Values<'_>], measures: &[Values<'_>], rows: usize) {
        self.seen += rows;
        if let Some(raw) = &mut self.raw {
            return raw.extend(&keys[0], measures);
        }
        if keys.is_empty() && self.samples.is_empty() {
            self.rows.resize(1, 0);
            self.rows[0] += rows as u64;
            for (measure, values) in self.measures.iter_mut().zip(measures) {
                measure.resize(1);
                measure.add_all(values);
            }
            return;
        }
        self.keys.number(keys, rows);
        let (groups, groups_now) = (self.keys.numbers(), self.keys.count());
        self.rows.resize(groups_now, 0);
        groups.iter().for_each(|group| self.rows[*group as usize] += 1);
        for (measure, values) in self.measures.iter_mut().zip(measures) {
            measure.resize(groups_now);
            measure.add(groups, values);
        }
        for (samples, values) in self.samples.iter_mut().zip(measures) {
            samples.add(groups, values, &self.question.asked);
        }
        let early = (LOOKED_AT..LOOKED_AT * 4).contains(&self.seen);
        if early && groups_now * 2 > self.seen && self.question.may_be_raw() {
            self.raw = Some(Raw::new(&self.question.measures));
        }
    }

    /// The part, in `partitions` partitions where it has many groups and else in one piece.
    pub fn finish(self, partitions: usize) -> Vec<Part> {
        let groups: Vec<u32> =
            (0_u32..).zip(&self.rows).filter(|(_, rows)| **rows > 0).map(|(group, _)| group).collect();
        let keys = self.keys.pick(&groups);
        let mut places = vec![(0, 0); self.rows.len()];
        (0..).zip(&groups).for_each(|(place, group)| places[*group as usize] = (0, place));
        let part = Part {
            keys,
            rows: groups.iter().map(|group| self.rows[*group as usize]).collect(),
            measures: self.measures.iter().map(|measure| measure.pick(&groups)).collect(),
            samples: self.samples.iter().map(|samples| samples.split(&places, 1).swap_remove(0)).collect(),
            raw: self.raw,
        };
        if part.rows.len() > MANY || part.raw.is_some() { part.split(partitions) } else { vec![part] }
    }
}

/// Measures and samples of no group.
fn empty(question: &Question) -> (Vec<Measure>, Vec<Samples>) {
    let measures =
        question.measures.iter().zip(&question.units).map(|(kind, unit)| Measure::new(*kind, *unit));
    let asked = &question.asked;
    let samples = question.measures.iter().filter(|_| !asked.is_nothing());
    (
        measures.collect(),
        samples.map(|kind| Samples::new(asked, kind.adds_up() || *kind == Kind::Time)).collect(),
    )
}

impl Part {
    /// The part in so many partitions, a power of two.
    pub fn split(self, partitions: usize) -> Vec<Self> {
        let shift = 64 - partitions.trailing_zeros();
        #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 partitions")]
        let partition = |hash: u64| hash.checked_shr(shift).unwrap_or(0) as u32;
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); partitions];
        let mut places = Vec::with_capacity(self.rows.len());
        for group in 0..self.rows.len() {
            let number = partition(self.keys.hash(group));
            let list = &mut lists[number as usize];
            places.push((number, u32::try_from(list.len()).unwrap_or(u32::MAX)));
            list.push(u32::try_from(group).unwrap_or(u32::MAX));
        }
        let mut samples: Vec<_> =
            self.samples.iter().map(|samples| samples.split(&places, partitions).into_iter()).collect();
        let mut raws = self.raw.map(|raw| raw.split(partitions, partition).into_iter());
        let part = |groups: &Vec<u32>| Self {
            keys: self.keys.pick(groups),
            rows: groups.iter().map(|group| self.rows[*group as usize]).collect(),
            measures: self.measures.iter().map(|measure| measure.pick(groups)).collect(),
            samples: samples.iter_mut().filter_map(Iterator::next).collect(),
            raw: raws.as_mut().and_then(Iterator::next),
        };
        lists.iter().map(part).collect()
    }
}

/// Parts that have become one.
#[derive(Debug)]
pub struct Merged {
    union: Union,
    rows: Vec<u64>,
    measures: Vec<Measure>,
    samples: Vec<Samples>,
}

impl Merged {
    /// No part yet.
    pub fn new(question: &Question) -> Self {
        let (measures, samples) = empty(question);
        Self { union: Union::new(&question.keys), rows: Vec::new(), measures, samples }
    }

    /// Takes the next part of the input in.
    pub fn add(&mut self, part: &Part) {
        let groups = self.union.number(&part.keys);
        self.resize();
        for (group, rows) in groups.iter().zip(&part.rows) {
            self.rows[*group as usize] += rows;
        }
        for (measure, theirs) in self.measures.iter_mut().zip(&part.measures) {
            groups.iter().enumerate().for_each(|(from, to)| measure.merge(*to as usize, theirs, from));
        }
        for (samples, theirs) in self.samples.iter_mut().zip(&part.samples) {
            samples.merge(theirs, &groups);
        }
        if let Some(raw) = &part.raw {
            self.add_raw(raw);
        }
    }

    fn add_raw(&mut self, raw: &Raw) {
        let mut groups = Vec::with_capacity(raw.words.0.len());
        self.union.number_rows(&raw.words.0, &raw.missing, &mut groups);
        self.resize();
        groups.iter().for_each(|group| self.rows[*group as usize] += 1);
        for (measure, column) in self.measures.iter_mut().zip(&raw.columns) {
            let nulls = |there: &[bool]| (!there.is_empty()).then(|| NullBuffer::from(there));
            measure.add(
                &groups,
                &match column {
                    RawColumn::Whole(values, there) => Values::Whole(Cow::Borrowed(&values.0), nulls(there)),
                    RawColumn::Float(values, there) => Values::Float(Cow::Borrowed(&values.0), nulls(there)),
                },
            );
        }
    }

    fn resize(&mut self) {
        let groups = self.union.count();
        self.rows.resize(groups, 0);
        self.measures.iter_mut().for_each(|measure| measure.resize(groups));
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The groups in the order of their keys.
    pub fn finish(self, question: &Question) -> Groups {
        let keys = self.union.keys();
        let order: Vec<u32> = keys
            .order()
            .into_iter()
            .filter(|group| self.rows.get(*group as usize).is_some_and(|rows| *rows > 0))
            .collect();
        let answers =
            self.samples.iter().zip(&question.measures).map(|(samples, kind)| {
                samples.answers(self.rows.len(), &question.asked, *kind != Kind::Text)
            });
        Groups {
            keys: keys.pick(&order),
            rows: order.iter().map(|group| self.rows[*group as usize]).collect(),
            measures: self.measures.iter().map(|measure| measure.pick(&order)).collect(),
            answers: answers.collect(),
            order,
        }
    }

    /// The same as a part, to be merged with others.
    pub fn into_part(self) -> Part {
        let groups: Vec<u32> =
            (0_u32..).zip(&self.rows).filter(|(_, rows)| **rows > 0).map(|(group, _)| group).collect();
        let mut places = vec![(0, 0); self.rows.len()];
        (0..).zip(&groups).for_each(|(place, group)| places[*group as usize] = (0, place));
        Part {
            keys: self.union.keys().pick(&groups),
            rows: groups.iter().map(|group| self.rows[*group as usize]).collect(),
            measures: self.measures.iter().map(|measure| measure.pick(&groups)).collect(),
            samples: self.samples.iter().map(|samples| samples.split(&places, 1).swap_remove(0)).collect(),
            raw: None,
        }
    }
}

/// Groups that nothing is added to any more, in the order of their keys.
#[derive(Debug)]
pub struct Groups {
    /// The keys.
    pub keys: GroupKeys,
    /// Rows of each group.
    pub rows: Vec<u64>,
    /// What was kept of each column.
    pub measures: Vec<Measure>,
    /// What was asked of the values of each column, by the numbers that the groups had before they were sorted.
    pub answers: Vec<super::samples::Answers>,
    /// Those numbers.
    pub order: Vec<u32>,
}

impl Raw {
    fn new(measures: &[Kind]) -> Self {
        let column = |kind: &Kind| match kind {
            Kind::Float => RawColumn::Float(Wired::default(), Vec::new()),
            _ => RawColumn::Whole(Wired::default(), Vec::new()),
        };
        Self { columns: measures.iter().map(column).collect(), ..Self::default() }
    }

    fn extend(&mut self, keys: &Values<'_>, measures: &[Values<'_>]) {
        let before = self.words.0.len();
        let nulls = match keys {
            Values::Whole(values, nulls) => {
                self.words.0.extend(values.iter().map(|value| word_of_whole(*value)));
                nulls
            }
            Values::Float(values, nulls) => {
                self.words.0.extend(values.iter().map(|value| word_of_float(*value)));
                nulls
            }
            _ => unreachable!("only words are raw"),
        };
        if nulls.is_some() || !self.missing.is_empty() {
            self.missing.resize(before, false);
            self.missing.extend(
                (before..self.words.0.len())
                    .map(|row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row - before))),
            );
        }
        for (column, values) in self.columns.iter_mut().zip(measures) {
            match (column, values) {
                (RawColumn::Whole(all, there), Values::Whole(values, nulls)) => {
                    mark(there, all.0.len(), values.len(), nulls.as_ref());
                    all.0.extend_from_slice(values);
                }
                (RawColumn::Float(all, there), Values::Float(values, nulls)) => {
                    mark(there, all.0.len(), values.len(), nulls.as_ref());
                    all.0.extend_from_slice(values);
                }
                _ => unreachable!("only numbers are raw"),
            }
        }
    }

    /// The rows of each partition, in their order.
    fn split(self, partitions: usize, partition: impl Fn(u64) -> u32) -> Vec<Self> {
        let missing = |row: usize| self.missing.get(row).copied().unwrap_or(false);
        let hash = |(row, word): (usize, &u64)| if missing(row) { 0 } else { super::hash::hash_word(*word) };
        let places: Vec<u32> = self.words.0.iter().enumerate().map(|row| partition(hash(row))).collect();
        let mut counts = vec![0; partitions];
        places.iter().for_each(|place| counts[*place as usize] += 1);
        let mut words = scattered(&self.words.0, &places, &counts).into_iter();
        let mut flags = scattered(&self.missing, &places, &counts).into_iter();
        let mut columns: Vec<_> = self
            .columns
            .into_iter()
            .map(|column| match column {
                RawColumn::Whole(values, there) => {
                    let (values, there) =
                        (scattered(&values.0, &places, &counts), scattered(&there, &places, &counts));
                    let parts = values.into_iter().zip(there);
                    parts
                        .map(|(values, there)| RawColumn::Whole(Wired(values), there))
                        .collect::<Vec<_>>()
                        .into_iter()
                }
                RawColumn::Float(values, there) => {
                    let (values, there) =
                        (scattered(&values.0, &places, &counts), scattered(&there, &places, &counts));
                    let parts = values.into_iter().zip(there);
                    parts
                        .map(|(values, there)| RawColumn::Float(Wired(values), there))
                        .collect::<Vec<_>>()
                        .into_iter()
                }
            })
            .collect();
        (0..partitions)
            .map(|_| Self {
                words: Wired(words.next().unwrap_or_default()),
                missing: flags.next().unwrap_or_default(),
                columns: columns.iter_mut().filter_map(Iterator::next).collect(),
            })
            .collect()
    }
}

fn mark(there: &mut Vec<bool>, before: usize, more: usize, nulls: Option<&NullBuffer>) {
    if nulls.is_some() || !there.is_empty() {
        there.resize(before, true);
        there.extend((0..more).map(|row| nulls.is_none_or(|nulls| nulls.is_valid(row))));
    }
}

/// The values by their places; `counts` tells how many there are of each.
fn scattered<T: Copy>(values: &[T], places: &[u32], counts: &[usize]) -> Vec<Vec<T>> {
    let room = |count: &usize| Vec::with_capacity(if values.is_empty() { 0 } else { *count });
    let mut parts: Vec<Vec<T>> = counts.iter().map(room).collect();
    for (value, place) in values.iter().zip(places) {
        parts[*place as usize].push(*value);
    }
    parts
}
