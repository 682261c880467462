//! Writes: statements become facts. A batch is several at one time, and sees nothing of what it does itself.

use super::conditions::Verdict;
use super::facts::{What, is_counter};
use super::restrictions::{bytes, check_clustering_prefix, check_together, columns, partition_keys};
use super::{Answer, Failure, Given, Interpreter, Key, Outside, refused};
use crate::language::kind::{Kind, Native, user_fields};
use crate::language::order;
use crate::language::program::{
    Assignment, Condition, Delete, Insert, Operator, Relation, Statement, Target, Update, Using,
};
use crate::language::value::Term;

/// Facts of a statement, each with its partition and its time.
type Written = Vec<(Key, i64, What)>;

/// Where cells of an assignment go.
struct Place<'a> {
    partition: &'a Key,
    row: Option<Key>,
    column: &'a str,
    timestamp: i64,
    expiry: Option<i64>,
}

impl Place<'_> {
    fn cell(&self, path: Vec<u8>, value: Option<Vec<u8>>) -> (Key, i64, What) {
        let expiry = if value.is_some() { self.expiry } else { None };
        let (row, column) = (self.row.clone(), self.column.to_owned());
        (self.partition.clone(), self.timestamp, What::Cell { row, column, path, value, expiry })
    }

    /// Everything of the column before `timestamp`, or up to it.
    fn deleted(&self, timestamp: i64) -> (Key, i64, What) {
        (
            self.partition.clone(),
            timestamp,
            What::ColumnDeleted { row: self.row.clone(), column: self.column.to_owned() },
        )
    }
}

impl Interpreter {
    /// Any statement but SELECT.
    pub(super) fn write(&mut self, statement: &Statement, second: i64) -> Result<Answer, Failure> {
        let verdict = match statement {
            Statement::Insert(insert) if insert.if_not_exists => self.not_exists(insert, second)?,
            Statement::Update(Update { relations, condition: Some(condition), .. })
            | Statement::Delete(Delete { relations, condition: Some(condition), .. }) => {
                // What is wrong with the statement comes before what is wrong with its condition, but what it would write only after.
                self.facts_of(statement, second, false)?;
                self.condition(condition, relations, second)?
            }
            _ => Verdict::Unconditional,
        };
        match verdict {
            Verdict::Fails(row) => Ok(Answer::Rows(vec![row])),
            verdict => {
                for (partition, timestamp, what) in self.facts_of(statement, second, true)? {
                    self.facts.add(&partition, timestamp, what);
                }
                let holds = matches!(verdict, Verdict::Holds);
                Ok(if holds { Answer::Rows(vec![vec![Some(vec![1])]]) } else { Answer::Done })
            }
        }
    }

    /// `values`: whether those that are written are looked at.
    fn facts_of(&mut self, statement: &Statement, second: i64, values: bool) -> Result<Written, Failure> {
        match statement {
            Statement::Insert(insert) => self.insert(insert, second, values),
            Statement::Update(update) => self.update(update, second, values),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Batch(batch) => {
                let parts = batch.parts.iter().map(|part| self.facts_of(part, second, values));
                Ok(parts.collect::<Result<Vec<Written>, Failure>>()?.concat())
            }
            Statement::Select(_) => Err(Outside("SELECT in a batch").into()),
        }
    }

    fn timestamp(&self, using: Using) -> i64 {
        using.timestamp.unwrap_or(self.clock)
    }

    fn check_key(&self, key: &Key) -> Result<(), Failure> {
        let is_empty = key.len() == 1 && key[0].is_empty();
        if is_empty { refused("the partition key is empty") } else { Ok(()) }
    }

