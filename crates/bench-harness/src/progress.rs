//! What a run says while it goes on, on standard error.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use lab::measure::CellPlan;
use lab::record::CellRecord;
use owo_colors::OwoColorize;

/// Progress of one exercise: a line when it ends, and on a terminal a line that changes until then.
pub(crate) struct Progress {
    title: String,
    started: Instant,
    taken: usize,
    live: bool,
}

impl Progress {
    pub(crate) fn start(plans: &[CellPlan]) -> Self {
        let title = plans.first().map_or(String::new(), |plan| format!("{:02} {}", plan.exercise, plan.name));
        let live = std::io::stderr().is_terminal();
        if !live {
            anstream::eprintln!("{title}: {} strategies", plans.len());
        }
        Self { title, started: Instant::now(), taken: 0, live }
    }

    pub(crate) fn sample(&mut self, plan: &CellPlan) {
        self.taken += 1;
        if self.live {
            let line = format!("{}: sample {}, {}", self.title, self.taken, plan.strategy);
            let _ = write!(anstream::stderr(), "\r\x1b[2K{}", line.dimmed());
        }
    }

    pub(crate) fn end(self, records: &[CellRecord]) {
        if self.live {
            let _ = write!(anstream::stderr(), "\r\x1b[2K");
        }
        let fastest = records
            .iter()
            .filter(|record| record.verified)
            .filter_map(|record| Some((record.speedup?, record)))
            .max_by(|one, two| one.0.total_cmp(&two.0));
        let fastest = fastest.map_or(String::new(), |(speedup, record)| {
            format!(", fastest {} at {speedup:.2}×", record.strategy)
        });
        let wrong = records.iter().filter(|record| !record.verified).count();
        let seconds = self.started.elapsed().as_secs_f64();
        let verdict = if wrong == 0 {
            "all answers equal".green().to_string()
        } else {
            format!("{wrong} of {} cells without a right answer", records.len()).red().bold().to_string()
        };
        anstream::eprintln!("{}: {seconds:.1} s{fastest}, {verdict}", self.title.bold());
        for record in records.iter().filter(|record| record.worker_deaths > 0) {
            let (deaths, strategy) = (record.worker_deaths, &record.strategy);
            anstream::eprintln!("  {strategy}: {deaths} worker processes died; their tasks were done again");
        }
    }
}
