///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code)]
struct ShopFields<T: Ord = u8, const N: usize = 3>
where
    T: Copy,
    T: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
    T: crate::runtime::__private0::SessionField,
    BTreeSet<
        T,
    >: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::SetAccess<T>
        + crate::runtime::__private0::FieldDefault,
    [u8; N]: crate::runtime::__private0::LocalField
        + crate::runtime::__private0::FieldDefault,
    Box<Shop<T, N>>: crate::runtime::__private0::Send + crate::runtime::__private0::Sync,
    Option<
        Box<Shop<T, N>>,
    >: crate::runtime::__private0::SessionField
        + crate::runtime::__private0::FieldDefault,
{
    __context: crate::runtime::__private0::Context,
    one: crate::runtime::__private0::ValueCell<T>,
    set: crate::runtime::__private0::ValueCell<
        BTreeSet<T>,
        crate::runtime::__private0::SetFunctions<BTreeSet<T>, T>,
    >,
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
        BTreeSet<
            T,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::SetAccess<T>
            + crate::runtime::__private0::FieldDefault,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Box<
            Shop<T, N>,
        >: crate::runtime::__private0::Send + crate::runtime::__private0::Sync,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        /// Returns the value that `one` has at this moment.
        #[must_use]
        #[inline]
        fn one(&self) -> &T {
            self.one.get(&self.__context)
        }
        /// Sets [`one`](Self::one).
        #[inline]
        fn set_one(&self, value: T) {
            self.one.set(&self.__context, value);
        }
        /// Changes [`one`](Self::one) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_one(
            &self,
            change: impl __session::FnMut(&mut T) + __session::Send + 'static,
        ) {
            self.one.update(&self.__context, change);
        }
        /// Sets [`one`](Self::one) back to its default.
        #[inline]
        fn reset_one(&self) {
            self.one.reset(&self.__context);
        }
        /// Returns the value that `set` has at this moment.
        #[must_use]
        #[inline]
        fn set(&self) -> &BTreeSet<T> {
            self.set.get(&self.__context)
        }
        /// Returns true if [`set`](Self::set) has a member at this moment. Keeps no reference to the collection: a change after it is made in place.
        #[must_use]
        #[inline]
        fn contains_set(&self, member: &T) -> __session::bool {
            self.set.contains(&self.__context, member)
        }
        /// Inserts a member into [`set`](Self::set).
        #[inline]
        fn insert_set(&self, member: T) {
            self.set.insert(&self.__context, member);
        }
        /// Removes a member from [`set`](Self::set).
        #[inline]
        fn remove_set(&self, member: &T) {
            self.set.remove(&self.__context, member);
        }
        /// Sets [`set`](Self::set).
        #[inline]
        fn set_set(&self, value: BTreeSet<T>) {
            self.set.set(&self.__context, value);
        }
        /// Changes [`set`](Self::set) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_set(
            &self,
            change: impl __session::FnMut(&mut BTreeSet<T>) + __session::Send + 'static,
        ) {
            self.set.update(&self.__context, change);
        }
        /// Sets [`set`](Self::set) back to its default.
        #[inline]
        fn reset_set(&self) {
            self.set.reset(&self.__context);
        }
        /// Returns the value that `local` has at this moment.
        #[must_use]
        #[inline]
        fn local(&self) -> &[u8; N] {
            self.local.get(&self.__context)
        }
        /// Sets [`local`](Self::local).
        #[inline]
        fn set_local(&self, value: [u8; N]) {
            self.local.set(&self.__context, value);
        }
        /// Changes [`local`](Self::local) in place.
        #[inline]
        fn update_local(&self, change: impl __session::FnOnce(&mut [u8; N])) {
            self.local.update(&self.__context, change);
        }
        /// Sets [`local`](Self::local) back to its default.
        #[inline]
        fn reset_local(&self) {
            self.local.reset(&self.__context);
        }
        /// Returns the value that `next` has at this moment.
        #[must_use]
        #[inline]
        fn next(&self) -> __session::Option<&Box<Shop<T, N>>> {
            self.next.get_some(&self.__context)
        }
        /// Sets [`next`](Self::next).
        #[inline]
        fn set_next(&self, value: Box<Shop<T, N>>) {
            self.next.set(&self.__context, __session::Some(value));
        }
        /// Sets [`next`](Self::next).
        #[inline]
        fn put_next(&self, value: Option<Box<Shop<T, N>>>) {
            self.next.set(&self.__context, value);
        }
        /// Changes [`next`](Self::next) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_next(
            &self,
            change: impl __session::FnMut(
                &mut Option<Box<Shop<T, N>>>,
            ) + __session::Send + 'static,
        ) {
            self.next.update(&self.__context, change);
        }
        /// Sets [`next`](Self::next) back to its default.
        #[inline]
        fn reset_next(&self) {
            self.next.reset(&self.__context);
        }
        /// Takes the value out of [`next`](Self::next), leaving `None`. If a parallel request has changed the field by the time of the commit, the commit is a conflict.
        #[inline]
        fn take_next(&self) -> Option<Box<Shop<T, N>>> {
            self.next.take(&self.__context)
        }
        /// Sets [`next`](Self::next) to `None`.
        #[inline]
        fn clear_next(&self) {
            self.next.set(&self.__context, __session::None);
        }
        /// Takes the value out of [`next`](Self::next), and out of the store at once: of several callers, one gets the value.
        #[inline]
        fn claim_next(&self) -> __session::Claim<'_, Box<Shop<T, N>>> {
            self.next.claim(&self.__context)
        }
    }
    static __FIELDS: [__session::FieldSpec; 4usize] = [
        __session::FieldSpec::new("one"),
        __session::FieldSpec::new("set"),
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
        BTreeSet<
            T,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::SetAccess<T>
            + crate::runtime::__private0::FieldDefault,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Box<
            Shop<T, N>,
        >: crate::runtime::__private0::Send + crate::runtime::__private0::Sync,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        type Fields = ShopFields<T, N>;
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
            let [__spec0, __spec1, __spec2, __spec3] = &__FIELDS;
            ShopFields {
                __context: context,
                one: <T as __session::ValueAccess>::cell(
                    __spec0,
                    <T as __session::FieldDefault>::field_default,
                ),
                set: <BTreeSet<
                    T,
                > as crate::runtime::__private0::SetAccess<
                    T,
                >>::cell(
                    __spec1,
                    <BTreeSet<T> as __session::FieldDefault>::field_default,
                ),
                local: <[u8; N] as __session::LocalAccess>::cell(
                    __spec2,
                    <[u8; N] as __session::FieldDefault>::field_default,
                ),
                next: <Option<
                    Box<Shop<T, N>>,
                > as __session::ValueAccess>::cell(
                    __spec3,
                    <Option<Box<Shop<T, N>>> as __session::FieldDefault>::field_default,
                ),
            }
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                one: fields.one.cloned(&fields.__context),
                set: fields.set.cloned(&fields.__context),
                local: fields.local.cloned(&fields.__context),
                next: fields.next.cloned(&fields.__context),
            }
        }
        #[inline]
        fn listed(_: &Self::Fields) -> Self::Listed {}
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            fields.one.set(&fields.__context, value.one);
            fields.set.set(&fields.__context, value.set);
            fields.local.set(&fields.__context, value.local);
            fields.next.set(&fields.__context, value.next);
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::FieldSet for ShopFields<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<
            T,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::SetAccess<T>
            + crate::runtime::__private0::FieldDefault,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Box<
            Shop<T, N>,
        >: crate::runtime::__private0::Send + crate::runtime::__private0::Sync,
        Option<
            Box<Shop<T, N>>,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
    {
        #[inline]
        fn context(&self) -> &__session::Context {
            &self.__context
        }
        #[inline]
        fn cells(&self, visit: &mut dyn __session::FnMut(&[&dyn __session::Cell])) {
            visit(&[&self.one, &self.set, &self.local, &self.next]);
        }
    }
    #[automatically_derived]
    impl<T: Ord, const N: usize> __session::Debug for ShopFields<T, N>
    where
        T: Copy,
        T: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::FieldDefault,
        T: crate::runtime::__private0::SessionField,
        BTreeSet<
            T,
        >: crate::runtime::__private0::SessionField
            + crate::runtime::__private0::SetAccess<T>
            + crate::runtime::__private0::FieldDefault,
        [u8; N]: crate::runtime::__private0::LocalField
            + crate::runtime::__private0::FieldDefault,
        Box<
            Shop<T, N>,
        >: crate::runtime::__private0::Send + crate::runtime::__private0::Sync,
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
};
