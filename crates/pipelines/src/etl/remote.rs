//! Lakes in an object store that speaks S3: objects are fetched to a folder that goes with the run, and put where the lake is.
//!
//! A put of one object is atomic, so the manifest is committed by its put, on the condition that it is still the one that this
//! run began with: of two runs at once the second one is refused.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path as Folder;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use lab::{OrProblem, Problem, Stop};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use tokio::runtime::Runtime;

/// Objects that are under way at once.
const AT_ONCE: usize = 16;

/// A folder of a bucket.
pub(super) struct Remote {
    url: String,
    folder: Path,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// An object by its name in the folder: how long it is, and its version.
pub(super) type Objects = HashMap<String, (u64, Option<String>)>;

impl std::fmt::Debug for Remote {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.url)
    }
}

impl Remote {
    /// The folder that `url` (`s3://BUCKET/FOLDER`) means. Who we are and where the store is, the variables say that every
    /// S3 tool reads: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`.
    ///
    /// # Errors
    /// An address or variables that are none.
    pub(super) fn open(url: &str) -> Result<Self, Problem> {
        let cannot = || format!("cannot open {url}");
        let path = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let (_, path) = path.ok_or_else(|| Problem::new(cannot()).expected("s3://BUCKET/FOLDER"))?;
        // Whoever was first in this process has chosen; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = AmazonS3Builder::from_env().with_url(url).build().or_problem(cannot)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.or_problem(|| "cannot start an event loop")?;
        let folder = Path::parse(path.trim_end_matches('/')).or_problem(cannot)?;
        Ok(Self { url: url.trim_end_matches('/').into(), folder, store: Arc::new(store), runtime })
    }

    /// The objects in the folder.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn list(&self) -> Result<Objects, Problem> {
        let found = self.store.list(Some(&self.folder)).try_filter_map(async |object| {
            let name = object
                .location
                .prefix_match(&self.folder)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
            Ok(name.map(|name| (name, (object.size, object.e_tag))))
        });
        self.runtime.block_on(found.try_collect()).or_problem(|| format!("cannot list {}", self.url))
    }

    /// Fetches objects to their names in a folder.
    ///
    /// # Errors
    /// The store's, the disk's, or that the run is to end.
    pub(super) fn fetch(&self, names: &[String], to: &Folder, stop: &Stop) -> Result<(), Problem> {
        let fetch = async |name: &String| {
            stop.check()?;
            let cannot = || format!("cannot fetch {}/{name}", self.url);
            let place = to.join(name);
            std::fs::create_dir_all(place.parent().unwrap_or(to)).or_problem(cannot)?;
            let mut file = File::create(&place).or_problem(cannot)?;
            let object = self.store.get(&self.at(name)).await.or_problem(cannot)?;
            let mut bytes = object.into_stream();
            while let Some(bytes) = bytes.next().await {
                stop.check()?;
                file.write_all(&bytes.or_problem(cannot)?).or_problem(cannot)?;
            }
            Ok(())
        };
        self.each(names, &fetch)
    }

    /// Puts files to their names in the folder.
    ///
    /// # Errors
    /// The store's, or that the run is to end.
    pub(super) fn put(&self, files: &[(std::path::PathBuf, String)], stop: &Stop) -> Result<(), Problem> {
        let put = async |(file, name): &(std::path::PathBuf, String)| {
            stop.check()?;
            let cannot = || format!("cannot put {}/{name}", self.url);
            let bytes = std::fs::read(file).or_problem(cannot)?;
            self.store.put(&self.at(name), bytes.into()).await.map(drop).or_problem(cannot)
        };
        self.each(files, &put)
    }

    /// Puts an object in the place of the version that was there; without one, where none is.
    ///
    /// # Errors
    /// The store's, and that another one is there now.
    pub(super) fn replace(&self, name: &str, bytes: Vec<u8>, old: Option<String>) -> Result<(), Problem> {
        let mode = match old {
            Some(e_tag) => PutMode::Update(UpdateVersion { e_tag: Some(e_tag), version: None }),
            None => PutMode::Create,
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        let place = self.at(name);
        let put = self.store.put_opts(&place, bytes.into(), options);
        match self.runtime.block_on(put) {
            Ok(_) => Ok(()),
            Err(
                error
                @ (object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. }),
            ) => Err(Problem::because("another run was at work on this lake", &error)
                .at(&self.url)
                .hint("nothing was committed: start again")),
            Err(error) => Err(Problem::because(format!("cannot put {}/{name}", self.url), &error)),
        }
    }

    /// Removes objects. One that stays is removed by a later run, and no reader of the manifest sees it.
    pub(super) fn remove(&self, names: &HashSet<String>) {
        let names: Vec<&String> = names.iter().collect();
        let removed = self.each(&names, &async |name: &&String| {
            self.store
                .delete(&self.at(name))
                .await
                .or_problem(|| format!("cannot remove {}/{name}", self.url))
        });
        if let Err(problem) = removed {
            tracing::warn!(target: "lab", "{problem}");
        }
    }

    fn at(&self, name: &str) -> Path {
        name.split('/').fold(self.folder.clone(), Path::join)
    }

    fn each<T>(&self, items: &[T], each: &impl AsyncFn(&T) -> Result<(), Problem>) -> Result<(), Problem> {
        let all = stream::iter(items).map(|item| each(item)).buffer_unordered(AT_ONCE);
        self.runtime.block_on(all.try_collect())
    }
}
