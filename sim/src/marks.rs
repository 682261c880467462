//! Reachability marks: rare situations that nodes (`sometimes!`) and this simulator report when they come about. A sweep
//! fails when a required mark was never hit: a net that never gets wet catches nothing.

use std::collections::BTreeMap;

/// Marks that a sweep of the swarm must have hit at least once. The one place that names them; those of nodes are the
/// literals in `sometimes!` of `trefoil_core`, those of the simulator begin with "sim: ".
pub const REQUIRED: &[&str] = &[
    "a doubled or very late message is dropped",
    "a message takes a detour",
    "batch over several shards decided",
    "batch taken up by another leader",
    "clock found wrong",
    "disk found broken",
    "disk found full",
    "flush begun",
    "leadership handed over",
    "read waits for raft",
    "replica rebuilt",
    "request came too late to be applied",
    "request planned again",
    "request waited for a schema lease",
    "retried request answered from memory",
    "snapshot installed",
    "snapshot sent",
    "space freed",
    "statement not known here",
    "write refused by a disk",
    "storage retired",
    "sim: a log went bad",
    "sim: a replica found damage and withdrew",
    "sim: a stored value went bad",
    "sim: a crash in the middle of a step",
    "sim: a crash lost submitted batches",
    "sim: a node was wiped",
    "sim: a node was wiped and a zone was dark in one run",
    "sim: a message was doubled",
    "sim: a message from an earlier life arrived",
    "sim: an inbox was full",
    "sim: an operation ended unknown",
    "sim: a request arrived after its client had given up",
    "sim: a statement was prepared again",
    "sim: a scan took several pages",
    "sim: a scan went on at another node",
];

/// How often each mark was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// By address first: a mark is a literal, and comparing addresses is cheaper than comparing text.
    hits: Vec<(&'static str, u64)>,
}

impl Marks {
    /// A mark was hit.
    #[inline]
    pub fn hit(&mut self, mark: &'static str) {
        for (name, times) in &mut self.hits {
            if std::ptr::eq(*name, mark) {
                *times += 1;
                return;
            }
        }
        self.hits.push((mark, 1));
    }

    /// All marks by name; one name may stand at several places in the code.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut by_name = BTreeMap::new();
        for (name, times) in &self.hits {
            *by_name.entry(*name).or_default() += times;
        }
        by_name
    }

    /// Those of another run as well.
    pub fn add(&mut self, other: &Marks) {
        for (name, times) in &other.hits {
            match self.hits.iter_mut().find(|(mine, _)| std::ptr::eq(*mine, *name)) {
                Some((_, mine)) => *mine += times,
                None => self.hits.push((name, *times)),
            }
        }
    }

    /// Required marks that were never hit.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let by_name = self.by_name();
        REQUIRED.iter().copied().filter(|mark| !by_name.contains_key(mark)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_hit_is_missing() {
        let mut marks = Marks::default();
        marks.hit(REQUIRED[0]);
        marks.hit(REQUIRED[0]);
        let mut sum = Marks::default();
        sum.add(&marks);
        sum.add(&marks);
        assert_eq!(sum.by_name(), BTreeMap::from([(REQUIRED[0], 4)]));
        assert_eq!(sum.missing(), REQUIRED[1..].to_vec());
    }
}
