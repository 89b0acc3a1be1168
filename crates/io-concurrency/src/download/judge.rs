//! What an answer is worth, by what was asked and what is known of the file.

use std::ops::Range;

use fetch::Head;

use super::digests::Expected;
use super::journal::Identity;
use super::transfer::{Transfer, Trouble};

/// What an answer is.
pub(super) enum Sent {
    /// The part that was asked for, or its beginning.
    Part(Identity),
    /// The whole file.
    Whole(Identity),
}

impl Transfer<'_> {
    /// Holds the head of an answer against what was asked and what is known.
    pub(super) fn judge(&self, head: &Head, asked: Option<&Range<u64>>) -> Result<Sent, Trouble> {
        let lie = |why: &str| Err(Trouble::NoRanges(why.into()));
        if head.status != 206 {
            return Ok(Sent::Whole(self.identity(head, head.length)));
        }
        let (Some(asked), Some(part)) = (asked, &head.part) else {
            return lie("the server sends a part that nobody asked for, or does not say which");
        };
        let range = &part.range;
        if range.start != asked.start || range.end > asked.end {
            return lie("the server sends another part than it was asked for");
        }
        if head.length.is_some_and(|length| length != range.end - range.start) {
            return lie("the part has not the length that the server says");
        }
        if part.total.is_none() {
            return lie("the server does not say how long the file is");
        }
        let identity = self.identity(head, part.total);
        let alone = range.start == 0 && Some(range.end) == part.total;
        match self.same_as_known(&identity) {
            Some(true) => Ok(Sent::Part(identity)),
            Some(false) => Err(Trouble::Changed("the file is another one than before".into())),
            None if joins(&identity) || alone => Ok(Sent::Part(identity)),
            None => lie("nothing tells which parts belong together"),
        }
    }

    fn identity(&self, head: &Head, total: Option<u64>) -> Identity {
        Identity {
            total,
            validator: head.validator.clone(),
            source: self.source_id(self.source.get()),
            sure_end: head.ends_surely,
            digest: self.wanted.digest.clone().or_else(|| Expected::strongest(&head.whole)),
        }
    }

    /// Whether it is the file of which something has come; nothing where none has.
    pub(super) fn same_as_known(&self, this: &Identity) -> Option<bool> {
        let part = self.part.borrow();
        let known = part.identity.as_ref()?;
        if known.total != this.total {
            return Some(false);
        }
        Some(match (&known.digest, &this.digest) {
            // What was given holds for every source; it is proved at the end.
            _ if self.wanted.digest.is_some() => true,
            (Some(known), Some(this)) if known.algorithm == this.algorithm => known == this,
            _ => {
                known.source == this.source && known.validator.is_some() && known.validator == this.validator
            }
        })
    }

    pub(super) fn source_id(&self, source: usize) -> String {
        hex::encode(&blake3::hash(self.targets[source].as_str().as_bytes()).as_bytes()[..8])
    }
}

/// Whether parts of this can be known to belong together.
pub(super) fn joins(identity: &Identity) -> bool {
    identity.validator.is_some() || identity.digest.is_some()
}
