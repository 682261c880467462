//! **EXACTLY-ONCE**, as clients see it: "A write that is sent again inside the cluster is applied once: list appends and counters
//! are exact."
//!
//! Here every increment of a counter is a power of four that no other adds, so what a counter shows says which increments it has,
//! and which twice: an acknowledged one once, whoever asks afterwards; one whose outcome its client does not know once or not at
//! all; a refused one never. What reads see only grows, one read containing the other, and none has an increment without
//! those that were acknowledged before it began. Of two counters in a row, one up and one down, the sum is nothing.
//! Proved able to fail by `IncrementMissesMemory` and `DeduplicationForgotten`.

use super::Judged;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::clients::PLACES;
use crate::plan::program::Operation;
use std::collections::BTreeMap;

const PROMISE: &str = "EXACTLY-ONCE counters";

/// An operation and its number in the history.
type Numbered<'a> = (usize, &'a Entry);

/// What is known of one counter.
#[derive(Default)]
struct Counter<'a> {
    /// Its increments, by place.
    added: BTreeMap<u32, Numbered<'a>>,
    /// Reads, and the places that each saw, a bit for one.
    reads: Vec<(Numbered<'a>, u32)>,
}

/// Judge all counters.
pub(super) fn check(_: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    let mut counters: BTreeMap<u32, Counter<'_>> = BTreeMap::new();
    for (number, entry) in history.entries.iter().enumerate() {
        match (&entry.operation, &entry.outcome) {
            (Operation::CounterAdd { counters: added }, _) => {
                for &(key, place) in added {
                    counters.entry(key).or_default().added.insert(u32::from(place), (number, entry));
                }
            }
            (&Operation::CounterRead { key }, Outcome::Ok(Seen::Counters(up, down))) => {
                let seen = places(key, number, *up, *down)?;
                counters.entry(key).or_default().reads.push(((number, entry), seen));
            }
            _ => {}
        }
    }
    for (key, counter) in &counters {
        counter.increments(*key)?;
        counter.order(*key)?;
    }
    Ok(())
}

/// Which increments a counter shows.
fn places(key: u32, number: usize, up: i64, down: i64) -> Result<u32, Judged> {
    let broken = |text: String| Err(Judged::new(PROMISE, text, vec![number]));
    if up.checked_neg() != Some(down) {
        return broken(format!("counter {key} went up to {up} and down to {down} at once"));
    }
    if up < 0 || up >> (2 * PLACES) != 0 {
        return broken(format!("counter {key} shows {up}, which no increments add up to"));
    }
    let times = |place: u32| up >> (2 * place) & 3;
    match (0..PLACES).find(|&place| times(place) > 1) {
        Some(place) => broken(format!("counter {key} shows increment {place} {} times", times(place))),
        None => Ok((0..PLACES).filter(|&place| times(place) == 1).map(|place| 1 << place).sum()),
    }
}

impl Counter<'_> {
    /// Every read has what was acknowledged before it, and nothing that did not happen.
    fn increments(&self, key: u32) -> Result<(), Judged> {
        for &((number, read), seen) in &self.reads {
            for place in 0..PLACES {
                let shown = seen & 1 << place != 0;
                let Some(&(added, entry)) = self.added.get(&place) else {
                    if shown {
                        return Err(Judged::new(
                            PROMISE,
                            format!("nobody added {place} to counter {key}"),
                            vec![number],
                        ));
                    }
                    continue;
                };
                let never = matches!(entry.outcome, Outcome::Refused(_) | Outcome::Failed(_));
                let text = if shown && (never || entry.invoke > read.complete) {
                    format!("counter {key} shows increment {place}, which did not happen, or not yet")
                } else if !shown && acknowledged(entry) && entry.complete < read.invoke {
                    format!("counter {key} misses increment {place}")
                } else {
                    continue;
                };
                return Err(Judged::new(PROMISE, text, vec![added, number]));
            }
            self.before(key, number, seen)?;
        }
        Ok(())
    }

    /// What was acknowledged before something that is seen began is seen too.
    fn before(&self, key: u32, number: usize, seen: u32) -> Result<(), Judged> {
        let (shown, missing): (Vec<_>, Vec<_>) = self.added.iter().partition(|&(&place, _)| seen & 1 << place != 0);
        let Some((later, began)) =
            shown.iter().map(|(_, (later, entry))| (*later, entry.invoke)).max_by_key(|&(_, at)| at)
        else {
            return Ok(());
        };
        match missing.iter().find(|(_, (_, entry))| acknowledged(entry) && entry.complete < began) {
            None => Ok(()),
            Some((place, (earlier, _))) => {
                let text = format!("counter {key} shows a later increment, and not {place}");
                Err(Judged::new(PROMISE, text, vec![*earlier, later, number]))
            }
        }
    }

    /// What reads see grows, in an order that agrees with time.
    fn order(&self, key: u32) -> Result<(), Judged> {
        for (at, one) in self.reads.iter().enumerate() {
            for two in &self.reads[at + 1..] {
                let (((less, after), few), ((more, before), many)) =
                    if one.1.count_ones() < two.1.count_ones() { (one, two) } else { (two, one) };
                let text = if few & !many != 0 {
                    format!("two reads of counter {key} each miss what the other saw")
                } else if few != many && before.complete < after.invoke {
                    format!("counter {key} goes back")
                } else {
                    continue;
                };
                return Err(Judged::new(PROMISE, text, vec![*more, *less]));
            }
        }
        Ok(())
    }
}

