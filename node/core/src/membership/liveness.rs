//! Liveness of nodes: everybody says `Alive` to everybody from time to time; who is silent is considered dead. It is a
//! hint, never a proof: safety rests on raft alone. What may depend on it: answering Unavailable early, waking idle
//! shards whose leader went silent, status events for drivers, and noticing that the own wall clock is wrong.

use crate::config::Layout;
use crate::ids::{Incarnation, NodeId, ShardId};
use crate::message::AliveEcho;
use crate::time::{Clock, Monotonic};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a node says that it is alive.
pub const ALIVE_INTERVAL: Duration = Duration::from_millis(200);
/// Silence after which a node counts as dead: four missed calls.
pub const DEAD_AFTER: Duration = Duration::from_millis(900);

/// What this node knows of the others.
#[derive(Clone, Debug)]
pub struct Liveness {
    peers: BTreeMap<NodeId, Peer>,
    next_call: Monotonic,
    /// Counts detours, so that they take turns.
    detours: usize,
}

#[derive(Clone, Debug, Default)]
struct Peer {
    heard: Option<Monotonic>,
    alive: bool,
    /// Whether it said lately that it hears us. A network may be cut in one direction only.
    hears_us: bool,
    incarnation: Incarnation,
    leads: Vec<ShardId>,
    /// The peer's wall clock in its last `Alive`, and when that came: echoed so that the peer can measure the round trip.
    last_wall: Option<(i64, Monotonic)>,
    /// By how many microseconds the peer's wall clock is ahead of ours.
    offset_micros: Option<i64>,
}

/// A change in who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// Heard again.
    Up(NodeId),
    /// Silent for too long.
    Down(NodeId),
    /// It never seemed away, but it speaks from a new life.
    Restarted(NodeId),
}

impl Liveness {
    /// Nobody was heard yet.
    #[must_use]
    pub fn new(layout: &Layout, me: NodeId) -> Liveness {
        let peers = layout.nodes.iter().filter(|node| node.id != me).map(|node| (node.id, Peer::default())).collect();
        Liveness { peers, next_call: Monotonic(0), detours: 0 }
    }

    /// Any message from a peer arrived.
    pub fn heard(&mut self, from: NodeId, incarnation: Incarnation, now: Monotonic) -> Option<StatusChange> {
        let peer = self.peers.get_mut(&from)?;
        peer.heard = Some(now);
        let restarted = incarnation > peer.incarnation;
        peer.incarnation = peer.incarnation.max(incarnation);
        if !std::mem::replace(&mut peer.alive, true) {
            return Some(StatusChange::Up(from));
        }
        restarted.then_some(StatusChange::Restarted(from))
    }

