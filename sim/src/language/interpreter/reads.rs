//! SELECT: which rows there are, which of them are asked for, and what of them is shown.

use super::aggregate::aggregate;
use super::facts::Partition;
use super::restrictions::{bytes, check_select, holds, partition_keys, row_matches};
use super::writes::field_path;
use super::{Failure, Interpreter, Key, Outside, Row, refused};
use crate::language::kind::{Kind, Native, user_fields};
use crate::language::order::{compare, elements};
use crate::language::program::{Relation, Select, Selection, Table};
use crate::language::value::{collection, components};
use std::cmp::Ordering;
use trefoil_cql::token::Token;

/// A row, or the static one of a partition that has no others.
#[derive(Clone)]
struct Line<'a> {
    partition: Partition<'a>,
    row: Option<Key>,
}

impl Interpreter {
    /// The rows of an answer.
    pub(super) fn select(&self, select: &Select, pages: bool, second: i64) -> Result<Vec<Row>, Failure> {
        check_select(&self.table, select, pages)?;
        let keys = partition_keys(&self.table, &select.relations);
        if keys.iter().flatten().any(|key| key.len() == 1 && key[0].is_empty()) {
            return refused("the partition key is empty");
        }
        let partitions = match &keys {
            Some(keys) => keys.iter().map(|key| self.facts.partition(&self.table, key, second)).collect(),
            None => self.in_token_order(&select.relations, second),
        };
        let mut groups: Vec<Vec<Line<'_>>> = Vec::new();
        for partition in partitions {
            let mut lines = self.lines(select, &partition)?;
            if select.distinct {
                lines.truncate(1);
            }
            let mut here = self.grouped(select, lines)?;
            here.truncate(select.per_partition_limit.map_or(usize::MAX, |limit| limit as usize));
            groups.extend(here);
        }
        if let Some((name, descending)) = &select.order_by {
            let at = self.table.clustering.iter().position(|(column, _)| column.name == *name);
            let at = at.ok_or(Outside("ORDER BY another column"))?;
            let (column, stored) = &self.table.clustering[at];
            groups.sort_by(|left, right| {
                let value = |group: &[Line<'_>]| group[0].row.as_ref().map(|row| row[at].clone());
                match (value(left), value(right)) {
                    (Some(left), Some(right)) => {
                        let order = compare(&column.kind, &left, &right);
                        if *descending { order.reverse() } else { order }
                    }
                    // Nulls are first in the stored order.
                    (left, right) => {
                        let order = left.is_some().cmp(&right.is_some());
                        if stored != descending { order.reverse() } else { order }
                    }
                }
            });
        }
        let aggregates =
            select.selection.iter().any(|part| matches!(part, Selection::CountRows | Selection::Aggregate(..)));
        if aggregates && select.group_by.is_empty() {
            if select.per_partition_limit.is_some() {
                return refused("PER PARTITION LIMIT and aggregates");
            }
            groups = vec![groups.concat()];
        }
        groups.truncate(select.limit.map_or(usize::MAX, |limit| limit as usize));
        groups.iter().map(|group| self.shown(select, group)).collect()
    }

    fn in_token_order(&self, relations: &[Relation], second: i64) -> Vec<Partition<'_>> {
        let mut partitions: Vec<(Token, Partition<'_>)> = self
            .facts
            .all(&self.table, second)
            .into_iter()
            .map(|partition| (token(partition.key), partition))
            .collect();
        partitions.retain(|(token, _)| {
            relations.iter().all(|relation| match relation {
                Relation::Token(operator, bound) => holds(*operator, token.0.cmp(bound)),
                _ => true,
            })
        });
        partitions.sort_by_key(|(token, _)| *token);
        partitions.into_iter().map(|(_, partition)| partition).collect()
    }

    /// The lines of a partition that are asked for, in order.
    fn lines<'a>(&'a self, select: &Select, partition: &Partition<'a>) -> Result<Vec<Line<'a>>, Failure> {
        let line = |row| Line { partition: *partition, row };
        let mut rows = partition.rows();
        let backwards = select.order_by.as_ref().is_some_and(|(name, descending)| {
            self.table.clustering.iter().any(|(column, stored)| column.name == *name && stored != descending)
        });
        rows.sort_by(|left, right| {
            let order = row_order(&self.table, left, right);
            if backwards { order.reverse() } else { order }
        });
        let names = |names: &[(&str, bool)]| names.iter().any(|(_, yes)| *yes);
        let restricted: Vec<(&str, bool)> = select
            .relations
            .iter()
            .flat_map(super::restrictions::columns)
            .map(|name| {
                let of_rows = self.table.clustering.iter().any(|(column, _)| column.name == name)
                    || self.table.regular.iter().any(|column| column.name == name);
                (name, of_rows)
            })
            .collect();
        let mut lines: Vec<Line<'_>> = rows.iter().cloned().map(|row| line(Some(row))).collect();
        if rows.is_empty() && partition.has_static() && !names(&restricted) {
            lines.push(line(None));
        }
        let mut kept = Vec::new();
        for line in lines {
            if self.is_asked_for(&select.relations, &line)? {
                kept.push(line);
            }
        }
        Ok(kept)
    }

    fn is_asked_for(&self, relations: &[Relation], line: &Line<'_>) -> Result<bool, Failure> {
        if let Some(row) = &line.row
            && !row_matches(&self.table, relations, row)
        {
            return Ok(false);
        }
        for relation in relations {
            let holds = match relation {
                Relation::Compare(name, operator, term) if !self.is_key(name) => {
                    let kind = self.kind(name)?;
                    let found = self.found(line, name)?;
                    found.is_some_and(|found| holds(*operator, compare(kind, &found, &bytes(term, kind))))
                }
                Relation::Contains(name, term) => {
                    let found = self.found(line, name)?.unwrap_or_default();
                    let parts = elements(&found);
                    match self.kind(name)?.thawed() {
                        Kind::List(inner) | Kind::Set(inner) => has(inner, parts.iter().flatten(), &bytes(term, inner)),
                        Kind::Map(_, inner) => {
                            has(inner, parts.iter().skip(1).step_by(2).flatten(), &bytes(term, inner))
                        }
                        _ => return Err(Outside("CONTAINS of no collection").into()),
                    }
                }
                Relation::ContainsKey(name, term) => {
                    let found = self.found(line, name)?.unwrap_or_default();
                    let Kind::Map(inner, _) = self.kind(name)?.thawed() else {
                        return Err(Outside("CONTAINS KEY of no map").into());
                    };
                    has(inner, elements(&found).iter().step_by(2).flatten(), &bytes(term, inner))
                }
                Relation::Element(name, key, operator, term) => {
                    let found = self.found(line, name)?.unwrap_or_default();
                    let Kind::Map(key_kind, kind) = self.kind(name)?.thawed() else {
                        return Err(Outside("an element of no map").into());
                    };
                    let (key, value) = (bytes(key, key_kind), bytes(term, kind));
                    elements(&found).chunks(2).any(|entry| match entry {
                        [Some(has), Some(found)] => {
                            compare(key_kind, has, &key).is_eq() && holds(*operator, compare(kind, found, &value))
                        }
                        _ => false,
                    })
                }
                _ => true,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_key(&self, name: &str) -> bool {
        self.table.key().any(|column| column.name == name)
    }

    /// Consecutive lines that belong together.
    fn grouped<'a>(&self, select: &Select, lines: Vec<Line<'a>>) -> Result<Vec<Vec<Line<'a>>>, Failure> {
        if select.group_by.is_empty() {
            return Ok(lines.into_iter().map(|line| vec![line]).collect());
        }
        let mut groups: Vec<Vec<Line<'a>>> = Vec::new();
        let mut last: Option<Row> = None;
        for line in lines {
            let names = select.group_by.iter();
            let key = names.map(|name| self.found(&line, name)).collect::<Result<Row, Failure>>()?;
            match groups.last_mut() {
                Some(group) if last.as_ref() == Some(&key) => group.push(line),
                _ => groups.push(vec![line]),
            }
            last = Some(key);
        }
        Ok(groups)
    }

    /// What is shown of a group: functions of all its lines, columns of the first.
    fn shown(&self, select: &Select, group: &[Line<'_>]) -> Result<Row, Failure> {
        if select.selection.is_empty() {
            let first = &group[0];
            return self.table.columns().map(|column| self.found(first, &column.name)).collect();
        }
        let show = |selection: &Selection| match selection {
            Selection::CountRows => Ok(Some((group.len() as i64).to_be_bytes().to_vec())),
            Selection::Aggregate(function, name) => {
                let values = group.iter().map(|line| self.found(line, name)).collect::<Result<Row, Failure>>()?;
                Ok(aggregate(*function, self.kind(name)?, &values.into_iter().flatten().collect::<Vec<_>>())?)
            }
            _ if group.is_empty() => Ok(None),
            Selection::Column(name) => self.found(&group[0], name),
            Selection::Token => Ok(Some(token(group[0].partition.key).0.to_be_bytes().to_vec())),
            Selection::WriteTime(name) => {
                Ok(self.cell(&group[0], name).map(|(timestamp, _)| timestamp.to_be_bytes().to_vec()))
            }
            Selection::TimeToLive(name) => {
                let expiry = self.cell(&group[0], name).and_then(|(_, left)| left);
                Ok(expiry.map(|left| (left as i32).to_be_bytes().to_vec()))
            }
        };
        select.selection.iter().map(show).collect()
    }

    /// When the one cell of a column was written, and how long it has to live.
    fn cell(&self, line: &Line<'_>, name: &str) -> Option<(i64, Option<i64>)> {
        let row = if self.table.is_static(name) { None } else { Some(line.row.as_ref()?) };
        let cells = line.partition.cells(row, name);
        let live = cells.values().next()?;
        Some((live.timestamp, live.expiry.map(|expiry| expiry - line.partition.second())))
    }

    /// The value of any column of a line.
    fn found(&self, line: &Line<'_>, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.value(&line.partition, line.row.as_ref(), name)
    }

    /// The value of a column; without a row those of the static one.
    pub(super) fn value(
        &self,
        partition: &Partition<'_>,
        row: Option<&Key>,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(at) = self.table.partition.iter().position(|column| column.name == name) {
            return Ok(Some(partition.key[at].clone()));
        }
        if let Some(at) = self.table.clustering.iter().position(|(column, _)| column.name == name) {
            return Ok(row.map(|row| row[at].clone()));
        }
        let kind = self.kind(name)?;
        let of = match (self.table.is_static(name), row) {
            (true, _) => None,
            (false, None) => return Ok(None),
            (false, row) => row,
        };
        let mut cells: Vec<(Vec<u8>, Vec<u8>)> =
            partition.cells(of, name).into_iter().map(|(path, live)| (path, live.value)).collect();
        if cells.is_empty() {
            return Ok(None);
        }
        Ok(Some(match kind {
            Kind::List(_) => collection(cells.len(), cells.into_iter().map(|(_, value)| value)),
            Kind::Set(inner) => {
                cells.sort_by(|(left, _), (right, _)| compare(inner, left, right));
                collection(cells.len(), cells.into_iter().map(|(path, _)| path))
            }
            Kind::Map(inner, _) => {
                cells.sort_by(|(left, _), (right, _)| compare(inner, left, right));
                collection(cells.len(), cells.into_iter().flat_map(|(path, value)| [path, value]))
            }
            Kind::User => components(user_fields().into_iter().map(|(field, _)| {
                let cell = cells.iter().find(|(path, _)| *path == field_path(field));
                cell.map(|(_, value)| value.clone())
            })),
            _ => cells.remove(0).1,
        }))
    }
}

fn has<'a>(kind: &Kind, mut parts: impl Iterator<Item = &'a Vec<u8>>, value: &[u8]) -> bool {
    parts.any(|part| compare(kind, part, value).is_eq())
}

fn row_order(table: &Table, left: &Key, right: &Key) -> Ordering {
    let orders = table.clustering.iter().zip(left.iter().zip(right)).map(|((column, descending), (left, right))| {
        let order = compare(&column.kind, left, right);
        if *descending { order.reverse() } else { order }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

/// The token of a partition key; several columns stand behind each other with their lengths.
fn token(key: &Key) -> Token {
    match &key[..] {
        [only] => Token::of(only),
        several => {
            let part = |part: &Vec<u8>| [&(part.len() as u16).to_be_bytes()[..], part, &[0]].concat();
            Token::of(&several.iter().flat_map(part).collect::<Vec<u8>>())
        }
    }
}

/// The type of a sum of whole numbers.
pub(super) fn is_whole(native: Native) -> bool {
    use Native::{Bigint, Counter, Int, Smallint, Tinyint, Varint};
    matches!(native, Bigint | Counter | Int | Smallint | Tinyint | Varint)
}
