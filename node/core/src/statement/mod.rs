//! How CQL text and bound values become commands to shards, and rows for clients. Pure functions.
//!
//! `prepare` parses and analyses once: names become ids, every value gets its type, rules are checked. `bind` puts values
//! in and gives a `Plan`: what the coordinator has to do. Executing a prepared statement parses nothing and looks up no name.
//! A plan never depends on anything but the statement, its values and the context given, so any node makes the same of it.

mod answer;
mod context;
mod define;
mod describe;
mod function;
mod inference;
mod json_document;
mod modify;
mod names;
mod plan;
mod prepared;
mod restrictions;
mod select;
mod system;
mod term;
mod term_text;
mod value;
mod variables;

#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerOptions, Columns, ResultRows};
pub use context::{BindContext, Facts, KnownStatement, NodeStatus, SessionFacts};
pub use modify::ConditionalAnswer;
pub use plan::{Plan, WriteAnswer, WritePlan};
pub use prepared::{Prepared, prepare, reprepare};
pub use select::{ReadPlan, SelectExecution};
pub use system::{TraceEvent, TraceRecord, trace_id, trace_plan};

use modify::only_modifications;
use prepared::Analysed;
use std::sync::Arc;
use term::Scope;
use trefoil_cql::protocol::request::{BatchKind, QueryParameters};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::protocol::value::Value;
use variables::{check_count, ordered_values};

/// Put values into a prepared statement.
///
/// # Errors
/// What the client shall be told: wrong number of values, values that do not fit, rules that only values can break.
pub fn bind(
    prepared: &Prepared,
    parameters: &QueryParameters,
    context: &mut BindContext<'_>,
) -> Result<Plan, CqlError> {
    let named;
    let values = if parameters.names.is_some() {
        named = ordered_values(prepared.variables(), parameters)?;
        named.as_slice()
    } else {
        check_count(prepared.variables().len(), parameters.values.len())?;
        parameters.values.as_slice()
    };
    let now = context.now;
    let request_seconds = parameters.now_in_seconds.map(i64::from);
    match &prepared.analysed {
        Analysed::Select(select) => {
            let plan = select.bind(parameters, &mut Scope { values, now, request_seconds, rng: context.rng })?;
            if system::is_computed(&select.table) {
                return system::select(plan, context).map(Plan::Answer);
            }
            Ok(Plan::Read(plan))
        }
        Analysed::Modification(modification) => {
            check_write_consistency(parameters)?;
            let scope = &mut Scope { values, now, request_seconds, rng: context.rng };
            let plan = modification.bind(parameters.timestamp, scope)?;
            if plan.mutations.is_empty() && plan.conditions.is_empty() {
                return Ok(Plan::Answer(Answer::Void));
            }
            Ok(Plan::Write(plan))
        }
        Analysed::Batch(batch) => {
            check_write_consistency(parameters)?;
            let scope = &mut Scope { values, now, request_seconds, rng: context.rng };
            let timestamp = batch.using.bind_timestamp(scope)?;
            modify::bind_batch(batch.kind, &batch.modifications, timestamp, parameters.timestamp, scope, |_, _| {})
        }
        Analysed::Use(keyspace) => {
            if context.schema.keyspace(keyspace).is_none() && !system::is_system_keyspace(keyspace) {
                return Err(CqlError::Invalid(format!("Keyspace '{keyspace}' does not exist")));
            }
            Ok(Plan::Use(keyspace.clone()))
        }
        Analysed::Truncate(table) => Ok(Plan::Schema(define::truncate(table))),
        Analysed::Define(definition) => definition.bind(context),
        Analysed::Describe(description) => description.bind(context).map(Plan::Answer),
    }
}

fn check_write_consistency(parameters: &QueryParameters) -> Result<(), CqlError> {
    if parameters.consistency.is_serial() {
        return Err(CqlError::invalid("You must use conditional updates for serializable writes"));
    }
    match parameters.serial_consistency {
        Some(level) if !level.is_serial() => {
            Err(CqlError::invalid("Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL"))
        }
        _ => Ok(()),
    }
}

/// What a BATCH message says about the whole.
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// What is promised about it.
    pub kind: BatchKind,
    /// The driver's timestamp in microseconds.
    pub timestamp: Option<i64>,
    /// The time that the request gives, in seconds since 1970.
    pub now_in_seconds: Option<i32>,
}

/// Put values into the statements of a BATCH message.
///
/// # Errors
/// What the client shall be told.
pub fn bind_batch(
    statements: &[(&Prepared, &[Value])],
    options: &BatchOptions,
    context: &mut BindContext<'_>,
) -> Result<Plan, CqlError> {
    let mut modifications = Vec::with_capacity(statements.len());
    for (prepared, values) in statements {
        let Analysed::Modification(modification) = &prepared.analysed else { return Err(only_modifications()) };
        check_count(prepared.variables().len(), values.len())?;
        modifications.push(Arc::clone(modification));
    }
    let request_seconds = options.now_in_seconds.map(i64::from);
    let mut scope = Scope { values: &[], now: context.now, request_seconds, rng: context.rng };
    modify::bind_batch(options.kind, &modifications, None, options.timestamp, &mut scope, |index, scope| {
        scope.values = statements[index].1;
    })
}
