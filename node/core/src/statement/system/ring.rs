//! Tokens that nodes show to drivers. A shard's last token belongs to the node that should lead it, so drivers that route by
//! token reach the leader first, and with one rack for each zone compute the shard's real replicas.

use crate::config::Layout;
use crate::ids::{NodeId, ShardId};
use trefoil_cql::token::Token;

/// A node's tokens: never none, and never those of another node.
pub(super) fn tokens(layout: &Layout, node: NodeId) -> Vec<String> {
    let shards = layout.shard_ids().filter(|shard| *shard != ShardId::CATALOGUE);
    let mut tokens: Vec<Token> = shards
        .filter(|shard| layout.preferred_leader(*shard) == Some(node))
        .map(|shard| layout.token_range(shard).1)
        .collect();
    if tokens.is_empty() {
        tokens.push(spare_token(layout, node));
    }
    tokens.iter().map(|token| token.0.to_string()).collect()
}

/// For a node that leads no shard: a token inside a shard that it keeps a replica of.
fn spare_token(layout: &Layout, node: NodeId) -> Token {
    let mut shards = layout.shard_ids().filter(|shard| *shard != ShardId::CATALOGUE);
    let shard = shards.find(|shard| layout.replicas(*shard).contains(&node)).unwrap_or(ShardId(1));
    let (first, last) = layout.token_range(shard);
    // Nodes are numbered, so no two get the same.
    Token(last.0.saturating_sub(1 + i64::from(node.0)).max(first.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeInfo;
    use crate::ids::ZoneId;
    use std::collections::BTreeSet;

    fn layout(zones: u8, nodes_per_zone: u32, shards: u32) -> Layout {
        let node = |id: u32| NodeInfo {
            id: NodeId(id),
            zone: ZoneId((id % u32::from(zones)) as u8),
            host_id: [id as u8; 16],
            cql_address: ([127, 0, 0, 1 + id as u8], 9042).into(),
            peer_address: ([127, 0, 0, 1 + id as u8], 7000).into(),
        };
        Layout {
            cluster_id: [0; 16],
            cluster_name: "test".into(),
            data_center: "dc".into(),
            zones: (0..zones).map(|zone| zone.to_string()).collect(),
            nodes: (0..u32::from(zones) * nodes_per_zone).map(node).collect(),
            shards,
        }
    }

    #[test]
    fn every_node_has_tokens_of_its_own() {
        for (zones, nodes, shards) in [(1, 1, 12), (3, 1, 12), (3, 3, 12), (3, 2, 3), (3, 4, 1), (1, 5, 2)] {
            let layout = layout(zones, nodes, shards);
            let mut seen = BTreeSet::new();
            for node in &layout.nodes {
                let tokens = tokens(&layout, node.id);
                assert!(!tokens.is_empty());
                for token in tokens {
                    assert!(seen.insert(token), "{zones} zones, {nodes} nodes, {shards} shards");
                }
            }
        }
    }

    #[test]
    fn the_owner_of_a_token_leads_its_shard() {
        let layout = layout(3, 1, 12);
        for token in [i64::MIN + 1, -4_000_000_000_000_000_000, -1, 0, 1, 5_555_555_555_555, i64::MAX] {
            let leader = layout.preferred_leader(layout.shard_of(Token(token)));
            // What drivers do: the next token clockwise.
            let owner = (layout.nodes.iter())
                .flat_map(|node| tokens(&layout, node.id).into_iter().map(move |token| (token, node.id)))
                .map(|(token, node)| (token.parse::<i64>().expect("a number"), node))
                .filter(|(owned, _)| *owned >= token)
                .min();
            assert_eq!(owner.map(|(_, node)| node), leader, "token {token}");
        }
    }
}
