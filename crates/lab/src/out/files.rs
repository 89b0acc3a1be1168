//! The user's files of one run: those that are read and those that are written.
//!
//! An exercise lists them in [`Exercise::files`](crate::Exercise::files), and the command line checks the list before any
//! work. Refused are an output that is an input, by whatever name; an output that a folder or pattern of the inputs would
//! read the next time; and two outputs that are one file. A folder reads the files with one ending that lie directly in it,
//! so `ingest in/ --out in/table.parquet` is no conflict and `ingest in/ --out in/table.csv` is one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::is_stream;
use crate::context::Lab;
use crate::formats::{Format, Out};
use crate::problem::Problem;

/// The files of one run.
#[derive(Clone, Debug)]
pub struct Files {
    out: Out,
    /// The name below `data/out` where `--out` is not given.
    default: Option<PathBuf>,
    asked: Option<Format>,
    reads: Vec<Read>,
    writes: Vec<Write>,
}

/// Something that is read.
#[derive(Clone, Debug)]
enum Read {
    File(PathBuf),
    /// A file, a folder with files of this ending, or a pattern.
    Pattern(String, String),
    /// A folder with all that is below it, or a file.
    Tree(PathBuf),
}

/// Something that is written.
#[derive(Clone, Debug)]
struct Write {
    option: String,
    path: PathBuf,
    extent: Extent,
    formats: &'static [Format],
}

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// One file.
    File,
    /// Files directly in a folder, under names of our own.
    Folder,
    /// Anything below a folder.
    Tree,
}

impl Files {
    /// No files but `--out`, which is of this kind.
    pub const fn new(out: Out) -> Self {
        Self { out, default: None, asked: None, reads: Vec::new(), writes: Vec::new() }
    }

    /// Where the output goes without `--out`: a name below `data/out`.
    #[must_use]
    pub fn default_out(mut self, name: impl Into<PathBuf>) -> Self {
        self.default = Some(name.into());
        self
    }

    /// The format that an option asks for.
    #[must_use]
    pub fn asked(mut self, format: Option<Format>) -> Self {
        self.asked = format;
        self
    }

    /// Reads what [`Lab::inputs`] makes of these patterns.
    #[must_use]
    pub fn inputs(mut self, lab: &Lab, patterns: &[String], own: &str, ending: &str) -> Self {
        let own = patterns.is_empty().then(|| lab.raw(own).to_string_lossy().into_owned());
        let patterns = patterns.iter().cloned().chain(own);
        self.reads.extend(patterns.map(|pattern| Read::Pattern(pattern, ending.into())));
        self
    }

    /// Reads a file.
    #[must_use]
    pub fn reads(mut self, path: Option<impl AsRef<Path>>) -> Self {
        self.reads.extend(path.map(|path| Read::File(path.as_ref().into())));
        self
    }

    /// Reads a file, or everything below a folder.
    #[must_use]
    pub fn reads_tree(mut self, path: Option<impl AsRef<Path>>) -> Self {
        self.reads.extend(path.map(|path| Read::Tree(path.as_ref().into())));
        self
    }

    /// Writes a file besides `--out`, in one of these formats.
    #[must_use]
    pub fn writes(self, option: &str, path: Option<impl AsRef<Path>>, formats: &'static [Format]) -> Self {
        self.also(option, path, Extent::File, formats)
    }

    /// Writes files under names of its own into a folder.
    #[must_use]
    pub fn writes_folder(self, option: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.also(option, path, Extent::Folder, &[])
    }

    /// Writes anything below a folder.
    #[must_use]
    pub fn writes_tree(self, option: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.also(option, path, Extent::Tree, &[])
    }

    fn also(
        mut self,
        option: &str,
        path: Option<impl AsRef<Path>>,
        extent: Extent,
        formats: &'static [Format],
    ) -> Self {
        self.writes.extend(path.map(|path| Write {
            option: option.into(),
            path: path.as_ref().into(),
            extent,
            formats,
        }));
        self
    }

    /// Adds the outputs of the options that every command has.
    pub(crate) fn with_options(
        mut self,
        out: Option<&Path>,
        resume: Option<&Path>,
        timeline: Option<&Path>,
    ) -> Self {
        let is_file = match self.out {
            Out::File(_) => true,
            Out::FileOrFolder(formats) => {
                out.and_then(Format::from_path).is_some_and(|format| formats.contains(&format))
            }
            Out::Folder | Out::Nothing => false,
        };
        // The names in a folder are known when the inputs are, and the exercise checks them.
        if is_file {
            self = self.writes("--out", out, &[]);
        }
        self.writes("--resume", resume, &[]).writes("--timeline", timeline, &[Format::Json])
    }

    /// Where the output goes without `--out`.
    pub(crate) fn default_name(&self) -> Option<&Path> {
        self.default.as_deref()
    }

    /// Checks the endings of the outputs.
    ///
    /// # Errors
    /// An ending that names another format than the command writes.
    pub(crate) fn check_formats(&self, command: &str, out: Option<&Path>) -> Result<(), Problem> {
        if let Some(out) = out {
            self.out.check(command, "--out", out, self.asked)?;
        }
        for write in self.writes.iter().filter(|write| !write.formats.is_empty()) {
            let command = format!("{command} {}", write.option);
            Out::File(write.formats).check(&command, &write.option, &write.path, None)?;
        }
        Ok(())
    }

