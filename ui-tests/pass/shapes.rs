//! Shapes of structs: generics, raw and odd names, visibilities, places, sizes.

#![deny(warnings)]
#![allow(dead_code, uncommon_codepoints, non_snake_case)]

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use session_runtime::{Session, SessionType};
use std::collections::{BTreeMap, BTreeSet};

mod generics {
    use super::*;

    #[derive(Session)]
    pub struct Generic<T = u32, const N: usize = 3>
    where
        T: Clone + Default + Serialize + DeserializeOwned + Send + Sync + Ord + 'static,
    {
        one: T,
        many: Vec<T>,
        maybe: Option<T>,
        set: BTreeSet<T>,
        extra: BTreeMap<String, T>,
        #[session(principal)]
        user: Option<T>,
        #[session(flash)]
        notice: Option<T>,
        #[session(skip)]
        local: Array<N>,
        #[session(default = Vec::<(T, u8)>::new())]
        pairs: Vec<(T, u8)>,
        plain: u8,
    }

    #[derive(Clone)]
    pub struct Array<const N: usize>([u8; N]);

    impl<const N: usize> Default for Array<N> {
        fn default() -> Self {
            Self([0; N])
        }
    }

    // Bounds come from the fields where the struct has none.
    #[derive(Session)]
    pub struct Unbounded<T, R> {
        value: Option<T>,
        other: R,
    }

    #[derive(Session)]
    pub struct Inline<T: Clone + PartialEq> {
        #[session(counter)]
        visits: i64,
        value: Vec<T>,
    }

    fn uses(session: &Session<Generic<String, 2>>, other: &Session<Unbounded<u8, String>>) {
        session.set_one("a".to_owned());
        session.update_many(|many| many.push("a".to_owned()));
        session.insert_set("a".to_owned());
        session.remove_set(&"a".to_owned());
        let _ = session.take_maybe();
        let _ = other.claim_value();
        session.insert_extra("key".to_owned(), "a".to_owned());
        let _: Option<&String> = session.user();
        session.log_in("a".to_owned());
        other.set_value(1);
        other.update_other(|other| other.clear());
    }
}

mod names {
    use super::*;

    #[derive(Session)]
    pub struct r#Raw {
        r#type: u8,
        r#match: Option<String>,
        _leading: u8,
        x: u8,
        // Of the layer's builder, not of the handle.
        bind: u8,
        // Reserved for the handle, hence the getter.
        #[session(getter = "present_actor")]
        actor: u8,
        #[session(rename = "groesse")]
        größe: u8,
        #[session(getter = "type_of")]
        r#fn: u8,
        #[session(getter = "enum")]
        kind: u8,
        recursive: Option<Box<Node>>,
        a_very_long_name_that_goes_on_and_on_and_on_and_on_and_on_and_on: u8,
    }

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Node;

    fn uses(session: &Session<Raw>) {
        let _: u8 = session.r#type();
        session.set_type(1);
        session.set_match("a".to_owned());
        session.set__leading(1);
        session.set_größe(1);
        session.set_fn(session.type_of());
        session.set_bind(session.present_actor());
        let _: u8 = session.r#enum();
    }

    pub fn check() {
        let spec = Raw::spec();
        assert_eq!((spec.type_name, spec.name), ("Raw", "raw"));
        assert_eq!(spec.fields[0].name, "type");
    }
}

mod visibility {
    pub mod inner {
        use session_runtime::Session;

        #[derive(Session)]
        pub struct Shop {
            private: u8,
            pub(super) up: u8,
            pub(in crate::visibility) within: u8,
            pub(crate) crate_wide: u8,
            pub public: u8,
        }

        #[derive(Session)]
        pub(super) struct Restricted {
            #[session(extract = "Guard")]
            pub(super) user: Option<u8>,
        }

        fn own(session: &Session<Shop>) -> u8 {
            session.private()
        }
    }

    fn above(session: &session_runtime::Session<inner::Shop>) -> u8 {
        session.up() + session.within() + session.crate_wide() + session.public()
    }

    fn restricted(inner::Guard(user): inner::Guard, s: &session_runtime::Session<inner::Restricted>) {
        s.set_user(user);
    }
}

mod places {
    use session_runtime::Session;

    pub fn in_a_function() {
        #[derive(Session)]
        struct Local {
            page: u8,
            #[session(extract = "Page")]
            other: Option<u8>,
        }
        let _ = |session: &Session<Local>| session.set_page(1);
        let _ = |page: Page| page.0;
    }

    macro_rules! session {
        ($name:ident, $field:ident: $ty:ty = $default:expr, $text:literal, $guard:literal) => {
            #[derive(Session)]
            #[session(name = $text)]
            pub struct $name {
                #[session(default = $default)]
                $field: $ty,
                #[session(extract = $guard)]
                maybe: Option<Vec<$ty>>,
                list: Vec<$ty>,
            }
        };
    }

    session!(First, page: u8 = 1 + 2, "first", "FirstGuard");
    session!(Second, text: Option<String> = Some("a".to_owned()), "second", "SecondGuard");

    fn uses(first: &Session<First>, second: &Session<Second>) {
        first.set_page(1);
        second.set_text("a".to_owned());
        let _: Option<&String> = second.text();
    }

    pub mod without_imports {
        #[derive(session_runtime::Session)]
        pub struct Bare {
            page: u8,
        }
    }
}

mod defaults {
    use session_runtime::Session;

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    enum Theme {
        Light,
        Dark,
    }

    impl Shop {
        const PAGE: u8 = 7;
    }

    #[derive(Session)]
    struct Shop {
        #[session(default = Theme::Dark)]
        theme: Theme,
        #[session(default = vec![1, 2], alias = "numbers")]
        list: Vec<u8>,
        #[session(default = [1, 2])]
        array: [u8; 2],
        #[session(default = { let x = 1; x + 1 })]
        block: u8,
        #[session(default = if cfg!(unix) { 1 } else { 2 })]
        condition: u8,
        #[session(default = Self::PAGE)]
        associated: u8,
        #[session(default = <u8 as Default>::default(), copy)]
        qualified: u8,
        #[session(default = "text")]
        text: String,
        #[session(default = "text")]
        boxed: Box<str>,
        #[session(skip, default = std::time::Instant::now(), copy)]
        start: std::time::Instant,
        #[session(default = std::collections::HashMap::<u8, u8>::new())]
        map: std::collections::HashMap<u8, u8>,
    }
}

mod cfgs {
    use session_runtime::{Session, SessionType};

    #[derive(Session)]
    struct Shop {
        #[cfg(all())]
        #[cfg_attr(all(), session(copy))]
        page: u8,
        #[cfg(any())]
        page: NoSuchType,
    }

    pub fn check() {
        assert_eq!(Shop::spec().fields.len(), 1);
        let _: fn(&Session<Shop>) -> u8 = |session| session.page();
    }
}

mod sizes {
    use session_runtime::Session;

    macro_rules! many {
        ($name:ident: $($field:ident)*) => {
            #[derive(Session)]
            struct $name { $($field: u8,)* }
        };
    }

    many!(One: a);
    many!(SixtyFour: a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7
        d0 d1 d2 d3 d4 d5 d6 d7 e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7
        g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7);
    many!(SixtyFive: a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7
        d0 d1 d2 d3 d4 d5 d6 d7 e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7
        g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7 i0);
}

fn main() {
    names::check();
    cfgs::check();
    places::in_a_function();
    assert_eq!(places::First::spec().name, "first");
    let spec = generics::Generic::<u8>::spec();
    assert_eq!(spec.fields.len(), 10);
}
