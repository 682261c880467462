//! The table of promises is true: every check that it names exists, every promise has one, every planted bug is caught.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use trefoil_specs::{Promise, areas};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

fn promises() -> Vec<Promise> {
    areas().expect("the files are ours").into_iter().flat_map(|area| area.promises).collect()
}

fn word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a test of this name stands in the text: a function, or a line of a macro that makes one.
fn has_test(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let after = text[at + name.len()..].chars().next();
        let before = text[..at].trim_end();
        let whole = !text[..at].chars().next_back().is_some_and(word);
        whole && (before.ends_with("fn") && after == Some('(') || after == Some(':'))
    })
}

fn check_exists(check: &str) -> bool {
    match check.split_once("::") {
        Some((file, function)) => read(file).is_some_and(|text| has_test(&text, function)),
        None if check.contains('/') => root().join(check).is_file(),
        // A live run: workload and nemesis, as the test command starts it.
        None => read("tests/run").is_some_and(|text| text.contains(&format!("'{check}'"))),
    }
}

/// The variants of `PlantedBug`.
fn planted_bugs() -> BTreeSet<String> {
    let text = read("node/core/src/bugs.rs").expect("the list of planted bugs");
    let body = text.split("pub enum PlantedBug {").nth(1).and_then(|rest| rest.split("\n}").next());
    body.expect("an enum")
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(',') && line.starts_with(char::is_uppercase))
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Text of everything that looks for planted bugs: the simulator's nets, the models, the core's own tests.
fn nets() -> String {
    let mut text = read("sim/src/planted.rs").unwrap_or_default();
    let mut files = Vec::new();
    for folder in ["model", "node/core/tests", "sim/tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    for file in files {
        text.push_str(&fs::read_to_string(file).unwrap_or_default());
    }
    text
}

#[test]
fn every_promise_has_a_name_of_its_own_and_a_sentence() {
    let mut seen = BTreeSet::new();
    for promise in promises() {
        let id = &promise.id;
        assert!(id.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c.is_ascii_digit()), "{id}: not a name");
        assert!(promise.says.ends_with('.'), "{id}: not a sentence");
        assert!(seen.insert(id.clone()), "{id}: twice");
    }
    assert!(seen.len() > 10, "the table was not read");
}

#[test]
fn every_promise_is_checked_and_every_named_check_exists() {
    let mut missing = Vec::new();
    for promise in promises() {
        if promise.checks().next().is_none() {
            missing.push(format!("{}: nothing checks it", promise.id));
        }
        for check in promise.checks().filter(|check| !check_exists(check)) {
            missing.push(format!("{}: {check} does not exist", promise.id));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_oracle_and_its_promise_name_each_other() {
    let promises: BTreeMap<String, Promise> =
        promises().into_iter().map(|promise| (promise.id.clone(), promise)).collect();
    let mut files = Vec::new();
    rust_files(&root().join("sim/src/oracle"), &mut files);
    let mut named = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("just listed");
        let path = format!("sim/src/oracle/{}", file.file_name().expect("a file").to_string_lossy());
        // Identifiers stand in the opening comment, in bold.
        let opening: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for id in opening.split("**").skip(1).step_by(2) {
            let promise = promises.get(id).unwrap_or_else(|| panic!("{path} names {id}, which nobody promised"));
            assert!(promise.oracles.contains(&path), "{id} does not name {path}");
            named += 1;
        }
    }
    assert!(named > 5, "the oracles were not read");
    for (id, promise) in &promises {
        for oracle in &promise.oracles {
            assert!(read(oracle).is_some_and(|text| text.contains("//! ")), "{id}: {oracle} has no opening");
        }
    }
}

#[test]
fn every_planted_bug_breaks_a_promise_and_is_looked_for() {
    let planted = planted_bugs();
    assert!(planted.contains("VoteNotPersisted"), "the list was not read: {planted:?}");
    let nets = nets();
    let mut claimed = BTreeSet::new();
    for promise in promises() {
        for bug in promise.bugs {
            assert!(planted.contains(&bug), "{}: there is no planted bug {bug}", promise.id);
            claimed.insert(bug);
        }
    }
    let unclaimed: Vec<&String> = planted.difference(&claimed).collect();
    assert!(unclaimed.is_empty(), "no promise is broken by {unclaimed:?}");
    let uncaught: Vec<&String> = planted
        .iter()
        .filter(|bug| !nets.match_indices(bug.as_str()).any(|(at, _)| whole_word(&nets, at, bug)))
        .collect();
    assert!(uncaught.is_empty(), "nothing looks for {uncaught:?}");
}

fn whole_word(text: &str, at: usize, name: &str) -> bool {
    !text[..at].chars().next_back().is_some_and(word) && !text[at + name.len()..].chars().next().is_some_and(word)
}

#[test]
fn the_table_test_itself_can_fail() {
    assert!(!check_exists("specs/tests/table.rs::no_such_test"));
    assert!(!check_exists("specs/tests/no_such_file.rs"));
    assert!(!check_exists("register earthquake"));
    assert!(check_exists("specs/tests/table.rs::the_table_test_itself_can_fail"));
    assert!(has_test("a_macro_line: Bug within 5;", "a_macro_line"));
    assert!(!has_test("fn longer_name()", "name"));
}
