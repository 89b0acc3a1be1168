//! Files that must be unpacked before they can be split: compressed ones, and those in UTF-16.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::dialect::encoding::{Encoding, Utf16};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
}

impl Compression {
    /// By the file's first bytes, whatever its name is.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut magic = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut magic)?;
        Ok(match *magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            _ => Self::None,
        })
    }
}

/// So many times its packed size may a file unpack to. Tables come to ten, logs to thirty; more than a thousand is beyond
/// what gzip can do, and Zstandard can do millions.
const MOST_TIMES: u64 = 250;
/// However small the packed file is, so many bytes are let through.
const ALWAYS: u64 = 256 << 20;

/// The plain bytes of a file. One that unpacks to more than 250 times its size, and to more than 256 MiB, ends in an error:
/// it is taken for a bomb, before it fills the memory or the disk.
///
/// # Errors
/// A file that cannot be opened.
pub fn open(path: &Path, compression: Compression) -> io::Result<Box<dyn Read + Send>> {
    read(File::open(path)?, compression)
}

/// The text of a file that is open already.
///
/// # Errors
/// Those of [`open`].
pub fn read(file: File, compression: Compression) -> io::Result<Box<dyn Read + Send>> {
    let most = file.metadata()?.len().saturating_mul(MOST_TIMES).max(ALWAYS);
    let file = BufReader::with_capacity(1 << 17, file);
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(Guarded { source: MultiGzDecoder::new(file), left: most }),
        Compression::Zstd => Box::new(Guarded { source: zstd::Decoder::with_buffer(file)?, left: most }),
    })
}

/// Lets so many bytes through and not one more.
struct Guarded<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(to)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!(
                "it unpacks to more than {MOST_TIMES} times its size; if it is meant to, unpack it beforehand"
            ))
        })?;
        Ok(count)
    }
}

/// The first `length` plain bytes of a file, and whether that is all of it.
///
/// # Errors
/// A file that cannot be read or is damaged.
pub fn head(path: &Path, compression: Compression, length: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut head = Vec::new();
    open(path, compression)?.take(length as u64 + 1).read_to_end(&mut head)?;
    let whole = head.len() <= length;
    head.truncate(length);
    Ok((head, whole))
}

/// Writes the file's text to `to`, in UTF-8 where the file is UTF-16, and returns its length in bytes. Holds a few hundred
/// kilobytes, however large the file is.
///
/// # Errors
/// A file that cannot be read or is damaged, a disk that is full, or what `go_on` says between two pieces.
pub fn unpack<E: From<io::Error>>(
    from: &Path,
    compression: Compression,
    encoding: Encoding,
    to: &mut impl Write,
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<u64, E> {
    let mut source = open(from, compression)?;
    let mut utf16 = (!encoding.is_ascii_compatible()).then(|| Utf16::new(encoding));
    let (mut piece, mut text) = (vec![0; 1 << 17], Vec::new());
    let (mut length, mut first) = (0, true);
    loop {
        go_on()?;
        let count = match source.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let written = match &mut utf16 {
            None => &piece[..count],
            Some(decoder) => {
                text.clear();
                decoder.push(&piece[..count], &mut text);
                if count == 0 {
                    decoder.finish(&mut text);
                }
                // The byte order mark has said what it had to say.
                let mark = usize::from(first && text.starts_with(BOM)) * BOM.len();
                first &= text.is_empty();
                &text[mark..]
            }
        };
        to.write_all(written)?;
        length += written.len() as u64;
        if count == 0 {
            return Ok(length);
        }
    }
}

const BOM: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn unpacked(bytes: &[u8], encoding: Encoding) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        fs::write(&path, bytes)?;
        let mut out = Vec::new();
        let length = unpack::<io::Error>(&path, Compression::of(&path)?, encoding, &mut out, || Ok(()))?;
        assert_eq!(length, out.len() as u64);
        Ok(out)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_are_known_by_their_first_bytes_and_unpacked_to_the_last_member() {
        let text = "a,b\n1,é\n".repeat(40_000);
        let (one, two) = text.as_bytes().split_at(100_001);
        assert_eq!(unpacked(&[gzip(one), gzip(two)].concat(), Encoding::Utf8).unwrap(), text.as_bytes());
        let frames = [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 1).unwrap()].concat();
        assert_eq!(unpacked(&frames, Encoding::Utf8).unwrap(), text.as_bytes());
        assert_eq!(unpacked(text.as_bytes(), Encoding::Utf8).unwrap(), text.as_bytes());
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error_and_no_shorter_file() {
        let packed = gzip("a,b\n1,2\n".repeat(1_000).as_bytes());
        assert!(unpacked(&packed[..packed.len() - 12], Encoding::Utf8).is_err());
        let packed = zstd::encode_all("a,b\n1,2\n".repeat(1_000).as_bytes(), 1).unwrap();
        assert!(unpacked(&packed[..packed.len() - 5], Encoding::Utf8).is_err());
    }

    #[test]
    fn a_bomb_is_stopped_before_it_goes_off() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![b'0'; 1 << 20];
        (0..300).for_each(|_| encoder.write_all(&zeros).unwrap());
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, bomb).unwrap();
        let mut source = open(&path, Compression::Zstd).unwrap();
        let error = io::copy(&mut source, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("250 times"), "{error}");
    }

    #[test]
    fn utf_16_becomes_utf_8_without_its_mark() {
        let text = "nome;n\nJoão 😀;1\n".repeat(20_000);
        let bytes: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        assert_eq!(unpacked(&bytes, Encoding::Utf16Be).unwrap(), text.as_bytes());
        assert_eq!(unpacked(&gzip(&bytes), Encoding::Utf16Be).unwrap(), text.as_bytes());
    }
}