    /// An `Alive` arrived.
    pub fn alive(&mut self, from: NodeId, leads: Vec<ShardId>, wall: i64, echo: Option<AliveEcho>, clock: Clock) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.leads = leads;
        peer.hears_us = echo.is_some();
        peer.last_wall = Some((wall, clock.monotonic));
        if let Some(echo) = echo {
            let held = i64::try_from(echo.held_micros).unwrap_or(i64::MAX);
            let round_trip = clock.wall.0.saturating_sub(echo.wall).saturating_sub(held);
            // A clock that jumped between call and echo gives nonsense; the next round will tell.
            if (0..=1_000_000).contains(&round_trip) {
                peer.offset_micros = Some(wall + round_trip / 2 - clock.wall.0);
            }
        }
    }

    /// Whether it is time to call; then says what to echo to each peer.
    pub fn calls(&mut self, now: Monotonic) -> Option<Vec<(NodeId, Option<AliveEcho>)>> {
        if now < self.next_call {
            return None;
        }
        self.next_call = now.plus(ALIVE_INTERVAL);
        let echo = |peer: &Peer| {
            peer.last_wall.map(|(wall, at)| AliveEcho {
                wall,
                held_micros: u64::try_from(now.since(at).as_micros()).unwrap_or(u64::MAX),
            })
        };
        Some(self.peers.iter().map(|(&id, peer)| (id, echo(peer))).collect())
    }

    /// When to look again.
    #[must_use]
    pub fn next_wake(&self) -> Monotonic {
        self.next_call
    }

    /// Who fell silent since the last look.
    pub fn silent(&mut self, now: Monotonic) -> Vec<StatusChange> {
        let mut changes = Vec::new();
        for (&id, peer) in &mut self.peers {
            if peer.alive && peer.heard.is_none_or(|heard| now.since(heard) > DEAD_AFTER) {
                // Without the last wall there is no echo: that is how the peer learns that it is not heard.
                *peer = Peer { heard: peer.heard, incarnation: peer.incarnation, ..Peer::default() };
                changes.push(StatusChange::Down(id));
            }
        }
        changes
    }

    /// Whether a peer was heard lately. A node is always alive to itself.
    #[must_use]
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.peers.get(&node).is_none_or(|peer| peer.alive)
    }

    /// Whether anybody hears us: if not, whatever we say is lost. A node without peers needs nobody.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.peers.is_empty() || self.peers.values().any(|peer| peer.alive && peer.hears_us)
    }

    /// Through whom to reach a peer that does not hear us: another that does. `None`: speak to it directly.
    pub fn detour(&mut self, to: NodeId) -> Option<NodeId> {
        let hears = |peer: &Peer| peer.alive && peer.hears_us;
        if self.peers.get(&to).is_none_or(hears) {
            return None;
        }
        let ways: Vec<NodeId> = self.peers.iter().filter(|(_, peer)| hears(peer)).map(|(&id, _)| id).collect();
        self.detours += 1;
        ways.get(self.detours.checked_rem(ways.len())?).copied()
    }

    /// Who said last that it leads this shard.
    #[must_use]
    pub fn leader_of(&self, shard: ShardId) -> Option<NodeId> {
        self.peers.iter().find(|(_, peer)| peer.alive && peer.leads.contains(&shard)).map(|(&id, _)| id)
    }

    /// By how many microseconds the majority's clocks are ahead of ours: the median over all nodes heard, ourselves included.
    /// `None` when fewer than a majority can be compared.
    #[must_use]
    pub fn clock_offset(&self) -> Option<i64> {
        let mut offsets: Vec<i64> = self.peers.values().filter_map(|peer| peer.offset_micros).collect();
        offsets.push(0);
        if self.peers.is_empty() || offsets.len() * 2 <= self.peers.len() + 1 {
            return None;
        }
        offsets.sort_unstable();
        // With an even number, the middle that is nearer to our own clock: one peer alone cannot convict us.
        let (low, high) = (offsets[(offsets.len() - 1) / 2], offsets[offsets.len() / 2]);
        Some(if low.abs() < high.abs() { low } else { high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallClock;

    fn three() -> Liveness {
        let peers = [NodeId(1), NodeId(2)].into_iter().map(|id| (id, Peer::default())).collect();
        Liveness { peers, next_call: Monotonic(0), detours: 0 }
    }

    fn at(ms: u64, wall_ms: i64) -> Clock {
        Clock { monotonic: Monotonic(ms * 1_000_000), wall: WallClock(wall_ms * 1_000) }
    }

    #[test]
    fn silence_is_death_and_a_word_is_life() {
        let mut liveness = three();
        assert!(!liveness.is_alive(NodeId(1)));
        assert_eq!(liveness.heard(NodeId(1), Incarnation(1), at(0, 0).monotonic), Some(StatusChange::Up(NodeId(1))));
        assert_eq!(liveness.heard(NodeId(1), Incarnation(1), at(1, 0).monotonic), None);
        let again = liveness.heard(NodeId(1), Incarnation(2), at(2, 0).monotonic);
        assert_eq!(again, Some(StatusChange::Restarted(NodeId(1))));
        assert!(liveness.silent(at(500, 0).monotonic).is_empty());
        assert_eq!(liveness.silent(at(1_000, 0).monotonic), vec![StatusChange::Down(NodeId(1))]);
    }

    #[test]
    fn a_wrong_clock_is_found_by_comparing_with_two_others() {
        let mut liveness = three();
        for peer in [NodeId(1), NodeId(2)] {
            // We called at wall 10,000 ms, they held it for 5 ms, the round trip took 2 ms; their clocks say 8,000 ms.
            let echo = AliveEcho { wall: 10_000_000, held_micros: 5_000 };
            liveness.alive(peer, vec![], 8_000_000, Some(echo), at(7, 10_007));
        }
        let offset = liveness.clock_offset().expect("two peers compared");
        assert!((-2_010_000..=-1_990_000).contains(&offset), "{offset}");
    }

    #[test]
    fn a_peer_that_does_not_hear_us_is_reached_through_one_that_does() {
        let mut liveness = three();
        let echo = Some(AliveEcho { wall: 0, held_micros: 0 });
        assert_eq!(liveness.detour(NodeId(1)), None, "nobody is known to hear us");
        for peer in [NodeId(1), NodeId(2)] {
            liveness.heard(peer, Incarnation(1), at(0, 0).monotonic);
            liveness.alive(peer, vec![], 0, echo, at(0, 0));
            assert_eq!(liveness.detour(peer), None, "both hear us");
        }
        liveness.alive(NodeId(2), vec![], 0, None, at(200, 200));
        assert_eq!(liveness.detour(NodeId(2)), Some(NodeId(1)));
        assert_eq!(liveness.detour(NodeId(1)), None);
        assert!(liveness.is_heard());
        liveness.alive(NodeId(1), vec![], 0, None, at(200, 200));
        assert!(!liveness.is_heard());
    }

    #[test]
    fn who_fell_silent_is_told_so() {
        let mut liveness = three();
        liveness.heard(NodeId(1), Incarnation(1), at(0, 0).monotonic);
        liveness.alive(NodeId(1), vec![], 0, None, at(0, 0));
        let echo_to = |liveness: &mut Liveness, now| {
            let calls = liveness.calls(at(now, 0).monotonic).expect("time to call");
            calls.into_iter().find(|(id, _)| *id == NodeId(1)).expect("a peer").1
        };
        assert!(echo_to(&mut liveness, 200).is_some());
        liveness.silent(at(1_000, 0).monotonic);
        assert_eq!(echo_to(&mut liveness, 1_000), None);
    }

    #[test]
    fn one_wrong_peer_does_not_convict_us() {
        let mut liveness = three();
        let echo = Some(AliveEcho { wall: 10_000_000, held_micros: 0 });
        liveness.alive(NodeId(1), vec![], 99_000_000, echo, at(2, 10_002));
        assert_eq!(liveness.clock_offset(), Some(0));
        liveness.alive(NodeId(2), vec![], 10_001_000, echo, at(2, 10_002));
        assert_eq!(liveness.clock_offset(), Some(0));
    }
}
