//! Messages over a broker: NATS with its `JetStream`.
//!
//! The queue is a stream of the broker's, in its memory as the other queues are in ours: it holds at most `--room` messages and
//! refuses what is more, which is its back-pressure, and it forgets a message when a consumer has confirmed that it is done.
//! Nothing is lost, because a message that the broker did not confirm is put again, and one that a consumer did not confirm
//! is given out again. Nothing is doubled: a message carries an identity by which the broker knows it again, and one that is
//! given out again says so, and counts once (`tally`).
//!
//! The stream belongs to one run and goes with it. That of a run that was killed is removed by the next run on the machine.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use futures::{StreamExt, TryStreamExt};
use lab::{Lab, OrProblem, Problem, Stop};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::message::{Message, Processed, since};
use super::strategies::{RESULTS, in_order, join_all, number_of, produce_all};
use super::{Input, Output, write};

/// Messages of a producer that the broker has not confirmed yet.
const UNCONFIRMED: usize = 64;
/// Messages that a consumer asks for at a time.
const BATCH: usize = 32;
/// How long a producer leaves a broker alone that is full.
const FULL: Duration = Duration::from_micros(500);
/// How long the broker may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a message may stay: what a killed run leaves is then no burden any more.
const OLDEST: Duration = Duration::from_hours(1);

/// The strategy.
pub(super) fn jetstream(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let Some(broker) = &input.broker else {
        return Err(Problem::new("no broker is told to pass the messages over")
            .expected("the URL of a NATS server with JetStream")
            .hint("--broker nats://127.0.0.1:4222, where `nats-server -js` runs"));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    let place = shown(broker);
    let stream = runtime.block_on(Stream::open(broker, input.room)).map_err(|problem| problem.at(&place))?;
    let outcome = write(input, lab, lab.workers, |tally, began| {
        let (to_writer, results) = crossbeam_channel::bounded::<Processed>(RESULTS);
        let (next, end) = (AtomicU64::new(0), End::new(input.producers));
        let handle = runtime.handle();
        thread::scope(|scope| {
            let producers: Vec<_> = (0..input.producers)
                .map(|_| {
                    let next = &next;
                    let mut producer = Producer::new(handle, &stream, &end, &lab.stop);
                    scope.spawn(move || {
                        let counts =
                            produce_all(input, next, began, &lab.stop, &mut |message| producer.put(message));
                        let confirmed = producer.finish();
                        confirmed.and(counts)
                    })
                })
                .collect();
            let consumers: Vec<_> = (0..lab.workers)
                .map(|number| {
                    let (to_writer, stream, end) = (to_writer.clone(), &stream, &end);
                    scope.spawn(move || {
                        let done = |message: Message, again| {
                            let done = message.processed(&input.needed, since(began), number_of(number));
                            to_writer.send(Processed { again, ..done }).is_ok()
                        };
                        let consumed = handle.block_on(consume(stream, end, &lab.stop, done));
                        // Without its consumers a queue would fill up and never end.
                        consumed.inspect_err(|_| end.now())
                    })
                })
                .collect();
            drop(to_writer);
            let taken = results.iter().try_for_each(|result| {
                tally.take(result)?;
                end.taken(tally.messages());
                Ok(())
            });
            drop(results);
            end.now();
            let joined = consumers
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            let consumed = joined.collect::<Vec<_>>().into_iter().collect::<Result<(), Problem>>();
            let produced = join_all(
                producers
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
            );
            taken.and(consumed).and(produced).map(|produced| in_order(input, produced))
        })
    });
    // Whatever came of it, the stream goes.
    let closed = runtime.block_on(stream.close());
    let output = outcome.map_err(|problem| {
        if lab.stop.asked() { problem } else { problem.hint(format!("the broker was {place}")) }
    })?;
    closed.map(|()| output).map_err(|problem| problem.at(&place))
}

/// When all is done: every producer has ended, and what they have put was taken.
struct End {
    /// Messages that the broker has confirmed. Counted before its producer ends, and read after the producers were seen to
    /// have ended: `SeqCst` keeps that order for everybody.
    stored: AtomicU64,
    taken: AtomicU64,
    producing: AtomicUsize,
    over: watch::Sender<bool>,
}

impl End {
    fn new(producers: usize) -> Self {
        Self {
            stored: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            producing: AtomicUsize::new(producers),
            over: watch::Sender::new(false),
        }
    }

    fn producer_is_done(&self) {
        self.producing.fetch_sub(1, Ordering::SeqCst);
        self.look();
    }

    fn taken(&self, messages: u64) {
        self.taken.store(messages, Ordering::SeqCst);
        self.look();
    }

    fn look(&self) {
        let ended = self.producing.load(Ordering::SeqCst) == 0;
        if ended && self.taken.load(Ordering::SeqCst) >= self.stored.load(Ordering::SeqCst) {
            self.now();
        }
    }

    /// Nobody puts or takes any more.
    fn now(&self) {
        self.over.send_replace(true);
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }
}

/// A producer's end of the stream.
struct Producer<'a> {
    handle: &'a Handle,
    stream: &'a Stream,
    end: &'a End,
    stop: &'a Stop,
    unconfirmed: VecDeque<(Message, PublishAckFuture)>,
    failed: Option<Problem>,
}

