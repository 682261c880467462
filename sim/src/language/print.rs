//! The text of programs: definitions, statements, and the values that are bound to their markers, in the order of the text.

use super::kind::{Kind, Native, user_fields};
use super::program::{
    Aggregate, Assignment, Batch, BatchKind, Column, Condition, Delete, Insert, Operator, Relation, Request, Select,
    Selection, Statement, Table, Target, Update, Using,
};
use super::value::Term;

/// A request as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The statement.
    pub text: String,
    /// What is bound to its markers, and of which type.
    pub bound: Vec<(Term, Kind)>,
}

impl Printed {
    /// The bytes of what is bound: no bytes for null, nothing for what is unset.
    #[must_use]
    pub fn bytes(&self) -> Vec<Option<Option<Vec<u8>>>> {
        let bytes = |(term, kind): &(Term, Kind)| match term {
            Term::Value(value) => Some(Some(value.bytes(kind))),
            Term::Null => Some(None),
            Term::Unset => None,
            Term::Empty => Some(Some(Vec::new())),
        };
        self.bound.iter().map(bytes).collect()
    }
}

impl Table {
    /// The definition of the user type that columns may have.
    #[must_use]
    pub fn type_definition(name: &str) -> String {
        let fields: Vec<String> = user_fields().iter().map(|(name, kind)| format!("{name} {}", kind.text())).collect();
        format!("CREATE TYPE {name} ({})", fields.join(", "))
    }

    /// The table's definition.
    #[must_use]
    pub fn definition(&self) -> String {
        let define = |column: &Column| format!("{} {}", column.name, column.kind.text());
        let mut columns: Vec<String> = self.key().chain(&self.regular).map(define).collect();
        columns.extend(self.statics.iter().map(|column| define(column) + " static"));
        let partition: Vec<&str> = self.partition.iter().map(|column| &*column.name).collect();
        let mut key = vec![format!("({})", partition.join(", "))];
        key.extend(self.clustering.iter().map(|(column, _)| column.name.clone()));
        let order = |(column, descending): &(Column, bool)| format!("{} {}", column.name, direction(*descending));
        let order: Vec<String> = self.clustering.iter().map(order).collect();
        let order =
            if order.is_empty() { String::new() } else { format!(" WITH CLUSTERING ORDER BY ({})", order.join(", ")) };
        format!("CREATE TABLE {} ({}, PRIMARY KEY ({})){order}", self.name, columns.join(", "), key.join(", "))
    }

    /// A request on this table as text.
    #[must_use]
    pub fn print(&self, request: &Request) -> Printed {
        let mut printer = Printer { table: self, binds: request.binds, bound: Vec::new() };
        let text = printer.statement(&request.statement);
        Printed { text, bound: printer.bound }
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

fn operator(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
    }
}

struct Printer<'a> {
    table: &'a Table,
    binds: bool,
    bound: Vec<(Term, Kind)>,
}

