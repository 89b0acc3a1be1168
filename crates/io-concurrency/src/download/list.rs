//! Which files are downloaded: the user's, or the lab's own.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use fetch::Target;
use lab::{Lab, OrProblem, Problem, Scale};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::args::DownloadArgs;
use super::digests::Expected;
use super::file::Setup;
use super::show::Progress;
use crate::descriptors;

/// The lab's own server is on this machine; its files are so many milliseconds away as those of a real one.
const AWAY_MS: u32 = 10;

/// A file that is to be downloaded.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// Where it can be had. URLs may carry passwords, so they are shown to nobody.
    pub(super) sources: Vec<String>,
    /// What it will be called.
    pub(super) name: String,
    /// Where it will be.
    pub(super) folder: PathBuf,
    /// Its digest, where it is known.
    #[serde(default)]
    pub(super) digest: Option<Expected>,
    shown: String,
}

impl fmt::Display for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Wanted({})", self.shown)
    }
}

/// What all strategies work on.
#[derive(Clone, Debug)]
pub struct Input {
    /// The files, in the order in which they were given.
    pub wanted: Vec<Wanted>,
    /// What each worker starts from.
    pub setup: Setup,
    /// How many files are in hand at once under the strategy `async`.
    pub at_once: usize,
    /// Whether bars are drawn.
    pub bars: bool,
}

impl Input {
    /// Reads the user's list, or makes the lab's own.
    ///
    /// # Errors
    /// Lists that cannot be read, and two files of one name.
    pub fn prepare(args: &DownloadArgs, lab: &Lab) -> Result<Self, Problem> {
        let mut setup = Setup::of(args);
        let own = args.urls.is_empty() && args.list.is_none();
        let mut lines: Vec<(String, String)> =
            args.urls.iter().map(|url| (url.clone(), "the arguments".into())).collect();
        if own {
            setup.headers.push(("x-fault".into(), format!("latency={AWAY_MS}")));
            lines.extend(own_files(lab.scale).into_iter().map(|line| (line, "the lab's own files".into())));
        }
        if let Some(path) = &args.list {
            let text = fs::read_to_string(path)
                .or_problem(|| format!("cannot read the files in {}", path.display()))?;
            let numbered = text.trim_start_matches('\u{feff}').lines().enumerate();
            lines.extend(
                numbered.map(|(number, line)| (line.into(), format!("{}:{}", path.display(), number + 1))),
            );
        }
        let folder = lab.out().unwrap_or_else(|| if own { lab.out_or("download") } else { ".".into() });
        let mut wanted = Vec::new();
        for (line, place) in &lines {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                wanted.push(parse(line, place, &lab.api, &folder)?);
            }
        }
        known_digests(args, &mut wanted)?;
        no_two_alike(&wanted)?;
        setup.progress = Progress::of(wanted.len());
        let room = descriptors::room();
        // Each file holds itself, its journal, and a connection for each piece.
        let at_once = usize::from(args.concurrency).min(room / (2 + setup.segments)).max(1);
        let bars = !args.no_bars && lab.may_read_stdin() && std::io::stderr().is_terminal();
        Ok(Self { wanted, setup, at_once, bars })
    }
}

fn parse(line: &str, place: &str, api: &str, folder: &Path) -> Result<Wanted, Problem> {
    let wrong =
        |why: String| Problem::new(why).at(place).expected("URL [URL of a mirror…] [out=NAME] [sha256=HEX]");
    let (mut sources, mut name, mut digest, mut shown) = (Vec::new(), None, None, None);
    for word in line.split_whitespace() {
        let is_url = word.contains("://") || word.starts_with('/');
        match word.split_once('=').filter(|_| !is_url) {
            Some(("out", value)) => name = Some(value.to_owned()),
            Some(_) => digest = Some(word.parse::<Expected>().map_err(wrong)?),
            None => {
                let ours = word.starts_with('/') && !word.starts_with("//");
                shown.get_or_insert_with(|| if ours { Target::show_path(word) } else { Target::show(word) });
                let source = if ours { format!("{api}{word}") } else { word.to_owned() };
                Target::parse(&source).map_err(|error| wrong(error.to_string()))?;
                sources.push(source);
            }
        }
    }
    let (Some(first), Some(shown)) = (sources.first(), shown) else {
        return Err(wrong("there is no URL".into()));
    };
    let name = name.unwrap_or_else(|| name_of(first));
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(wrong(format!("`{name}` is no name of a file")));
    }
    Ok(Wanted { sources, name, folder: folder.into(), digest, shown: shown.into() })
}

/// The last part of a URL's path, with what is percent-encoded as it is meant; `index` where there is none.
pub(super) fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path =
        path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let last = path.rsplit('/').next().unwrap_or_default();
    // A slash would lead out of the folder, and no name holds a NUL: both stay encoded.
    let name = percent_decode_str(last).decode_utf8_lossy().replace('/', "%2F").replace('\0', "%00");
    if matches!(name.as_str(), "" | "." | "..") { "index".into() } else { name }
}