    /// Checks that no output is an input, and no two outputs are one file.
    ///
    /// # Errors
    /// The output and the input that are one.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        for (number, write) in self.writes.iter().enumerate() {
            self.check_write(write)?;
            let place = Place::new(&write.path);
            let twin = self.writes[..number].iter().find(|other| Place::new(&other.path).is_same(&place));
            if let Some(twin) = twin.filter(|_| !is_stream(&write.path)) {
                let (first, second) = (&twin.option, &write.option);
                return Err(Problem::new(format!("{first} and {second} are one file"))
                    .at(write.path.display())
                    .hint(format!("choose another file for {second}")));
            }
        }
        Ok(())
    }

    /// Checks a file whose name is known only now.
    ///
    /// # Errors
    /// The input that it is.
    pub fn may_write(&self, option: &str, path: &Path) -> Result<(), Problem> {
        self.check_write(&Write {
            option: option.into(),
            path: path.into(),
            extent: Extent::File,
            formats: &[],
        })
    }

    fn check_write(&self, write: &Write) -> Result<(), Problem> {
        if is_stream(&write.path) || is_url(&write.path) {
            return Ok(());
        }
        let place = Place::new(&write.path);
        let Some(conflict) = self.reads.iter().find_map(|read| read.conflict(&place, write.extent)) else {
            return Ok(());
        };
        Err(Problem::new(format!("{} {} {conflict}", write.option, write.path.display()))
            .at(write.path.display())
            .hint(format!("choose another place for {}: an input is never overwritten", write.option)))
    }
}

impl Read {
    /// Why an output may not be at `place`.
    fn conflict(&self, place: &Place, extent: Extent) -> Option<String> {
        match self {
            Self::File(path) => is_input(place, extent, path),
            Self::Pattern(pattern, ending) => {
                let path = Path::new(pattern);
                if is_url(path) {
                    return None;
                }
                let folder = path.is_dir();
                let all = if folder { files_of(path, ending) } else { matched(pattern) };
                if let Some(conflict) = all.iter().find_map(|path| is_input(place, extent, path)) {
                    return Some(conflict);
                }
                let read_next = if folder {
                    place.parent() == Some(&Place::new(path).path)
                        && extent == Extent::File
                        && place.ends_in(ending)
                } else {
                    extent == Extent::File && place.is_meant_by(pattern)
                };
                read_next.then(|| format!("would be an input of the next run: {pattern} is read"))
            }
            Self::Tree(path) => {
                let tree = Place::new(path);
                if place.path.starts_with(&tree.path) {
                    return Some(format!("lies in {}, which is read", path.display()));
                }
                let linked = place.links > 1;
                is_input(place, extent, path).or_else(|| {
                    let all = if linked { files_below(path) } else { Vec::new() };
                    all.iter().find_map(|path| is_input(place, extent, path))
                })
            }
        }
    }
}

/// Why an output may not be at `place` when this file, or folder, is read.
fn is_input(place: &Place, extent: Extent, input: &Path) -> Option<String> {
    if is_url(input) || is_stream(input) {
        return None;
    }
    let read = Place::new(input);
    if read.is_same(place) {
        let same = place.path.as_os_str() == input.as_os_str() || place.shown == input;
        return Some(if same {
            "is an input too".into()
        } else {
            format!("is the same file as the input {}", input.display())
        });
    }
    let inside = match extent {
        Extent::File => false,
        Extent::Folder => read.parent() == Some(&place.path),
        Extent::Tree => read.path.starts_with(&place.path),
    };
    inside.then(|| format!("is the folder of the input {}", input.display()))
}

/// A path of the file system, known by its device and inode where it is there.
struct Place {
    shown: PathBuf,
    /// The path without links and dots, as far as it is there.
    path: PathBuf,
    identity: Option<(u64, u64)>,
    links: u64,
}

impl Place {
    fn new(path: &Path) -> Self {
        let found = fs::metadata(path).ok();
        Self {
            shown: path.into(),
            path: real(path),
            identity: found.as_ref().map(|found| (found.dev(), found.ino())),
            links: found.map_or(0, |found| if found.is_file() { found.nlink() } else { 0 }),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.path == other.path || (self.identity.is_some() && self.identity == other.identity)
    }

    fn parent(&self) -> Option<&Path> {
        self.path.parent()
    }

    fn ends_in(&self, ending: &str) -> bool {
        self.path.extension().is_some_and(|found| found == ending)
    }

    /// Whether a pattern matches the place, be it there or not.
    fn is_meant_by(&self, pattern: &str) -> bool {
        let fixed: PathBuf = Path::new(pattern)
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
            .collect();
        let rest = Path::new(pattern).strip_prefix(&fixed).unwrap_or(Path::new(pattern));
        let base = real(if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed });
        let base = glob::Pattern::escape(&base.to_string_lossy());
        let whole = glob::Pattern::new(&format!("{base}/{}", rest.display()));
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        whole.is_ok_and(|whole| whole.matches_path_with(&self.path, options))
    }
}

