//! Which function a call means: all overloads of the name whose result and arguments fit; one that fits exactly is taken, of
//! others there must be only one.

use super::super::inference::{Fit, Inference, fit_of_type};
use super::super::term_text::term_text;
use super::native::{Factory, Known, known};
use super::{Function, cast, operation, system_name};
use trefoil_cql::ast::{ArithmeticOperator, QualifiedName, Term};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, NativeType};

/// What a call means in the place of a receiver; `None`: there is no function of this name.
pub(in crate::statement) fn resolve_function(
    name: &QualifiedName,
    arguments: &[Term],
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Option<Function>, CqlError> {
    if name.keyspace.as_ref().is_some_and(|keyspace| *keyspace != *"system") {
        return Ok(None);
    }
    match known(&name.name, inference) {
        None => Ok(None),
        Some(Known::Factory(factory)) => make(&factory, &name.name, arguments, receiver, inference).map(Some),
        Some(Known::Overloads(overloads)) => {
            choose(&raw_name(name), overloads, arguments, receiver, inference).map(Some)
        }
    }
}

/// Whether the function of this name is made for its arguments.
pub(in crate::statement) fn is_made_to_fit(name: &QualifiedName) -> bool {
    super::native::factory(&name.name).is_some()
}

/// A name without quotes.
fn raw_name(name: &QualifiedName) -> String {
    match &name.keyspace {
        Some(keyspace) => format!("{}.{}", keyspace.as_str(), name.name.as_str()),
        None => name.name.as_str().to_owned(),
    }
}

pub(in crate::statement) fn unknown_function(name: &QualifiedName, in_select: bool) -> CqlError {
    CqlError::Invalid(if in_select {
        format!("Unknown function '{}'", raw_name(name))
    } else {
        format!("Unknown function {} called", raw_name(name))
    })
}

/// What `-a` means.
pub(in crate::statement) fn resolve_negation(
    argument: &Term,
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Function, CqlError> {
    let arguments = std::slice::from_ref(argument);
    match fitting(operation::negations(), arguments, receiver, inference)? {
        Fitting::One(function) => Ok(function),
        Fitting::Several(_) => Err(CqlError::invalid("Ambiguous negation: use type casts to disambiguate")),
        Fitting::None => Err(none_fits(&system_name("_negate"), &operation::negations())),
    }
}

/// What `a + b` means.
pub(in crate::statement) fn resolve_operation(
    operator: ArithmeticOperator,
    left: &Term,
    right: &Term,
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Function, CqlError> {
    let select_in = inference.select_in();
    let arguments = [left.clone(), right.clone()];
    let several = match fitting(operation::operations(operator), &arguments, receiver, inference)? {
        Fitting::One(function) => return Ok(function),
        Fitting::Several(several) => several,
        Fitting::None => {
            return Err(CqlError::Invalid(format!(
                "the '{}' operation is not supported between {} and {}",
                operator.text(),
                term_text(left, select_in),
                term_text(right, select_in)
            )));
        }
    };
    if let Some(receiver) = receiver
        && !arguments.iter().any(|argument| matches!(argument, Term::Marker(_)))
    {
        let same = |function: &Function| function.arguments.iter().all(|argument| argument == receiver);
        if let Some(function) = several.into_iter().find(same) {
            return Ok(function);
        }
    }
    Err(CqlError::Invalid(format!(
        "Ambiguous '{}' operation with args {} and {}: use type hint to disambiguate, example '(int) ?'",
        operator.text(),
        term_text(left, select_in),
        term_text(right, select_in)
    )))
}

/// What `CAST(a AS type)` means.
pub(in crate::statement) fn resolve_cast(
    argument: &Term,
    native: NativeType,
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Function, CqlError> {
    let name = format!("cast_as_{}", native.text());
    let overloads = cast::overloads(native);
    if overloads.is_empty() {
        let text = term_text(argument, inference.select_in());
        return Err(CqlError::Invalid(format!("{text} cannot be cast to {}", native.text())));
    }
    choose(&system_name(&name), overloads, std::slice::from_ref(argument), receiver, inference)
}

enum Fitting {
    None,
    One(Function),
    Several(Vec<Function>),
}

fn fitting(
    overloads: Vec<Function>,
    arguments: &[Term],
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Fitting, CqlError> {
    let mut several = Vec::new();
    for function in overloads {
        if receiver.is_some_and(|receiver| fit_of_type(&function.returns, receiver) == Fit::No) {
            continue;
        }
        match fit_of_arguments(&function, arguments, inference)? {
            Fit::Exact => return Ok(Fitting::One(function)),
            Fit::Weak => several.push(function),
            Fit::No => {}
        }
    }
    Ok(match several.len() {
        0 => Fitting::None,
        1 => Fitting::One(several.remove(0)),
        _ => Fitting::Several(several),
    })
}

fn fit_of_arguments(function: &Function, arguments: &[Term], inference: &Inference<'_>) -> Result<Fit, CqlError> {
    if function.arguments.len() != arguments.len() {
        return Ok(Fit::No);
    }
    let mut fit = Fit::Exact;
    for (argument, argument_type) in arguments.iter().zip(&function.arguments) {
        match inference.fit(argument, argument_type)? {
            Fit::No => return Ok(Fit::No),
            Fit::Weak => fit = Fit::Weak,
            Fit::Exact => {}
        }
    }
    Ok(fit)
}

fn choose(
    name: &str,
    mut overloads: Vec<Function>,
    arguments: &[Term],
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Function, CqlError> {
    if overloads.len() == 1 {
        let only = overloads.remove(0);
        check_only(&only, arguments, inference)?;
        return Ok(only);
    }
    match fitting(overloads.clone(), arguments, receiver, inference)? {
        Fitting::One(function) => Ok(function),
        Fitting::None => Err(none_fits(name, &overloads)),
        Fitting::Several(several) => Err(CqlError::Invalid(format!(
            "Ambiguous call to function {name} (can be matched by following signatures: {}): use type casts to \
             disambiguate",
            signatures(&several)
        ))),
    }
}

/// Where there is no choice, more can be said.
fn check_only(function: &Function, arguments: &[Term], inference: &Inference<'_>) -> Result<(), CqlError> {
    if function.arguments.len() != arguments.len() {
        return Err(invalid_arguments_count(function, arguments.len()));
    }
    for (index, (argument, argument_type)) in arguments.iter().zip(&function.arguments).enumerate() {
        if inference.fit(argument, argument_type)? == Fit::No {
            return Err(CqlError::Invalid(format!(
                "Type error: {} cannot be passed as argument {index} of function {} of type {argument_type}",
                term_text(argument, inference.select_in()),
                function.full_name()
            )));
        }
    }
    Ok(())
}

fn invalid_arguments_count(function: &Function, given: usize) -> CqlError {
    CqlError::Invalid(format!(
        "Invalid number of arguments in call to function {}: {} required but {given} provided",
        function.full_name(),
        function.arguments.len()
    ))
}

fn none_fits(name: &str, overloads: &[Function]) -> CqlError {
    CqlError::Invalid(format!(
        "Invalid call to function {name}, none of its type signatures match (known type signatures: {})",
        signatures(overloads)
    ))
}

fn signatures(functions: &[Function]) -> String {
    functions.iter().map(Function::signature).collect::<Vec<_>>().join(", ")
}

/// A function for these arguments.
fn make(
    factory: &Factory,
    name: &str,
    arguments: &[Term],
    receiver: Option<&CqlType>,
    inference: &Inference<'_>,
) -> Result<Function, CqlError> {
    let shown = || {
        let parameters: Vec<String> = factory.parameters.iter().map(|parameter| parameter.to_string()).collect();
        format!("{}({})", system_name(name), parameters.join(", "))
    };
    let required = factory.parameters.iter().filter(|parameter| !parameter.is_optional()).count();
    if !(required..=factory.parameters.len()).contains(&arguments.len()) {
        return Err(CqlError::Invalid(format!("Invalid number of arguments for function {}", shown())));
    }
    let select_in = inference.select_in();
    let mut types: Vec<CqlType> = Vec::with_capacity(arguments.len());
    for (index, (argument, parameter)) in arguments.iter().zip(factory.parameters).enumerate() {
        let others = arguments.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, term)| term);
        let Some(inferred) = parameter.infer(argument, others, receiver, &types, inference)? else {
            if let Term::Function(called, _) = argument
                && known(&called.name, inference).is_none()
            {
                return Err(unknown_function(called, select_in.is_some()));
            }
            return Err(CqlError::Invalid(format!(
                "Cannot infer type of argument {} in call to function {}: use type casts to disambiguate",
                term_text(argument, select_in),
                shown()
            )));
        };
        if let Some(wanted) = parameter.refuses(&inferred) {
            return Err(CqlError::Invalid(format!(
                "Function {} requires {wanted}, but found argument {} of type {inferred}",
                system_name(name),
                term_text(argument, select_in)
            )));
        }
        types.push(inferred);
    }
    let function = (factory.make)(name, types, receiver)?;
    check_only(&function, arguments, inference)?;
    Ok(function)
}
