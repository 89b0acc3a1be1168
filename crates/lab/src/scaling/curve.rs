//! A curve of either law, and what follows from it.

/// The coefficients of the Universal Scalability Law; with `beta` 0, of Amdahl's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Contention: the share of the work that only one worker can do at a time. At least 0.
    pub alpha: f64,
    /// Coherency: what each pair of workers costs. At least 0.
    pub beta: f64,
    /// What one worker gets done, in the unit of the measured throughput. Above 0.
    pub gamma: f64,
}

/// The most that a curve reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Peak {
    /// At this many workers, a real number, this much gets done; beyond it, less.
    At {
        /// The number of workers; at least 1.
        workers: f64,
        /// The throughput there.
        throughput: f64,
    },
    /// More workers always get more done, but never this much: Amdahl's asymptote.
    Below(f64),
    /// More workers get more done for ever.
    Unbounded,
}

impl Curve {
    /// The throughput of this many workers.
    pub fn at(&self, workers: f64) -> f64 {
        self.gamma * workers / self.slowdown(workers)
    }

    /// How many times more this many workers get done than one.
    pub fn speedup(&self, workers: f64) -> f64 {
        workers / self.slowdown(workers)
    }

    /// The speed-up for each worker: 1 where nothing is lost.
    pub fn efficiency(&self, workers: f64) -> f64 {
        1.0 / self.slowdown(workers)
    }

    /// Where the curve is highest: `√((1 − α) / β)` (Gunther 2007, formula 4.33).
    pub fn peak(&self) -> Peak {
        if self.beta > 0.0 {
            let workers = ((1.0 - self.alpha).max(0.0) / self.beta).sqrt().max(1.0);
            Peak::At { workers, throughput: self.at(workers) }
        } else if self.alpha >= 1.0 {
            Peak::At { workers: 1.0, throughput: self.gamma }
        } else if self.alpha > 0.0 {
            Peak::Below(self.gamma / self.alpha)
        } else {
            Peak::Unbounded
        }
    }

    /// The number of workers where work waits as long as it is worked on: where the ideal line `γ n` crosses the
    /// asymptote `γ / α`. More workers than that mostly wait. `None` without contention.
    pub fn knee(&self) -> Option<f64> {
        (self.alpha > 0.0).then(|| (1.0 / self.alpha).max(1.0))
    }

    /// The whole number of workers, at most `most`, that gets the most done; of equals the smallest.
    pub fn best(&self, most: u32) -> u32 {
        (1..=most.max(1)).fold(1, |best, n| if self.at(n.into()) > self.at(best.into()) { n } else { best })
    }

    /// How many times longer a worker takes for its share when there are this many.
    fn slowdown(&self, workers: f64) -> f64 {
        1.0 + self.alpha * (workers - 1.0) + self.beta * workers * (workers - 1.0)
    }
}
