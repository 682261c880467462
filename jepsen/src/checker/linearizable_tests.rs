//! Good and bad histories by hand, and agreement with brute force on thousands of small random ones.

use super::super::model::{List, Rows};
use super::super::testing::{Draw, brute_force, cas, draw, read, rng, write};
use super::*;

fn judge(operations: Vec<Operation>) -> Verdict {
    check(&History::new(operations))
}

#[test]
fn concurrent_writes_may_be_seen_in_either_order_but_in_one() {
    let writes = || vec![write(1, 1, 0, 100), write(2, 2, 0, 100)];
    let seen = |first, second| {
        let mut operations = writes();
        operations.extend([read(3, Some(first), 110, 120), read(4, Some(second), 130, 140)]);
        judge(operations)
    };
    assert!(seen(1, 1).is_valid());
    assert!(seen(2, 2).is_valid());
    assert!(seen(1, 2).violation().is_some(), "the register cannot change without a write");
}

#[test]
fn a_stale_read_is_named() {
    let verdict = judge(vec![write(1, 1, 0, 10), write(1, 2, 20, 30), read(2, Some(1), 40, 50)]);
    let violation = verdict.violation().expect("stale");
    assert_eq!(violation.operations[0], 2);
}

#[test]
fn a_lost_acknowledged_write_is_found() {
    assert!(judge(vec![write(1, 1, 0, 10), read(2, None, 40, 50)]).violation().is_some());
}

#[test]
fn equal_times_count_as_concurrent() {
    assert!(judge(vec![write(1, 1, 0, 10), read(2, None, 10, 20)]).is_valid());
    assert!(judge(vec![write(1, 1, 0, 10), read(2, None, 11, 20)]).violation().is_some());
}

#[test]
fn two_conditional_writes_cannot_both_win() {
    let mut operations = vec![write(9, 1, 0, 1), cas(1, Some(1), 2, true, 10, 20), cas(2, Some(1), 3, true, 10, 20)];
    assert!(judge(operations.clone()).violation().is_some());
    operations[2] = cas(2, Some(1), 3, false, 10, 20);
    assert!(judge(operations).is_valid());
}

#[test]
fn a_rejection_must_have_had_a_reason() {
    let operations = vec![write(9, 1, 0, 1), cas(1, Some(1), 2, false, 10, 20)];
    assert!(judge(operations).violation().is_some());
}

#[test]
fn an_unknown_write_may_take_effect_late_or_never_but_not_twice() {
    let unknown = write(1, 1, 0, 10).with_outcome(Outcome::Unknown);
    assert!(judge(vec![unknown.clone(), read(2, None, 100, 110)]).is_valid());
    assert!(judge(vec![unknown.clone(), read(2, None, 100, 110), read(2, Some(1), 120, 130)]).is_valid());
    let again = vec![unknown, read(2, Some(1), 20, 30), write(3, 2, 40, 50), read(2, Some(1), 60, 70)];
    assert!(judge(again).violation().is_some(), "it was seen, overwritten, and came back");
}

#[test]
fn a_failed_write_must_not_be_seen() {
    let failed = write(1, 1, 0, 10).with_outcome(Outcome::Fail);
    assert!(judge(vec![failed, read(2, Some(1), 20, 30)]).violation().is_some());
}

#[test]
fn a_deleted_value_stays_deleted() {
    let delete = Operation::ok(1, 1, Action::Write { value: None }, 20, 30);
    assert!(judge(vec![write(1, 1, 0, 10), delete.clone(), read(2, None, 40, 50)]).is_valid());
    assert!(judge(vec![write(1, 1, 0, 10), delete, read(2, Some(1), 40, 50)]).violation().is_some());
}

#[test]
fn keys_are_judged_apart() {
    let elsewhere = Operation { key: 2, ..read(2, None, 20, 30) };
    assert!(judge(vec![write(1, 1, 0, 10), elsewhere]).is_valid());
}

#[test]
fn it_agrees_with_brute_force() {
    let mut violations = 0;
    let mut valid = 0;
    for seed in 0..6_000 {
        let what = Draw {
            operations: 7,
            processes: 3,
            unique: seed % 2 == 0,
            cas: seed % 3 > 0,
            unknown: seed % 5 > 1,
            bend: true,
        };
        let history = draw(&mut rng(seed), what);
        let expected = brute_force::<Register>(&history);
        let verdict = check(&history);
        assert_eq!(verdict.is_valid(), expected, "seed {seed}: {verdict}\n{history:#?}");
        if expected { valid += 1 } else { violations += 1 }
    }
    assert!(violations > 500 && valid > 500, "the draw must reach both: {violations} bad, {valid} good");
}

#[test]
fn long_overlapping_histories_are_decided() {
    for seed in 0..20 {
        let what = Draw { operations: 2_000, processes: 5, unique: false, cas: true, unknown: false, bend: false };
        let mut history = draw(&mut rng(seed), what);
        assert!(check(&history).is_valid(), "seed {seed}");
        history.operations.push(read(99, Some(77), 1_000_000, 1_000_001));
        assert!(check(&history).violation().is_some(), "seed {seed}");
    }
}

#[test]
fn the_search_gives_up_honestly() {
    let mut operations: Vec<Operation> = (0..40).map(|n| write(n, n as i64 % 3, 0, 1_000)).collect();
    operations.push(read(99, Some(7), 2_000, 2_001));
    let verdict = check_with(&History::new(operations), 1_000);
    assert!(matches!(verdict, Verdict::Undecided(_)), "{verdict}");
}

#[test]
fn a_window_of_more_than_one_word_keeps_its_order() {
    // One operation stays open while 200 others come and go.
    let mut operations = vec![write(0, 1_000, 0, 10_000)];
    for n in 0..200u64 {
        operations.push(write(1, n as i64, 10 + 20 * n, 15 + 20 * n));
        operations.push(read(2, Some(n as i64), 16 + 20 * n, 20 + 20 * n));
    }
    operations.push(read(3, Some(1_000), 9_000, 9_001));
    assert!(judge(operations.clone()).is_valid());
    operations.push(read(3, Some(0), 9_002, 9_003));
    assert!(judge(operations).violation().is_some());
}

#[test]
fn lists_and_rows_can_be_searched_too() {
    let append = |value, invoke, complete| Operation::ok(1, 1, Action::Append { value }, invoke, complete);
    let read_list = |values: &[i64], invoke, complete| {
        Operation::ok(2, 1, Action::ReadList { values: values.to_vec() }, invoke, complete)
    };
    let good = History::new(vec![append(1, 0, 10), append(2, 5, 15), read_list(&[2, 1], 20, 30)]);
    assert!(check_model::<List>(&good, 1_000).is_valid());
    let bad = History::new(vec![append(1, 0, 10), append(2, 11, 15), read_list(&[2, 1], 20, 30)]);
    assert!(check_model::<List>(&bad, 1_000).violation().is_some());
    let batch = Operation::ok(1, 1, Action::Batch { writes: vec![(1, 5), (2, 5)] }, 0, 10);
    let torn = Operation::ok(2, 1, Action::ReadRows { rows: vec![(1, 5)] }, 0, 10);
    assert!(check_model::<Rows>(&History::new(vec![batch, torn]), 1_000).violation().is_some());
}
