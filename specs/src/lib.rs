//! The promises: what Trefoil says it does, each with a name, a sentence, and the places where it is checked.
//!
//! The promises are data, one file for each area in `promises/`. Oracles, models and tests name them by identifier. What may never
//! happen: a promise that nothing checks, a check named here that does not exist, a planted bug that no check is shown to catch;
//! `tests/table.rs` sees to all three.

use serde::Deserialize;

/// One promise.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// Its name, for ever: upper case, words joined by dashes.
    pub id: String,
    /// What is promised, in a sentence that can be true or false.
    pub says: String,
    /// Oracles of the simulator: files.
    #[serde(default)]
    pub oracles: Vec<String>,
    /// Models: `file::function` of the test that explores them.
    #[serde(default)]
    pub models: Vec<String>,
    /// Tests: `file::function`, or a file that is a test as a whole.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Runs against real processes: `workload nemesis` as `tests/run` starts them, or a script.
    #[serde(default)]
    pub live: Vec<String>,
    /// Planted bugs that break it, and that its checks are shown to catch.
    #[serde(default)]
    pub bugs: Vec<String>,
    /// What is not checked yet, said openly.
    #[serde(default)]
    pub gap: Option<String>,
}

impl Promise {
    /// Everything that checks it.
    pub fn checks(&self) -> impl Iterator<Item = &String> {
        self.oracles.iter().chain(&self.models).chain(&self.tests).chain(&self.live)
    }
}

/// The promises of one area.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// What it is about.
    pub area: String,
    /// Its promises.
    #[serde(default, rename = "promise")]
    pub promises: Vec<Promise>,
}

/// The files, by name.
pub const FILES: [(&str, &str); 6] = [
    ("replication", include_str!("../promises/replication.toml")),
    ("storage", include_str!("../promises/storage.toml")),
    ("transactions", include_str!("../promises/transactions.toml")),
    ("schema", include_str!("../promises/schema.toml")),
    ("service", include_str!("../promises/service.toml")),
    ("foundations", include_str!("../promises/foundations.toml")),
];

/// All areas.
///
/// # Errors
/// Names the file that cannot be read.
pub fn areas() -> Result<Vec<Area>, String> {
    FILES
        .iter()
        .map(|(name, text)| toml::from_str(text).map_err(|error| format!("promises/{name}.toml: {error}")))
        .collect()
}
