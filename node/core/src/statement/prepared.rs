//! A prepared statement: everything about it that does not depend on values.

use super::answer::Columns;
use super::define::Defined;
use super::describe::Description;
use super::modify::{Batch, Modification};
use super::names::Names;
use super::select::Select;
use super::variables::Variables;
use crate::ids::SchemaVersion;
use crate::schema::{Schema, Table};
use md5::{Digest, Md5};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use trefoil_cql::ast::{QualifiedName, Statement};
use trefoil_cql::parser;
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};

/// A statement, analysed. Share it (`Arc`); executing it needs nothing else of its text.
#[derive(Debug)]
pub struct Prepared {
    id: [u8; 16],
    keyspace: Option<String>,
    text: String,
    variables: Vec<ColumnSpec>,
    partition_key: Vec<u16>,
    /// The result columns when it was prepared first; they may have changed since.
    first_columns: Option<[u8; 16]>,
    version: SchemaVersion,
    /// The newest version of the schema in which its tables are known to be the same.
    checked: AtomicU64,
    tables: Vec<Arc<Table>>,
    pub(super) analysed: Analysed,
}

/// What kind of statement it is, with all that is known about it.
#[derive(Debug)]
pub(super) enum Analysed {
    Select(Arc<Select>),
    Modification(Arc<Modification>),
    Batch(Batch),
    Use(String),
    Truncate(QualifiedName),
    Define(Defined),
    Describe(Description),
}

/// Parse and analyse a statement.
///
/// # Errors
/// What the client shall be told: SYNTAX, INVALID, ...
pub fn prepare(text: &str, keyspace: Option<&str>, schema: &Schema) -> Result<Prepared, CqlError> {
    let parsed = parser::parse(text).map_err(|error| CqlError::Syntax(error.to_string()))?;
    let names = Names { schema, keyspace };
    let mut variables = Variables::new(&parsed.markers);
    let analysed = match &parsed.statement {
        Statement::Select(select) => Analysed::Select(Arc::new(Select::resolve(select, names, &mut variables)?)),
        Statement::Insert(insert) => modification(Modification::insert(insert, names, &mut variables)?),
        Statement::Update(update) => modification(Modification::update(update, names, &mut variables)?),
        Statement::Delete(delete) => modification(Modification::delete(delete, names, &mut variables)?),
        Statement::Batch(batch) => Analysed::Batch(Batch::resolve(batch, names, &mut variables)?),
        Statement::Use(of) => Analysed::Use(of.keyspace.as_str().to_owned()),
        Statement::Truncate(truncate) => {
            names.writable_table(&truncate.table)?;
            let keyspace = names.keyspace_of(&truncate.table)?.into();
            Analysed::Truncate(QualifiedName { keyspace: Some(keyspace), name: truncate.table.name.clone() })
        }
        Statement::Describe(describe) => Analysed::Describe(Description::resolve(describe, keyspace)),
        other => Analysed::Define(Defined::resolve(other, keyspace)?),
    };
    let (variables, partition_key) = variables.finish()?;
    let mut prepared = Prepared {
        id: id_of(text, keyspace),
        keyspace: keyspace.map(ToOwned::to_owned),
        text: text.to_owned(),
        variables,
        partition_key,
        first_columns: None,
        version: schema.version,
        checked: AtomicU64::new(schema.version.0),
        tables: analysed.tables(),
        analysed,
    };
    prepared.first_columns = prepared.columns().map(|columns| columns.id());
    Ok(prepared)
}

fn modification(modification: Modification) -> Analysed {
    Analysed::Modification(Arc::new(modification))
}

/// As Cassandra makes it, so that a client that moves between servers of either kind is understood.
fn id_of(text: &str, keyspace: Option<&str>) -> [u8; 16] {
    let mut hash = Md5::new();
    hash.update(keyspace.unwrap_or("").as_bytes());
    hash.update(text.as_bytes());
    hash.finalize().into()
}

/// Analyse a statement again against a newer schema. Its id stays, and it remembers what its first result columns were.
///
/// # Errors
/// When it is no statement any more: its table is gone, a column has another type.
pub fn reprepare(stale: &Prepared, schema: &Schema) -> Result<Prepared, CqlError> {
    let mut next = prepare(&stale.text, stale.keyspace.as_deref(), schema)?;
    next.first_columns = stale.first_columns;
    Ok(next)
}

impl Prepared {
    /// What PREPARED calls it: MD5 of keyspace and text, so it is equal on all nodes and over restarts.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The keyspace it was prepared in.
    #[must_use]
    pub fn keyspace(&self) -> Option<&str> {
        self.keyspace.as_deref()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bind markers.
    #[must_use]
    pub fn variables(&self) -> &[ColumnSpec] {
        &self.variables
    }

    /// For each component of the partition key the position of its marker; empty if not all are bound.
    #[must_use]
    pub fn partition_key(&self) -> &[u16] {
        &self.partition_key
    }

    /// The result's columns; `None` for statements that return none. (`[applied]` rows have their own.)
    #[must_use]
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        match &self.analysed {
            Analysed::Select(select) => Some(&select.columns),
            _ => None,
        }
    }

    /// The schema it was analysed against.
    #[must_use]
    pub fn version(&self) -> SchemaVersion {
        self.version
    }

    /// Whether the tables it uses have changed since: it must be prepared again before it is executed. Cheap when the schema's
    /// version is the same as at the last question.
    #[must_use]
    pub fn is_stale(&self, schema: &Schema) -> bool {
        if self.checked.load(Ordering::Relaxed) == schema.version.0 {
            return false;
        }
        let is_same = |table: &Arc<Table>| match schema.table(&table.keyspace, &table.name) {
            Some(now) => now.id == table.id && now.changed == table.changed,
            // System tables never change.
            None => super::system::is_system_keyspace(&table.keyspace),
        };
        if !self.tables.iter().all(is_same) {
            return true;
        }
        self.checked.store(schema.version.0, Ordering::Relaxed);
        false
    }

    /// Whether its result columns differ from those it had when it was prepared first. Clients before version 5 must then be
    /// sent the columns even if they ask to skip them.
    #[must_use]
    pub fn columns_changed(&self) -> bool {
        self.first_columns != self.columns().map(|columns| columns.id())
    }
}

impl Analysed {
    fn tables(&self) -> Vec<Arc<Table>> {
        match self {
            Analysed::Select(select) => vec![Arc::clone(&select.table)],
            Analysed::Modification(modification) => vec![Arc::clone(&modification.table)],
            Analysed::Batch(batch) => {
                batch.modifications.iter().map(|modification| Arc::clone(&modification.table)).collect()
            }
            Analysed::Use(_) | Analysed::Truncate(_) | Analysed::Define(_) | Analysed::Describe(_) => Vec::new(),
        }
    }
}
