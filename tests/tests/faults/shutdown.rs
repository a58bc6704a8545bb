//! A process that is told to end while log-outs go on whose clients have left: all of them take place.

use axum::http::StatusCode;
use tests::{
    eventually,
    machine::{Machine, Settings},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::APP;

const USERS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_outs_whose_clients_have_left_take_place_before_the_process_ends() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let settings = Settings {
        deadline: "60000",
        slow_end: "3000",
        ..Settings::new(format!("embedded:{}", folder.path().join("store").display()))
    };
    let mut machine = Machine::start(APP, &settings);
    let mut users = Vec::new();
    for number in 0..USERS {
        let client = machine.client();
        assert_eq!(client.post(&format!("/login/user-{number}")).await.status, StatusCode::OK);
        assert_eq!(client.get("/user").await.body, format!("user-{number}"));
        users.push(client);
    }
    let address = machine.url().trim_start_matches("http://").to_owned();
    let mut open = Vec::new();
    for client in &users {
        let cookie = client.cookie("app").expect("a session");
        let head = format!(
            "POST /logout HTTP/1.1\r\nhost: {address}\r\ncookie: app={cookie}\r\n\
             content-length: 0\r\n\r\n",
        );
        let mut stream = TcpStream::connect(&address).await.expect("the application listens");
        stream.write_all(head.as_bytes()).await.expect("the application reads");
        open.push(stream);
    }
    let other = machine.client();
    eventually("all log-outs have begun", async || {
        other.get("/ending").await.body == USERS.to_string()
    })
    .await;
    drop(open);
    let ended_well = tokio::task::block_in_place(|| machine.terminate());
    assert!(ended_well, "{}", machine.said());

    tokio::task::block_in_place(|| machine.restart());
    let mut alive = 0;
    for user in &users {
        let reply = user.moved(machine.url()).get("/user").await;
        alive += usize::from(reply.status != StatusCode::UNAUTHORIZED);
    }
    assert_eq!(alive, 0, "of {USERS} log-outs so many did not take place");
}
