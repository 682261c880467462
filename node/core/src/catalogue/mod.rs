//! The catalogue: one shard holds the schema, and every node serves a copy of it under a lease.
//!
//! A definition is an entry in the catalogue's log. Its coordinator is answered by the catalogue's leader, and only when no node
//! can be serving an older schema any more: that makes DDL linearizable. Checked: oracle `schema_agreement`, planted bug
//! `SchemaReturnsEarly`.

pub mod lease;

use crate::bugs::PlantedBug;
use crate::command::{RequestHeader, WriteOutcome};
use crate::config::Config;
use crate::ids::{NodeId, SchemaVersion, ShardId, StorageId};
use crate::message::{Body, Refusal};
use crate::node::Node;
use crate::replicate::RaftEnvironment;
use crate::schema::Schema;
use crate::time::Monotonic;
use crate::world::World;
use bytes::Bytes;
use lease::{Grants, SchemaLease};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use trefoil_cql::protocol::response::{ChangeKind, SchemaChange, SchemaTarget};

/// How often a node asks for its schema lease to be extended.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// How soon it asks again while it has none.
const ASK_SOON: Duration = Duration::from_millis(50);
/// How soon the leader offers again to nodes that have not taken a version somebody waits for.
const OFFER_AGAIN: Duration = Duration::from_millis(100);

/// What a node knows of the schema.
#[derive(Clone, Debug)]
pub struct Catalogue {
    schema: Arc<Schema>,
    /// Storages that were given up, and what took the place of each: nothing, if its table is gone.
    gone: BTreeMap<StorageId, Option<StorageId>>,
    lease: SchemaLease,
    /// While this node leads the catalogue.
    grants: Option<Grants>,
    /// Definitions that are applied but not served everywhere yet.
    pending: Vec<(SchemaVersion, RequestHeader, WriteOutcome)>,
    next_ask: Monotonic,
    next_offer: Monotonic,
    /// Whether a leader of the catalogue has confirmed the schema since this node started: before that it may be an old one.
    known: bool,
}

impl Catalogue {
    /// What a node starts with: what its replica of the catalogue has, if it holds one.
    #[must_use]
    pub fn new(_config: &Config, stored: Option<Schema>) -> Catalogue {
        let schema = Arc::new(stored.unwrap_or_default());
        let gone = gone(&schema);
        let zero = Monotonic(0);
        Catalogue {
            schema,
            gone,
            lease: SchemaLease::default(),
            grants: None,
            pending: Vec::new(),
            next_ask: zero,
            next_offer: zero,
            known: false,
        }
    }

    /// The schema served here.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> SchemaVersion {
        self.schema.version
    }

    /// Storages of tables that were dropped or truncated, and what took the place of each.
    pub fn gone(&self) -> impl Iterator<Item = (StorageId, Option<StorageId>)> + '_ {
        self.gone.iter().map(|(&storage, &successor)| (storage, successor))
    }

    /// Whether requests for this storage may be served: not if it is of a newer schema, and not if its table is gone.
    ///
    /// # Errors
    /// Why not.
    pub fn serves(&self, storage: StorageId) -> Result<(), Refusal> {
        if storage.is_system() {
            return Ok(());
        }
        if storage >= self.schema.next_storage {
            return Err(Refusal::SchemaAhead);
        }
        match self.gone.get(&storage) {
            Some(None) => Err(Refusal::StaleSchema(self.schema.version)),
            Some(Some(_)) | None => Ok(()),
        }
    }
}

