//! The list of all keys: the only place where a setting gets its name. Flags and variables follow from it.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// Texts, separated by commas in flags and variables.
    Texts,
    /// Numbers, separated by commas in flags and variables.
    Numbers,
    /// Only in the file: part of a table that repeats.
    InFile,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As in the file, tables joined with dots.
    pub path: &'static str,
    /// How it is written.
    pub kind: KeyKind,
    /// What it means.
    pub help: &'static str,
}

const fn key(path: &'static str, kind: KeyKind, help: &'static str) -> Key {
    Key { path, kind, help }
}

use KeyKind::{InFile, Number, Numbers, Text, Texts};

/// All keys.
pub const KEYS: &[Key] = &[
    key("cluster_name", Text, "What drivers see as the cluster's name"),
    key("cluster_id", Text, "A uuid that stores and peers are compared by; derived from the name if absent"),
    key("data_center", Text, "What drivers see as the data centre"),
    key("zones", Texts, "Names of the availability zones"),
    key("shards", Number, "Number of data shards, fixed when the cluster is founded"),
    key("run", Numbers, "Ids of the nodes that this process runs, one for each core"),
    key("data_dir", Text, "Where data are kept"),
    key("admin_address", Text, "Where the operator's endpoint listens"),
    key("log_format", Text, "text or json"),
    key("log_filter", Text, "What is logged, for example info or trefoil=debug"),
    key("node.id", InFile, "A node's id, unique in the cluster"),
    key("node.zone", InFile, "The zone it stands in"),
    key("node.cql_address", InFile, "Where clients reach it"),
    key("node.peer_address", InFile, "Where the other nodes reach it"),
    key("tuning.election_timeout", Text, "A follower that hears nothing for this long stands for election"),
    key("tuning.heartbeat_interval", Text, "How often an active leader is heard at least"),
    key("tuning.clock_drift_ppm", Number, "By how much monotonic clocks may run apart"),
    key("tuning.max_clock_skew", Text, "How far wall clocks may be apart before a node stops leading"),
    key("tuning.request_timeout", Text, "How long a request may take"),
    key("tuning.schema_lease", Text, "How long definitions wait for a silent node"),
    key("tuning.memtable_bytes", Text, "Memtables are flushed when they are larger than this together"),
    key("tuning.memtable_age", Text, "A memtable is flushed when it is older than this"),
    key("tuning.log_retained_bytes", Text, "Log kept in memory for followers, per shard"),
    key("tuning.append_window_bytes", Text, "Entries in flight to one follower of one shard"),
    key("tuning.requests_per_connection", Number, "Requests under way on one connection"),
    key("tuning.requests_per_node", Number, "Requests under way on one node"),
    key("tuning.purge_interval", Text, "How often a shard gives up tombstones older than gc_grace_seconds"),
    key("tuning.quiesce_after", Text, "An idle leader stops heartbeats after this long"),
    key("store.log_map_bytes", Text, "Address space for the log; the file grows as it is used"),
    key("store.rows_map_bytes", Text, "Address space for the rows; the file grows as it is used"),
    key("connections.connections_max", Number, "Client connections of one node"),
    key("connections.request_bytes_max", Text, "The longest request"),
    key("connections.unsent_bytes_max", Text, "A client that lets more than this pile up is cut off"),
    key("connections.stall_max", Text, "A client that takes no answers for this long is cut off"),
];

impl Key {
    /// The variable that overrides it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("TREFOIL_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    /// The flag that overrides it, without the dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.path.replace(['.', '_'], "-")
    }
}

/// The candidate most like a word, if any is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let (score, best) = scored.min_by_key(|(score, _)| *score)?;
    (score <= word.len().max(best.len()) / 2).then_some(best)
}

/// Letters to insert, delete or change (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[two.len()]
}
