//! Deletions that are larger than a row: of a partition, and of ranges of its rows. One record for each partition.
//!
//! A deletion is (timestamp, seconds): the timestamp says what it deletes, the seconds when it may be purged. Of several over the
//! same rows only those are kept that no other beats in both. Purging a deletion only ends its effect on rows written later:
//! a row version remembers the purge horizon it was written under, and a deletion still counts for versions from before its purge.

use super::encoding::{Malformed, Reader, put_bytes, put_signed, put_varint};
use super::row::Deletion;
use std::cmp::Reverse;

/// All deletions of one partition. Equal content has one form: segments ascend, do not overlap, and neighbours differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Deletions {
    partition: Front,
    segments: Vec<Segment>,
}

/// Deletions over the same rows, none beaten by another in both numbers: timestamps fall, seconds rise.
type Front = Vec<Deletion>;

/// Clustering keys `start..end` (empty end: all) that share their deletions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Segment {
    start: Box<[u8]>,
    end: Box<[u8]>,
    front: Front,
}

fn add_to_front(front: &mut Front, new: Deletion) {
    if front.iter().any(|old| old.timestamp >= new.timestamp && old.seconds >= new.seconds) {
        return;
    }
    front.retain(|old| !(new.timestamp >= old.timestamp && new.seconds >= old.seconds));
    let place = front.partition_point(|old| Reverse(old.timestamp) < Reverse(new.timestamp));
    front.insert(place, new);
}

/// The largest timestamp among those made at or after `horizon` seconds; `i64::MIN` if none.
fn strongest(front: &[Deletion], horizon: i64) -> i64 {
    front.iter().find(|deletion| deletion.seconds >= horizon).map_or(i64::MIN, |deletion| deletion.timestamp)
}

fn ends_before(end: &[u8], key: &[u8]) -> bool {
    !end.is_empty() && end <= key
}

fn least_end<'a>(one: &'a [u8], two: &'a [u8]) -> &'a [u8] {
    match (one.is_empty(), two.is_empty()) {
        (true, _) => two,
        (_, true) => one,
        _ => one.min(two),
    }
}

impl Deletions {
    pub(crate) fn is_empty(&self) -> bool {
        self.partition.is_empty() && self.segments.is_empty()
    }

    /// Roughly what it costs in memory.
    pub(crate) fn memory(&self) -> usize {
        self.partition.len() * 16
            + self.segments.iter().map(|s| s.start.len() + s.end.len() + s.front.len() * 16 + 72).sum::<usize>()
    }

    /// Delete the whole partition, static row included.
    pub(crate) fn delete_partition(&mut self, deletion: Deletion) {
        add_to_front(&mut self.partition, deletion);
        if !self.segments.is_empty() {
            self.normalise();
        }
    }

    /// Delete rows `start..end` (empty end: all from start).
    pub(crate) fn delete_range(&mut self, start: &[u8], end: &[u8], deletion: Deletion) {
        if ends_before(end, start) {
            return;
        }
        // Only what overlaps or touches changes: cut it out, rebuild it, put it back.
        let first = self.segments.partition_point(|segment| !segment.end.is_empty() && *segment.end < *start);
        let after = if end.is_empty() {
            self.segments.len()
        } else {
            self.segments.partition_point(|segment| *segment.start <= *end)
        };
        let old: Vec<Segment> = self.segments.splice(first..after.max(first), []).collect();
        let mut new: Vec<Segment> = Vec::with_capacity(old.len() * 2 + 1);
        let partition = &self.partition;
        let mut push = |from: &[u8], to: &[u8], mut front: Front, add: bool| {
            if add {
                add_to_front(&mut front, deletion);
            }
            front.retain(|one| {
                !partition.iter().any(|all| all.timestamp >= one.timestamp && all.seconds >= one.seconds)
            });
            if front.is_empty() {
                return;
            }
            match new.last_mut() {
                Some(last) if *last.end == *from && last.front == front => last.end = to.into(),
                _ => new.push(Segment { start: from.into(), end: to.into(), front }),
            }
        };
        let mut from: &[u8] = start;
        let mut exhausted = false;
        for segment in &old {
            if !exhausted && from < &*segment.start && !ends_before(end, from) {
                let to = least_end(end, &segment.start);
                push(from, to, Front::new(), true);
            }
            // Before, inside and behind the new range.
            if *segment.start < *start {
                push(&segment.start, least_end(&segment.end, start), segment.front.clone(), false);
            }
            let inside: &[u8] = start.max(&segment.start);
            if !ends_before(end, inside) && !ends_before(&segment.end, inside) {
                push(inside, least_end(end, &segment.end), segment.front.clone(), true);
            }
            if !end.is_empty() && !ends_before(&segment.end, end) {
                let behind: &[u8] = end.max(&segment.start);
                push(behind, &segment.end, segment.front.clone(), false);
            }
            if segment.end.is_empty() {
                exhausted = true;
            } else {
                from = from.max(&*segment.end);
            }
        }
        if !exhausted && !ends_before(end, from) {
            push(from, end, Front::new(), true);
        }
        self.segments.splice(first..first, new);
    }