    fn insert(&mut self, insert: &Insert, second: i64, values: bool) -> Result<Written, Failure> {
        let given = |name: &str| insert.values.iter().find(|(column, _)| column == name).map(|(_, term)| term);
        let mut partition = Key::new();
        for column in &self.table.partition {
            let Some(term) = given(&column.name) else { return refused("a partition key is missing") };
            partition.push(bytes(term, &column.kind));
        }
        self.check_key(&partition)?;
        let clustering = self.table.clustering.iter();
        let row: Vec<Option<Vec<u8>>> =
            clustering.map(|(column, _)| given(&column.name).map(|term| bytes(term, &column.kind))).collect();
        let others: Vec<&(String, Term)> =
            insert.values.iter().filter(|(name, _)| self.table.key().all(|key| key.name != *name)).collect();
        let only_static = !others.is_empty() && others.iter().all(|(name, _)| self.table.is_static(name));
        let row: Option<Key> = if row.iter().all(Option::is_none) && !row.is_empty() && only_static {
            None
        } else {
            let whole: Option<Key> = row.into_iter().collect();
            let Some(whole) = whole else { return refused("a clustering key is missing") };
            Some(whole)
        };
        let timestamp = self.timestamp(insert.using);
        let expiry = insert.using.ttl.map(|ttl| second + i64::from(ttl));
        let mut written = Written::new();
        if let Some(row) = &row {
            written.push((partition.clone(), timestamp, What::Inserted { row: row.clone(), expiry }));
        }
        for (column, term) in others.into_iter().filter(|_| values) {
            let of = if self.table.is_static(column) { None } else { row.clone() };
            let place = Place { partition: &partition, row: of, column, timestamp, expiry };
            written.extend(self.assign(&place, &Assignment::Set(term.clone()), second)?);
        }
        Ok(written)
    }

    /// The partitions of an UPDATE or DELETE.
    fn partitions(&self, relations: &[Relation]) -> Result<Vec<Key>, Failure> {
        let keys = partition_keys(&self.table, relations).ok_or(Outside("a write without a partition key"))?;
        keys.iter().try_for_each(|key| self.check_key(key))?;
        Ok(keys)
    }

    /// The row that relations name by equality on every clustering column.
    pub(super) fn whole_row(&self, relations: &[Relation]) -> Option<Key> {
        let equal = |name: &str| {
            relations.iter().find_map(|relation| match relation {
                Relation::Compare(column, Operator::Equal, term) if column == name => Some(term),
                _ => None,
            })
        };
        self.table.clustering.iter().map(|(column, _)| Some(bytes(equal(&column.name)?, &column.kind))).collect()
    }

    fn names_clustering(&self, relations: &[Relation]) -> bool {
        let is_clustering = |name: &str| self.table.clustering.iter().any(|(column, _)| column.name == name);
        relations.iter().any(|relation| columns(relation).into_iter().any(is_clustering))
    }

    fn update(&mut self, update: &Update, second: i64, values: bool) -> Result<Written, Failure> {
        check_together(&update.relations)?;
        let only_static = update.assignments.iter().all(|(name, _)| self.table.is_static(name));
        let row = if only_static {
            if self.names_clustering(&update.relations) {
                return refused("only static columns are written, and a row is named");
            }
            None
        } else {
            let row = self.whole_row(&update.relations);
            if row.is_none() {
                return refused("a clustering key is missing");
            }
            row
        };
        let timestamp = self.timestamp(update.using);
        let expiry = update.using.ttl.map(|ttl| second + i64::from(ttl));
        let mut written = Written::new();
        for partition in self.partitions(&update.relations)? {
            for (column, assignment) in update.assignments.iter().filter(|_| values) {
                let row = if self.table.is_static(column) { None } else { row.clone() };
                let place = Place { partition: &partition, row, column, timestamp, expiry };
                written.extend(self.assign(&place, assignment, second)?);
            }
        }
        Ok(written)
    }

