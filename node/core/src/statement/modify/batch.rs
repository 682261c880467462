//! BATCH: several modifications as one write. Inside a partition it is atomic and isolated, across tables, too; its statements
//! share one timestamp, and all its conditions look at the state before it.

use super::super::answer::Answer;
use super::super::names::Names;
use super::super::plan::{Plan, WriteAnswer, WritePlan};
use super::super::term::{Scope, TermContext};
use super::super::variables::Variables;
use super::Modification;
use super::applied::{self, AppliedColumns, ConditionalAnswer};
use super::batch_size::check_size;
use super::using::UsingTerms;
use crate::command::{Condition, Mutation, PartitionKey, Test};
use crate::ids::StorageId;
use std::collections::BTreeMap;
use std::sync::Arc;
use trefoil_cql::ast::{self, Statement};
use trefoil_cql::protocol::request::BatchKind;
use trefoil_cql::protocol::response::{CqlError, WriteType};

/// `BEGIN BATCH ... APPLY BATCH`, analysed.
#[derive(Debug)]
pub(in crate::statement) struct Batch {
    pub kind: BatchKind,
    pub using: UsingTerms,
    pub modifications: Vec<Arc<Modification>>,
}

impl Batch {
    pub fn resolve(batch: &ast::Batch, names: Names<'_>, variables: &mut Variables) -> Result<Batch, CqlError> {
        let using = {
            let context = &mut TermContext { names, variables };
            UsingTerms::resolve(&batch.using, names.keyspace.unwrap_or(""), "", context)?
        };
        if using.ttl.is_some() {
            return Err(CqlError::invalid("Global TTL on the BATCH statement is not supported."));
        }
        let mut modifications = Vec::with_capacity(batch.statements.len());
        for statement in &batch.statements {
            let modification = match statement {
                Statement::Insert(insert) => Modification::insert(insert, names, variables)?,
                Statement::Update(update) => Modification::update(update, names, variables)?,
                Statement::Delete(delete) => Modification::delete(delete, names, variables)?,
                _ => return Err(only_modifications()),
            };
            if modification.using.timestamp.is_some() && using.timestamp.is_some() {
                return Err(CqlError::invalid("Timestamp must be set either on BATCH or individual statements"));
            }
            modifications.push(Arc::new(modification));
        }
        let kind = match batch.kind {
            ast::BatchKind::Logged => BatchKind::Logged,
            ast::BatchKind::Unlogged => BatchKind::Unlogged,
            ast::BatchKind::Counter => BatchKind::Counter,
        };
        check(kind, using.timestamp.is_some(), &modifications)?;
        Ok(Batch { kind, using, modifications })
    }
}

pub(in crate::statement) fn only_modifications() -> CqlError {
    CqlError::invalid("Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.")
}

/// Rules that concern the batch as a whole.
fn check(kind: BatchKind, has_timestamp: bool, modifications: &[Arc<Modification>]) -> Result<(), CqlError> {
    let counters = modifications.iter().filter(|modification| modification.table.is_counter()).count();
    let has_conditions = modifications.iter().any(|modification| modification.condition.is_some());
    let refused = if has_timestamp && has_conditions {
        Some("Cannot provide custom timestamp for conditional BATCH")
    } else if has_timestamp && kind == BatchKind::Counter {
        Some("Cannot provide custom timestamp for counter BATCH")
    } else if has_timestamp && counters > 0 {
        Some("Cannot provide custom timestamp for a BATCH containing counters")
    } else if kind == BatchKind::Counter && counters < modifications.len() {
        Some("Cannot include non-counter statement in a counter batch")
    } else if kind == BatchKind::Logged && counters > 0 {
        Some("Cannot include a counter statement in a logged batch")
    } else if counters > 0 && counters < modifications.len() {
        Some("Counter and non-counter mutations cannot exist in the same batch")
    } else {
        None
    };
    match refused {
        Some(text) => Err(CqlError::invalid(text)),
        None => Ok(()),
    }
}

