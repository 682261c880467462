//! Functions. One table of native ones (`native`), and two families made from the list of types (`blob`). A call is resolved
//! to one function with typed arguments when the statement is prepared.

mod blob;
mod native;
mod time;

pub(super) use time::new_uuid;

use super::names::Names;
use super::term::{Scope, Term, TermContext};
use super::value;
use super::variables::Receiver;
use crate::time::HybridTime;
use bytes::Bytes;
use rand_core::RngCore;
use trefoil_cql::ast::{self, QualifiedName};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::token::Token;
use trefoil_cql::types::CqlType;

use native::{Body, Native};

/// A function with its signature fixed.
#[derive(Clone, Debug)]
pub(super) enum Function {
    /// One of the table.
    Native(&'static Native),
    /// `intAsBlob` and the like: the same bytes under another type.
    AsBlob(CqlType),
    /// `blobAsInt` and the like: the bytes must be valid for the type.
    BlobAs(CqlType),
    /// `token(...)` of a table with these key types.
    Token(Vec<CqlType>),
}

/// A call among terms.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub function: Function,
    pub arguments: Vec<Term>,
}

/// Where a function runs.
pub(super) struct Environment<'a> {
    pub now: HybridTime,
    pub rng: &'a mut dyn RngCore,
}

impl Function {
    pub fn arguments(&self) -> Vec<CqlType> {
        match self {
            Function::Native(native) => native.arguments.to_vec(),
            Function::AsBlob(from) => vec![from.clone()],
            Function::BlobAs(_) => vec![CqlType::Blob],
            Function::Token(types) => types.clone(),
        }
    }

    pub fn returns(&self) -> CqlType {
        match self {
            Function::Native(native) => native.returns.clone(),
            Function::AsBlob(_) => CqlType::Blob,
            Function::BlobAs(to) => to.clone(),
            Function::Token(_) => CqlType::BigInt,
        }
    }

    /// Whether it gives the same for the same arguments.
    pub fn is_pure(&self) -> bool {
        !matches!(self, Function::Native(Native { body: Body::Context(_), .. }))
    }

    /// Its value; null if an argument is.
    pub fn run(
        &self,
        arguments: &[Option<Bytes>],
        environment: Option<&mut Environment<'_>>,
    ) -> Result<Option<Bytes>, CqlError> {
        let present: Option<Vec<Bytes>> = arguments.iter().cloned().collect();
        let Some(present) = present else { return Ok(None) };
        match self {
            Function::Native(native) => match (&native.body, environment) {
                (Body::Pure(run), _) => run(&present),
                (Body::Context(run), Some(environment)) => Ok(Some(run(environment))),
                (Body::Context(_), None) => Err(CqlError::server("a function ran outside an execution")),
            },
            Function::AsBlob(_) => Ok(present.into_iter().next()),
            Function::BlobAs(to) => match present.into_iter().next() {
                Some(bytes) => {
                    value::validate(to, &bytes).map_err(|error| {
                        CqlError::Invalid(format!("In call to function blob_as_{to}, value 0x{bytes:x}: {error}"))
                    })?;
                    Ok(Some(bytes))
                }
                None => Ok(None),
            },
            Function::Token(_) => {
                let key = super::restrictions::serialize_key(&present)?;
                Ok(Some(Bytes::copy_from_slice(&Token::of(&key).0.to_be_bytes())))
            }
        }
    }
}

impl Call {
    pub fn bind(&self, scope: &mut Scope<'_>) -> Result<Value, CqlError> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            match argument.bind(scope)? {
                Value::Set(bytes) => arguments.push(Some(bytes)),
                Value::Null => arguments.push(None),
                Value::Unset => {
                    return Err(CqlError::Invalid(format!(
                        "Invalid unset value for argument in call to function {}",
                        self.function.name()
                    )));
                }
            }
        }
        let mut environment = Environment { now: scope.now, rng: scope.rng };
        self.function.run(&arguments, Some(&mut environment)).map(Value::from)
    }
}

impl Function {
    pub fn name(&self) -> String {
        match self {
            Function::Native(native) => native.names[0].to_owned(),
            Function::AsBlob(from) => format!("{from}_as_blob"),
            Function::BlobAs(to) => format!("blob_as_{to}"),
            Function::Token(_) => "token".to_owned(),
        }
    }
}

/// All functions of this name.
pub(super) fn candidates(name: &QualifiedName) -> Vec<Function> {
    if name.keyspace.as_ref().is_some_and(|keyspace| *keyspace != *"system") {
        return Vec::new();
    }
    let native = native::TABLE.iter().filter(|native| native.names.contains(&name.name.as_str()));
    native.map(Function::Native).chain(blob::candidate(&name.name)).collect()
}

pub(super) fn unknown_function(name: &QualifiedName) -> CqlError {
    CqlError::Invalid(format!("Unknown function '{}'", name.name.as_str()))
}

/// A call in a place that a receiver has made.
pub(super) fn resolve_call(
    name: &QualifiedName,
    arguments: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let all = match name.name.as_str() {
        "token" => token_function(receiver, context.names).into_iter().collect(),
        _ => candidates(name),
    };
    if all.is_empty() {
        return Err(unknown_function(name));
    }
    let fitting = all.iter().filter(|function| value::is_assignable(&function.returns(), receiver.column_type));
    let mut problem = None;
    for function in fitting {
        match resolve_arguments(function, arguments, receiver, context) {
            Ok(terms) => return Ok(Term::Call(Box::new(Call { function: function.clone(), arguments: terms }))),
            Err(error) => problem = Some(error),
        }
    }
    Err(problem.unwrap_or_else(|| {
        CqlError::Invalid(format!(
            "Type error: cannot assign result of function {} (type {}) to {} (type {})",
            name.name.as_str(),
            all[0].returns(),
            receiver.name,
            receiver.column_type
        ))
    }))
}

fn resolve_arguments(
    function: &Function,
    arguments: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Vec<Term>, CqlError> {
    let types = function.arguments();
    if types.len() != arguments.len() {
        return Err(CqlError::Invalid(format!(
            "Invalid number of arguments in call to function {}: {} required but {} provided",
            function.name(),
            types.len(),
            arguments.len()
        )));
    }
    let mut terms = Vec::with_capacity(types.len());
    for (index, (argument, argument_type)) in arguments.iter().zip(&types).enumerate() {
        let name = format!("arg{index}({})", function.name());
        terms.push(Term::resolve(argument, receiver.part(&name, argument_type), context)?);
    }
    Ok(terms)
}

/// `token(...)` among terms is that of the receiver's table.
fn token_function(receiver: Receiver<'_>, names: Names<'_>) -> Option<Function> {
    let table = names.schema.table(receiver.keyspace, receiver.table)?;
    Some(Function::Token(table.partition_key().iter().map(|column| column.column_type.clone()).collect()))
}
