//! From the key columns of rows to the numbers of their groups.
//!
//! Each column's values get numbers first, from a table of its own; a group of several columns is then a pair of numbers,
//! and a pair is a word again. So a row costs one look-up of a word for each column, and a text is hashed once for each
//! entry of its file's list where the file has one.

use arrow_array::{Array, StringArray};
use serde::{Deserialize, Serialize};

use super::hash::{Texts, Words, hash_text, hash_word};
use super::values::{Kind, TextValues, Values, bytes_of_decimal, word_of_float, word_of_whole};

/// The groups of some rows, numbered in the order in which they first came.
#[derive(Debug)]
pub struct Keys {
    columns: Vec<Column>,
    /// Pairs of the numbers of all columns before and of the next one.
    pairs: Vec<Words>,
    numbers: Vec<u32>,
    scratch: Vec<u32>,
}

/// The different values of one column: number 0 is the missing one, the others are one more than those of the table.
#[derive(Debug)]
enum Column {
    Words(Words),
    Texts(Texts, Option<List>),
}

/// A file's list of texts, kept so that nothing else takes its place in memory, and the numbers of its texts.
#[derive(Debug)]
struct List {
    texts: StringArray,
    numbers: Vec<u32>,
}

impl Keys {
    /// No group yet.
    pub fn new(kinds: &[Kind]) -> Self {
        let column = |kind: &Kind| match kind {
            Kind::Text | Kind::Decimal(_) => Column::Texts(Texts::default(), None),
            _ => Column::Words(Words::default()),
        };
        let pairs = vec![Words::default(); kinds.len().saturating_sub(1)];
        Self { columns: kinds.iter().map(column).collect(), pairs, numbers: Vec::new(), scratch: Vec::new() }
    }

    /// How many groups there are. Group 0 of a single column is that of the missing key, and may have no row.
    pub fn count(&self) -> usize {
        match (&*self.columns, self.pairs.last()) {
            ([], _) => 1,
            (_, Some(pairs)) => pairs.len(),
            ([column, ..], None) => column.len() + 1,
        }
    }

    /// The group of each row of the last call of [`Keys::number`].
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Finds the group of each row.
    pub fn number(&mut self, keys: &[Values<'_>], rows: usize) {
        self.numbers.clear();
        let Some((first, columns)) = self.columns.split_first_mut() else {
            return self.numbers.resize(rows, 0);
        };
        first.number(&keys[0], &mut self.numbers);
        for ((column, pairs), values) in columns.iter_mut().zip(&mut self.pairs).zip(&keys[1..]) {
            self.scratch.clear();
            column.number(values, &mut self.scratch);
            for (number, next) in self.numbers.iter_mut().zip(&self.scratch) {
                *number = pairs.number(u64::from(*number) << 32 | u64::from(*next));
            }
        }
    }

    /// The keys of these groups.
    pub fn pick(&self, groups: &[u32]) -> GroupKeys {
        if let [Column::Words(words)] = &*self.columns {
            let word = |group: &u32| group.checked_sub(1).map_or(0, |number| words.keys()[number as usize]);
            let missing = groups.iter().position(|group| *group == 0);
            return GroupKeys::Words { words: groups.iter().map(word).collect(), missing };
        }
        let mut keys = Vec::with_capacity(groups.len());
        for group in groups {
            let mut key = Vec::new();
            self.write(*group, self.columns.len(), &mut key);
            keys.push(key);
        }
        GroupKeys::Bytes(keys)
    }

    /// Appends the key of a group of the first `columns` columns, in bytes that have the order of the values.
    #[allow(clippy::cast_possible_truncation, reason = "the halves of a pair are meant")]
    fn write(&self, group: u32, columns: usize, key: &mut Vec<u8>) {
        match columns {
            0 => {}
            1 => self.columns[0].write(group, key),
            more => {
                let pair = self.pairs[more - 2].keys()[group as usize];
                self.write((pair >> 32) as u32, more - 1, key);
                self.columns[more - 1].write(pair as u32, key);
            }
        }
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Texts(texts, _) => texts.len(),
        }
    }

