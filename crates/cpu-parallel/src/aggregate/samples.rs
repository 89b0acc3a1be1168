//! The values themselves, for what cannot be told from a state of fixed size: quantiles, and how many different ones there are.
//!
//! *Exact* keeps every value (for distinct ones alone, each once). A *sketch* of quantiles counts values in buckets whose
//! borders are powers of a base (C. Masson, J. E. Rim, H. K. Lee, `DDSketch`: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees, 2019): the answer is off by at most the stated share of itself, memory is a few hundred
//! counters a group however many rows there are, and counters of any parts add up to the same, whoever counted.

use serde::{Deserialize, Serialize};

use super::hash::{Texts, Words, hash_pair};
use super::quantile::{Quantile, Word, position};
use super::sketch::{bucket, middle};
use super::values::{Values, bytes_of_decimal, word_of_float, word_of_whole};

/// What is asked about the values of all columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The quantiles, each from 0 to 1.
    pub quantiles: Vec<f64>,
    /// The relative error that is borne; exact quantiles without one.
    pub error: Option<f64>,
    /// Whether different values are counted.
    pub distinct: bool,
}

impl Asked {
    /// Whether nothing is asked.
    pub fn is_nothing(&self) -> bool {
        self.quantiles.is_empty() && !self.distinct
    }
}

/// The values of one column with the numbers of their groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    groups: Vec<u32>,
    /// The values as words of the same order; of texts and decimals their numbers.
    words: Vec<u64>,
    /// Which of the words were taken before, where each is kept once in a group.
    #[serde(skip)]
    seen: Option<Pairs>,
    #[serde(skip)]
    table: Texts,
    /// The texts by their numbers; filled when the samples leave their part.
    texts: Vec<Vec<u8>>,
    /// Buckets of a sketch and how often each was hit, with the groups beside them.
    sketch: Vec<(u32, i32, u64)>,
    #[serde(skip)]
    buckets: Option<Pairs>,
}

/// Pairs of a group and a word, with numbers.
#[derive(Clone, Debug, Default)]
struct Pairs {
    slots: Vec<u32>,
    pairs: Vec<(u32, u64)>,
}

impl Pairs {
    /// The number of the pair, and whether it is new.
    #[allow(clippy::cast_possible_truncation, reason = "places in a table; there are fewer than 2^32 pairs")]
    fn number(&mut self, group: u32, word: u64) -> (usize, bool) {
        if self.pairs.len() * 2 >= self.slots.len() {
            let size = (self.slots.len() * 2).max(64);
            self.slots = vec![0; size];
            for (number, (group, word)) in self.pairs.iter().enumerate() {
                let mut at = hash_pair(u64::from(*group), *word) as usize & (size - 1);
                while self.slots[at] != 0 {
                    at = (at + 1) & (size - 1);
                }
                self.slots[at] = number as u32 + 1;
            }
        }
        let mask = self.slots.len() - 1;
        let mut at = hash_pair(u64::from(group), word) as usize & mask;
        loop {
            match self.slots[at] {
                0 => {
                    self.pairs.push((group, word));
                    self.slots[at] = self.pairs.len() as u32;
                    return (self.pairs.len() - 1, true);
                }
                number if self.pairs[number as usize - 1] == (group, word) => {
                    return (number as usize - 1, false);
                }
                _ => at = (at + 1) & mask,
            }
        }
    }
}

impl Samples {
    /// No value yet.
    pub fn new(asked: &Asked, numeric: bool) -> Self {
        let sketched = asked.error.is_some() && numeric && !asked.quantiles.is_empty();
        let all = !sketched && numeric && !asked.quantiles.is_empty();
        Self {
            seen: (!all && asked.distinct).then(Pairs::default),
            buckets: sketched.then(Pairs::default),
            ..Self::default()
        }
    }

    /// Takes the values of rows in.
    pub fn add(&mut self, groups: &[u32], values: &Values<'_>, asked: &Asked) {
        let keep = asked.distinct || (asked.error.is_none() && !asked.quantiles.is_empty());
        for (row, group) in groups.iter().enumerate() {
            if !values.is_there(row) {
                continue;
            }
            if let (Some(buckets), Some(error)) = (&mut self.buckets, asked.error) {
                let bucket = bucket(number(values, row), error);
                let (at, new) = buckets.number(*group, u64::from(bucket.cast_unsigned()));
                if new {
                    self.sketch.push((*group, bucket, 0));
                }
                self.sketch[at].2 += 1;
            }
            if keep {
                let word = match values {
                    Values::Whole(values, _) => word_of_whole(values[row]),
                    Values::Float(values, _) => word_of_float(values[row]),
                    Values::Decimal(values, _) => {
                        u64::from(self.table.number(&bytes_of_decimal(values[row])))
                    }
                    Values::Text(values) => {
                        u64::from(self.table.number(values.get(row).unwrap_or_default().as_bytes()))
                    }
                };
                self.take(*group, word);
            }
        }
    }

