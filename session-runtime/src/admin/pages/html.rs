//! The one place where text becomes HTML. A page is made of literals of this crate and of escaped
//! text; there is no way to put in other text as it is.

use std::fmt::{self, Write as _};

/// A page that is being written.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup, which only this crate writes.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, escaped for elements and for quoted attributes.
    pub(super) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        // Writing to a string never fails; what does is a `Display` that gives up, and nothing more
        // can be shown of that.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// Adds text as the value of a part of a query.
    pub(super) fn query(&mut self, text: &str) -> &mut Self {
        self.text(encoded(text))
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

/// Returns a text with everything but unreserved characters (RFC 3986, section 2.3) as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // As above.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_neither_ends_an_element_nor_an_attribute() {
        let mut page = Html::default();
        page.raw("<b title='").text("'\"><script>&amp;").raw("'>").query("a b&c=é\"").raw("</b>");
        assert_eq!(
            page.finish(),
            "<b title='&#39;&quot;&gt;&lt;script&gt;&amp;amp;'>a%20b%26c%3D%C3%A9%22</b>"
        );
    }
}
