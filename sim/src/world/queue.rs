//! The event queue: the only thing that moves virtual time. Events at one time come out in the order they were put in,
//! so a run has no ties. Events live in a slab and the heap holds three numbers each: moving them costs little.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Virtual nanoseconds since the run began. The truth, which no node ever sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// This many nanoseconds later.
    #[must_use]
    pub fn plus(self, ns: u64) -> Time {
        Time(self.0.saturating_add(ns))
    }

    /// At this many milliseconds.
    #[must_use]
    pub fn from_ms(ms: u64) -> Time {
        Time(ms.saturating_mul(1_000_000))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

/// Events by time, then by order of arrival.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u64,
    now: Time,
}

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), sequence: 0, now: Time(0) }
    }
}

impl<E> Queue<E> {
    /// The time of the event that came out last.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Put an event in; a time that has passed means now.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                self.slab.len() as u32 - 1
            }
        };
        self.heap.push(Reverse((at.max(self.now).0, self.sequence, slot)));
        self.sequence += 1;
    }

    /// The next event; time moves to it.
    #[inline]
    pub fn pop(&mut self) -> Option<E> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.now = Time(at);
        self.free.push(slot);
        self.slab[slot as usize].take()
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _, _))| Time(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_then_by_arrival() {
        let mut queue = Queue::default();
        for (at, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            queue.push(Time(at), name);
        }
        assert_eq!(queue.pop(), Some('a'));
        queue.push(Time(0), 'x'); // The past means now, after what was already there.
        let rest: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, "bxcd");
        assert_eq!(queue.now(), Time(5));
    }
}