    /// All of another record too.
    pub(crate) fn merge(&mut self, other: &Deletions) {
        for deletion in &other.partition {
            self.delete_partition(*deletion);
        }
        for segment in &other.segments {
            for deletion in &segment.front {
                self.delete_range(&segment.start, &segment.end, *deletion);
            }
        }
    }

    /// Forget deletions made before these seconds.
    pub(crate) fn purge(&mut self, before: i64) {
        self.partition.retain(|deletion| deletion.seconds >= before);
        for segment in &mut self.segments {
            segment.front.retain(|deletion| deletion.seconds >= before);
        }
        self.normalise();
    }

    /// Whether it holds deletions made before these seconds.
    pub(crate) fn has_before(&self, seconds: i64) -> bool {
        let mut all = self.partition.iter().chain(self.segments.iter().flat_map(|segment| &segment.front));
        all.any(|deletion| deletion.seconds < seconds)
    }

    /// Timestamps through which a version of this row (`None`: the static row), written under this purge horizon, is
    /// deleted; `i64::MIN` if it is not.
    pub(crate) fn deleted_through(&self, clustering: Option<&[u8]>, horizon: i64) -> i64 {
        let whole = strongest(&self.partition, horizon);
        let Some(key) = clustering else { return whole };
        let next = self.segments.partition_point(|segment| *segment.start <= *key);
        match next.checked_sub(1).map(|last| &self.segments[last]) {
            Some(segment) if !ends_before(&segment.end, key) => whole.max(strongest(&segment.front, horizon)),
            _ => whole,
        }
    }

    fn normalise(&mut self) {
        let partition = &self.partition;
        for segment in &mut self.segments {
            segment.front.retain(|one| {
                !partition.iter().any(|all| all.timestamp >= one.timestamp && all.seconds >= one.seconds)
            });
        }
        self.segments.retain(|segment| !segment.front.is_empty());
        self.segments.dedup_by(|right, left| {
            let joins = left.end == right.start && !left.end.is_empty() && left.front == right.front;
            if joins {
                left.end = std::mem::take(&mut right.end);
            }
            joins
        });
    }

    /// Append the stored form.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_front(out, &self.partition);
        put_varint(out, self.segments.len() as u64);
        for segment in &self.segments {
            put_bytes(out, &segment.start);
            put_bytes(out, &segment.end);
            put_front(out, &segment.front);
        }
    }

    /// Read the stored form.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Deletions, Malformed> {
        let mut reader = Reader::new(bytes);
        let partition = read_front(&mut reader)?;
        let count = reader.varint()?;
        let mut segments = Vec::new();
        for _ in 0..count {
            let (start, end) = (reader.bytes()?.into(), reader.bytes()?.into());
            segments.push(Segment { start, end, front: read_front(&mut reader)? });
        }
        if reader.is_empty() { Ok(Deletions { partition, segments }) } else { Err(Malformed) }
    }
}