fn acknowledged(entry: &Entry) -> bool {
    matches!(entry.outcome, Outcome::Ok(_))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan, unknown};
    use super::*;

    fn add(place: u8) -> Operation {
        Operation::CounterAdd { counters: vec![(7, place)] }
    }

    /// A read that shows increments so many times each.
    fn read_during(times: &[(u32, i64)], invoke: u64, complete: u64) -> Entry {
        let sum = times.iter().map(|(place, times)| times << (2 * place)).sum::<i64>();
        entry(Operation::CounterRead { key: 7 }, invoke, complete, Outcome::Ok(Seen::Counters(sum, -sum)))
    }

    /// The same, from one second to the next.
    fn read(times: &[(u32, i64)], at: u64) -> Entry {
        read_during(times, at, at + 1)
    }

    fn judge(entries: Vec<Entry>) -> Result<(), Judged> {
        check(&plan(), &history(entries), &mut Vec::new())
    }

    #[test]
    fn an_increment_is_seen_once() {
        let with = |times: i64| judge(vec![done(add(30), 0, 1), read(&[(30, times)], 2)]);
        assert_eq!(with(1), Ok(()));
        assert!(with(0).is_err(), "lost");
        assert!(with(2).is_err(), "twice");
        let in_doubt = |times: i64| judge(vec![unknown(add(3), 0, 1), read(&[(3, times)], 2)]);
        assert_eq!((in_doubt(0), in_doubt(1)), (Ok(()), Ok(())));
        assert!(in_doubt(3).is_err());
        assert!(judge(vec![read(&[(2, 1)], 2)]).is_err(), "nobody added it");
        let refused = entry(add(2), 0, 1, Outcome::Refused("no".into()));
        assert!(judge(vec![refused, read(&[(2, 1)], 2)]).is_err());
        assert!(judge(vec![done(add(2), 4, 5), read(&[(2, 1)], 2)]).is_err(), "not yet");
    }

    #[test]
    fn reads_see_what_grows_in_one_order() {
        let adds = || vec![unknown(add(0), 0, 1), unknown(add(1), 0, 1)];
        let with = |reads: Vec<Entry>| judge([adds(), reads].concat());
        assert_eq!(with(vec![read(&[(0, 1)], 2), read(&[(0, 1), (1, 1)], 4)]), Ok(()));
        assert!(with(vec![read(&[(0, 1), (1, 1)], 2), read(&[(0, 1)], 4)]).is_err(), "it goes back");
        assert!(with(vec![read(&[(0, 1)], 2), read(&[(1, 1)], 2)]).is_err(), "two histories");
        let later = |reads| judge([vec![done(add(0), 0, 1), unknown(add(1), 2, 9)], vec![reads]].concat());
        // Begun before either was done, so it need not have seen the first.
        assert_eq!(later(read_during(&[(0, 1), (1, 1)], 0, 3)), Ok(()));
        assert_eq!(later(read_during(&[], 0, 3)), Ok(()));
        assert!(later(read_during(&[(1, 1)], 0, 3)).is_err(), "the second without the first");
    }

    #[test]
    fn two_counters_of_a_row_move_together() {
        let seen = Seen::Counters(1, 0);
        let apart = entry(Operation::CounterRead { key: 7 }, 2, 3, Outcome::Ok(seen));
        assert!(judge(vec![done(add(0), 0, 1), apart]).is_err());
    }
}