    fn take(&mut self, group: u32, word: u64) {
        if self.seen.as_mut().is_none_or(|seen| seen.number(group, word).1) {
            self.groups.push(group);
            self.words.push(word);
        }
    }

    /// Takes in what a part has; `numbers` tells what its groups are called here.
    pub fn merge(&mut self, other: &Self, numbers: &[u32]) {
        let words: Vec<u64> = other.texts.iter().map(|text| u64::from(self.table.number(text))).collect();
        for (group, word) in other.groups.iter().zip(&other.words) {
            let word =
                if words.is_empty() { *word } else { words[usize::try_from(*word).unwrap_or_default()] };
            self.take(numbers[*group as usize], word);
        }
        for (group, bucket, count) in &other.sketch {
            let group = numbers[*group as usize];
            let buckets = self.buckets.get_or_insert_default();
            let (at, new) = buckets.number(group, u64::from(bucket.cast_unsigned()));
            if new {
                self.sketch.push((group, *bucket, 0));
            }
            self.sketch[at].2 += count;
        }
    }

    /// The samples of each of `parts` parts: `places` tells for each group its part and its number there.
    pub fn split(&self, places: &[(u32, u32)], parts: usize) -> Vec<Self> {
        let mut split = vec![Self::default(); parts];
        let mut texts = vec![Words::default(); parts];
        let listed = !self.table.is_empty();
        for (group, word) in self.groups.iter().zip(&self.words) {
            let (part, place) = places[*group as usize];
            let part = part as usize;
            split[part].groups.push(place);
            split[part].words.push(if listed { u64::from(texts[part].number(*word)) } else { *word });
        }
        let text = |word: &u64| self.table.text(u32::try_from(*word).unwrap_or_default()).to_vec();
        for (part, texts) in split.iter_mut().zip(&texts) {
            part.texts = texts.keys().iter().map(text).collect();
        }
        for (group, bucket, count) in &self.sketch {
            let (part, place) = places[*group as usize];
            split[part as usize].sketch.push((place, *bucket, *count));
        }
        split
    }

    /// The answers for groups 0 to `groups`.
    pub fn answers(&self, groups: usize, asked: &Asked, numeric: bool) -> Answers {
        let mut answers =
            Answers { quantiles: vec![vec![None; groups]; asked.quantiles.len()], distinct: Vec::new() };
        let ranks = self.ranks();
        let words: Vec<u64> = match &ranks {
            Some(ranks) => self
                .words
                .iter()
                .map(|word| u64::from(ranks[usize::try_from(*word).unwrap_or_default()]))
                .collect(),
            None => self.words.clone(),
        };
        let (mut sorted, ends) = by_group(&self.groups, &words, groups);
        if asked.distinct {
            answers.distinct = vec![0; groups];
        }
        let texts = ranks.map(|ranks| {
            let mut texts = vec![0; ranks.len()];
            (0_u32..).zip(&ranks).for_each(|(number, rank)| texts[*rank as usize] = number);
            texts
        });
        let mut start = 0;
        for (group, end) in ends.into_iter().enumerate() {
            let values = &mut sorted[start..end];
            values.sort_unstable();
            if numeric && asked.error.is_none() && !values.is_empty() {
                for (quantile, answers) in asked.quantiles.iter().zip(&mut answers.quantiles) {
                    let place = position(*quantile, values.len() as u64);
                    answers[group] = Some(Quantile::of(values, place, |rank| match &texts {
                        Some(texts) => {
                            Word::Bytes(self.table.text(texts[usize::try_from(rank).unwrap_or_default()]))
                        }
                        None => Word::Word(rank),
                    }));
                }
            }
            if asked.distinct {
                answers.distinct[group] = values.chunk_by(|one, two| one == two).count() as u64;
            }
            start = end;
        }
        if let Some(error) = asked.error.filter(|_| numeric) {
            self.sketched(asked, error, &mut answers);
        }
        answers
    }

