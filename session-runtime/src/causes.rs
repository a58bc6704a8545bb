//! Prints an error together with its causes. `main` prints the error it returns by `Debug`, so
//! the public errors have this text there: the message, and not the fields of a type.

use std::{error::Error, fmt};

/// Writes the error's message, and after a colon each cause that the text does not have yet.
pub(crate) fn fmt(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    after(error.to_string(), error.source(), f)
}

/// Writes a text, and after a colon each cause that the text does not have yet.
pub(crate) fn after(
    mut text: String,
    mut cause: Option<&(dyn Error + 'static)>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    f.write_str(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Caused(&'static str, Option<Box<Self>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl fmt::Debug for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt(self, f)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn printed(messages: &[&'static str]) -> String {
        let mut messages = messages.iter().rev();
        let mut error = Caused(messages.next().expect("an error"), None);
        for message in messages {
            error = Caused(message, Some(Box::new(error)));
        }
        format!("{error:?}")
    }

    #[test]
    fn each_cause_follows_what_it_led_to() {
        assert_eq!(printed(&["no answer"]), "no answer");
        assert_eq!(printed(&["load", "no answer", "refused"]), "load: no answer: refused");
    }

    #[test]
    fn a_cause_that_the_message_has_is_not_repeated() {
        assert_eq!(
            printed(&["load: no answer", "no answer", "refused"]),
            "load: no answer: refused"
        );
        assert_eq!(
            printed(&["load (refused)", "no answer", "refused"]),
            "load (refused): no answer"
        );
        assert_eq!(printed(&["load", ""]), "load");
    }
}
