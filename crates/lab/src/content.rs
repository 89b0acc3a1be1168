//! The kind of a file by its content, so that a command that is given the wrong one says which command reads it.
//!
//! Formats with a signature are recognised by it. Text is HTML, XML or JSON only where it begins as nothing else does, and CSV
//! where its first lines have equal numbers of fields. What is none of these is not judged here.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::problem::Problem;

/// Bytes that are looked at.
const HEAD: usize = 16 << 10;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, the file format.
    Arrow,
    /// A SQLite database.
    Sqlite,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by Zstandard.
    Zstd,
    /// Compressed by bzip2.
    Bzip2,
    /// Compressed by xz.
    Xz,
    /// A spreadsheet of Excel.
    Excel,
    /// A ZIP archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A PDF document.
    Pdf,
    /// A picture: PNG, JPEG or GIF.
    Picture,
    /// A program or library of this system.
    Program,
    /// A page of HTML.
    Html,
    /// XML.
    Xml,
    /// JSON, or a JSON value on each line.
    Json,
    /// Text in columns.
    Csv,
}

impl Content {
    /// The kind of a file; `None` where it is none of these, is empty, or cannot be read.
    pub fn of(path: &Path) -> Option<Self> {
        let mut head = Vec::new();
        // A FIFO gives its bytes once: to whoever reads the file, not to us.
        let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|found| found.is_file()))?;
        file.take(HEAD as u64).read_to_end(&mut head).ok()?;
        Self::of_head(&head)
    }

    /// The kind of a file that begins with these bytes.
    pub fn of_head(head: &[u8]) -> Option<Self> {
        Self::of_signature(head).or_else(|| Self::of_text(head))
    }

    fn of_signature(head: &[u8]) -> Option<Self> {
        const SIGNATURES: &[(&[u8], Content)] = &[
            (b"PAR1", Content::Parquet),
            (b"PARE", Content::Parquet),
            (b"ARROW1", Content::Arrow),
            (b"SQLite format 3\0", Content::Sqlite),
            (b"\x1f\x8b", Content::Gzip),
            (b"\x28\xb5\x2f\xfd", Content::Zstd),
            (b"BZh", Content::Bzip2),
            (b"\xfd7zXZ\0", Content::Xz),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content::Excel),
            (b"%PDF-", Content::Pdf),
            (b"\x89PNG\r\n\x1a\n", Content::Picture),
            (b"\xff\xd8\xff", Content::Picture),
            (b"GIF8", Content::Picture),
            (b"\x7fELF", Content::Program),
        ];
        if head.starts_with(b"PK\x03\x04") {
            let is_sheet = head.windows(3).any(|bytes| bytes == b"xl/");
            return Some(if is_sheet { Self::Excel } else { Self::Zip });
        }
        if head.get(257..262) == Some(b"ustar") {
            return Some(Self::Tar);
        }
        // `BZh` is followed by a digit; the word could begin a text.
        let is_bzip2 = head.get(3).is_some_and(u8::is_ascii_digit) && head.get(4) == Some(&b'1');
        let found = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
        found.map(|(_, content)| *content).filter(|content| *content != Self::Bzip2 || is_bzip2)
    }

    fn of_text(head: &[u8]) -> Option<Self> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        if head.contains(&0) {
            return None;
        }
        let text = String::from_utf8_lossy(head);
        let start = text.trim_start();
        let begins = |word: &str| start.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word));
        if begins("<!doctype html") || begins("<html") {
            return Some(Self::Html);
        }
        if begins("<?xml") {
            return Some(Self::Xml);
        }
        if is_json(start) {
            return Some(Self::Json);
        }
        is_csv(&text, head.len() == HEAD).then_some(Self::Csv)
    }

    /// Commands that read such a file, as the reader types them.
    const fn readers(self) -> Option<&'static str> {
        Some(match self {
            Self::Parquet => "`aggregate`, `apply`, `convert` or `transform` of cpu-parallel reads it",
            Self::Sqlite => "`query` of io-concurrency reads it",
            Self::Gzip | Self::Zstd => "`ingest` of io-concurrency reads compressed CSV",
            Self::Bzip2 | Self::Xz | Self::Zip | Self::Tar => "unpack it first",
            Self::Csv => "`ingest` of io-concurrency reads it",
            Self::Json => "`queue` of pipelines reads a JSON object on each line",
            Self::Excel => "save the sheet as CSV, which `ingest` of io-concurrency reads",
            Self::Html => "a server may have sent a page instead of the file: look at it",
            _ => return None,
        })
    }

    /// The problem of a file of this kind where one of `wanted` was expected.
    pub fn instead_of(self, path: &Path, wanted: &[Self]) -> Problem {
        let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let problem = Problem::new(format!("this file is {self}"))
            .of_class("wrong-content")
            .at(path.display())
            .expected(names.join(" or "));
        match self.readers() {
            Some(readers) => problem.hint(readers),
            None => problem,
        }
    }

    /// `Ok` unless the file is known to be of another kind than those that are wanted, where any are named. What is not recognised passes: whoever
    /// reads the file knows better.
    ///
    /// # Errors
    /// A file of another kind.
    pub fn check(path: &Path, wanted: &[Self]) -> Result<(), Problem> {
        match Self::of(path).filter(|content| !wanted.is_empty() && !wanted.contains(content)) {
            Some(content) => Err(content.instead_of(path, wanted)),
            None => Ok(()),
        }
    }
}

