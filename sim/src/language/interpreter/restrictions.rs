//! Relations: whether they may stand together, whether they need ALLOW FILTERING, and what they hold for.

use super::{Failure, Key, Outside, refused};
use crate::language::kind::Kind;
use crate::language::order::compare;
use crate::language::program::{Operator, Relation, Select, Selection, Table};
use crate::language::value::Term;
use std::cmp::Ordering;

/// Whether an order is what an operator asks for.
pub(super) fn holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
    }
}

/// The bytes of a term that is a value.
pub(super) fn bytes(term: &Term, kind: &Kind) -> Vec<u8> {
    match term {
        Term::Value(value) => value.bytes(kind),
        Term::Null | Term::Unset | Term::Empty => Vec::new(),
    }
}

/// The columns that a relation is about.
pub(super) fn columns(relation: &Relation) -> Vec<&str> {
    match relation {
        Relation::Compare(name, ..)
        | Relation::In(name, _)
        | Relation::Contains(name, _)
        | Relation::ContainsKey(name, _)
        | Relation::Element(name, ..) => vec![name],
        Relation::Columns(names, ..) => names.iter().map(String::as_str).collect(),
        Relation::Token(..) => Vec::new(),
    }
}

/// Whether the relations on clustering columns hold for a row; the others are not looked at.
pub(super) fn row_matches(table: &Table, relations: &[Relation], row: &Key) -> bool {
    let at = |name: &str| table.clustering.iter().position(|(column, _)| column.name == name);
    let order = |name: &str, term: &Term| {
        at(name).map(|at| {
            let kind = &table.clustering[at].0.kind;
            compare(kind, &row[at], &bytes(term, kind))
        })
    };
    relations.iter().all(|relation| match relation {
        Relation::Compare(name, operator, term) => order(name, term).is_none_or(|order| holds(*operator, order)),
        Relation::In(name, terms) => {
            at(name).is_none() || terms.iter().any(|term| order(name, term).is_some_and(Ordering::is_eq))
        }
        Relation::Columns(names, operator, terms) => {
            let orders = names.iter().zip(terms).filter_map(|(name, term)| order(name, term));
            holds(*operator, orders.fold(Ordering::Equal, Ordering::then))
        }
        Relation::Contains(..) | Relation::ContainsKey(..) | Relation::Element(..) | Relation::Token(..) => true,
    })
}

/// The partitions that relations name, sorted by their values; none when they name no whole key.
pub(super) fn partition_keys(table: &Table, relations: &[Relation]) -> Option<Vec<Key>> {
    let mut keys: Vec<Key> = vec![Vec::new()];
    for column in &table.partition {
        let terms = relations.iter().find_map(|relation| match relation {
            Relation::Compare(name, Operator::Equal, term) if *name == column.name => Some(std::slice::from_ref(term)),
            Relation::In(name, terms) if *name == column.name => Some(terms.as_slice()),
            _ => None,
        })?;
        let mut values: Vec<Vec<u8>> = terms.iter().map(|term| bytes(term, &column.kind)).collect();
        values.sort_by(|left, right| compare(&column.kind, left, right));
        values.dedup();
        keys = keys
            .iter()
            .flat_map(|key| values.iter().map(|value| [&key[..], std::slice::from_ref(value)].concat()))
            .collect();
    }
    Some(keys)
}

/// What the relations of a statement on one column make of each other.
#[derive(Clone, Copy, PartialEq)]
enum Restriction {
    Equal,
    In,
    /// Which sides are bounded.
    Slice {
        below: bool,
        above: bool,
    },
    /// Contains and the like: any number of them.
    Contains,
}

fn restriction(relation: &Relation) -> Restriction {
    match relation {
        Relation::Compare(_, operator, _) | Relation::Columns(_, operator, _) | Relation::Token(operator, _) => {
            match operator {
                Operator::Equal | Operator::NotEqual => Restriction::Equal,
                Operator::Less | Operator::LessOrEqual => Restriction::Slice { below: false, above: true },
                Operator::Greater | Operator::GreaterOrEqual => Restriction::Slice { below: true, above: false },
            }
        }
        Relation::In(..) => Restriction::In,
        Relation::Contains(..) | Relation::ContainsKey(..) | Relation::Element(..) => Restriction::Contains,
    }
}

/// No column may be restricted twice, but for the two sides of a slice that begin with the same column.
pub(super) fn check_together(relations: &[Relation]) -> Result<(), Failure> {
    for (at, relation) in relations.iter().enumerate() {
        for other in &relations[..at] {
            if !columns(relation).iter().any(|name| columns(other).contains(name)) {
                continue;
            }
            let same_first = columns(relation).first() == columns(other).first();
            match (restriction(relation), restriction(other)) {
                (Restriction::Slice { below: true, .. }, Restriction::Slice { below: false, .. })
                | (Restriction::Slice { below: false, .. }, Restriction::Slice { below: true, .. })
                    if same_first => {}
                (Restriction::Contains, Restriction::Contains) => {}
                _ => return refused("a column is restricted twice"),
            }
        }
    }
    Ok(())
}

