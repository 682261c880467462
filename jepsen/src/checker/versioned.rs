//! Registers whose operations carry versions (commit stamp, writetime): linearizability without search, in n log n.
//!
//! A value has one version and a version one value; versions respect real time; a conditional write that was applied comes right
//! after the value that it expected; nothing is read that nobody wrote. Writes whose version nobody told get it from whoever
//! read their value, if values are unique. A write that stays without version constrains nothing here: `zones` and
//! `linearizable` judge it.

use super::real_time::{Placed, contradiction};
use super::{Verdict, check_keys, violated};
use crate::history::{Action, History, Operation, Outcome};
use std::collections::BTreeMap;

/// What reads of nothing have seen: before every write.
const NOTHING: i64 = i64::MIN;

/// Judge a history of `Read`, `Write` and `Cas` with versions. Other actions are ignored.
pub fn check(history: &History) -> Verdict {
    check_keys(history, |history, key, positions| Register::new(history, key, positions).judge())
}

/// What an operation did to the register, or saw of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Wrote(Option<i64>),
    Saw(Option<i64>),
}

struct Register<'a> {
    history: &'a History,
    key: u64,
    /// Operations that count, with their effect and, when known, its version.
    effects: Vec<(usize, Effect, Option<i64>)>,
    deletes: bool,
}

