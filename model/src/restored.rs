//! A replica that is brought back by a snapshot: what it must take, and what it must tell its node. Stories of mistakes that were made
//! once and that only a sweep of the simulator had found.

#![cfg(test)]

use crate::recovery::append;
use crate::site::{Site, config};
use crate::withdrawal::{receive, sync_everything};
use trefoil_core::config::{Config, Tuning};
use trefoil_core::ids::{LogIndex, NodeId, ShardId, Term};
use trefoil_core::message::{Body, SnapshotPart};
use trefoil_core::raft::{Position, RaftMessage, Round};
use trefoil_core::replicate::{Replica, ReplicaEvent};
use trefoil_core::time::{HybridTime, Monotonic};

/// A node of three that keeps nothing of its log for others.
pub(crate) fn config_of(me: u32) -> Config {
    let tuning = Tuning { log_retained_bytes: 0, ..Tuning::default() };
    Config { node: NodeId(me), tuning, ..config(3) }
}

/// The only part of the snapshot that the first node, which leads, sends to the third, whose log lies before the cut.
pub(crate) fn snapshot_of(shard: ShardId) -> SnapshotPart {
    let mut site = Site::found_of(&config_of(1), shard);
    // Who should lead asks by himself when a shard is founded; another has to be told.
    receive(&mut site, 2, RaftMessage::PreVoteReply { term: Term(1), granted: true });
    receive(&mut site, 2, RaftMessage::TimeoutNow { term: Term(0) });
    sync_everything(&mut site);
    receive(&mut site, 2, RaftMessage::VoteReply { term: Term(1), granted: true });
    let stamp = HybridTime(site.replica.last_stamp().0 + 1);
    let payload = if shard == ShardId::CATALOGUE { bytes::Bytes::new() } else { Replica::encode(&append(0, 0)) };
    site.replica.propose(stamp, payload, &mut site.around).expect("it leads");
    site.advance();
    sync_everything(&mut site);
    let round = Round { number: 1, opened: Monotonic(0) };
    let through = LogIndex(2);
    receive(&mut site, 2, RaftMessage::Appended { term: Term(1), round, through, quiesced: false, rebuild: None });
    assert!(site.replica.flush(&mut site.around));
    sync_everything(&mut site);
    assert_eq!(site.log.saved.cut.0, through, "what the third has is cut");
    for previous in 0..=2 {
        let (previous, hint) = (LogIndex(previous), Position::default());
        let round = Some(round);
        receive(&mut site, 3, RaftMessage::Rejected { term: Term(1), round, previous, hint, rebuild: None });
    }
    let parts = site.wanted.bodies.drain(..).filter_map(|(_, body)| match body {
        Body::Snapshot { part, .. } => Some(part),
        _ => None,
    });
    let part = parts.last().expect("the third needs a snapshot");
    assert!(part.chunk.end.is_some(), "small enough for one part");
    part
}

pub(crate) fn offer(site: &mut Site, part: SnapshotPart) {
    site.replica.receive_snapshot(NodeId(1), part, &mut site.around, &mut site.wanted);
    site.advance();
}

/// The streams that were reported complete.
pub(crate) fn complete(site: &Site) -> Vec<u64> {
    let bodies = site.wanted.bodies.iter();
    let streams = bodies.filter_map(|(_, body)| match body {
        Body::SnapshotReceived { stream, complete: Some(_), .. } => Some(*stream),
        _ => None,
    });
    streams.collect()
}

/// The catalogue's leader grants leases on the schema that its *node* serves: the node must hear of one that came by snapshot.
#[test]
fn a_catalogue_that_comes_by_snapshot_is_told_to_the_node() {
    let part = snapshot_of(ShardId::CATALOGUE);
    let mut site = Site::found_of(&config_of(3), ShardId::CATALOGUE);
    sync_everything(&mut site);
    site.wanted.events.clear();
    offer(&mut site, part);
    sync_everything(&mut site);
    assert_eq!(complete(&site).len(), 1);
    let told = site.wanted.events.iter().any(|(_, event)| *event == ReplicaEvent::Schema);
    assert!(told, "{:?}", site.wanted.events);
}

/// A sender that was started again counts its snapshots anew: what was begun before is outdated by its newer term.
#[test]
fn a_sender_that_was_started_again_is_listened_to() {
    let part = snapshot_of(ShardId(1));
    let mut site = Site::found_of(&config_of(3), ShardId(1));
    sync_everything(&mut site);
    // Its term is not durable yet, so nothing is cleared for it.
    offer(&mut site, SnapshotPart { stream: 5, ..part.clone() });
    offer(&mut site, SnapshotPart { stream: 1, term: Term(2), ..part });
    sync_everything(&mut site);
    assert_eq!(complete(&site), [1]);
}
