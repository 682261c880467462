//! DESCRIBE, which cqlsh sends to the server as text. What it prints can be run again.

mod keyspace;
mod table;
mod user_type;

use super::answer::{Answer, Columns, ResultRows};
use super::context::BindContext;
use super::system;
use crate::schema::{Keyspace, Schema, Table};
use bytes::Bytes;
use std::sync::Arc;
use trefoil_cql::ast::{Describe, DescribeTarget, QualifiedName, write_name};
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};
use trefoil_cql::types::CqlType;

/// A DESCRIBE that waits for its execution.
#[derive(Clone, Debug)]
pub(super) struct Description {
    describe: Describe,
    keyspace: Option<String>,
}

/// One thing described: keyspace, kind, name, and perhaps the statement that makes it.
struct Element {
    keyspace: String,
    kind: &'static str,
    name: String,
    statement: Option<String>,
}

impl Description {
    pub fn resolve(describe: &Describe, keyspace: Option<&str>) -> Description {
        Description { describe: describe.clone(), keyspace: keyspace.map(ToOwned::to_owned) }
    }

    pub fn bind(&self, context: &BindContext<'_>) -> Result<Answer, CqlError> {
        let schema = context.schema;
        let internals = self.describe.internals;
        let elements = match &self.describe.target {
            DescribeTarget::Cluster => return Ok(cluster(context)),
            DescribeTarget::Keyspaces => return Ok(list(keyspaces(schema))),
            DescribeTarget::Tables => {
                let listed = |table: &Arc<Table>| element(&table.keyspace, "table", &table.name, None);
                let mut tables = self.listed(schema, |keyspace| {
                    by_name(keyspace.tables.values(), |table| &table.name).map(listed).collect()
                });
                let own = system::keyspace_names().filter(|name| self.keyspace.as_deref().is_none_or(|it| it == *name));
                tables.extend(own.flat_map(system::tables_of).map(listed));
                tables.sort_by(|left, right| left.keyspace.cmp(&right.keyspace));
                return Ok(list(tables));
            }
            DescribeTarget::Types => {
                return Ok(list(self.listed(schema, |keyspace| {
                    by_name(keyspace.types.values(), |user| &user.name)
                        .map(|user| element(&user.keyspace, "type", &user.name, None))
                        .collect()
                })));
            }
            DescribeTarget::Functions | DescribeTarget::Aggregates => return Ok(list(Vec::new())),
            DescribeTarget::Schema => {
                schema.keyspaces.values().flat_map(|keyspace| whole_keyspace(keyspace, internals)).collect()
            }
            DescribeTarget::FullSchema => {
                let system = system::keyspace_names().filter_map(|name| system_keyspace(name, internals)).flatten();
                let own = schema.keyspaces.values().flat_map(|keyspace| whole_keyspace(keyspace, internals));
                own.chain(system).collect()
            }
            DescribeTarget::Keyspace { only, name } => {
                let name = name.as_ref().map(|name| name.as_str()).or(self.keyspace.as_deref());
                let name = name.ok_or_else(no_keyspace)?;
                let mut elements = match schema.keyspace(name) {
                    Some(keyspace) => whole_keyspace(keyspace, internals),
                    None => system_keyspace(name, internals).ok_or_else(|| no_such_keyspace(name))?,
                };
                if *only {
                    elements.truncate(1);
                }
                elements
            }
            DescribeTarget::Table(name) => vec![self.table(name, schema)?],
            DescribeTarget::Type(name) => {
                let keyspace = find_keyspace(schema, self.keyspace_of(name)?)?;
                let user = keyspace.types.get(name.name.as_str()).ok_or_else(|| {
                    CqlError::Invalid(format!(
                        "User defined type '{}' not found in '{}'",
                        name.name.as_str(),
                        keyspace.name
                    ))
                })?;
                vec![element(&user.keyspace, "type", &user.name, Some(user_type::statement(user)))]
            }
            DescribeTarget::Index(name) => return Err(self.missing("Table for existing index", name)),
            DescribeTarget::View(name) => return Err(self.missing("Materialized view", name)),
            DescribeTarget::Function(name) => return Err(self.missing("User defined function", name)),
            DescribeTarget::Aggregate(name) => return Err(self.missing("User defined aggregate", name)),
            DescribeTarget::Any(name) => self.any(name, schema)?,
        };
        Ok(described(elements))
    }

