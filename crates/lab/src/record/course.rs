//! What the course has to offer, as `fundamentals` lists it: whoever asks questions about a lesson starts it and links none.

use serde::{Deserialize, Serialize};

use super::{Bilingual, Threshold};

/// A chapter of the course.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChapterRecord {
    /// Its title.
    pub title: Bilingual,
    /// Its lessons in reading order.
    pub lessons: Vec<LessonRecord>,
}

/// A lesson: one small program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LessonRecord {
    /// The name by which it is run.
    pub name: String,
    /// One sentence: what it shows.
    pub about: Bilingual,
    /// What it claims, and can measure.
    pub claims: Vec<PromiseRecord>,
}

/// A claim before it is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromiseRecord {
    /// The claim's name, unique among all claims.
    pub id: String,
    /// The sentence.
    pub sentence: Bilingual,
    /// The unit of the number and of the threshold.
    pub unit: Bilingual,
    /// For which numbers the sentence is true.
    pub holds: Threshold,
    /// What is broken when it is broken on purpose.
    pub breaks: Bilingual,
}
