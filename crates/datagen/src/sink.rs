//! Where finished pieces go: a file that gets its name only when it is whole.
//!
//! Bytes are written to a name beside the final one and hashed on the way. [`Staged::commit`] renames; dropping without
//! it removes the file. So whatever stops a run, no half-written file carries a final name, and none is left over.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Staged {
    file: File,
    staging: PathBuf,
    path: PathBuf,
    hasher: blake3::Hasher,
    bytes: u64,
    committed: bool,
}

impl Staged {
    /// Starts a file that will be called `path`, and the folders above it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The process in the name keeps two runs from writing into one file.
        let staging = folder.join(format!(".{name}.{}.partial", std::process::id()));
        let file = File::create(&staging).map_err(Error::file("create", &staging))?;
        Ok(Self {
            file,
            staging,
            path: path.to_owned(),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            committed: false,
        })
    }

    /// The final path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, and returns its size in bytes and its BLAKE3 hash.
    pub(crate) fn commit(mut self) -> Result<(u64, blake3::Hash)> {
        fs::rename(&self.staging, &self.path).map_err(Error::file("rename", &self.staging))?;
        self.committed = true;
        Ok((self.bytes, self.hasher.finalize()))
    }
}

/// Removes what runs that were killed left in `folder`: staging files of processes that are no more.
pub(crate) fn sweep(folder: &Path) {
    // A folder that cannot be read has nothing to sweep, or will say so when it is written to.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix('.')?.strip_suffix(".partial")?.rsplit('.').next());
        // Without `/proc` nobody is known to be dead.
        let dead = |process: u32| {
            Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists()
        };
        if owner.and_then(|owner| owner.parse().ok()).is_some_and(dead) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing can be done about a failure here, and the error that led here is the one to report.
            let _ = fs::remove_file(&self.staging);
        }
    }
}