    /// Of the session's keyspace, or of all.
    fn listed(&self, schema: &Schema, list: impl Fn(&Keyspace) -> Vec<Element>) -> Vec<Element> {
        let wanted = |keyspace: &&Arc<Keyspace>| self.keyspace.as_ref().is_none_or(|name| *name == keyspace.name);
        schema.keyspaces.values().filter(wanted).flat_map(|keyspace| list(keyspace)).collect()
    }

    fn keyspace_of<'a>(&'a self, name: &'a QualifiedName) -> Result<&'a str, CqlError> {
        let given = name.keyspace.as_ref().map(|keyspace| keyspace.as_str());
        given.or(self.keyspace.as_deref()).ok_or_else(no_keyspace)
    }

    fn missing(&self, what: &str, name: &QualifiedName) -> CqlError {
        let keyspace = self.keyspace_of(name).unwrap_or("");
        CqlError::Invalid(format!("{what} '{}' not found in '{keyspace}'", name.name.as_str()))
    }

    fn table(&self, name: &QualifiedName, schema: &Schema) -> Result<Element, CqlError> {
        let keyspace = self.keyspace_of(name)?;
        let found = match schema.keyspace(keyspace) {
            Some(keyspace) => keyspace.tables.get(name.name.as_str()),
            None if system::is_system_keyspace(keyspace) => system::table(keyspace, &name.name),
            None => return Err(no_such_keyspace(keyspace)),
        };
        let table = found.ok_or_else(|| {
            CqlError::Invalid(format!("Table '{}' not found in keyspace '{keyspace}'", name.name.as_str()))
        })?;
        Ok(table_element(table, self.describe.internals))
    }

    /// A name that may be anything.
    fn any(&self, name: &QualifiedName, schema: &Schema) -> Result<Vec<Element>, CqlError> {
        let internals = self.describe.internals;
        if name.keyspace.is_none() {
            if let Some(keyspace) = schema.keyspace(&name.name) {
                return Ok(whole_keyspace(keyspace, internals));
            }
            if let Some(elements) = system_keyspace(&name.name, internals) {
                return Ok(elements);
            }
            if self.keyspace.is_none() {
                return Err(no_such_keyspace(&name.name));
            }
        }
        let keyspace = self.keyspace_of(name)?;
        if schema.keyspace(keyspace).is_none() && !system::is_system_keyspace(keyspace) {
            return Err(no_such_keyspace(keyspace));
        }
        self.table(name, schema).map(|element| vec![element]).map_err(|_| {
            let keyspace = self.keyspace_of(name).unwrap_or("");
            CqlError::Invalid(format!("'{}' not found in keyspace '{keyspace}'", name.name.as_str()))
        })
    }
}

fn no_keyspace() -> CqlError {
    CqlError::invalid("No keyspace specified and no current keyspace")
}

fn find_keyspace<'a>(schema: &'a Schema, name: &str) -> Result<&'a Arc<Keyspace>, CqlError> {
    schema.keyspace(name).ok_or_else(|| no_such_keyspace(name))
}

fn no_such_keyspace(name: &str) -> CqlError {
    CqlError::Invalid(format!("'{name}' not found in keyspaces"))
}

/// Sorted as Cassandra sorts names here: capitals are no different.
fn by_name<'a, T: 'a>(
    items: impl Iterator<Item = &'a Arc<T>>,
    name: impl Fn(&T) -> &String,
) -> impl Iterator<Item = &'a Arc<T>> {
    let mut items: Vec<&Arc<T>> = items.collect();
    items.sort_by_cached_key(|item| name(item).to_lowercase());
    items.into_iter()
}

