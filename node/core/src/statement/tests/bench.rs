//! A cluster of one shard in memory, for tests: definitions, writes and reads by text and values.

use super::store::Store;
use crate::bugs::NoBugs;
use crate::config::{Layout, NodeInfo};
use crate::ids::{NodeId, SchemaVersion, ZoneId};
use crate::schema::{DefinitionContext, Schema};
use crate::statement::{
    Answer, AnswerOptions, BatchOptions, BindContext, Facts, Plan, Prepared, SelectExecution, bind, bind_batch, prepare,
};
use crate::time::HybridTime;
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use trefoil_cql::protocol::request::{BatchKind, QueryParameters};
use trefoil_cql::protocol::response::{Attachments, CqlError, QueryResult, Response, ResponseEnvelope, Rows};
use trefoil_cql::protocol::{ProtocolVersion, Value};
use trefoil_cql::types::CqlType;

/// A cluster of one shard.
pub(super) struct Bench {
    pub schema: Schema,
    pub store: Store,
    pub keyspace: Option<String>,
    layout: Layout,
    rng: ChaCha8Rng,
    now: i64,
    /// How many read commands were needed so far.
    pub commands: usize,
}

/// What a statement gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub rows: Rows,
    pub plan: String,
}

pub(super) fn layout() -> Layout {
    let node = |id: u32| NodeInfo {
        id: NodeId(id),
        zone: ZoneId(id as u8),
        host_id: [id as u8 + 1; 16],
        cql_address: ([127, 0, 0, 1 + id as u8], 9042).into(),
        peer_address: ([127, 0, 0, 1 + id as u8], 7000).into(),
    };
    Layout {
        cluster_id: [7; 16],
        cluster_name: "Test Cluster".into(),
        data_center: "local".into(),
        zones: vec!["a".into(), "b".into(), "c".into()],
        nodes: vec![node(0), node(1), node(2)],
        shards: 12,
    }
}

