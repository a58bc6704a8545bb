//! The rights that the documentation names are enough, and none is too many; what is missing shows at
//! start, with the database's reason.

use session_runtime::store::{SqlStore, Store, StoreError};
use session_runtime::testing::conformance::Repository as _;

use crate::support::*;

/// The rights on the table of the sessions; on the other one, `SELECT`.
const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A server with roles.
trait Roles {
    const KIND: Kind;
    /// Makes a role with rights on things of a database. Returns the role's URL.
    fn role(name: &str, database: &str, rights: &[(&str, &str)]) -> String;
    /// What a role needs to make the tables as well, and on what.
    fn making(database: &str) -> Vec<(&'static str, String)>;
}

struct Postgres;

impl Roles for Postgres {
    const KIND: Kind = Kind::Postgres;

    fn role(name: &str, database: &str, rights: &[(&str, &str)]) -> String {
        postgres().sql(database, &format!("CREATE ROLE {name} LOGIN"));
        for (right, on) in rights {
            postgres().sql(database, &format!("GRANT {right} ON {on} TO {name}"));
        }
        postgres().url(name, database)
    }

    fn making(_database: &str) -> Vec<(&'static str, String)> {
        vec![("CREATE", "SCHEMA public".to_owned())]
    }
}

struct MariaDb;

impl Roles for MariaDb {
    const KIND: Kind = Kind::MariaDb;

    fn role(name: &str, database: &str, rights: &[(&str, &str)]) -> String {
        mariadb().sql(database, &format!("CREATE USER {name}@'%'"));
        for (right, on) in rights {
            mariadb().sql(database, &format!("GRANT {right} ON {on} TO {name}@'%'"));
        }
        mariadb().url(name, database)
    }

    fn making(database: &str) -> Vec<(&'static str, String)> {
        let all = RIGHTS.into_iter().chain(["CREATE"]);
        all.map(|right| (right, format!("{database}.*"))).collect()
    }
}

/// All that the runtime does with a store.
async fn everything(store: &SqlStore) -> Result<(), StoreError> {
    session_runtime::store::check(store).await?;
    store.insert_capped(&key(1), owned("ada"), None).await?;
    store.commit(&key(1), &commit([add("visits")])).await?;
    store.commit(&key(1), &log_in("eve", None, [])).await?;
    let eve = session_runtime::store::PrincipalKey::new("eve");
    assert_eq!(store.list_live(&shop(), &eve, at(1)).await?.len(), 1);
    assert_eq!(store.end_all(&shop(), &eve, None).await?, 1);
    store.insert_capped(&key(2), record(), None).await?;
    assert_eq!(store.sweep(at(1_000 * IDLE), None, 10).await?.removed, 1);
    Ok(())
}

async fn connects<R: Roles>(url: &str, migrates: bool) -> Result<(), StoreError> {
    let builder = SqlStore::builder();
    let builder = if migrates { builder } else { builder.without_migration() };
    everything(&builder.connect(url).await?).await
}

fn rights_are_exactly_sufficient<R: Roles>() {
    let url = R::KIND.fresh("role_rights");
    wait(async {
        drop(connect(&url).await);
        let mut rights: Vec<_> = RIGHTS.map(|right| (right, "http_session")).into();
        rights.push(("SELECT", "http_session_schema"));
        let app = R::role("r_app", "role_rights", &rights);
        for migrates in [true, false] {
            connects::<R>(&app, migrates).await.expect("the rights of the documentation");
        }
        for less in 0..rights.len() {
            let mut rights = rights.clone();
            let (right, on) = rights.remove(less);
            let url = R::role(&format!("r_less_{less}"), "role_rights", &rights);
            let told = connects::<R>(&url, true).await.expect_err("a right less").to_string();
            assert!(told.contains("denied") && told.contains("lists the rights"), "{right} {told}");
            assert!(told.contains(&format!("table `{}`", "http_session")), "{right} {on}: {told}");
        }
        let url = R::role("r_reader", "role_rights", &[("SELECT", "http_session"), rights[4]]);
        let told = SqlStore::connect(&url).await.expect_err("it only reads").to_string();
        assert!(told.contains("denied") && told.contains("http_session"), "{told}");
    });
}

fn a_role_that_makes_the_tables_needs_the_right_to<R: Roles>() {
    wait(async {
        let url = R::KIND.fresh("making");
        drop(url);
        let rights = R::making("making");
        let borrow = |rights: &[(&'static str, String)], but: Option<usize>| {
            let kept = rights.iter().enumerate().filter(|(number, _)| Some(*number) != but);
            kept.map(|(_, (right, on))| (*right, on.clone())).collect::<Vec<_>>()
        };
        let role = |name: &str, database: &str, rights: Vec<(&'static str, String)>| {
            let rights: Vec<_> = rights.iter().map(|(right, on)| (*right, &**on)).collect();
            R::role(name, database, &rights)
        };
        for less in 0..rights.len() {
            // Of its own, since a role that gets half of the way leaves a table.
            let database = format!("making_{less}");
            drop(R::KIND.fresh(&database));
            let rights = borrow(&R::making(&database), Some(less));
            let url = role(&format!("m_less_{less}"), &database, rights);
            let told = connects::<R>(&url, true).await.expect_err("a right less").to_string();
            assert!(told.contains("denied"), "{told}");
        }
        let app = role("m_app", "making", borrow(&rights, None));
        connects::<R>(&app, true).await.expect("the rights of the documentation");
    });
}

#[test]
fn on_postgresql_the_rights_of_the_documentation_are_exactly_sufficient() {
    rights_are_exactly_sufficient::<Postgres>();
}

#[test]
fn on_mariadb_the_rights_of_the_documentation_are_exactly_sufficient() {
    rights_are_exactly_sufficient::<MariaDb>();
}

#[test]
fn on_postgresql_a_role_that_makes_the_tables_needs_the_right_to() {
    a_role_that_makes_the_tables_needs_the_right_to::<Postgres>();
}

#[test]
fn on_mariadb_a_role_that_makes_the_tables_needs_the_right_to() {
    a_role_that_makes_the_tables_needs_the_right_to::<MariaDb>();
}

#[test]
fn a_database_that_only_reads_is_refused_at_start() {
    let url = Kind::Postgres.fresh("only_reads");
    let file = Kind::Sqlite.fresh("only_reads");
    wait(async {
        drop(connect(&url).await);
        let set = "ALTER DATABASE only_reads SET default_transaction_read_only = on";
        postgres().sql("postgres", set);
        let told = SqlStore::connect(&url).await.expect_err("it only reads").to_string();
        assert!(told.contains("read-only transaction (code 25006)"), "{told}");

        drop(connect(&file).await);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place("only_reads"));
        let pool = sqlx::SqlitePool::connect_lazy_with(options.read_only(true));
        let told = SqlStore::builder().open(pool).await.expect_err("it only reads").to_string();
        assert!(told.contains("readonly database (code 8)"), "{told}");
    });
}
