//! A prepared statement: everything about it that does not depend on values.

use super::answer::Columns;
use crate::ids::SchemaVersion;
use crate::schema::Schema;
use std::sync::Arc;
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};

/// A statement, analysed. Share it (`Arc`); executing it needs nothing else of its text.
#[derive(Clone, Debug)]
pub struct Prepared {
    id: [u8; 16],
    keyspace: Option<String>,
    text: String,
    variables: Vec<ColumnSpec>,
    partition_key: Vec<u16>,
    columns: Option<Arc<Columns>>,
    /// The result columns when it was prepared first; they may have changed since.
    first_columns: Option<[u8; 16]>,
    version: SchemaVersion,
}

/// Parse and analyse a statement.
///
/// # Errors
/// What the client shall be told: SYNTAX, INVALID, ...
pub fn prepare(text: &str, keyspace: Option<&str>, schema: &Schema) -> Result<Prepared, CqlError> {
    let _ = (text, keyspace, schema);
    Err(CqlError::server("not yet"))
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
        self.columns.as_ref()
    }

    /// The schema it was analysed against.
    #[must_use]
    pub fn version(&self) -> SchemaVersion {
        self.version
    }

    /// Whether the tables it uses have changed since: it must be prepared again before it is executed. Cheap when the schema's
    /// version is the same.
    #[must_use]
    pub fn is_stale(&self, schema: &Schema) -> bool {
        schema.version != self.version
    }

    /// Whether its result columns differ from those it had when it was prepared first. Clients before version 5 must then be
    /// sent the columns even if they ask to skip them.
    #[must_use]
    pub fn columns_changed(&self) -> bool {
        self.first_columns != self.columns.as_ref().map(|columns| columns.id())
    }
}
