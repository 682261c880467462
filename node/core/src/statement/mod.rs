//! How CQL text and bound values become commands to shards, and rows for clients. Pure functions.
//!
//! `prepare` parses and analyses once: names become ids, every value gets its type, rules are checked. `bind` puts values
//! in and gives a `Plan`: what the coordinator has to do. Executing a prepared statement parses nothing and looks up no name.
//! A plan never depends on anything but the statement, its values and the context given, so any node makes the same of it.

mod answer;
mod context;
mod plan;
mod prepared;
mod select;

pub use answer::{Answer, AnswerOptions, Columns, ResultRows};
pub use context::{BindContext, Facts, KnownStatement, NodeStatus, SessionFacts};
pub use plan::{Plan, WriteAnswer, WritePlan};
pub use prepared::{Prepared, prepare, reprepare};
pub use select::{ReadPlan, SelectExecution};

use trefoil_cql::protocol::request::{BatchKind, QueryParameters};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::protocol::value::Value;

/// Put values into a prepared statement.
///
/// # Errors
/// What the client shall be told: wrong number of values, values that do not fit, rules that only values can break.
pub fn bind(
    prepared: &Prepared,
    parameters: &QueryParameters,
    context: &mut BindContext<'_>,
) -> Result<Plan, CqlError> {
    let _ = (prepared, parameters, context);
    Err(CqlError::server("not yet"))
}

/// What a BATCH message says about the whole.
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// What is promised about it.
    pub kind: BatchKind,
    /// The driver's timestamp in microseconds.
    pub timestamp: Option<i64>,
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
    let _ = (statements, options, context);
    Err(CqlError::server("not yet"))
}
