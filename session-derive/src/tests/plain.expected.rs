///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code)]
struct ShopFields {
    __context: ::session_runtime::__private0::Context,
    cart: ::session_runtime::__private0::ValueCell<Vec<Item>>,
}
/**The write-only view of a [`Shop`] session: what `Writer<Shop>` derefs to.

It loads nothing, so it has only what needs no present value.*/
#[allow(dead_code)]
struct ShopWriter {
    fields: ShopFields,
}
#[allow(dead_code)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        /// What is to be bought.
        #[must_use]
        fn cart(&self) -> &Vec<Item> {
            <Vec<Item> as __session::ValueAccess>::get(&self.cart, &self.__context)
        }
        ///Sets [`cart`](Self::cart).
        fn set_cart(&self, value: Vec<Item>) {
            <Vec<
                Item,
            > as __session::ValueAccess>::set(&self.cart, &self.__context, value);
        }
        /**Changes [`cart`](Self::cart) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_cart<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut Vec<Item>) -> R,
        ) -> R {
            <Vec<
                Item,
            > as __session::ValueAccess>::update(&self.cart, &self.__context, change)
        }
        ///Brings [`cart`](Self::cart) back to its default.
        fn reset_cart(&self) {
            <Vec<Item> as __session::ValueAccess>::reset(&self.cart, &self.__context);
        }
    }
    impl ShopWriter {
        ///Sets [`cart`](ShopFields::cart).
        fn set_cart(&self, value: Vec<Item>) {
            ShopFields::set_cart(&self.fields, value);
        }
        ///Brings [`cart`](ShopFields::cart) back to its default.
        fn reset_cart(&self) {
            ShopFields::reset_cart(&self.fields);
        }
    }
    static __FIELDS: [&__session::FieldSpec; 1usize] = [
        &__session::FieldSpec {
            name: "cart",
            aliases: &[],
            policy: __session::Policy::Last,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
    ];
    #[automatically_derived]
    impl __session::SessionType for Shop {
        type Fields = ShopFields;
        type Writer = ShopWriter;
        fn spec() -> &'static __session::Spec {
            static SPEC: __session::Spec = __session::Spec {
                type_name: "Shop",
                name: "__Host-shop",
                transport: __session::Transport::Cookie,
                payload: __session::Payload::Server,
                idle: __session::core::option::Option::Some(
                    __session::core::time::Duration::from_secs(1800u64),
                ),
                absolute: __session::core::option::Option::Some(
                    __session::core::time::Duration::from_secs(43200u64),
                ),
                cookie: __session::CookieSpec {
                    path: "/",
                    domain: __session::core::option::Option::None,
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
                fields: &__FIELDS,
            };
            &SPEC
        }
        fn writer(context: __session::Context) -> Self::Writer {
            ShopWriter {
                fields: ShopFields {
                    __context: context,
                    cart: <Vec<
                        Item,
                    > as __session::ValueAccess>::cell(
                        __FIELDS[0usize],
                        <Vec<Item> as __session::FieldDefault>::field_default,
                    ),
                },
            }
        }
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                cart: <Vec<
                    Item,
                > as __session::ValueAccess>::copied(&fields.cart, &fields.__context),
            }
        }
        fn replace(fields: &Self::Fields, value: Self) {
            <Vec<
                Item,
            > as __session::ValueAccess>::set(
                &fields.cart,
                &fields.__context,
                value.cart,
            );
        }
    }
    #[automatically_derived]
    impl __session::FieldSet for ShopFields {
        fn context(&self) -> &__session::Context {
            &self.__context
        }
        fn each(
            &self,
            visit: &mut dyn __session::core::ops::FnMut(&dyn __session::Cell),
        ) {
            visit(<Vec<Item> as __session::ValueAccess>::erased(&self.cart));
        }
        fn adopt(&self, other: &Self) {
            <Vec<Item> as __session::ValueAccess>::adopt(&self.cart, &other.cart);
        }
    }
    #[automatically_derived]
    impl __session::core::convert::AsRef<ShopFields> for ShopWriter {
        fn as_ref(&self) -> &ShopFields {
            &self.fields
        }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for ShopFields {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(f, "ShopFields { cart, .. }")
        }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for ShopWriter {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(f, "ShopWriter { cart, .. }")
        }
    }
    __session::if_axum! {
        #[automatically_derived] impl < __S : __session::core::marker::Send +
        __session::core::marker::Sync > __session::axum_core::extract::FromRequestParts <
        __S > for Shop { type Rejection = __session::Rejection; async fn
        from_request_parts(parts : & mut __session::http::request::Parts, _ : & __S,) ->
        __session::core::result::Result < Self, Self::Rejection > { __session::snapshot::
        < Self > (parts). await } }
    }
};
