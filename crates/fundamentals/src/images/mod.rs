//! Images: a folder of pictures, resized and sharpened, and the same pixels whoever does it.
//!
//! A folder of pictures is the friendliest work there is: no picture needs another, so each is a task, and a pool does as
//! many at a time as there are processors. One after another, a pool of threads, rayon, a pool of processes: the same job,
//! and one line for each way (`crates/lab/src/ways`).
//!
//! To split a *single* picture is another matter. A sharpened pixel depends on its four neighbours, and those of the first
//! row of a band lie in the band above it. A band that does not see them gives other pixels along the cut: a seam, so thin
//! that nobody notices it in the picture, and so wrong that no checksum agrees. The mend is the *halo*: each band is given
//! one row more than it answers for, on either side.

mod picture;

use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};

use lab::measure::nanoseconds;
use lab::record::Threshold;
use lab::ways::{self, Way};
use lab::{Job, Lab, OrProblem, Problem, Role, Stop, Tried};
use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Source};
use crate::gil::model::BigLock;
use crate::measured::Measured;
use crate::observe::{self, Film};
use crate::program::{Chapter, Program};
use crate::say;
use crate::stage::{Stage, timed};
use crate::text::Text;
use picture::Picture;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Images", "Imagens"),
    programs: &[PROGRAM],
    roles: &[Role::worker::<Polish>()],
};

const PROGRAM: Program = Program {
    name: "images",
    about: Text::new(
        "a folder of pictures, resized and sharpened in four ways to the same pixels",
        "uma pasta de imagens, redimensionadas e com nitidez aumentada de quatro modos, com os mesmos pixels",
    ),
    show,
    claims: &[SAME, AT_ONCE],
};

/// The pictures that the lesson makes for itself, and what becomes of them.
const SIZE: (usize, usize) = (320, 240);
const SMALL: (usize, usize) = (160, 120);

/// Pictures that take a worker long beside the moment in which a lock changes hands.
const LARGE: (usize, usize) = (960, 720);

/// One picture of a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct File {
    from: PathBuf,
    to: PathBuf,
}

impl fmt::Display for File {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.file_name().unwrap_or_default().to_string_lossy().fmt(out)
    }
}

/// What all workers start from.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Rules {
    /// Whether only one worker may be at a picture at a time.
    one_at_a_time: bool,
}

/// Held by whoever is at a picture when only one may be: the lesson's broken pool. It is held for as long as a picture takes,
/// which is the point of it.
static ALONE: BigLock = BigLock::new();

/// Reads a picture, makes it smaller and sharper, and writes it.
struct Polish(Rules);

impl Job for Polish {
    const NAME: &'static str = "polish";
    type Setup = Rules;
    type Task = File;
    type Reply = u64;

    fn start(rules: &Rules) -> Result<Self, Problem> {
        Ok(Self(*rules))
    }

    fn run(&mut self, file: &File, _: &Stop) -> Result<u64, Problem> {
        let polish = || {
            let picture = Picture::read(&file.from)?.shrink(SMALL.0, SMALL.1).sharpen();
            picture.write(&file.to)?;
            Ok(picture.pixels.len() as u64)
        };
        if self.0.one_at_a_time { ALONE.alone(polish) } else { polish() }
    }
}

/// A folder of seeded pictures that is gone when the lesson is over.
struct Folder {
    path: PathBuf,
    count: usize,
}