/// Adds the digests of `--digest` and `--sums`.
fn known_digests(args: &DownloadArgs, wanted: &mut [Wanted]) -> Result<(), Problem> {
    if let Some(digest) = &args.digest {
        match wanted {
            [one] => one.digest = Some(digest.clone()),
            _ => {
                return Err(Problem::new("--digest is of one file")
                    .hint("give those of several with --sums, or in the --list"));
            }
        }
    }
    let Some(path) = &args.sums else { return Ok(()) };
    let text =
        fs::read_to_string(path).or_problem(|| format!("cannot read the digests in {}", path.display()))?;
    let mut sums = HashMap::new();
    for (number, line) in
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
    {
        // `HEX  NAME`, or `HEX *NAME`.
        let read = line.split_once(char::is_whitespace).and_then(|(hex, name)| {
            let name = name.trim_start().trim_start_matches('*');
            let name = name.rsplit('/').next().unwrap_or(name);
            Some((name.to_owned(), Expected::of_length(hex)?))
        });
        let (name, digest) = read.ok_or_else(|| {
            let place = format!("{}:{}", path.display(), number + 1);
            Problem::new("the line is no digest").at(place).expected("hexadecimal digits, two spaces, a name")
        })?;
        sums.insert(name, digest);
    }
    for one in wanted.iter_mut().filter(|one| one.digest.is_none()) {
        one.digest = sums.get(&one.name).cloned();
        if one.digest.is_none() {
            tracing::warn!("{} has no digest for {}", path.display(), one.name);
        }
    }
    Ok(())
}

fn no_two_alike(wanted: &[Wanted]) -> Result<(), Problem> {
    let mut names = HashSet::new();
    match wanted.iter().find(|one| !names.insert(&one.name)) {
        Some(one) => Err(Problem::new(format!("two files would be called `{}`", one.name))
            .at(one)
            .hint("say `out=NAME` after the URL, in a --list")),
        None => Ok(()),
    }
}

/// How many small and how many large files of the lab's own there are, and how many MiB a large one has.
fn own_size(scale: Scale) -> (u32, u32, u32) {
    match scale {
        Scale::Tiny => (6, 1, 1),
        Scale::Small => (10, 2, 3),
        Scale::Medium => (60, 8, 20),
        Scale::Large => (200, 20, 100),
    }
}

/// The lab's own files: many small ones and some that come in pieces.
fn own_files(scale: Scale) -> Vec<String> {
    let (small, large, mib) = own_size(scale);
    let small =
        (0..small).map(|number| format!("/download/small-{number:03}.bin?size={}", 20_000 + number * 7_001));
    let large =
        (0..large).map(|number| format!("/download/large-{number:03}.bin?size={}", (mib << 20) + number));
    small.chain(large).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_asks_for_as_much() {
        let peer = include_str!("../../../bench-harness/peers/course/04_download.py");
        for scale in [Scale::Tiny, Scale::Small, Scale::Medium, Scale::Large] {
            let size = format!("\"{}\": {:?}", scale.name(), own_size(scale));
            assert!(peer.contains(&size), "{size}");
        }
    }

    #[test]
    fn a_name_is_the_last_part_of_the_path_and_leads_nowhere_else() {
        for (url, name) in [
            ("http://x/a/b.csv?c=/d#e", "b.csv"),
            ("http://x/S%C3%A3o%20Paulo.csv", "São Paulo.csv"),
            ("http://x/..%2f..%2fetc%2fpasswd", "..%2F..%2Fetc%2Fpasswd"),
            ("http://x/a%00b", "a%00b"),
            // A sign is no hexadecimal digit, though Rust's parser of integers takes it.
            ("http://x/a%+5b%-1%g0%", "a%+5b%-1%g0%"),
            ("http://x", "index"),
            ("http://x/a/", "index"),
            ("http://x/%2e%2e", "index"),
        ] {
            assert_eq!(name_of(url), name, "{url}");
        }
    }

    #[test]
    fn a_line_is_sources_a_name_and_a_digest() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let line = format!("http://me:secret@x/a=b.csv /mirror/c.csv out=d.csv md5={md5}");
        let wanted = parse(&line, "list:1", "http://api", Path::new("f")).unwrap();
        assert_eq!(wanted.sources, ["http://me:secret@x/a=b.csv", "http://api/mirror/c.csv"]);
        assert_eq!((wanted.name.as_str(), wanted.digest.unwrap().hex().as_str()), ("d.csv", md5));
        assert_eq!(wanted.shown, "http://x/a=b.csv");
        let wanted = parse("/a.csv?api_key=secret", "list:1", "http://me:secret@x", Path::new("f")).unwrap();
        assert_eq!(format!("{wanted} {wanted:?}"), "/a.csv?api_key=… Wanted(/a.csv?api_key=…)");
        for (line, why) in [
            ("out=x", "no URL"),
            ("http://x/ out=a/b", "no name"),
            ("http://x/ sha256=12", "64 hexadecimal digits"),
            ("x.csv", "not a URL"),
        ] {
            let problem = parse(line, "list:7", "", Path::new("f")).unwrap_err().line();
            assert!(problem.starts_with("list:7: ") && problem.contains(why), "{problem}");
        }
    }
}
