//! Answers kept in a folder, so that the next run need not fetch what has not changed.
//!
//! A file for each URL, under the BLAKE3 of the whole URL: a line of JSON that says what was kept, and then the body as it
//! came. It is written beside and renamed, so that a reader never sees half of one.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use fetch::{Kept, Memory, Target};
use serde::{Deserialize, Serialize};

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    url: String,
    status: u16,
    etag: Option<String>,
    last_modified: Option<String>,
    /// The length of the body, by which a file that was damaged is told.
    length: usize,
}

impl Cache {
    /// The cache in this folder, which is made if it is not there.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn place(&self, target: &Target) -> PathBuf {
        self.folder.join(blake3::hash(target.as_str().as_bytes()).to_hex().as_str())
    }
}

impl Memory for Cache {
    fn recall(&self, target: &Target) -> Option<Kept> {
        let file = fs::read(self.place(target)).ok()?;
        let end = file.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&file[..end]).ok()?;
        let body = &file[end + 1..];
        (body.len() == head.length).then(|| Kept {
            status: head.status,
            body: body.to_vec().into(),
            etag: head.etag,
            last_modified: head.last_modified,
        })
    }

    fn keep(&self, target: &Target, kept: &Kept) {
        // Names that no other thread and no other process has; what is left of a killed one harms nobody.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let beside = format!(".{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let beside = self.folder.join(beside);
        let write = || -> io::Result<()> {
            let Kept { status, body, etag, last_modified } = kept.clone();
            let head = Head { url: target.to_string(), status, etag, last_modified, length: body.len() };
            let mut file = serde_json::to_vec(&head)?;
            file.push(b'\n');
            file.extend_from_slice(&body);
            fs::write(&beside, file)?;
            fs::rename(&beside, self.place(target))
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&beside);
            tracing::warn!(%target, %error, "an answer could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let target = Target::parse("http://user:secret@localhost/a?b").unwrap();
        assert_eq!(cache.recall(&target), None);
        let kept =
            Kept { status: 203, body: "two\nlines".into(), etag: Some("\"1\"".into()), last_modified: None };
        cache.keep(&target, &kept);
        assert_eq!(cache.recall(&target), Some(kept));
        assert_eq!(cache.recall(&Target::parse("http://localhost/a?b").unwrap()), None);

        let file = cache.place(&target);
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("secret"));
        fs::write(&file, &text[..text.len() - 1]).unwrap();
        assert_eq!(cache.recall(&target), None);
    }
}