    fn delete(&mut self, delete: &Delete) -> Result<Written, Failure> {
        check_together(&delete.relations)?;
        check_clustering_prefix(&self.table, &delete.relations)?;
        let timestamp = self.timestamp(delete.using);
        let row = self.whole_row(&delete.relations);
        let mut written = Written::new();
        for partition in self.partitions(&delete.relations)? {
            if delete.targets.is_empty() {
                let what = if self.names_clustering(&delete.relations) {
                    What::RowsDeleted(delete.relations.clone())
                } else {
                    What::PartitionDeleted
                };
                written.push((partition.clone(), timestamp, what));
            }
            for target in &delete.targets {
                let (Target::Column(column) | Target::Element(column, _) | Target::Field(column, _)) = target;
                let row = if self.table.is_static(column) {
                    None
                } else if row.is_some() {
                    row.clone()
                } else {
                    return refused("columns of no particular row are deleted");
                };
                let place = Place { partition: &partition, row, column, timestamp, expiry: None };
                let kind = self.kind(column)?.clone();
                written.push(match (target, &kind) {
                    (Target::Column(_), kind) if kind.is_multi_cell() => place.deleted(timestamp),
                    (Target::Column(_), _) => place.cell(Vec::new(), None),
                    (Target::Element(_, key), Kind::Map(inner, _) | Kind::Set(inner)) => {
                        place.cell(bytes(key, inner), None)
                    }
                    (Target::Field(_, field), Kind::User) => place.cell(field_path(field), None),
                    _ => return Err(Outside("such a part of a column").into()),
                });
            }
        }
        Ok(written)
    }

    /// What becomes of a column of a row.
    fn assign(&mut self, place: &Place<'_>, assignment: &Assignment, second: i64) -> Result<Written, Failure> {
        let kind = self.kind(place.column)?.clone();
        let facts = match (assignment, &kind) {
            (Assignment::Add(by) | Assignment::Subtract(by), kind) if is_counter(kind) => {
                let Given::Bytes(by) = Given::of(by, kind) else { return Err(Outside("counting by nothing").into()) };
                let by = order::whole(&by) as i64;
                let by = if matches!(assignment, Assignment::Subtract(_)) { by.wrapping_neg() } else { by };
                let (row, column) = (place.row.clone(), place.column.to_owned());
                vec![(place.partition.clone(), place.timestamp, What::Counted { row, column, by })]
            }
            (Assignment::Set(term), kind) if kind.is_multi_cell() => match Given::of(term, kind) {
                Given::Unset => Vec::new(),
                given => {
                    let mut written = vec![place.deleted(place.timestamp - 1)];
                    written.extend(self.put(place, kind, &given, false));
                    written
                }
            },
            (Assignment::Set(term), kind) => self.one(place, Vec::new(), term, kind)?,
            (Assignment::Add(term), kind) => self.put(place, kind, &Given::of(term, kind), false),
            (Assignment::Prepend(term), Kind::List(_)) => self.put(place, &kind, &Given::of(term, &kind), true),
            (Assignment::Subtract(term), Kind::Set(_)) => removed(place, &Given::of(term, &kind)),
            (Assignment::Subtract(term), Kind::Map(key, _)) => {
                removed(place, &Given::of(term, &Kind::Set(key.clone())))
            }
            (Assignment::Subtract(term), Kind::List(inner)) => {
                let Given::Bytes(values) = Given::of(term, &kind) else { return Ok(Vec::new()) };
                let values: Vec<Vec<u8>> = order::elements(&values).into_iter().flatten().collect();
                let partition = self.facts.partition(&self.table, place.partition, second);
                let goes = |value: &[u8]| values.iter().any(|gone| order::compare(inner, gone, value).is_eq());
                let cells = partition.cells(place.row.as_ref(), place.column);
                let gone = cells.into_iter().filter(|(_, live)| goes(&live.value));
                gone.map(|(path, _)| place.cell(path, None)).collect()
            }
            (Assignment::Element(index, value), Kind::List(inner)) => {
                let index = order::whole(&bytes(index, &Kind::Native(Native::Int)));
                let partition = self.facts.partition(&self.table, place.partition, second);
                let cells = partition.cells(place.row.as_ref(), place.column);
                let path = usize::try_from(index).ok().and_then(|index| cells.keys().nth(index).cloned());
                let Some(path) = path else { return refused("a list has no such index") };
                self.one(place, path, value, inner)?
            }
            (Assignment::Element(key, value), Kind::Map(key_kind, kind)) => {
                self.one(place, bytes(key, key_kind), value, kind)?
            }
            (Assignment::Field(field, value), Kind::User) => {
                let fields = user_fields();
                let (_, kind) = fields.iter().find(|(name, _)| name == field).ok_or(Outside("such a field"))?;
                self.one(place, field_path(field), value, kind)?
            }
            _ => return Err(Outside("such an assignment").into()),
        };
        Ok(facts)
    }

