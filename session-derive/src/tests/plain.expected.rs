///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code)]
struct ShopFields {
    __context: ::session_runtime::__private0::Context,
    cart: ::session_runtime::__private0::ValueCell<
        Vec<Item>,
        ::session_runtime::__private0::ListFunctions<Vec<Item>, Item>,
    >,
}
#[allow(dead_code)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        /// Returns the value that `cart` has at this moment.
        /// What is to be bought.
        #[must_use]
        #[inline]
        fn cart(&self) -> &Vec<Item> {
            self.cart.get(&self.__context)
        }
        /// Adds an item to [`cart`](Self::cart).
        #[inline]
        fn push_cart(&self, value: Item) {
            self.cart.push(&self.__context, value);
        }
        /// Adds items to [`cart`](Self::cart).
        #[inline]
        fn extend_cart(&self, items: impl __session::IntoIterator<Item = Item>) {
            self.cart.extend(&self.__context, items);
        }
        /// Sets [`cart`](Self::cart).
        #[inline]
        fn set_cart(&self, value: Vec<Item>) {
            self.cart.set(&self.__context, value);
        }
        /// Changes [`cart`](Self::cart) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_cart(
            &self,
            change: impl __session::FnMut(&mut Vec<Item>) + __session::Send + 'static,
        ) {
            self.cart.update(&self.__context, change);
        }
        /// Sets [`cart`](Self::cart) back to its default.
        #[inline]
        fn reset_cart(&self) {
            self.cart.reset(&self.__context);
        }
    }
    static __FIELDS: [__session::FieldSpec; 1usize] = [
        __session::FieldSpec::new("cart"),
    ];
    #[automatically_derived]
    impl __session::SessionType for Shop {
        type Fields = ShopFields;
        type Listed = ();
        #[inline]
        fn spec() -> &'static __session::Spec {
            static SPEC: __session::Spec = __session::Spec {
                type_name: "Shop",
                name: "shop",
                prefix: __session::Prefix::Strongest,
                namespace: "shop",
                transport: __session::Transport::Cookie,
                payload: __session::Payload::Server,
                idle: __session::Some(__session::Duration::from_secs(1800u64)),
                absolute: __session::Some(__session::Duration::from_secs(43200u64)),
                cookie: __session::CookieSpec {
                    path: "/",
                    domain: __session::None,
                    same_site: __session::SameSite::Lax,
                    secure: true,
                    http_only: true,
                    partitioned: false,
                    persistent: false,
                },
                create: __session::Create::OnWrite,
                resend: __session::Resend::OnChange,
                on_stale: __session::OnStale::ClearToken,
                on_store_error: __session::OnStoreError::Fail,
                commit_on: __session::CommitOn::Not5xx,
                on_end: __session::OnEnd::ExpireToken,
                on_lost: __session::OnLost::Keep,
                fields: &__FIELDS,
            };
            &SPEC
        }
        #[inline]
        fn fields(context: __session::Context) -> Self::Fields {
            let [__spec0] = &__FIELDS;
            ShopFields {
                __context: context,
                cart: <Vec<
                    Item,
                > as ::session_runtime::__private0::ListAccess<
                    Item,
                >>::cell(__spec0, <Vec<Item> as __session::FieldDefault>::field_default),
            }
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                cart: fields.cart.cloned(&fields.__context),
            }
        }
        #[inline]
        fn listed(_: &Self::Fields) -> Self::Listed {}
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            fields.cart.set(&fields.__context, value.cart);
        }
    }
    #[automatically_derived]
    impl __session::FieldSet for ShopFields {
        #[inline]
        fn context(&self) -> &__session::Context {
            &self.__context
        }
        #[inline]
        fn cells(&self, visit: &mut dyn __session::FnMut(&[&dyn __session::Cell])) {
            visit(&[&self.cart]);
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopFields {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str("ShopFields { cart, .. }")
        }
    }
};
