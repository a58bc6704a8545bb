///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code)]
struct ShopFields<T: Ord = u8, const N: usize = 3>
where
    T: Copy,
    T: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
    T: crate::runtime::__private0::SessionField,
    BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
    [u8; N]: crate::runtime::__private0::LocalField
        + crate::runtime::__private0::FieldDefault,
    Option<
        Box<Shop<T, N>>,
    >: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
{
    __context: crate::runtime::__private0::Context,
    one: crate::runtime::__private0::ValueCell<T>,
    set: crate::runtime::__private0::CollectionCell<BTreeSet<T>>,
    local: crate::runtime::__private0::LocalCell<[u8; N]>,
    next: crate::runtime::__private0::ValueCell<Option<Box<Shop<T, N>>>>,
}
/**The write-only view of a [`Shop`] session: what `Writer<Shop>` derefs to.

It loads nothing, so it has only what needs no present value.*/
#[allow(dead_code)]
struct ShopWriter<T: Ord = u8, const N: usize = 3>
where
    T: Copy,
    T: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
    T: crate::runtime::__private0::SessionField,
    BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
    [u8; N]: crate::runtime::__private0::LocalField
        + crate::runtime::__private0::FieldDefault,
    Option<
        Box<Shop<T, N>>,
    >: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
{
    fields: ShopFields<T, N>,
}
#[allow(dead_code)]
const _: () = {
    use crate::runtime::__private0 as __session;
    impl<T: Ord, const N: usize> ShopFields<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        ///The field `one`.
        #[must_use]
        fn one(&self) -> &T {
            <T as __session::ValueAccess>::get(&self.one, &self.__context)
        }
        ///Sets [`one`](Self::one).
        fn set_one(&self, value: T) {
            <T as __session::ValueAccess>::set(&self.one, &self.__context, value);
        }
        /**Changes [`one`](Self::one) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_one<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut T) -> R,
        ) -> R {
            <T as __session::ValueAccess>::update(&self.one, &self.__context, change)
        }
        ///Brings [`one`](Self::one) back to its default.
        fn reset_one(&self) {
            <T as __session::ValueAccess>::reset(&self.one, &self.__context);
        }
        ///The field `set`.
        #[must_use]
        fn set(&self) -> &BTreeSet<T> {
            __session::CollectionCell::<BTreeSet<T>>::get(&self.set, &self.__context)
        }
        ///Puts a member into [`set`](Self::set).
        fn insert_set(&self, member: T) {
            __session::CollectionCell::<
                BTreeSet<T>,
            >::insert(&self.set, &self.__context, member);
        }
        ///Takes a member out of [`set`](Self::set).
        fn remove_set(&self, member: &T) {
            __session::CollectionCell::<
                BTreeSet<T>,
            >::remove(&self.set, &self.__context, member);
        }
        ///The field `local`.
        #[must_use]
        fn local(&self) -> &[u8; N] {
            <[u8; N] as __session::LocalAccess>::get(&self.local, &self.__context)
        }
        ///Sets [`local`](Self::local).
        fn set_local(&self, value: [u8; N]) {
            <[u8; N] as __session::LocalAccess>::set(
                &self.local,
                &self.__context,
                value,
            );
        }
        /**Changes [`local`](Self::local) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_local<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut [u8; N]) -> R,
        ) -> R {
            <[u8; N] as __session::LocalAccess>::update(
                &self.local,
                &self.__context,
                change,
            )
        }
        ///Brings [`local`](Self::local) back to its default.
        fn reset_local(&self) {
            <[u8; N] as __session::LocalAccess>::reset(&self.local, &self.__context);
        }
        ///The field `next`.
        #[must_use]
        fn next(&self) -> __session::core::option::Option<&Box<Shop<T, N>>> {
            __session::core::option::Option::as_ref(
                <Option<
                    Box<Shop<T, N>>,
                > as __session::ValueAccess>::get(&self.next, &self.__context),
            )
        }
        ///Sets [`next`](Self::next).
        fn set_next(
            &self,
            value: impl __session::core::convert::Into<Option<Box<Shop<T, N>>>>,
        ) {
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::set(
                &self.next,
                &self.__context,
                __session::core::convert::Into::into(value),
            );
        }
        /**Changes [`next`](Self::next) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_next<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut Option<Box<Shop<T, N>>>) -> R,
        ) -> R {
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::update(&self.next, &self.__context, change)
        }
        ///Brings [`next`](Self::next) back to its default.
        fn reset_next(&self) {
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::reset(&self.next, &self.__context);
        }
        ///Takes the value out of [`next`](Self::next), leaving `None`.
        fn take_next(&self) -> Option<Box<Shop<T, N>>> {
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::take(
                &self.next,
                &self.__context,
                __session::core::option::Option::take,
            )
        }
        ///Sets [`next`](Self::next) to `None`.
        fn clear_next(&self) {
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::set(
                &self.next,
                &self.__context,
                __session::core::option::Option::None,
            );
        }
    }
    impl<T: Ord, const N: usize> ShopWriter<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        ///Sets [`one`](ShopFields::one).
        fn set_one(&self, value: T) {
            ShopFields::set_one(&self.fields, value);
        }
        ///Brings [`one`](ShopFields::one) back to its default.
        fn reset_one(&self) {
            ShopFields::reset_one(&self.fields);
        }
        ///Puts a member into [`set`](ShopFields::set).
        fn insert_set(&self, member: T) {
            ShopFields::insert_set(&self.fields, member);
        }
        ///Takes a member out of [`set`](ShopFields::set).
        fn remove_set(&self, member: &T) {
            ShopFields::remove_set(&self.fields, member);
        }
        ///Sets [`next`](ShopFields::next).
        fn set_next(
            &self,
            value: impl __session::core::convert::Into<Option<Box<Shop<T, N>>>>,
        ) {
            ShopFields::set_next(&self.fields, value);
        }
        ///Brings [`next`](ShopFields::next) back to its default.
        fn reset_next(&self) {
            ShopFields::reset_next(&self.fields);
        }
        ///Sets [`next`](ShopFields::next) to `None`.
        fn clear_next(&self) {
            ShopFields::clear_next(&self.fields);
        }
    }
    static __FIELDS: [&__session::FieldSpec; 4usize] = [
        &__session::FieldSpec {
            name: "one",
            aliases: &[],
            policy: __session::Policy::Last,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "set",
            aliases: &[],
            policy: __session::Policy::Set,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "local",
            aliases: &[],
            policy: __session::Policy::Local,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "next",
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
    impl<T: Ord, const N: usize> __session::SessionType for Shop<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        type Fields = ShopFields<T, N>;
        type Writer = ShopWriter<T, N>;
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
                    one: <T as __session::ValueAccess>::cell(
                        __FIELDS[0usize],
                        <T as __session::FieldDefault>::field_default,
                    ),
                    set: __session::CollectionCell::<BTreeSet<T>>::new(__FIELDS[1usize]),
                    local: <[u8; N] as __session::LocalAccess>::cell(
                        __FIELDS[2usize],
                        <[u8; N] as __session::FieldDefault>::field_default,
                    ),
                    next: <Option<
                        Box<Shop<T, N>>,
                    > as __session::ValueAccess>::cell(
                        __FIELDS[3usize],
                        <Option<
                            Box<Shop<T, N>>,
                        > as __session::FieldDefault>::field_default,
                    ),
                },
            }
        }
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                one: <T as __session::ValueAccess>::copied(
                    &fields.one,
                    &fields.__context,
                ),
                set: __session::core::clone::Clone::clone(
                    __session::CollectionCell::<
                        BTreeSet<T>,
                    >::get(&fields.set, &fields.__context),
                ),
                local: <[u8; N] as __session::LocalAccess>::copied(
                    &fields.local,
                    &fields.__context,
                ),
                next: <Option<
                    Box<Shop<T, N>>,
                > as __session::ValueAccess>::copied(&fields.next, &fields.__context),
            }
        }
        fn replace(fields: &Self::Fields, value: Self) {
            <T as __session::ValueAccess>::set(
                &fields.one,
                &fields.__context,
                value.one,
            );
            __session::CollectionCell::<
                BTreeSet<T>,
            >::replace(&fields.set, &fields.__context, &value.set);
            <[u8; N] as __session::LocalAccess>::set(
                &fields.local,
                &fields.__context,
                value.local,
            );
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::set(
                &fields.next,
                &fields.__context,
                value.next,
            );
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::FieldSet for ShopFields<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        fn context(&self) -> &__session::Context {
            &self.__context
        }
        fn each(
            &self,
            visit: &mut dyn __session::core::ops::FnMut(&dyn __session::Cell),
        ) {
            visit(<T as __session::ValueAccess>::erased(&self.one));
            visit(&self.set);
            visit(<[u8; N] as __session::LocalAccess>::erased(&self.local));
            visit(
                <Option<Box<Shop<T, N>>> as __session::ValueAccess>::erased(&self.next),
            );
        }
        fn adopt(&self, other: &Self) {
            <T as __session::ValueAccess>::adopt(&self.one, &other.one);
            __session::CollectionCell::<BTreeSet<T>>::adopt(&self.set, &other.set);
            <[u8; N] as __session::LocalAccess>::adopt(&self.local, &other.local);
            <Option<
                Box<Shop<T, N>>,
            > as __session::ValueAccess>::adopt(&self.next, &other.next);
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::core::convert::AsRef<ShopFields<T, N>>
    for ShopWriter<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        fn as_ref(&self) -> &ShopFields<T, N> {
            &self.fields
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::core::fmt::Debug for ShopFields<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(
                f,
                "ShopFields { one, set, local, next, .. }",
            )
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::core::fmt::Debug for ShopWriter<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(
                f,
                "ShopWriter { one, set, local, next, .. }",
            )
        }
    }
    __session::if_axum! {
        #[automatically_derived] impl < T : Ord, const N : usize, __S :
        __session::core::marker::Send + __session::core::marker::Sync >
        __session::axum_core::extract::FromRequestParts < __S > for Shop < T, N > where T
        : Copy, T : crate ::runtime::__private0::SessionField + crate
        ::runtime::__private0::FieldDefault, T : crate
        ::runtime::__private0::SessionField, BTreeSet < T > : crate
        ::runtime::__private0::SetField < Member = T >, [u8; N] : crate
        ::runtime::__private0::LocalField + crate ::runtime::__private0::FieldDefault,
        Option < Box < Shop < T, N > > > : crate ::runtime::__private0::SessionField +
        crate ::runtime::__private0::FieldDefault { type Rejection =
        __session::Rejection; async fn from_request_parts(parts : & mut
        __session::http::request::Parts, _ : & __S,) -> __session::core::result::Result <
        Self, Self::Rejection > { __session::snapshot:: < Self > (parts). await } }
    }
    const _: () = {
        fn types<T: Ord, const N: usize>()
        where
            T: Copy,
            T: crate::runtime::__private0::SessionField
                + crate::runtime::__private0::FieldDefault,
            T: crate::runtime::__private0::SessionField,
            BTreeSet<T>: crate::runtime::__private0::SetField<Member = T>,
            [u8; N]: crate::runtime::__private0::LocalField
                + crate::runtime::__private0::FieldDefault,
            Option<
                Box<Shop<T, N>>,
            >: crate::runtime::__private0::SessionField
                + crate::runtime::__private0::FieldDefault,
        {
            const fn set<T: __session::SetField>() {}
            const fn extra<T: __session::MapField>() {}
            set::<BTreeSet<T>>();
        }
    };
};
