//! Promises and leases. A follower that hears from a leader promises to elect nobody else for one election timeout, counted on
//! its own clock from when it heard. A leader to whom a majority has promised reads without asking anybody, counted on its own
//! clock from *before* it sent what they answered, shortened by what the clocks may run apart: the lease ends before the
//! promises do. Promises are not written down; a replica that starts again waits as long as any promise could last.

use super::{Env, Raft, Round, State};
use crate::bugs::PlantedBug;
use crate::ids::NodeId;
use crate::time::Monotonic;
use std::time::Duration;

/// Whom not to vote against, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Promise {
    pub(super) leader: NodeId,
    pub(super) until: Monotonic,
}

impl Raft {
    /// The leader of the current term was heard.
    pub(super) fn promise_to(&mut self, leader: NodeId, now: Monotonic) {
        self.promise = Some(Promise { leader, until: now.plus(self.config.election_timeout) });
    }

    /// Whether a vote for this candidate would break a promise, made in this life or perhaps in the one before. The one whom
    /// it was made to may be elected: it holds no lease of the old term, because it does not lead it any more.
    pub(super) fn promised_against(&self, candidate: NodeId, now: Monotonic) -> bool {
        let made = self.promise.is_some_and(|promise| promise.leader != candidate && now < promise.until);
        made || now < self.no_vote_until
    }

    /// Whether this leader may serve reads at this time without asking anybody.
    #[must_use]
    pub fn lease_valid(&self, now: Monotonic) -> bool {
        self.lease_lasts(now, self.lease_length())
    }

    /// Whether this leader may serve reads at this time, and what it has committed is the newest there is: an entry of its own
    /// term is committed (Raft paper, section 8).
    #[must_use]
    pub fn is_surely_leader(&self, now: Monotonic) -> bool {
        matches!(&self.state, State::Leader(leading) if self.commit >= leading.first) && self.lease_valid(now)
    }

    /// As `lease_valid` now, with the planted bug.
    #[must_use]
    pub fn holds_lease(&self, env: &impl Env) -> bool {
        let trusting = env.planted(PlantedBug::LeaseNotShortenedForDrift);
        self.lease_lasts(env.now(), if trusting { self.config.election_timeout } else { self.lease_length() })
    }

    fn lease_lasts(&self, now: Monotonic, length: Duration) -> bool {
        let State::Leader(leading) = &self.state else { return false };
        if self.voters.only(self.config.me) {
            return true;
        }
        !leading.lease_given_up && leading.confirmed.is_some_and(|round| now < round.opened.plus(length))
    }

    /// How long a lease is: an election timeout, less what a follower's clock may gain on ours in that time.
    fn lease_length(&self) -> Duration {
        let timeout = self.config.election_timeout;
        let gained = timeout.as_nanos().saturating_mul(u128::from(self.config.clock_drift_ppm)).div_ceil(1_000_000);
        timeout.saturating_sub(Duration::from_nanos(u64::try_from(gained).unwrap_or(u64::MAX)))
    }

    /// The newest round that a majority, this leader included, has answered.
    pub(super) fn confirm_rounds(&mut self) {
        let State::Leader(leading) = &mut self.state else { return };
        let me = self.config.me;
        let own = Round { number: u64::MAX, opened: Monotonic(u64::MAX) };
        leading.confirmed = self
            .voters
            .reached(|node| {
                if node == me {
                    return Some(own);
                }
                leading.progress.get(&node).filter(|progress| progress.counts()).and_then(|progress| progress.acked)
            })
            .flatten();
    }

    /// Whether a majority has been silent for an election timeout: somebody else may lead, and nobody can be served.
    pub(super) fn quorum_lost(&self, env: &impl Env) -> bool {
        let State::Leader(leading) = &self.state else { return false };
        if env.planted(PlantedBug::ReadFromDeposedLeader) {
            return false;
        }
        let heard = leading.confirmed.map_or(leading.since, |round| round.opened.max(leading.since));
        env.now() >= heard.plus(self.config.election_timeout)
    }
}
