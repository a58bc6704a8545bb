//! Whose time counts: that of the store's server, which is one for all machines, and not that of a
//! machine whose clock is wrong.

#![allow(clippy::unchecked_time_subtraction, reason = "constants that are seen to be larger")]

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Session, SessionId, SessionLayer, SessionLayerBuilder, SessionType,
    clock::{Clock, ManualClock, Timestamp},
    store::{MemoryStore, Properties},
};
use tests::{
    Client, Fault, Log, OfMachine, Server, Spy, Verb,
    sessions::{self, Case, Sealed, Signed, Stored, Themed},
    spy,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const IDLE: Duration = Duration::from_secs(30 * 60);

#[derive(Session)]
#[session(name = "owned", prefix = "none", idle = "30m")]
struct Owned {
    #[session(principal)]
    user: Option<u32>,
    #[session(counter)]
    visits: i64,
}

/// A store on a server, and machines whose clocks begin as the server's.
struct Fleet {
    keys: KeyRing,
    server: Arc<ManualClock>,
    store: Spy<MemoryStore>,
}

impl Fleet {
    fn new() -> Self {
        let (keys, server) = (KeyRing::generate().expect("random bytes"), Arc::default());
        let fleet = Self { keys, server, store: spy(MemoryStore::default()) };
        let server = Arc::clone(&fleet.server);
        fleet.store.pretend(Properties::SHARED);
        fleet.store.show_time(move || server.now());
        fleet
    }

    /// The layer of one more machine, with its clock.
    fn layer<T: SessionType>(
        &self,
        settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
    ) -> (SessionLayer<T>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(self.server.now()));
        let builder = SessionLayer::<T>::builder(self.keys.clone())
            .clock(OfMachine(Arc::clone(&clock)))
            .as_another_program()
            .insecure_dev();
        (settle(builder, self.store.clone()).build().expect("a sound configuration"), clock)
    }

    async fn stored(&self) -> Machine {
        self.machine::<Stored>(SessionLayerBuilder::store).await
    }

    async fn sealed(&self) -> Machine {
        self.machine::<Sealed>(SessionLayerBuilder::revocation).await
    }

    async fn machine<T: Themed>(
        &self,
        settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
    ) -> Machine {
        let (layer, clock) = self.layer::<T>(settle);
        Machine { server: Server::start(sessions::routes::<T>().layer(layer)).await, clock }
    }

    /// Lets the time pass, everywhere.
    fn pass(&self, machines: &[&Machine], time: Duration) {
        self.server.advance(time);
        for machine in machines {
            machine.clock.advance(time);
        }
    }
}

struct Machine {
    server: Server,
    clock: Arc<ManualClock>,
}

impl Machine {
    fn is_ahead(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn is_behind(&self, by: Duration) {
        let now = self.clock.now().as_millis();
        let by = u64::try_from(by.as_millis()).expect("a short time");
        self.clock.set(Timestamp::from_millis(now - by));
    }
}

/// Checks that a session is live at a machine, which sends nothing to expire its cookie.
async fn is_live(client: &Client, machine: &Machine, what: &str) {
    let client = client.moved(&machine.server.url(""));
    let reply = client.get("/read").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "dark"), "{what}");
    assert!(reply.set_cookies().iter().all(|it| !it.contains("Max-Age=0")), "{what}: {reply:?}");
}

