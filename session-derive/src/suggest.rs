//! "Did you mean": the nearest known word, by the compiler's own threshold, and lists of words for
//! messages. Must not know what the words stand for.

/// The known word nearest to `word`, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // One edit in three characters, as rustc allows; a difference in case alone always counts.
    let limit = word.chars().count().max(3) / 3;
    let mut best = None;
    for candidate in known {
        if candidate.eq_ignore_ascii_case(word) {
            return Some(candidate);
        }
        let distance = distance(word, candidate);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// ``, did you mean `x`?`` or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(word, known).map(|word| format!(", did you mean `{word}`?")).unwrap_or_default()
}

/// `` `a`, `b` or `c` ``, with the given word before the last.
pub(crate) fn list<'a>(words: impl Iterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// How many insertions, deletions, replacements and swaps of neighbours turn one into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("idle", "idel"), 1);
        assert_eq!(distance("counter", "counters"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn near_and_far() {
        let known = ["idle", "counter", "on_stale"];
        assert_eq!(nearest("idel", known.into_iter()), Some("idle"));
        assert_eq!(nearest("IDLE", known.into_iter()), Some("idle"));
        assert_eq!(nearest("conter", known.into_iter()), Some("counter"));
        assert_eq!(nearest("on_state", known.into_iter()), Some("on_stale"));
        assert_eq!(nearest("banana", known.into_iter()), None);
        assert_eq!(nearest("", known.into_iter()), None);
    }

    #[test]
    fn lists() {
        assert_eq!(list(["a"].into_iter(), "or"), "`a`");
        assert_eq!(list(["a", "b", "c"].into_iter(), "and"), "`a`, `b` and `c`");
    }
}
