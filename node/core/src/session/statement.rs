//! QUERY, PREPARE, EXECUTE, BATCH: from the message to a plan, and from the plan to an operation.

use super::Client;
use crate::ids::ShardId;
use crate::node::Node;
use crate::statement::{
    Answer, BatchOptions, BindContext, Facts, NodeStatus, Plan, Prepared, bind, bind_batch, prepare, reprepare,
};
use crate::world::World;
use std::sync::Arc;
use trefoil_cql::protocol::consistency::Consistency;
use trefoil_cql::protocol::request::{Batch, BatchQuery, Execute, Prepare, Query, QueryParameters};
use trefoil_cql::protocol::response::{self, CqlError, QueryResult, Response};
use trefoil_cql::protocol::version::ProtocolVersion;

/// How a statement is to be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whose answers are enough.
    pub consistency: Consistency,
    /// The same for the conditional part.
    pub serial: Consistency,
}

impl Options {
    pub(super) fn new(consistency: Consistency, serial: Option<Consistency>) -> Options {
        Options { consistency, serial: serial.unwrap_or(Consistency::Serial) }
    }
}

impl Node {
    pub(super) fn query<W: World>(&mut self, client: Client, query: &Query, world: &mut W) {
        let keyspace = self.keyspace(&client, query.parameters.keyspace.as_deref());
        self.trace(&client, || format!("Parsing {}", query.text));
        match prepare(&query.text, keyspace.as_deref(), self.schema()) {
            Ok(prepared) => self.run(client, &prepared, &query.parameters, world),
            Err(error) => self.refuse_statement(client, error, world),
        }
    }

    pub(super) fn prepare<W: World>(&mut self, mut client: Client, message: &Prepare, world: &mut W) {
        let keyspace = self.keyspace(&client, message.keyspace.as_deref());
        let prepared = match prepare(&message.text, keyspace.as_deref(), self.schema()) {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse_statement(client, error, world),
        };
        if message.keyspace.is_none()
            && let Some(warning) = self.warning_of_use(&client, &prepared)
        {
            client.attachments.get_or_insert_with(Box::default).warnings.push(warning);
        }
        let columns = prepared.columns();
        let result = QueryResult::Prepared(response::Prepared {
            id: prepared.id().to_vec().into(),
            result_metadata_id: columns.map_or_else(|| vec![0; 16], |columns| columns.id().to_vec()).into(),
            bind_markers: prepared.variables().to_vec(),
            partition_key: prepared.partition_key().to_vec(),
            result_metadata: columns.map(|columns| columns.metadata().clone()),
        });
        self.sessions.prepared.insert(Arc::new(prepared));
        let options = client.options();
        let envelope = Response::Result(result).encode_with(client.version, client.stream, options.attachments);
        self.reply(&client, envelope, world);
    }

