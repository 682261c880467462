//! Functions, operators and casts among them: what there is by which name (`native` and the files of each kind), which overload a
//! call means (`resolution`), and running it. A call is resolved to one function with typed arguments when its statement is
//! prepared.

mod blob;
mod cast;
mod collection;
mod json;
mod mask;
mod math;
mod native;
mod operation;
mod resolution;
mod time;
mod vector;

pub(super) use native::counts_rows;
pub(super) use resolution::{
    is_made_to_fit, resolve_cast, resolve_function, resolve_negation, resolve_operation, unknown_function,
};
pub(super) use time::{new_uuid, timeuuid, uuid_of_row};

use super::term::{Scope, Term};
use crate::time::HybridTime;
use bytes::Bytes;
use rand_core::RngCore;
use std::borrow::Cow;
use trefoil_cql::ast::ArithmeticOperator;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A function with its signature fixed.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Without the keyspace, which is `system`.
    pub name: Cow<'static, str>,
    pub arguments: Vec<CqlType>,
    pub returns: CqlType,
    pub body: Body,
}

type Run<T> = fn(&Function, &[T]) -> Result<Option<Bytes>, CqlError>;

/// What a function does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// Null if an argument is null.
    Strict(Run<Bytes>),
    /// Sees nulls.
    Lenient(Run<Option<Bytes>>),
    /// Of time or chance.
    Context(fn(&mut Environment<'_>) -> Bytes),
    /// `a + b`
    Operation(ArithmeticOperator),
    /// Combines rows; see `select::aggregate`.
    Aggregate,
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

/// How errors and columns name a native function.
pub(super) fn system_name(name: &str) -> String {
    format!("system.{name}")
}

impl Function {
    fn new(name: impl Into<Cow<'static, str>>, arguments: Vec<CqlType>, returns: CqlType, body: Body) -> Function {
        Function { name: name.into(), arguments, returns, body }
    }

    /// Null of nulls, else computed.
    fn strict(
        name: impl Into<Cow<'static, str>>,
        arguments: Vec<CqlType>,
        returns: CqlType,
        run: Run<Bytes>,
    ) -> Function {
        Function::new(name, arguments, returns, Body::Strict(run))
    }

    /// `system.name`
    pub fn full_name(&self) -> String {
        system_name(&self.name)
    }

    /// Whether it gives the same for the same arguments.
    pub fn is_pure(&self) -> bool {
        !matches!(self.body, Body::Context(_))
    }

    /// Whether of two arguments the greater never has the lesser result.
    pub fn keeps_order(&self) -> bool {
        matches!(
            &*self.name,
            "floor"
                | "todate"
                | "to_date"
                | "totimestamp"
                | "to_timestamp"
                | "tounixtimestamp"
                | "to_unix_timestamp"
                | "dateof"
                | "unixtimestampof"
        )
    }

    /// As errors show it.
    pub fn signature(&self) -> String {
        let arguments: Vec<String> = self.arguments.iter().map(CqlType::to_string).collect();
        let quote = if self.name.starts_with('_') { "\"" } else { "" };
        format!("system.{quote}{}{quote} : ({}) -> {}", self.name, arguments.join(", "), self.returns)
    }

    pub fn is_aggregate(&self) -> bool {
        matches!(self.body, Body::Aggregate)
    }

    /// What drivers know a marker by that is an argument.
    pub fn argument_name(&self, index: usize) -> String {
        format!("arg{index}({})", self.full_name())
    }

    /// Its value.
    pub fn run(
        &self,
        arguments: &[Option<Bytes>],
        environment: Option<&mut Environment<'_>>,
    ) -> Result<Option<Bytes>, CqlError> {
        match self.body {
            Body::Lenient(run) => run(self, arguments),
            Body::Strict(run) => match arguments.iter().cloned().collect::<Option<Vec<Bytes>>>() {
                Some(present) => run(self, &present),
                None => Ok(None),
            },
            Body::Operation(operator) => operation::run(self, operator, arguments),
            Body::Context(run) => match environment {
                Some(environment) => Ok(Some(run(environment))),
                None => Err(CqlError::server("a function ran outside an execution")),
            },
            Body::Aggregate => Err(CqlError::server("an aggregate was taken for a function of one row")),
        }
    }

    /// What is said when it fails on what it was given.
    fn failure(&self, message: String) -> CqlError {
        CqlError::FunctionFailure {
            keyspace: "system".to_owned(),
            function: self.name.to_string(),
            arguments: self.arguments.iter().map(CqlType::to_string).collect(),
            message,
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
                        self.function.name
                    )));
                }
            }
        }
        let mut environment = Environment { now: scope.now, rng: scope.rng };
        self.function.run(&arguments, Some(&mut environment)).map(Value::from)
    }

    /// Of constants and without time or chance in it, a constant.
    pub fn into_term(self) -> Result<Term, CqlError> {
        let constants = self.arguments.iter().map(|argument| match argument {
            Term::Constant(bytes) => Some(bytes.clone()),
            _ => None,
        });
        match constants.collect::<Option<Vec<_>>>() {
            Some(constants) if self.function.is_pure() => self.function.run(&constants, None).map(Term::Constant),
            _ => Ok(Term::Call(Box::new(self))),
        }
    }
}
