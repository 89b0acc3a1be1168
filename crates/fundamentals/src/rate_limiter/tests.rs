//! The promise of a bucket, for any rate and any way of asking.

use proptest::prelude::*;

use super::*;

/// Rates of every kind: fast and slow, wide and narrow.
fn rates() -> impl Strategy<Value = Rate> {
    (1_u64..50_000, 1_u32..40)
        .prop_map(|(interval, burst)| Rate { interval: Duration::from_nanos(interval), burst })
}

#[test]
fn the_excess_is_counted_over_every_stretch() {
    let rate = Rate { interval: Duration::from_nanos(10), burst: 2 };
    let cases: [(&[u64], u64); 6] = [
        (&[], 0),
        (&[5, 5], 0),
        (&[5, 5, 5], 1),
        (&[0, 0, 10, 20], 0),
        // Two in the bucket and one a little too early, long after a pause.
        (&[0, 1000, 1000, 1009], 1),
        (&[0, 0, 10, 10, 10], 2),
    ];
    for (times, expected) in cases {
        assert_eq!(excess(times, rate), expected, "{times:?}");
    }
}

proptest! {
    #[test]
    fn no_stretch_of_time_has_too_many_and_both_buckets_decide_alike(
        rate in rates(), steps in proptest::collection::vec(0_u64..60_000, 1..400),
    ) {
        let (locked, atomic) = (Locked::new(rate), Atomic::new(rate));
        let mut now = 0;
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for step in steps {
            now += step;
            one.extend(locked.take(&|| now));
            two.extend(atomic.take(&|| now));
        }
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(excess(&one, rate), 0);
        // And it is no bucket that gives nothing: the first ask always gets a token.
        prop_assert!(!one.is_empty());
    }

    #[test]
    fn no_stretch_of_time_has_too_many_under_many_threads(rate in rates(), threads in 2_usize..6) {
        for _ in 0..2 {
            prop_assert_eq!(excess(&grants(&Locked::new(rate), threads, 300), rate), 0);
            prop_assert_eq!(excess(&grants(&Atomic::new(rate), threads, 300), rate), 0);
        }
    }
}
