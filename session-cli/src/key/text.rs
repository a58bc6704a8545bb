//! The text of a key file, and its changes: everything that is not changed stays as it is, comments
//! included. The comment behind a new key says since when the key waits; a comment moves with the file
//! wherever it is copied, and the time of a file does not.

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use session_runtime::KeyRing;
use zeroize::Zeroizing;

use crate::{Failure, time};

/// The mark of a key that only reads.
const READ_ONLY: &str = "read-only";
/// The comment behind a key that waits to write, before a time.
const WAITS: &str = "# only reads, and waits since ";
/// The comment behind a key that may write, before a time.
const WRITES: &str = "# writes since ";
/// The comment behind a key that wrote, before a time.
const WROTE: &str = "# wrote until ";

/// The text of a key file. Wiped from memory on drop.
pub(crate) struct RingText(Zeroizing<String>);

/// The next step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Add a key that only reads.
    Add,
    /// Let the key write that waits.
    Promote {
        /// The time at which the key was added.
        since: SystemTime,
    },
    /// Remove the keys whose end has passed.
    Remove,
}

impl RingText {
    pub(crate) const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the text as applications do.
    pub(crate) fn ring(&self) -> Result<KeyRing, Failure> {
        Ok(KeyRing::from_text(&self.0)?)
    }

    /// Returns the step that is due.
    pub(crate) fn next(&self, now: SystemTime, slack: Duration) -> Step {
        if let Some((_, since)) = self.waiting() {
            return Step::Promote { since };
        }
        let has_ended = self.words().into_iter().any(|word| self.is_ended(&word, now, slack));
        if has_ended { Step::Remove } else { Step::Add }
    }

    /// Returns the first end of a key that stays in the file until then, and a little longer.
    pub(crate) fn next_end(&self, now: SystemTime, slack: Duration) -> Option<SystemTime> {
        let words = self.words();
        let ends = words.iter().filter_map(|word| self.end(word));
        ends.filter(|end| *end + slack >= now).min()
    }

    /// Returns the position of the key that waits, from 0, and the time since when. A key whose mark
    /// somebody has removed does not wait.
    pub(crate) fn waiting(&self) -> Option<(usize, SystemTime)> {
        let waits = |word: &Range<usize>| {
            let (_, since) = self.0[self.line(word)].split_once(WAITS)?;
            let since = humantime::parse_rfc3339(since.trim_ascii()).ok()?;
            self.is_read_only(word).then_some(since)
        };
        let words = self.words();
        let mut marked = words.iter().enumerate();
        let (place, since) = marked.find_map(|(place, word)| Some((place, waits(word)?)))?;
        // The comment is about one key.
        self.is_alone(&words[place], &words).then_some((place, since))
    }

    /// Returns the text with a new key in front that only reads.
    pub(crate) fn with_new(&self, key: &str, now: SystemTime) -> Self {
        let now = time::print(now);
        self.edited(vec![(0..0, text(&[key, "@", READ_ONLY, "  ", WAITS, &now, "\n"]))])
    }

    /// Returns the text without the mark of the waiting key, which writes then, and with an end, if one
    /// is given, at the key that writes before.
    pub(crate) fn promoted(
        &self,
        now: SystemTime,
        end: Option<SystemTime>,
    ) -> Result<Self, Failure> {
        let words = self.words();
        let waiting = self.waiting().and_then(|(place, _)| words.get(place));
        let writer = words.iter().find(|word| !self.is_read_only(word));
        let (Some(waiting), Some(writer)) = (waiting, writer) else {
            return Err(Failure::new("no key waits in the file"));
        };
        if waiting.start > writer.start {
            return Err(Failure::new(
                "the key that waits is behind the one that writes: put its line in front, in every \
                 copy of the file, and run this again",
            ));
        }
        // Without its marks: an end would be one of the key that writes.
        let key = self.0[waiting.clone()].split('@').next().unwrap_or_default();
        let now = time::print(now);
        let mut edits = vec![(waiting.start + key.len()..waiting.end, text(&[]))];
        let mut say = |word: &Range<usize>, comment: &str, new: &str| {
            let line = self.line(word);
            if let Some(at) = self.0[line.clone()].find(comment) {
                edits.push((line.start + at..line.end, text(&[new, &now])));
            }
        };
        say(waiting, WAITS, WRITES);
        // The comment of an earlier promotion is true no more.
        say(writer, WRITES, WROTE);
        if let Some(end) = end {
            edits.push((writer.end..writer.end, text(&["@", &time::print(end)])));
        }
        Ok(self.edited(edits))
    }

