//! A layer: one memtable and the purge horizons in force while it was written. The active layer takes writes; frozen ones wait
//! to be merged into the store. A purge begins a new layer.

use super::memtable::Memtable;
use super::purge::Horizons;
use std::sync::Arc;

/// One memtable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    /// Its rows.
    pub(crate) memtable: Memtable,
    /// What lies below it is seen through these.
    pub(crate) horizons: Arc<Horizons>,
}
