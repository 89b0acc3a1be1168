//! A claim that cannot fail is a defect: every claim of the table is measured as it is taught and with its mechanism
//! broken on purpose, and the two verdicts must differ.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fundamentals::costs::ONE_CORE;
use fundamentals::{BUSY, CHAPTERS, Claim, Lang, Mechanism, Program, Stage};
use lab::Launch;
use lab::record::{ClaimRecord, Verdict};

/// A busy machine may blur a measurement; a mechanism that is not there stays away however often one looks.
const TRIES: usize = 8;

/// How long a claim may wait for free processors.
const PATIENCE: Duration = Duration::from_secs(8);

fn claims() -> impl Iterator<Item = (&'static Program, &'static Claim)> {
    let programs = CHAPTERS.iter().flat_map(|chapter| chapter.programs);
    programs.flat_map(|program| program.claims.iter().map(move |claim| (program, claim)))
}

fn stage() -> Stage {
    let mut stage = Stage::silent(Lang::En);
    stage.lab.launch = Launch::program(env!("CARGO_BIN_EXE_fundamentals"));
    stage
}

/// Whether the two verdicts differ as they should; with what was measured where they do not.
fn check(program: &Program, claim: &Claim) -> Result<(), String> {
    let stage = stage();
    let measure = |mechanism| claim.check(program, &stage, mechanism);
    let told =
        |record: &ClaimRecord| format!("{:?} {:?} {:?}", record.verdict, record.measured, record.error);
    let busy = |record: &ClaimRecord| [BUSY, ONE_CORE].iter().any(|why| record.note == Some((*why).into()));
    let mut pairs = Vec::new();
    let started = Instant::now();
    while pairs.len() < TRIES {
        let (sound, broken) = (measure(Mechanism::Sound), measure(Mechanism::Broken));
        if broken.error.is_none() && sound.verdict == Verdict::Holds && broken.verdict == Verdict::Refuted {
            if std::env::var_os("CLAIM").is_some() {
                eprintln!("{}: {:?} in {:.1?}", claim.id, sound.measured, started.elapsed());
            }
            return Ok(());
        }
        if busy(&sound) || busy(&broken) {
            // Nothing was found out, for or against: look again, and at last say so.
            if started.elapsed() > PATIENCE {
                let why = sound.note.or(broken.note).map(|why| why.en).unwrap_or_default();
                eprintln!("{}: not judged: {why}", claim.id);
                return Ok(());
            }
            continue;
        }
        pairs.push(format!("sound: {}; broken: {}", told(&sound), told(&broken)));
    }
    Err(format!("{} ({:?}):\n    {}", claim.id, claim.holds, pairs.join("\n    ")))
}

#[test]
fn every_claim_holds_as_it_is_taught_and_is_refuted_when_its_mechanism_is_broken() {
    // One after another: claims are about time, and two at once would measure each other.
    let only = std::env::var("CLAIM").unwrap_or_default();
    let chosen = claims().filter(|(_, claim)| claim.id.contains(&only));
    let failed: Vec<String> = chosen.filter_map(|(program, claim)| check(program, claim).err()).collect();
    assert!(failed.is_empty(), "{} claims cannot fail or do not hold:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_program_and_every_claim_has_a_name_of_its_own() {
    let programs = CHAPTERS.iter().flat_map(|chapter| chapter.programs).map(|program| program.name);
    let ids = claims().map(|(_, claim)| claim.id);
    let names: Vec<&str> = programs.chain(ids).collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), different.len());
    let plain = |name: &str| {
        name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
    };
    assert!(names.iter().all(|name| plain(name)), "{names:?}");
}

#[test]
fn every_claim_names_where_it_is_published() {
    for (_, claim) in claims() {
        assert!(claim.source.link.starts_with("https://"), "{}: {}", claim.id, claim.source.link);
        assert!(
            !claim.source.title.is_empty() && claim.says.en.ends_with('.') && claim.says.pt.ends_with('.'),
            "{}",
            claim.id
        );
    }
}