impl Bench {
    /// With a keyspace `ks` that is used, and these tables.
    pub fn new(statements: &[&str]) -> Bench {
        let mut bench = Bench {
            schema: Schema::default(),
            store: Store::new(),
            keyspace: None,
            layout: layout(),
            rng: ChaCha8Rng::seed_from_u64(1),
            now: 1_000_000_000_000,
            commands: 0,
        };
        bench.run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}");
        bench.run("USE ks");
        for statement in statements {
            bench.run(statement);
        }
        bench
    }

    /// Runs a statement that must work.
    pub fn run(&mut self, text: &str) -> Outcome {
        self.try_run(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Runs a statement with values that must work.
    pub fn run_with(&mut self, text: &str, values: &[Value]) -> Outcome {
        self.try_run(text, values).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    pub fn try_run(&mut self, text: &str, values: &[Value]) -> Result<Outcome, CqlError> {
        let parameters = QueryParameters { values: values.to_vec(), ..QueryParameters::default() };
        self.execute(&self.prepare(text)?, &parameters)
    }

    /// The error of a statement that must not work.
    pub fn error(&mut self, text: &str) -> CqlError {
        self.error_with(text, &[])
    }

    pub fn error_with(&mut self, text: &str, values: &[Value]) -> CqlError {
        match self.try_run(text, values) {
            Ok(outcome) => panic!("{text} worked: {outcome:?}"),
            Err(error) => error,
        }
    }

    pub fn prepare(&self, text: &str) -> Result<Prepared, CqlError> {
        prepare(text, self.keyspace.as_deref(), &self.schema)
    }

    pub fn execute(&mut self, prepared: &Prepared, parameters: &QueryParameters) -> Result<Outcome, CqlError> {
        let plan = self.plan(prepared, parameters)?;
        self.carry_out(plan)
    }

    pub fn plan(&mut self, prepared: &Prepared, parameters: &QueryParameters) -> Result<Plan, CqlError> {
        self.with_context(|context| bind(prepared, parameters, context))
    }

    pub fn batch(&mut self, statements: &[(&str, &[Value])]) -> Result<Outcome, CqlError> {
        let prepared: Vec<Prepared> =
            statements.iter().map(|(text, _)| self.prepare(text)).collect::<Result<_, _>>()?;
        let borrowed: Vec<(&Prepared, &[Value])> =
            prepared.iter().zip(statements).map(|(prepared, (_, values))| (prepared, *values)).collect();
        let options = BatchOptions { kind: BatchKind::Logged, timestamp: None, now_in_seconds: None };
        let plan = self.with_context(|context| bind_batch(&borrowed, &options, context))?;
        self.carry_out(plan)
    }

    fn with_context<T>(&mut self, bind: impl FnOnce(&mut BindContext<'_>) -> T) -> T {
        self.now += 1_000;
        let facts = Facts { started: 5_000_000, ..Facts::new(&self.layout, NodeId(0)) };
        let now = HybridTime(self.now);
        bind(&mut BindContext { schema: &self.schema, facts: &facts, now, rng: &mut self.rng })
    }

    fn carry_out(&mut self, plan: Plan) -> Result<Outcome, CqlError> {
        let description = format!("{plan:?}");
        let answer = match plan {
            Plan::Read(read) => {
                let mut execution = SelectExecution::new(read);
                while let Some(command) = execution.next_command() {
                    self.commands += 1;
                    execution.absorb(self.store.read(&command, self.now))?;
                }
                let rows = decode(execution.encode(&options())?);
                return Ok(Outcome { rows, plan: description });
            }
            Plan::Write(write) => write.answer(self.store.write(&write.conditions, &write.mutations, self.now))?,
            Plan::Schema(definition) => {
                let version = SchemaVersion(self.schema.version.0 + 1);
                let context = DefinitionContext { version, stamp: HybridTime(self.now) };
                // As it travels.
                let bytes = definition.encode();
                let definition = crate::schema::Definition::decode(&bytes).expect("it was just encoded");
                self.schema.apply(&definition, &context, &NoBugs)?;
                match definition.change() {
                    Some(change) => Answer::SchemaChange(change),
                    None => Answer::Void,
                }
            }
            Plan::Use(keyspace) => {
                self.keyspace = Some(keyspace.clone());
                Answer::SetKeyspace(keyspace)
            }
            Plan::Answer(answer) => answer,
        };
        Ok(Outcome { rows: decode(answer.encode(&options())), plan: description })
    }
}

static NOTHING_ATTACHED: Attachments = Attachments::NONE;

fn options() -> AnswerOptions<'static> {
    AnswerOptions {
        version: ProtocolVersion::V5,
        stream: 1,
        attachments: &NOTHING_ATTACHED,
        skip_metadata: false,
        known_columns: None,
    }
}

fn decode(envelope: Bytes) -> Rows {
    let envelope = ResponseEnvelope::decode(&envelope).expect("our own response can be read");
    match envelope.response {
        Response::Result(QueryResult::Rows(rows)) => rows,
        Response::Result(_) => Rows::default(),
        other => panic!("not a result: {other:?}"),
    }
}

impl Outcome {
    /// Names of the columns.
    pub fn names(&self) -> Vec<&str> {
        let metadata = self.rows.metadata.as_ref().expect("the columns are described");
        metadata.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// Types of the columns.
    pub fn types(&self) -> Vec<String> {
        let metadata = self.rows.metadata.as_ref().expect("the columns are described");
        metadata.columns.iter().map(|column| column.column_type.to_string()).collect()
    }

    /// Every row as text, cells joined by commas.
    pub fn lines(&self) -> Vec<String> {
        let metadata = self.rows.metadata.as_ref().expect("the columns are described");
        let types: Vec<&CqlType> = metadata.columns.iter().map(|column| &column.column_type).collect();
        let show = |row: &[Option<Bytes>]| {
            row.iter()
                .zip(&types)
                .map(|(cell, column_type)| show(cell.as_ref(), column_type))
                .collect::<Vec<_>>()
                .join(",")
        };
        self.rows.iter().map(show).collect()
    }

    /// The only cell.
    pub fn cell(&self) -> String {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "one row: {lines:?}");
        lines[0].clone()
    }
}

/// A value as short text.
fn show(cell: Option<&Bytes>, column_type: &CqlType) -> String {
    let Some(bytes) = cell else { return "null".into() };
    let number = || match bytes.len() {
        1 => i64::from(bytes[0] as i8),
        2 => i64::from(i16::from_be_bytes(bytes[..].try_into().expect("2 bytes"))),
        4 => i64::from(i32::from_be_bytes(bytes[..].try_into().expect("4 bytes"))),
        8 => i64::from_be_bytes(bytes[..].try_into().expect("8 bytes")),
        _ => 0,
    };
    match column_type.unfrozen() {
        CqlType::Text | CqlType::Ascii => String::from_utf8(bytes.to_vec()).expect("text is UTF-8"),
        CqlType::Boolean => (bytes[0] != 0).to_string(),
        CqlType::TinyInt
        | CqlType::SmallInt
        | CqlType::Int
        | CqlType::BigInt
        | CqlType::Counter
        | CqlType::Timestamp => number().to_string(),
        CqlType::Double => f64::from_be_bytes(bytes[..].try_into().expect("8 bytes")).to_string(),
        CqlType::List(element) | CqlType::Set(element) => {
            let elements = super::super::value::elements(bytes).expect("a collection");
            let shown = elements.iter().map(|part| show(Some(part), element)).collect::<Vec<_>>();
            format!("[{}]", shown.join(" "))
        }
        CqlType::Map(key, value) => {
            let entries = super::super::value::entries(bytes).expect("a map");
            let shown =
                entries.iter().map(|(one, other)| format!("{}:{}", show(Some(one), key), show(Some(other), value)));
            format!("{{{}}}", shown.collect::<Vec<_>>().join(" "))
        }
        CqlType::UserType(user) => {
            let fields = super::super::value::fields(bytes).expect("a user type");
            let shown = fields.iter().zip(&user.fields).map(|(field, (_, of))| show(field.as_ref(), of));
            format!("<{}>", shown.collect::<Vec<_>>().join(" "))
        }
        CqlType::Tuple(types) => {
            let fields = super::super::value::fields(bytes).expect("a tuple");
            let shown = fields.iter().zip(types).map(|(field, of)| show(field.as_ref(), of));
            format!("({})", shown.collect::<Vec<_>>().join(" "))
        }
        _ => format!("{bytes:x}"),
    }
}

pub(super) fn int(value: i32) -> Value {
    Value::Set(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(super) fn bigint(value: i64) -> Value {
    Value::Set(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(super) fn text(value: &str) -> Value {
    Value::Set(Bytes::copy_from_slice(value.as_bytes()))
}
