//! From the first page to the last, in order, each record once.
//!
//! Pages with numbers are fetched in parallel and come here in their order. What an API does to such a walk shows in the
//! records themselves: a collection that grows in front repeats records on later pages, and those are dropped; a page that
//! repeats the one before it has nothing new at all, and is fetched again; and where fewer records came than the API says it
//! has, the walk is done again from its beginning, so that the order is right as well.
//! Where an API tells no number of records (a header `Link` alone), a page that skips some cannot be noticed.

use std::cell::Cell;
use std::time::{Duration, Instant};

use lab::ways::Way;
use lab::{Cause, Job, Lab, OrProblem, Problem, Tried};

use super::fetcher::{Errand, FetchPage, Fetched, Setup};
use super::page::{Page, find_key};
use super::store::Store;
use super::walk::Walk;
use super::{Input, Told};

/// How often a page without news is asked for again.
const AGAIN: usize = 4;
/// How often the whole walk is done at the most.
const WALKS: usize = 6;
/// How often a run is kept.
const KEEP: Duration = Duration::from_millis(500);
/// Pages that are asked for ahead where nobody says how many there are.
const AHEAD: u64 = 16;

/// Extracts everything that is new into the store.
pub(super) fn gather(
    input: &Input,
    lab: &Lab,
    way: Way<FetchPage>,
    told: Told,
) -> Result<(Store, Gathered), Problem> {
    let mut store = Store::open(input.state.as_deref(), &input.url, lab.out().as_deref())?;
    let mut setup = input.setup.clone();
    setup.limit = setup.limit.or(store.state.limit);
    let mut gathered = Gathered::default();
    if store.state.walk.is_none() {
        let (walk, key, bytes) = look(input, &setup)?;
        gathered.bytes += bytes;
        (store.state.walk, store.state.key) = (Some(walk), key);
    }
    // The first answer may have told the limit.
    setup.limit = setup.limit.or(setup.pace().limit());
    let whole = setup.limit;
    let mut setup = told(&setup, lab);
    setup.walk.clone_from(&store.state.walk);
    let walk =
        store.state.walk.clone().ok_or_else(|| Problem::new("it is not known how the API is paged"))?;
    let outcome = if walk.is_numbered() {
        numbered(lab, &setup, &walk, way, &mut store, &mut gathered)
    } else {
        chained(lab, &setup, &walk, way, &mut store, &mut gathered)
    };
    store.state.limit = whole.or_else(|| setup.pace().limit());
    store.save()?;
    let hint = match &input.state {
        Some(state) => format!("what came so far is kept: the same command goes on from {}", state.display()),
        None => "with --state FILE, the next run goes on where this one ended".to_owned(),
    };
    outcome.map_err(|problem| problem.hint(hint))?;
    Ok((store, gathered))
}

/// What a run did besides its records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    pub(super) pages: u64,
    pub(super) bytes: u64,
}

/// Looks at the first page: how the collection is paged, and what tells its records apart.
fn look(input: &Input, setup: &Setup) -> Result<(Walk, Option<String>, u64), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    let fetcher = setup.fetcher()?;
    let (page, link, bytes): (Page, _, _) =
        runtime.block_on(fetcher.get(&Walk::probe(&input.url, input.style, input.size)))?;
    let walk = Walk::find(&input.url, input.style, input.size, &page, link.as_deref())?;
    let key = input.key.clone().or_else(|| find_key(&page.lines));
    Ok((walk, key, bytes))
}

/// Pages that can be fetched in any order.
fn numbered(
    lab: &Lab,
    setup: &Setup,
    walk: &Walk,
    way: Way<FetchPage>,
    store: &mut Store,
    gathered: &mut Gathered,
) -> Result<(), Problem> {
    for _ in 0..WALKS {
        let least = pass(lab, setup, walk, way, store, gathered)?;
        let missing = least.unwrap_or(0).saturating_sub(store.len());
        // The last page may grow; the next run looks at it again.
        store.state.place = store.len() / walk.size;
        if missing == 0 {
            return Ok(());
        }
        tracing::warn!("{missing} records did not come: the pages are read again");
        // What is added at the end would be complete and out of order.
        store.clear()?;
    }
    Err(Problem::new(format!(
        "{WALKS} walks over all pages did not bring as many records as the API says that it has"
    ))
    .at(fetch::Target::show(&walk.url)))
}

