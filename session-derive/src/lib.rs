//! The derive macro of `session-runtime`.

use proc_macro::TokenStream;

/// Turns a struct into a session type.
#[proc_macro_derive(Session, attributes(session))]
pub fn derive_session(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