#[tokio::test]
async fn a_machine_whose_clock_is_wrong_by_an_hour_ends_no_session() {
    let fleet = Fleet::new();
    for case in ["stored", "sealed"] {
        let [right, ahead, behind] = match case {
            "stored" => [fleet.stored().await, fleet.stored().await, fleet.stored().await],
            _ => [fleet.sealed().await, fleet.sealed().await, fleet.sealed().await],
        };
        ahead.is_ahead(HOUR);
        behind.is_behind(HOUR);
        for at in [&right, &ahead, &behind] {
            let client = Client::new(&at.server);
            assert_eq!(client.get("/set").await.status, 200);
            for (machine, what) in [(&ahead, "ahead"), (&behind, "behind"), (&right, "right")] {
                is_live(&client, machine, &format!("{case}, {what}")).await;
            }
        }
        // And each ends the session when its time is up.
        let client = Client::new(&ahead.server);
        client.get("/set").await;
        fleet.pass(&[&right, &ahead, &behind], IDLE);
        for machine in [&behind, &right, &ahead] {
            let copy = client.moved(&machine.server.url(""));
            assert_eq!(copy.get("/read").await.body, "", "{case}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_compared_again_before_a_session_is_expired() {
    let fleet = Fleet::new();
    let machine = fleet.stored().await;
    let client = Client::new(&machine.server);
    client.get("/set").await;
    fleet.store.take_calls();
    fleet.pass(&[&machine], 59 * SECOND);
    client.get("/read").await;
    assert_eq!(fleet.store.take_calls(), ["load"], "a request in use does not ask for the time");
    for jump in [Machine::is_ahead, Machine::is_behind, Machine::is_behind] {
        jump(&machine, HOUR);
        is_live(&client, &machine, "after a jump").await;
    }
    assert_eq!(fleet.store.take_calls().iter().filter(|call| **call == "probe").count(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_tell_its_time_has_no_session_expired() {
    let fleet = Fleet::new();
    let machine = fleet.stored().await;
    let client = Client::new(&machine.server);
    client.get("/set").await;
    machine.is_ahead(HOUR);
    fleet.store.fault(Verb::Probe, Fault::Down);
    let reply = client.get("/read").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0));
    fleet.store.heal(Verb::Probe);
    is_live(&client, &machine, "once the store tells its time").await;
}

#[tokio::test]
async fn a_sweep_goes_by_the_servers_clock_and_leaves_what_expired_five_minutes_ago() {
    let fleet = Fleet::new();
    let machine = fleet.stored().await;
    let (layer, clock) = fleet.layer::<Stored>(SessionLayerBuilder::store);
    let client = Client::new(&machine.server);
    client.get("/set").await;
    for wrong in [HOUR, 24 * HOUR] {
        clock.advance(wrong);
        assert_eq!(layer.sweep().await.expect("a sweep").removed, 0, "{wrong:?} ahead");
    }
    fleet.pass(&[&machine], IDLE + 5 * MINUTE - SECOND);
    assert_eq!(layer.sweep().await.expect("a sweep").removed, 0);
    fleet.store.fault(Verb::Probe, Fault::Down);
    fleet.pass(&[&machine], SECOND);
    assert!(layer.sweep().await.expect_err("no time, no sweep").is_unavailable());
    fleet.store.heal(Verb::Probe);
    let swept = layer.sweep().await.expect("a sweep");
    assert_eq!((swept.removed, swept.next), (1, None));
}

#[tokio::test]
async fn a_sweep_ends_when_nothing_is_left_and_is_one_event() {
    let log = Log::of_this_thread();
    let fleet = Fleet::new();
    let machine = fleet.stored().await;
    let (layer, _) = fleet.layer::<Stored>(SessionLayerBuilder::store);
    for _ in 0..3 {
        Client::new(&machine.server).get("/set").await;
    }
    fleet.pass(&[&machine], HOUR);
    assert_eq!(layer.sweep().await.expect("a sweep").removed, 3);
    let text = log.text();
    let events: Vec<_> = text.lines().filter(|line| line.contains("expired records")).collect();
    let [event] = *events else { panic!("{events:?}") };
    assert!(
        event.contains("session.count=3 session.is_cut_short=false session.seconds="),
        "{event}"
    );
    fleet.store.fault(Verb::Sweep, Fault::Down);
    assert!(layer.sweep().await.expect_err("the store is down").is_unavailable());
    let failed = "could not all be removed event.name=\"session.sweep_failed\"";
    assert!(log.text().contains(failed), "{}", log.text());
}

#[tokio::test]
async fn a_sweep_reaches_the_notes_of_ended_payloads() {
    let fleet = Fleet::new();
    let (layer, _) = fleet.layer::<Sealed>(SessionLayerBuilder::revocation);
    let routes =
        sessions::routes::<Sealed>().route("/end", get(async |s: Session<Sealed>| s.destroy()));
    let server = Server::start(routes.layer(layer.clone())).await;
    let client = Client::new(&server);
    client.get("/set").await;
    client.get("/end").await;
    assert_eq!(layer.sweep().await.expect("a sweep").removed, 0);
    fleet.server.advance(24 * HOUR);
    assert_eq!(layer.sweep().await.expect("a sweep").removed, 1);
}

#[tokio::test]
async fn a_payload_without_a_store_has_nothing_to_sweep() {
    let fleet = Fleet::new();
    let (layer, _) = fleet.layer::<Sealed>(|builder, _| builder.accept_replay_until_expiry());
    assert_eq!(layer.sweep().await.expect("nothing").removed, 0);
    assert!(fleet.store.take_calls().is_empty());
}

#[tokio::test]
async fn a_difference_of_more_than_five_seconds_is_an_error_once_a_minute() {
    let log = Log::of_this_thread();
    let fleet = Fleet::new();
    let (layer, clock) = fleet.layer::<Stored>(SessionLayerBuilder::store);
    let events = || {
        let text = log.text();
        let of_clocks = |line: &&str| line.contains("the clock of this machine differs");
        text.lines().filter(of_clocks).map(str::to_owned).collect::<Vec<_>>()
    };
    let pass = |time| {
        fleet.server.advance(time);
        clock.advance(time);
    };
    clock.advance(5 * SECOND);
    layer.sweep().await.expect("a sweep");
    assert_eq!(events(), [""; 0]);
    clock.advance(SECOND);
    for _ in 0..3 {
        layer.sweep().await.expect("a sweep");
        pass(19 * SECOND);
    }
    let [event] = &*events() else { panic!("{:?}", events()) };
    assert!(
        event.contains("ERROR") && event.contains("session.skew_millis=6000 session.is_ahead=true"),
        "{event}"
    );
    pass(3 * SECOND);
    layer.sweep().await.expect("a sweep");
    assert_eq!(events().len(), 2);
}

#[tokio::test]
async fn half_of_the_way_to_the_server_and_back_is_no_difference() {
    let log = Log::of_this_thread();
    let fleet = Fleet::new();
    let (layer, clock) = fleet.layer::<Stored>(SessionLayerBuilder::store);
    let (server, machine) = (Arc::clone(&fleet.server), clock);
    fleet.store.show_time(move || {
        let way = || {
            server.advance(6 * SECOND);
            machine.advance(6 * SECOND);
        };
        way();
        let told = server.now();
        way();
        told
    });
    layer.sweep().await.expect("a sweep");
    assert!(!log.text().contains("the clock of this machine differs"), "{}", log.text());
}

#[tokio::test]
async fn a_clock_of_the_deployments_own_is_compared_with_none() {
    let fleet = Fleet::new();
    fleet.server.advance(HOUR);
    let clock = Arc::new(ManualClock::default());
    let own = Arc::clone(&clock);
    let (layer, _) = fleet.layer::<Stored>(|builder, store| builder.store(store).clock(own));
    let server = Server::start(sessions::routes::<Stored>().layer(layer)).await;
    let client = Client::new(&server);
    client.get("/set").await;
    clock.advance(IDLE - SECOND);
    assert_eq!(client.get("/read").await.body, "dark");
    clock.advance(IDLE);
    assert_eq!(client.get("/read").await.body, "");
    assert!(!fleet.store.take_calls().contains(&Verb::Probe));
}

#[tokio::test]
async fn a_payload_that_only_this_clock_calls_expired_keeps_its_cookie_for_a_minute() {
    for case in [
        Case::start::<Sealed>(sessions::routes::<Sealed>(), |builder| builder).await,
        Case::start::<Signed>(sessions::routes::<Signed>(), |builder| builder).await,
    ] {
        let client = Client::new(&case.server);
        client.get("/set").await;
        case.clock.advance(IDLE);
        for _ in 0..2 {
            let reply = client.get("/read").await;
            assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("", 0));
            case.clock.advance(MINUTE);
        }
        let reply = client.get("/read").await;
        assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_payload_from_the_future_of_this_clock_keeps_its_cookie() {
    let case = Case::start::<Sealed>(sessions::routes::<Sealed>(), |builder| builder).await;
    let client = Client::new(&case.server);
    let now = case.clock.now();
    case.clock.advance(HOUR);
    client.get("/set").await;
    case.clock.set(now);
    let reply = client.get("/read").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("", 0));
    case.clock.advance(HOUR);
    assert_eq!(client.get("/read").await.body, "dark");
}

#[tokio::test]
async fn a_payload_whose_store_tells_the_time_loses_its_cookie_at_its_end() {
    let fleet = Fleet::new();
    let machine = fleet.sealed().await;
    let client = Client::new(&machine.server);
    client.get("/set").await;
    fleet.pass(&[&machine], IDLE);
    let reply = client.get("/read").await;
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{reply:?}");
}

/// Lists, counts of what a change reaches, and an opening by id judge as a request does: by the
/// store's time, and by the layer's `not_before`.
#[tokio::test]
async fn what_is_listed_and_opened_without_a_request_is_what_a_request_finds() {
    let fleet = Fleet::new();
    let (layer, clock) = fleet.layer::<Owned>(SessionLayerBuilder::store);
    let routes = Router::new().route(
        "/login",
        get(async |s: Session<Owned>| {
            s.log_in(1);
            s.session_id().to_string()
        }),
    );
    let server = Server::start(routes.layer(layer)).await;
    let ids = [Client::new(&server).get("/login").await.body, {
        fleet.server.advance(IDLE / 2);
        clock.advance(IDLE / 2);
        Client::new(&server).get("/login").await.body
    }];
    let ids = ids.map(|id| id.parse::<SessionId>().expect("a session id"));
    let found = async |layer: &SessionLayer<Owned>| {
        let sessions = layer.sessions();
        let listed = sessions.of(&1).list(None).await.expect("listed").sessions;
        let listed: Vec<_> = listed.iter().map(|info| info.id).collect();
        let changed = sessions.of(&1).change(|session| session.add_visits(1)).await;
        assert_eq!(changed.expect("changed"), listed.len() as u64);
        for id in ids {
            let opened = sessions.open(&id).await.expect("the store works").is_some();
            assert_eq!(opened, listed.contains(&id));
        }
        listed
    };
    fleet.server.advance(IDLE / 2 - SECOND);
    for ahead in [true, false] {
        let (layer, clock) = fleet.layer::<Owned>(SessionLayerBuilder::store);
        if ahead {
            clock.advance(HOUR);
        } else {
            clock.set(Timestamp::from_millis(clock.now().as_millis().saturating_sub(3_600_000)));
        }
        assert_eq!(found(&layer).await, [ids[1], ids[0]], "ahead: {ahead}");
    }
    let mark = fleet.server.now();
    fleet.server.advance(SECOND);
    let (layer, _) = fleet.layer::<Owned>(SessionLayerBuilder::store);
    assert_eq!(found(&layer).await, [ids[1]], "the first one's time is up");
    let (layer, _) =
        fleet.layer::<Owned>(|builder, store| builder.store(store).not_before(mark.into()));
    assert_eq!(found(&layer).await, [], "they began too early");
}