/// Also one that a panic ends is done, so that nobody waits for it.
impl Drop for Producer<'_> {
    fn drop(&mut self) {
        self.end.producer_is_done();
    }
}

impl<'a> Producer<'a> {
    fn new(handle: &'a Handle, stream: &'a Stream, end: &'a End, stop: &'a Stop) -> Self {
        Self { handle, stream, end, stop, unconfirmed: VecDeque::new(), failed: None }
    }

    /// Puts a message, and waits for the confirmation of an earlier one; `false` once nobody takes any more.
    fn put(&mut self, message: Message) -> bool {
        let put = self.publish(message);
        let put =
            put.and_then(|()| if self.unconfirmed.len() < UNCONFIRMED { Ok(()) } else { self.confirm() });
        self.failed = put.err();
        self.failed.is_none() && !self.end.is_over()
    }

    /// Waits for the confirmations that are still to come.
    fn finish(&mut self) -> Result<(), Problem> {
        if let Some(problem) = self.failed.take() {
            return Err(problem);
        }
        while !self.unconfirmed.is_empty() && !self.end.is_over() && !self.stop.asked() {
            self.confirm()?;
        }
        Ok(())
    }

    fn publish(&mut self, message: Message) -> Result<(), Problem> {
        let publish = PublishMessage::build()
            .message_id(format!("{}-{}", message.source, message.number))
            .payload(to_payload(&message).into());
        let sent = self.handle.block_on(self.stream.context.send_publish(self.stream.name.clone(), publish));
        self.unconfirmed.push_back((message, sent.or_problem(|| "the broker takes no message")?));
        Ok(())
    }

