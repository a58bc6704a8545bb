//! `docs/performance.md`: its figures stand between marks, and are written by the commands that
//! measure them. What is around them is written by people.

use std::{fs, io};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Writes figures where the document has the mark of this name.
pub fn record(name: &str, figures: &str) -> io::Result<()> {
    let path = format!("{ROOT}/docs/performance.md");
    let text = fs::read_to_string(&path)?;
    let replaced = replaced(&text, name, figures).ok_or_else(|| {
        io::Error::other(format!("{path} has no `<!-- {name} -->` with a `<!-- end -->` after it"))
    })?;
    fs::write(path, replaced)
}

/// Writes one of the document's charts.
pub fn record_chart(name: &str, svg: &str) -> io::Result<()> {
    fs::write(format!("{ROOT}/docs/{name}.svg"), svg)
}

fn replaced(text: &str, name: &str, figures: &str) -> Option<String> {
    let mark = format!("<!-- {name} -->\n");
    let begin = text.find(&mark)? + mark.len();
    let end = begin + text[begin..].find("<!-- end -->")?;
    Some(format!("{}\n{}\n\n{}", &text[..begin], figures.trim(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- x -->\n\nold\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n";
        let once = replaced(text, "x", "new\n").expect("it has the mark");
        assert_eq!(once, text.replace("old", "new"));
        assert_eq!(replaced(&once, "x", "new\n").as_deref(), Some(&*once), "it settles");
        assert_eq!(replaced(text, "z", ""), None);
    }
}
