//! The application in processes of its own, on stores whose servers and networks fail, and with
//! clients that go away. Each scenario is written once, in a module of its own; this file says
//! which store goes through which, one named test for each.

mod full;
mod killed;
mod network;
#[cfg(feature = "redis")]
mod outage;
#[cfg(feature = "embedded")]
mod shutdown;
mod vanish;
mod weather;

use killed::{failover, killed};
use network::{flicker, network};
use vanish::vanishing_clients;

/// Where cargo put the program that serves the application.
const APP: &str = env!("CARGO_BIN_EXE_app");

/// Tests of one store: `$backend` makes an empty place for it.
macro_rules! store {
    ($(#[$gate:meta])* $store:ident, $backend:expr, [$($scenario:ident)*]) => {
        $(#[$gate])*
        mod $store {
            use tests::backend::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::$scenario($backend).await;
                }
            )*
        }
    };
}

store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Alone::<postgres::Postgres>::new(),
    [killed network flicker vanishing_clients]
);

store!(
    #[cfg(feature = "mysql")]
    mariadb,
    sql::Alone::<mariadb::MariaDb>::new(),
    [killed network flicker vanishing_clients]
);

store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [killed network flicker vanishing_clients]
);

store!(
    #[cfg(feature = "mongodb")]
    mongo,
    mongo::Mongo::start(),
    [killed network flicker vanishing_clients]
);

store!(
    #[cfg(feature = "redis")]
    redis_cluster,
    redis::Cluster::start(),
    [failover]
);

store!(
    #[cfg(feature = "redis")]
    redis_sentinel,
    redis::Sentinels::start(),
    [failover]
);
