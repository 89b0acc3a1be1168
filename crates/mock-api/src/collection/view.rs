//! A collection as a filter and an order show it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use super::{Collection, Selection};
use crate::problem::Problem;

/// Views that are remembered. Past as many all are forgotten and made again when asked for.
const MAX_VIEWS: usize = 64;

/// What records are ordered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortKey {
    /// A number, an identifier or a time.
    Number(i64),
    /// A name.
    Text(String),
}

/// The positions that a view shows.
#[derive(Clone, Debug)]
pub(super) enum View {
    /// All of so many, in their own order.
    Everything(u64),
    /// These.
    Chosen(Arc<[u32]>),
}

/// The views that were made.
#[derive(Debug, Default)]
pub(crate) struct Views {
    /// By name. Locked for a look-up or an insertion, never while a view is made.
    made: Mutex<HashMap<String, Arc<[u32]>>>,
}

impl View {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Everything(total) => *total,
            Self::Chosen(chosen) => chosen.len() as u64,
        }
    }

    /// The collection's index of the record at a position below `len`.
    pub(super) fn index(&self, position: u64) -> u64 {
        match self {
            Self::Everything(_) => position,
            Self::Chosen(chosen) => usize::try_from(position)
                .ok()
                .and_then(|position| chosen.get(position))
                .copied()
                .unwrap_or(0)
                .into(),
        }
    }
}

impl Views {
    /// The view that a selection shows, made now or before. Two requests that miss at once both make it, and both make
    /// the same.
    pub(super) async fn view<C: Collection, S: Selection<C::Record>>(
        &self,
        name: &str,
        collection: &Arc<C>,
        selection: S,
    ) -> Result<View, Problem> {
        if selection.is_everything() {
            return Ok(View::Everything(collection.total()));
        }
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(View::Chosen(Arc::clone(made)));
        }
        let collection = Arc::clone(collection);
        // A pass over a large collection takes milliseconds to seconds, which must not hold a serving thread.
        let made = tokio::task::spawn_blocking(move || choose(&*collection, &selection))
            .await
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let mut views = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= MAX_VIEWS {
            views.clear();
        }
        views.insert(name.to_owned(), Arc::clone(&made));
        Ok(View::Chosen(made))
    }
}

fn choose<C: Collection, S: Selection<C::Record>>(collection: &C, selection: &S) -> Arc<[u32]> {
    let total = u32::try_from(collection.total()).unwrap_or(u32::MAX);
    let mut chosen: Vec<(SortKey, u32)> = (0..total)
        .filter_map(|index| {
            let record = collection.record(index.into());
            selection.chooses(&record).then(|| (selection.key(&record), index))
        })
        .collect();
    // Both sorts are stable, so equal records keep their order in either direction.
    if selection.is_descending() {
        chosen.sort_by(|(a, _), (b, _)| Reverse(a).cmp(&Reverse(b)));
    } else {
        chosen.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    chosen.into_iter().map(|(_, index)| index).collect()
}
