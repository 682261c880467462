//! **EXPIRY-MONOTONE**: what has expired never comes back, whoever is asked and whatever the clocks do.
//!
//! Here every expiring key is written once. Once a linearizable read has shown nothing after its value was there (it was
//! acknowledged, or had been seen), no later read shows it again. In worlds whose clocks are sound it also expires neither
//! long before nor long after its time. Proved able to fail by `ExpiryByLocalWallClock`.

use super::Judged;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::faults::Fault;
use crate::plan::Plan;
use crate::plan::program::Operation;
use crate::world::queue::Time;
use std::collections::BTreeMap;

/// How much an expiry may be off in a world with sound clocks: whole seconds on both sides, the skew allowed, and what a
/// few changes of leaders move hybrid time ahead (each by two election timeouts).
fn tolerance_ns(plan: &Plan) -> u64 {
    let election_ns = u64::try_from(plan.cluster.tuning.election_timeout.as_nanos()).unwrap_or(u64::MAX / 16);
    3_000_000_000 + 8 * election_ns
}

/// Judge all expiring keys.
pub(super) fn check(plan: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    let mut writes: BTreeMap<u32, (usize, &Entry, u32, u32)> = BTreeMap::new();
    for (number, entry) in history.entries.iter().enumerate() {
        if let Operation::ExpiringWrite { key, value, ttl } = entry.operation {
            writes.insert(key, (number, entry, value, ttl));
        }
    }
    let mut reads: BTreeMap<u32, Vec<(usize, &Entry, Option<u32>)>> = BTreeMap::new();
    for (number, entry) in history.entries.iter().enumerate() {
        if let (Operation::ExpiringRead { key }, Outcome::Ok(Seen::Value(value, _))) =
            (&entry.operation, &entry.outcome)
        {
            reads.entry(*key).or_default().push((number, entry, *value));
        }
    }
    for (key, reads) in reads {
        let Some((write_number, write, value, ttl)) = writes.get(&key).copied() else {
            match reads.iter().find(|(_, _, value)| value.is_some()) {
                Some((number, ..)) => {
                    return Err(Judged::new("EXPIRY-MONOTONE", format!("key {key} was never written"), vec![*number]));
                }
                None => continue,
            }
        };
        if let Some((number, ..)) = reads.iter().find(|(_, _, seen)| seen.is_some_and(|seen| seen != value)) {
            let text = format!("key {key} shows another value");
            return Err(Judged::new("EXPIRY-MONOTONE", text, vec![write_number, *number]));
        }
        never_back(key, write_number, write, &reads)?;
        if clocks_are_sound(plan) {
            in_time(key, (write_number, write), ttl, &reads, tolerance_ns(plan))?;
        }
    }
    Ok(())
}

/// When the value was certainly there, and when it was certainly gone after that; then it must stay gone.
fn never_back(
    key: u32,
    write_number: usize,
    write: &Entry,
    reads: &[(usize, &Entry, Option<u32>)],
) -> Result<(), Judged> {
    let acknowledged = matches!(write.outcome, Outcome::Ok(_)).then_some(write.complete);
    let first_seen = reads.iter().filter(|(_, _, value)| value.is_some()).map(|(_, entry, _)| entry.complete).min();
    let Some(there_at) = acknowledged.into_iter().chain(first_seen).min() else { return Ok(()) };
    let gone = reads.iter().filter(|(_, entry, value)| value.is_none() && entry.invoke > there_at);
    let Some((gone_number, gone, _)) = gone.min_by_key(|(_, entry, _)| entry.complete) else { return Ok(()) };
    match reads.iter().find(|(_, entry, value)| value.is_some() && entry.invoke > gone.complete) {
        None => Ok(()),
        Some((back, ..)) => {
            let text = format!("key {key} had expired and came back");
            Err(Judged::new("EXPIRY-MONOTONE", text, vec![write_number, *gone_number, *back]))
        }
    }
}

fn in_time(
    key: u32,
    (write_number, write): (usize, &Entry),
    ttl: u32,
    reads: &[(usize, &Entry, Option<u32>)],
    tolerance_ns: u64,
) -> Result<(), Judged> {
    if !matches!(write.outcome, Outcome::Ok(_)) {
        return Ok(());
    }
    let ttl_ns = u64::from(ttl) * 1_000_000_000;
    let earliest = Time((write.invoke.0 + ttl_ns).saturating_sub(tolerance_ns));
    let latest = write.complete.plus(ttl_ns + tolerance_ns);
    for (number, entry, value) in reads {
        let wrong = match value {
            Some(_) => entry.invoke > latest,
            None => entry.invoke > write.complete && entry.complete < earliest,
        };
        if wrong {
            let text =
                format!("key {key} lives {ttl} s, but is {}", if value.is_some() { "still there" } else { "gone" });
            return Err(Judged::new("EXPIRY-MONOTONE", text, vec![write_number, *number]));
        }
    }
    Ok(())
}

/// Whether wall clocks are within the skew that the cluster tolerates, and nobody touches them.
fn clocks_are_sound(plan: &Plan) -> bool {
    let skew_us = plan.cluster.tuning.max_clock_skew.as_micros() as i64;
    let touched = plan.faults.iter().any(|fault| {
        matches!(fault.fault, Fault::WallStep { .. } | Fault::WallStrobe { .. } | Fault::WallFreeze { .. })
    });
    // Every change of leaders may move hybrid time ahead by two election timeouts: few faults, few changes.
    plan.faults.is_empty() && !touched && plan.clocks.iter().all(|clock| clock.wall_offset_us.abs() <= skew_us)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, history, plan, saw, unknown};
    use super::*;

    fn judge(write: Entry, reads: &[(u64, Option<u32>)]) -> Result<(), Judged> {
        let mut plan = plan();
        plan.cluster.tuning.election_timeout = std::time::Duration::from_millis(1);
        for clock in &mut plan.clocks {
            clock.wall_offset_us = 0;
        }
        let read = |(at, value): &(u64, Option<u32>)| saw(Operation::ExpiringRead { key: 1 }, *value, *at, at + 1);
        let entries = std::iter::once(write).chain(reads.iter().map(read)).collect();
        check(&plan, &history(entries), &mut Vec::new())
    }

    #[test]
    fn what_has_expired_stays_away() {
        let write = || Operation::ExpiringWrite { key: 1, value: 5, ttl: 10 };
        assert_eq!(judge(done(write(), 0, 1), &[(3, Some(5)), (15, None), (18, None)]), Ok(()));
        assert!(judge(done(write(), 0, 1), &[(10, None), (12, Some(5))]).is_err(), "it came back");
        assert!(judge(done(write(), 0, 1), &[(3, None)]).is_err(), "too early");
        assert!(judge(done(write(), 0, 1), &[(20, Some(5))]).is_err(), "too late");
        assert!(judge(done(write(), 0, 1), &[(3, Some(6))]).is_err(), "another value");
        assert_eq!(judge(unknown(write(), 0, 1), &[(3, None), (6, Some(5))]), Ok(()), "it came late");
        assert!(judge(unknown(write(), 0, 1), &[(3, Some(5)), (6, None), (8, Some(5))]).is_err());
    }
}