    /// One cell.
    fn one(&self, place: &Place<'_>, path: Vec<u8>, term: &Term, kind: &Kind) -> Result<Written, Failure> {
        Ok(match Given::of(term, kind) {
            Given::Unset => Vec::new(),
            Given::Null => vec![place.cell(path, None)],
            Given::Bytes(value) if value.is_empty() && !may_be_empty(kind) => return refused("no bytes are no value"),
            Given::Bytes(value) => vec![place.cell(path, Some(value))],
        })
    }

    /// The parts of a collection or user type, each in a cell of its own.
    fn put(&mut self, place: &Place<'_>, kind: &Kind, given: &Given, in_front: bool) -> Written {
        let Given::Bytes(value) = given else { return Written::new() };
        match kind {
            Kind::User => {
                let fields = user_fields().into_iter().zip(order::parts(value));
                let cells = fields.filter_map(|((name, _), part)| Some(place.cell(field_path(name), Some(part?))));
                cells.collect()
            }
            Kind::List(_) => {
                let parts: Vec<Vec<u8>> = order::elements(value).into_iter().flatten().collect();
                self.elements += parts.len() as i64;
                // Behind everything that is there, or before it; by a number that sorts as bytes.
                let first = if in_front { -self.elements } else { self.elements - parts.len() as i64 };
                let path = |at: usize| ((first + at as i64) ^ i64::MIN).to_be_bytes().to_vec();
                parts.into_iter().enumerate().map(|(at, part)| place.cell(path(at), Some(part))).collect()
            }
            Kind::Set(_) => {
                order::elements(value).into_iter().flatten().map(|part| place.cell(part, Some(Vec::new()))).collect()
            }
            Kind::Map(..) => {
                let parts: Vec<Vec<u8>> = order::elements(value).into_iter().flatten().collect();
                parts.chunks(2).map(|pair| place.cell(pair[0].clone(), Some(pair[1].clone()))).collect()
            }
            _ => Written::new(),
        }
    }

    fn not_exists(&mut self, insert: &Insert, second: i64) -> Result<Verdict, Failure> {
        self.insert(insert, second, false)?;
        let named = |(name, term): &(String, Term)| Relation::Compare(name.clone(), Operator::Equal, term.clone());
        let is_key = |name: &str| self.table.key().any(|column| column.name == name);
        let relations: Vec<Relation> = insert.values.iter().filter(|(name, _)| is_key(name)).map(named).collect();
        self.if_not_exists(&relations, second)
    }

    /// Whether a condition can be asked of these rows at all.
    pub(super) fn condition(
        &mut self,
        condition: &Condition,
        relations: &[Relation],
        second: i64,
    ) -> Result<Verdict, Failure> {
        if !self.table.statics.is_empty() {
            return Err(Outside("conditions where static columns are").into());
        }
        let Some(row) = self.whole_row(relations) else { return refused("a condition on no particular row") };
        let keys = self.partitions(relations)?;
        let [partition] = &keys[..] else { return Err(Outside("conditions on several partitions").into()) };
        self.verdict(condition, partition, &row, second)
    }
}

/// Elements that are taken out of a set, or keys out of a map.
fn removed(place: &Place<'_>, given: &Given) -> Written {
    let Given::Bytes(values) = given else { return Written::new() };
    order::elements(values).into_iter().flatten().map(|part| place.cell(part, None)).collect()
}

/// Where a field's cell is.
pub(super) fn field_path(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}

/// Types whose values may have no bytes.
pub(super) fn may_be_empty(kind: &Kind) -> bool {
    use Native::{Date, Duration, Smallint, Time, Tinyint};
    !matches!(kind, Kind::Native(Date | Duration | Smallint | Time | Tinyint))
}
