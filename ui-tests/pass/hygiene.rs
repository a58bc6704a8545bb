//! Nothing that the user's program names differently confuses the expansion.

#![no_implicit_prelude]
#![deny(warnings)]

mod core {}
mod std {}
mod session_runtime {}
mod serde {}

/// Names that the expansion would use if it were careless.
#[allow(dead_code, non_camel_case_types)]
mod shadows {
    pub struct Option;
    pub struct Result;
    pub struct Vec;
    pub struct String;
    pub struct Clone;
    pub struct Into;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct Send;
    pub struct Sync;
    pub struct FnMut;
    pub struct FnOnce;
    pub struct i64;
    pub struct u64;
    pub struct str;
    pub struct bool;
    pub struct Context;
    pub struct Self_;
    pub struct T;
    pub struct S;
    pub struct __S;
    pub struct SPEC;
    pub struct Spec;
    pub struct ValueCell;
}
#[allow(unused_imports)]
use shadows::*;

#[derive(::core::clone::Clone, ::serde::Serialize, ::serde::Deserialize, ::core::default::Default)]
struct R;

#[derive(::session_runtime::Session)]
struct Shop {
    #[session(principal, extract = "Guard")]
    user: ::core::option::Option<::core::primitive::u64>,
    cart: ::std::vec::Vec<::core::primitive::u32>,
    result: R,
    #[session(counter)]
    visits: ::core::primitive::i64,
    tags: ::std::collections::BTreeSet<::std::string::String>,
    more: ::std::collections::BTreeMap<::std::string::String, ::std::string::String>,
    #[session(flash)]
    notice: ::core::option::Option<::std::string::String>,
    #[session(merge = "max")]
    best: ::core::primitive::u8,
    #[session(skip)]
    local: ::core::option::Option<::core::primitive::u8>,
    #[session(default = "x")]
    text: ::std::string::String,
    // Names of the expansion's own locals and helpers.
    self_: ::core::primitive::u8,
    value: ::core::primitive::u8,
    context: ::core::primitive::u8,
    parts: ::core::primitive::u8,
    state: ::core::primitive::u8,
    fields: ::core::primitive::u8,
    specs: ::core::primitive::u8,
    visit: ::core::primitive::u8,
    other: ::core::primitive::u8,
    f: ::core::primitive::u8,
    change: ::core::primitive::u8,
    by: ::core::primitive::u8,
    key: ::core::primitive::u8,
    member: ::core::primitive::u8,
    types: ::core::primitive::u8,
}

#[derive(::session_runtime::Session)]
#[session(crate = ::session_runtime)]
struct AsPath {
    // The user's functions are not hidden by those of the expansion.
    #[session(default = types())]
    page: ::core::primitive::u8,
    #[session(default = set())]
    copied: ::core::primitive::u8,
}

fn types() -> ::core::primitive::u8 {
    7
}

fn set() -> ::core::primitive::u8 {
    8
}

#[derive(::session_runtime::Session)]
#[session(crate = "crate::reexport::runtime")]
struct AsText {
    page: ::core::primitive::u8,
}

mod reexport {
    pub(crate) use ::session_runtime as runtime;
}

fn main() {
    let _ = |shop: &::session_runtime::Session<Shop>| {
        shop.update_result(|_| ());
        shop.set_value(shop.context());
    };
    let _ = |a: &::session_runtime::Session<AsPath>| a.page();
    let _ = |a: &::session_runtime::Session<AsText>| a.page();
    let _ = |guard: Guard| guard.0;
}
