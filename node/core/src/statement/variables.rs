//! The bind variables of a statement: what each marker must hold, as PREPARED tells drivers, and which of them are the
//! partition key, so that drivers can compute where a row lives.

use crate::schema::{Column, ColumnKind, Table};
use trefoil_cql::ast::{Marker, Name};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::request::QueryParameters;
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};
use trefoil_cql::types::CqlType;

/// What a term must become: the column (or something like one) that receives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver<'a> {
    pub keyspace: &'a str,
    pub table: &'a str,
    /// The column's name, or what drivers know the marker by: `[limit]`, `in(k)`, `value(m)`.
    pub name: &'a str,
    pub column_type: &'a CqlType,
}

impl<'a> Receiver<'a> {
    pub fn column(table: &'a Table, column: &'a Column) -> Receiver<'a> {
        Receiver::of(table, &column.name, &column.column_type)
    }

    pub fn of(table: &'a Table, name: &'a str, column_type: &'a CqlType) -> Receiver<'a> {
        Receiver { keyspace: &table.keyspace, table: &table.name, name, column_type }
    }

    /// The same place under another name and type: an element, a field.
    pub fn part(self, name: &'a str, column_type: &'a CqlType) -> Receiver<'a> {
        Receiver { name, column_type, ..self }
    }
}

/// The bind variables found so far.
#[derive(Debug)]
pub(super) struct Variables {
    names: Vec<Option<Name>>,
    specs: Vec<Option<ColumnSpec>>,
    /// For every component of the partition key the marker that is compared with it.
    partition_key: Vec<Option<u16>>,
}

impl Variables {
    pub fn new(names: &[Option<Name>]) -> Variables {
        Variables { names: names.to_vec(), specs: vec![None; names.len()], partition_key: Vec::new() }
    }

    /// A marker stands for what this receiver takes.
    pub fn set(&mut self, marker: &Marker, receiver: Receiver<'_>) {
        let index = usize::from(marker.index);
        let name = self.names.get(index).and_then(Option::as_ref);
        let spec = ColumnSpec {
            keyspace: receiver.keyspace.to_owned(),
            table: receiver.table.to_owned(),
            name: name.map_or_else(|| receiver.name.to_owned(), |name| name.as_str().to_owned()),
            column_type: receiver.column_type.clone(),
        };
        if let Some(slot) = self.specs.get_mut(index) {
            *slot = Some(spec);
        }
    }

    /// A marker is a component of the partition key, as a whole.
    pub fn set_partition_key(&mut self, table: &Table, column: &Column, marker: &Marker) {
        if column.kind != ColumnKind::PartitionKey {
            return;
        }
        if self.partition_key.is_empty() {
            self.partition_key = vec![None; table.partition_key().len()];
        }
        if let Some(slot) = self.partition_key.get_mut(usize::from(column.position)) {
            *slot = Some(marker.index);
        }
    }

    /// What PREPARED tells: the variables, and the positions of the partition key (none, unless all of it is bound).
    pub fn finish(self) -> Result<(Vec<ColumnSpec>, Vec<u16>), CqlError> {
        let specs: Option<Vec<ColumnSpec>> = self.specs.into_iter().collect();
        // Every marker is analysed with the term it stands in.
        let specs = specs.ok_or_else(|| CqlError::invalid("Cannot infer the type of a bind variable"))?;
        let partition_key: Option<Vec<u16>> = self.partition_key.into_iter().collect();
        Ok((specs, partition_key.unwrap_or_default()))
    }
}

/// The values given, one for each variable, in their order.
///
/// # Errors
/// INVALID when there are more or fewer, or a name is missing.
pub(super) fn ordered_values(variables: &[ColumnSpec], parameters: &QueryParameters) -> Result<Vec<Value>, CqlError> {
    let Some(names) = &parameters.names else {
        check_count(variables.len(), parameters.values.len())?;
        return Ok(parameters.values.clone());
    };
    variables
        .iter()
        .map(|variable| match names.iter().position(|name| *name == variable.name) {
            Some(position) => Ok(parameters.values[position].clone()),
            None => Err(count_error(variables.len(), names.len())),
        })
        .collect()
}

pub(super) fn check_count(markers: usize, values: usize) -> Result<(), CqlError> {
    if markers == values { Ok(()) } else { Err(count_error(markers, values)) }
}

/// Cassandra says the first half of this for QUERY and the second for EXECUTE.
fn count_error(markers: usize, values: usize) -> CqlError {
    CqlError::Invalid(format!(
        "Invalid amount of bind variables: there were {markers} markers(?) in CQL but {values} bound variables"
    ))
}
