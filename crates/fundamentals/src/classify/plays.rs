//! The built-in examples: two small programs, and the slow server that one of them asks.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use lab::{OrProblem, Problem};

/// How long the server lets its clients wait for each answer.
const DELAY: Duration = Duration::from_millis(40);

/// A part that this program can play, as the command that is classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Play {
    /// Computes a Fibonacci number by its definition.
    Fibonacci(u32),
    /// Asks a server so many times, one question after another, and waits for each answer.
    Request(SocketAddr, u32),
    /// The same, but asks the kernel again and again whether the answer is there, instead of waiting.
    Poll(SocketAddr, u32),
}

impl Play {
    /// The words that stand for it on the command line.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Fibonacci(n) => format!("fibonacci {n}"),
            Self::Request(server, times) => format!("request {server} {times}"),
            Self::Poll(server, times) => format!("poll {server} {times}"),
        }
    }
}

impl std::str::FromStr for Play {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected `fibonacci N`, `request ADDRESS TIMES` or `poll ADDRESS TIMES`".to_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        let server = |address: &str| address.parse().map_err(|_| wrong());
        let number = |word: &str| word.parse().map_err(|_| wrong());
        match words[..] {
            ["fibonacci", n] => Ok(Self::Fibonacci(number(n)?)),
            ["request", address, times] => Ok(Self::Request(server(address)?, number(times)?)),
            ["poll", address, times] => Ok(Self::Poll(server(address)?, number(times)?)),
            _ => Err(wrong()),
        }
    }
}

/// Plays a part and prints its answer.
pub(super) fn play(play: &Play) -> Result<(), Problem> {
    let answer = match play {
        Play::Fibonacci(n) => fibonacci(*n),
        Play::Request(server, times) => {
            ask(*server, *times, false).or_problem(|| "the server does not answer")?
        }
        Play::Poll(server, times) => {
            ask(*server, *times, true).or_problem(|| "the server does not answer")?
        }
    };
    writeln!(io::stdout(), "{answer}").or_problem(|| "cannot write to standard output")
}

/// By its definition, which calls itself twice: as much work as there is in a number, and no memory at all.
fn fibonacci(n: u32) -> u64 {
    if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(std::hint::black_box(n - 2)) }
}

fn ask(server: SocketAddr, times: u32, poll: bool) -> io::Result<u64> {
    let mut connection = TcpStream::connect(server)?;
    let mut answers = BufReader::new(connection.try_clone()?);
    connection.set_nonblocking(poll)?;
    let mut sum = 0;
    for number in 0..times {
        writeln!(connection, "{number}")?;
        let mut line = String::new();
        loop {
            match answers.read_line(&mut line) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        sum += line.trim().parse::<u64>().map_err(io::Error::other)?;
    }
    Ok(sum)
}

/// A server on this machine that answers each line after a while with the same line, as long as `during` goes on. It talks
/// to one client at a time and ends with it.
pub(super) fn with_server<R>(during: impl FnOnce(SocketAddr) -> R) -> Result<R, Problem> {
    let listener = TcpListener::bind("127.0.0.1:0").or_problem(|| "cannot open a port on this machine")?;
    let address = listener.local_addr().or_problem(|| "the port has no address")?;
    thread::scope(|scope| {
        scope.spawn(move || -> io::Result<()> {
            let (mut client, _) = listener.accept()?;
            let lines = BufReader::new(client.try_clone()?).lines();
            for line in lines {
                // The delay is what this server is for.
                thread::sleep(DELAY);
                writeln!(client, "{}", line?)?;
            }
            Ok(())
        });
        let result = during(address);
        // A client that never came must not leave the server waiting: one that says nothing is let in and out.
        drop(TcpStream::connect(address));
        Ok(result)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plays_give_the_answers_of_the_textbook() {
        assert_eq!([0, 1, 2, 10, 20].map(fibonacci), [0, 1, 1, 55, 6765]);
        for poll in [false, true] {
            assert_eq!(with_server(|server| ask(server, 3, poll).unwrap()).unwrap(), 3);
        }
    }

    #[test]
    fn a_play_is_read_back_from_its_words() {
        let server = "127.0.0.1:80".parse().unwrap();
        for play in [Play::Fibonacci(7), Play::Request(server, 2), Play::Poll(server, 3)] {
            assert_eq!(play.words().parse(), Ok(play));
        }
        assert!("dance".parse::<Play>().is_err());
    }
}
