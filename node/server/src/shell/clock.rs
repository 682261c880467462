//! Where production gets its time from.
//!
//! Monotonic time counts while the machine sleeps (`CLOCK_BOOTTIME` on Linux): a lease must not outlive a suspend. It is
//! read after the inbox was drained, never before: what is served under a lease was then asked before the lease was checked.

use std::time::{SystemTime, UNIX_EPOCH};
use trefoil_core::time::{Clock, Monotonic, WallClock};

/// The clocks of this machine, monotonic time counted from the making of this value.
#[derive(Clone, Copy, Debug)]
pub struct NodeClock {
    origin_nanos: u64,
}

#[cfg(target_os = "linux")]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

fn monotonic_nanos() -> u64 {
    let time = rustix::time::clock_gettime(MONOTONIC);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

impl NodeClock {
    /// Starts at zero now.
    #[must_use]
    pub fn start() -> NodeClock {
        NodeClock { origin_nanos: monotonic_nanos() }
    }

    /// Monotonic time now.
    #[must_use]
    pub fn monotonic(&self) -> Monotonic {
        Monotonic(monotonic_nanos().saturating_sub(self.origin_nanos))
    }

    /// Both clocks now.
    #[must_use]
    pub fn now(&self) -> Clock {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Clock { monotonic: self.monotonic(), wall: WallClock(wall) }
    }
}
