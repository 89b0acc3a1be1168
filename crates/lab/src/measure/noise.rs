//! How steady the machine was: the same small work again and again between the samples.
//!
//! A spin that fits a register tells whether the core was there and at its speed; a copy that fits no cache tells the same
//! of the memory. Neither depends on anything of ours, so what scatters is the machine: other programs, a hypervisor that
//! takes cores away, a clock that changes.

use std::hint::black_box;
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Steps of the spin: about a millisecond.
const STEPS: u32 = 1_000_000;
/// Bytes of the copy: more than a core's own caches.
const COPIED: usize = 4 << 20;

/// Up to this spread of the spin, a machine is quiet: what differs by more differs.
const QUIET: f64 = 0.05;
/// Beyond this spread, or with a core that was away for as large a share, small differences cannot be told.
const LOUD: f64 = 0.20;

/// Times of one kind of probe, in nanoseconds, in the order in which they were taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Probe(pub Vec<u64>);

/// What was measured between the samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// The spins.
    pub spin_ns: Probe,
    /// The copies.
    pub copy_ns: Probe,
    /// CPU time of all spins together: what is missing to their wall-clock time, the core was away.
    pub spin_cpu_ns: u64,
}

/// How far one can trust a small difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calm {
    /// Differences of a few per cent can be told.
    Quiet,
    /// Differences below a fifth need more samples.
    Restless,
    /// Too noisy to conclude from anything but large differences.
    Loud,
}

impl Probe {
    /// The time that this share of the probes did not exceed; `None` without probes.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(at).copied()
    }

    /// How much longer the slowest tenth takes than the fastest tenth, at the least, over the median.
    pub fn spread(&self) -> f64 {
        match (self.quantile(0.1), self.quantile(0.5), self.quantile(0.9)) {
            (Some(low), Some(middle @ 1..), Some(high)) => (high - low) as f64 / middle as f64,
            _ => 0.0,
        }
    }
}

impl Noise {
    /// Takes one probe of each kind: about two milliseconds.
    pub fn probe(&mut self, buffers: &mut Buffers) {
        let cpu = cpu_ns();
        let started = Instant::now();
        let mut state = black_box(1_u64);
        for _ in 0..STEPS {
            // One step of a linear congruential generator; each needs the one before, so that nothing can be skipped.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        black_box(state);
        self.spin_ns.0.push(elapsed_ns(started));
        self.spin_cpu_ns += cpu_ns().saturating_sub(cpu);
        let started = Instant::now();
        black_box(&mut buffers.to).copy_from_slice(black_box(&buffers.from));
        self.copy_ns.0.push(elapsed_ns(started));
    }

    /// Adds the probes of another part of the run.
    pub fn add(&mut self, other: &Self) {
        self.spin_ns.0.extend(&other.spin_ns.0);
        self.copy_ns.0.extend(&other.copy_ns.0);
        self.spin_cpu_ns += other.spin_cpu_ns;
    }

    /// The share of the spins' time in which the core was away: another program or a hypervisor had it.
    pub fn away(&self) -> f64 {
        let wall: u64 = self.spin_ns.0.iter().sum();
        if wall == 0 { 0.0 } else { 1.0 - (self.spin_cpu_ns as f64 / wall as f64).min(1.0) }
    }

    /// How far one can trust a small difference.
    pub fn calm(&self) -> Calm {
        match self.spin_ns.spread().max(self.away()).max(self.copy_ns.spread() / 2.0) {
            ..=QUIET => Calm::Quiet,
            ..=LOUD => Calm::Restless,
            _ => Calm::Loud,
        }
    }

    /// What was wrong and what to do, where the machine was not quiet; `None` where it was.
    pub fn warning(&self) -> Option<String> {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let seen = format!(
            "the same {} spins between the samples differed by {}, copies by {}, and the core was away for {} of the time",
            self.spin_ns.0.len(),
            percent(self.spin_ns.spread()),
            percent(self.copy_ns.spread()),
            percent(self.away()),
        );
        let away = self.away() > QUIET;
        let advice = if away {
            "end other programs, or take a machine whose cores are not shared"
        } else {
            "fix the processor's speed (such as with `cpupower frequency-set -g performance`), plug in the power"
        };
        match self.calm() {
            Calm::Quiet => None,
            Calm::Restless => Some(format!(
                "the machine was restless: {seen}; small differences need more samples (--samples 30), or {advice}"
            )),
            Calm::Loud => Some(format!(
                "the machine was too noisy to conclude from anything but large differences: {seen}; {advice}, and measure again"
            )),
        }
    }
}

/// What the copies go from and to; made once, because fresh memory costs more than the copy.
#[derive(Debug)]
pub struct Buffers {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { from: vec![1; COPIED], to: vec![2; COPIED] }
    }
}

fn elapsed_ns(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// CPU time of the calling thread.
fn cpu_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(spins: &[u64], cpu: u64) -> Noise {
        Noise { spin_ns: Probe(spins.to_vec()), copy_ns: Probe(vec![500; spins.len()]), spin_cpu_ns: cpu }
    }

    #[track_caller]
    fn check(noise: &Noise, calm: Calm, says: &str) {
        assert_eq!(noise.calm(), calm);
        let warning = noise.warning().unwrap_or_default();
        assert!(warning.contains(says) && warning.is_empty() == (calm == Calm::Quiet), "{warning}");
    }

    #[test]
    fn a_machine_is_judged_by_how_much_the_same_work_differs() {
        check(&noise(&[1000; 20], 20_000), Calm::Quiet, "");
        let mut drifting = vec![1000; 10];
        drifting.extend([1100; 10]);
        check(&noise(&drifting, 21_000), Calm::Restless, "fix the processor's speed");
        check(&noise(&[1000; 20], 12_000), Calm::Loud, "end other programs");
        let mut jumping = vec![1000; 10];
        jumping.extend([2000; 10]);
        check(&noise(&jumping, 30_000), Calm::Loud, "differed by 50 %");
    }

    #[test]
    fn a_single_odd_probe_does_not_make_a_machine_noisy() {
        let mut spins = vec![1000; 40];
        spins[7] = 1500;
        check(&noise(&spins, 40_500), Calm::Quiet, "");
    }

    #[test]
    fn a_probe_takes_time_of_a_core_and_of_the_memory() {
        let (mut noise, mut buffers) = (Noise::default(), Buffers::default());
        (0..3).for_each(|_| noise.probe(&mut buffers));
        assert_eq!((noise.spin_ns.0.len(), noise.copy_ns.0.len()), (3, 3));
        assert!(noise.spin_cpu_ns > 100_000 && noise.copy_ns.0.iter().all(|ns| *ns > 1_000), "{noise:?}");
    }
}
