//! The application in processes of its own, on every store. Each scenario is written once, in a
//! module of its own; this file says which store goes through which, one named test for each.

mod dump;
mod everyday;
mod program;
mod restart;
mod steps;
mod together;

use dump::{dump, dump_sealed};
use everyday::{everyday, everyday_sealed};
use restart::restart;
use tests::on_store;
use together::{
    cap_after_a_kill, cap_ends_the_oldest, cap_refuses_the_newest, cap_with_a_clock_behind,
    eight_at_once,
};

on_store!(memory, Memory, [everyday everyday_sealed]);

on_store!(
    #[cfg(feature = "file")]
    file,
    Folder::new("file"),
    [everyday everyday_sealed restart eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill dump dump_sealed]
);

on_store!(
    #[cfg(feature = "embedded")]
    embedded,
    Folder::new("embedded"),
    [everyday everyday_sealed restart dump dump_sealed]
);

on_store!(
    #[cfg(feature = "sqlite")]
    sqlite,
    Folder::new("sqlite"),
    [everyday everyday_sealed restart eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill dump dump_sealed]
);

on_store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Database::<postgres::Postgres>::new(),
    [everyday everyday_sealed eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind dump dump_sealed]
);

on_store!(
    #[cfg(feature = "postgres")]
    postgres_alone,
    sql::Alone::<postgres::Postgres>::new(),
    [restart]
);

on_store!(
    #[cfg(feature = "mysql")]
    mariadb,
    sql::Database::<mariadb::MariaDb>::new(),
    [everyday everyday_sealed eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind dump dump_sealed]
);

on_store!(
    #[cfg(feature = "mysql")]
    mariadb_alone,
    sql::Alone::<mariadb::MariaDb>::new(),
    [restart]
);

on_store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [everyday everyday_sealed restart eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind dump dump_sealed]
);

on_store!(
    #[cfg(feature = "redis")]
    redis_cluster,
    redis::Cluster::shared(),
    [everyday everyday_sealed eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind]
);

on_store!(
    #[cfg(feature = "redis")]
    redis_sentinel,
    redis::Sentinels::shared(),
    [everyday everyday_sealed eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind]
);

on_store!(
    #[cfg(feature = "mongodb")]
    mongo,
    mongo::Mongo::start(),
    [everyday everyday_sealed restart eight_at_once cap_ends_the_oldest cap_refuses_the_newest
     cap_after_a_kill cap_with_a_clock_behind dump dump_sealed]
);
