//! Where generated code finds the runtime. Owns the private module's name and `crate = …`; must not
//! know what is taken from there.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};

/// The private module of the runtime that carries this crate's patch version in its name: a macro
/// and a runtime that do not belong together fail to compile at this name.
const PRIVATE: &str = concat!("__private", env!("CARGO_PKG_VERSION_PATCH"));

/// The name for it inside the generated block: paths stay short, to read and to compile.
const ALIAS: &str = "__session";

/// The path to the runtime's private module. As tokens it is the alias, which holds inside the
/// generated block.
pub(crate) struct Private {
    path: TokenStream,
    alias: Ident,
}

impl Private {
    pub(crate) fn new(runtime: Option<&syn::Path>) -> Self {
        let private = format_ident!("{PRIVATE}");
        let path = if let Some(runtime) = runtime {
            quote!(#runtime::#private)
        } else {
            quote!(::session_runtime::#private)
        };
        Self { path, alias: Ident::new(ALIAS, Span::call_site()) }
    }

    /// The path in full, for what stands outside the block.
    pub(crate) const fn in_full(&self) -> &TokenStream {
        &self.path
    }

    /// The item that makes the alias known.
    pub(crate) fn import(&self) -> TokenStream {
        let Self { path, alias } = self;
        quote!(use #path as #alias;)
    }
}

impl ToTokens for Private {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.alias.to_tokens(tokens);
    }
}

/// Whether a `crate` path means the same wherever the generated code stands.
pub(crate) fn is_absolute(path: &syn::Path) -> bool {
    path.leading_colon.is_some()
        || path
            .segments
            .first()
            // `$crate` in a `macro_rules!` is one identifier.
            .is_some_and(|segment| segment.ident == "crate" || segment.ident == "$crate")
}
