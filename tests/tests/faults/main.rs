//! The application in processes of its own, on stores whose servers and networks fail, and with
//! clients that go away. Each scenario is written once, in a module of its own; this file says
//! which store goes through which, one named test for each.

mod full;
mod killed;
mod network;
mod outage;
#[cfg(feature = "embedded")]
mod shutdown;
mod vanish;
mod weather;

use killed::{failover, killed};
use network::{flicker, network};
use outage::an_outage_of_the_server_is_few_lines_and_no_wait;
use tests::on_store;
use vanish::vanishing_clients;

/// Where cargo put the program that serves the application.
const APP: &str = env!("CARGO_BIN_EXE_app");

on_store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Alone::<postgres::Postgres>::new(),
    [an_outage_of_the_server_is_few_lines_and_no_wait killed network flicker vanishing_clients]
);

on_store!(
    #[cfg(feature = "mysql")]
    mariadb,
    sql::Alone::<mariadb::MariaDb>::new(),
    [killed network flicker vanishing_clients]
);

on_store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [an_outage_of_the_server_is_few_lines_and_no_wait killed network flicker vanishing_clients]
);

on_store!(
    #[cfg(feature = "mongodb")]
    mongo,
    mongo::Mongo::start(),
    [killed network flicker vanishing_clients]
);

on_store!(
    #[cfg(feature = "redis")]
    redis_cluster,
    redis::Cluster::start(),
    [failover]
);

on_store!(
    #[cfg(feature = "redis")]
    redis_sentinel,
    redis::Sentinels::start(),
    [failover]
);
