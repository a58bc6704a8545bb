//! Every attribute, and each accessor with its exact signature.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};
use session_runtime::{
    Principal, Session, SessionType,
    codec::{Codec, CodecError, Json},
};

#[derive(Principal, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct UserId(u64);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Item {
    id: u32,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Page(u8);

#[derive(Clone, Default)]
struct Timer;

fn is_known(user: &UserId) -> bool {
    user.0 > 0
}

/// A shop.
#[derive(Session)]
#[session(name = "__Secure-shop", prefix = "none", namespace = "corner.shop", transport = "cookie", payload = "server")]
#[session(idle = "30m", absolute = "1d 6h", path = "/shop", domain = "example.com")]
#[session(same_site = "none", secure = true, http_only, partitioned, persistent = false)]
#[session(create = "eager", resend = "always", on_stale = "new_session")]
#[session(on_store_error = "degrade", commit_on = "always", on_end = "silent", on_lost = "conflict")]
#[session(codec = Json, crate = ::session_runtime)]
struct Shop {
    #[session(principal, extract = "CurrentUser", validate = is_known, on_decode_error = "reject")]
    user: Option<UserId>,
    /// What is to be bought.
    #[session(rename = "basket", alias = "cart_v1", alias = "cart_v2", secret)]
    cart: Vec<Item>,
    #[session(merge = "last", clear_on_login)]
    coupon: Option<String>,
    #[session(copy, default = Page(3))]
    page: Page,
    #[session(copy)]
    shown: Option<Page>,
    number: f64,
    letter: Option<char>,
    #[session(copy)]
    said_twice: u8,
    #[session(counter)]
    visits: i64,
    #[session(merge = "counter")]
    clicks: u32,
    tags: BTreeSet<String>,
    seen: HashSet<u32>,
    #[session(counter)]
    stock: HashMap<u32, u8>,
    #[session(max_len = 20)]
    recent: VecDeque<u32>,
    #[session(flash)]
    errors: Vec<String>,
    more: BTreeMap<String, String>,
    json: BTreeMap<String, serde_json::Value>,
    #[session(flash)]
    notice: Option<String>,
    #[session(merge = "flash", on_decode_error = "default")]
    warning: Option<String>,
    #[session(merge = "max", default = 1)]
    best: i32,
    #[session(merge = "once", keep)]
    origin: Option<String>,
    #[session(merge = "cas")]
    balance: i64,
    #[session(group = "checkout")]
    step: u8,
    #[session(group = "checkout", default = "card")]
    method: String,
    #[session(skip)]
    timer: Timer,
    #[session(skip, default = Some(Timer))]
    stopwatch: Option<Timer>,
    /// Shown by lists.
    #[session(getter = "has_started", listed)]
    started: bool,
    #[session(codec = Text<Mark>)]
    mark: Mark,
}

/// A type that serde does not know.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mark(String);

struct Text<T>(std::marker::PhantomData<fn() -> T>);

impl Codec<Mark> for Text<Mark> {
    fn encode(value: &Mark) -> Result<Vec<u8>, CodecError> {
        Ok(value.0.clone().into_bytes())
    }

    fn decode(bytes: &[u8]) -> Result<Mark, CodecError> {
        let text = std::str::from_utf8(bytes).map_err(|error| CodecError::new(error.to_string()));
        Ok(Mark(text?.to_owned()))
    }
}

/// A codec for every type of a generic struct.
#[derive(Session)]
#[session(codec = Text<T>)]
#[allow(dead_code)]
struct Generic<T: Clone + Default + Send + Sync + 'static>
where
    Text<T>: Codec<T>,
{
    only: T,
}

#[derive(Session)]
#[session(name = "x-token", transport = "bearer", payload = "sealed", idle = "never", absolute = "2w")]
struct Token {
    cart: Vec<Item>,
}