/// One walk over all pages from the state's place on; the least total that a page told.
fn pass(
    lab: &Lab,
    setup: &Setup,
    walk: &Walk,
    way: Way<FetchPage>,
    store: &mut Store,
    gathered: &mut Gathered,
) -> Result<Option<u64>, Problem> {
    let begin = store.state.place;
    let (asked, end, least) = (Cell::new(begin), Cell::new(begin + 1), Cell::new(None::<u64>));
    let mut kept = Instant::now();
    while store.state.place < end.get() {
        asked.set(store.state.place);
        let mut tasks = std::iter::from_fn(|| {
            let place = asked.get();
            (place < end.get()).then(|| {
                asked.set(place + 1);
                Errand { url: walk.page(place) }
            })
        });
        let mut failed = None;
        way(lab, setup, &mut tasks, &mut |outcome| {
            if failed.is_some() {
                return Ok(());
            }
            let place = store.state.place;
            let mut page = match reply(outcome) {
                Ok(page) => page,
                Err(problem) => {
                    // What comes after a gap is not taken, so that what is kept has none.
                    end.set(0);
                    failed = Some(problem);
                    return Ok(());
                }
            };
            for _ in 0..AGAIN {
                if page.lines.is_empty() || place == begin || !store.knows_all(&page.lines) {
                    break;
                }
                tracing::debug!("page {place} has nothing new and is fetched again");
                page = again(setup, walk, place, lab)?;
            }
            gathered.pages += 1;
            gathered.bytes += page.bytes;
            least.set(
                page.total.map(|total| least.get().map_or(total, |least| least.min(total))).or(least.get()),
            );
            let count = match page.pages {
                Some(pages) => pages,
                None if (page.lines.len() as u64) < walk.size => place + 1,
                None => place + AHEAD,
            };
            end.set(if page.pages.is_some() { end.get().max(count) } else { count });
            store.add(&page.lines)?;
            store.state.place = place + 1;
            if kept.elapsed() > KEEP {
                store.save()?;
                kept = Instant::now();
            }
            Ok(())
        })?;
        if let Some(problem) = failed {
            return Err(problem);
        }
        lab.stop.check()?;
    }
    Ok(least.get())
}

/// Fetches a page again, on a thread of its own because the event loop of the others may be this one.
fn again(setup: &Setup, walk: &Walk, place: u64, lab: &Lab) -> Result<Fetched, Problem> {
    let errand = Errand { url: walk.page(place) };
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| FetchPage::start(setup)?.run(&errand, &lab.stop));
        fetching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Pages of which each tells the next one: one after another, whatever the strategy.
fn chained(
    lab: &Lab,
    setup: &Setup,
    walk: &Walk,
    way: Way<FetchPage>,
    store: &mut Store,
    gathered: &mut Gathered,
) -> Result<(), Problem> {
    let start = || {
        if walk.style == super::Style::Cursor {
            walk.page(0)
        } else {
            Walk::probe(&walk.url, None, walk.size)
        }
    };
    let mut next = Some(store.state.next.clone().unwrap_or_else(start));
    let mut kept = Instant::now();
    let (known, mut begun_anew) = (store.state.next.is_some(), false);
    let mut circle = Circle::default();
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let event_loop = event_loop.or_problem(|| "cannot start an event loop")?;
    while let Some(url) = next {
        let mut came = None;
        // A worker process that is started for one page knows nothing of the pages before it.
        if let Some(whole) = &setup.whole {
            event_loop.block_on(whole.enter());
        }
        let sent = Instant::now();
        way(lab, setup, &mut std::iter::once(Errand { url: url.clone() }), &mut |outcome| {
            came = Some(reply(outcome));
            Ok(())
        })?;
        if let Some(whole) = &setup.whole {
            whole.accepted(sent, None);
        }
        let page = match came {
            // A cursor that was kept too long is good no more: the walk begins anew, and only what is new is added.
            Some(Err(problem)) if known && !begun_anew && problem.to_string().contains("410") => {
                begun_anew = true;
                circle = Circle::default();
                next = Some(start());
                continue;
            }
            Some(page) => page?,
            None => {
                return lab
                    .stop
                    .check()
                    .and(Err(Problem::new("the page was not fetched").at(fetch::Target::show(&url))));
            }
        };
        gathered.pages += 1;
        gathered.bytes += page.bytes;
        store.add(&page.lines)?;
        // The last page may grow; the next run looks at it again.
        store.state.next = Some(page.next.clone().unwrap_or(url));
        store.state.place += 1;
        next = page.next;
        if next.as_ref().is_some_and(|next| circle.closes(next)) {
            if page.lines.is_empty() {
                break;
            }
            let told = next.as_deref().map(fetch::Target::show).unwrap_or_default();
            return Err(Problem::new("the pages lead in a circle: this one was fetched before").at(told));
        }
        if kept.elapsed() > KEEP {
            store.save()?;
            kept = Instant::now();
        }
    }
    Ok(())
}

/// Notices that addresses come again, in the memory of one (Brent's method): an address is remembered, and replaced by a later
/// one each time twice as many have come.
#[derive(Debug, Default)]
struct Circle {
    remembered: String,
    come: u64,
}

impl Circle {
    fn closes(&mut self, next: &str) -> bool {
        self.come += 1;
        if self.remembered == next {
            return true;
        }
        if self.come.is_power_of_two() {
            next.clone_into(&mut self.remembered);
        }
        false
    }
}

fn reply(outcome: Tried<Fetched>) -> Result<Fetched, Problem> {
    outcome.map_err(|failure| match failure.cause {
        Cause::Problem(problem) => problem,
        _ => Problem::new(failure.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_behind_a_beginning_of_any_length_is_noticed_and_a_row_is_none() {
        for (beginning, length) in [(0, 1), (3, 1), (0, 2), (5, 7), (100, 13)] {
            let mut circle = Circle::default();
            let address =
                |step: u64| if step < beginning { step } else { beginning + (step - beginning) % length };
            let noticed = (0..1_000).find(|step| circle.closes(&address(*step).to_string()));
            assert!(
                noticed.is_some_and(|step| step <= 3 * (beginning + length)),
                "{beginning} {length} {noticed:?}"
            );
        }
        let mut row = Circle::default();
        assert!((0..1_000).all(|step| !row.closes(&step.to_string())));
    }
}
