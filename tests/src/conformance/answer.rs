//! An answer of a server as the lines that stand in a file, and when two such answers are the same.

use super::value::{one_line, show};
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, CqlError, Prepared, QueryResult, Response, ResponseEnvelope, SchemaTarget,
};

/// Stands between two pages.
pub const PAGE_BREAK: &str = "--- next page";

/// What is left out of answers before they are written down.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    /// Rows have no order that is defined: they are sorted.
    pub order: bool,
    /// Columns whose values differ from run to run: written as `*`.
    pub columns: Vec<String>,
}

/// The answer to a statement: one envelope, or one for each page.
#[must_use]
pub fn lines(pages: &[ResponseEnvelope], ignored: &Ignored) -> Vec<String> {
    let mut out = Vec::new();
    for page in pages {
        out.extend(page.attachments.warnings.iter().map(|warning| format!("warning: {}", one_line(warning))));
    }
    let mut pages_of_rows: Vec<Vec<String>> = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        match &page.response {
            Response::Error(error) => out.push(error_line(error)),
            Response::Result(QueryResult::Rows(rows)) => {
                let columns = rows.metadata.as_ref().map_or(&[][..], |metadata| &metadata.columns);
                if index == 0 {
                    out.push(header(columns));
                }
                let cell = |(spec, cell): (&ColumnSpec, &Option<bytes::Bytes>)| {
                    if ignored.columns.contains(&spec.name) && cell.is_some() {
                        "*".to_owned()
                    } else {
                        show(&spec.column_type, cell.as_deref())
                    }
                };
                let row =
                    |row: &[Option<bytes::Bytes>]| columns.iter().zip(row).map(cell).collect::<Vec<_>>().join(" | ");
                pages_of_rows.push(rows.iter().map(row).collect());
            }
            Response::Result(QueryResult::Void) => out.push("ok".to_owned()),
            Response::Result(QueryResult::SetKeyspace(keyspace)) => out.push(format!("uses {keyspace}")),
            Response::Result(QueryResult::SchemaChange(change)) => {
                out.push(format!("{} {}", change_name(change.change), target_name(&change.keyspace, &change.target)));
            }
            Response::Result(QueryResult::Prepared(prepared)) => out.extend(prepared_lines(prepared)),
            other => out.push(format!("{other:?}")),
        }
    }
    // Whether an empty page ends the rows is nothing that a program can rely on.
    while pages_of_rows.len() > 1 && pages_of_rows.last().is_some_and(Vec::is_empty) {
        pages_of_rows.pop();
    }
    if ignored.order {
        pages_of_rows = vec![pages_of_rows.concat()];
        pages_of_rows[0].sort();
    }
    for (index, rows) in pages_of_rows.into_iter().enumerate() {
        if index > 0 {
            out.push(PAGE_BREAK.to_owned());
        }
        out.extend(rows);
    }
    out
}

fn header(columns: &[ColumnSpec]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{}: {}", one_line(&column.name), column.column_type)).collect();
    if columns.is_empty() { "(no columns)".to_owned() } else { columns.join(" | ") }
}

fn error_line(error: &CqlError) -> String {
    let detail = match error {
        CqlError::AlreadyExists { keyspace, table, .. } => format!(" ({keyspace}, {table})"),
        CqlError::Unavailable { consistency, required, alive, .. } => format!(" ({consistency}, {required}, {alive})"),
        CqlError::FunctionFailure { keyspace, function, arguments, .. } => {
            format!(" ({keyspace}.{function}({}))", arguments.join(", "))
        }
        _ => String::new(),
    };
    format!("error {}{detail}: {}", error.name(), one_line(&error.to_string()))
}

fn change_name(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Created => "created",
        ChangeKind::Updated => "updated",
        ChangeKind::Dropped => "dropped",
    }
}

fn target_name(keyspace: &str, target: &SchemaTarget) -> String {
    match target {
        SchemaTarget::Keyspace => format!("keyspace {keyspace}"),
        SchemaTarget::Table(name) => format!("table {keyspace}.{name}"),
        SchemaTarget::Type(name) => format!("type {keyspace}.{name}"),
        SchemaTarget::Function(name, arguments) => format!("function {keyspace}.{name}({})", arguments.join(", ")),
        SchemaTarget::Aggregate(name, arguments) => format!("aggregate {keyspace}.{name}({})", arguments.join(", ")),
    }
}

fn prepared_lines(prepared: &Prepared) -> Vec<String> {
    let positions: Vec<String> = prepared.partition_key.iter().map(ToString::to_string).collect();
    let result = prepared.result_metadata.as_ref().map_or("none".to_owned(), |metadata| header(&metadata.columns));
    vec![
        format!("markers {}", header(&prepared.bind_markers)),
        format!("partition key {}", if positions.is_empty() { "none".to_owned() } else { positions.join(", ") }),
        format!("result {result}"),
    ]
}

/// Whether two answers are the same. The wording of errors and warnings counts only if `with_text`.
#[must_use]
pub fn same(one: &[String], other: &[String], with_text: bool) -> bool {
    let essence = |line: &String| match line.split_once(": ") {
        Some((head, _)) if !with_text && (head.starts_with("error ") || head == "warning") => head.to_owned(),
        _ => line.clone(),
    };
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| essence(a) == essence(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wording_of_errors_counts_only_where_it_is_wanted() {
        let one = ["error invalid: a".to_owned()];
        let other = ["error invalid: b".to_owned()];
        assert!(same(&one, &other, false));
        assert!(!same(&one, &other, true));
        assert!(!same(&one, &["error syntax: a".to_owned()], false));
        assert!(!same(&["k: int".to_owned()], &["k: text".to_owned()], false));
    }
}