#[derive(Session)]
#[session(transport = "header", payload = "signed", absolute = "never", create = "on_write")]
#[session(resend = "on_change", on_stale = "clear_token", on_store_error = "fail")]
#[session(commit_on = "not_5xx", on_end = "expire_token", on_lost = "keep")]
struct HeaderToken {
    #[session(flash)]
    notice: Option<String>,
}

#[derive(Session)]
#[session(same_site = "strict", secure = false, http_only = false, partitioned = false, persistent)]
struct Dev {
    cart: Vec<Item>,
}

fn handle(session: &Session<Shop>) {
    let _: &Mark = session.mark();
    session.set_mark(Mark("a".to_owned()));
    let _: fn(&Session<Generic<Mark>>) -> &Mark = |session| session.only();

    let _: Option<&UserId> = session.user();
    session.log_in(UserId(1));

    let _: &Vec<Item> = session.cart();
    session.push_cart(Item { id: 1 });
    session.extend_cart([Item { id: 2 }]);
    session.set_cart(vec![Item { id: 1 }]);
    session.update_cart(|cart| cart.clear());
    session.reset_cart();

    let _: Option<&String> = session.coupon();
    session.set_coupon("a".to_owned());
    session.put_coupon(None);
    session.put_coupon(Some("a".to_owned()));
    session.clear_coupon();
    session.update_coupon(|coupon: &mut Option<String>| *coupon = None);
    session.reset_coupon();
    let _: Option<String> = session.take_coupon();
    session.clear_coupon();

    let _: Page = session.page();
    session.set_page(Page(3));
    let _: Option<Page> = session.shown();
    let _: f64 = session.number();
    let _: Option<char> = session.letter();
    let _: u8 = session.said_twice();

    let _: i64 = session.visits();
    session.add_visits(-1);
    session.reset_visits();
    let _: u32 = session.clicks();
    session.add_clicks(1);

    let _: &BTreeSet<String> = session.tags();
    session.insert_tags("new".to_owned());
    session.remove_tags("new");
    let _: &HashSet<u32> = session.seen();
    session.insert_seen(1);
    session.remove_seen(&1);

    let _: &BTreeMap<String, String> = session.more();
    session.insert_more("key".to_owned(), "value".to_owned());
    session.remove_more("key");
    let _: &BTreeMap<String, serde_json::Value> = session.json();
    session.insert_json("key".to_owned(), serde_json::Value::Null);
    session.remove_json("key");

    session.set_notice("hello".to_owned());
    let _: Option<&String> = session.peek_notice();
    let _: Option<String> = session.take_notice();
    session.set_warning("careful".to_owned());
    session.push_errors("no".to_owned());
    let _: &Vec<String> = session.peek_errors();
    let _: Vec<String> = session.take_errors();

    let _: &HashMap<u32, u8> = session.stock();
    session.add_stock(1, -2);
    session.insert_stock(1, 2);
    session.update_stock_at(1, |left| *left += 1);
    let _: &VecDeque<u32> = session.recent();
    session.push_recent(1);
    session.extend_recent([1, 2]);

    let _: i32 = session.best();
    session.set_best(7);
    let _: Option<&String> = session.origin();
    session.set_origin("ad".to_owned());
    let _: i64 = session.balance();
    session.update_balance(|balance| *balance -= 1);
    let _: u8 = session.step();
    let _: &String = session.method();

    let _: &Timer = session.timer();
    session.set_timer(Timer);
    session.update_timer(|_| ());
    session.reset_timer();
    let _: Option<&Timer> = session.stopwatch();
    let _: Option<Timer> = session.take_stopwatch();
    session.clear_stopwatch();

    let _: bool = session.has_started();
    session.set_started(true);
    let ShopListed { started }: ShopListed = session.info().listed.clone();
    let _: bool = started;
    let _: () = HeaderToken::listed(&unlisted());
}

fn unlisted() -> HeaderTokenFields {
    unimplemented!("never called")
}

async fn claim(session: Session<Shop>) -> Result<Option<String>, session_runtime::Error> {
    session.claim_coupon().await
}

async fn guarded(CurrentUser(user): CurrentUser) -> UserId {
    user
}

