//! The store beside the in-memory one, in random histories of one task: every outcome, and every
//! record and list after it, must be the same.

use std::sync::Arc;

use proptest::strategy::Strategy as _;

use super::{
    history::{Command, PEOPLE, SESSIONS, Tells, history, person},
    search::search,
};
use crate::{
    clock::Timestamp,
    repository::{Listed, Repository},
    store::{
        Commit, CommitOutcome, InsertOutcome, MemoryStore, Meta, Record, Selector, Store,
        StoreError, StoreKey,
    },
    testing::conformance::{
        fixture::Fixture,
        make::{Credential, in_order, later, random},
        show,
    },
};

pub async fn random_histories_leave_the_model_s_state(it: Fixture) {
    // Here so that the strategy's own shrinking is used on whole histories.
    let histories = history().prop_map(|commands| commands);
    search(
        histories,
        1,
        |commands| {
            let lines = commands.iter().map(|command| format!("  {command:?}"));
            lines.collect::<Vec<_>>().join("\n")
        },
        |commands| run(it.fresh(), commands),
    )
    .await;
}

async fn run(it: Fixture, commands: Vec<Command>) -> Result<(), String> {
    let selectors: [Selector; SESSIONS] = std::array::from_fn(|_| Selector::from_bytes(random()));
    let keys = selectors.map(|selector| it.key_of(selector));
    let (model, told) = (MemoryStore::default(), Default::default());
    let mut pair = Pair { now: it.at(0), it, model, keys, credentials: 1, told };
    for (step, command) in commands.iter().enumerate() {
        let outcome = async {
            pair.purge().await?;
            pair.step(command).await?;
            pair.compare(command).await
        };
        outcome.await.map_err(|failure| format!("at step {step}, {failure}"))?;
    }
    pair.purge().await?;
    pair.compare_all().await
}

/// The store and its model.
struct Pair {
    it: Fixture,
    model: MemoryStore,
    keys: [StoreKey; SESSIONS],
    /// The newest time of the history.
    now: Timestamp,
    /// The last credential that was made.
    credentials: u8,
    /// The records that commits carried last, by session.
    told: [Option<Arc<Record>>; SESSIONS],
}

fn failed(error: &StoreError) -> String {
    format!("the store failed: {error}")
}

impl Pair {
    /// Removes expired records on both sides: the contract does not say when a store does that, nor
    /// whether an expired record can be loaded or replaced until then.
    async fn purge(&self) -> Result<(), String> {
        for key in &self.keys {
            let modelled = self.model.load(key).await.map_err(|error| failed(&error))?;
            if modelled.is_some_and(|record| record.meta.is_expired(self.now)) {
                for store in self.stores() {
                    store.remove(key, None).await.map_err(|error| failed(&error))?;
                }
            }
        }
        Ok(())
    }

    fn stores(&self) -> [&dyn Repository; 2] {
        [&self.it.store, &self.model]
    }

