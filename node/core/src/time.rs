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
