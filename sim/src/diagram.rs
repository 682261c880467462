//! The space-time diagram of a run as one HTML file that needs nothing else: a column for each node, time downwards, arrows
//! for messages, marks for faults, lives and what clients were told. Kinds of things can be hidden, hovering tells the rest.

use crate::faults::links::CLIENT_PLACES;
use crate::plan::Plan;
use crate::record::{EVERYWHERE, Line};
use crate::simulation::Report;
use std::fmt::Write;

const COLUMN: usize = 170;
const ROW: usize = 16;
const TOP: usize = 40;

/// Draw a run; its report must have a record.
#[must_use]
pub fn html(plan: &Plan, report: &Report) -> String {
    let lines: &[Line] = report.record.as_ref().map_or(&[], |record| &record.lines);
    let verdict = report.violation.as_ref().map_or_else(|| "ok".to_owned(), ToString::to_string);
    let mut page = String::new();
    // Writing to a string cannot fail; the results below are dropped for that reason.
    let _ = write!(
        page,
        "<!doctype html><meta charset=utf-8><title>seed {seed}</title><style>{STYLE}</style>\
         <h1>Seed {seed}, preset {preset}</h1><pre class=verdict>{verdict}</pre><p>{nodes} nodes in {zones} zones, \
         {shards} shards; {steps} steps, {faults} faults; state hash {hash:016x}, {events} events, {time} virtual.</p>{controls}",
        seed = report.seed,
        preset = plan.preset.name(),
        verdict = escape(&verdict),
        nodes = plan.cluster.nodes(),
        zones = plan.cluster.zones,
        shards = plan.cluster.shards,
        steps = plan.steps(),
        faults = plan.faults.len(),
        hash = report.hash,
        events = report.events,
        time = report.time,
        controls = controls(),
    );
    draw(&mut page, plan, lines);
    let _ = write!(page, "<h2>What clients saw</h2><pre>{}</pre>", escape(&history(report)));
    let plan_text = serde_json::to_string_pretty(plan).unwrap_or_default();
    let _ = write!(page, "<details><summary>The plan</summary><pre>{}</pre></details>", escape(&plan_text));
    let _ = write!(page, "<script>{SCRIPT}</script>");
    page
}

fn history(report: &Report) -> String {
    let proof = report.violation.as_ref().map_or(&[][..], |violation| &violation.operations);
    let lines = report.history.entries.iter().enumerate().map(|(number, entry)| {
        let mark = if proof.contains(&number) { ">>" } else { "  " };
        format!("{mark} #{number} {entry}\n")
    });
    lines.collect()
}

fn controls() -> String {
    let kinds = ["input", "send", "effect", "trace", "fault", "client", "life"];
    let boxes = kinds.iter().map(|kind| {
        let checked = if matches!(*kind, "input" | "effect") { "" } else { " checked" };
        format!("<label><input type=checkbox value={kind}{checked}> {kind}</label> ")
    });
    format!("<p class=controls>{}</p>", boxes.collect::<String>())
}

/// Lines lie below each other in the order they happened in: time is not to scale, or the interesting part would be a dot.
fn draw(page: &mut String, plan: &Plan, lines: &[Line]) {
    let nodes = plan.cluster.nodes();
    let column = |place: usize| {
        let place = if place >= CLIENT_PLACES { nodes } else { place };
        100 + place * COLUMN + COLUMN / 2
    };
    let row = |number: usize| TOP + number * ROW;
    let (width, height) = (100 + (nodes + 1) * COLUMN, TOP + (lines.len() + 2) * ROW);
    let _ = write!(page, "<svg width={width} height={height} viewBox='0 0 {width} {height}'>");
    for node in 0..=nodes {
        let name = if node == nodes {
            "clients".to_owned()
        } else {
            format!("node {node} (zone {})", plan.cluster.zone(node))
        };
        let x = if node == nodes { column(CLIENT_PLACES) } else { column(node) };
        let _ = write!(page, "<text x={x} y=20 class=head>{name}</text><path class=line d='M{x} 30V{height}'/>");
    }
    for (number, line) in lines.iter().enumerate() {
        let (y, class) = (row(number), line.kind.name());
        let words = escape(&line.text);
        let _ = write!(page, "<g class={class}><title>{} {words}</title>", line.at);
        let _ = write!(page, "<text x=4 y={} class=time>{}</text>", y + 4, line.at);
        if line.place == EVERYWHERE {
            let _ = write!(page, "<path class=band d='M100 {y}H{width}'/><text x=110 y={}>{words}</text>", y - 2);
        } else {
            let x = column(line.place);
            let _ = write!(page, "<circle cx={x} cy={y} r=3 />");
            if let Some((to, arrives)) = line.arrow {
                // The arrow ends at the first line that is not before the arrival.
                let end = number + lines[number..].partition_point(|later| later.at < arrives);
                let (to_x, to_y) = (column(to), row(end.min(number + 400)));
                let _ = write!(page, "<path class=arrow d='M{x} {y}L{to_x} {to_y}'/>");
            }
            let short = escape(&crate::record::brief(&line.text, 60));
            let _ = write!(page, "<text x={} y={}>{short}</text>", x + 6, y + 4);
        }
        page.push_str("</g>");
    }
    page.push_str("</svg>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const STYLE: &str = "body{font:13px system-ui;margin:1em}pre.verdict{background:#fee;padding:.6em;white-space:pre-wrap}\
svg{font:10px monospace}.head{font:bold 12px system-ui;text-anchor:middle}.line{stroke:#ccc}.time{fill:#999}\
.send circle{fill:#36c}.arrow{stroke:#36c;stroke-opacity:.35;fill:none}.trace circle{fill:#090}.trace text{fill:#060}\
.fault text,.fault circle{fill:#c00}.band{stroke:#c00;stroke-opacity:.4}.life circle{fill:#c60}.life text{fill:#a40}\
.client circle{fill:#709}.client text{fill:#507}.effect text,.input text{fill:#777}.hidden{display:none}\
.controls label{margin-right:1em}g:hover text{font-weight:bold}g:hover .arrow{stroke-opacity:1;stroke-width:2}";

const SCRIPT: &str = "for(const box of document.querySelectorAll('.controls input')){const set=()=>{\
for(const g of document.querySelectorAll('g.'+box.value))g.classList.toggle('hidden',!box.checked)};box.onchange=set;set()}";
