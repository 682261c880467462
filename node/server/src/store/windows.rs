//! Which entries of the log's file nobody needs any more, and when it pays to remove them.
//!
//! Entries of all shards lie in the order in which they were written, and a flush frees one shard's only. Removing these at once would
//! rewrite every page for the sake of a few entries in it, once for each shard. So the sequence is seen as windows, and a window is
//! cleaned when little else is left in it. Nothing here touches the file, and nothing is lost if it is forgotten: it is made anew at start.

use super::log::Place;
use std::collections::{BTreeMap, BTreeSet};
use trefoil_core::ids::{LogIndex, ShardId};

/// Entries in a window, a few dozen pages.
const WINDOW_ENTRIES: u64 = 1_024;

/// A window in which more than this are still needed is left alone.
const NEEDED_MAX: u32 = 128;

#[derive(Debug, Default)]
struct Window {
    needed: u32,
    rubbish: Vec<Place>,
    /// The rubbish is sorted, the first at the end.
    sorted: bool,
}

/// The entries in the log's file, by where they lie.
#[derive(Debug, Default)]
pub(super) struct Windows {
    windows: BTreeMap<u64, Window>,
    /// Windows worth cleaning.
    ready: BTreeSet<u64>,
    /// Space is short: every window with rubbish is worth cleaning.
    urgent: bool,
}

impl Windows {
    fn change(&mut self, place: Place, change: impl FnOnce(&mut Window)) {
        let number = place.sequence / WINDOW_ENTRIES;
        let window = self.windows.entry(number).or_default();
        change(window);
        if !window.rubbish.is_empty() && (window.needed <= NEEDED_MAX || self.urgent) {
            self.ready.insert(number);
        } else {
            self.ready.remove(&number);
            if window.needed == 0 && window.rubbish.is_empty() {
                self.windows.remove(&number);
            }
        }
    }

    /// An entry is there and needed.
    pub(super) fn insert(&mut self, place: Place) {
        self.change(place, |window| window.needed += 1);
    }

    /// A needed entry is gone.
    pub(super) fn remove(&mut self, place: Place) {
        self.change(place, |window| window.needed -= 1);
    }

    /// An entry is not needed any more.
    pub(super) fn discard(&mut self, place: Place) {
        self.change(place, |window| {
            window.needed -= 1;
            window.rubbish.push(place);
            window.sorted = false;
        });
    }

    /// The opposite of `discard`.
    pub(super) fn keep(&mut self, place: Place) {
        self.change(place, |window| {
            window.needed += 1;
            window.rubbish.retain(|other| *other != place);
        });
    }

    /// Rubbish that is worth removing, in the order in which it was written: neighbours share their pages.
    pub(super) fn take(&mut self) -> Option<Place> {
        let number = *self.ready.first()?;
        let window = self.windows.get_mut(&number)?;
        if !std::mem::replace(&mut window.sorted, true) {
            window.rubbish.sort_unstable_by(|one, other| other.cmp(one));
        }
        let place = *window.rubbish.last()?;
        self.change(place, |window| {
            window.rubbish.pop();
        });
        Some(place)
    }

    /// Rubbish of a shard from an index on, worth it or not.
    pub(super) fn take_from(&mut self, shard: ShardId, index: LogIndex) -> Vec<Place> {
        let of_shard = |place: &Place| place.shard == shard && place.index >= index;
        let rubbish = self.windows.values().flat_map(|window| &window.rubbish);
        let taken: Vec<Place> = rubbish.copied().filter(of_shard).collect();
        for place in &taken {
            self.change(*place, |window| window.rubbish.retain(|other| other != place));
        }
        taken
    }

    /// The opposite of `take`.
    pub(super) fn put_back(&mut self, place: Place) {
        self.change(place, |window| {
            window.rubbish.push(place);
            window.sorted = false;
        });
    }

    /// Whether something is worth removing.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether space is short.
    pub(super) fn set_urgent(&mut self, urgent: bool) {
        if std::mem::replace(&mut self.urgent, urgent) != urgent {
            let worth = |window: &Window| !window.rubbish.is_empty() && (window.needed <= NEEDED_MAX || urgent);
            self.ready = self.windows.iter().filter(|(_, window)| worth(window)).map(|(number, _)| *number).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sequence: u64) -> Place {
        Place { sequence, shard: ShardId(u32::try_from(sequence % 4).expect("small")), index: LogIndex(sequence / 4) }
    }

    fn all(windows: &mut Windows) -> Vec<u64> {
        std::iter::from_fn(|| windows.take()).map(|place| place.sequence).collect()
    }

    #[test]
    fn a_window_is_cleaned_when_little_of_it_is_needed() {
        let mut windows = Windows::default();
        (0..4_096).for_each(|sequence| windows.insert(place(sequence)));
        for shard in [2, 0, 3] {
            assert_eq!(all(&mut windows), [0; 0], "three quarters, or half of it, or a quarter, are needed");
            (0..2_048).filter(|sequence| sequence % 4 == shard).for_each(|sequence| windows.discard(place(sequence)));
        }
        assert!(!windows.is_ready());
        (0..512).filter(|sequence| sequence % 4 == 1).for_each(|sequence| windows.discard(place(sequence)));
        let first: Vec<u64> = (0..1_024).filter(|sequence| sequence % 4 != 1 || *sequence < 512).collect();
        assert_eq!(all(&mut windows), first, "in order");
        // What was left behind goes when it is not needed either,
        windows.discard(place(513));
        assert_eq!(all(&mut windows), [513]);
        // and everything that is not needed goes when space is short.
        windows.set_urgent(true);
        assert_eq!(all(&mut windows).len(), 768);
        assert!(!windows.is_ready());
    }

    #[test]
    fn what_was_done_can_be_undone() {
        let mut windows = Windows::default();
        (0..10).for_each(|sequence| windows.insert(place(sequence)));
        windows.discard(place(3));
        windows.discard(place(2));
        assert_eq!(windows.take(), Some(place(2)));
        windows.put_back(place(2));
        windows.keep(place(3));
        assert_eq!(all(&mut windows), [2]);
        windows.discard(place(3));
        windows.discard(place(7));
        windows.discard(place(1));
        assert_eq!(windows.take_from(ShardId(3), LogIndex(1)), [place(7)]);
        assert_eq!(all(&mut windows), [1, 3]);
    }
}
