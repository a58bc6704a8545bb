//! A shop that is told to end while log-outs wait for a table that somebody has locked. Their clients
//! have left.

use std::{
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
};

use sqlx::{Connection as _, PgConnection};
use tests::{
    backend::{postgres::Postgres, run},
    eventually_blocking,
    example::{Example, wait},
};

const USERS: usize = 5;

/// Asks for a log-out, and does not wait for the answer.
fn ask_to_log_out(shop: &Example, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port(shop))).expect("the shop listens");
    let request = format!(
        "POST /logout HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncookie: {token}\r\n\
         content-length: 0\r\n\r\n",
        shop.port()
    );
    stream.write_all(request.as_bytes()).expect("the shop reads");
    stream
}

fn port(shop: &Example) -> u16 {
    shop.port().parse().expect("a port is a number")
}

#[test]
fn log_outs_that_wait_for_a_locked_table_take_place_before_the_shop_ends() {
    let server = Postgres::start();
    let url = server.database("shop");
    let mut shop = Example::run_with_log(
        &mut tests::example::command("shop", &[("STORE", &url)]),
        Stdio::inherit(),
    );
    let name = shop.dev_name("shop");
    let tokens: Vec<String> = (0..USERS)
        .map(|_| {
            let browser = shop.browser();
            let reply = browser.post("/login", &["username=ada", "password=lovelace"]);
            assert_eq!(reply.status, 303);
            browser.cookie(&name).expect("a session")
        })
        .collect();
    let number = |statements: &str| -> usize {
        server.sql("shop", statements).trim().parse().expect("a number")
    };
    let of_users = "SELECT count(*) FROM http_session WHERE principal IS NOT NULL";
    assert_eq!(number(of_users), USERS);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut lock = runtime.block_on(PgConnection::connect(&url)).expect("a connection");
    // Nothing is written, and everything is read.
    let text = "BEGIN; LOCK TABLE http_session IN EXCLUSIVE MODE";
    runtime.block_on(sqlx::raw_sql(text).execute(&mut lock)).expect("a lock");
    let open: Vec<TcpStream> = tokens.iter().map(|token| ask_to_log_out(&shop, token)).collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = 'shop' AND wait_event_type = 'Lock'";
    eventually_blocking("all log-outs wait for the table", || number(waiting) == USERS);
    drop(open);
    run(Command::new("kill").args(["-TERM", &shop.process.id().to_string()]));
    let at = ("127.0.0.1", port(&shop));
    eventually_blocking("the shop is about to end", || TcpStream::connect(at).is_err());
    assert_eq!(number(waiting), USERS, "the shop waits for the log-outs");
    assert_eq!(number(of_users), USERS);
    runtime.block_on(lock.close()).expect("the end of the lock");
    assert_eq!(wait(&mut shop.process).code(), Some(0));
    assert_eq!(number(of_users), 0, "each log-out has taken place");
}