/// As CQL, in quotes where it needs them.
fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    write_name(name, &mut text).expect("a string takes everything");
    text
}

fn element(keyspace: &str, kind: &'static str, name: &str, statement: Option<String>) -> Element {
    Element { keyspace: quoted(keyspace), kind, name: quoted(name), statement }
}

fn table_element(table: &Table, internals: bool) -> Element {
    element(&table.keyspace, "table", &table.name, Some(table::statement(table, internals)))
}

/// The keyspace, then what tables need, then the tables.
fn whole_keyspace(keyspace: &Keyspace, internals: bool) -> Vec<Element> {
    let mut elements = vec![element(&keyspace.name, "keyspace", &keyspace.name, Some(keyspace::statement(keyspace)))];
    for user in user_type::in_order(keyspace) {
        elements.push(element(&user.keyspace, "type", &user.name, Some(user_type::statement(user))));
    }
    let tables = by_name(keyspace.tables.values(), |table| &table.name);
    elements.extend(tables.map(|table| table_element(table, internals)));
    elements
}

/// The same of a keyspace that is there without having been made.
fn system_keyspace(name: &str, internals: bool) -> Option<Vec<Element>> {
    let mut elements = vec![element(name, "keyspace", name, Some(keyspace::system_statement(name)?))];
    elements.extend(system::tables_of(name).map(|table| table_element(table, internals)));
    Some(elements)
}

fn keyspaces(schema: &Schema) -> Vec<Element> {
    let own = system::keyspace_names().map(str::to_owned);
    let mut names: Vec<String> = schema.keyspaces.keys().cloned().chain(own).collect();
    names.sort_unstable();
    names.iter().map(|name| element(name, "keyspace", name, None)).collect()
}

fn columns(names: &[(&str, CqlType)]) -> Arc<Columns> {
    let spec = |(name, column_type): &(&str, CqlType)| ColumnSpec {
        keyspace: "system".to_owned(),
        table: "describe".to_owned(),
        name: (*name).to_owned(),
        column_type: column_type.clone(),
    };
    Arc::new(Columns::new(names.iter().map(spec).collect()))
}

fn answer(columns: Arc<Columns>, rows: Vec<Vec<Option<Bytes>>>) -> Answer {
    Answer::Rows(ResultRows { columns, rows, paging_state: None, warning: None })
}

const LISTED: [(&str, CqlType); 3] =
    [("keyspace_name", CqlType::Text), ("type", CqlType::Text), ("name", CqlType::Text)];

fn list(elements: Vec<Element>) -> Answer {
    let row = |element: Element| vec![text(element.keyspace), text(element.kind), text(element.name)];
    answer(columns(&LISTED), elements.into_iter().map(row).collect())
}

fn described(elements: Vec<Element>) -> Answer {
    let mut names = LISTED.to_vec();
    names.push(("create_statement", CqlType::Text));
    let row = |element: Element| {
        vec![text(element.keyspace), text(element.kind), text(element.name), element.statement.and_then(text)]
    };
    answer(columns(&names), elements.into_iter().map(row).collect())
}

fn cluster(context: &BindContext<'_>) -> Answer {
    let names = [("cluster", CqlType::Text), ("partitioner", CqlType::Text), ("snitch", CqlType::Text)];
    let row = vec![
        text(context.facts.layout.cluster_name.clone()),
        // cqlsh shows it without its package.
        text("Murmur3Partitioner"),
        text("GossipingPropertyFileSnitch"),
    ];
    answer(columns(&names), vec![row])
}

fn text(value: impl Into<String>) -> Option<Bytes> {
    Some(Bytes::from(value.into()))
}

/// A constant in CQL.
fn string_literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// `{'a': 'b', 'c': 'd'}`
fn map_literal<'a>(entries: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let entries = entries.into_iter().map(|(key, value)| format!("{}: {}", string_literal(key), string_literal(value)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}
