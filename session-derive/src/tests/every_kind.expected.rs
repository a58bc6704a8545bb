/**The fields of a [`Shop`] session: what `Session<Shop>` derefs to.

What only writes is in [`ShopWriter`], which this derefs to.*/
#[allow(dead_code, deprecated)]
pub struct ShopFields {
    writer: ShopWriter,
}
/**The write-only view of a [`Shop`] session: what `Writer<Shop>` derefs to.

It loads nothing, so it has only what needs no present value.*/
#[allow(dead_code, deprecated)]
pub struct ShopWriter {
    __context: ::session_runtime::__private0::Context,
    user: ::session_runtime::__private0::ValueCell<Option<UserId>>,
    page: ::session_runtime::__private0::ValueCell<Page>,
    small: ::session_runtime::__private0::ValueCell<Option<core::primitive::u8>>,
    coupon: ::session_runtime::__private0::ValueCell<Option<String>>,
    visits: ::session_runtime::__private0::CounterCell<i64>,
    tags: ::session_runtime::__private0::CollectionCell<BTreeSet<String>>,
    more: ::session_runtime::__private0::CollectionCell<BTreeMap<String, Value>>,
    notice: ::session_runtime::__private0::ValueCell<Option<String>>,
    best: ::session_runtime::__private0::ValueCell<u32>,
    origin: ::session_runtime::__private0::ValueCell<String>,
    balance: ::session_runtime::__private0::ValueCell<i64>,
    timer: ::session_runtime::__private0::LocalCell<Timer>,
    r#type: ::session_runtime::__private0::ValueCell<u8>,
    packed: ::session_runtime::__private0::ValueCell<Option<Item>>,
}
///The present `user` of a [`Shop`] session, as an extractor: without one the request is rejected.
#[allow(dead_code, deprecated)]
#[allow(private_interfaces)]
pub struct CurrentUser(pub UserId);
#[allow(dead_code, deprecated)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        /// Returns the value that `user` has at this moment.
        #[must_use]
        #[inline]
        pub fn user(&self) -> __session::Option<&UserId> {
            self.writer.user.get_some(&self.writer.__context)
        }
        /// Returns the value that `page` has at this moment.
        #[must_use]
        #[inline]
        fn page(&self) -> Page {
            <Page as __session::CopyAccess>::copied(
                self.writer.page.get(&self.writer.__context),
            )
        }
        /// Changes [`page`](Self::page) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_page<R>(&self, change: impl __session::FnOnce(&mut Page) -> R) -> R {
            self.writer.page.update(&self.writer.__context, change)
        }
        /// Returns the value that `small` has at this moment.
        #[must_use]
        #[inline]
        fn small(&self) -> Option<core::primitive::u8> {
            *self.writer.small.get(&self.writer.__context)
        }
        /// Changes [`small`](Self::small) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_small<R>(
            &self,
            change: impl __session::FnOnce(&mut Option<core::primitive::u8>) -> R,
        ) -> R {
            self.writer.small.update(&self.writer.__context, change)
        }
        /// Takes the value out of [`small`](Self::small), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_small(&self) -> Option<core::primitive::u8> {
            self.writer.small.take(&self.writer.__context)
        }
        /// Returns the value that `coupon` has at this moment.
        #[must_use]
        #[inline]
        fn coupon(&self) -> __session::Option<&String> {
            self.writer.coupon.get_some(&self.writer.__context)
        }
        /// Changes [`coupon`](Self::coupon) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_coupon<R>(
            &self,
            change: impl __session::FnOnce(&mut Option<String>) -> R,
        ) -> R {
            self.writer.coupon.update(&self.writer.__context, change)
        }
        /// Takes the value out of [`coupon`](Self::coupon), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_coupon(&self) -> Option<String> {
            self.writer.coupon.take(&self.writer.__context)
        }
        /// Returns the value that `visits` has at this moment.
        #[deprecated]
        #[must_use]
        #[inline]
        fn visits(&self) -> i64 {
            self.writer.visits.get(&self.writer.__context)
        }
        /// Returns the value that `tags` has at this moment.
        #[must_use]
        #[inline]
        fn tags(&self) -> &BTreeSet<String> {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::get(&self.writer.tags, &self.writer.__context)
        }
        /// Returns the value that `more` has at this moment.
        #[must_use]
        #[inline]
        fn more(&self) -> &BTreeMap<String, Value> {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::get(&self.writer.more, &self.writer.__context)
        }
        /// Takes the value out of [`notice`](Self::peek_notice), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_notice(&self) -> Option<String> {
            self.writer.notice.take(&self.writer.__context)
        }
        /// Returns the value that `notice` has at this moment, and leaves it for the next request.
        #[must_use]
        #[inline]
        fn peek_notice(&self) -> __session::Option<&String> {
            self.writer.notice.get_some(&self.writer.__context)
        }
        /// Returns the value that `best` has at this moment.
        #[must_use]
        #[inline]
        fn best(&self) -> u32 {
            self.writer.best.cloned(&self.writer.__context)
        }
        /// Returns the value that `origin` has at this moment.
        #[must_use]
        #[inline]
        fn origin(&self) -> &String {
            self.writer.origin.get(&self.writer.__context)
        }
        /// Returns the value that `balance` has at this moment.
        #[must_use]
        #[inline]
        fn balance(&self) -> i64 {
            *self.writer.balance.get(&self.writer.__context)
        }
        /// Sets [`balance`](Self::balance).
        #[inline]
        fn set_balance(&self, value: i64) {
            self.writer.balance.set(&self.writer.__context, value);
        }
        /// Changes [`balance`](Self::balance) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_balance<R>(&self, change: impl __session::FnOnce(&mut i64) -> R) -> R {
            self.writer.balance.update(&self.writer.__context, change)
        }
        /// Sets [`balance`](Self::balance) back to its default.
        #[inline]
        fn reset_balance(&self) {
            self.writer.balance.reset(&self.writer.__context);
        }
        /// Returns the value that `timer` has at this moment.
        #[allow(missing_docs)]
        #[must_use]
        #[inline]
        fn timer(&self) -> &Timer {
            self.writer.timer.get(&self.writer.__context)
        }
        /// Sets [`timer`](Self::timer).
        #[allow(missing_docs)]
        #[inline]
        fn set_timer(&self, value: Timer) {
            self.writer.timer.set(&self.writer.__context, value);
        }
        /// Changes [`timer`](Self::timer) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[allow(missing_docs)]
        #[inline]
        fn update_timer<R>(&self, change: impl __session::FnOnce(&mut Timer) -> R) -> R {
            self.writer.timer.update(&self.writer.__context, change)
        }
        /// Sets [`timer`](Self::timer) back to its default.
        #[allow(missing_docs)]
        #[inline]
        fn reset_timer(&self) {
            self.writer.timer.reset(&self.writer.__context);
        }
        /// Returns the value that `type` has at this moment.
        #[must_use]
        #[inline]
        fn kind(&self) -> u8 {
            *self.writer.r#type.get(&self.writer.__context)
        }
        /// Changes [`type`](Self::kind) in place and returns what `change` returns.
        ///
        /// `change` works on a clone; what another task writes to the same field meanwhile is lost.
        #[inline]
        fn update_type<R>(&self, change: impl __session::FnOnce(&mut u8) -> R) -> R {
            self.writer.r#type.update(&self.writer.__context, change)
        }
        /// Takes the value out of [`packed`](Self::peek_packed), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_packed(&self) -> Option<Item> {
            self.writer.packed.take(&self.writer.__context)
        }
        /// Returns the value that `packed` has at this moment, and leaves it for the next request.
        #[must_use]
        #[inline]
        fn peek_packed(&self) -> __session::Option<&Item> {
            self.writer.packed.get_some(&self.writer.__context)
        }
    }
    impl ShopWriter {
        /// Sets [`page`](ShopFields::page).
        #[inline]
        fn set_page(&self, value: Page) {
            self.page.set(&self.__context, value);
        }
        /// Sets [`page`](ShopFields::page) back to its default.
        #[inline]
        fn reset_page(&self) {
            self.page.reset(&self.__context);
        }
        /// Sets [`small`](ShopFields::small).
        #[inline]
        fn set_small(&self, value: impl __session::Into<Option<core::primitive::u8>>) {
            self.small.set(&self.__context, __session::Into::into(value));
        }
        /// Sets [`small`](ShopFields::small) back to its default.
        #[inline]
        fn reset_small(&self) {
            self.small.reset(&self.__context);
        }
        /// Sets [`small`](ShopFields::small) to `None`.
        #[inline]
        fn clear_small(&self) {
            self.small.set(&self.__context, __session::None);
        }
        /// Sets [`coupon`](ShopFields::coupon).
        #[inline]
        fn set_coupon(&self, value: impl __session::Into<Option<String>>) {
            self.coupon.set(&self.__context, __session::Into::into(value));
        }
        /// Sets [`coupon`](ShopFields::coupon) back to its default.
        #[inline]
        fn reset_coupon(&self) {
            self.coupon.reset(&self.__context);
        }
        /// Sets [`coupon`](ShopFields::coupon) to `None`.
        #[inline]
        fn clear_coupon(&self) {
            self.coupon.set(&self.__context, __session::None);
        }
        /// Adds to [`visits`](ShopFields::visits); parallel requests add up. `by` may be negative.
        #[deprecated]
        #[inline]
        fn add_visits(&self, by: __session::i64) {
            self.visits.add(&self.__context, by);
        }
        /// Inserts a member into [`tags`](ShopFields::tags).
        #[inline]
        fn insert_tags(&self, member: String) {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::insert(&self.tags, &self.__context, member);
        }
        /// Removes a member from [`tags`](ShopFields::tags).
        #[inline]
        fn remove_tags(&self, member: &String) {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::remove(&self.tags, &self.__context, member);
        }
        /// Inserts a value into [`more`](ShopFields::more) under a key.
        #[inline]
        fn insert_more(
            &self,
            key: impl __session::Into<__session::String>,
            value: Value,
        ) {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::insert(&self.more, &self.__context, (__session::Into::into(key), value));
        }
        /// Removes a key from [`more`](ShopFields::more).
        #[inline]
        fn remove_more(&self, key: &__session::str) {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::remove(&self.more, &self.__context, &__session::Into::into(key));
        }
        /// Sets [`notice`](ShopFields::peek_notice).
        #[inline]
        fn set_notice(&self, value: impl __session::Into<Option<String>>) {
            self.notice.set(&self.__context, __session::Into::into(value));
        }
        /// Raises [`best`](ShopFields::best); a smaller value changes nothing.
        #[inline]
        fn set_best(&self, value: u32) {
            self.best.set(&self.__context, value);
        }
        /// Sets [`origin`](ShopFields::origin), unless it was set before.
        #[inline]
        fn set_origin(&self, value: String) {
            self.origin.set(&self.__context, value);
        }
        /// Sets [`type`](ShopFields::kind).
        #[inline]
        fn set_type(&self, value: u8) {
            self.r#type.set(&self.__context, value);
        }
        /// Sets [`type`](ShopFields::kind) back to its default.
        #[inline]
        fn reset_type(&self) {
            self.r#type.reset(&self.__context);
        }
        /// Sets [`packed`](ShopFields::peek_packed).
        #[inline]
        fn set_packed(&self, value: impl __session::Into<Option<Item>>) {
            self.packed.set(&self.__context, __session::Into::into(value));
        }
    }
    static __FIELDS: [__session::FieldSpec; 14usize] = [
        __session::FieldSpec {
            principal: true,
            ..__session::FieldSpec::new("user")
        },
        __session::FieldSpec::new("page"),
        __session::FieldSpec::new("small"),
        __session::FieldSpec::new("coupon"),
        __session::FieldSpec {
            policy: __session::Policy::Counter,
            ..__session::FieldSpec::new("visits")
        },
        __session::FieldSpec {
            policy: __session::Policy::Set,
            ..__session::FieldSpec::new("tags")
        },
        __session::FieldSpec {
            policy: __session::Policy::Extra,
            ..__session::FieldSpec::new("more")
        },
        __session::FieldSpec {
            policy: __session::Policy::Flash,
            ..__session::FieldSpec::new("notice")
        },
        __session::FieldSpec {
            policy: __session::Policy::Max,
            ..__session::FieldSpec::new("best")
        },
        __session::FieldSpec {
            policy: __session::Policy::Once,
            ..__session::FieldSpec::new("origin")
        },
        __session::FieldSpec {
            aliases: &["total"],
            group: __session::Some("sum"),
            ..__session::FieldSpec::new("sum")
        },
        __session::FieldSpec {
            policy: __session::Policy::Local,
            ..__session::FieldSpec::new("timer")
        },
        __session::FieldSpec::new("type"),
        __session::FieldSpec {
            policy: __session::Policy::Flash,
            ..__session::FieldSpec::new("packed")
        },
    ];
    #[automatically_derived]
    impl __session::SessionType for Shop {
        type Fields = ShopFields;
        type Writer = ShopWriter;
        #[inline]
        fn spec() -> &'static __session::Spec {
            static SPEC: __session::Spec = __session::Spec {
                type_name: "Shop",
                name: "shop",
                transport: __session::Transport::Cookie,
                payload: __session::Payload::Server,
                idle: __session::None,
                absolute: __session::Some(__session::Duration::from_secs(86400u64)),
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
                on_stale: __session::OnStale::Ignore,
                on_store_error: __session::OnStoreError::Fail,
                commit_on: __session::CommitOn::Not5xx,
                on_end: __session::OnEnd::ExpireToken,
                fields: &__FIELDS,
            };
            &SPEC
        }
        #[inline]
        fn fields(context: __session::Context) -> Self::Fields {
            let [__spec0, __spec1, __spec2, __spec3, __spec4, __spec5, __spec6, __spec7,
            __spec8, __spec9, __spec10, __spec11, __spec12, __spec13] = &__FIELDS;
            ShopFields {
                writer: ShopWriter {
                    __context: context,
                    user: <Option<
                        UserId,
                    > as __session::ValueAccess>::cell(
                        __spec0,
                        <Option<UserId> as __session::FieldDefault>::field_default,
                    ),
                    page: <Page as __session::ValueAccess>::cell(__spec1, || Page(3)),
                    small: <Option<
                        core::primitive::u8,
                    > as __session::ValueAccess>::cell(
                        __spec2,
                        <Option<
                            core::primitive::u8,
                        > as __session::FieldDefault>::field_default,
                    ),
                    coupon: <Option<
                        String,
                    > as __session::ValueAccess>::cell(
                        __spec3,
                        <Option<String> as __session::FieldDefault>::field_default,
                    ),
                    visits: <i64 as __session::NumberAccess>::counter(__spec4),
                    tags: __session::CollectionCell::<BTreeSet<String>>::new(__spec5),
                    more: __session::CollectionCell::<
                        BTreeMap<String, Value>,
                    >::new(__spec6),
                    notice: <Option<
                        String,
                    > as __session::ValueAccess>::cell(
                        __spec7,
                        <Option<String> as __session::FieldDefault>::field_default,
                    ),
                    best: <u32 as __session::NumberAccess>::max(
                        __spec8,
                        <u32 as __session::FieldDefault>::field_default,
                    ),
                    origin: <String as __session::ValueAccess>::cell(
                        __spec9,
                        || __session::Into::into("web"),
                    ),
                    balance: <i64 as __session::ValueAccess>::cell(
                        __spec10,
                        <i64 as __session::FieldDefault>::field_default,
                    ),
                    timer: <Timer as __session::LocalAccess>::cell(
                        __spec11,
                        <Timer as __session::FieldDefault>::field_default,
                    ),
                    r#type: <u8 as __session::ValueAccess>::cell(
                        __spec12,
                        <u8 as __session::FieldDefault>::field_default,
                    ),
                    packed: <MsgPack as __session::CodecAccess<
                        Option<Item>,
                    >>::cell(
                        __spec13,
                        <Option<Item> as __session::FieldDefault>::field_default,
                    ),
                },
            }
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            let writer = &fields.writer;
            Self {
                user: writer.user.cloned(&writer.__context),
                page: writer.page.cloned(&writer.__context),
                small: writer.small.cloned(&writer.__context),
                coupon: writer.coupon.cloned(&writer.__context),
                visits: writer.visits.get(&writer.__context),
                tags: __session::Clone::clone(
                    __session::CollectionCell::<
                        BTreeSet<String>,
                    >::get(&writer.tags, &writer.__context),
                ),
                more: __session::Clone::clone(
                    __session::CollectionCell::<
                        BTreeMap<String, Value>,
                    >::get(&writer.more, &writer.__context),
                ),
                notice: writer.notice.cloned(&writer.__context),
                best: writer.best.cloned(&writer.__context),
                origin: writer.origin.cloned(&writer.__context),
                balance: writer.balance.cloned(&writer.__context),
                timer: writer.timer.cloned(&writer.__context),
                r#type: writer.r#type.cloned(&writer.__context),
                packed: writer.packed.cloned(&writer.__context),
            }
        }
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            let writer = &fields.writer;
            let _ = &value.user;
            writer.page.set(&writer.__context, value.page);
            writer.small.set(&writer.__context, value.small);
            writer.coupon.set(&writer.__context, value.coupon);
            writer.visits.replace(&writer.__context, value.visits);
            __session::CollectionCell::<
                BTreeSet<String>,
            >::replace(&writer.tags, &writer.__context, &value.tags);
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::replace(&writer.more, &writer.__context, &value.more);
            writer.notice.set(&writer.__context, value.notice);
            writer.best.set(&writer.__context, value.best);
            writer.origin.set(&writer.__context, value.origin);
            writer.balance.set(&writer.__context, value.balance);
            writer.timer.set(&writer.__context, value.timer);
            writer.r#type.set(&writer.__context, value.r#type);
            writer.packed.set(&writer.__context, value.packed);
        }
    }
    #[automatically_derived]
    impl __session::PrincipalType for Shop {
        type Principal = UserId;
        #[inline]
        fn principal(
            fields: &Self::Fields,
        ) -> &__session::ValueCell<__session::Option<Self::Principal>> {
            &fields.writer.user
        }
    }
    #[automatically_derived]
    impl __session::FieldSet for ShopFields {
        #[inline]
        fn context(&self) -> &__session::Context {
            &self.writer.__context
        }
        #[inline]
        fn cells(&self, visit: &mut dyn __session::FnMut(&[&dyn __session::Cell])) {
            visit(
                &[
                    &self.writer.user,
                    &self.writer.page,
                    &self.writer.small,
                    &self.writer.coupon,
                    &self.writer.visits,
                    &self.writer.tags,
                    &self.writer.more,
                    &self.writer.notice,
                    &self.writer.best,
                    &self.writer.origin,
                    &self.writer.balance,
                    &self.writer.timer,
                    &self.writer.r#type,
                    &self.writer.packed,
                ],
            );
        }
    }
    #[automatically_derived]
    impl __session::Deref for ShopFields {
        type Target = ShopWriter;
        #[inline]
        fn deref(&self) -> &ShopWriter {
            &self.writer
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopFields {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str(
                "ShopFields { user, page, small, coupon, visits, tags, more, notice, best, origin, balance, timer, type, packed, .. }",
            )
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopWriter {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str(
                "ShopWriter { user, page, small, coupon, visits, tags, more, notice, best, origin, balance, timer, type, packed, .. }",
            )
        }
    }
    #[automatically_derived]
    impl __session::Debug for CurrentUser {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str("CurrentUser(..)")
        }
    }
    #[automatically_derived]
    impl __session::Clone for CurrentUser {
        #[inline]
        fn clone(&self) -> Self {
            Self(<UserId as __session::Clone>::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl __session::Deref for CurrentUser {
        type Target = UserId;
        #[inline]
        fn deref(&self) -> &UserId {
            &self.0
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
                >(
                    parts,
                    |fields| {
                        let writer = &fields.writer;
                        writer.user.cloned(&writer.__context)
                    },
                    Self,
                )
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
                >(
                    parts,
                    |fields| {
                        let writer = &fields.writer;
                        writer.user.cloned(&writer.__context)
                    },
                    Self,
                )
            }
        }
    }
    const _: () = {
        fn types() {
            const fn set<T: __session::SetField>() {}
            const fn extra<T: __session::MapField>() {}
            set::<BTreeSet<String>>();
            extra::<BTreeMap<String, Value>>();
        }
    };
};
