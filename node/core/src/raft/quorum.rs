//! Who votes, and what a majority of them is. All arithmetic on majorities is here, so that membership change will need to
//! look nowhere else. Any two majorities share a voter: everything else rests on that.

use crate::ids::NodeId;

/// The voters of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Voters {
    nodes: Vec<NodeId>,
}

impl Voters {
    pub(super) fn new(mut nodes: Vec<NodeId>) -> Voters {
        nodes.sort_unstable();
        nodes.dedup();
        Voters { nodes }
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }

    /// Everybody but this node.
    pub(super) fn others(&self, me: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.iter().copied().filter(move |node| *node != me)
    }

    /// Whether this node is the only voter: what it decides is decided.
    pub(super) fn only(&self, me: NodeId) -> bool {
        self.nodes == [me]
    }

    /// How many make a majority.
    pub(super) fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    /// Whether those who agree are a majority.
    pub(super) fn agree(&self, agreed: &[NodeId]) -> bool {
        self.nodes.iter().filter(|node| agreed.contains(node)).count() >= self.majority()
    }

    /// The largest value that a majority has reached. `value` is asked once for each voter.
    pub(super) fn reached<T: Ord + Copy>(&self, mut value: impl FnMut(NodeId) -> T) -> Option<T> {
        // Insertion into a descending list: a handful of voters, and no allocation up to eight of them.
        let majority = self.majority();
        let mut top: SmallList<T> = SmallList::new();
        for node in &self.nodes {
            top.insert_descending(value(*node));
        }
        top.get(majority - 1)
    }
}

/// A descending list that lives on the stack while it is short.
struct SmallList<T> {
    inline: [Option<T>; 8],
    length: usize,
    rest: Vec<T>,
}

impl<T: Ord + Copy> SmallList<T> {
    fn new() -> SmallList<T> {
        SmallList { inline: [None; 8], length: 0, rest: Vec::new() }
    }

    fn insert_descending(&mut self, value: T) {
        let mut carried = value;
        for slot in &mut self.inline[..self.length] {
            if let Some(present) = slot
                && *present < carried
            {
                std::mem::swap(present, &mut carried);
            }
        }
        if self.length < self.inline.len() {
            self.inline[self.length] = Some(carried);
            self.length += 1;
        } else {
            let at = self.rest.partition_point(|present| *present >= carried);
            self.rest.insert(at, carried);
        }
    }

    fn get(&self, at: usize) -> Option<T> {
        if at < self.length { self.inline[at] } else { self.rest.get(at - self.inline.len()).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(count: u32) -> Voters {
        Voters::new((1..=count).map(NodeId).collect())
    }

    #[test]
    fn a_majority_reached_what_its_slowest_member_reached() {
        assert_eq!(voters(1).reached(|_| 7), Some(7));
        assert_eq!(voters(2).reached(|node| [9, 4][node.0 as usize - 1]), Some(4));
        assert_eq!(voters(3).reached(|node| [1, 9, 4][node.0 as usize - 1]), Some(4));
        assert_eq!(voters(5).reached(|node| [5, 1, 4, 2, 3][node.0 as usize - 1]), Some(3));
    }

    #[test]
    fn many_voters_are_counted_like_few() {
        for count in 1..=15 {
            let all = voters(count);
            let reached = all.reached(|node| (u64::from(node.0) * 7) % u64::from(count));
            let mut values: Vec<u64> = (1..=count).map(|node| (u64::from(node) * 7) % u64::from(count)).collect();
            values.sort_unstable_by(|a, b| b.cmp(a));
            assert_eq!(reached, Some(values[all.majority() - 1]), "{count} voters");
        }
    }

    #[test]
    fn strangers_do_not_make_a_majority() {
        assert!(!voters(3).agree(&[NodeId(1), NodeId(8), NodeId(9)]));
        assert!(voters(3).agree(&[NodeId(1), NodeId(3)]));
    }

    #[test]
    fn a_voter_named_twice_votes_once() {
        let twice = Voters::new(vec![NodeId(2), NodeId(1), NodeId(2)]);
        assert_eq!(twice.majority(), 2);
        assert!(!twice.only(NodeId(2)));
    }
}
