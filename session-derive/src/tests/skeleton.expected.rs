::core::compile_error! {
    "unknown key `idel`, did you mean `idle`?\nhelp: the struct takes `name`, `transport`, `payload`, `idle`, `absolute`, `path`, `domain`, `same_site`, `secure`, `http_only`, `partitioned`, `persistent`, `create`, `resend`, `on_stale`, `on_store_error`, `commit_on`, `on_end`, `codec` and `crate`"
}
///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code, unused_variables, unreachable_code)]
struct ShopFields {
    __session: ::session_runtime::__private0::core::marker::PhantomData<fn() -> Shop>,
}
/**The write-only view of a [`Shop`] session: what `Writer<Shop>` derefs to.

It loads nothing, so it has only what needs no present value.*/
#[allow(dead_code, unused_variables, unreachable_code)]
struct ShopWriter {
    fields: ShopFields,
}
///The present `user` of a [`Shop`] session, as an extractor: without one the request is rejected.
#[allow(dead_code, unused_variables, unreachable_code)]
#[allow(private_interfaces)]
struct CurrentUser(UserId);
#[allow(dead_code, unused_variables, unreachable_code)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        ///The field `user`.
        #[must_use]
        fn user(&self) -> __session::core::option::Option<&UserId> {
            __session::core::unreachable!()
        }
        ///The field `cart`.
        #[must_use]
        fn cart(&self) -> &Vec<Item> {
            __session::core::unreachable!()
        }
        ///Sets [`cart`](Self::cart).
        fn set_cart(&self, value: Vec<Item>) {
            __session::core::unreachable!()
        }
        /**Changes [`cart`](Self::cart) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_cart<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut Vec<Item>) -> R,
        ) -> R {
            __session::core::unreachable!()
        }
        ///Brings [`cart`](Self::cart) back to its default.
        fn reset_cart(&self) {
            __session::core::unreachable!()
        }
    }
    impl ShopWriter {
        ///Sets [`cart`](ShopFields::cart).
        fn set_cart(&self, value: Vec<Item>) {
            __session::core::unreachable!()
        }
        ///Brings [`cart`](ShopFields::cart) back to its default.
        fn reset_cart(&self) {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::SessionType for Shop {
        type Fields = ShopFields;
        type Writer = ShopWriter;
        fn spec() -> &'static __session::Spec {
            __session::core::unreachable!()
        }
        fn writer(context: __session::Context) -> Self::Writer {
            __session::core::unreachable!()
        }
        fn snapshot(fields: &Self::Fields) -> Self {
            __session::core::unreachable!()
        }
        fn replace(fields: &Self::Fields, value: Self) {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::PrincipalType for Shop {
        type Principal = UserId;
        fn principal(
            fields: &Self::Fields,
        ) -> &__session::ValueCell<__session::core::option::Option<Self::Principal>> {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::FieldSet for ShopFields {
        fn context(&self) -> &__session::Context {
            __session::core::unreachable!()
        }
        fn each(
            &self,
            visit: &mut dyn __session::core::ops::FnMut(&dyn __session::Cell),
        ) {
            __session::core::unreachable!()
        }
        fn adopt(&self, other: &Self) {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::core::convert::AsRef<ShopFields> for ShopWriter {
        fn as_ref(&self) -> &ShopFields {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for ShopFields {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for ShopWriter {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::unreachable!()
        }
    }
    __session::if_axum! {
        #[automatically_derived] impl < __S : __session::core::marker::Send +
        __session::core::marker::Sync > __session::axum_core::extract::FromRequestParts <
        __S > for Shop { type Rejection = __session::Rejection; async fn
        from_request_parts(parts : & mut __session::http::request::Parts, _ : & __S,) ->
        __session::core::result::Result < Self, Self::Rejection > {
        __session::core::unreachable!() } }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for CurrentUser {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::core::clone::Clone for CurrentUser {
        fn clone(&self) -> Self {
            __session::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::core::ops::Deref for CurrentUser {
        type Target = UserId;
        fn deref(&self) -> &UserId {
            __session::core::unreachable!()
        }
    }
    __session::if_axum! {
        #[automatically_derived] impl < __S : __session::core::marker::Send +
        __session::core::marker::Sync > __session::axum_core::extract::FromRequestParts <
        __S > for CurrentUser { type Rejection = __session::Rejection; async fn
        from_request_parts(parts : & mut __session::http::request::Parts, _ : & __S) ->
        __session::core::result::Result < Self, Self::Rejection > {
        __session::core::unreachable!() } } #[automatically_derived] impl < __S :
        __session::core::marker::Send + __session::core::marker::Sync >
        __session::axum_core::extract::OptionalFromRequestParts < __S > for CurrentUser {
        type Rejection = __session::Rejection; async fn from_request_parts(parts : & mut
        __session::http::request::Parts, _ : & __S) -> __session::core::result::Result <
        __session::core::option::Option < Self >, Self::Rejection > {
        __session::core::unreachable!() } }
    }
};
