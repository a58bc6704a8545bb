//! Texts that other languages and file systems would misread or confuse, as users choose them. Plain
//! data; nothing here talks to a store.

/// Names, texts and keys that users choose, each different from all others.
#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", ":", "::", ".", "..", "a.b", "a.b.c", "../../etc/passwd", "/", "a/b", "$set", "$where",
    "$.a", "$[*]", "[0]", "0", "-1", "*", "?", "%", "%s", "_", "{}", "{0}", "{a}", "(a)", "\0",
    "a\0", "a\0b", "'", "''", "\"", "\"\"", "`", "\\", "\\\\", "\\'", "\\0", "\\u0000",
    "'; DROP TABLE sessions; --", "\") OR 1=1 --", "\n", "\r\n", "\t", " ", "a", "a ", " a",
    "a  ", "A", "é", "e\u{301}", "É", "ß", "ss", "ı", "i", "I", "İ", "\u{feff}", "\u{202e}abc",
    "\u{200b}", "\u{7f}", "\u{1b}[31m", "\u{ffff}", "\u{10ffff}", "🦀", "👩‍👩‍👧‍👦", "null", "true",
    "undefined", "NaN", "_id", "_", "__proto__", "constructor", "meta", "fields", "groups",
    "check", "principal", "revision", "selector", "namespace", "expires", "ünï", "日本語", "عربى",
    "-- ", "/* */", ";", ",", "=", "&", "<b>", "#", "@", "|", "~",
];

/// Returns these texts, and long ones.
pub(super) fn hostile() -> Vec<String> {
    let mut names: Vec<String> = HOSTILE.iter().copied().map(str::to_owned).collect();
    names.extend(["x".repeat(300), "🦀".repeat(300), format!("{}y", "x".repeat(299))]);
    names.sort();
    names.dedup();
    names
}
