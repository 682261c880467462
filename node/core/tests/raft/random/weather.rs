//! How wild a seed gets: what its messages, disks and clocks do, how often something goes wrong, and the cluster that has to
//! live with it. Most seeds are about anything at any time; some turn towards one corner that chance alone rarely reaches.

use std::time::Duration;
use trefoil_core::ids::{NodeId, ShardId};
use trefoil_core::raft::RaftConfig;

pub(super) const MILLISECOND: u64 = 1_000_000;
/// Clocks may run apart by this much...
pub(super) const DRIFT_PPM: u32 = 300_000;
/// ...so each runs at most this much fast or slow: 1.13 / 0.87 < 1.3.
pub(super) const RATE_PPM_MAX: i64 = 130_000;

/// What kind of trouble a seed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// Anything, any time.
    Everything,
    /// Good weather in which nobody hears a leader from one moment on, and clocks are as far apart as they may be.
    Isolation,
    /// The same, while one follower waits to be elected and the other has just started again.
    Restart,
}

/// How wild it gets, drawn from the seed.
#[derive(Debug)]
pub(super) struct Weather {
    pub(super) focus: Focus,
    pub(super) loss_percent: u64,
    pub(super) duplicate_percent: u64,
    pub(super) latency_max: u64,
    pub(super) tail_percent: u64,
    pub(super) disk_max: u64,
    pub(super) fault_every: u64,
    /// How long a crash or a cut lasts.
    pub(super) outage_max: u64,
    pub(super) read_every: u64,
    pub(super) propose_every: u64,
    pub(super) quiesce_after: Duration,
}

impl Weather {
    /// The weather of a seed, and how many replicas see it.
    pub(super) fn draw(below: &mut impl FnMut(u64) -> u64) -> (Weather, u32) {
        let storm = below(3) == 0;
        let mut weather = Weather {
            focus: [Focus::Everything, Focus::Everything, Focus::Isolation, Focus::Restart][below(4) as usize],
            loss_percent: if storm { 20 } else { [0, 0, 2, 10, 25][below(5) as usize] },
            duplicate_percent: [0, 2, 10][below(3) as usize],
            latency_max: [2, 10, 60][below(3) as usize] * MILLISECOND,
            tail_percent: [0, 1, 5][below(3) as usize],
            disk_max: [1, 10, 100, 400][below(4) as usize] * MILLISECOND,
            fault_every: if storm { 60 } else { [200, 600, 2_000][below(3) as usize] } * MILLISECOND,
            outage_max: if storm { 300 } else { 2_000 } * MILLISECOND,
            read_every: [10, 20, 3_000][below(3) as usize] * MILLISECOND,
            propose_every: [5, 20, 2_000][below(3) as usize] * MILLISECOND,
            quiesce_after: Duration::from_millis([400, 5_000][below(2) as usize]),
        };
        let mut count = [3, 3, 3, 5, 1, 2][below(6) as usize];
        if weather.focus != Focus::Everything {
            count = 3;
            weather = Weather {
                loss_percent: 0,
                latency_max: 2 * MILLISECOND,
                tail_percent: 0,
                disk_max: MILLISECOND,
                fault_every: 1_000 * MILLISECOND,
                outage_max: 600 * MILLISECOND,
                read_every: 10 * MILLISECOND,
                // Who is cut off must not miss an entry, or nobody votes for it.
                propose_every: if weather.focus == Focus::Restart { 2_000 } else { 20 } * MILLISECOND,
                ..weather
            };
        }
        (weather, count)
    }

    /// The replicas' settings.
    pub(super) fn configs(&self, count: u32, below: &mut impl FnMut(u64) -> u64) -> Vec<RaftConfig> {
        let voters: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let preferred_leader = (self.focus == Focus::Everything && below(2) == 0).then_some(NodeId(1));
        let large = below(3) == 0;
        let config = |me: &NodeId| RaftConfig {
            shard: ShardId(1),
            me: *me,
            voters: voters.clone(),
            election_timeout: Duration::from_millis(300),
            heartbeat_interval: Duration::from_millis(50),
            clock_drift_ppm: DRIFT_PPM,
            append_window_bytes: if large { 1 << 20 } else { 500 },
            append_message_bytes: if large { 1 << 18 } else { 1 },
            log_retained_bytes: if large { 1 << 20 } else { 600 },
            uncommitted_bytes: if large { 4 << 20 } else { 2_000 },
            quiesce_after: self.quiesce_after,
            preferred_leader,
        };
        voters.iter().map(config).collect()
    }
}