    /// Returns the text without the keys whose end has passed.
    pub(crate) fn without_ended(&self, now: SystemTime, slack: Duration) -> Self {
        let words = self.words();
        let ended = words.iter().filter(|word| self.is_ended(word, now, slack));
        // Several in one line have cuts that follow each other.
        self.edited(ended.map(|word| (self.cut(word, &words), text(&[]))).collect())
    }

    /// Returns the text with other parts in the place of some of its own.
    fn edited(&self, mut edits: Vec<(Range<usize>, Zeroizing<String>)>) -> Self {
        edits.sort_by_key(|(range, _)| range.start);
        let more: usize = edits.iter().map(|(_, new)| new.len()).sum();
        // One that grows would leave copies of the keys behind.
        let mut edited = Zeroizing::new(String::with_capacity(self.0.len() + more));
        let mut kept = 0;
        for (range, new) in edits {
            edited.push_str(&self.0[kept..range.start]);
            edited.push_str(&new);
            kept = range.end;
        }
        edited.push_str(&self.0[kept..]);
        Self(edited)
    }

    /// Returns where the keys are, with their ends.
    fn words(&self) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let mut start = 0;
        for line in self.0.split_inclusive('\n') {
            let keys = line.split_once('#').map_or(line, |(keys, _)| keys);
            let mut at = start;
            for part in keys.split_inclusive(|c: char| c == ',' || c.is_whitespace()) {
                let word = part.trim_end_matches(|c: char| c == ',' || c.is_whitespace());
                if !word.is_empty() {
                    words.push(at..at + word.len());
                }
                at += part.len();
            }
            start += line.len();
        }
        words
    }

    fn is_read_only(&self, word: &Range<usize>) -> bool {
        self.0[word.clone()].split('@').skip(1).any(|mark| mark == READ_ONLY)
    }

    fn is_ended(&self, word: &Range<usize>, now: SystemTime, slack: Duration) -> bool {
        self.end(word).is_some_and(|end| end + slack < now)
    }

    fn end(&self, word: &Range<usize>) -> Option<SystemTime> {
        let mut marks = self.0[word.clone()].split('@').skip(1);
        marks.find_map(|mark| humantime::parse_rfc3339(mark).ok())
    }

    /// Returns the line of a key, without its end.
    fn line(&self, word: &Range<usize>) -> Range<usize> {
        let start = self.0[..word.start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.0[word.end..].find('\n').map_or(self.0.len(), |at| word.end + at);
        start..end
    }

    /// Returns true if a key has its line for itself.
    fn is_alone(&self, word: &Range<usize>, words: &[Range<usize>]) -> bool {
        let line = self.line(word);
        words.iter().filter(|other| line.contains(&other.start)).count() == 1
    }

    /// Returns what goes with a key: its whole line, if it has the line for itself.
    fn cut(&self, word: &Range<usize>, words: &[Range<usize>]) -> Range<usize> {
        let line = self.line(word);
        if self.is_alone(word, words) {
            return line.start..(line.end + 1).min(self.0.len());
        }
        let separators = self.0[word.end..line.end]
            .find(|c: char| c != ',' && !c.is_whitespace())
            .unwrap_or(line.end - word.end);
        word.start..word.end + separators
    }
}

/// Returns a text of these parts.
fn text(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.push_str(part);
    }
    text
}
