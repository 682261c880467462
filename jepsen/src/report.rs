//! A failing history as a picture: one self-contained HTML file, a lane for each process, a bar for each operation.
//!
//! Shows the key that is concerned, cut to the time around the violation, with the operations that prove it marked. It is for
//! people; nothing is judged here, and everything that comes from a history is escaped.

use crate::checker::{Verdict, Violation};
use crate::history::{Action, History, Operation, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Operations drawn at most; a picture with more cannot be read.
const DRAWN_MAX: usize = 400;

const LANE_HEIGHT: usize = 26;
const LEFT: f64 = 90.0;
const WIDTH: f64 = 1_600.0;

/// The picture of a verdict. A valid one gets a page that says so.
#[must_use]
pub fn html(title: &str, history: &History, verdict: &Verdict) -> String {
    let mut page = String::new();
    let _ = write!(page, "{HEAD}<title>{0}</title></head><body><h1>{0}</h1>", escape(title));
    let _ = write!(page, "<p class=verdict>{}</p>", escape(&verdict.to_string()));
    if let Some(violation) = verdict.violation() {
        draw(&mut page, history, violation);
    }
    page.push_str("</body></html>\n");
    page
}

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8><style>\
body{font:14px system-ui,sans-serif;margin:24px;color:#222}.verdict{font-weight:600}\
svg text{font:11px ui-monospace,monospace}rect{stroke:#555;stroke-width:.5}rect.proof{stroke:#c00;stroke-width:3}\
.ok{fill:#bfe3c0}.fail{fill:#ddd}.unknown{fill:#f7dc9a}.rejected{fill:#cfe0f5}.lane{stroke:#eee}\
table{border-collapse:collapse}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #eee}</style>";

fn draw(page: &mut String, history: &History, violation: &Violation) {
    let shown = around(history, violation);
    let start = shown.iter().map(|position| history.operations[*position].invoke).min().unwrap_or(0);
    let end = shown.iter().map(|position| history.operations[*position].complete).max().unwrap_or(start + 1);
    let scale = (WIDTH - LEFT) / (end.saturating_sub(start).max(1)) as f64;
    let mut lanes: BTreeMap<u64, usize> = BTreeMap::new();
    for position in &shown {
        let next = lanes.len();
        lanes.entry(history.operations[*position].process).or_insert(next);
    }
    for (lane, number) in lanes.values_mut().enumerate() {
        *number = lane;
    }
    let height = lanes.len() * LANE_HEIGHT + 10;
    let _ = write!(page, "<svg width={WIDTH} height={height} role=img>");
    for (process, lane) in &lanes {
        let y = lane * LANE_HEIGHT;
        let _ = write!(page, "<text x=0 y={}>process {process}</text>", y + 17);
        let _ = write!(page, "<line class=lane x1={LEFT} x2={WIDTH} y1={0} y2={0} />", y + LANE_HEIGHT);
    }
    for position in &shown {
        let operation = &history.operations[*position];
        let x = LEFT + (operation.invoke - start) as f64 * scale;
        let width = (operation.complete.saturating_sub(operation.invoke) as f64 * scale).max(2.0);
        let y = lanes.get(&operation.process).map_or(0, |lane| lane * LANE_HEIGHT + 4);
        let proof = if violation.operations.contains(position) { " proof" } else { "" };
        let _ = write!(
            page,
            "<rect class=\"{}{proof}\" x={x:.1} y={y} width={width:.1} height={}><title>{}</title></rect>\
             <text x={:.1} y={} clip-path=none>{}</text>",
            class(operation),
            LANE_HEIGHT - 8,
            escape(&sentence(*position, operation)),
            x + 2.0,
            y + 13,
            escape(&label(&operation.action)),
        );
    }
    page.push_str(
        "</svg><p>Marked in red, the most suspicious first:</p><table><tr><th>#<th>process<th>operation<th>outcome\
                   <th>from<th>to<th>version<th>note</tr>",
    );
    for position in &violation.operations {
        let operation = &history.operations[*position];
        let _ = write!(
            page,
            "<tr><td>{position}<td>{}<td>{}<td>{:?}<td>{}<td>{}<td>{}<td>{}</tr>",
            operation.process,
            escape(&label(&operation.action)),
            operation.outcome,
            operation.invoke,
            operation.complete,
            operation.version.map_or_else(String::new, |version| version.to_string()),
            escape(&operation.note),
        );
    }
    page.push_str("</table>");
}

/// The operations of the key that are nearest in time to those that prove the violation, in order of time.
fn around(history: &History, violation: &Violation) -> Vec<usize> {
    let proof: Vec<&Operation> = violation.operations.iter().map(|position| &history.operations[*position]).collect();
    let from = proof.iter().map(|operation| operation.invoke).min().unwrap_or(0);
    let to = proof.iter().map(|operation| operation.complete).max().unwrap_or(u64::MAX);
    let distance =
        |operation: &Operation| from.saturating_sub(operation.complete) + operation.invoke.saturating_sub(to);
    let mut shown: Vec<usize> =
        (0..history.operations.len()).filter(|position| history.operations[*position].key == violation.key).collect();
    shown.sort_by_key(|position| {
        (!violation.operations.contains(position), distance(&history.operations[*position]), *position)
    });
    shown.truncate(DRAWN_MAX);
    shown.sort_by_key(|position| history.operations[*position].invoke);
    shown
}

fn class(operation: &Operation) -> &'static str {
    match (operation.outcome, &operation.action) {
        (Outcome::Ok, Action::Cas { applied: false, .. }) => "rejected",
        (Outcome::Ok, _) => "ok",
        (Outcome::Fail, _) => "fail",
        (Outcome::Unknown, _) => "unknown",
    }
}

/// What an operation did, in a few characters.
fn label(action: &Action) -> String {
    let value = |value: &Option<i64>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
    match action {
        Action::Read { value: seen } => format!("r {}", value(seen)),
        Action::Write { value: new } => format!("w {}", value(new)),
        Action::Cas { expected, value: new, applied, .. } => {
            format!("cas {}→{}{}", value(expected), value(new), if *applied { "" } else { " ✗" })
        }
        Action::Append { value } => format!("append {value}"),
        Action::Add { value } => format!("add {value}"),
        Action::ReadList { values } | Action::ReadSet { values } => {
            let shown: Vec<String> = values.iter().rev().take(5).rev().map(i64::to_string).collect();
            format!("r {}[…{}]", values.len(), shown.join(" "))
        }
        Action::Batch { writes } => format!("batch {writes:?}"),
        Action::ReadRows { rows } => format!("r {rows:?}"),
    }
}

fn sentence(position: usize, operation: &Operation) -> String {
    format!(
        "#{position} process {} key {}: {} {:?} {}..{} {}",
        operation.process,
        operation.key,
        label(&operation.action),
        operation.outcome,
        operation.invoke,
        operation.complete,
        operation.note
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::linearizable;

    #[test]
    fn the_proof_is_marked_and_nothing_is_taken_as_markup() {
        let write =
            |value, invoke, complete| Operation::ok(1, 7, Action::Write { value: Some(value) }, invoke, complete);
        let mut stale = Operation::ok(2, 7, Action::Read { value: Some(1) }, 40, 50);
        stale.note = "<script>alert(1)</script>".to_owned();
        let history = History::new(vec![write(1, 0, 10), write(2, 20, 30), stale]);
        let verdict = linearizable::check(&history);
        let page = html("a <title>", &history, &verdict);
        assert!(page.contains("class=\"ok proof\""));
        assert!(page.contains("cas") || page.contains("r 1"));
        assert!(!page.contains("<script>"), "escaped");
        assert_eq!(page.matches("<rect").count(), 3);
    }

    #[test]
    fn a_long_history_is_cut_around_the_violation() {
        let mut operations: Vec<Operation> = (0..5_000)
            .map(|n| Operation::ok(1, 7, Action::Write { value: Some(n) }, n as u64 * 10, n as u64 * 10 + 5))
            .collect();
        operations.push(Operation::ok(2, 7, Action::Read { value: Some(4_000) }, 60_000, 60_005));
        let history = History::new(operations);
        let verdict = linearizable::check(&history);
        let page = html("cut", &history, &verdict);
        assert_eq!(page.matches("<rect").count(), DRAWN_MAX);
    }
}
