///The fields of a [`Shop`] session: what `Session<Shop>` derefs to.
#[allow(dead_code, deprecated)]
pub struct ShopFields {
    __context: ::session_runtime::__private0::Context,
    user: ::session_runtime::__private0::ValueCell<Option<UserId>>,
    page: ::session_runtime::__private0::ValueCell<u8>,
    coupon: ::session_runtime::__private0::ValueCell<Option<String>>,
    visits: ::session_runtime::__private0::CounterCell<i64>,
    tags: ::session_runtime::__private0::CollectionCell<BTreeSet<String>>,
    more: ::session_runtime::__private0::CollectionCell<BTreeMap<String, Value>>,
    notice: ::session_runtime::__private0::ValueCell<Option<String>>,
    best: ::session_runtime::__private0::ValueCell<
        u32,
        ::session_runtime::__private0::Int,
    >,
    origin: ::session_runtime::__private0::ValueCell<String>,
    balance: ::session_runtime::__private0::ValueCell<i64>,
    timer: ::session_runtime::__private0::LocalCell<Timer>,
    r#type: ::session_runtime::__private0::ValueCell<u8>,
    packed: ::session_runtime::__private0::ValueCell<
        Option<Item>,
        ::session_runtime::__private0::Coded<MsgPack>,
    >,
}
/**The write-only view of a [`Shop`] session: what `Writer<Shop>` derefs to.

It loads nothing, so it has only what needs no present value.*/
#[allow(dead_code, deprecated)]
pub struct ShopWriter {
    fields: ShopFields,
}
///The present `user` of a [`Shop`] session, as an extractor: without one the request is rejected.
#[allow(dead_code, deprecated)]
#[allow(private_interfaces)]
pub struct CurrentUser(pub UserId);
#[allow(dead_code, deprecated)]
const _: () = {
    use ::session_runtime::__private0 as __session;
    impl ShopFields {
        ///The field `user`.
        #[must_use]
        pub fn user(&self) -> __session::core::option::Option<&UserId> {
            __session::core::option::Option::as_ref(
                <Option<
                    UserId,
                > as __session::ValueAccess>::get(&self.user, &self.__context),
            )
        }
        ///The field `page`.
        #[must_use]
        fn page(&self) -> u8 {
            <u8 as __session::ValueAccess>::copied(&self.page, &self.__context)
        }
        ///Sets [`page`](Self::page).
        fn set_page(&self, value: u8) {
            <u8 as __session::ValueAccess>::set(&self.page, &self.__context, value);
        }
        /**Changes [`page`](Self::page) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_page<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut u8) -> R,
        ) -> R {
            <u8 as __session::ValueAccess>::update(&self.page, &self.__context, change)
        }
        ///Brings [`page`](Self::page) back to its default.
        fn reset_page(&self) {
            <u8 as __session::ValueAccess>::reset(&self.page, &self.__context);
        }
        ///The field `coupon`.
        #[must_use]
        fn coupon(&self) -> __session::core::option::Option<&String> {
            __session::core::option::Option::as_ref(
                <Option<
                    String,
                > as __session::ValueAccess>::get(&self.coupon, &self.__context),
            )
        }
        ///Sets [`coupon`](Self::coupon).
        fn set_coupon(
            &self,
            value: impl __session::core::convert::Into<Option<String>>,
        ) {
            <Option<
                String,
            > as __session::ValueAccess>::set(
                &self.coupon,
                &self.__context,
                __session::core::convert::Into::into(value),
            );
        }
        /**Changes [`coupon`](Self::coupon) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_coupon<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut Option<String>) -> R,
        ) -> R {
            <Option<
                String,
            > as __session::ValueAccess>::update(&self.coupon, &self.__context, change)
        }
        ///Brings [`coupon`](Self::coupon) back to its default.
        fn reset_coupon(&self) {
            <Option<
                String,
            > as __session::ValueAccess>::reset(&self.coupon, &self.__context);
        }
        ///Takes the value out of [`coupon`](Self::coupon), leaving `None`.
        fn take_coupon(&self) -> Option<String> {
            <Option<
                String,
            > as __session::ValueAccess>::take(
                &self.coupon,
                &self.__context,
                __session::core::option::Option::take,
            )
        }
        ///Sets [`coupon`](Self::coupon) to `None`.
        fn clear_coupon(&self) {
            <Option<
                String,
            > as __session::ValueAccess>::set(
                &self.coupon,
                &self.__context,
                __session::core::option::Option::None,
            );
        }
        ///The field `visits`.
        #[deprecated]
        #[must_use]
        fn visits(&self) -> i64 {
            <i64 as __session::NumberAccess>::count(&self.visits, &self.__context)
        }
        ///Adds to [`visits`](Self::visits); parallel requests add up. `by` may be negative.
        #[deprecated]
        fn add_visits(&self, by: __session::core::primitive::i64) {
            <i64 as __session::NumberAccess>::add(&self.visits, &self.__context, by);
        }
        ///The field `tags`.
        #[must_use]
        fn tags(&self) -> &BTreeSet<String> {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::get(&self.tags, &self.__context)
        }
        ///Puts a member into [`tags`](Self::tags).
        fn insert_tags(&self, member: String) {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::insert(&self.tags, &self.__context, member);
        }
        ///Takes a member out of [`tags`](Self::tags).
        fn remove_tags(&self, member: &String) {
            __session::CollectionCell::<
                BTreeSet<String>,
            >::remove(&self.tags, &self.__context, member);
        }
        ///The field `more`.
        #[must_use]
        fn more(&self) -> &BTreeMap<String, Value> {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::get(&self.more, &self.__context)
        }
        ///Puts a key into [`more`](Self::more).
        fn insert_more(
            &self,
            key: impl __session::core::convert::Into<::std::string::String>,
            value: Value,
        ) {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::insert(
                &self.more,
                &self.__context,
                (__session::core::convert::Into::into(key), value),
            );
        }
        ///Takes a key out of [`more`](Self::more).
        fn remove_more(&self, key: &__session::core::primitive::str) {
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::remove(
                &self.more,
                &self.__context,
                &__session::core::convert::Into::into(key),
            );
        }
        ///Sets [`peek_notice`](Self::peek_notice).
        fn set_notice(
            &self,
            value: impl __session::core::convert::Into<Option<String>>,
        ) {
            <Option<
                String,
            > as __session::ValueAccess>::set(
                &self.notice,
                &self.__context,
                __session::core::convert::Into::into(value),
            );
        }
        ///Takes the value out of [`peek_notice`](Self::peek_notice), leaving `None`.
        fn take_notice(&self) -> Option<String> {
            <Option<
                String,
            > as __session::ValueAccess>::take(
                &self.notice,
                &self.__context,
                __session::core::option::Option::take,
            )
        }
        ///The field `notice`.
        /**

Leaves it for the next request, unlike `take`.*/
        #[must_use]
        fn peek_notice(&self) -> __session::core::option::Option<&String> {
            __session::core::option::Option::as_ref(
                <Option<
                    String,
                > as __session::ValueAccess>::get(&self.notice, &self.__context),
            )
        }
        ///The field `best`.
        #[must_use]
        fn best(&self) -> u32 {
            <u32 as __session::NumberAccess>::max(&self.best, &self.__context)
        }
        ///Raises [`best`](Self::best); a smaller value changes nothing.
        fn set_best(&self, value: u32) {
            <u32 as __session::NumberAccess>::set_max(
                &self.best,
                &self.__context,
                value,
            );
        }
        ///The field `origin`.
        #[must_use]
        fn origin(&self) -> &String {
            <String as __session::ValueAccess>::get(&self.origin, &self.__context)
        }
        ///Sets [`origin`](Self::origin), unless it was set before.
        fn set_origin(&self, value: String) {
            <String as __session::ValueAccess>::set(
                &self.origin,
                &self.__context,
                value,
            );
        }
        ///The field `balance`.
        #[must_use]
        fn balance(&self) -> &i64 {
            <i64 as __session::ValueAccess>::get(&self.balance, &self.__context)
        }
        ///Sets [`balance`](Self::balance).
        fn set_balance(&self, value: i64) {
            <i64 as __session::ValueAccess>::set(&self.balance, &self.__context, value);
        }
        /**Changes [`balance`](Self::balance) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_balance<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut i64) -> R,
        ) -> R {
            <i64 as __session::ValueAccess>::update(
                &self.balance,
                &self.__context,
                change,
            )
        }
        ///Brings [`balance`](Self::balance) back to its default.
        fn reset_balance(&self) {
            <i64 as __session::ValueAccess>::reset(&self.balance, &self.__context);
        }
        ///The field `timer`.
        #[allow(missing_docs)]
        #[must_use]
        fn timer(&self) -> &Timer {
            <Timer as __session::LocalAccess>::get(&self.timer, &self.__context)
        }
        ///Sets [`timer`](Self::timer).
        #[allow(missing_docs)]
        fn set_timer(&self, value: Timer) {
            <Timer as __session::LocalAccess>::set(&self.timer, &self.__context, value);
        }
        /**Changes [`timer`](Self::timer) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        #[allow(missing_docs)]
        fn update_timer<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut Timer) -> R,
        ) -> R {
            <Timer as __session::LocalAccess>::update(
                &self.timer,
                &self.__context,
                change,
            )
        }
        ///Brings [`timer`](Self::timer) back to its default.
        #[allow(missing_docs)]
        fn reset_timer(&self) {
            <Timer as __session::LocalAccess>::reset(&self.timer, &self.__context);
        }
        ///The field `type`.
        #[must_use]
        fn kind(&self) -> &u8 {
            <u8 as __session::ValueAccess>::get(&self.r#type, &self.__context)
        }
        ///Sets [`kind`](Self::kind).
        fn set_type(&self, value: u8) {
            <u8 as __session::ValueAccess>::set(&self.r#type, &self.__context, value);
        }
        /**Changes [`kind`](Self::kind) in place and returns what `change` returns.

`change` works on a clone; what another task writes to the same field meanwhile is lost.*/
        fn update_type<R>(
            &self,
            change: impl __session::core::ops::FnOnce(&mut u8) -> R,
        ) -> R {
            <u8 as __session::ValueAccess>::update(&self.r#type, &self.__context, change)
        }
        ///Brings [`kind`](Self::kind) back to its default.
        fn reset_type(&self) {
            <u8 as __session::ValueAccess>::reset(&self.r#type, &self.__context);
        }
        ///Sets [`peek_packed`](Self::peek_packed).
        fn set_packed(&self, value: impl __session::core::convert::Into<Option<Item>>) {
            <MsgPack as __session::CodecAccess<
                Option<Item>,
            >>::set(
                &self.packed,
                &self.__context,
                __session::core::convert::Into::into(value),
            );
        }
        ///Takes the value out of [`peek_packed`](Self::peek_packed), leaving `None`.
        fn take_packed(&self) -> Option<Item> {
            <MsgPack as __session::CodecAccess<
                Option<Item>,
            >>::take(
                &self.packed,
                &self.__context,
                __session::core::option::Option::take,
            )
        }
        ///The field `packed`.
        /**

Leaves it for the next request, unlike `take`.*/
        #[must_use]
        fn peek_packed(&self) -> __session::core::option::Option<&Item> {
            __session::core::option::Option::as_ref(
                <MsgPack as __session::CodecAccess<
                    Option<Item>,
                >>::get(&self.packed, &self.__context),
            )
        }
    }
    impl ShopWriter {
        ///Sets [`page`](ShopFields::page).
        fn set_page(&self, value: u8) {
            ShopFields::set_page(&self.fields, value);
        }
        ///Brings [`page`](ShopFields::page) back to its default.
        fn reset_page(&self) {
            ShopFields::reset_page(&self.fields);
        }
        ///Sets [`coupon`](ShopFields::coupon).
        fn set_coupon(
            &self,
            value: impl __session::core::convert::Into<Option<String>>,
        ) {
            ShopFields::set_coupon(&self.fields, value);
        }
        ///Brings [`coupon`](ShopFields::coupon) back to its default.
        fn reset_coupon(&self) {
            ShopFields::reset_coupon(&self.fields);
        }
        ///Sets [`coupon`](ShopFields::coupon) to `None`.
        fn clear_coupon(&self) {
            ShopFields::clear_coupon(&self.fields);
        }
        ///Adds to [`visits`](ShopFields::visits); parallel requests add up. `by` may be negative.
        #[deprecated]
        fn add_visits(&self, by: __session::core::primitive::i64) {
            ShopFields::add_visits(&self.fields, by);
        }
        ///Puts a member into [`tags`](ShopFields::tags).
        fn insert_tags(&self, member: String) {
            ShopFields::insert_tags(&self.fields, member);
        }
        ///Takes a member out of [`tags`](ShopFields::tags).
        fn remove_tags(&self, member: &String) {
            ShopFields::remove_tags(&self.fields, member);
        }
        ///Puts a key into [`more`](ShopFields::more).
        fn insert_more(
            &self,
            key: impl __session::core::convert::Into<::std::string::String>,
            value: Value,
        ) {
            ShopFields::insert_more(&self.fields, key, value);
        }
        ///Takes a key out of [`more`](ShopFields::more).
        fn remove_more(&self, key: &__session::core::primitive::str) {
            ShopFields::remove_more(&self.fields, key);
        }
        ///Sets [`peek_notice`](ShopFields::peek_notice).
        fn set_notice(
            &self,
            value: impl __session::core::convert::Into<Option<String>>,
        ) {
            ShopFields::set_notice(&self.fields, value);
        }
        ///Raises [`best`](ShopFields::best); a smaller value changes nothing.
        fn set_best(&self, value: u32) {
            ShopFields::set_best(&self.fields, value);
        }
        ///Sets [`origin`](ShopFields::origin), unless it was set before.
        fn set_origin(&self, value: String) {
            ShopFields::set_origin(&self.fields, value);
        }
        ///Sets [`kind`](ShopFields::kind).
        fn set_type(&self, value: u8) {
            ShopFields::set_type(&self.fields, value);
        }
        ///Brings [`kind`](ShopFields::kind) back to its default.
        fn reset_type(&self) {
            ShopFields::reset_type(&self.fields);
        }
        ///Sets [`peek_packed`](ShopFields::peek_packed).
        fn set_packed(&self, value: impl __session::core::convert::Into<Option<Item>>) {
            ShopFields::set_packed(&self.fields, value);
        }
    }
    static __FIELDS: [&__session::FieldSpec; 13usize] = [
        &__session::FieldSpec {
            name: "user",
            aliases: &[],
            policy: __session::Policy::Last,
            group: __session::core::option::Option::None,
            principal: true,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "page",
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
            name: "coupon",
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
            name: "visits",
            aliases: &[],
            policy: __session::Policy::Counter,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "tags",
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
            name: "more",
            aliases: &[],
            policy: __session::Policy::Extra,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "notice",
            aliases: &[],
            policy: __session::Policy::Flash,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "best",
            aliases: &[],
            policy: __session::Policy::Max,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "origin",
            aliases: &[],
            policy: __session::Policy::Once,
            group: __session::core::option::Option::None,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "sum",
            aliases: &["total"],
            policy: __session::Policy::Last,
            group: __session::core::option::Option::Some("sum"),
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: __session::OnDecodeError::Default,
        },
        &__session::FieldSpec {
            name: "timer",
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
            name: "type",
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
            name: "packed",
            aliases: &[],
            policy: __session::Policy::Flash,
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
                name: "shop",
                transport: __session::Transport::Cookie,
                payload: __session::Payload::Server,
                idle: __session::core::option::Option::None,
                absolute: __session::core::option::Option::Some(
                    __session::core::time::Duration::from_secs(86400u64),
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
                on_stale: __session::OnStale::Ignore,
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
                    user: <Option<
                        UserId,
                    > as __session::ValueAccess>::cell(
                        __FIELDS[0usize],
                        <Option<UserId> as __session::FieldDefault>::field_default,
                    ),
                    page: <u8 as __session::ValueAccess>::cell(__FIELDS[1usize], || 3),
                    coupon: <Option<
                        String,
                    > as __session::ValueAccess>::cell(
                        __FIELDS[2usize],
                        <Option<String> as __session::FieldDefault>::field_default,
                    ),
                    visits: <i64 as __session::NumberAccess>::counter(__FIELDS[3usize]),
                    tags: __session::CollectionCell::<
                        BTreeSet<String>,
                    >::new(__FIELDS[4usize]),
                    more: __session::CollectionCell::<
                        BTreeMap<String, Value>,
                    >::new(__FIELDS[5usize]),
                    notice: <Option<
                        String,
                    > as __session::ValueAccess>::cell(
                        __FIELDS[6usize],
                        <Option<String> as __session::FieldDefault>::field_default,
                    ),
                    best: <u32 as __session::NumberAccess>::max_cell(
                        __FIELDS[7usize],
                        <u32 as __session::FieldDefault>::field_default,
                    ),
                    origin: <String as __session::ValueAccess>::cell(
                        __FIELDS[8usize],
                        || __session::core::convert::Into::into("web"),
                    ),
                    balance: <i64 as __session::ValueAccess>::cell(
                        __FIELDS[9usize],
                        <i64 as __session::FieldDefault>::field_default,
                    ),
                    timer: <Timer as __session::LocalAccess>::cell(
                        __FIELDS[10usize],
                        <Timer as __session::FieldDefault>::field_default,
                    ),
                    r#type: <u8 as __session::ValueAccess>::cell(
                        __FIELDS[11usize],
                        <u8 as __session::FieldDefault>::field_default,
                    ),
                    packed: <MsgPack as __session::CodecAccess<
                        Option<Item>,
                    >>::cell(
                        __FIELDS[12usize],
                        <Option<Item> as __session::FieldDefault>::field_default,
                    ),
                },
            }
        }
        fn snapshot(fields: &Self::Fields) -> Self {
            Self {
                user: <Option<
                    UserId,
                > as __session::ValueAccess>::copied(&fields.user, &fields.__context),
                page: <u8 as __session::ValueAccess>::copied(
                    &fields.page,
                    &fields.__context,
                ),
                coupon: <Option<
                    String,
                > as __session::ValueAccess>::copied(&fields.coupon, &fields.__context),
                visits: <i64 as __session::NumberAccess>::count(
                    &fields.visits,
                    &fields.__context,
                ),
                tags: __session::core::clone::Clone::clone(
                    __session::CollectionCell::<
                        BTreeSet<String>,
                    >::get(&fields.tags, &fields.__context),
                ),
                more: __session::core::clone::Clone::clone(
                    __session::CollectionCell::<
                        BTreeMap<String, Value>,
                    >::get(&fields.more, &fields.__context),
                ),
                notice: <Option<
                    String,
                > as __session::ValueAccess>::copied(&fields.notice, &fields.__context),
                best: <u32 as __session::NumberAccess>::max(
                    &fields.best,
                    &fields.__context,
                ),
                origin: <String as __session::ValueAccess>::copied(
                    &fields.origin,
                    &fields.__context,
                ),
                balance: <i64 as __session::ValueAccess>::copied(
                    &fields.balance,
                    &fields.__context,
                ),
                timer: <Timer as __session::LocalAccess>::copied(
                    &fields.timer,
                    &fields.__context,
                ),
                r#type: <u8 as __session::ValueAccess>::copied(
                    &fields.r#type,
                    &fields.__context,
                ),
                packed: <MsgPack as __session::CodecAccess<
                    Option<Item>,
                >>::copied(&fields.packed, &fields.__context),
            }
        }
        fn replace(fields: &Self::Fields, value: Self) {
            let _ = &value.user;
            <u8 as __session::ValueAccess>::set(
                &fields.page,
                &fields.__context,
                value.page,
            );
            <Option<
                String,
            > as __session::ValueAccess>::set(
                &fields.coupon,
                &fields.__context,
                value.coupon,
            );
            <i64 as __session::NumberAccess>::replace(
                &fields.visits,
                &fields.__context,
                value.visits,
            );
            __session::CollectionCell::<
                BTreeSet<String>,
            >::replace(&fields.tags, &fields.__context, &value.tags);
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::replace(&fields.more, &fields.__context, &value.more);
            <Option<
                String,
            > as __session::ValueAccess>::set(
                &fields.notice,
                &fields.__context,
                value.notice,
            );
            <u32 as __session::NumberAccess>::set_max(
                &fields.best,
                &fields.__context,
                value.best,
            );
            <String as __session::ValueAccess>::set(
                &fields.origin,
                &fields.__context,
                value.origin,
            );
            <i64 as __session::ValueAccess>::set(
                &fields.balance,
                &fields.__context,
                value.balance,
            );
            <Timer as __session::LocalAccess>::set(
                &fields.timer,
                &fields.__context,
                value.timer,
            );
            <u8 as __session::ValueAccess>::set(
                &fields.r#type,
                &fields.__context,
                value.r#type,
            );
            <MsgPack as __session::CodecAccess<
                Option<Item>,
            >>::set(&fields.packed, &fields.__context, value.packed);
        }
    }
    #[automatically_derived]
    impl __session::PrincipalType for Shop {
        type Principal = UserId;
        fn principal(
            fields: &Self::Fields,
        ) -> &__session::ValueCell<__session::core::option::Option<Self::Principal>> {
            &fields.user
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
            visit(<Option<UserId> as __session::ValueAccess>::erased(&self.user));
            visit(<u8 as __session::ValueAccess>::erased(&self.page));
            visit(<Option<String> as __session::ValueAccess>::erased(&self.coupon));
            visit(<i64 as __session::NumberAccess>::erased(&self.visits));
            visit(&self.tags);
            visit(&self.more);
            visit(<Option<String> as __session::ValueAccess>::erased(&self.notice));
            visit(<u32 as __session::NumberAccess>::erased_max(&self.best));
            visit(<String as __session::ValueAccess>::erased(&self.origin));
            visit(<i64 as __session::ValueAccess>::erased(&self.balance));
            visit(<Timer as __session::LocalAccess>::erased(&self.timer));
            visit(<u8 as __session::ValueAccess>::erased(&self.r#type));
            visit(
                <MsgPack as __session::CodecAccess<Option<Item>>>::erased(&self.packed),
            );
        }
        fn adopt(&self, other: &Self) {
            <Option<UserId> as __session::ValueAccess>::adopt(&self.user, &other.user);
            <u8 as __session::ValueAccess>::adopt(&self.page, &other.page);
            <Option<
                String,
            > as __session::ValueAccess>::adopt(&self.coupon, &other.coupon);
            <i64 as __session::NumberAccess>::adopt(&self.visits, &other.visits);
            __session::CollectionCell::<
                BTreeSet<String>,
            >::adopt(&self.tags, &other.tags);
            __session::CollectionCell::<
                BTreeMap<String, Value>,
            >::adopt(&self.more, &other.more);
            <Option<
                String,
            > as __session::ValueAccess>::adopt(&self.notice, &other.notice);
            <u32 as __session::NumberAccess>::adopt_max(&self.best, &other.best);
            <String as __session::ValueAccess>::adopt(&self.origin, &other.origin);
            <i64 as __session::ValueAccess>::adopt(&self.balance, &other.balance);
            <Timer as __session::LocalAccess>::adopt(&self.timer, &other.timer);
            <u8 as __session::ValueAccess>::adopt(&self.r#type, &other.r#type);
            <MsgPack as __session::CodecAccess<
                Option<Item>,
            >>::adopt(&self.packed, &other.packed);
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
            __session::core::fmt::Formatter::write_str(
                f,
                "ShopFields { user, page, coupon, visits, tags, more, notice, best, origin, balance, timer, type, packed, .. }",
            )
        }
    }
    #[automatically_derived]
    impl __session::core::fmt::Debug for ShopWriter {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(
                f,
                "ShopWriter { user, page, coupon, visits, tags, more, notice, best, origin, balance, timer, type, packed, .. }",
            )
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
    #[automatically_derived]
    impl __session::core::fmt::Debug for CurrentUser {
        fn fmt(
            &self,
            f: &mut __session::core::fmt::Formatter<'_>,
        ) -> __session::core::fmt::Result {
            __session::core::fmt::Formatter::write_str(f, "CurrentUser(..)")
        }
    }
    #[automatically_derived]
    impl __session::core::clone::Clone for CurrentUser {
        fn clone(&self) -> Self {
            Self(<UserId as __session::core::clone::Clone>::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl __session::core::ops::Deref for CurrentUser {
        type Target = UserId;
        fn deref(&self) -> &UserId {
            &self.0
        }
    }
    __session::if_axum! {
        #[automatically_derived] impl < __S : __session::core::marker::Send +
        __session::core::marker::Sync > __session::axum_core::extract::FromRequestParts <
        __S > for CurrentUser { type Rejection = __session::Rejection; async fn
        from_request_parts(parts : & mut __session::http::request::Parts, _ : & __S) ->
        __session::core::result::Result < Self, Self::Rejection > {
        __session::core::result::Result::map(__session::required:: < Shop, UserId >
        (parts, | fields | < Option < UserId > as __session::ValueAccess > ::copied(&
        fields.user, & fields.__context)). await, Self,) } } #[automatically_derived]
        impl < __S : __session::core::marker::Send + __session::core::marker::Sync >
        __session::axum_core::extract::OptionalFromRequestParts < __S > for CurrentUser {
        type Rejection = __session::Rejection; async fn from_request_parts(parts : & mut
        __session::http::request::Parts, _ : & __S) -> __session::core::result::Result <
        __session::core::option::Option < Self >, Self::Rejection > {
        __session::core::result::Result::map(__session::optional:: < Shop, UserId >
        (parts, | fields | < Option < UserId > as __session::ValueAccess > ::copied(&
        fields.user, & fields.__context)). await, | fields |
        __session::core::option::Option::map(fields, Self),) } }
    }
    const _: () = {
        fn types() {
            const fn set<T: __session::SetField>() {}
            const fn extra<T: __session::MapField>() {}
            <u8 as __session::CopyAccess>::check();
            set::<BTreeSet<String>>();
            extra::<BTreeMap<String, Value>>();
        }
    };
};