impl Node {
    /// The schema served here.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.catalogue.schema
    }

    /// Whether data shards may be led on the schema served here.
    pub(crate) fn catalogue_lease_valid(&self) -> bool {
        self.config.layout.nodes.len() == 1 || self.catalogue.lease.valid(self.now)
    }

    /// Whether anything can be planned yet.
    pub(crate) fn schema_known(&self) -> bool {
        self.catalogue.known
    }

    /// A leader confirmed the schema served here.
    fn schema_confirmed<W: World>(&mut self, world: &mut W) {
        self.catalogue.known = true;
        self.schema_arrived(world);
    }

    /// Serve this schema from now on, if it is newer than what is served.
    fn serve_schema<W: World>(&mut self, schema: Schema, world: &mut W) {
        if schema.version <= self.catalogue.schema.version {
            return;
        }
        let old = std::mem::replace(&mut self.catalogue.schema, Arc::new(schema));
        self.catalogue.gone = gone(&self.catalogue.schema);
        for change in changes(&old, &self.catalogue.schema.clone()) {
            self.schema_event(&change, world);
        }
        self.schema_arrived(world);
    }

    /// The catalogue's replica here has applied a definition.
    pub(crate) fn schema_committed<W: World>(&mut self, world: &mut W) {
        let Some(schema) = self.replica(ShardId::CATALOGUE).and_then(|replica| replica.state().schema.clone()) else {
            return;
        };
        self.serve_schema(schema, world);
        // What the schema contains must be durable with the log alone: it is small, and definitions are rare.
        self.background.flush_catalogue();
        let (me, version) = (self.me(), self.catalogue.schema.version);
        if let Some(grants) = &mut self.catalogue.grants {
            grants.taken(me, version);
            self.offer_schema(world);
        }
    }

    pub(crate) fn catalogue_role_changed(&mut self, leads: bool) {
        self.catalogue.pending.clear();
        self.catalogue.grants = leads.then(|| Grants::new(&self.config.layout, &self.config.tuning, self.now));
        self.catalogue.next_ask = self.now;
        let (me, version) = (self.me(), self.catalogue.schema.version);
        if let Some(grants) = &mut self.catalogue.grants {
            grants.taken(me, version);
        }
    }

    /// A definition's entry was applied at the catalogue's leader: its coordinator hears of it once every node serves the result.
    pub(crate) fn definition_applied<W: World>(&mut self, header: RequestHeader, outcome: WriteOutcome, world: &mut W) {
        let version = self.catalogue.schema.version;
        self.catalogue.pending.push((version, header, outcome));
        self.finish_definitions(world);
    }

    fn finish_definitions<W: World>(&mut self, world: &mut W) {
        let Some(grants) = &self.catalogue.grants else { return };
        let (now, early) = (self.now, world.planted(PlantedBug::SchemaReturnsEarly));
        let alone = self.config.layout.nodes.len() == 1;
        let (done, pending) = std::mem::take(&mut self.catalogue.pending)
            .into_iter()
            .partition(|(version, ..)| early || alone || grants.all_serve(*version, now));
        self.catalogue.pending = pending;
        let done: Vec<(SchemaVersion, RequestHeader, WriteOutcome)> = done;
        for (_, header, outcome) in done {
            self.answer_request(header.id, ShardId::CATALOGUE, outcome, true, world);
        }
    }

    /// Offer the schema to everybody who is not known to serve it.
    fn offer_schema<W: World>(&mut self, world: &mut W) {
        let Some(grants) = &self.catalogue.grants else { return };
        let version = self.catalogue.schema.version;
        let me = self.me();
        let behind: Vec<NodeId> = (self.config.layout.nodes.iter().map(|node| node.id))
            .filter(|&node| node != me && grants.serves(node) < version)
            .collect();
        if behind.is_empty() {
            return;
        }
        let schema = Bytes::from(self.catalogue.schema.encode());
        for node in behind {
            self.send(node, Body::SchemaOffer { version, schema: Some(schema.clone()), round: 0 }, world);
        }
        self.catalogue.next_offer = self.now.plus(OFFER_AGAIN);
    }

    /// A node says which schema it serves, and asks for a lease.
    pub(crate) fn schema_taken<W: World>(&mut self, from: NodeId, version: SchemaVersion, round: u64, world: &mut W) {
        let Some(granted) = self.answer_question(from, version, round, world) else { return };
        if let Some((round, behind)) = granted {
            let version = self.catalogue.schema.version;
            let schema = behind.then(|| Bytes::from(self.catalogue.schema.encode()));
            self.send(from, Body::SchemaOffer { version, schema, round }, world);
        }
        self.finish_definitions(world);
    }

    /// The catalogue leader's answer to a question: `None` if this node is not the leader, otherwise the round to grant and whether
    /// the asker is behind. Only a leader that could serve a linearizable read may grant: a deposed one would grant what its
    /// successor does not know of.
    fn answer_question<W: World>(
        &mut self,
        from: NodeId,
        version: SchemaVersion,
        round: u64,
        world: &mut W,
    ) -> Option<Option<(u64, bool)>> {
        let now = self.now;
        let replica = self.replica_mut(ShardId::CATALOGUE)?;
        let leads = replica.is_current(now);
        if !leads && replica.is_leader() {
            // An idle leader has no lease: it gets one by asking the others, and the asker will ask again soon.
            replica.raft().read(u64::MAX, &mut RaftEnvironment(world));
        }
        let grants = self.catalogue.grants.as_mut()?;
        grants.taken(from, version);
        if round == 0 || !leads {
            return Some(None);
        }
        grants.granted(from, now);
        Some(Some((round, version < self.catalogue.schema.version)))
    }

    /// The catalogue's leader offers a schema, or grants a lease.
    pub(crate) fn schema_offered<W: World>(
        &mut self,
        from: NodeId,
        version: SchemaVersion,
        schema: Option<Bytes>,
        round: u64,
        world: &mut W,
    ) {
        if let Some(schema) = schema {
            match Schema::decode(&schema) {
                Ok(schema) => self.serve_schema(schema, world),
                Err(error) => tracing::error!(%error, "a peer offers a schema that cannot be read"),
            }
        }
        let serves = self.catalogue.schema.version;
        if serves < version {
            return;
        }
        if round > 0 {
            self.catalogue.lease.granted(round, self.config.tuning.schema_lease);
            self.schema_confirmed(world);
        } else {
            self.send(from, Body::SchemaTaken { version: serves, round: 0 }, world);
        }
    }

    /// Ask for the lease, offer again, finish what waited for a lease to end.
    pub(crate) fn run_catalogue<W: World>(&mut self, world: &mut W) {
        if self.config.layout.nodes.len() == 1 {
            // Definitions that are in the log alone must be applied: without them a table would be said not to exist.
            if !self.catalogue.known
                && self.replica(ShardId::CATALOGUE).is_some_and(|replica| replica.knows_all(self.now))
            {
                self.schema_confirmed(world);
            }
            return self.finish_definitions(world);
        }
        if self.now >= self.catalogue.next_ask {
            let valid = self.catalogue.lease.valid(self.now);
            self.catalogue.next_ask = self.now.plus(if valid { ASK_INTERVAL } else { ASK_SOON });
            self.ask_for_lease(world);
        }
        if !self.catalogue.pending.is_empty() && self.now >= self.catalogue.next_offer {
            self.catalogue.next_offer = self.now.plus(OFFER_AGAIN);
            self.offer_schema(world);
            self.finish_definitions(world);
        }
    }

    fn ask_for_lease<W: World>(&mut self, world: &mut W) {
        let (now, version, me) = (self.now, self.catalogue.schema.version, self.me());
        let believed = match self.replica(ShardId::CATALOGUE) {
            Some(replica) => replica.leader(),
            None => self.liveness.leader_of(ShardId::CATALOGUE),
        };
        let round = self.catalogue.lease.ask(now);
        match believed {
            Some(leader) if leader == me => {
                if let Some(Some((round, false))) = self.answer_question(me, version, round, world) {
                    self.catalogue.lease.granted(round, self.config.tuning.schema_lease);
                    self.schema_confirmed(world);
                }
            }
            Some(leader) => self.send(leader, Body::SchemaTaken { version, round }, world),
            None => {}
        }
    }

    pub(crate) fn catalogue_wake(&self) -> Monotonic {
        if self.config.layout.nodes.len() == 1 {
            return self.now.plus(if self.catalogue.known { Duration::from_secs(1) } else { ASK_SOON });
        }
        if self.catalogue.pending.is_empty() {
            self.catalogue.next_ask
        } else {
            self.catalogue.next_ask.min(self.catalogue.next_offer)
        }
    }
}

