//! What has to be done, decided by the files alone.

use std::path::Path;

use super::lake::Partition;
use super::look::Seen;
use super::manifest::InputFile;
use super::shape::Shape;
use super::work::{Piece, Slice};

/// How many tasks there should be at least, so that the last ones are short; and what a task should weigh at least.
const TASKS: u64 = 64;
const LIGHTEST: u64 = 64 << 10;

/// What a partition is made of, in one word: the files' names, lengths and digests, the customers that they are joined
/// with, and all that decides about the bytes of the output.
pub(super) fn identity(files: &[InputFile], customers: &str, piece: u64) -> String {
    let mut digest = lab::Digest::new();
    digest.add(super::manifest::FORMAT.as_bytes());
    digest.add(env!("CARGO_PKG_VERSION").as_bytes());
    digest.add(&piece.to_le_bytes());
    digest.add(customers.as_bytes());
    for file in files {
        digest.add(file.name.as_bytes());
        digest.add(&file.bytes.to_le_bytes());
        digest.add(file.digest.as_bytes());
    }
    digest.finish()
}

/// A partition's pieces of at most `size` bytes; where rows cannot be cut finer, one is larger.
pub(super) fn pieces(
    number: usize,
    partition: &Partition,
    seen: Vec<Seen>,
    size: u64,
    staged: &Path,
) -> Vec<Piece> {
    let mut slices = Vec::new();
    for (source, seen) in partition.files.iter().zip(seen) {
        let mut shape = seen.shape;
        if let Shape::Parquet(shape) = &mut shape {
            // The cuts have the parts.
            shape.parts.clear();
        }
        let slice = |cut| Slice { source: source.clone(), shape: shape.clone(), cut };
        slices.extend(seen.cuts.into_iter().map(slice));
    }
    let groups: Vec<Vec<Slice>> = grouped(slices, size, |slice| slice.cut.weight());
    let of = groups.len();
    let piece = |(place, slices)| Piece {
        partition: number,
        keys: partition.keys.clone(),
        number: place,
        of,
        slices,
        staged: staged.into(),
    };
    groups.into_iter().enumerate().map(piece).collect()
}

/// How much of so many bytes should be one task.
pub(super) fn task_size(total: u64, piece: u64) -> u64 {
    (total / TASKS).max(LIGHTEST).min(piece)
}

/// Neighbours that together weigh no more than `size`, or one that weighs more.
pub(super) fn grouped<T>(items: Vec<T>, size: u64, weight: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut sum = 0_u64;
    for item in items {
        let heavy = weight(&item);
        match groups.last_mut() {
            Some(group) if sum.saturating_add(heavy) <= size => group.push(item),
            _ => {
                groups.push(vec![item]);
                sum = 0;
            }
        }
        sum = sum.saturating_add(heavy);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_put_together_up_to_a_size_and_none_is_lost() {
        let check = |weights: &[u64], expected: &[&[u64]]| {
            assert_eq!(grouped(weights.to_vec(), 10, |weight| *weight), expected);
        };
        check(&[], &[]);
        check(&[3, 3, 4, 1], &[&[3, 3, 4], &[1]]);
        check(&[50, 1, 2], &[&[50], &[1, 2]]);
        check(&[1, 50, 2], &[&[1], &[50], &[2]]);
    }
}
