//! The ring against a plain queue, and two threads on its two ends.

use std::collections::VecDeque;
use std::thread;

use proptest::prelude::*;

use super::*;

/// A ring whose numbers start at `start`, as after that many bytes.
fn ring_at(start: u64, bytes: usize) -> (Writer, Reader) {
    let ring = Arc::new(Ring::new(bytes).unwrap());
    ring.number(HEAD).store(start, Ordering::Relaxed);
    ring.number(TAIL).store(start, Ordering::Relaxed);
    (Writer::new(Arc::clone(&ring)), Reader::new(ring))
}

/// Starts that are plain, odd, and about to wrap.
fn starts() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..1_000, any::<u64>(), (u64::MAX - 200)..=u64::MAX]
}

proptest! {
    #[test]
    fn places_are_inside_of_the_ring_in_order_and_each_once(position: u64, power in 6_u32..12, share in 0.0..=1.0_f64) {
        let capacity = 1_usize << power;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
        let count = (capacity as f64 * share) as usize;
        let (end, beginning) = places(position, count, capacity);
        let expected: Vec<usize> = (0..count as u64)
            .map(|step| usize::try_from(position.wrapping_add(step) % capacity as u64).unwrap())
            .collect();
        prop_assert_eq!(end.chain(beginning).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_filled_is_what_was_written_and_not_read_also_when_the_numbers_wrap(head in starts(), count in 0_usize..=64) {
        prop_assert_eq!(filled(head, head.wrapping_add(count as u64), 64), Some(count));
        prop_assert_eq!(filled(head, head.wrapping_add(65 + count as u64), 64), None);
    }

    #[test]
    fn a_ring_is_a_queue(start in starts(), steps in proptest::collection::vec((any::<bool>(), 1_usize..90), 1..60)) {
        let (mut writer, mut reader) = ring_at(start, 64);
        let (mut model, mut next) = (VecDeque::<u8>::new(), 0_u8);
        for (write, count) in steps {
            if write && model.len() < 64 {
                let bytes: Vec<u8> = (0..count).map(|step| next.wrapping_add(u8::try_from(step).unwrap())).collect();
                let written = writer.write(&bytes).unwrap();
                prop_assert_eq!(written, count.min(64 - model.len()));
                next = next.wrapping_add(u8::try_from(written).unwrap());
                model.extend(&bytes[..written]);
            } else if !write && !model.is_empty() {
                let mut bytes = vec![0; count];
                let read = reader.read(&mut bytes).unwrap();
                prop_assert_eq!(read, count.min(model.len()));
                let expected: Vec<u8> = model.drain(..read).collect();
                prop_assert_eq!(&bytes[..read], expected.as_slice());
            }
        }
    }
}

/// Passes `messages` of these lengths through a ring of 64 bytes from one thread to another.
fn check_passed_on(lengths: impl Fn(usize) -> usize + Copy + Send + Sync, messages: usize) {
    let (mut writer, mut reader) = ring_at(u64::MAX - 1_000, 64);
    let message = move |number: usize| -> Vec<u8> {
        let byte = |step| u8::try_from((number * 7 + step) % 251).unwrap();
        (0..lengths(number)).map(byte).collect()
    };
    thread::scope(|scope| {
        scope.spawn(move || (0..messages).for_each(|number| writer.write_all(&message(number)).unwrap()));
        for number in 0..messages {
            let mut read = vec![0; lengths(number)];
            reader.read_exact(&mut read).unwrap();
            assert_eq!(read, message(number), "message {number}");
        }
    });
}

#[test]
fn messages_far_larger_than_the_ring_and_small_ones_are_passed_on() {
    check_passed_on(|number| 1 + number * 37 % 300, 4_000);
}

#[test]
fn neither_side_sleeps_for_ever_whatever_the_pace() {
    check_passed_on(|_| 1, 200_000);
    check_passed_on(|_| 64, 20_000);
}

#[test]
fn an_end_whose_parent_is_another_one_than_it_was_told_waits_no_longer() {
    let (_writer, mut reader) = ring_at(0, 64);
    reader.0.parent = Pid::from_raw(i32::MAX);
    assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_damaged_ring_is_an_error_and_not_a_read_past_its_end() {
    let (_, mut reader) = ring_at(0, 64);
    reader.0.ring.number(TAIL).store(65, Ordering::Relaxed);
    assert_eq!(reader.read(&mut [0; 80]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    let file = File::from(memfd_create("no ring", MFdFlags::MFD_CLOEXEC).unwrap());
    file.set_len(5_000).unwrap();
    assert!(Ring::open(file).is_err());
}