/// The storages that a schema has given up, and where the rows are instead.
fn gone(schema: &Schema) -> BTreeMap<StorageId, Option<StorageId>> {
    let live: BTreeSet<StorageId> = schema.tables().map(|table| table.storage).collect();
    let mut gone: BTreeMap<StorageId, Option<StorageId>> = (1..schema.next_storage.0)
        .map(StorageId)
        .filter(|storage| !live.contains(storage))
        .map(|storage| (storage, None))
        .collect();
    for table in schema.tables() {
        gone.extend(table.former_storages.iter().map(|&former| (former, Some(table.storage))));
    }
    gone
}

/// What differs between two schemas, as clients are told: keyspaces before what is in them when created, after it when dropped.
fn changes(old: &Schema, new: &Schema) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    let mut tell = |change, keyspace: &str, target| {
        changes.push(SchemaChange { change, keyspace: keyspace.to_owned(), target });
    };
    for (name, keyspace) in &new.keyspaces {
        let before = old.keyspaces.get(name);
        match before {
            None => tell(ChangeKind::Created, name, SchemaTarget::Keyspace),
            Some(before)
                if before.replication != keyspace.replication || before.durable_writes != keyspace.durable_writes =>
            {
                tell(ChangeKind::Updated, name, SchemaTarget::Keyspace);
            }
            Some(_) => {}
        }
        for (type_name, user_type) in &keyspace.types {
            let target = SchemaTarget::Type(type_name.clone());
            match before.and_then(|before| before.types.get(type_name)) {
                None => tell(ChangeKind::Created, name, target),
                Some(old) if old != user_type => tell(ChangeKind::Updated, name, target),
                Some(_) => {}
            }
        }
        for (table_name, table) in &keyspace.tables {
            let target = SchemaTarget::Table(table_name.clone());
            match before.and_then(|before| before.tables.get(table_name)) {
                None => tell(ChangeKind::Created, name, target),
                Some(old) if old.id != table.id => {
                    tell(ChangeKind::Dropped, name, target.clone());
                    tell(ChangeKind::Created, name, target);
                }
                // A truncated table has another storage, which is nobody's business.
                Some(old) if (&old.columns, &old.options) != (&table.columns, &table.options) => {
                    tell(ChangeKind::Updated, name, target);
                }
                Some(_) => {}
            }
        }
        let Some(before) = before else { continue };
        for table_name in before.tables.keys().filter(|&table| !keyspace.tables.contains_key(table)) {
            tell(ChangeKind::Dropped, name, SchemaTarget::Table(table_name.clone()));
        }
        for type_name in before.types.keys().filter(|&type_name| !keyspace.types.contains_key(type_name)) {
            tell(ChangeKind::Dropped, name, SchemaTarget::Type(type_name.clone()));
        }
    }
    for name in old.keyspaces.keys().filter(|&name| !new.keyspaces.contains_key(name)) {
        tell(ChangeKind::Dropped, name, SchemaTarget::Keyspace);
    }
    changes
}
