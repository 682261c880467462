//! The clocks of one node: what it believes of the true time. The wall clock has an offset, a drift and may jump or stand
//! still; the monotonic clock only has a rate, which may change within the bound that the plan promises. All arithmetic
//! is on integers.

use super::queue::Time;
use crate::plan::environment::ClockPlan;
use trefoil_core::time::{Clock, Monotonic, WallClock};

/// Where wall clocks stand at true time 0: 2026-01-01 in microseconds.
pub const EPOCH_US: i64 = 1_767_225_600_000_000;

/// Both clocks of a node.
#[derive(Clone, Debug)]
pub struct NodeClock {
    /// Monotonic time at the anchor, since when the rate has not changed.
    monotonic_anchor: (Time, u64),
    monotonic_ppm: i64,
    /// Wall time at its anchor.
    wall_anchor: (Time, i64),
    wall_ppm: i64,
    frozen: u32,
}

fn stretched(true_ns: u64, ppm: i64) -> u64 {
    let drift = i128::from(true_ns) * i128::from(ppm) / 1_000_000;
    (i128::from(true_ns) + drift).max(0) as u64
}

impl NodeClock {
    /// As planned at true time 0.
    #[must_use]
    pub fn new(plan: &ClockPlan) -> NodeClock {
        NodeClock {
            monotonic_anchor: (Time(0), 0),
            monotonic_ppm: i64::from(plan.monotonic_drift_ppm),
            wall_anchor: (Time(0), EPOCH_US.saturating_add(plan.wall_offset_us)),
            wall_ppm: i64::from(plan.wall_drift_ppm),
            frozen: 0,
        }
    }

    /// What the node reads at this true time.
    #[must_use]
    pub fn read(&self, now: Time) -> Clock {
        Clock { monotonic: Monotonic(self.monotonic(now)), wall: WallClock(self.wall(now)) }
    }

    fn monotonic(&self, now: Time) -> u64 {
        let (anchor, at_anchor) = self.monotonic_anchor;
        at_anchor + stretched(now.0 - anchor.0, self.monotonic_ppm)
    }

    fn wall(&self, now: Time) -> i64 {
        let (anchor, at_anchor) = self.wall_anchor;
        if self.frozen > 0 {
            return at_anchor;
        }
        at_anchor + (stretched(now.0 - anchor.0, self.wall_ppm) / 1_000) as i64
    }

    /// The true time at which the monotonic clock will have reached `at`, if its rate stays.
    #[must_use]
    pub fn when(&self, at: Monotonic, now: Time) -> Time {
        let current = self.monotonic(now);
        if at.0 <= current {
            return now;
        }
        let (anchor, at_anchor) = self.monotonic_anchor;
        let ahead = u128::from(at.0 - at_anchor) * 1_000_000;
        let rate = (1_000_000 + self.monotonic_ppm) as u128;
        let true_ns = u64::try_from(ahead.div_ceil(rate)).unwrap_or(u64::MAX);
        // Rounding may leave the clock one tick short; a nanosecond more is always enough.
        let candidate = anchor.plus(true_ns);
        if candidate.0 < u64::MAX && self.monotonic(candidate) < at.0 { candidate.plus(1) } else { candidate }
    }

    /// A node starts again: its monotonic clock counts from its new life's beginning.
    pub fn reborn(&mut self, now: Time) {
        self.monotonic_anchor = (now, 0);
    }

    /// Another rate of the monotonic clock from now on.
    pub fn set_monotonic_drift(&mut self, now: Time, ppm: i32) {
        self.monotonic_anchor = (now, self.monotonic(now));
        self.monotonic_ppm = i64::from(ppm);
    }

    /// The wall clock jumps.
    pub fn step_wall(&mut self, now: Time, by_us: i64) {
        self.wall_anchor = (now, self.wall(now).saturating_add(by_us));
    }

    /// The wall clock stands still until as many thaws.
    pub fn freeze_wall(&mut self, now: Time) {
        self.wall_anchor = (now, self.wall(now));
        self.frozen += 1;
    }

    /// The wall clock goes on from where it stands.
    pub fn thaw_wall(&mut self, now: Time) {
        self.wall_anchor = (now, self.wall(now));
        self.frozen = self.frozen.saturating_sub(1);
    }

    /// Somebody has set the wall clock right, and it goes on as it should.
    pub fn heal_wall(&mut self, now: Time) {
        self.frozen = 0;
        self.wall_ppm = 0;
        self.wall_anchor = (now, EPOCH_US + (now.0 / 1_000) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(ppm: i32) -> NodeClock {
        NodeClock::new(&ClockPlan { wall_offset_us: 250_000, wall_drift_ppm: 100, monotonic_drift_ppm: ppm })
    }

    #[test]
    fn when_is_the_first_moment_the_monotonic_clock_has_reached() {
        for ppm in [-50_000, -1, 0, 1, 333, 50_000] {
            let mut clock = clock(ppm);
            clock.set_monotonic_drift(Time(1_234_567), ppm / 2);
            for at in [1_300_000, 2_000_001, 77_777_777_777] {
                let when = clock.when(Monotonic(at), Time(1_234_567));
                assert!(clock.monotonic(when) >= at, "{ppm} {at}");
                assert!(clock.monotonic(Time(when.0 - 2)) < at, "{ppm} {at}");
            }
        }
    }

    #[test]
    fn wall_clocks_jump_freeze_and_heal_while_monotonic_ones_go_on() {
        let mut clock = clock(0);
        let second = Time(1_000_000_000);
        assert_eq!(clock.wall(second), EPOCH_US + 250_000 + 1_000_100);
        clock.step_wall(second, -5_000_000);
        assert_eq!(clock.wall(second), EPOCH_US - 3_749_900);
        clock.freeze_wall(second);
        let later = Time(9_000_000_000);
        assert_eq!(clock.wall(later), EPOCH_US - 3_749_900);
        clock.heal_wall(later);
        assert_eq!(clock.read(later), Clock { monotonic: Monotonic(later.0), wall: WallClock(EPOCH_US + 9_000_000) });
    }

    #[test]
    fn a_changed_rate_does_not_move_the_present() {
        let mut clock = clock(1_000);
        let now = Time(5_000_000_000);
        let before = clock.monotonic(now);
        clock.set_monotonic_drift(now, -1_000);
        assert_eq!(clock.monotonic(now), before);
        assert_eq!(clock.monotonic(now.plus(1_000_000)), before + 999_000);
    }
}
