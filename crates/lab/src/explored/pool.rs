//! The protocol of a pool: who hands in, attendants whose workers die, somebody who takes tasks back, and the end.

use std::sync::Arc;

use shuttle::rand::Rng as _;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use super::explore;
use super::queue::{Order, Queue};
use crate::job::{Cause, Death};

/// How each order ended, in words; every one must end once.
type Ends = Arc<Mutex<Vec<Vec<&'static str>>>>;

fn order(number: u64, ends: &Ends) -> Order {
    let ends = Arc::clone(ends);
    let finish = move |outcome: Result<&[u8], Cause>| {
        let word = match outcome {
            Ok(_) => "done",
            Err(Cause::NotStarted) => "not started",
            Err(Cause::SetAside(_)) => "set aside",
            Err(_) => "lost",
        };
        ends.lock().unwrap()[usize::try_from(number).unwrap()].push(word);
    };
    Order { number, task: Vec::new(), label: String::new(), deaths: Vec::new(), finish: Box::new(finish) }
}

/// Does what an attendant does: its worker may die with any order, and an order that has seen two deaths is set aside. After
/// `starts` workers it goes home, as where no more can be started.
fn attend(queue: &Queue, attending: &AtomicUsize, mut starts: u32) {
    while starts > 0 {
        let Some(mut order) = queue.take() else { break };
        if shuttle::rand::thread_rng().gen_bool(0.6) {
            queue.ended(true);
            (order.finish)(Ok(&[]));
            continue;
        }
        starts -= 1;
        queue.note_death();
        order.deaths.push(Death { how: String::new(), peak_rss_bytes: 0, last_words: String::new() });
        if order.deaths.len() < 2 {
            queue.give_back(order);
        } else {
            queue.ended(false);
            (order.finish)(Err(Cause::SetAside(Vec::new())));
        }
    }
    if attending.fetch_sub(1, Ordering::SeqCst) == 1 {
        for order in queue.desert() {
            (order.finish)(Err(Cause::CutOff));
        }
    }
}

/// A pool of so many attendants with room for one order, which is handed so many; `starts` is each attendant's patience.
fn check(attendants: usize, orders: u64, starts: u32) {
    explore(move || {
        let ends: Ends = Arc::new(Mutex::new(vec![Vec::new(); usize::try_from(orders).unwrap()]));
        let queue = Arc::new(Queue::new(1));
        let attending = Arc::new(AtomicUsize::new(attendants));
        let attend = |_| {
            let (queue, attending) = (Arc::clone(&queue), Arc::clone(&attending));
            thread::spawn(move || attend(&queue, &attending, starts))
        };
        let attendants: Vec<_> = (0..attendants).map(attend).collect();
        // A ticket can be taken back at any time, also after the pool was closed.
        let canceller = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for number in (0..orders).rev() {
                    if let Some(order) = queue.withdraw(number) {
                        (order.finish)(Err(Cause::NotStarted));
                    }
                }
            })
        };
        for number in 0..orders {
            if let Err(order) = queue.push(order(number, &ends)) {
                (order.finish)(Err(Cause::CutOff));
            }
        }
        queue.close();
        attendants.into_iter().for_each(|attendant| attendant.join().unwrap());
        canceller.join().unwrap();
        let ends = ends.lock().unwrap();
        assert!(ends.iter().all(|ends| ends.len() == 1), "each order ends once: {ends:?}");
        let progress = queue.progress();
        assert_eq!((progress.waiting, progress.in_hand), (0, 0), "{progress:?}");
        let done = ends.iter().filter(|ends| ends[0] == "done").count() as u64;
        assert!(progress.done == done && progress.done + progress.failed <= orders, "{progress:?} {ends:?}");
    });
}

#[test]
fn every_order_ends_once_and_every_attendant_goes_home() {
    check(2, 3, u32::MAX);
    check(3, 2, u32::MAX);
}

#[test]
fn every_order_ends_once_also_where_no_more_workers_start() {
    check(2, 3, 1);
    check(3, 4, 2);
}
