//! Every message is heard once. A network may double a message, and a double is worse than a loss: a request that was accepted and
//! whose double is then refused would be reported as "nothing happened". So messages to a peer are numbered, and a number that was
//! heard is not heard again; one that comes very late is given up as lost, which everybody must expect anyway.

use crate::ids::{Incarnation, NodeId};
use std::collections::BTreeMap;

/// How many numbers behind the highest a message may come. A multiple of 64.
const WINDOW: u64 = 1_024;

/// Lives of a peer that are told apart at once; messages of an earlier one may still be under way.
const LIVES: usize = 4;

/// Numbers of what was sent and heard.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    sent: BTreeMap<NodeId, u64>,
    heard: BTreeMap<NodeId, BTreeMap<Incarnation, Heard>>,
}

/// What was heard of one life of a peer.
#[derive(Clone, Debug)]
struct Heard {
    highest: u64,
    /// A bit for each number of the window, at the number modulo its size.
    window: [u64; WINDOW as usize / 64],
}

impl Numbering {
    /// The number of the next message to a peer; the first is 1.
    pub fn next(&mut self, to: NodeId) -> u64 {
        let number = self.sent.entry(to).or_default();
        *number += 1;
        *number
    }

    /// Whether a message was not heard before, as far as is remembered.
    pub fn is_new(&mut self, from: NodeId, incarnation: Incarnation, number: u64) -> bool {
        let lives = self.heard.entry(from).or_default();
        let heard =
            lives.entry(incarnation).or_insert(Heard { highest: 0, window: [0; WINDOW as usize / 64] }).take(number);
        if lives.len() > LIVES {
            lives.pop_first();
        }
        heard
    }
}

impl Heard {
    fn take(&mut self, number: u64) -> bool {
        if number + WINDOW <= self.highest {
            return false;
        }
        if number > self.highest {
            // Numbers between were not heard; beyond a whole window nothing old is left.
            for skipped in (self.highest + 1..=number).rev().take(WINDOW as usize) {
                let (word, bit) = place(skipped);
                self.window[word] &= !bit;
            }
            self.highest = number;
        }
        let (word, bit) = place(number);
        let new = self.window[word] & bit == 0;
        self.window[word] |= bit;
        new
    }
}

fn place(number: u64) -> (usize, u64) {
    ((number % WINDOW / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::collections::BTreeSet;

    const PEER: NodeId = NodeId(1);

    #[test]
    fn numbers_count_for_each_peer() {
        let mut numbering = Numbering::default();
        assert_eq!((numbering.next(PEER), numbering.next(NodeId(2)), numbering.next(PEER)), (1, 1, 2));
    }

    #[test]
    fn another_life_begins_anew() {
        let mut numbering = Numbering::default();
        assert!(numbering.is_new(PEER, Incarnation(7), 1));
        assert!(!numbering.is_new(PEER, Incarnation(7), 1));
        assert!(numbering.is_new(PEER, Incarnation(8), 1));
        assert!(!numbering.is_new(PEER, Incarnation(7), 1), "a late double of the earlier life");
    }

    quickcheck! {
        /// As a set would have it, but for what is too late.
        fn nothing_is_heard_twice_and_nothing_in_time_is_lost(steps: Vec<u16>) -> bool {
            let (mut numbering, mut seen, mut highest) = (Numbering::default(), BTreeSet::new(), 0);
            steps.into_iter().all(|step| {
                let number = u64::from(step % 5_000) + 1;
                let in_time = number + WINDOW > highest;
                highest = highest.max(number);
                let new = seen.insert(number);
                numbering.is_new(PEER, Incarnation(1), number) == (new && in_time)
            })
        }
    }
}