    fn number(&mut self, values: &Values<'_>, numbers: &mut Vec<u32>) {
        match (self, values) {
            (Self::Words(table), Values::Whole(values, nulls)) => {
                if table.is_empty() {
                    expect(table, values.iter().map(|value| word_of_whole(*value)));
                }
                match nulls {
                    None => {
                        numbers.extend(values.iter().map(|value| table.number(word_of_whole(*value)) + 1));
                    }
                    Some(nulls) => numbers.extend(values.iter().enumerate().map(|(row, value)| {
                        if nulls.is_valid(row) { table.number(word_of_whole(*value)) + 1 } else { 0 }
                    })),
                }
            }
            (Self::Words(table), Values::Float(values, nulls)) => {
                let there = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                numbers.extend(values.iter().enumerate().map(|(row, value)| {
                    if there(row) { table.number(word_of_float(*value)) + 1 } else { 0 }
                }));
            }
            (Self::Texts(table, _), Values::Decimal(values, nulls)) => {
                let there = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                numbers.extend(values.iter().enumerate().map(|(row, value)| {
                    if there(row) { table.number(&bytes_of_decimal(*value)) + 1 } else { 0 }
                }));
            }
            (Self::Texts(table, _), Values::Text(texts @ TextValues::Plain(plain))) => {
                numbers.extend((0..plain.len()).map(|row| number_of(table, texts.get(row))));
            }
            (Self::Texts(table, list), Values::Text(TextValues::Listed(rows, texts))) => {
                let known = list
                    .as_ref()
                    .is_some_and(|list| std::ptr::eq(list.texts.value_data(), texts.value_data()));
                if !known {
                    let numbers = texts.iter().map(|text| number_of(table, text)).collect();
                    *list = Some(List { texts: (*texts).clone(), numbers });
                }
                let list = list.as_ref().map_or(&[][..], |list| &list.numbers);
                let place = |place: i32| usize::try_from(place).unwrap_or_default();
                if rows.null_count() == 0 {
                    numbers.extend(rows.keys().values().iter().map(|at| list[place(*at)]));
                } else {
                    numbers.extend(rows.keys().iter().map(|at| at.map_or(0, |at| list[place(at)])));
                }
            }
            _ => unreachable!("a column's values are of its kind"),
        }
    }

    fn write(&self, number: u32, key: &mut Vec<u8>) {
        let Some(number) = number.checked_sub(1) else { return key.push(MISSING) };
        key.push(THERE);
        match self {
            Self::Words(words) => key.extend(words.keys()[number as usize].to_be_bytes()),
            Self::Texts(texts, _) => write_text(texts.text(number), key),
        }
    }
}

/// Tells a table which keys come first.
fn expect(table: &mut Words, keys: impl Iterator<Item = u64>) {
    let (least, most) = keys.fold((u64::MAX, 0), |(least, most), key| (key.min(least), key.max(most)));
    table.expect(least, most);
}

fn number_of(table: &mut Texts, text: Option<&str>) -> u32 {
    text.map_or(0, |text| table.number(text.as_bytes()) + 1)
}

/// What stands before a value; missing ones come last.
const THERE: u8 = 0;
const MISSING: u8 = 1;
/// What stands behind a text. A zero within it is followed by `ESCAPED`, so that a text comes before those that begin with it.
const END: [u8; 2] = [0, 0];
const ESCAPED: u8 = 0xff;

fn write_text(text: &[u8], key: &mut Vec<u8>) {
    for byte in text {
        key.push(*byte);
        if *byte == 0 {
            key.push(ESCAPED);
        }
    }
    key.extend(END);
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// Of a kind that is a word.
    Word(u64),
    /// Text, or a decimal's bytes.
    Bytes(Vec<u8>),
}

/// The values of a key that is bytes.
pub fn read(mut key: &[u8], kinds: &[Kind]) -> Vec<Option<KeyValue>> {
    let mut next = |kind: &Kind| {
        let (mark, rest) = key.split_first()?;
        key = rest;
        if *mark == MISSING {
            return None;
        }
        if !matches!(kind, Kind::Text | Kind::Decimal(_)) {
            let (word, rest) = key.split_first_chunk::<8>()?;
            key = rest;
            return Some(KeyValue::Word(u64::from_be_bytes(*word)));
        }
        let mut text = Vec::new();
        loop {
            match key {
                [0, ESCAPED, rest @ ..] => {
                    text.push(0);
                    key = rest;
                }
                [0, 0, rest @ ..] => {
                    key = rest;
                    return Some(KeyValue::Bytes(text));
                }
                [byte, rest @ ..] => {
                    text.push(*byte);
                    key = rest;
                }
                [] => return Some(KeyValue::Bytes(text)),
            }
        }
    };
    kinds.iter().map(&mut next).collect()
}

/// The keys of groups, whoever numbers them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum GroupKeys {
    /// Of a single column whose values are words.
    Words {
        /// The words.
        words: Vec<u64>,
        /// Which of the groups has no key, if one has not; its word means nothing.
        missing: Option<usize>,
    },
    /// Of all others, in bytes that have the order of the values.
    Bytes(Vec<Vec<u8>>),
}

impl GroupKeys {
    /// How many groups there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Words { words, .. } => words.len(),
            Self::Bytes(keys) => keys.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hash that decides a group's partition.
    pub fn hash(&self, group: usize) -> u64 {
        match self {
            Self::Words { missing, .. } if *missing == Some(group) => 0,
            Self::Words { words, .. } => hash_word(words[group]),
            Self::Bytes(keys) => hash_text(&keys[group]),
        }
    }