    /// Waits until the broker has confirmed the oldest message; one for which it has no room is put again.
    fn confirm(&mut self) -> Result<(), Problem> {
        let Some((message, confirmed)) = self.unconfirmed.pop_front() else { return Ok(()) };
        match self.handle.block_on(confirmed.into_future()) {
            Ok(_) => {
                self.end.stored.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Err(error) if is_full(&error) => {
                if self.end.is_over() || self.stop.asked() {
                    return Ok(());
                }
                self.handle.block_on(async { tokio::time::sleep(FULL).await });
                self.publish(message)
            }
            Err(error) => Err(Problem::because("the broker did not take a message", &error)),
        }
    }
}

fn is_full(error: &async_nats::jetstream::context::PublishError) -> bool {
    error.to_string().contains("maximum messages exceeded")
}

/// Takes messages until all is done. A message is confirmed when its result is on its way to the file.
async fn consume(
    stream: &Stream,
    end: &End,
    stop: &Stop,
    mut done: impl FnMut(Message, bool) -> bool,
) -> Result<(), Problem> {
    let cannot = || "the broker gives no messages";
    let messages = stream.consumer.stream().max_messages_per_batch(BATCH).messages().await;
    let mut messages = messages.or_problem(cannot)?;
    let mut over = end.over.subscribe();
    loop {
        let message = tokio::select! {
            biased;
            () = stop.wait() => return Ok(()),
            _ = over.wait_for(|over| *over) => return Ok(()),
            message = messages.next() => message,
        };
        let Some(message) = message else { return Err(Problem::new(cannot())) };
        let message = message.or_problem(cannot)?;
        let again = message.info().is_ok_and(|info| info.delivered > 1);
        let content = from_payload(&message.payload)
            .ok_or_else(|| Problem::new("a message of the broker is none of ours"))?;
        if !done(content, again) {
            return Ok(());
        }
        message
            .ack()
            .await
            .map_err(|error| Problem::new(format!("the broker hears no confirmation: {error}")))?;
    }
}

/// `source number put_ns text`.
fn to_payload(message: &Message) -> String {
    let Message { source, number, put_ns, text } = message;
    format!("{source} {number} {put_ns} {text}")
}

fn from_payload(payload: &[u8]) -> Option<Message> {
    let mut parts = std::str::from_utf8(payload).ok()?.splitn(4, ' ');
    let (source, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let put_ns = parts.next()?.parse().ok()?;
    Some(Message { source, number, put_ns, text: parts.next()?.to_owned() })
}

/// The stream of one run, and the consumer that all of its consumers share.
struct Stream {
    context: Context,
    name: String,
    consumer: jetstream::consumer::Consumer<pull::Config>,
}

impl Stream {
    async fn open(broker: &str, room: usize) -> Result<Self, Problem> {
        let options = async_nats::ConnectOptions::new().name("paralelo").connection_timeout(PATIENCE);
        let client = options.connect(broker).await.map_err(|error| {
            Problem::because("the broker does not answer", &error).hint("is `nats-server -js` running there?")
        })?;
        let mut context = jetstream::new(client);
        context.set_timeout(PATIENCE);
        sweep(&context).await;
        let name = format!("{}{}-{}", ours(), std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let config = Config {
            name: name.clone(),
            subjects: vec![name.clone()],
            max_messages: i64::try_from(room).unwrap_or(i64::MAX),
            discard: DiscardPolicy::New,
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::Memory,
            max_age: OLDEST,
            description: Some("one run of `pipelines queue`; it can be removed when that has ended".into()),
            ..Config::default()
        };
        let stream = context.create_stream(config).await;
        let stream = stream.or_problem(|| "the broker makes no stream")?;
        let config = pull::Config {
            durable_name: Some("consumers".into()),
            max_ack_pending: i64::try_from(room).unwrap_or(i64::MAX),
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.or_problem(|| "the broker makes no consumer");
        let consumer = match consumer {
            Ok(consumer) => consumer,
            Err(problem) => {
                let _ = context.delete_stream(&name).await;
                return Err(problem);
            }
        };
        Ok(Self { context, name, consumer })
    }

    async fn close(&self) -> Result<(), Problem> {
        self.context.delete_stream(&self.name).await.map(drop).or_problem(|| "the broker keeps the stream")
    }
}

/// How many runs this process has had. Only the number itself is shared, so it needs no ordering with anything else.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// What the streams of this machine begin with.
fn ours() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
    format!("paralelo-queue-{host}-")
}

/// Removes the streams of runs on this machine that are no more.
async fn sweep(context: &Context) {
    let names: Vec<String> = context.stream_names().try_collect().await.unwrap_or_default();
    for name in names {
        let owner = name.strip_prefix(&ours()).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = context.delete_stream(&name).await;
        }
    }
}

/// The broker's address without a user and a password.
fn shown(broker: &str) -> String {
    match (broker.split_once("://"), broker.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => broker.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_from_its_payload_as_it_was() {
        for text in ["", "{\"a\": 1}", "two  words é"] {
            let message = Message { source: 7, number: 42, put_ns: 9, text: text.into() };
            assert_eq!(from_payload(to_payload(&message).as_bytes()), Some(message));
        }
        assert_eq!(from_payload(b"7 x 9 text"), None);
    }

    #[test]
    fn no_password_is_shown() {
        assert_eq!(shown("nats://me:secret@host:4222"), "nats://host:4222");
        assert_eq!(shown("me:secret@host"), "host");
        assert_eq!(shown("nats://127.0.0.1:4222"), "nats://127.0.0.1:4222");
    }
}
