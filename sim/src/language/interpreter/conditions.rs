//! Conditions: IF NOT EXISTS, IF EXISTS, IF with relations, and what a failed one shows.

use super::facts::Partition;
use super::restrictions::holds;
use super::{Failure, Given, Interpreter, Key, Outside, Row, refused};
use crate::language::kind::Kind;
use crate::language::order::{compare, elements};
use crate::language::program::{Condition, Operator, Relation};
use std::cmp::Ordering;

/// What a condition says.
pub(super) enum Verdict {
    /// There is none.
    Unconditional,
    /// It holds.
    Holds,
    /// It does not, and this is the answer.
    Fails(Row),
}

const NOT_APPLIED: [u8; 1] = [0];

fn fails(shown: Option<Row>) -> Verdict {
    let mut row: Row = vec![Some(NOT_APPLIED.to_vec())];
    row.extend(shown.unwrap_or_default());
    Verdict::Fails(row)
}

impl Interpreter {
    /// IF NOT EXISTS on the row that these relations name.
    pub(super) fn if_not_exists(&self, relations: &[Relation], second: i64) -> Result<Verdict, Failure> {
        if !self.table.statics.is_empty() {
            return Err(Outside("conditions where static columns are").into());
        }
        let keys = super::restrictions::partition_keys(&self.table, relations);
        let (Some(keys), Some(row)) = (keys, self.whole_row(relations)) else {
            return Err(Outside("a condition on no particular row").into());
        };
        let partition = self.facts.partition(&self.table, &keys[0], second);
        if !partition.has_row(&row) {
            return Ok(Verdict::Holds);
        }
        let names: Vec<&str> = self.table.columns().map(|column| &*column.name).collect();
        let shown = names.into_iter().map(|name| self.value(&partition, Some(&row), name));
        Ok(fails(Some(shown.collect::<Result<Row, Failure>>()?)))
    }

    /// Whether a condition holds for a row.
    pub(super) fn verdict(
        &self,
        condition: &Condition,
        partition: &Key,
        row: &Key,
        second: i64,
    ) -> Result<Verdict, Failure> {
        let partition = self.facts.partition(&self.table, partition, second);
        let there = partition.has_row(row);
        let relations = match condition {
            Condition::Exists => return Ok(if there { Verdict::Holds } else { fails(None) }),
            Condition::All(relations) => relations,
        };
        // Every value is looked at before any condition is.
        let conditions =
            relations.iter().map(|relation| self.asked(relation)).collect::<Result<Vec<Asked<'_>>, Failure>>()?;
        for condition in &conditions {
            if !self.condition_holds(condition, &partition, row)? {
                if !there {
                    return Ok(fails(None));
                }
                let mut names: Vec<&str> = Vec::new();
                for Asked { name, .. } in &conditions {
                    if !names.contains(name) {
                        names.push(name);
                    }
                }
                let shown = names.into_iter().map(|name| self.value(&partition, Some(row), name));
                return Ok(fails(Some(shown.collect::<Result<Row, Failure>>()?)));
            }
        }
        Ok(Verdict::Holds)
    }

    fn asked<'a>(&'a self, relation: &'a Relation) -> Result<Asked<'a>, Failure> {
        let (name, operator, terms) = match relation {
            Relation::Compare(name, operator, term) => (name, *operator, std::slice::from_ref(term)),
            Relation::In(name, terms) => (name, Operator::Equal, terms.as_slice()),
            _ => return Err(Outside("such a condition").into()),
        };
        let kind = self.kind(name)?;
        let values: Vec<Given> = terms.iter().map(|term| Given::of(term, kind)).collect();
        if values.contains(&Given::Unset) {
            return Err(Outside("unset values in conditions").into());
        }
        if values.contains(&Given::Bytes(Vec::new())) && !matches!(kind, Kind::Native(_)) {
            return Err(Outside("empty values in conditions").into());
        }
        let compares = !matches!(operator, Operator::Equal | Operator::NotEqual);
        // A collection without elements is null.
        let is_collection = matches!(kind, Kind::List(_) | Kind::Set(_) | Kind::Map(..));
        let nothing = |value: Given| match value {
            Given::Bytes(bytes) if is_collection && elements(&bytes).is_empty() => Given::Null,
            value => value,
        };
        let values: Vec<Given> = values.into_iter().map(nothing).collect();
        if compares && values.contains(&Given::Null) {
            return refused("comparison with null");
        }
        Ok(Asked { name, kind, operator, values })
    }

    fn condition_holds(&self, asked: &Asked<'_>, partition: &Partition<'_>, row: &Key) -> Result<bool, Failure> {
        let found = self.value(partition, Some(row), asked.name)?;
        Ok(asked.values.iter().any(|value| match (&found, value) {
            (None, Given::Bytes(_)) => asked.operator == Operator::NotEqual,
            (None, _) => asked.operator == Operator::Equal,
            (Some(_), Given::Null | Given::Unset) => asked.operator == Operator::NotEqual,
            (Some(found), Given::Bytes(value)) => {
                let order: Ordering = compare(asked.kind, found, value);
                holds(asked.operator, order)
            }
        }))
    }
}

/// A condition on a column.
struct Asked<'a> {
    name: &'a str,
    kind: &'a Kind,
    operator: Operator,
    /// One of these.
    values: Vec<Given>,
}