    async fn step(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Insert { session, who, cap, life, ops } => {
                let key = &self.keys[*session];
                self.credentials = self.credentials.wrapping_add(1).max(1);
                let credential = Credential(self.credentials);
                let (check, key_id) = (credential.check(), credential.key_id());
                let mut record =
                    Record::new(Meta::new(check, key_id, self.now, life.from(self.now)));
                record.meta.set_principal(who.map(person), self.now);
                // What ops make of nothing; `Add` may refuse, which leaves the fields out.
                let mut built = record.clone();
                let write = Commit { ops: ops.clone(), ..credential.touch(self.now) };
                if matches!(built.apply(&write), CommitOutcome::Committed { .. }) {
                    let fields =
                        built.fields().map(|(name, value)| (name.to_owned(), value.clone()));
                    fields.for_each(|(name, value)| record.set(name, value));
                }
                let exists = self.model.load(key).await.map_err(|error| failed(&error))?.is_some();
                let mut outcomes = Vec::new();
                for store in self.stores() {
                    let outcome = store.insert_capped(key, record.clone(), *cap).await;
                    outcomes.push(sorted(outcome.map_err(|error| failed(&error))?));
                }
                // Two reasons not to apply: either may be given.
                let either = [InsertOutcome::Full, InsertOutcome::Exists];
                if exists && outcomes.iter().all(|outcome| either.contains(outcome)) {
                    return Ok(());
                }
                same("`insert`", &outcomes[1], &outcomes[0])
            }
            Command::Commit { session, change } => {
                let key = &self.keys[*session];
                let before = self.model.load(key).await.map_err(|error| failed(&error))?;
                self.credentials = self.credentials.wrapping_add(1).max(1);
                let mut commit = change.settle(before.as_deref(), self.now, self.credentials);
                if matches!(change.tells, Tells::TheRecord) {
                    let loaded = self.it.store.load(key).await.map_err(|error| failed(&error))?;
                    self.told[*session] = loaded;
                }
                // Of a touch, the record that was loaded says whether it may take place.
                let believes = commit.is_touch() && !matches!(change.tells, Tells::TheRecord);
                if !matches!(change.tells, Tells::Nothing) && !believes {
                    commit.loaded.clone_from(&self.told[*session]);
                }
                let mut outcomes = Vec::new();
                for store in self.stores() {
                    let outcome = store.commit(key, &commit).await;
                    outcomes.push(in_order(outcome.map_err(|error| failed(&error))?));
                }
                let alone = before
                    .map_or(CommitOutcome::Gone, |record| Record::clone(&record).apply(&commit));
                let applies = matches!(alone, CommitOutcome::Committed { .. });
                let either = [CommitOutcome::Full, alone];
                if !applies && outcomes.iter().all(|outcome| either.contains(outcome)) {
                    return Ok(());
                }
                same(&show::commit(&commit), &outcomes[1], &outcomes[0])
            }
            Command::Delete { session } => {
                let mut outcomes = Vec::new();
                for store in self.stores() {
                    let outcome = store.remove(&self.keys[*session], None).await;
                    outcomes.push(outcome.map_err(|error| failed(&error))?);
                }
                same("`remove`", &outcomes[1], &outcomes[0])
            }
            Command::DeleteAll { who, except } => {
                let except = except.map(|session| self.keys[session].selector);
                let mut outcomes = Vec::new();
                for store in self.stores() {
                    let outcome = store.end_all(&self.it.namespace, &person(*who), except).await;
                    outcomes.push(outcome.map_err(|error| failed(&error))?);
                }
                same("`end_all`", &outcomes[1], &outcomes[0])
            }
            Command::Wait { millis } => {
                self.now = later(self.now, *millis);
                Ok(())
            }
        }
    }

    /// Compares the records and lists that the command may have changed.
    async fn compare(&self, command: &Command) -> Result<(), String> {
        match command {
            Command::Insert { cap: None, session, .. } | Command::Delete { session } => {
                self.compare_record(&self.keys[*session]).await
            }
            Command::Commit { session, change } if !change.logs_in() => {
                self.compare_record(&self.keys[*session]).await
            }
            _ => self.compare_all().await,
        }
    }

    async fn compare_record(&self, key: &StoreKey) -> Result<(), String> {
        let expected = self.model.load(key).await.map_err(|error| failed(&error))?;
        if expected.as_ref().is_some_and(|record| record.meta.is_expired(self.now)) {
            return Ok(());
        }
        let found = self.it.store.load(key).await.map_err(|error| failed(&error))?;
        if found == expected {
            return Ok(());
        }
        let differences = show::differences(expected.as_deref(), found.as_deref());
        Err(format!("the record differs from the model's:{differences}"))
    }

    async fn compare_all(&self) -> Result<(), String> {
        for key in &self.keys {
            self.compare_record(key).await?;
        }
        for (who, name) in PEOPLE.iter().enumerate() {
            let mut lists = Vec::new();
            for store in self.stores() {
                let list = store.list_live(&self.it.namespace, &person(who), self.now).await;
                let mut list = list.map_err(|error| failed(&error))?;
                if !list.is_sorted_by_key(|session| std::cmp::Reverse(session.logged_in)) {
                    return Err(format!("the list is not the newest first: {list:?}"));
                }
                list.sort_by_key(|session: &Listed| session.selector);
                lists.push(list);
            }
            same(&format!("the list of {name:?}"), &lists[1], &lists[0])?;
        }
        Ok(())
    }
}

fn sorted(outcome: InsertOutcome) -> InsertOutcome {
    match outcome {
        InsertOutcome::Inserted { mut ended } => {
            ended.sort();
            InsertOutcome::Inserted { ended }
        }
        other => other,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, model: &T, store: &T) -> Result<(), String> {
    if model == store {
        return Ok(());
    }
    Err(format!("{what}\n  gives {model:?} in the model\n    and {store:?} in the store"))
}