fn guard(user: &CurrentUser) -> (u64, CurrentUser) {
    assert_eq!(format!("{user:?}"), "CurrentUser(..)");
    (user.0.0, user.clone())
}

fn main() {
    use session_runtime::{SameSite, policy::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend}, schema::{OnDecodeError, Payload, Policy, Prefix, Transport}};
    use std::time::Duration;

    let _ = (handle, claim, guarded, guard);

    let spec = Shop::spec();
    assert_eq!((spec.type_name, spec.name, spec.namespace), ("Shop", "__Secure-shop", "corner.shop"));
    assert_eq!(spec.prefix, Prefix::None);
    assert_eq!((spec.transport, spec.payload), (Transport::Cookie, Payload::Server));
    assert_eq!(spec.idle, Some(Duration::from_secs(1800)));
    assert_eq!(spec.absolute, Some(Duration::from_secs(30 * 3600)));
    let cookie = &spec.cookie;
    assert_eq!((cookie.path, cookie.domain), ("/shop", Some("example.com")));
    assert_eq!(cookie.same_site, SameSite::None);
    assert!(cookie.secure && cookie.http_only && cookie.partitioned && !cookie.persistent);
    assert_eq!((spec.create, spec.resend), (Create::Eager, Resend::Always));
    assert_eq!((spec.on_stale, spec.on_store_error), (OnStale::NewSession, OnStoreError::Degrade));
    assert_eq!((spec.commit_on, spec.on_end), (CommitOn::Always, OnEnd::Silent));
    assert_eq!(spec.on_lost, OnLost::Conflict);

    let policies: Vec<_> = spec.fields.iter().map(|field| (field.name, field.policy)).collect();
    assert_eq!(
        policies,
        [
            ("user", Policy::Last),
            ("basket", Policy::Last),
            ("coupon", Policy::Last),
            ("page", Policy::Last),
            ("shown", Policy::Last),
            ("number", Policy::Last),
            ("letter", Policy::Last),
            ("said_twice", Policy::Last),
            ("visits", Policy::Counter),
            ("clicks", Policy::Counter),
            ("tags", Policy::Last),
            ("seen", Policy::Last),
            ("stock", Policy::Last),
            ("recent", Policy::Last),
            ("errors", Policy::Flash),
            ("more", Policy::Last),
            ("json", Policy::Last),
            ("notice", Policy::Flash),
            ("warning", Policy::Flash),
            ("best", Policy::Max),
            ("origin", Policy::Once),
            ("balance", Policy::Last),
            ("step", Policy::Last),
            ("method", Policy::Last),
            ("timer", Policy::Local),
            ("stopwatch", Policy::Local),
            ("started", Policy::Last),
            ("mark", Policy::Last),
        ]
    );
    let user = spec.fields[0];
    assert!(user.principal && !user.keep && !user.secret && !user.clear_on_login);
    assert!(spec.fields[1].secret && !spec.fields[1].principal);
    assert_eq!(user.on_decode_error, OnDecodeError::Reject);
    assert_eq!(spec.fields[1].aliases, ["cart_v1", "cart_v2"]);
    assert!(spec.fields[2].clear_on_login);
    assert_eq!(spec.fields[13].max_len, 20);
    assert_eq!(spec.fields[21].group, Some("balance"));
    assert_eq!(spec.fields[22].group, Some("checkout"));

    let spec = Token::spec();
    assert_eq!((spec.name, spec.transport, spec.payload), ("x-token", Transport::Bearer, Payload::Sealed));
    assert_eq!((spec.idle, spec.absolute), (None, Some(Duration::from_secs(14 * 86400))));

    let spec = HeaderToken::spec();
    assert_eq!((spec.name, spec.namespace, spec.prefix), ("header-token", "header-token", Prefix::Strongest));
    assert_eq!((spec.idle, spec.absolute), (Some(Duration::from_secs(1800)), None));

    assert_eq!(Dev::spec().name, "dev");
}
