//! Links: how long what is sent takes, whether it arrives, and how often. Messages between nodes may be lost, doubled and
//! overtaken; client connections keep their order and lose nothing (see `connections`), but share cuts and latencies.

use super::queue::Time;
use crate::faults::links::{CLIENT_PLACES, PLACES};
use crate::plan::cluster::ClusterPlan;
use crate::plan::environment::NetworkPlan;
use crate::random::Stream;

/// State of all links.
#[derive(Debug)]
pub struct Network {
    plan: NetworkPlan,
    /// Whether messages are lost and late by much now.
    noisy: bool,
    stream: Stream,
    /// Fixed one-way latency by pair of places.
    base_ns: Vec<u64>,
    /// How many faults cut this pair of places, in this direction.
    blocked: Vec<u8>,
    /// How many faults clog it.
    clogged: Vec<u8>,
    /// When the last message sent arrives, for links that keep the order.
    last_arrival: Vec<Time>,
    storm_loss_ppm: u32,
    storm_duplicate_ppm: u32,
    storm_delay_ns: u64,
}

/// When copies of a message arrive: none, one or two.
pub type Arrivals = [Option<Time>; 2];

impl Network {
    /// As planned, but quiet: nothing is lost, and nothing late by much, until `begin_noise`.
    #[must_use]
    pub fn new(plan: &NetworkPlan, cluster: &ClusterPlan, stream: Stream) -> Network {
        let zone = |place: usize| if place < CLIENT_PLACES { cluster.zone(place) } else { place - CLIENT_PLACES };
        let mut base_ns = vec![plan.near_ns; PLACES * PLACES];
        for from in 0..PLACES {
            for to in 0..PLACES {
                let (low, high) = (zone(from).min(zone(to)), zone(from).max(zone(to)));
                if low != high && high < 3 {
                    base_ns[from * PLACES + to] = plan.across_ns[low + high - 1];
                }
            }
        }
        Network {
            plan: plan.clone(),
            noisy: false,
            stream,
            base_ns,
            blocked: vec![0; PLACES * PLACES],
            clogged: vec![0; PLACES * PLACES],
            last_arrival: vec![Time(0); PLACES * PLACES],
            storm_loss_ppm: 0,
            storm_duplicate_ppm: 0,
            storm_delay_ns: 0,
        }
    }

    /// Whether nothing gets from here to there now.
    #[must_use]
    pub fn is_blocked(&self, from: usize, to: usize) -> bool {
        self.blocked[from * PLACES + to] > 0
    }

    /// Whether what is sent from here to there stays on its way now.
    #[must_use]
    pub fn is_clogged(&self, from: usize, to: usize) -> bool {
        self.clogged[from * PLACES + to] > 0
    }

    /// How long something sent from here to there takes.
    pub fn latency_ns(&mut self, from: usize, to: usize) -> u64 {
        let base = self.base_ns[from * PLACES + to];
        let mut latency = base + self.stream.exponential(base * self.plan.jitter_per_mille / 1_000);
        if self.storm_delay_ns > 0 {
            latency += self.stream.exponential(self.storm_delay_ns);
        }
        if self.noisy && self.stream.chance(self.plan.tail_ppm) {
            latency += self.stream.below(self.plan.tail_ns);
        }
        latency
    }

    /// When a message sent now between two nodes arrives.
    #[inline]
    pub fn send(&mut self, now: Time, from: usize, to: usize) -> Arrivals {
        let link = from * PLACES + to;
        let loss_ppm = if self.noisy { self.plan.loss_ppm } else { 0 };
        if self.blocked[link] > 0 || self.stream.chance(loss_ppm + self.storm_loss_ppm) {
            return [None, None];
        }
        let first = self.arrival(now, from, to);
        let second = self.stream.chance(self.plan.duplicate_ppm + self.storm_duplicate_ppm);
        [Some(first), second.then(|| self.arrival(now, from, to))]
    }

    fn arrival(&mut self, now: Time, from: usize, to: usize) -> Time {
        let arrival = now.plus(self.latency_ns(from, to));
        if !self.plan.ordered {
            return arrival;
        }
        let last = &mut self.last_arrival[from * PLACES + to];
        *last = arrival.max(last.plus(1));
        *last
    }

