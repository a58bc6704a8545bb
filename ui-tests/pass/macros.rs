//! Sessions that a `macro_rules!` of a library makes, and values with commas and angle brackets.

#![deny(warnings)]

pub use session_runtime as runtime;

#[macro_export]
macro_rules! session {
    (
        $(#[$attribute:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
        }
    ) => {
        #[derive($crate::runtime::Session)]
        // The library knows where the runtime is; its users need not depend on it.
        #[session(crate = $crate::runtime)]
        $(#[$attribute])*
        $vis struct $name {
            $($(#[$field_attribute])* $field_vis $field: $ty,)*
        }
    };
}

session! {
    /// A shop.
    #[session(idle = "1h")]
    pub(crate) struct Shop {
        /// The page.
        pub(crate) page: u8,
        #[session(principal, extract = "Me")]
        user: Option<String>,
        list: Vec<Option<u8>>,
    }
}

/// Attributes through metavariables of every kind that can hold one.
macro_rules! through {
    ($struct_key:meta; $($field:ident: $ty:ty => [$($key:meta),*]),*; $name:ident, $default:expr, $text:literal) => {
        #[derive(runtime::Session)]
        #[session($struct_key)]
        #[allow(dead_code)]
        struct Through {
            $(#[session($($key),*)] $field: $ty,)*
            #[session($name = $text, default = $default)]
            last: u8,
        }
    };
}

through! {
    name = "__Host-through";
    hits: i64 => [counter, rename = "h"],
    user: Option<String> => [principal],
    origin: String => [default = "web"];
    rename, 1 + 2, "tail"
}

mod values {
    use session_runtime::{Session, SessionType};

    #[derive(Session)]
    struct Shop {
        #[session(default = 1 << 2, copy)]
        shifted: u8,
        #[session(default = 8 >> 1, copy)]
        back: u8,
        #[session(default = 1 < 2, copy)]
        less: bool,
        #[session(default = 2 > 1, copy,)]
        more: bool,
        #[session(default = <<Vec<u8> as IntoIterator>::Item as Into<u16>>::into(1), copy)]
        nested: u16,
        #[session(default = (1 < 2), copy)]
        enclosed: bool,
        #[session(default = if 1 < 2 { 3 } else { 4 }, copy)]
        block: u8,
    }

    pub fn check() {
        assert_eq!(Shop::spec().fields.len(), 7);
        let _: fn(&Session<Shop>) -> u8 = |session| session.shifted() + session.back();
        let _: fn(&Session<Shop>) -> bool = |session| session.less() && session.enclosed();
        let _: fn(&Session<Shop>) -> u16 = |session| session.nested() + u16::from(session.block());
    }
}

mod keywords {
    use session_runtime::Session;

    #[derive(Session)]
    struct Shop {
        // A keyword since edition 2024 only.
        #[session(getter = "gen")]
        generation: u8,
        #[session(getter = "async")]
        waits: u8,
        r#gen_: u8,
    }

    pub fn check() {
        let _: fn(&Session<Shop>) -> u8 = |session| session.r#gen();
        let _: fn(&Session<Shop>) -> u8 = |session| session.r#async();
    }
}

mod bounds {
    use std::marker::PhantomData;

    use session_runtime::Session;

    // `Self` is the user's struct in its bounds, also where they are repeated.
    #[derive(Session)]
    pub struct Itself<T: Into<Self>>
    where
        Self: From<T>,
        T: Send + Sync + 'static,
    {
        #[session(skip)]
        marker: PhantomData<T>,
        page: u8,
    }

    // Parameters with the names that the expansion would take.
    #[derive(Session)]
    pub struct Names<R, __R, __S> {
        first: R,
        second: Vec<__R>,
        third: Option<__S>,
    }

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    #[allow(non_camel_case_types)]
    pub struct __S;

    #[derive(Session)]
    pub struct Guarded {
        #[session(extract = "Guard")]
        page: Option<__S>,
    }

    pub fn check() {
        let _: fn(&Session<Names<u8, u8, u8>>) =
            |session| session.update_second(|second| second.clear());
        let _: fn(&Guard) -> &__S = |guard| guard;
    }
}

fn main() {
    use runtime::SessionType as _;
    let spec = Through::spec();
    let names: Vec<_> = spec.fields.iter().map(|field| field.name).collect();
    assert_eq!((spec.name, &names[..]), ("__Host-through", &["h", "user", "origin", "tail"][..]));
    values::check();
    keywords::check();
    bounds::check();
    let _: fn(&runtime::Session<Shop>) -> u8 = |session| session.page();
    let _: fn(Me) -> String = |user| user.0;
}