/// The path without links and dots. What is not there yet stands behind the last folder that is.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let mut rest = Vec::new();
    let mut known = absolute.as_path();
    loop {
        if let Ok(found) = fs::canonicalize(known) {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        let (Some(name), Some(parent)) = (known.file_name(), known.parent()) else { return absolute };
        rest.push(name);
        known = parent;
    }
}

/// Whether a path is an address: it is no file of this machine.
fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.contains("://"))
}

fn matched(pattern: &str) -> Vec<PathBuf> {
    if Path::new(pattern).exists() {
        return vec![pattern.into()];
    }
    glob::glob(pattern).into_iter().flatten().flatten().collect()
}

fn files_of(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files_below(&entry.path())),
            _ => all.push(entry.path()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const CSV: &[Format] = &[Format::Csv];

    /// A folder with `in/a.csv`, a hard link and a symbolic link to it, and a link to its folder.
    fn world() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("in")).unwrap();
        fs::create_dir(at("in/deep")).unwrap();
        fs::write(at("in/a.csv"), "a\n1\n").unwrap();
        fs::hard_link(at("in/a.csv"), at("hard.csv")).unwrap();
        symlink(at("in/a.csv"), at("soft.csv")).unwrap();
        symlink(at("in"), at("door")).unwrap();
        folder
    }

    fn check(read: impl Fn(Files, &dyn Fn(&str) -> String) -> Files, out: &str, refused: bool) {
        let folder = world();
        let at = |name: &str| format!("{}/{name}", folder.path().display());
        let files = read(Files::new(Out::File(CSV)), &at).writes("--out", Some(at(out)), &[]);
        let found = files.check();
        assert_eq!(found.is_err(), refused, "{out}: {found:?}");
        if let Err(problem) = found {
            let text = problem.to_string();
            assert!(text.contains("--out") && text.contains(out) && text.contains("hint"), "{text}");
        }
    }

    #[test]
    fn an_output_that_is_an_input_by_whatever_name_is_refused() {
        let lab = Lab::new(1);
        for out in ["in/a.csv", "in/../in/./a.csv", "hard.csv", "soft.csv", "door/a.csv"] {
            check(|files, at| files.reads(Some(at("in/a.csv"))), out, true);
            check(|files, at| files.reads(Some(at("soft.csv"))), out, true);
            check(|files, at| files.inputs(&lab, &[at("in")], "", "csv"), out, true);
            check(|files, at| files.inputs(&lab, &[at("door/*.csv")], "", "csv"), out, true);
            check(|files, at| files.inputs(&lab, &[at("*/a.csv")], "", "csv"), out, true);
            check(|files, at| files.reads_tree(Some(at("in"))), out, true);
        }
        for out in ["b.csv", "in/deep/a.csv", "in/b.txt"] {
            check(|files, at| files.reads(Some(at("in/a.csv"))), out, false);
            check(|files, at| files.inputs(&lab, &[at("in")], "", "csv"), out, false);
            check(|files, at| files.inputs(&lab, &[at("in/*.csv")], "", "csv"), out, false);
        }
    }

    #[test]
    fn an_output_that_the_next_run_would_read_is_refused() {
        let lab = Lab::new(1);
        for out in ["in/new.csv", "door/new.csv"] {
            check(|files, at| files.inputs(&lab, &[at("in")], "", "csv"), out, true);
            check(|files, at| files.inputs(&lab, &[at("in/*.csv")], "", "csv"), out, true);
            check(|files, at| files.inputs(&lab, &[at("i*/n?w.csv")], "", "csv"), out, true);
            check(|files, at| files.reads_tree(Some(at("door"))), out, true);
        }
        check(|files, at| files.reads_tree(Some(at("in"))), "in/deep/er/new.txt", true);
    }

    #[test]
    fn devices_and_pipes_are_no_files() {
        let files = Files::new(Out::File(CSV)).reads(Some("/dev/null"));
        let files = files.writes("--out", Some("/dev/null"), &[]).writes("--rejects", Some("/dev/null"), &[]);
        files.check().unwrap();
    }

    #[test]
    fn two_outputs_that_are_one_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        let files = Files::new(Out::File(CSV)).writes("--out", Some(at("a.csv")), &[]);
        let problem = files.writes("--rejects", Some(at("deep/../a.csv")), &[]).check().unwrap_err();
        assert!(problem.to_string().contains("--out and --rejects are one file"), "{problem}");
    }

    #[test]
    fn a_folder_of_outputs_is_not_the_folder_of_an_input() {
        let folder = world();
        let read = Files::new(Out::Folder).reads(Some(folder.path().join("in/a.csv")));
        read.clone().writes_folder("--into", Some(folder.path().join("door"))).check().unwrap_err();
        read.clone().writes_folder("--into", Some(folder.path())).check().unwrap();
        read.clone().writes_tree("--out", Some(folder.path())).check().unwrap_err();
        read.writes_tree("--out", Some(folder.path().join("in/deep"))).check().unwrap();
    }
}