/// The name with its article, to stand after "this file is".
impl fmt::Display for Content {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "an Arrow file",
            Self::Sqlite => "a SQLite database",
            Self::Gzip => "compressed by gzip",
            Self::Zstd => "compressed by Zstandard",
            Self::Bzip2 => "compressed by bzip2",
            Self::Xz => "compressed by xz",
            Self::Excel => "an Excel file",
            Self::Zip => "a ZIP archive",
            Self::Tar => "a tar archive",
            Self::Pdf => "a PDF document",
            Self::Picture => "a picture",
            Self::Program => "a program",
            Self::Html => "HTML",
            Self::Xml => "XML",
            Self::Json => "JSON",
            Self::Csv => "CSV",
        })
    }
}

/// Whether a text begins with an object, or with an array that is as long as the text or not at its end yet.
fn is_json(text: &str) -> bool {
    if !text.starts_with(['{', '[']) {
        return false;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match values.next() {
        Some(Ok(_)) => text[values.byte_offset()..].chars().next().is_none_or(char::is_whitespace),
        // The beginning of a value that goes on after the head.
        Some(Err(error)) => error.classify() == serde_json::error::Category::Eof && text.len() > 1,
        None => false,
    }
}

/// Whether the first lines have equal numbers of a delimiter.
fn is_csv(text: &str, is_cut: bool) -> bool {
    let mut lines: Vec<&str> = text.lines().take(20).collect();
    if is_cut && lines.len() < 20 {
        lines.pop();
    }
    let [first, second, ..] = *lines else { return false };
    let printable = |line: &str| !line.chars().any(|sign| sign.is_control() && sign != '\t');
    let equal = |delimiter: char| {
        let count = |line: &str| line.matches(delimiter).count();
        count(first) > 0 && count(first) == count(second)
    };
    [',', ';', '\t', '|'].into_iter().any(equal) && lines.iter().all(|line| printable(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], content: Option<Content>) {
        assert_eq!(Content::of_head(head), content, "{:?}", String::from_utf8_lossy(head));
    }

    #[test]
    fn files_are_known_by_their_signatures() {
        check(b"PAR1\x15\x04", Some(Content::Parquet));
        check(b"SQLite format 3\0\x10", Some(Content::Sqlite));
        check(b"\x1f\x8b\x08", Some(Content::Gzip));
        check(b"PK\x03\x04\x14\0[Content_Types].xml xl/workbook.xml", Some(Content::Excel));
        check(b"PK\x03\x04\x14\0a.txt", Some(Content::Zip));
        check(b"%PDF-1.7", Some(Content::Pdf));
        check(b"BZh91AY", Some(Content::Bzip2));
        check(b"BZhello", None);
    }

    #[test]
    fn texts_are_known_by_their_first_lines() {
        check(b"\xef\xbb\xbf{\"a\": 1}\n{\"a\": 2}\n", Some(Content::Json));
        check(b"[1, 2", Some(Content::Json));
        check(b"  <!DOCTYPE html><title>", Some(Content::Html));
        check(b"<?xml version='1.0'?>", Some(Content::Xml));
        check(b"a;b\n1;2\n", Some(Content::Csv));
        check(b"{a},b\n1,2\n", Some(Content::Csv));
        check(b"[1],b\n1,2\n", Some(Content::Csv));
        check(b"{", None);
        check(b"", None);
        check(b"just words\nand more\n", None);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_its_reader_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        let problem = Content::check(&path, &[Content::Parquet]).unwrap_err().to_string();
        assert!(problem.starts_with("this file is CSV") && problem.contains("hint: `ingest`"), "{problem}");
        assert_eq!(Content::check(&path, &[Content::Csv]), Ok(()));
        std::fs::write(&path, "words").unwrap();
        assert_eq!(Content::check(&path, &[Content::Parquet]), Ok(()));
        assert_eq!(Content::check(&folder.path().join("none"), &[Content::Parquet]), Ok(()));
    }
}