    /// What Cassandra says, once to each connection, of a new statement that means something else after another USE.
    fn warning_of_use(&mut self, client: &Client, prepared: &Prepared) -> Option<String> {
        let session = self.sessions.sessions.get(&client.conn)?;
        let keyspace = session.keyspace.clone().filter(|_| !session.warned_of_use)?;
        if self.sessions.prepared.get(&prepared.id()).is_some() || prepare(prepared.text(), None, self.schema()).is_ok()
        {
            return None;
        }
        self.sessions.change(client.conn, |session| session.warned_of_use = true);
        let id: String = prepared.id().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!(
            "`USE <keyspace>` with prepared statements is considered to be an anti-pattern due to ambiguity in non-qualified \
             table names. Please consider removing instances of `Session#setKeyspace(<keyspace>)`, \
             `Session#execute(\"USE <keyspace>\")` and `cluster.newSession(<keyspace>)` from your code, and always use fully \
             qualified table names (e.g. <keyspace>.<table>). Keyspace used: {keyspace}, statement keyspace: {keyspace}, \
             statement id: {id}"
        ))
    }

    pub(super) fn execute<W: World>(&mut self, mut client: Client, message: Execute, world: &mut W) {
        let Some(prepared) = self.current(&message.id) else {
            crate::sometimes!(world, "statement not known here");
            return self.reply_error(&client, CqlError::unprepared(message.id), world);
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse_statement(client, error, world),
        };
        if client.version >= ProtocolVersion::V5 {
            client.known_columns = Some(message.result_metadata_id);
            client.skip_metadata = message.parameters.skip_metadata;
        } else {
            // Such a client is never told of new columns: it must not be left with the description of the old.
            // Nor does it know the columns of `[applied]` rows, which PREPARED does not describe.
            let knows = prepared.columns().is_some() && !prepared.columns_changed();
            client.skip_metadata = message.parameters.skip_metadata && knows;
        }
        self.run(client, &prepared, &message.parameters, world);
    }

    pub(super) fn batch<W: World>(&mut self, client: Client, message: &Batch, world: &mut W) {
        let keyspace = self.keyspace(&client, message.keyspace.as_deref());
        let mut statements = Vec::with_capacity(message.statements.len());
        for statement in &message.statements {
            let prepared = match &statement.query {
                BatchQuery::Text(text) => prepare(text, keyspace.as_deref(), self.schema()).map(Arc::new),
                BatchQuery::Prepared(id) => match self.current(id) {
                    Some(prepared) => prepared,
                    None => Err(CqlError::unprepared(id.clone())),
                },
            };
            match prepared {
                Ok(prepared) => statements.push((prepared, statement.values.as_slice())),
                Err(error) => return self.reply_error(&client, error, world),
            }
        }
        let borrowed: Vec<_> = statements.iter().map(|(prepared, values)| (prepared.as_ref(), *values)).collect();
        let batch =
            BatchOptions { kind: message.kind, timestamp: message.timestamp, now_in_seconds: message.now_in_seconds };
        let options = Options::new(message.consistency, message.serial_consistency);
        let plan = self.with_context(world, |context| bind_batch(&borrowed, &batch, context));
        self.carry_out(client, plan, options, world);
    }

    /// Bind, and carry out.
    fn run<W: World>(&mut self, client: Client, prepared: &Prepared, parameters: &QueryParameters, world: &mut W) {
        let options = Options::new(parameters.consistency, parameters.serial_consistency);
        let plan = self.with_context(world, |context| bind(prepared, parameters, context));
        self.carry_out(client, plan, options, world);
    }

    fn carry_out<W: World>(&mut self, client: Client, plan: Result<Plan, CqlError>, options: Options, world: &mut W) {
        // Whatever is planned now must know every definition that has returned.
        let needs_lease = match &plan {
            Ok(Plan::Read(_)) => !matches!(options.consistency, Consistency::One | Consistency::LocalOne),
            Ok(Plan::Write(_)) => true,
            _ => false,
        };
        if needs_lease && !self.catalogue_lease_valid() {
            crate::sometimes!(world, "request waited for a schema lease");
            return self.wait_for_lease(client, options, world);
        }
        self.trace(&client, || describe(&plan));
        match plan {
            Ok(Plan::Read(read)) => self.start_read(client, read, options, world),
            Ok(Plan::Write(mut write)) => {
                let mut client = client;
                if !write.warnings.is_empty() {
                    let warnings = std::mem::take(&mut write.warnings);
                    client.attachments.get_or_insert_with(Box::default).warnings = warnings;
                }
                self.start_write(client, write, options, world);
            }
            Ok(Plan::Schema(definition)) => self.start_definition(client, &definition, world),
            Ok(Plan::Use(keyspace)) => {
                self.sessions.change(client.conn, |session| session.keyspace = Some(keyspace.clone()));
                self.reply(&client, Answer::SetKeyspace(keyspace).encode(&client.options()), world);
            }
            Ok(Plan::Answer(answer)) => self.reply(&client, answer.encode(&client.options()), world),
            Err(error) => self.refuse_statement(client, error, world),
        }
    }

    /// Without a lease the schema served here may be an old one: the request is planned again when there is a lease, unless there will
    /// be none for a while.
    fn wait_for_lease<W: World>(&mut self, client: Client, options: Options, world: &mut W) {
        match self.unavailable(ShardId::CATALOGUE) {
            Some((required, alive)) => {
                let error = CqlError::unavailable(options.consistency, required, alive);
                self.reply_error(&client, error, world);
            }
            None => self.wait_for_schema(client, world),
        }
    }

    /// A statement does not fit the schema served here. Without a lease that schema may be an old one ("no such table" of a table
    /// that exists): then the request waits for a newer one, until its deadline.
    fn refuse_statement<W: World>(&mut self, client: Client, error: CqlError, world: &mut W) {
        if matches!(error, CqlError::Syntax(_) | CqlError::Unprepared { .. }) || self.catalogue_lease_valid() {
            self.reply_error(&client, error, world);
        } else {
            self.wait_for_schema(client, world);
        }
    }

    fn keyspace(&self, client: &Client, given: Option<&str>) -> Option<String> {
        let session = || self.sessions.sessions.get(&client.conn).and_then(|session| session.keyspace.clone());
        given.map(ToOwned::to_owned).or_else(session)
    }

    /// A prepared statement, analysed against the schema served now; `None` if this node does not remember it.
    fn current(&mut self, id: &[u8]) -> Option<Result<Arc<Prepared>, CqlError>> {
        let schema = Arc::clone(self.schema());
        let prepared = self.sessions.prepared.get(id)?;
        if !prepared.is_stale(&schema) {
            return Some(Ok(Arc::clone(prepared)));
        }
        Some(reprepare(prepared, &schema).map(|fresh| {
            let fresh = Arc::new(fresh);
            self.sessions.prepared.insert(Arc::clone(&fresh));
            fresh
        }))
    }

    fn with_context<W: World, T>(&mut self, world: &mut W, bind: impl FnOnce(&mut BindContext<'_>) -> T) -> T {
        let now = self.hybrid_now();
        let status: Vec<NodeStatus> = (self.config.layout.nodes.iter())
            .filter(|node| node.id != self.config.node && !self.liveness.is_alive(node.id))
            .map(|node| NodeStatus { node: node.id, alive: false, schema: None })
            .collect();
        let facts = Facts {
            status: &status,
            statements: self.sessions.prepared.known(),
            sessions: self.sessions.facts(),
            ..Facts::new(&self.config.layout, self.config.node)
        };
        let mut context =
            BindContext { schema: &self.catalogue.schema().clone(), facts: &facts, now, rng: world.rng() };
        bind(&mut context)
    }
}

/// For a trace: what is going to be done.
fn describe(plan: &Result<Plan, CqlError>) -> String {
    match plan {
        Ok(Plan::Read(read)) => format!("Reading {}", read.describe()),
        Ok(Plan::Write(write)) if write.is_conditional() => {
            format!("Determining replicas for a conditional write of {} mutations", write.mutations.len())
        }
        Ok(Plan::Write(write)) => format!("Determining replicas for {} mutations", write.mutations.len()),
        Ok(Plan::Schema(_)) => "Changing the schema".to_owned(),
        Ok(Plan::Use(keyspace)) => format!("Using keyspace {keyspace}"),
        Ok(Plan::Answer(_)) => "Answering from memory".to_owned(),
        Err(error) => format!("Refusing: {error}"),
    }
}