impl<'a> Register<'a> {
    fn new(history: &'a History, key: u64, positions: &[usize]) -> Register<'a> {
        let effects: Vec<(usize, Effect, Option<i64>)> = positions
            .iter()
            .filter_map(|&position| {
                let operation = &history.operations[position];
                effect(operation).map(|effect| (position, effect, operation.version))
            })
            .collect();
        let deletes = effects.iter().any(|(_, effect, _)| *effect == Effect::Wrote(None));
        Register { history, key, effects, deletes }
    }

    fn judge(mut self) -> Verdict {
        let checks = [Self::nothing_from_nowhere, Self::one_version_each, Self::real_time, Self::conditions];
        for check in checks {
            let verdict = check(&mut self);
            if !verdict.is_valid() {
                return verdict;
            }
        }
        Verdict::Valid
    }

    fn operation(&self, position: usize) -> &Operation {
        &self.history.operations[position]
    }

    fn nothing_from_nowhere(&mut self) -> Verdict {
        let mut written: Vec<i64> = self
            .effects
            .iter()
            .filter_map(|(_, effect, _)| if let Effect::Wrote(value) = effect { *value } else { None })
            .collect();
        written.sort_unstable();
        for (position, effect, _) in &self.effects {
            if let Effect::Saw(Some(value)) = effect
                && written.binary_search(value).is_err()
            {
                return violated(self.key, vec![*position], format!("{value} was read but never written"));
            }
        }
        Verdict::Valid
    }

    /// A version has one value and one writer; a value that was written once has one version, which its writer learns here.
    fn one_version_each(&mut self) -> Verdict {
        let mut writers: BTreeMap<i64, u32> = BTreeMap::new();
        for (_, effect, _) in &self.effects {
            if let Effect::Wrote(Some(value)) = effect {
                *writers.entry(*value).or_default() += 1;
            }
        }
        let mut of_version: BTreeMap<i64, (usize, Option<i64>, bool)> = BTreeMap::new();
        let mut of_value: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
        for (position, effect, version) in &self.effects {
            let (Some(version), (value, wrote)) = (
                *version,
                match effect {
                    Effect::Wrote(value) => (*value, true),
                    Effect::Saw(value) => (*value, false),
                },
            ) else {
                continue;
            };
            let first = of_version.entry(version).or_insert((*position, value, false));
            if first.1 != value {
                let explanation = format!("version {version} has two values, {:?} and {value:?}", first.1);
                return violated(self.key, vec![*position, first.0], explanation);
            }
            if wrote && first.2 {
                return violated(self.key, vec![*position, first.0], format!("two writes made version {version}"));
            }
            first.2 |= wrote;
            let Some(value) = value.filter(|value| writers.get(value) == Some(&1)) else { continue };
            let first = of_value.entry(value).or_insert((*position, version));
            if first.1 != version {
                let explanation = format!("{value} was written once but has versions {} and {version}", first.1);
                return violated(self.key, vec![*position, first.0], explanation);
            }
        }
        for (_, effect, version) in &mut self.effects {
            if let (Effect::Wrote(Some(value)) | Effect::Saw(Some(value)), None) = (*effect, *version) {
                *version = of_value.get(&value).map(|(_, version)| *version);
            }
        }
        Verdict::Valid
    }

    fn real_time(&mut self) -> Verdict {
        let placed: Vec<Placed> = self
            .effects
            .iter()
            .filter_map(|(position, effect, version)| {
                let version = match (effect, version) {
                    (_, Some(version)) => *version,
                    (Effect::Saw(None), None) if !self.deletes => NOTHING,
                    _ => return None,
                };
                let operation = self.operation(*position);
                Some(Placed {
                    operation: *position,
                    invoke: operation.invoke,
                    complete: operation.effect_by(),
                    version,
                    wrote: matches!(effect, Effect::Wrote(_)),
                })
            })
            .collect();
        match contradiction(&placed) {
            None => Verdict::Valid,
            Some((earlier, later)) => violated(
                self.key,
                vec![later, earlier],
                "an operation saw or made an older version than another that completed before it began".into(),
            ),
        }
    }

    /// A conditional write that was applied comes right after the value it expected; one that was not saw another.
    fn conditions(&mut self) -> Verdict {
        let mut chain: Vec<(i64, Option<i64>, usize)> = Vec::new();
        let mut unplaced: Vec<Option<i64>> = Vec::new();
        for (position, effect, version) in &self.effects {
            match (effect, version) {
                (Effect::Wrote(value), Some(version)) => chain.push((*version, *value, *position)),
                (Effect::Wrote(value), None) => unplaced.push(*value),
                (Effect::Saw(_), _) => {}
            }
        }
        chain.sort_unstable();
        for (rank, (_, _, position)) in chain.iter().enumerate() {
            let Action::Cas { expected, .. } = self.operation(*position).action else { continue };
            let before = rank.checked_sub(1).map(|rank| chain[rank]);
            if before.and_then(|(_, value, _)| value) != expected && !unplaced.contains(&expected) {
                let explanation = match before {
                    Some((_, value, _)) => {
                        format!("a write conditional on {expected:?} was applied right after {value:?}")
                    }
                    None => format!("a write conditional on {expected:?} was applied before anything else"),
                };
                let operations = [*position].into_iter().chain(before.map(|(_, _, position)| position)).collect();
                return violated(self.key, operations, explanation);
            }
        }
        for (position, _, _) in &self.effects {
            if let Action::Cas { expected, applied: false, seen: Some(seen), .. } = self.operation(*position).action
                && self.operation(*position).outcome == Outcome::Ok
                && expected == seen
            {
                let explanation = format!("a write conditional on {expected:?} was rejected although it saw that");
                return violated(self.key, vec![*position], explanation);
            }
        }
        Verdict::Valid
    }
}

/// What an operation contributes; nothing if it failed, is an unknown read, or is not about registers.
fn effect(operation: &Operation) -> Option<Effect> {
    match (&operation.action, operation.outcome) {
        (_, Outcome::Fail) | (Action::Read { .. }, Outcome::Unknown) => None,
        (Action::Read { value }, Outcome::Ok) => Some(Effect::Saw(*value)),
        (Action::Write { value }, _) => Some(Effect::Wrote(*value)),
        (Action::Cas { value, .. }, Outcome::Unknown) => Some(Effect::Wrote(*value)),
        (Action::Cas { value, applied: true, .. }, Outcome::Ok) => Some(Effect::Wrote(*value)),
        (Action::Cas { applied: false, seen, .. }, Outcome::Ok) => seen.map(Effect::Saw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::model;
    use super::super::testing::{Draw, brute_force, cas, draw, read, rng, write};
    use super::*;
    use rand::Rng;
    use rand::seq::SliceRandom;

    fn judge(operations: Vec<Operation>) -> Verdict {
        check(&History::new(operations))
    }

    #[test]
    fn an_older_version_must_not_be_seen_after_a_newer_one() {
        let (one, two) = (write(1, 1, 0, 10).with_version(1), write(1, 2, 11, 20).with_version(2));
        assert!(judge(vec![one.clone(), two.clone(), read(2, Some(2), 21, 30).with_version(2)]).is_valid());
        assert!(judge(vec![one, two, read(2, Some(1), 21, 30).with_version(1)]).violation().is_some());
    }

    #[test]
    fn a_lost_write_is_found_without_its_version() {
        let verdict = judge(vec![write(1, 1, 0, 10), read(2, Some(1), 11, 20).with_version(4), read(2, None, 30, 40)]);
        assert!(verdict.violation().is_some());
    }

    #[test]
    fn a_read_from_the_future_is_found() {
        let verdict = judge(vec![read(2, Some(1), 0, 5).with_version(1), write(1, 1, 6, 10).with_version(1)]);
        assert!(verdict.violation().is_some());
    }

    #[test]
    fn a_value_applied_twice_has_two_versions() {
        let verdict = judge(vec![
            write(1, 1, 0, 10),
            read(2, Some(1), 20, 30).with_version(1),
            read(2, Some(1), 40, 50).with_version(2),
        ]);
        assert!(verdict.violation().expect("twice").explanation.contains("written once"));
    }

    #[test]
    fn a_condition_must_have_held_at_its_place() {
        let setup = || vec![write(1, 1, 0, 10).with_version(1), write(1, 2, 0, 10).with_version(2)];
        let mut good = setup();
        good.push(cas(2, Some(2), 3, true, 5, 20).with_version(3));
        assert!(judge(good).is_valid());
        let mut bad = setup();
        bad.push(cas(2, Some(1), 3, true, 5, 20).with_version(3));
        assert!(judge(bad.clone()).violation().is_some());
        // An unknown write of the expected value may have come between.
        bad.push(write(4, 1, 0, 10).with_outcome(Outcome::Unknown));
        assert!(judge(bad).is_valid());
    }

    #[test]
    fn a_value_from_nowhere_is_found() {
        assert!(judge(vec![read(2, Some(8), 21, 30).with_version(2)]).violation().is_some());
        let failed = write(1, 8, 0, 10).with_outcome(Outcome::Fail);
        assert!(judge(vec![failed, read(2, Some(8), 21, 30).with_version(2)]).violation().is_some());
    }

    /// Histories whose versions are consistent with one order of the writes, the times then bent: with all versions known
    /// the checker must agree with brute force over the orders that keep the versions.
    #[test]
    fn it_agrees_with_brute_force_when_all_versions_are_known() {
        #[derive(Debug)]
        struct Versioned;
        impl model::Model for Versioned {
            type State = (Option<i64>, Option<i64>);
            fn step(state: &Self::State, operation: &Operation) -> Option<Self::State> {
                let value = <model::Register as model::Model>::step(&state.0, operation)?;
                match effect(operation)? {
                    Effect::Wrote(_) => (operation.version > state.1).then_some((value, operation.version)),
                    Effect::Saw(_) => (operation.version == state.1).then_some((value, state.1)),
                }
            }
        }
        let (mut good, mut bad) = (0, 0);
        for seed in 0..6_000 {
            let mut rng = rng(seed);
            let what = Draw {
                operations: 7,
                processes: 3,
                unique: true,
                cas: seed % 2 == 0,
                unknown: false,
                bend: seed % 3 == 0,
            };
            let mut history = draw(&mut rng, what);
            let mut versions: BTreeMap<i64, i64> = BTreeMap::new();
            for (stamp, operation) in history.operations.iter_mut().enumerate() {
                if let Some(Effect::Wrote(Some(value))) = effect(operation) {
                    versions.insert(value, stamp as i64);
                    operation.version = Some(stamp as i64);
                }
            }
            for operation in &mut history.operations {
                match effect(operation) {
                    Some(Effect::Saw(Some(value))) => operation.version = versions.get(&value).copied(),
                    Some(_) => {}
                    None => operation.outcome = Outcome::Fail,
                }
            }
            if seed % 4 == 1 {
                let (first, second) = (rng.random_range(0..7usize), rng.random_range(0..7usize));
                let times = (history.operations[first].invoke, history.operations[first].complete);
                history.operations[second].invoke = times.0;
                history.operations[second].complete = times.1;
            }
            history.operations.shuffle(&mut rng);
            let expected = brute_force::<Versioned>(&history);
            let verdict = check(&history);
            assert_eq!(verdict.is_valid(), expected, "seed {seed}: {verdict}\n{history:#?}");
            if expected { good += 1 } else { bad += 1 }
        }
        assert!(good > 500 && bad > 500, "the draw must reach both: {good} good, {bad} bad");
    }
}
