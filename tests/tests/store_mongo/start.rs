//! What a start finds out: the rights that the documentation names are enough, and none is too many.
//! And what the driver does by itself when a primary steps down.

use mongodb::{
    Client,
    bson::{Document, doc},
};
use session_runtime::store::{MongoStore, Store, StoreError};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::mongo::Mongo;

use crate::support::{ada, at, is_committed, key, log_in, record, touch};

/// The rights that the documentation names.
const RIGHTS: [&str; 5] = ["find", "insert", "update", "remove", "createIndex"];

/// Makes a user with these rights in the database.
async fn user(admin: &Client, name: &str, rights: &[&str]) {
    let database = admin.database("admin");
    let privilege =
        doc! { "resource": { "db": "shop", "collection": "" }, "actions": rights.to_vec() };
    let role = doc! { "createRole": name, "privileges": [privilege], "roles": [] };
    database.run_command(role).await.expect("a role");
    let user = doc! { "createUser": name, "pwd": "kingfisher", "roles": [name] };
    database.run_command(user).await.expect("a user");
}

async fn everything(url: &str) -> Result<(), StoreError> {
    let store = MongoStore::connect(url).await?;
    for number in 1..=2 {
        store.insert_capped(&key(number), record(), None).await?;
        assert!(is_committed(&store.commit(&key(number), &log_in(1)).await?));
    }
    assert_eq!(store.list_live(&key(1).namespace, &ada(), at(1)).await?.len(), 2);
    assert!(store.remove(&key(1), None).await?);
    assert_eq!(store.sweep(at(100_000_000), None, 10).await?.removed, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_the_documentation_are_exactly_sufficient() {
    let mut server = Mongo::start();
    let admin = Client::with_uri_str(server.url()).await.expect("a valid URL");
    user(&admin, "app", &RIGHTS).await;
    user(&admin, "reader", &["find"]).await;
    for less in 0..RIGHTS.len() {
        let mut rights = RIGHTS.to_vec();
        rights.remove(less);
        user(&admin, &format!("less{less}"), &rights).await;
    }
    server.restart_with_users();
    let url = |name: &str| {
        let url = server.url().replace("://", &format!("://{name}:kingfisher@"));
        format!("{url}?authSource=admin")
    };
    everything(&url("app")).await.expect("the rights of the documentation");
    let told = MongoStore::connect(&url("reader")).await.expect_err("it only reads").to_string();
    assert!(told.contains("13 Unauthorized"), "{told}");
    for name in (0..RIGHTS.len()).map(|less| format!("less{less}")) {
        let told = everything(&url(&name)).await.expect_err("a right less").to_string();
        assert!(told.contains("13 Unauthorized"), "{name}: {told}");
        assert!(!told.contains("kingfisher"), "{told}");
    }
}

/// Has the server refuse the next commands of these names, as one that is no primary any more.
async fn step_down(server: &Mongo, commands: &[&str], times: i32) {
    let admin = Client::with_uri_str(server.url()).await.expect("a valid URL").database("admin");
    let data = doc! {
        "failCommands": commands.to_vec(),
        "errorCode": 10107,
        "errorLabels": ["RetryableWriteError"],
    };
    let point: Document =
        doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data };
    admin.run_command(point).await.expect("a fail point");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_steps_down_loses_no_operation() {
    let server = Mongo::with_fail_points();
    // A primary that steps down says so to whoever watches it. This one only seems to, so the driver
    // has to ask.
    let url = format!("{}?serverMonitoringMode=poll", server.url());
    let store = MongoStore::connect(&url).await.expect("connects");
    for (number, command) in
        [(1, "insert"), (2, "findAndModify"), (3, "delete"), (4, "find"), (5, "aggregate")]
    {
        store.insert_capped(&key(number), record(), None).await.expect("inserts");
        step_down(&server, &[command], 1).await;
        store.insert_capped(&key(number + 10), record(), None).await.expect("inserts");
        assert!(is_committed(&store.commit(&key(number), &touch(1)).await.expect("commits")));
        assert!(is_committed(&store.commit(&key(number), &log_in(1)).await.expect("commits")));
        assert!(store.load(&key(number)).await.expect("loads").is_some());
        assert!(store.remove(&key(number), None).await.expect("deletes"), "{command}");
    }
    // Longer than the driver tries.
    step_down(&server, &["insert"], 1_000).await;
    let told =
        store.insert_capped(&key(30), record(), None).await.expect_err("no primary").to_string();
    assert!(told.contains("10107") && told.contains("store a new session"), "{told}");
}
