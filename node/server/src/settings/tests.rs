//! Settings as an operator gets them wrong, and right.

use super::*;
use std::io::Write;

fn load(text: &str, overrides: &[(&'static str, &str)]) -> Result<Settings, SettingsError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("it can be written");
    let overrides = overrides.iter().map(|(key, value)| (*key, (*value).to_string())).collect();
    Settings::load(Some(file.path()), &Overrides(overrides))
}

#[test]
fn the_example_is_complete_and_valid() {
    let example = include_str!("../../node.example.toml");
    let settings = load(example, &[]).expect("the example is valid");
    let layout = settings.layout().expect("the example describes a cluster");
    assert_eq!((layout.zones.len(), layout.nodes.len()), (3, 3));
    assert_eq!(settings.tuning(), Tuning::default(), "the example shows the defaults");
    assert_eq!(settings.stores(true), StoreOptions::default(), "the example shows the defaults");
    assert_eq!(settings.limits(), ConnectionLimits::default(), "the example shows the defaults");
    for key in KEYS {
        let name = key.path.rsplit('.').next().expect("a path has a last part");
        assert!(example.contains(&format!("{name} = ")), "the example does not mention {}", key.path);
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let error = load("[tuning]\nelection_timeuot = \"1s\"", &[]).expect_err("it is refused");
    let text = error.to_string();
    assert!(text.ends_with("unknown key 'tuning.election_timeuot'; did you mean 'tuning.election_timeout'?"), "{text}");
    let error = load("[[node]]\nzoen = \"a\"", &[]).expect_err("it is refused").to_string();
    assert!(error.ends_with("unknown key 'node.zoen'; did you mean 'node.zone'?"), "{error}");
    let variables = ["TREFOIL_DATADIR".to_string(), "HOME".to_string()];
    let error = refuse_unknown_variables(variables).expect_err("it is refused").to_string();
    assert_eq!(error, "environment: unknown key 'TREFOIL_DATADIR'; did you mean 'data_dir'?");
    refuse_unknown_variables(["TREFOIL_TUNING_MEMTABLE_AGE".into()]).expect("it is known");
}

#[test]
fn flags_lie_above_the_file() {
    let file = "shards = 3\n[tuning]\nmemtable_bytes = 1048576\nrequest_timeout = \"1s\"";
    let settings = load(file, &[("shards", "7"), ("tuning.request_timeout", "250ms"), ("run", "1, 2")]);
    let settings = settings.expect("it is valid");
    assert_eq!((settings.shards, settings.run.clone()), (Some(7), vec![1, 2]));
    assert_eq!(settings.tuning().request_timeout, Duration::from_millis(250));
    assert_eq!(settings.tuning().memtable_bytes, 1 << 20);
}

#[test]
fn a_wrong_value_names_its_key() {
    let error = load("[tuning]\nrequest_timeout = \"soon\"", &[]).expect_err("it is refused").to_string();
    assert!(error.starts_with("'tuning.request_timeout': 'soon' is not a duration"), "{error}");
    let error = load("", &[("shards", "many")]).expect_err("it is refused").to_string();
    assert_eq!(error, "'shards': 'many' is not a number");
}

#[test]
fn a_zone_without_a_node_is_refused() {
    let node = "zones = [\"a\", \"b\"]\n[[node]]\nid = 1\nzone = \"a\"\ncql_address = \"10.0.0.1:9042\"\npeer_address = \"10.0.0.1:7000\"";
    let error = load(node, &[]).expect("it can be read").layout().expect_err("it is refused").to_string();
    assert_eq!(error, "'zones': there is no node in zone 'b'");
}