/// Binds modifications, each with its values, into one plan.
pub(in crate::statement) fn bind_batch<'v>(
    kind: BatchKind,
    modifications: &[Arc<Modification>],
    timestamp: Option<i64>,
    driver_timestamp: Option<i64>,
    scope: &mut Scope<'v>,
    mut values: impl FnMut(usize, &mut Scope<'v>),
) -> Result<Plan, CqlError> {
    check(kind, timestamp.is_some(), modifications)?;
    let mut gathered = Gathered::default();
    for (index, modification) in modifications.iter().enumerate() {
        values(index, scope);
        let counts = modification.table.options.client_side_timestamps();
        let effects = modification.effects(timestamp.or(driver_timestamp.filter(|_| counts)), scope)?;
        gathered.conditions.extend(effects.conditions);
        effects.mutations.into_iter().for_each(|mutation| gathered.add(mutation));
    }
    let Gathered { conditions, mut mutations, .. } = gathered;
    let answer = conditional_answer(modifications)?;
    if answer.is_some() {
        check_conditions(&conditions, &mutations)?;
        // Whoever reads must not be able to tell the statements apart: they have the stamp of the entry.
        mutations.iter_mut().for_each(|mutation| mutation.timestamp = None);
    }
    if mutations.is_empty() && conditions.is_empty() {
        return Ok(Plan::Answer(Answer::Void));
    }
    let first = mutations.first().map(|mutation| &mutation.partition);
    let is_single = mutations.iter().all(|mutation| Some(&mutation.partition) == first);
    let write_type = match kind {
        _ if answer.is_some() => WriteType::Cas,
        BatchKind::Counter => WriteType::Counter,
        _ if modifications.iter().any(|modification| modification.table.is_counter()) => WriteType::Counter,
        _ if is_single => WriteType::Simple,
        BatchKind::Logged => WriteType::Batch,
        BatchKind::Unlogged => WriteType::UnloggedBatch,
    };
    let tables = modifications.iter().map(|modification| &*modification.table);
    let warnings = if is_single { Vec::new() } else { check_size(kind, &mutations, tables)? };
    let answer = answer.map_or(WriteAnswer::Void, WriteAnswer::Conditional);
    Ok(Plan::Write(WritePlan { write_type, conditions, mutations, answer, warnings }))
}

/// What a mutation is merged by.
type MutationKey = (StorageId, PartitionKey, Option<i64>);

/// Changes of one partition, table and timestamp are one mutation.
#[derive(Default)]
struct Gathered {
    conditions: Vec<Condition>,
    mutations: Vec<Mutation>,
    places: BTreeMap<MutationKey, usize>,
}

impl Gathered {
    fn add(&mut self, mutation: Mutation) {
        let key = (mutation.table, mutation.partition.clone(), mutation.timestamp);
        match self.places.get(&key) {
            Some(place) => self.mutations[*place].changes.extend(mutation.changes),
            None => {
                self.places.insert(key, self.mutations.len());
                self.mutations.push(mutation);
            }
        }
    }
}

fn conditional_answer(modifications: &[Arc<Modification>]) -> Result<Option<ConditionalAnswer>, CqlError> {
    let conditional: Vec<&Arc<Modification>> =
        modifications.iter().filter(|modification| modification.condition.is_some()).collect();
    let Some(first) = conditional.first() else { return Ok(None) };
    if modifications.iter().any(|modification| modification.table.id != first.table.id) {
        return Err(CqlError::invalid("Batch with conditions cannot span multiple tables"));
    }
    for modification in modifications {
        modification.check_one_row()?;
    }
    let conditions = conditional.iter().filter_map(|modification| modification.condition.as_ref());
    let scopes = modifications.iter().map(|modification| modification.scope());
    let scope = scopes.fold(applied::Scope::default(), |all, one| applied::Scope {
        statics: all.statics || one.statics,
        rows: all.rows || one.rows,
    });
    let columns = AppliedColumns::of_batch(&first.table, conditions, scope);
    Ok(Some(ConditionalAnswer::new(Arc::clone(&first.table), columns)))
}

fn check_conditions(conditions: &[Condition], mutations: &[Mutation]) -> Result<(), CqlError> {
    let mut partitions = conditions.iter().map(|condition| &condition.partition);
    let mut others = mutations.iter().map(|mutation| &mutation.partition);
    let first = conditions.first().map(|condition| &condition.partition);
    if partitions.any(|partition| Some(partition) != first) || others.any(|partition| Some(partition) != first) {
        return Err(CqlError::invalid("Batch with conditions cannot span multiple partitions"));
    }
    for (index, condition) in conditions.iter().enumerate() {
        for before in conditions[..index].iter().filter(|before| before.row == condition.row) {
            let text = match (&before.test, &condition.test) {
                (Test::NotExists, Test::Exists) | (Test::Exists, Test::NotExists) => {
                    "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row"
                }
                // The words are Cassandra's, where order matters.
                (Test::NotExists | Test::Exists, Test::Column { .. } | Test::Refused(_))
                | (Test::Column { .. } | Test::Refused(_), Test::NotExists) => {
                    "Cannot mix IF conditions and IF NOT EXISTS for the same row"
                }
                (Test::Column { .. } | Test::Refused(_), Test::Exists) => {
                    "Cannot mix IF conditions and IF EXISTS for the same row"
                }
                _ => continue,
            };
            return Err(CqlError::invalid(text));
        }
    }
    Ok(())
}
