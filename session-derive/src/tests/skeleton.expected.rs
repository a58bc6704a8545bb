::core::compile_error! {
    "unknown key `idel`, did you mean `idle`?\nhelp: the struct takes `name`, `prefix`, `namespace`, `transport`, `payload`, `idle`, `absolute`, `path`, `domain`, `same_site`, `secure`, `http_only`, `partitioned`, `persistent`, `create`, `resend`, `on_stale`, `on_store_error`, `commit_on`, `on_end`, `on_lost`, `codec` and `crate`"
}
///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code, unused_variables, unreachable_code)]
struct ShopFields {
    __session: ::session_runtime::__private0::PhantomData<fn() -> Shop>,
}
///The present `user` of a [`Shop`] session, as an extractor: without one the request is rejected.
#[allow(dead_code, unused_variables, unreachable_code)]
#[allow(private_interfaces)]
struct CurrentUser(UserId);
#[allow(dead_code, unused_variables, unreachable_code)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        /// Returns the value that `user` has at this moment.
        #[must_use]
        #[inline]
        fn user(&self) -> __session::Option<&UserId> {
            __session::unreachable!()
        }
        /// Changes [`user`](Self::user) in place, if somebody is logged in. A change of the identity is an error at the commit: another principal is logged in by `log_in`.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_user(
            &self,
            change: impl __session::FnMut(&mut UserId) + __session::Send + 'static,
        )
        where
            for<'__any> UserId: __session::Principal,
        {
            __session::unreachable!()
        }
        /// Returns the value that `cart` has at this moment.
        #[must_use]
        #[inline]
        fn cart(&self) -> &Vec<Item> {
            __session::unreachable!()
        }
        /// Adds an item to [`cart`](Self::cart).
        #[inline]
        fn push_cart(&self, value: Item) {
            __session::unreachable!()
        }
        /// Adds items to [`cart`](Self::cart).
        #[inline]
        fn extend_cart(&self, items: impl __session::IntoIterator<Item = Item>) {
            __session::unreachable!()
        }
        /// Sets [`cart`](Self::cart).
        #[inline]
        fn set_cart(&self, value: Vec<Item>) {
            __session::unreachable!()
        }
        /// Changes [`cart`](Self::cart) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_cart(
            &self,
            change: impl __session::FnMut(&mut Vec<Item>) + __session::Send + 'static,
        ) {
            __session::unreachable!()
        }
        /// Sets [`cart`](Self::cart) back to its default.
        #[inline]
        fn reset_cart(&self) {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::SessionType for Shop {
        type Fields = ShopFields;
        type Listed = ();
        #[inline]
        fn spec() -> &'static __session::Spec {
            __session::unreachable!()
        }
        #[inline]
        fn fields(context: __session::Context) -> Self::Fields {
            __session::unreachable!()
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            __session::unreachable!()
        }
        #[inline]
        fn listed(_: &Self::Fields) -> Self::Listed {
            __session::unreachable!()
        }
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            __session::unreachable!()
        }
        #[inline]
        fn identity(stored: &[__session::u8]) -> __session::Option<__session::String> {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::PrincipalType for Shop {
        type Principal = UserId;
        #[inline]
        fn principal(
            fields: &Self::Fields,
        ) -> &__session::ValueCell<__session::Option<Self::Principal>> {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::FieldSet for ShopFields {
        #[inline]
        fn context(&self) -> &__session::Context {
            __session::unreachable!()
        }
        #[inline]
        fn cells(&self, visit: &mut dyn __session::FnMut(&[&dyn __session::Cell])) {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopFields {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::Debug for CurrentUser {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::Clone for CurrentUser {
        #[inline]
        fn clone(&self) -> Self {
            __session::unreachable!()
        }
    }
    #[automatically_derived]
    impl __session::Deref for CurrentUser {
        type Target = UserId;
        #[inline]
        fn deref(&self) -> &UserId {
            __session::unreachable!()
        }
    }
    'if_axum: {
        #[automatically_derived]
        impl<__S: __session::Send + __session::Sync> __session::FromRequestParts<__S>
        for CurrentUser {
            type Rejection = __session::Rejection;
            #[inline]
            fn from_request_parts(
                parts: &mut __session::Parts,
                _: &__S,
            ) -> impl __session::Future<
                Output = __session::Result<Self, __session::Rejection>,
            > + __session::Send {
                __session::required::<
                    Shop,
                    UserId,
                    Self,
                >(parts, |fields| { __session::unreachable!() }, Self)
            }
        }
        #[automatically_derived]
        impl<
            __S: __session::Send + __session::Sync,
        > __session::OptionalFromRequestParts<__S> for CurrentUser {
            type Rejection = __session::Rejection;
            #[inline]
            fn from_request_parts(
                parts: &mut __session::Parts,
                _: &__S,
            ) -> impl __session::Future<
                Output = __session::Result<__session::Option<Self>, __session::Rejection>,
            > + __session::Send {
                __session::optional::<
                    Shop,
                    UserId,
                    Self,
                >(parts, |fields| { __session::unreachable!() }, Self)
            }
        }
    }
};
