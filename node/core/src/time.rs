//! Three kinds of time, three types. Monotonic time decides waits and leases, wall time is what the machine believes
//! (and may be wrong), hybrid time orders writes. None of them is read here: they are given to each step.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Nanoseconds since some fixed point of this node's life. Never goes back; may drift against other nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This much later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long since `earlier`; zero if that lies ahead.
    #[must_use]
    pub fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Microseconds since 1970 as this machine's clock says. May jump, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WallClock(pub i64);

/// Microseconds since 1970 as the cluster agreed: `max(wall, last + 1)`, carried on every message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HybridTime(pub i64);

impl HybridTime {
    /// Whole seconds since 1970, the unit of TTL and tombstone ages.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// What a step sees of time; fixed while the step lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Clock {
    /// For waits and leases.
    pub monotonic: Monotonic,
    /// What the machine believes.
    pub wall: WallClock,
}

/// The hybrid clock of a node (Kulkarni et al., "Logical Physical Clocks", 2014, folded into one number).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HybridClock {
    last: HybridTime,
}

impl HybridClock {
    /// A new stamp: above every stamp this clock has given or seen, and not below the wall clock.
    pub fn tick(&mut self, wall: WallClock) -> HybridTime {
        self.last = HybridTime(wall.0.max(self.last.0 + 1));
        self.last
    }

    /// The time now without using up a stamp: not below anything given or seen.
    #[must_use]
    pub fn read(&self, wall: WallClock) -> HybridTime {
        HybridTime(wall.0.max(self.last.0))
    }

    /// Another node's stamp arrived: stay above it.
    pub fn observe(&mut self, seen: HybridTime) {
        self.last = self.last.max(seen);
    }
}

/// Keeps a jumping wall clock from leaping ahead: what it says never goes back, and advances at most twice as fast as the
/// monotonic clock. So a read served late in a lease is judged at a time that a successor can bound (see `replicate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WallDiscipline {
    last: Option<(Monotonic, WallClock)>,
}

impl WallDiscipline {
    /// The wall clock to believe now.
    pub fn read(&mut self, clock: Clock) -> WallClock {
        let believed = match self.last {
            None => clock.wall,
            Some((monotonic, wall)) => {
                let elapsed_micros = i64::try_from(clock.monotonic.since(monotonic).as_micros()).unwrap_or(i64::MAX);
                let most = wall.0.saturating_add(elapsed_micros.saturating_mul(2));
                WallClock(clock.wall.0.clamp(wall.0, most))
            }
        };
        // Keep the old reference until a microsecond has passed, so that many steps within one microsecond add up.
        if self.last.is_none_or(|(monotonic, _)| clock.monotonic.since(monotonic).as_micros() > 0) {
            self.last = Some((clock.monotonic, believed));
        }
        believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hybrid_stamps_rise_whatever_the_wall_does() {
        let mut clock = HybridClock::default();
        let first = clock.tick(WallClock(1_000));
        let second = clock.tick(WallClock(10));
        assert!(second > first);
        clock.observe(HybridTime(5_000));
        assert_eq!(clock.tick(WallClock(2_000)), HybridTime(5_001));
    }

    #[test]
    fn a_disciplined_wall_neither_returns_nor_leaps() {
        let mut discipline = WallDiscipline::default();
        let at = |ms: u64, wall: i64| Clock { monotonic: Monotonic(ms * 1_000_000), wall: WallClock(wall) };
        assert_eq!(discipline.read(at(0, 1_000_000)), WallClock(1_000_000));
        assert_eq!(discipline.read(at(10, 900_000)), WallClock(1_000_000), "a step back is not followed");
        assert_eq!(
            discipline.read(at(20, 9_000_000)),
            WallClock(1_020_000),
            "a step ahead is followed at twice the pace"
        );
    }
}
