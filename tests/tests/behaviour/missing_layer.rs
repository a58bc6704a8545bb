//! A handler that extracts a session on a route without its layer: the client learns nothing, the
//! log says which layer to add.

use axum::{Router, routing::get};
use session_runtime::{Peek, Session, Sessions};
use tests::{Client, Log, Server};

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<u64>,
}

#[tokio::test]
async fn the_client_gets_500_without_details_and_the_log_says_which_layer_to_add() {
    let log = Log::of_this_thread();
    let router = Router::new()
        .route("/session", get(async |_: Session<Shop>| "unreachable"))
        .route("/optional", get(async |_: Option<Session<Shop>>| "unreachable"))
        .route("/peek", get(async |_: Peek<Shop>| "unreachable"))
        .route("/optional-peek", get(async |_: Option<Peek<Shop>>| "unreachable"))
        .route("/guard", get(async |_: CurrentUser| "unreachable"))
        .route("/directory", get(async |_: Sessions<Shop>| "unreachable"));
    let server = Server::start(router).await;
    let client = Client::new(&server);
    let paths = ["/session", "/optional", "/peek", "/optional-peek", "/guard", "/directory"];
    for path in paths {
        let reply = client.get(path).await;
        assert_eq!(reply.status, 500, "{path}");
        assert_eq!(reply.body, "Internal Server Error", "{path}");
        let headers = format!("{:?}", reply.headers);
        assert!(!headers.contains("Shop") && !headers.contains("Layer"), "{path}: {headers}");
    }
    let told = log.text().matches("SessionLayer::<Shop>::new(store, keys)").count();
    assert_eq!(told, paths.len(), "{}", log.text());
    assert!(log.text().contains("ERROR session_runtime"), "{}", log.text());
}
