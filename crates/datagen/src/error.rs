//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused something.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A Parquet file could not be encoded or written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: parquet::errors::ParquetError,
    },
    /// Rows could not be turned into a piece of a file.
    #[error("cannot make {path}: {source}", path = path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: crate::encode::EncodeError,
    },
    /// An Arrow file could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: arrow_schema::ArrowError,
    },
    /// A manifest is not one of ours.
    #[error("{path} is not a manifest of datagen: {source}", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// The arguments contradict each other or make no sense.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// A folder is not as its manifest says.
    #[error("{problems} of {of} files in {folder} are not as its manifest says", folder = folder.display())]
    Differs {
        /// The folder.
        folder: PathBuf,
        /// Files that differ.
        problems: usize,
        /// Files in all.
        of: usize,
    },
    /// The user stopped the run.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An [`Error::File`], for `map_err`.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { source, .. } => from_io(source).map(str::to_owned),
            Self::Parquet { source, .. } => below(source).and_then(from_io).map(str::to_owned),
            Self::Encode { .. } => None,
            Self::Arrow { source, .. } => below(source).and_then(from_io).map(str::to_owned),
            Self::Manifest { .. } => {
                Some("choose another folder with --out, or remove that file if it is not needed".into())
            }
            Self::Differs { .. } => {
                Some("remove the files named above and run datagen with the same arguments: it makes what is missing".into())
            }
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Interrupted => Some("the same command goes on with the files that are missing".into()),
        }
    }

    /// The exit code that stands for it: 2 for wrong usage, 130 for an interruption, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

/// What the file system said, below what an encoder made of it.
fn below<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Advice for the errors that users meet.
fn from_io(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space, choose another disk with --out, or ask for fewer rows")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose a folder that you may write to with --out")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Some("a part of that path is a file; choose another folder with --out")
        }
        io::ErrorKind::NotFound => Some("check the path"),
        _ => None,
    }
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
