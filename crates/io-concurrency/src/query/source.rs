//! A database that is asked.

use std::fmt;
use std::path::{Path, PathBuf};

use fetch::Target;
use lab::{Lab, Problem};
use serde::{Deserialize, Serialize};

use super::dialect::Dialect;

/// A database.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it is called in the table and in messages.
    pub name: String,
    /// Where it is.
    pub place: Place,
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// PostgreSQL, by a URL that may hold a password.
    Postgres(String),
    /// `MariaDB` or `MySQL`, likewise.
    MariaDb(String),
}

/// A password is shown to nobody.
impl fmt::Debug for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Source({})", self.name)
    }
}

impl Source {
    /// The databases that the user means, each once: files, folders with `.db` files, quoted patterns, and URLs, each with
    /// `NAME=` before it where it is to be called so; without any, the lab's own stores.
    ///
    /// # Errors
    /// A URL of no such database, and two databases of one name. A file that is not there is a source that fails when it is
    /// asked.
    pub fn all(texts: &[String], lab: &Lab) -> Result<Vec<Self>, Problem> {
        let mut sources = Vec::new();
        if texts.is_empty() {
            sources.extend(lab.inputs(&[], "stores-db", "db")?.iter().map(|path| Self::file(path)));
        }
        for text in texts {
            let (name, place) = named(text);
            if let Some(place) = Place::of_url(place)? {
                let shown = Target::show(place.url());
                sources.push(Self { name: name.map_or_else(|| tail(&shown).to_owned(), Into::into), place });
                continue;
            }
            let files = match lab.inputs(&[place.to_owned()], "stores-db", "db") {
                Ok(files) => files,
                // It costs itself only, as any other database that does not answer.
                Err(_) => vec![place.into()],
            };
            let single = files.len() == 1;
            sources.extend(files.iter().map(|path| match name {
                Some(name) if single => Self { name: name.into(), ..Self::file(path) },
                Some(name) => Self { name: format!("{name}/{}", stem(path)), ..Self::file(path) },
                None => Self::file(path),
            }));
        }
        distinct(&mut sources)?;
        Ok(sources)
    }

    fn file(path: &Path) -> Self {
        Self { name: stem(path), place: Place::Sqlite(path.into()) }
    }

    /// Its place, without a password.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres(url) | Place::MariaDb(url) => Target::show(url).into(),
        }
    }
}

impl Place {
    fn of_url(text: &str) -> Result<Option<Self>, Problem> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
        match scheme {
            "postgres" | "postgresql" => Ok(Some(Self::Postgres(text.into()))),
            "mysql" | "mariadb" => Ok(Some(Self::MariaDb(format!("mysql://{rest}")))),
            _ => Err(Problem::new(format!("`{scheme}` is no database that can be asked"))
                .at(Target::show(text))
                .expected("an SQLite file, or a URL that begins with postgres:// or mysql://")),
        }
    }

    /// The SQL that it speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MariaDb(_) => Dialect::MariaDb,
        }
    }

    fn url(&self) -> &str {
        match self {
            Self::Sqlite(path) => path.to_str().unwrap_or_default(),
            Self::Postgres(url) | Self::MariaDb(url) => url,
        }
    }
}

/// `NAME=PLACE`, unless a path or URL itself has the sign.
fn named(text: &str) -> (Option<&str>, &str) {
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['/', ':', '.', '*', '?']);
    match text.split_once('=') {
        Some((name, place)) if is_name(&name) && !Path::new(text).exists() => (Some(name), place),
        _ => (None, text),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// `host:port/database` of a URL.
fn tail(shown: &str) -> &str {
    let tail = shown.split_once("://").map_or(shown, |(_, tail)| tail);
    let tail = tail.rsplit_once('@').map_or(tail, |(_, tail)| tail);
    tail.split(['?', '#']).next().unwrap_or(tail)
}

/// Files of one name in several folders are called by their whole paths; the same database twice is a mistake.
fn distinct(sources: &mut [Source]) -> Result<(), Problem> {
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    for source in sources.iter_mut() {
        if names.iter().filter(|name| **name == source.name).count() > 1 {
            source.name = source.shown();
        }
    }
    for (number, source) in sources.iter().enumerate() {
        if sources[..number].iter().any(|other| other.name == source.name) {
            return Err(Problem::new(format!("two databases are called {}", source.name))
                .hint("give one of them another name: NAME=PLACE"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Result<Vec<String>, String> {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        let sources = Source::all(&texts, &Lab::new(1)).map_err(|problem| problem.line())?;
        Ok(sources.into_iter().map(|source| source.name).collect())
    }

    #[test]
    fn a_database_is_called_by_what_tells_it_apart_and_never_by_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (one, two, three) = (file("a/x.db"), file("b/x.db"), file("b/y.db"));
        assert_eq!(names(&[&one, &three]).unwrap(), ["x", "y"]);
        assert_eq!(names(&[&one, &two]).unwrap(), [one.clone(), two]);
        assert_eq!(
            names(&[&format!("shop={three}"), "postgres://me:secret@db:5432/sales?sslmode=disable"]).unwrap(),
            ["shop", "db:5432/sales"]
        );
        assert!(names(&[&format!("a={one}"), &format!("a={one}")]).unwrap_err().contains("two databases"));
        assert!(names(&["oracle://x"]).unwrap_err().contains("no database that can be asked"));
    }
}
