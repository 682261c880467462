//! How a world is explored in tests: completely, counting its states; or until a planted bug shows.

#![cfg(test)]

use stateright::{Checker, HasDiscoveries, Model};
use std::hash::Hash;

/// Explore everything: no property fails, everything that should be possible is, and there are so many states.
pub(crate) fn complete<M>(model: M, states: usize)
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Send + Sync + Clone + std::fmt::Debug + PartialEq,
    M::Action: Send + Sync + Clone + std::fmt::Debug + PartialEq,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} transitions, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), states, "the number of states has changed");
}

/// The planted bug shows, as a violation of this property.
pub(crate) fn caught<M>(model: M, property: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Send + Sync + Clone + std::fmt::Debug + PartialEq,
    M::Action: Send + Sync + Clone + std::fmt::Debug + PartialEq,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_bfs().join();
    let path = checker
        .discovery(property)
        .unwrap_or_else(|| panic!("the planted bug was not caught in {} states", checker.unique_state_count()));
    println!("{} states; after {:#?}", checker.unique_state_count(), path.into_actions());
}
