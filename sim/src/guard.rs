//! Runs that survive their node: a panic inside a run is a broken promise like any other ("errors of ours are panics": in the
//! simulator every one of them is a finding), with the place it came from.

use crate::marks::Marks;
use crate::oracle::Violation;
use crate::plan::Plan;
use crate::simulation::{self, Keep, Phase, Report};
use crate::world::queue::Time;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static GUARDED: RefCell<bool> = const { RefCell::new(false) };
}

static HOOK: Once = Once::new();

/// Run a plan; a panic ends the run as a violation of `NO-PANIC`.
#[must_use]
pub fn run(plan: &Plan, keep: Keep) -> Report {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if GUARDED.with(|guarded| *guarded.borrow()) {
                LAST_PANIC.with(|last| *last.borrow_mut() = Some(panic.to_string()));
            } else {
                before(panic);
            }
        }));
    });
    GUARDED.with(|guarded| *guarded.borrow_mut() = true);
    // What a run has touched is dropped with it, whatever state it is in.
    let outcome = catch_unwind(AssertUnwindSafe(|| simulation::run(plan, keep)));
    GUARDED.with(|guarded| *guarded.borrow_mut() = false);
    outcome.unwrap_or_else(|_| {
        let text = LAST_PANIC.with(|last| last.borrow_mut().take()).unwrap_or_default();
        panicked(plan, text)
    })
}

fn panicked(plan: &Plan, text: String) -> Report {
    let at = Time(0);
    Report {
        seed: plan.seed,
        violation: Some(Violation { promise: "NO-PANIC", at, text, operations: Vec::new() }),
        hash: 0,
        events: 0,
        inputs: 0,
        time: at,
        phase: Phase::Done,
        marks: Marks::default(),
        history: crate::client::history::History::default(),
        undecided: Vec::new(),
        record: None,
        trail: Vec::new(),
    }
}