impl Folder {
    fn new(stage: &Stage, count: usize, (width, height): (usize, usize)) -> Result<Self, Problem> {
        let number = timed(|| ()).wrapping_add(lab::timeline::now());
        let path = std::env::temp_dir().join(format!("paralelo-images-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).or_problem(|| format!("cannot make {}", path.display()))?;
        let folder = Self { path, count };
        for number in 0..count {
            Picture::seeded(width, height, stage.lab.seed, number as u64).write(&folder.from(number))?;
        }
        Ok(folder)
    }

    fn from(&self, number: usize) -> PathBuf {
        self.path.join(format!("{number:03}.png"))
    }

    /// The tasks of one way, whose pictures go to a folder of its own.
    fn tasks(&self, way: &str) -> Result<Vec<File>, Problem> {
        let to = self.path.join(way);
        std::fs::create_dir_all(&to).or_problem(|| format!("cannot make {}", to.display()))?;
        let file = |number| File { from: self.from(number), to: to.join(format!("{number:03}.png")) };
        Ok((0..self.count).map(file).collect())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The ways, the reference first.
const WAYS: [(&str, Way<Polish>); 4] = [
    ("sequential", ways::sequential::<Polish>),
    ("pool", ways::pool::<Polish>),
    ("rayon", ways::rayon::<Polish>),
    ("processes", ways::processes::<Polish>),
];

/// Polishes the folder in one way and returns how long that took.
fn polish(
    lab: &Lab,
    folder: &Folder,
    (name, way): (&str, Way<Polish>),
    rules: Rules,
) -> Result<u64, Problem> {
    let tasks = folder.tasks(name)?;
    let mut outcomes = Vec::new();
    let took = timed(|| outcomes = ways::collect::<Polish>(way, lab, &rules, &tasks));
    lab.stop.check()?;
    outcomes
        .into_iter()
        .try_for_each(|outcome| outcome.map(drop).map_err(|failure| Problem::new(failure.to_string())))?;
    Ok(took)
}

/// Reads what a way has written.
fn written(folder: &Folder, way: &str) -> Result<Vec<Picture>, Problem> {
    folder.tasks(way)?.iter().map(|file| Picture::read(&file.to)).collect()
}

const SAME: Claim = Claim {
    id: "images-same-pixels",
    says: Text::new(
        "Pictures have the same pixels whether one worker polishes them, or threads, rayon or processes, or each in bands.",
        "As imagens têm os mesmos pixels, seja um só trabalhador, threads, rayon, processos, ou cada uma em faixas.",
    ),
    source: Source {
        title: "Ragan-Kelley et al., Halide, PLDI 2013",
        link: "https://doi.org/10.1145/2491956.2462176",
        number: Text::new(
            "the schedule changes the speed and not the result: 0 differ",
            "o escalonamento muda a velocidade e não o resultado: 0 diferem",
        ),
    },
    unit: Text::new("pictures that differ", "imagens que diferem"),
    holds: Threshold::AtMost(0.0),
    breaks: Text::new(
        "the bands of a picture do not see their neighbours' rows",
        "as faixas de uma imagem não veem as linhas das vizinhas",
    ),
    measure: |stage, mechanism| {
        let folder = Folder::new(stage, stage.amount(8, 4), SIZE)?;
        for way in WAYS {
            polish(&stage.lab, &folder, way, Rules::default())?;
        }
        let reference = written(&folder, WAYS[0].0)?;
        let mut different = 0;
        for (name, _) in &WAYS[1..] {
            different +=
                written(&folder, name)?.iter().zip(&reference).filter(|(one, other)| one != other).count();
        }
        for (number, expected) in reference.iter().enumerate() {
            let small = Picture::read(&folder.from(number))?.shrink(SMALL.0, SMALL.1);
            let halo = usize::from(mechanism.is_sound());
            different += usize::from(small.sharpen_in_bands(stage.lab.workers.max(2), halo) != *expected);
        }
        Ok(Measured::count(different as u64))
    },
};

const AT_ONCE: Claim = Claim {
    id: "images-workers-run-at-once",
    says: Text::new(
        "Two workers of a pool are at work on pictures at the same time.",
        "Dois trabalhadores de um pool trabalham em imagens ao mesmo tempo.",
    ),
    source: Source {
        title: "Python documentation, concurrent.futures",
        link: "https://docs.python.org/3/library/concurrent.futures.html",
        number: Text::new("max_workers tasks at a time: 2", "max_workers tarefas de cada vez: 2"),
    },
    unit: Text::new("threads able to run at once", "threads aptas a executar ao mesmo tempo"),
    holds: Threshold::AtLeast(1.5),
    breaks: Text::new(
        "a worker holds one lock for all while it is at a picture",
        "o trabalhador segura uma trava comum enquanto trata a imagem",
    ),
    measure: |stage, mechanism| {
        let folder = Folder::new(stage, stage.amount(10, 6), LARGE)?;
        let mut lab = Lab::new(2);
        lab.stop = stage.lab.stop.child();
        let rules = Rules { one_at_a_time: !mechanism.is_sound() };
        let mut tasks = folder.tasks(WAYS[1].0)?.into_iter();
        let (over, ended) = crossbeam_channel::bounded::<()>(0);
        let film = std::thread::scope(|scope| {
            // The names that `lab`'s pool gives its threads.
            let filming = scope.spawn(move || Film::until(&ended, || observe::own_threads("pool ")).0);
            // The film ends when the last picture is taken: afterwards a worker may wait because there is no more work.
            let mut over = Some(over);
            let mut until_the_last = iter::from_fn(|| {
                let task = tasks.next();
                if task.is_none() {
                    over = None;
                }
                task
            });
            let mut refuse =
                |outcome: Tried<u64>| outcome.map(drop).map_err(|failure| Problem::new(failure.to_string()));
            let done = (WAYS[1].1)(&lab, &rules, &mut until_the_last, &mut refuse);
            drop(over);
            done.map(|()| filming.join().unwrap_or_default())
        })?;
        Ok(film.at_once(2).unwrap_or_else(|| {
            Measured::nothing(Text::new(
                "this system does not tell which threads could run",
                "este sistema não informa quais threads poderiam executar",
            ))
        }))
    },
};

/// The table of ways, and two lanes of a pool at work.
fn show(stage: &Stage) -> Result<(), Problem> {
    let count = stage.amount(16, 4);
    let folder = Folder::new(stage, count, SIZE)?;
    let (workers, (width, height)) = (stage.lab.workers, SIZE);
    say!(
        stage,
        "{count} pictures of {width}×{height}, halved and sharpened, with {workers} workers:",
        "{count} imagens de {width}×{height}, reduzidas à metade e com nitidez aumentada, {workers} trabalhadores:"
    );
    let mut reference: Option<Vec<Picture>> = None;
    for way in WAYS {
        let took = nanoseconds(polish(&stage.lab, &folder, way, Rules::default())?);
        let pictures = written(&folder, way.0)?;
        let same = *reference.get_or_insert_with(|| pictures.clone()) == pictures;
        let name = way.0;
        if same {
            say!(stage, "{name:12} {took:>9}  same pixels", "{name:12} {took:>9}  mesmos pixels");
        } else {
            say!(stage, "{name:12} {took:>9}  OTHER PIXELS", "{name:12} {took:>9}  PIXELS DIFERENTES");
        }
    }
    stage.drawn(|| polish(&stage.lab, &folder, WAYS[1], Rules::default())).map(drop)
}

/// The name of a file, for messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
