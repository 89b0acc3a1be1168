//! A small program and its place in the course.

use lab::{Problem, Role};

use crate::claim::Claim;
use crate::stage::Stage;
use crate::text::Text;

/// A chapter of the course.
#[derive(Debug)]
pub struct Chapter {
    /// Its title.
    pub title: Text,
    /// Its programs in reading order.
    pub programs: &'static [Program],
    /// What its programs start worker processes as.
    pub roles: &'static [Role],
}

/// One lesson: a program that shows an idea, and the claims that it checks.
#[derive(Debug)]
pub struct Program {
    /// The name by which it is run.
    pub name: &'static str,
    /// One sentence: what it shows.
    pub about: Text,
    /// Shows the idea in a few lines and a drawing. It judges nothing: that is the claims' part.
    pub show: fn(&Stage) -> Result<(), Problem>,
    /// What it claims.
    pub claims: &'static [Claim],
}

/// The program of a name.
///
/// # Errors
/// When there is none of that name; the problem lists those that come near.
pub fn find(name: &str) -> Result<&'static Program, Problem> {
    let all = || crate::CHAPTERS.iter().flat_map(|chapter| chapter.programs);
    all().find(|program| program.name == name).ok_or_else(|| {
        let near: Vec<&str> = all()
            .map(|program| program.name)
            .filter(|other| other.contains(name) || name.contains(other) || other.get(..3) == name.get(..3))
            .collect();
        let problem = Problem::new(format!("there is no program `{name}`"));
        let problem = problem.hint("`cargo run -p fundamentals` lists the programs");
        if near.is_empty() { problem } else { problem.expected(format!("perhaps {}", near.join(", "))) }
    })
}