    /// Every pair of these places.
    fn pairs(from: u32, to: u32) -> impl Iterator<Item = usize> {
        let places = move |bits: u32| (0..PLACES).filter(move |place| bits & (1 << place) != 0);
        places(from).flat_map(move |from| places(to).map(move |to| from * PLACES + to))
    }

    /// Cut.
    pub fn block(&mut self, from: u32, to: u32) {
        for pair in Network::pairs(from, to) {
            self.blocked[pair] += 1;
        }
    }

    /// The contrary.
    pub fn unblock(&mut self, from: u32, to: u32) {
        for pair in Network::pairs(from, to) {
            self.blocked[pair] = self.blocked[pair].saturating_sub(1);
        }
    }

    /// Clog.
    pub fn clog(&mut self, from: u32, to: u32) {
        for pair in Network::pairs(from, to) {
            self.clogged[pair] += 1;
        }
    }

    /// The contrary.
    pub fn unclog(&mut self, from: u32, to: u32) {
        for pair in Network::pairs(from, to) {
            self.clogged[pair] = self.clogged[pair].saturating_sub(1);
        }
    }

    /// All links become worse.
    pub fn storm(&mut self, loss_ppm: u32, duplicate_ppm: u32, delay_ns: u64) {
        (self.storm_loss_ppm, self.storm_duplicate_ppm, self.storm_delay_ns) = (loss_ppm, duplicate_ppm, delay_ns);
    }

    /// From now on links are as bad as planned.
    pub fn begin_noise(&mut self) {
        self.noisy = true;
    }

    /// Nothing is wrong any more, and from now on nothing is lost: what the liveness phase needs.
    pub fn heal(&mut self) {
        self.blocked.fill(0);
        self.clogged.fill(0);
        self.storm(0, 0, 0);
        self.noisy = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::preset::Preset;

    fn network(change: impl Fn(&mut NetworkPlan)) -> Network {
        let mut plan = Plan::from_seed(1, Preset::Calm, &[]);
        plan.cluster.zones = 3;
        plan.cluster.nodes_per_zone = 1;
        change(&mut plan.network);
        let mut network = Network::new(&plan.network, &plan.cluster, Stream::new(1, "network"));
        network.begin_noise();
        network
    }

    #[test]
    fn a_cut_is_one_way_and_counted() {
        let mut network = network(|plan| plan.loss_ppm = 0);
        network.block(0b001, 0b110);
        network.block(0b001, 0b010);
        assert_eq!(network.send(Time(0), 0, 1), [None, None]);
        assert!(network.send(Time(0), 1, 0)[0].is_some());
        network.unblock(0b001, 0b110);
        assert_eq!(network.send(Time(0), 0, 1), [None, None]);
        assert!(network.send(Time(0), 0, 2)[0].is_some());
        network.unblock(0b001, 0b010);
        assert!(network.send(Time(0), 0, 1)[0].is_some());
    }

    #[test]
    fn ordered_links_keep_the_order_and_others_do_not() {
        let overtakes = |ordered: bool| {
            let mut network = network(|plan| {
                (plan.ordered, plan.loss_ppm, plan.duplicate_ppm) = (ordered, 0, 0);
                plan.jitter_per_mille = 2_000;
            });
            let arrivals: Vec<Time> =
                (0..100).map(|sent| network.send(Time(sent), 0, 1)[0].expect("nothing is lost")).collect();
            arrivals.windows(2).any(|pair| pair[0] >= pair[1])
        };
        assert!(!overtakes(true));
        assert!(overtakes(false));
    }

    #[test]
    fn loss_and_duplication_come_about_as_often_as_planned() {
        let mut network = network(|plan| (plan.loss_ppm, plan.duplicate_ppm) = (200_000, 100_000));
        let arrivals: Vec<Arrivals> = (0..10_000).map(|sent| network.send(Time(sent), 0, 1)).collect();
        let lost = arrivals.iter().filter(|arrivals| arrivals[0].is_none()).count();
        let doubled = arrivals.iter().filter(|arrivals| arrivals[1].is_some()).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!((700..900).contains(&doubled), "{doubled}");
    }
}