    /// The place of each text among all of them, where the values are texts.
    fn ranks(&self) -> Option<Vec<u32>> {
        let count = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return None;
        }
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by(|one, two| self.table.text(*one).cmp(self.table.text(*two)));
        let mut ranks = vec![0; order.len()];
        (0..).zip(&order).for_each(|(rank, number)| ranks[*number as usize] = rank);
        Some(ranks)
    }

    fn sketched(&self, asked: &Asked, error: f64, answers: &mut Answers) {
        let mut buckets = self.sketch.clone();
        buckets.sort_unstable();
        for buckets in buckets.chunk_by(|one, two| one.0 == two.0) {
            let count: u64 = buckets.iter().map(|bucket| bucket.2).sum();
            for (quantile, answers) in asked.quantiles.iter().zip(&mut answers.quantiles) {
                let rank = position(*quantile, count).floor();
                let mut before = 0;
                let found = buckets.iter().find(|(_, _, count)| {
                    before += count;
                    before as f64 > rank
                });
                answers[buckets[0].0 as usize] =
                    found.map(|(_, bucket, _)| Quantile::about(middle(*bucket, error)));
            }
        }
    }
}

/// What was asked of one column, by group.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// For each quantile, in the order in which they were asked.
    pub quantiles: Vec<Vec<Option<Quantile>>>,
    /// How many different values there are; empty where nobody asked.
    pub distinct: Vec<u64>,
}

/// The words of each group side by side, and where each group ends.
fn by_group(groups: &[u32], words: &[u64], count: usize) -> (Vec<u64>, Vec<usize>) {
    let mut ends = vec![0; count];
    groups.iter().for_each(|group| ends[*group as usize] += 1);
    let mut sum = 0;
    for end in &mut ends {
        let length = *end;
        *end = sum;
        sum += length;
    }
    let mut sorted = vec![0; words.len()];
    for (group, word) in groups.iter().zip(words) {
        let place = &mut ends[*group as usize];
        sorted[*place] = *word;
        *place += 1;
    }
    (sorted, ends)
}

/// The value of a row as a number of 64 bits with a point.
fn number(values: &Values<'_>, row: usize) -> f64 {
    match values {
        Values::Whole(values, _) => values[row] as f64,
        Values::Float(values, _) => values[row],
        Values::Decimal(values, _) => values[row] as f64,
        Values::Text(_) => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the very same number is meant")]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    fn quantiles(values: &[f64], asked: &Asked) -> (Vec<f64>, u64) {
        let values = Values::Float(Cow::Borrowed(values), None);
        let mut samples = Samples::new(asked, true);
        samples.add(&vec![0; values.len()], &values, asked);
        let mut merged = Samples::new(asked, true);
        merged.merge(&samples.split(&[(0, 0)], 1)[0], &[0]);
        let answers = merged.answers(1, asked, true);
        let numbers = answers.quantiles.iter().map(|answers| answers[0].unwrap().float()).collect();
        (numbers, answers.distinct[0])
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([15, 20, 35, 40, 50], [0, 0.05, 0.3, 0.5, 1]), and five different values.
        let asked = Asked { quantiles: vec![0.0, 0.05, 0.3, 0.5, 1.0], error: None, distinct: true };
        let (found, distinct) = quantiles(&[50.0, 15.0, 40.0, 20.0, 35.0], &asked);
        assert_eq!(distinct, 5);
        for (found, expected) in found.iter().zip([15.0, 16.0, 23.0, 35.0, 50.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    proptest! {
        #[test]
        fn a_sketch_is_no_further_off_than_it_says(
            values in proptest::collection::vec(prop_oneof![-1e9..1e9_f64, -1e-3..1e-3_f64, Just(0.0)], 1..300),
            quantile in 0.0..=1.0_f64,
        ) {
            let asked = Asked { quantiles: vec![quantile], error: Some(0.01), distinct: true };
            let (found, distinct) = quantiles(&values, &asked);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let exact = sorted[position(quantile, values.len() as u64).floor() as usize];
            prop_assert!((found[0] - exact).abs() <= exact.abs() * 0.010_000_1, "{} {}", found[0], exact);
            sorted.dedup_by(|one, two| one == two);
            prop_assert_eq!(distinct, sorted.len() as u64);
        }
    }
}
