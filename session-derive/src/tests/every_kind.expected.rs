///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code, deprecated)]
pub struct ShopFields {
    __context: ::session_runtime::__private0::Context,
    user: ::session_runtime::__private0::ValueCell<Option<UserId>>,
    page: ::session_runtime::__private0::ValueCell<Page>,
    small: ::session_runtime::__private0::ValueCell<Option<core::primitive::u8>>,
    coupon: ::session_runtime::__private0::ValueCell<Option<String>>,
    visits: ::session_runtime::__private0::CounterCell<i64>,
    tags: ::session_runtime::__private0::ValueCell<
        BTreeSet<String>,
        ::session_runtime::__private0::SetFunctions<BTreeSet<String>, String>,
    >,
    more: ::session_runtime::__private0::ValueCell<
        BTreeMap<u8, Value>,
        ::session_runtime::__private0::MapFunctions<BTreeMap<u8, Value>, u8, Value>,
    >,
    stock: ::session_runtime::__private0::ValueCell<
        HashMap<String, u32>,
        ::session_runtime::__private0::MapFunctions<HashMap<String, u32>, String, u32>,
    >,
    seen: ::session_runtime::__private0::ValueCell<
        Vec<u32>,
        ::session_runtime::__private0::ListFunctions<Vec<u32>, u32>,
    >,
    errors: ::session_runtime::__private0::ValueCell<
        Vec<String>,
        ::session_runtime::__private0::ListFunctions<Vec<String>, String>,
    >,
    notice: ::session_runtime::__private0::ValueCell<Option<String>>,
    best: ::session_runtime::__private0::ValueCell<u32>,
    origin: ::session_runtime::__private0::ValueCell<String>,
    balance: ::session_runtime::__private0::ValueCell<i64>,
    timer: ::session_runtime::__private0::LocalCell<Timer>,
    r#type: ::session_runtime::__private0::ValueCell<u8>,
    packed: ::session_runtime::__private0::ValueCell<Option<Item>>,
}
///The fields of a [`Shop`] session that lists of sessions show.
#[allow(dead_code, deprecated)]
#[derive(::session_runtime::__private0::Clone)]
pub struct ShopListed {
    ///The value of `visits`.
    ///
    /// Counted.
    #[deprecated]
    visits: i64,
    ///The value of `best`.
    best: u32,
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
            self.user.get_some(&self.__context)
        }
        /// Changes [`user`](Self::user) in place, if somebody is logged in. A change of the identity is an error at the commit: another principal is logged in by `log_in`.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        pub fn update_user(
            &self,
            change: impl __session::FnMut(&mut UserId) + __session::Send + 'static,
        )
        where
            for<'__any> UserId: __session::Principal,
        {
            self.user.update_principal(&self.__context, change);
        }
        /// Returns the value that `page` has at this moment.
        #[must_use]
        #[inline]
        fn page(&self) -> Page {
            <Page as __session::CopyAccess>::copied(&self.page.cloned(&self.__context))
        }
        /// Sets [`page`](Self::page).
        #[inline]
        fn set_page(&self, value: Page) {
            self.page.set(&self.__context, value);
        }
        /// Changes [`page`](Self::page) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_page(
            &self,
            change: impl __session::FnMut(&mut Page) + __session::Send + 'static,
        ) {
            self.page.update(&self.__context, change);
        }
        /// Sets [`page`](Self::page) back to its default.
        #[inline]
        fn reset_page(&self) {
            self.page.reset(&self.__context);
        }
        /// Returns the value that `small` has at this moment.
        #[must_use]
        #[inline]
        fn small(&self) -> Option<core::primitive::u8> {
            self.small.cloned(&self.__context)
        }
        /// Sets [`small`](Self::small).
        #[inline]
        fn set_small(&self, value: core::primitive::u8) {
            self.small.set(&self.__context, __session::Some(value));
        }
        /// Sets [`small`](Self::small).
        #[inline]
        fn put_small(&self, value: Option<core::primitive::u8>) {
            self.small.set(&self.__context, value);
        }
        /// Changes [`small`](Self::small) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_small(
            &self,
            change: impl __session::FnMut(
                &mut Option<core::primitive::u8>,
            ) + __session::Send + 'static,
        ) {
            self.small.update(&self.__context, change);
        }
        /// Sets [`small`](Self::small) back to its default.
        #[inline]
        fn reset_small(&self) {
            self.small.reset(&self.__context);
        }
        /// Takes the value out of [`small`](Self::small), leaving `None`. If a parallel request has changed the field by the time of the commit, the commit is a conflict.
        #[inline]
        fn take_small(&self) -> Option<core::primitive::u8> {
            self.small.take(&self.__context)
        }
        /// Sets [`small`](Self::small) to `None`.
        #[inline]
        fn clear_small(&self) {
            self.small.set(&self.__context, __session::None);
        }
        /// Takes the value out of [`small`](Self::small), and out of the store at once: of several callers, one gets the value.
        #[inline]
        fn claim_small(&self) -> __session::Claim<'_, core::primitive::u8> {
            self.small.claim(&self.__context)
        }
        /// Returns the value that `coupon` has at this moment.
        #[must_use]
        #[inline]
        fn coupon(&self) -> __session::Option<&String> {
            self.coupon.get_some(&self.__context)
        }
        /// Sets [`coupon`](Self::coupon).
        #[inline]
        fn set_coupon(&self, value: String) {
            self.coupon.set(&self.__context, __session::Some(value));
        }
        /// Sets [`coupon`](Self::coupon).
        #[inline]
        fn put_coupon(&self, value: Option<String>) {
            self.coupon.set(&self.__context, value);
        }
        /// Changes [`coupon`](Self::coupon) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_coupon(
            &self,
            change: impl __session::FnMut(
                &mut Option<String>,
            ) + __session::Send + 'static,
        ) {
            self.coupon.update(&self.__context, change);
        }
        /// Sets [`coupon`](Self::coupon) back to its default.
        #[inline]
        fn reset_coupon(&self) {
            self.coupon.reset(&self.__context);
        }
        /// Takes the value out of [`coupon`](Self::coupon), leaving `None`. If a parallel request has changed the field by the time of the commit, the commit is a conflict.
        #[inline]
        fn take_coupon(&self) -> Option<String> {
            self.coupon.take(&self.__context)
        }
        /// Sets [`coupon`](Self::coupon) to `None`.
        #[inline]
        fn clear_coupon(&self) {
            self.coupon.set(&self.__context, __session::None);
        }
        /// Takes the value out of [`coupon`](Self::coupon), and out of the store at once: of several callers, one gets the value.
        #[inline]
        fn claim_coupon(&self) -> __session::Claim<'_, String> {
            self.coupon.claim(&self.__context)
        }
        /// Returns the value that `visits` has at this moment.
        /// Counted.
        #[deprecated]
        #[must_use]
        #[inline]
        fn visits(&self) -> i64 {
            self.visits.get(&self.__context)
        }
        /// Adds to [`visits`](Self::visits); parallel requests add up. `by` may be negative.
        #[deprecated]
        #[inline]
        fn add_visits(&self, by: __session::i64) {
            self.visits.add(&self.__context, by);
        }
        /// Sets [`visits`](Self::visits) back to its default.
        #[deprecated]
        #[inline]
        fn reset_visits(&self) {
            self.visits.reset(&self.__context);
        }
        /// Returns the value that `tags` has at this moment.
        #[must_use]
        #[inline]
        fn tags(&self) -> &BTreeSet<String> {
            self.tags.get(&self.__context)
        }
        /// Returns true if [`tags`](Self::tags) has a member at this moment. Keeps no reference to the collection: a change after it is made in place.
        #[must_use]
        #[inline]
        fn contains_tags(&self, member: &__session::str) -> __session::bool {
            self.tags.contains(&self.__context, &__session::Into::into(member))
        }
        /// Inserts a member into [`tags`](Self::tags).
        #[inline]
        fn insert_tags(&self, member: String) {
            self.tags.insert(&self.__context, member);
        }
        /// Removes a member from [`tags`](Self::tags).
        #[inline]
        fn remove_tags(&self, member: &__session::str) {
            self.tags.remove(&self.__context, &__session::Into::into(member));
        }
        /// Sets [`tags`](Self::tags).
        #[inline]
        fn set_tags(&self, value: BTreeSet<String>) {
            self.tags.set(&self.__context, value);
        }
        /// Changes [`tags`](Self::tags) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_tags(
            &self,
            change: impl __session::FnMut(
                &mut BTreeSet<String>,
            ) + __session::Send + 'static,
        ) {
            self.tags.update(&self.__context, change);
        }
        /// Sets [`tags`](Self::tags) back to its default.
        #[inline]
        fn reset_tags(&self) {
            self.tags.reset(&self.__context);
        }
        /// Returns the value that `more` has at this moment.
        #[must_use]
        #[inline]
        fn more(&self) -> &BTreeMap<u8, Value> {
            self.more.get(&self.__context)
        }
        /// Returns true if [`more`](Self::more) has a value under a key at this moment. Keeps no reference to the collection: a change after it is made in place.
        #[must_use]
        #[inline]
        fn contains_more(&self, key: &u8) -> __session::bool {
            self.more.contains(&self.__context, key)
        }
        /// Inserts a value into [`more`](Self::more) under a key.
        #[inline]
        fn insert_more(&self, key: u8, value: Value) {
            self.more.insert(&self.__context, key, value);
        }
        /// Removes a key from [`more`](Self::more).
        #[inline]
        fn remove_more(&self, key: &u8) {
            self.more.remove(&self.__context, key);
        }
        /// Changes the value in [`more`](Self::more) under a key in place, from the default if there is none.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_more_at(
            &self,
            key: u8,
            change: impl __session::FnMut(&mut Value) + __session::Send + 'static,
        )
        where
            for<'__any> Value: __session::Default,
        {
            self.more
                .update_at(
                    &self.__context,
                    key,
                    <Value as __session::Default>::default,
                    change,
                );
        }
        /// Sets [`more`](Self::more).
        #[inline]
        fn set_more(&self, value: BTreeMap<u8, Value>) {
            self.more.set(&self.__context, value);
        }
        /// Changes [`more`](Self::more) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_more(
            &self,
            change: impl __session::FnMut(
                &mut BTreeMap<u8, Value>,
            ) + __session::Send + 'static,
        ) {
            self.more.update(&self.__context, change);
        }
        /// Sets [`more`](Self::more) back to its default.
        #[inline]
        fn reset_more(&self) {
            self.more.reset(&self.__context);
        }
        /// Returns the value that `stock` has at this moment.
        #[must_use]
        #[inline]
        fn stock(&self) -> &HashMap<String, u32> {
            self.stock.get(&self.__context)
        }
        /// Returns true if [`stock`](Self::stock) has a value under a key at this moment. Keeps no reference to the collection: a change after it is made in place.
        #[must_use]
        #[inline]
        fn contains_stock(&self, key: &__session::str) -> __session::bool {
            self.stock.contains(&self.__context, &__session::Into::into(key))
        }
        /// Adds to the number in [`stock`](Self::stock) under a key; parallel requests add up. `by` may be negative.
        #[inline]
        fn add_stock(&self, key: String, by: __session::i64) {
            self.stock.add(&self.__context, key, by);
        }
        /// Inserts a value into [`stock`](Self::stock) under a key.
        #[inline]
        fn insert_stock(&self, key: String, value: u32) {
            self.stock.insert(&self.__context, key, value);
        }
        /// Removes a key from [`stock`](Self::stock).
        #[inline]
        fn remove_stock(&self, key: &__session::str) {
            self.stock.remove(&self.__context, &__session::Into::into(key));
        }
        /// Changes the value in [`stock`](Self::stock) under a key in place, from the default if there is none.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_stock_at(
            &self,
            key: String,
            change: impl __session::FnMut(&mut u32) + __session::Send + 'static,
        )
        where
            for<'__any> u32: __session::Default,
        {
            self.stock
                .update_at(
                    &self.__context,
                    key,
                    <u32 as __session::Default>::default,
                    change,
                );
        }
        /// Sets [`stock`](Self::stock).
        #[inline]
        fn set_stock(&self, value: HashMap<String, u32>) {
            self.stock.set(&self.__context, value);
        }
        /// Changes [`stock`](Self::stock) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_stock(
            &self,
            change: impl __session::FnMut(
                &mut HashMap<String, u32>,
            ) + __session::Send + 'static,
        ) {
            self.stock.update(&self.__context, change);
        }
        /// Sets [`stock`](Self::stock) back to its default.
        #[inline]
        fn reset_stock(&self) {
            self.stock.reset(&self.__context);
        }
        /// Returns the value that `seen` has at this moment.
        #[must_use]
        #[inline]
        fn seen(&self) -> &Vec<u32> {
            self.seen.get(&self.__context)
        }
        /// Adds an item to [`seen`](Self::seen), and drops the oldest of more than 20.
        #[inline]
        fn push_seen(&self, value: u32) {
            self.seen.push(&self.__context, value);
        }
        /// Adds items to [`seen`](Self::seen), and drops the oldest of more than 20.
        #[inline]
        fn extend_seen(&self, items: impl __session::IntoIterator<Item = u32>) {
            self.seen.extend(&self.__context, items);
        }
        /// Sets [`seen`](Self::seen).
        #[inline]
        fn set_seen(&self, value: Vec<u32>) {
            self.seen.set(&self.__context, value);
        }
        /// Changes [`seen`](Self::seen) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_seen(
            &self,
            change: impl __session::FnMut(&mut Vec<u32>) + __session::Send + 'static,
        ) {
            self.seen.update(&self.__context, change);
        }
        /// Sets [`seen`](Self::seen) back to its default.
        #[inline]
        fn reset_seen(&self) {
            self.seen.reset(&self.__context);
        }
        /// Adds an item to [`errors`](Self::peek_errors).
        #[inline]
        fn push_errors(&self, value: String) {
            self.errors.push(&self.__context, value);
        }
        /// Takes all items out of [`errors`](Self::peek_errors); what other requests push meanwhile stays for the next one.
        #[inline]
        fn take_errors(&self) -> Vec<String> {
            self.errors.take_all(&self.__context)
        }
        /// Returns the value that `errors` has at this moment, and leaves it for the next request.
        #[must_use]
        #[inline]
        fn peek_errors(&self) -> &Vec<String> {
            self.errors.get(&self.__context)
        }
        /// Sets [`notice`](Self::peek_notice).
        #[inline]
        fn set_notice(&self, value: String) {
            self.notice.set(&self.__context, __session::Some(value));
        }
        /// Takes the value out of [`notice`](Self::peek_notice), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_notice(&self) -> Option<String> {
            self.notice.take(&self.__context)
        }
        /// Returns the value that `notice` has at this moment, and leaves it for the next request.
        #[must_use]
        #[inline]
        fn peek_notice(&self) -> __session::Option<&String> {
            self.notice.get_some(&self.__context)
        }
        /// Returns the value that `best` has at this moment.
        #[must_use]
        #[inline]
        fn best(&self) -> u32 {
            self.best.cloned(&self.__context)
        }
        /// Raises [`best`](Self::best); a smaller value changes nothing.
        #[inline]
        fn set_best(&self, value: u32) {
            self.best.set(&self.__context, value);
        }
        /// Returns the value that `origin` has at this moment.
        #[must_use]
        #[inline]
        fn origin(&self) -> &String {
            self.origin.get(&self.__context)
        }
        /// Sets [`origin`](Self::origin), unless it was set before.
        #[inline]
        fn set_origin(&self, value: String) {
            self.origin.set(&self.__context, value);
        }
        /// Returns the value that `balance` has at this moment.
        #[must_use]
        #[inline]
        fn balance(&self) -> i64 {
            self.balance.cloned(&self.__context)
        }
        /// Sets [`balance`](Self::balance).
        #[inline]
        fn set_balance(&self, value: i64) {
            self.balance.set(&self.__context, value);
        }
        /// Changes [`balance`](Self::balance) in place.
        #[inline]
        fn update_balance(
            &self,
            change: impl __session::FnMut(&mut i64) + __session::Send + 'static,
        ) {
            self.balance.update(&self.__context, change);
        }
        /// Sets [`balance`](Self::balance) back to its default.
        #[inline]
        fn reset_balance(&self) {
            self.balance.reset(&self.__context);
        }
        /// Returns the value that `timer` has at this moment.
        #[allow(missing_docs)]
        #[must_use]
        #[inline]
        fn timer(&self) -> &Timer {
            self.timer.get(&self.__context)
        }
        /// Sets [`timer`](Self::timer).
        #[allow(missing_docs)]
        #[inline]
        fn set_timer(&self, value: Timer) {
            self.timer.set(&self.__context, value);
        }
        /// Changes [`timer`](Self::timer) in place.
        #[allow(missing_docs)]
        #[inline]
        fn update_timer(&self, change: impl __session::FnOnce(&mut Timer)) {
            self.timer.update(&self.__context, change);
        }
        /// Sets [`timer`](Self::timer) back to its default.
        #[allow(missing_docs)]
        #[inline]
        fn reset_timer(&self) {
            self.timer.reset(&self.__context);
        }
        /// Returns the value that `type` has at this moment.
        #[must_use]
        #[inline]
        fn kind(&self) -> u8 {
            self.r#type.cloned(&self.__context)
        }
        /// Sets [`type`](Self::kind).
        #[inline]
        fn set_type(&self, value: u8) {
            self.r#type.set(&self.__context, value);
        }
        /// Changes [`type`](Self::kind) in place.
        ///
        /// `change` runs at once. If a parallel request has changed the same by the time of the commit, `change` runs again on what is there then, so that nothing is lost. So `change` must have no other effect, and what it depends on is decided inside.
        #[inline]
        fn update_type(
            &self,
            change: impl __session::FnMut(&mut u8) + __session::Send + 'static,
        ) {
            self.r#type.update(&self.__context, change);
        }
        /// Sets [`type`](Self::kind) back to its default.
        #[inline]
        fn reset_type(&self) {
            self.r#type.reset(&self.__context);
        }
        /// Sets [`packed`](Self::peek_packed).
        #[inline]
        fn set_packed(&self, value: Item) {
            self.packed.set(&self.__context, __session::Some(value));
        }
        /// Takes the value out of [`packed`](Self::peek_packed), leaving `None`; the value is gone at the commit.
        #[inline]
        fn take_packed(&self) -> Option<Item> {
            self.packed.take(&self.__context)
        }
        /// Returns the value that `packed` has at this moment, and leaves it for the next request.
        #[must_use]
        #[inline]
        fn peek_packed(&self) -> __session::Option<&Item> {
            self.packed.get_some(&self.__context)
        }
    }
    static __FIELDS: [__session::FieldSpec; 17usize] = [
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
        __session::FieldSpec::new("tags"),
        __session::FieldSpec::new("more"),
        __session::FieldSpec::new("stock"),
        __session::FieldSpec {
            max_len: 20usize,
            ..__session::FieldSpec::new("seen")
        },
        __session::FieldSpec {
            policy: __session::Policy::Flash,
            ..__session::FieldSpec::new("errors")
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
        type Listed = ShopListed;
        #[inline]
        fn spec() -> &'static __session::Spec {
            static SPEC: __session::Spec = __session::Spec {
                type_name: "Shop",
                name: "shop",
                prefix: __session::Prefix::Strongest,
                namespace: "shop",
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
                on_lost: __session::OnLost::Keep,
                fields: &__FIELDS,
            };
            &SPEC
        }
        #[inline]
        fn fields(context: __session::Context) -> Self::Fields {
            let [__spec0, __spec1, __spec2, __spec3, __spec4, __spec5, __spec6, __spec7,
            __spec8, __spec9, __spec10, __spec11, __spec12, __spec13, __spec14, __spec15,
            __spec16] = &__FIELDS;
            ShopFields {
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
                tags: <BTreeSet<
                    String,
                > as ::session_runtime::__private0::SetAccess<
                    String,
                >>::cell(
                    __spec5,
                    <BTreeSet<String> as __session::FieldDefault>::field_default,
                ),
                more: <BTreeMap<
                    u8,
                    Value,
                > as ::session_runtime::__private0::MapAccess<
                    u8,
                    Value,
                >>::cell(
                    __spec6,
                    <BTreeMap<u8, Value> as __session::FieldDefault>::field_default,
                ),
                stock: <HashMap<
                    String,
                    u32,
                > as ::session_runtime::__private0::MapAccess<
                    String,
                    u32,
                >>::cell(
                    __spec7,
                    <HashMap<String, u32> as __session::FieldDefault>::field_default,
                ),
                seen: <Vec<
                    u32,
                > as ::session_runtime::__private0::ListAccess<
                    u32,
                >>::cell(__spec8, <Vec<u32> as __session::FieldDefault>::field_default),
                errors: <Vec<
                    String,
                > as ::session_runtime::__private0::ListAccess<
                    String,
                >>::cell(
                    __spec9,
                    <Vec<String> as __session::FieldDefault>::field_default,
                ),
                notice: <Option<
                    String,
                > as __session::ValueAccess>::cell(
                    __spec10,
                    <Option<String> as __session::FieldDefault>::field_default,
                ),
                best: <u32 as __session::NumberAccess>::max(
                    __spec11,
                    <u32 as __session::FieldDefault>::field_default,
                ),
                origin: <String as __session::ValueAccess>::cell(
                    __spec12,
                    || __session::Into::into("web"),
                ),
                balance: <i64 as __session::ValueAccess>::cell(
                    __spec13,
                    <i64 as __session::FieldDefault>::field_default,
                ),
                timer: <Timer as __session::LocalAccess>::cell(
                    __spec14,
                    <Timer as __session::FieldDefault>::field_default,
                ),
                r#type: <u8 as __session::ValueAccess>::cell(
                    __spec15,
                    <u8 as __session::FieldDefault>::field_default,
                ),
                packed: <MsgPack as __session::CodecAccess<
                    Option<Item>,
                >>::cell(
                    __spec16,
                    <Option<Item> as __session::FieldDefault>::field_default,
                ),
            }
        }
        #[inline]
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                user: fields.user.cloned(&fields.__context),
                page: fields.page.cloned(&fields.__context),
                small: fields.small.cloned(&fields.__context),
                coupon: fields.coupon.cloned(&fields.__context),
                visits: fields.visits.get(&fields.__context),
                tags: fields.tags.cloned(&fields.__context),
                more: fields.more.cloned(&fields.__context),
                stock: fields.stock.cloned(&fields.__context),
                seen: fields.seen.cloned(&fields.__context),
                errors: fields.errors.cloned(&fields.__context),
                notice: fields.notice.cloned(&fields.__context),
                best: fields.best.cloned(&fields.__context),
                origin: fields.origin.cloned(&fields.__context),
                balance: fields.balance.cloned(&fields.__context),
                timer: fields.timer.cloned(&fields.__context),
                r#type: fields.r#type.cloned(&fields.__context),
                packed: fields.packed.cloned(&fields.__context),
            }
        }
        #[inline]
        fn listed(fields: &Self::Fields) -> Self::Listed {
            ShopListed {
                visits: fields.visits.get(&fields.__context),
                best: fields.best.cloned(&fields.__context),
            }
        }
        #[inline]
        fn replace(fields: &Self::Fields, value: Self) {
            fields.user.leave(&fields.__context, value.user);
            fields.page.set(&fields.__context, value.page);
            fields.small.set(&fields.__context, value.small);
            fields.coupon.set(&fields.__context, value.coupon);
            fields.visits.replace(&fields.__context, value.visits);
            fields.tags.set(&fields.__context, value.tags);
            fields.more.set(&fields.__context, value.more);
            fields.stock.set(&fields.__context, value.stock);
            fields.seen.set(&fields.__context, value.seen);
            fields.errors.set(&fields.__context, value.errors);
            fields.notice.set(&fields.__context, value.notice);
            fields.best.set(&fields.__context, value.best);
            fields.origin.set(&fields.__context, value.origin);
            fields.balance.set(&fields.__context, value.balance);
            fields.timer.set(&fields.__context, value.timer);
            fields.r#type.set(&fields.__context, value.r#type);
            fields.packed.set(&fields.__context, value.packed);
        }
        #[inline]
        fn identity(stored: &[__session::u8]) -> __session::Option<__session::String> {
            __session::identity::<Self>(stored)
        }
    }
    #[automatically_derived]
    impl __session::PrincipalType for Shop {
        type Principal = UserId;
        #[inline]
        fn principal(
            fields: &Self::Fields,
        ) -> &__session::ValueCell<__session::Option<Self::Principal>> {
            &fields.user
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
            visit(
                &[
                    &self.user,
                    &self.page,
                    &self.small,
                    &self.coupon,
                    &self.visits,
                    &self.tags,
                    &self.more,
                    &self.stock,
                    &self.seen,
                    &self.errors,
                    &self.notice,
                    &self.best,
                    &self.origin,
                    &self.balance,
                    &self.timer,
                    &self.r#type,
                    &self.packed,
                ],
            );
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopFields {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str(
                "ShopFields { user, page, small, coupon, visits, tags, more, stock, seen, errors, notice, best, origin, balance, timer, type, packed, .. }",
            )
        }
    }
    #[automatically_derived]
    impl __session::Debug for ShopListed {
        #[inline]
        fn fmt(&self, f: &mut __session::Formatter<'_>) -> __session::fmt::Result {
            f.write_str("ShopListed { visits, best, .. }")
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
                >(parts, |fields| { fields.user.cloned(&fields.__context) }, Self)
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
                >(parts, |fields| { fields.user.cloned(&fields.__context) }, Self)
            }
        }
    }
};
