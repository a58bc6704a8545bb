//! Collects the mistakes of one struct, so that all of them are reported at once. Owns how a message
//! and its help are laid out; must not know what any message is about.

use std::{cell::RefCell, fmt::Display};

use proc_macro2::{Span, TokenStream};

/// A text as code in a message; one that is empty shows its quotes.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() { "`\"\"`".to_owned() } else { format!("`{text}`") }
}

/// The mistakes found so far. Every path must end in [`Diag::finish`]: a collector that is dropped
/// with its mistakes unread would make a wrong struct compile.
#[derive(Debug)]
pub(crate) struct Diag {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Some(Vec::new())) }
    }

    /// A mistake at `span`, and what to do about it.
    pub(crate) fn error(&self, span: Span, message: impl Display, help: impl Display) {
        self.push(syn::Error::new(span, format_args!("{message}\nhelp: {help}")));
    }

    /// The same, underlining all of `tokens`.
    pub(crate) fn error_on(
        &self,
        tokens: &impl quote::ToTokens,
        message: impl Display,
        help: impl Display,
    ) {
        self.push(syn::Error::new_spanned(tokens, format_args!("{message}\nhelp: {help}")));
    }

    fn push(&self, error: syn::Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// All mistakes as `compile_error!` calls; `None` if there are none.
    pub(crate) fn finish(self) -> Option<TokenStream> {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        let mut errors = errors.into_iter();
        let mut all = errors.next()?;
        all.extend(errors);
        Some(all.into_compile_error())
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        let reported = self.errors.get_mut().is_none() || std::thread::panicking();
        assert!(reported, "mistakes were collected and never reported");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_all() {
        let diag = Diag::new();
        diag.error(Span::call_site(), "one", "do this");
        diag.error(Span::call_site(), "two", "do that");
        let output = diag.finish().map(|tokens| tokens.to_string()).unwrap_or_default();
        assert_eq!(output.matches("compile_error").count(), 2);
        assert!(output.contains("help: do that"));
    }

    #[test]
    fn nothing_wrong_is_nothing() {
        assert!(Diag::new().finish().is_none());
    }

    #[test]
    #[should_panic(expected = "never reported")]
    fn forgetting_to_report_is_a_bug() {
        drop(Diag::new());
    }
}
