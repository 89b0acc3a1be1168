//! How throughput grows with workers: Amdahl's law and the Universal Scalability Law, fitted to measurements.
//!
//! Both laws say how much `n` workers get done together when one gets `γ` done:
//!
//! ```text
//!                         γ n
//! X(n) = ─────────────────────────────────        Amdahl's law is the case β = 0
//!         1  +  α (n − 1)  +  β n (n − 1)
//! ```
//!
//! - `γ` is what one worker gets done in a unit of time;
//! - `α` is *contention*: the share of the work that only one worker can do at a time (Amdahl 1967);
//! - `β` is *coherency*: what each pair of workers costs the others, because what one changes another must learn
//!   (Gunther, *Guerrilla Capacity Planning*, 2007, chapter 4). With `β` above 0 there is a number of workers beyond which
//!   more get less done.
//!
//! A [`Fit`] is the least-squares curve with coefficients that are not negative, its standard errors and its residuals.
//! [`Fit::resample`] bootstraps it, which gives an interval for anything that a curve can tell: a coefficient, the best
//! number of workers, or what will be measured at a number of workers that was not tried yet.
//!
//! The laws are models. That a curve passes through the points does not make it true; a prediction that is then measured
//! does more for it. This is why the harness and the advice both keep one number of workers back.

mod bootstrap;
mod curve;
mod fit;
mod solve;
mod student;

pub use bootstrap::Resampled;
pub use curve::{Curve, Peak};
pub use fit::{Coefficient, Fit, Law, Point};

#[cfg(test)]
mod tests;