impl Printer<'_> {
    fn statement(&mut self, statement: &Statement) -> String {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Batch(batch) => self.batch(batch),
            Statement::Select(select) => self.select(select),
        }
    }

    /// A literal or a marker.
    fn term(&mut self, term: &Term, kind: &Kind) -> String {
        if !self.binds {
            return term.text();
        }
        self.bound.push((term.clone(), kind.clone()));
        "?".to_owned()
    }

    /// A value of a column's type.
    fn value(&mut self, name: &str, term: &Term) -> String {
        let kind = self.kind(name);
        self.term(term, &kind)
    }

    fn kind(&self, name: &str) -> Kind {
        self.table.column(name).expect("programs name columns that their table has").kind.clone()
    }

    /// The types of what stands in `name[...]` and of what that is.
    fn element(&self, name: &str) -> (Kind, Kind) {
        match self.kind(name).thawed() {
            Kind::Map(key, value) => (key.as_ref().clone(), value.as_ref().clone()),
            Kind::Set(inner) => (inner.as_ref().clone(), Kind::Native(Native::Boolean)),
            Kind::List(inner) => (Kind::Native(Native::Int), inner.as_ref().clone()),
            kind => unreachable!("{} has no elements", kind.text()),
        }
    }

    fn insert(&mut self, insert: &Insert) -> String {
        let names: Vec<&str> = insert.values.iter().map(|(name, _)| &**name).collect();
        let values: Vec<String> = insert.values.iter().map(|(name, value)| self.value(name, value)).collect();
        let condition = if insert.if_not_exists { " IF NOT EXISTS" } else { "" };
        let (names, values, using) = (names.join(", "), values.join(", "), using(insert.using));
        format!("INSERT INTO {} ({names}) VALUES ({values}){condition}{using}", self.table.name)
    }

    fn update(&mut self, update: &Update) -> String {
        let assignments: Vec<String> =
            update.assignments.iter().map(|(name, assignment)| self.assignment(name, assignment)).collect();
        let relations = self.relations(&update.relations);
        let condition = self.condition(update.condition.as_ref());
        let (name, using, assignments) = (&self.table.name, using(update.using), assignments.join(", "));
        format!("UPDATE {name}{using} SET {assignments} WHERE {relations}{condition}")
    }

    fn assignment(&mut self, name: &str, assignment: &Assignment) -> String {
        match assignment {
            Assignment::Set(value) => format!("{name} = {}", self.value(name, value)),
            Assignment::Add(value) => format!("{name} = {name} + {}", self.value(name, value)),
            Assignment::Prepend(value) => format!("{name} = {} + {name}", self.value(name, value)),
            Assignment::Subtract(value) => {
                let kind = match self.kind(name) {
                    Kind::Map(key, _) => Kind::Set(key),
                    kind => kind,
                };
                format!("{name} = {name} - {}", self.term(value, &kind))
            }
            Assignment::Element(key, value) => {
                let (key_kind, value_kind) = self.element(name);
                let key = self.term(key, &key_kind);
                format!("{name}[{key}] = {}", self.term(value, &value_kind))
            }
            Assignment::Field(field, value) => {
                let kind = user_fields().into_iter().find(|(name, _)| name == field).expect("a field of u").1;
                format!("{name}.{field} = {}", self.term(value, &kind))
            }
        }
    }

    fn delete(&mut self, delete: &Delete) -> String {
        let targets: Vec<String> = delete
            .targets
            .iter()
            .map(|target| match target {
                Target::Column(name) => name.clone(),
                Target::Element(name, key) => {
                    let (kind, _) = self.element(name);
                    format!("{name}[{}]", self.term(key, &kind))
                }
                Target::Field(name, field) => format!("{name}.{field}"),
            })
            .collect();
        let targets = if targets.is_empty() { String::new() } else { format!(" {}", targets.join(", ")) };
        let relations = self.relations(&delete.relations);
        let condition = self.condition(delete.condition.as_ref());
        let (name, using) = (&self.table.name, using(delete.using));
        format!("DELETE{targets} FROM {name}{using} WHERE {relations}{condition}")
    }

    fn batch(&mut self, batch: &Batch) -> String {
        let parts: Vec<String> = batch.parts.iter().map(|part| self.statement(part)).collect();
        let kind = match batch.kind {
            BatchKind::Logged => "",
            BatchKind::Unlogged => "UNLOGGED ",
            BatchKind::Counter => "COUNTER ",
        };
        format!("BEGIN {kind}BATCH {}; APPLY BATCH", parts.join("; "))
    }

    fn relations(&mut self, relations: &[Relation]) -> String {
        relations.iter().map(|relation| self.relation(relation)).collect::<Vec<_>>().join(" AND ")
    }

    fn relation(&mut self, relation: &Relation) -> String {
        match relation {
            Relation::Compare(name, how, value) => format!("{name} {} {}", operator(*how), self.value(name, value)),
            Relation::In(name, values) => {
                let values: Vec<String> = values.iter().map(|value| self.value(name, value)).collect();
                format!("{name} IN ({})", values.join(", "))
            }
            Relation::Columns(names, how, values) => {
                let values: Vec<String> =
                    names.iter().zip(values).map(|(name, value)| self.value(name, value)).collect();
                format!("({}) {} ({})", names.join(", "), operator(*how), values.join(", "))
            }
            Relation::Token(how, token) => format!("{} {} {token}", self.token(), operator(*how)),
            Relation::Contains(name, value) => {
                let kind = match (self.kind(name).thawed(), self.element(name)) {
                    (Kind::Set(_), (inner, _)) | (_, (_, inner)) => inner,
                };
                format!("{name} CONTAINS {}", self.term(value, &kind))
            }
            Relation::ContainsKey(name, key) => {
                let (kind, _) = self.element(name);
                format!("{name} CONTAINS KEY {}", self.term(key, &kind))
            }
            Relation::Element(name, key, how, value) => {
                let (key_kind, value_kind) = self.element(name);
                let key = self.term(key, &key_kind);
                format!("{name}[{key}] {} {}", operator(*how), self.term(value, &value_kind))
            }
        }
    }

    fn token(&self) -> String {
        let names: Vec<&str> = self.table.partition.iter().map(|column| &*column.name).collect();
        format!("token({})", names.join(", "))
    }

    fn condition(&mut self, condition: Option<&Condition>) -> String {
        match condition {
            None => String::new(),
            Some(Condition::Exists) => " IF EXISTS".to_owned(),
            Some(Condition::All(relations)) => format!(" IF {}", self.relations(relations)),
        }
    }

    fn select(&mut self, select: &Select) -> String {
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let selection: Vec<String> = select.selection.iter().map(|selection| self.selection(selection)).collect();
        let selection = if selection.is_empty() { "*".to_owned() } else { selection.join(", ") };
        let mut text = format!("SELECT {distinct}{selection} FROM {}", self.table.name);
        if !select.relations.is_empty() {
            text += &format!(" WHERE {}", self.relations(&select.relations));
        }
        if !select.group_by.is_empty() {
            text += &format!(" GROUP BY {}", select.group_by.join(", "));
        }
        if let Some((name, descending)) = &select.order_by {
            text += &format!(" ORDER BY {name} {}", direction(*descending));
        }
        if let Some(limit) = select.per_partition_limit {
            text += &format!(" PER PARTITION LIMIT {limit}");
        }
        if let Some(limit) = select.limit {
            text += &format!(" LIMIT {limit}");
        }
        if select.allow_filtering {
            text += " ALLOW FILTERING";
        }
        text
    }

    fn selection(&self, selection: &Selection) -> String {
        match selection {
            Selection::Column(name) => name.clone(),
            Selection::WriteTime(name) => format!("writetime({name})"),
            Selection::TimeToLive(name) => format!("ttl({name})"),
            Selection::Token => self.token(),
            Selection::CountRows => "count(*)".to_owned(),
            Selection::Aggregate(function, name) => {
                let function = match function {
                    Aggregate::Count => "count",
                    Aggregate::Min => "min",
                    Aggregate::Max => "max",
                    Aggregate::Sum => "sum",
                    Aggregate::Avg => "avg",
                };
                format!("{function}({name})")
            }
        }
    }
}

fn using(using: Using) -> String {
    let parts =
        [using.timestamp.map(|timestamp| format!("TIMESTAMP {timestamp}")), using.ttl.map(|ttl| format!("TTL {ttl}"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" USING {}", parts.join(" AND ")) }
}
