//! A pipe between processes, and what it holds.
//!
//! A pipe is a queue of bytes in the kernel: what one end writes the other reads, once and in order. It has a bound. Who
//! writes into a full one waits until somebody reads, and so a fast writer is held back by a slow reader without a word
//! between them. Two processes that both write before they read can wait for each other for ever.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use lab::record::Threshold;
use lab::{OrProblem, Problem};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::errand::{Errand, Runner};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes};
use crate::text::Text;

/// Writes into a pipe until it is full, and returns how many bytes it took. With a reader, one page is read whenever it is
/// full, 16 times.
fn fill(with_reader: bool) -> Result<u64, Problem> {
    let cannot = || "cannot use a pipe";
    let (mut reader, mut writer) = io::pipe().or_problem(cannot)?;
    // A writer that does not wait is told that the pipe is full.
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).or_problem(cannot)?;
    let page = [0_u8; 4096];
    let (mut taken, mut reads) = (0, 16);
    loop {
        match writer.write(&page) {
            Ok(bytes) => taken += bytes as u64,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error).or_problem(cannot),
            Err(_) if with_reader && reads > 0 => {
                reads -= 1;
                reader.read_exact(&mut [0; 4096]).or_problem(cannot)?;
            }
            Err(_) => return Ok(taken),
        }
    }
}

/// Two processes print records of one letter each into one pipe; returns how many of the records that were read have both
/// letters in them.
fn mixed(stage: &Stage, records: usize, bytes: usize) -> Result<u64, Problem> {
    let cannot = || "cannot use a pipe";
    let (mut reader, writer) = io::pipe().or_problem(cannot)?;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&writer);
    let pipe = format!("/proc/{}/fd/{descriptor}", std::process::id());
    let print = |letter| Errand::Print { pipe: pipe.clone(), letter, records, bytes };
    let errands = [print(b'a'), print(b'b')];
    let mut all = Vec::with_capacity(2 * records * bytes);
    std::thread::scope(|scope| {
        let printing = scope.spawn(move || {
            let printed = in_processes::<Runner>(&stage.lab_with(2), &(), &errands);
            // The last writer is closed when the processes are gone, and then the reader sees the end.
            drop(writer);
            printed
        });
        let read = reader.read_to_end(&mut all).or_problem(cannot);
        printing.join().unwrap_or_else(|_| Err(Problem::new("the printing panicked")))?;
        read
    })?;
    let is_mixed = |record: &&[u8]| record.iter().any(|letter| *letter != record[0]);
    Ok(all.chunks(bytes).filter(is_mixed).count() as u64)
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "pipe",
    about: Text::new(
        "a pipe between processes: it holds 64 KiB, and keeps short records whole",
        "um pipe entre processos: comporta 64 KiB e mantém inteiros os registros curtos",
    ),
    show,
    claims: &[
        Claim {
            id: "pipe-holds-64k",
            says: Text::new(
                "A pipe that nobody reads takes 65,536 bytes, and then its writer has to wait.",
                "Um pipe que ninguém lê recebe 65.536 bytes, e então quem grava tem de esperar.",
            ),
            source: Source { title: "pipe(7), Linux manual page", link: PIPE, number: Text::same("65,536") },
            unit: Text::new("bytes taken", "bytes recebidos"),
            holds: Threshold::Within(65_536.0, 65_536.0),
            breaks: Text::new("somebody reads meanwhile", "alguém lê enquanto isso"),
            measure: |_, mechanism| Ok(Measured::count(fill(!mechanism.is_sound())?)),
        },
        Claim {
            id: "pipe-keeps-records-whole",
            says: Text::new(
                "Records of up to 4,096 bytes that two processes write into one pipe are never mixed.",
                "Registros de até 4.096 bytes que dois processos gravam em um só pipe nunca se misturam.",
            ),
            source: Source {
                title: "pipe(7), PIPE_BUF",
                link: PIPE,
                number: Text::new("4,096 bytes on Linux", "4.096 bytes no Linux"),
            },
            unit: Text::new("records with both letters", "registros com as duas letras"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("the records are 65,537 bytes long", "os registros têm 65.537 bytes"),
            measure: |stage, mechanism| {
                let (records, bytes) = mechanism.pick((2000, 4096), (200, 65_537));
                Ok(Measured::count(mixed(stage, records, bytes)?))
            },
        },
    ],
};

const PIPE: &str = "https://man7.org/linux/man-pages/man7/pipe.7.html";

fn show(stage: &Stage) -> Result<(), Problem> {
    let taken = fill(false)?;
    say!(
        stage,
        "a pipe that nobody reads took {taken} bytes",
        "um pipe que ninguém lê recebeu {taken} bytes"
    );
    for (records, bytes) in [(500, 4096), (100, 65_537)] {
        let (mixed, all) = (mixed(stage, records, bytes)?, 2 * records);
        say!(
            stage,
            "of {all} records of {bytes} bytes from two processes, {mixed} were mixed",
            "de {all} registros de {bytes} bytes de dois processos, {mixed} se misturaram"
        );
    }
    Ok(())
}
