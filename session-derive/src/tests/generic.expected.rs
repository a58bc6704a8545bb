/**The fields of a [`Shop`] session: what `Session<Shop>` derefs to.

What only writes is in [`ShopWriter`], which this derefs to.*/
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
    writer: ShopWriter<T, N>,
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
    __context: crate::runtime::__private0::Context,
    one: crate::runtime::__private0::ValueCell<T>,
    set: crate::runtime::__private0::CollectionCell<BTreeSet<T>>,
    local: crate::runtime::__private0::LocalCell<[u8; N]>,
    next: crate::runtime::__private0::ValueCell<Option<Box<Shop<T, N>>>>,
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
        /// Returns the value that `one` has at this moment.
        #[must_use]
        #[inline]
        fn one(&self) -> &T {
            self.writer.one.get(&self.writer.__context)
        }
        /// Changes [`one`](Self::one) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_one<R>(&self, change: impl __session::FnOnce(&mut T) -> R) -> R {
            self.writer.one.update(&self.writer.__context, change)
        }
        /// Returns the value that `set` has at this moment.
        #[must_use]
        #[inline]
        fn set(&self) -> &BTreeSet<T> {
            __session::CollectionCell::<
                BTreeSet<T>,
            >::get(&self.writer.set, &self.writer.__context)
        }
        /// Returns the value that `local` has at this moment.
        #[must_use]
        #[inline]
        fn local(&self) -> &[u8; N] {
            self.writer.local.get(&self.writer.__context)
        }
        /// Sets [`local`](Self::local).
        #[inline]
        fn set_local(&self, value: [u8; N]) {
            self.writer.local.set(&self.writer.__context, value);
        }
        /// Changes [`local`](Self::local) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_local<R>(
            &self,
            change: impl __session::FnOnce(&mut [u8; N]) -> R,
        ) -> R {
            self.writer.local.update(&self.writer.__context, change)
        }
        /// Sets [`local`](Self::local) back to its default.
        #[inline]
        fn reset_local(&self) {
            self.writer.local.reset(&self.writer.__context);
        }
        /// Returns the value that `next` has at this moment.
        #[must_use]
        #[inline]
        fn next(&self) -> __session::Option<&Box<Shop<T, N>>> {
            self.writer.next.get_some(&self.writer.__context)
        }
        /// Changes [`next`](Self::next) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_next<R>(
            &self,
            change: impl __session::FnOnce(&mut Option<Box<Shop<T, N>>>) -> R,
        ) -> R {
            self.writer.next.update(&self.writer.__context, change)
        }
        /// Takes the value out of [`next`](Self::next), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_next(&self) -> Option<Box<Shop<T, N>>> {
            self.writer.next.take(&self.writer.__context)
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
        /// Sets [`one`](ShopFields::one).
        #[inline]
        fn set_one(&self, value: T) {
            self.one.set(&self.__context, value);
        }
        /// Sets [`one`](ShopFields::one) back to its default.
        #[inline]
        fn reset_one(&self) {
            self.one.reset(&self.__context);
        }
        /// Inserts a member into [`set`](ShopFields::set).
        #[inline]
        fn insert_set(&self, member: T) {
            __session::CollectionCell::<
                BTreeSet<T>,
            >::insert(&self.set, &self.__context, member);
        }
        /// Removes a member from [`set`](ShopFields::set).
        #[inline]
        fn remove_set(&self, member: &T) {
            __session::CollectionCell::<
                BTreeSet<T>,
            >::remove(&self.set, &self.__context, member);
        }
        /// Sets [`next`](ShopFields::next).
        #[inline]
        fn set_next(&self, value: impl __session::Into<Option<Box<Shop<T, N>>>>) {
            self.next.set(&self.__context, __session::Into::into(value));
        }
        /// Sets [`next`](ShopFields::next) back to its default.
        #[inline]
        fn reset_next(&self) {
            self.next.reset(&self.__context);
        }
        /// Sets [`next`](ShopFields::next) to `None`.
        #[inline]
        fn clear_next(&self) {
            self.next.set(&self.__context, __session::None);
        }
    }
    static __FIELDS: [__session::FieldSpec; 4usize] = [
        __session::FieldSpec::new("one"),
        __session::FieldSpec {
            policy: __session::Policy::Set,
            ..__session::FieldSpec::new("set")
        },
        __session::FieldSpec {
            policy: __session::Policy::Local,
            ..__session::FieldSpec::new("local")
        },
        __session::FieldSpec::new("next"),
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
        #[inline]
        fn spec() -> &'static __session::Spec {
            static SPEC: __session::Spec = __session::Spec {
                type_name: "Shop",
                name: "__Host-shop",
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
                fields: &__FIELDS,
            };
            &SPEC
        }
        #[inline]
        fn fields(context: __session::Context) -> Self::Fields {
            let [__spec0, __spec1, __spec2, __spec3] = &__FIELDS;
            ShopFields {
                writer: ShopWriter {
                    __context: context,
                    one: <T as __session::ValueAccess>::cell(
                        __spec0,
                        <T as __session::FieldDefault>::field_default,
                    ),
                    set: __session::CollectionCell::<BTreeSet<T>>::new(__spec1),
                    local: <[u8; N] as __session::LocalAccess>::cell(
                        __spec2,
                        <[u8; N] as __session::FieldDefault>::field_default,
                    ),
                    next: <Option<
                        Box<Shop<T, N>>,
                    > as __session::ValueAccess>::cell(
                        __spec3,
                        <Option<
                            Box<Shop<T, N>>,
                        > as __session::FieldDefault>::field_default,
                    ),
                },
            }
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            let writer = &fields.writer;
            Self {
                one: writer.one.cloned(&writer.__context),
                set: __session::Clone::clone(
                    __session::CollectionCell::<
                        BTreeSet<T>,
                    >::get(&writer.set, &writer.__context),
                ),
                local: writer.local.cloned(&writer.__context),
                next: writer.next.cloned(&writer.__context),
            }
        }
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            let writer = &fields.writer;
            writer.one.set(&writer.__context, value.one);
            __session::CollectionCell::<
                BTreeSet<T>,
            >::replace(&writer.set, &writer.__context, &value.set);
            writer.local.set(&writer.__context, value.local);
            writer.next.set(&writer.__context, value.next);
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
        #[inline]
        fn context(&self) -> &__session::Context {
            &self.writer.__context
        }
        #[inline]
        fn cells(&self, visit: &mut dyn __session::FnMut(&[&dyn __session::Cell])) {
            visit(
                &[
                    &self.writer.one,
                    &self.writer.set,
                    &self.writer.local,
                    &self.writer.next,
                ],
            );
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::Deref for ShopFields<T, N>
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
        type Target = ShopWriter<T, N>;
        #[inline]
        fn deref(&self) -> &ShopWriter<T, N> {
            &self.writer
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::Debug for ShopFields<T, N>
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
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str("ShopFields { one, set, local, next, .. }")
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::Debug for ShopWriter<T, N>
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
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str("ShopWriter { one, set, local, next, .. }")
        }
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
