//! The sentence: lower, check, emit, or the mistakes and a skeleton. Owns what happens when the macro
//! itself fails; must not know any detail of the stages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};
use syn::DeriveInput;

use crate::{check, diag::Diag, emit, lower};

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    guarded(|| try_expand(input))
}

/// Turns a panic into a message: rustc would show it at the derive with no word of whose fault it is.
pub(crate) fn guarded(expand: impl FnOnce() -> TokenStream) -> TokenStream {
    catch_unwind(AssertUnwindSafe(expand)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        let message = format!("bug in session-derive, please report: {text}");
        syn::Error::new(Span::call_site(), message).into_compile_error()
    })
}

fn try_expand(input: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let diag = Diag::new();
    let lowered = lower::lower(input, &diag);
    check::check(&lowered, &diag);
    match diag.finish() {
        None => emit::session(&lowered.session),
        Some(errors) if lowered.usable => {
            let skeleton = emit::skeleton(&lowered.session);
            quote::quote!(#errors #skeleton)
        }
        Some(errors) => errors,
    }
}
