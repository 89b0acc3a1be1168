//! What is known, with its age.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::RwLock;

use crate::domain::{Ages, Code, Freshness, State, StateTree};
use crate::source::snapshot::{Dated, Known};

/// A kept thing.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) dated: Dated<T>,
    /// When the last attempt to get a newer one failed, nobody tries again before this.
    not_before: Option<Instant>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        let Dated { value, at } = &self.dated;
        Self { dated: Dated { value: Arc::clone(value), at: *at }, not_before: self.not_before }
    }
}

impl<T> Kept<T> {
    fn new(dated: Dated<T>) -> Self {
        Self { dated, not_before: None }
    }

    /// How old it is. A clock that was set back makes nothing older.
    pub(super) fn age(&self) -> Duration {
        self.dated.at.elapsed().unwrap_or_default()
    }

    /// Whether somebody may try to get a newer one.
    pub(super) fn may_be_tried(&self) -> bool {
        self.not_before.is_none_or(|then| Instant::now() >= then)
    }
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Written when something new came, read for a clone of pointers.
    things: RwLock<Things>,
    /// Grows with each change. Whoever sees an old number makes one answer more of what was there before: `Relaxed`.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Things {
    roster: Option<Kept<Vec<State>>>,
    trees: HashMap<Code, Kept<StateTree>>,
}

impl Shelf {
    /// The shelf as it was when the service last ran.
    pub(super) fn of(known: Known) -> Self {
        let trees = known.trees.into_iter().map(|tree| (tree.value.state.sigla, Kept::new(tree)));
        let things = Things { roster: known.roster.map(Kept::new), trees: trees.collect() };
        Self { things: RwLock::new(things), version: AtomicU64::new(0) }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    pub(super) fn roster(&self) -> Option<Kept<Vec<State>>> {
        self.things.read().roster.clone()
    }

    pub(super) fn tree(&self, state: Code) -> Option<Kept<StateTree>> {
        self.things.read().trees.get(&state).cloned()
    }

    /// How many states are known, and how old the oldest of them is.
    pub(super) fn summary(&self) -> (usize, Option<Duration>) {
        let things = self.things.read();
        (things.trees.len(), things.trees.values().map(Kept::age).max())
    }

    /// Everything, for the snapshot.
    pub(super) fn known(&self) -> Known {
        let things = self.things.read();
        let mut trees: Vec<_> = things.trees.values().map(|kept| kept.clone().dated).collect();
        trees.sort_by_key(|tree| tree.value.state.id);
        Known { roster: things.roster.as_ref().map(|kept| kept.clone().dated), trees }
    }

    pub(super) fn put_roster(&self, states: Vec<State>) {
        let dated = Dated { value: Arc::new(states), at: SystemTime::now() };
        self.things.write().roster = Some(Kept::new(dated));
        self.version.fetch_add(1, Relaxed);
    }

    /// Keeps a new tree, unless the one that is there has less missing and is not too old. `mended` says that the new one
    /// has parts of the one that is there, and so is as old as that.
    pub(super) fn put_tree(&self, tree: StateTree, mended: bool, ages: &Ages) {
        let mut things = self.things.write();
        let old = things.trees.get_mut(&tree.state.sigla);
        let at = match &old {
            Some(old) if mended => old.dated.at,
            _ => SystemTime::now(),
        };
        if let Some(old) = old
            && old.dated.value.gaps.len() < tree.gaps.len()
            && ages.of(old.age(), old.dated.value.is_whole()) != Freshness::Expired
        {
            old.not_before = Some(Instant::now() + ages.fresh_with_gaps);
            return;
        }
        // A mended tree is not tried again at once: whatever is still missing was just asked for.
        let not_before = (mended && !tree.is_whole()).then(|| Instant::now() + ages.fresh_with_gaps);
        let dated = Dated { value: Arc::new(tree), at };
        things.trees.insert(dated.value.state.sigla, Kept { dated, not_before });
        drop(things);
        self.version.fetch_add(1, Relaxed);
    }

    /// Notes that a newer list or tree could not be had.
    pub(super) fn failed(&self, state: Option<Code>, ages: &Ages) {
        let not_before = Some(Instant::now() + ages.fresh_with_gaps);
        let mut things = self.things.write();
        match state {
            None => things.roster.iter_mut().for_each(|kept| kept.not_before = not_before),
            Some(state) => {
                things.trees.get_mut(&state).into_iter().for_each(|kept| kept.not_before = not_before);
            }
        }
    }
}