fn put_front(out: &mut Vec<u8>, front: &[Deletion]) {
    put_varint(out, front.len() as u64);
    for deletion in front {
        out.extend_from_slice(&deletion.timestamp.to_le_bytes());
        put_signed(out, deletion.seconds);
    }
}

fn read_front(reader: &mut Reader<'_>) -> Result<Front, Malformed> {
    let count = reader.varint()?;
    let mut front = Front::new();
    for _ in 0..count {
        front.push(Deletion { timestamp: reader.i64()?, seconds: reader.signed()? });
    }
    Ok(front)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen, quickcheck};

    /// `None`: the partition; else a range of one-byte keys, the end perhaps open.
    #[derive(Clone, Debug)]
    struct Step {
        range: Option<(Vec<u8>, Vec<u8>)>,
        deletion: Deletion,
    }

    impl Arbitrary for Step {
        fn arbitrary(random: &mut Gen) -> Step {
            let mut small = |below: u32| u32::arbitrary(random) % below;
            let key = |n: u32| if n == 0 { vec![] } else { vec![n as u8] };
            Step {
                range: (small(6) > 0).then(|| (key(small(7)), key(small(8)))),
                deletion: Deletion { timestamp: i64::from(small(5)), seconds: i64::from(small(5)) },
            }
        }
    }

    fn build(steps: &[Step]) -> Deletions {
        let mut deletions = Deletions::default();
        for step in steps {
            match &step.range {
                None => deletions.delete_partition(step.deletion),
                Some((start, end)) => deletions.delete_range(start, end, step.deletion),
            }
        }
        deletions
    }

    fn naive(steps: &[Step], key: Option<&[u8]>, horizon: i64) -> i64 {
        let covers = |step: &&Step| match (&step.range, key) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((start, end)), Some(key)) => &**start <= key && (end.is_empty() || key < &**end),
        };
        let live = steps.iter().filter(covers).filter(|step| step.deletion.seconds >= horizon);
        live.map(|step| step.deletion.timestamp).max().unwrap_or(i64::MIN)
    }

    fn agrees(deletions: &Deletions, steps: &[Step], purged: i64) -> bool {
        let keys = (0..10u8).map(|n| if n == 0 { vec![] } else { vec![n] }).chain((1..9).map(|n| vec![n, 0]));
        let mut keys: Vec<Option<Vec<u8>>> = keys.map(Some).collect();
        keys.push(None);
        keys.iter().all(|key| {
            (0..6).all(|horizon| {
                deletions.deleted_through(key.as_deref(), horizon) == naive(steps, key.as_deref(), horizon.max(purged))
            })
        })
    }

    quickcheck! {
        fn every_key_sees_its_deletions(steps: Vec<Step>) -> bool {
            agrees(&build(&steps), &steps, 0)
        }

        fn merging_is_applying_both(one: Vec<Step>, two: Vec<Step>) -> bool {
            let mut merged = build(&one);
            merged.merge(&build(&two));
            let all: Vec<Step> = one.into_iter().chain(two).collect();
            agrees(&merged, &all, 0)
        }

        fn the_form_does_not_depend_on_the_order(steps: Vec<Step>) -> bool {
            let reversed: Vec<Step> = steps.iter().rev().cloned().collect();
            build(&steps) == build(&reversed)
        }

        fn purging_commutes_with_deleting(steps: Vec<Step>, before: u8) -> bool {
            let before = i64::from(before % 6);
            let mut late = build(&steps);
            late.purge(before);
            let kept: Vec<Step> = steps.iter().filter(|step| step.deletion.seconds >= before).cloned().collect();
            late == build(&kept) && agrees(&late, &steps, before) && !late.has_before(before)
        }

        fn the_stored_form_survives(steps: Vec<Step>) -> bool {
            let deletions = build(&steps);
            let mut out = Vec::new();
            deletions.encode(&mut out);
            Deletions::decode(&out).as_ref() == Ok(&deletions)
        }
    }
}