    /// The keys of these groups.
    #[must_use]
    pub fn pick(&self, groups: &[u32]) -> Self {
        match self {
            Self::Words { words, missing } => Self::Words {
                words: groups.iter().map(|group| words[*group as usize]).collect(),
                missing: groups.iter().position(|group| Some(*group as usize) == *missing),
            },
            Self::Bytes(keys) => {
                Self::Bytes(groups.iter().map(|group| keys[*group as usize].clone()).collect())
            }
        }
    }

    /// The groups in the order of their keys; the one without a key is the last.
    #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 groups")]
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        match self {
            Self::Words { words, missing } => {
                order.sort_unstable_by_key(|group| {
                    (Some(*group as usize) == *missing, words[*group as usize])
                });
            }
            Self::Bytes(keys) => {
                order.sort_unstable_by(|one, two| keys[*one as usize].cmp(&keys[*two as usize]));
            }
        }
        order
    }
}

/// The groups of several parts, numbered anew.
#[derive(Debug)]
pub enum Union {
    /// Group 0 has no key, the others are one more than the table's.
    Words(Words),
    /// All groups are the table's.
    Bytes(Texts),
}

impl Union {
    /// No group yet.
    pub fn new(kinds: &[Kind]) -> Self {
        match kinds {
            [Kind::Text | Kind::Decimal(_)] => Self::Bytes(Texts::default()),
            [_] => Self::Words(Words::default()),
            _ => Self::Bytes(Texts::default()),
        }
    }

    /// How many groups there are; group 0 of words may have no row.
    pub fn count(&self) -> usize {
        match self {
            Self::Words(words) => words.len() + 1,
            Self::Bytes(texts) => texts.len(),
        }
    }

    /// The groups of a part's groups.
    pub fn number(&mut self, keys: &GroupKeys) -> Vec<u32> {
        match (self, keys) {
            (Self::Words(table), GroupKeys::Words { words, missing }) => {
                if table.is_empty() {
                    let there = words.iter().enumerate().filter(|(group, _)| Some(*group) != *missing);
                    expect(table, there.map(|(_, word)| *word));
                }
                let number = |(group, word): (usize, &u64)| {
                    if Some(group) == *missing { 0 } else { table.number(*word) + 1 }
                };
                words.iter().enumerate().map(number).collect()
            }
            (Self::Bytes(table), GroupKeys::Bytes(keys)) => {
                keys.iter().map(|key| table.number(key)).collect()
            }
            _ => unreachable!("parts of one table have keys of one kind"),
        }
    }

    /// The groups of single rows' words.
    pub fn number_rows(&mut self, words: &[u64], missing: &[bool], groups: &mut Vec<u32>) {
        groups.clear();
        let Self::Words(table) = self else { return };
        if missing.is_empty() {
            groups.extend(words.iter().map(|word| table.number(*word) + 1));
        } else {
            let rows = words.iter().zip(missing);
            groups.extend(rows.map(|(word, missing)| if *missing { 0 } else { table.number(*word) + 1 }));
        }
    }

    /// The keys of all groups.
    #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 groups")]
    pub fn keys(&self) -> GroupKeys {
        match self {
            Self::Words(table) => GroupKeys::Words {
                words: std::iter::once(0).chain(table.keys().iter().copied()).collect(),
                missing: Some(0),
            },
            Self::Bytes(table) => {
                GroupKeys::Bytes((0..table.len() as u32).map(|group| table.text(group).to_vec()).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_of_bytes_have_the_order_of_their_values_and_are_read_back(
            one in (proptest::option::of("[\0-\u{3}a]{0,4}"), proptest::option::of(any::<i64>())),
            two in (proptest::option::of("[\0-\u{3}a]{0,4}"), proptest::option::of(any::<i64>())),
        ) {
            let key = |(text, number): &(Option<String>, Option<i64>)| {
                let mut key = Vec::new();
                match text { Some(text) => { key.push(THERE); write_text(text.as_bytes(), &mut key); } None => key.push(MISSING) }
                match number { Some(number) => { key.push(THERE); key.extend(word_of_whole(*number).to_be_bytes()); } None => key.push(MISSING) }
                key
            };
            // Missing ones come last.
            let order = |(text, number): &(Option<String>, Option<i64>)| (text.is_none(), text.clone(), number.is_none(), *number);
            prop_assert_eq!(key(&one).cmp(&key(&two)), order(&one).cmp(&order(&two)));
            let values = read(&key(&one), &[Kind::Text, Kind::Whole]);
            prop_assert_eq!(&values[0], &one.0.map(|text| KeyValue::Bytes(text.into_bytes())));
            prop_assert_eq!(&values[1], &one.1.map(|number| KeyValue::Word(word_of_whole(number))));
        }
    }
}