/// Relations on the clustering columns of a DELETE or UPDATE: a prefix, the last of it perhaps a slice.
pub(super) fn check_clustering_prefix(table: &Table, relations: &[Relation]) -> Result<(), Failure> {
    if clustering_needs_filtering(table, relations) { refused("clustering columns are skipped") } else { Ok(()) }
}

/// Whether clustering columns are restricted otherwise than as a prefix with a slice at its end.
fn clustering_needs_filtering(table: &Table, relations: &[Relation]) -> bool {
    let mut ended = false;
    let mut covered = Vec::new();
    for (column, _) in &table.clustering {
        let about: Vec<&Relation> =
            relations.iter().filter(|relation| columns(relation).contains(&column.name.as_str())).collect();
        let Some(first) = about.first() else {
            ended = true;
            continue;
        };
        // A relation over several columns counts as one.
        let is_continued = matches!(first, Relation::Columns(names, ..) if names.first() != Some(&column.name));
        if is_continued && covered.contains(&column.name) {
            continue;
        }
        if ended {
            return true;
        }
        if let Relation::Columns(names, ..) = first {
            covered.extend(names.iter().cloned());
        }
        ended = matches!(restriction(first), Restriction::Slice { .. } | Restriction::Contains);
    }
    false
}

/// Whether a SELECT is valid.
pub(super) fn check_select(table: &Table, select: &Select, pages: bool) -> Result<(), Failure> {
    let is_clustering = |name: &str| table.clustering.iter().any(|(column, _)| column.name == name);
    let is_partition = |name: &str| table.partition.iter().any(|column| column.name == name);
    let is_regular = |name: &str| table.regular.iter().any(|column| column.name == name);
    for relation in &select.relations {
        for name in columns(relation) {
            let Some(column) = table.column(name) else { return Err(Outside("a column that is not there").into()) };
            let compares = matches!(relation, Relation::Compare(..) | Relation::In(..) | Relation::Columns(..));
            if compares && column.kind.is_multi_cell() {
                return refused("a collection is no value");
            }
            if select.distinct && (is_clustering(name) || is_regular(name)) {
                return refused("DISTINCT and a relation on a column of rows");
            }
        }
    }
    check_together(&select.relations)?;
    let keys = partition_keys(table, &select.relations);
    if keys.is_none() && select.relations.iter().any(|relation| columns(relation).iter().any(|name| is_partition(name)))
    {
        return Err(Outside("a part of the partition key").into());
    }
    let any = |test: &dyn Fn(&str) -> bool| {
        select.relations.iter().any(|relation| columns(relation).iter().any(|name| test(name)))
    };
    let needs_filtering = any(&|name| !is_clustering(name) && !is_partition(name))
        || (keys.is_none() && any(&is_clustering))
        || clustering_needs_filtering(table, &select.relations);
    if needs_filtering && !select.allow_filtering {
        return refused("data must be filtered");
    }
    let in_partition =
        select.relations.iter().any(|relation| matches!(relation, Relation::In(name, _) if is_partition(name)));
    if select.order_by.is_some() && keys.is_none() {
        return refused("ORDER BY without a partition");
    }
    if pages && in_partition && select.order_by.is_some() {
        return Err(Outside("pages of partitions that are sorted into one another").into());
    }
    if select.distinct && in_partition && select.order_by.is_some() {
        return refused("DISTINCT, IN and ORDER BY");
    }
    let mut shown = select.selection.iter().filter_map(|selection| match selection {
        Selection::Column(name)
        | Selection::WriteTime(name)
        | Selection::TimeToLive(name)
        | Selection::Aggregate(_, name) => Some(name),
        Selection::Token | Selection::CountRows => None,
    });
    let only_static =
        shown.next().is_some_and(|first| table.is_static(first)) && shown.all(|name| table.is_static(name));
    if only_static && any(&is_clustering) {
        return refused("rows are restricted, and only static columns are shown");
    }
    if select.relations.iter().any(|relation| matches!(relation, Relation::Token(_, i64::MIN))) {
        return Err(Outside("the least token").into());
    }
    if select.distinct && select.per_partition_limit.is_some() {
        return refused("DISTINCT and PER PARTITION LIMIT");
    }
    if !select.group_by.is_empty() && select.group_by.len() < table.partition.len() {
        return refused("groups of a part of the partition key");
    }
    Ok(())
}
