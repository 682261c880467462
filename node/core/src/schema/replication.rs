//! How a keyspace claims to be replicated. Trefoil keeps every row in each zone whatever is declared; the declaration is
//! validated as Cassandra does and read back unchanged, because drivers route by it and tools compare it.

use super::SchemaError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const PACKAGE: &str = "org.apache.cassandra.locator.";
const FACTOR: &str = "replication_factor";
/// The factor of a strategy without one: Cassandra's `default_keyspace_rf`.
const DEFAULT_FACTOR: u32 = 1;

/// A replication strategy with its options.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Replication {
    /// SimpleStrategy.
    Simple {
        /// The factor.
        factor: u32,
    },
    /// NetworkTopologyStrategy.
    NetworkTopology {
        /// The factor of each data centre.
        factors: BTreeMap<String, u32>,
    },
    /// Amazon Keyspaces' SingleRegionStrategy.
    SingleRegion,
}

impl Replication {
    /// From the map after `replication =`.
    ///
    /// # Errors
    /// CONFIG errors, with Cassandra's texts.
    pub fn from_options(
        keyspace: &str,
        options: &[(String, String)],
        data_center: &str,
    ) -> Result<Replication, SchemaError> {
        let config = |text: String| Err(SchemaError::Configuration(text));
        let Some((_, class)) = options.iter().find(|(name, _)| name == "class") else {
            return config("Missing replication strategy class".to_owned());
        };
        let rest: Vec<&(String, String)> = options.iter().filter(|(name, _)| name != "class").collect();
        match class.strip_prefix(PACKAGE).unwrap_or(class) {
            strategy @ ("SimpleStrategy" | "SingleRegionStrategy") => {
                if let Some((name, _)) = rest.iter().find(|(name, _)| name != FACTOR) {
                    return config(format!(
                        "Unrecognized strategy option {{{name}}} passed to {strategy} for keyspace {keyspace}"
                    ));
                }
                if strategy == "SingleRegionStrategy" {
                    return Ok(Replication::SingleRegion);
                }
                let factor = rest.first().map_or(Ok(DEFAULT_FACTOR), |(_, factor)| parse_factor(factor))?;
                Ok(Replication::Simple { factor })
            }
            "NetworkTopologyStrategy" => {
                let mut factors = BTreeMap::new();
                for (name, factor) in &rest {
                    if name != FACTOR && name != data_center {
                        return config(format!(
                            "Unrecognized strategy option {{{name}}} passed to NetworkTopologyStrategy for keyspace \
                             {keyspace}"
                        ));
                    }
                    // A factor named for its data centre is more precise than the shorthand, in whatever order they come.
                    if name != FACTOR || !factors.contains_key(data_center) {
                        factors.insert(data_center.to_owned(), parse_factor(factor)?);
                    }
                }
                if rest.is_empty() {
                    factors.insert(data_center.to_owned(), DEFAULT_FACTOR);
                }
                if factors.values().all(|factor| *factor == 0) {
                    return config("Configuration for at least one datacenter must be present".to_owned());
                }
                Ok(Replication::NetworkTopology { factors })
            }
            "LocalStrategy" => Err(SchemaError::invalid(
                "Unable to use given strategy class: LocalStrategy is reserved for internal use.",
            )),
            _ => config(format!("Unable to find replication strategy class '{}'", qualified(class))),
        }
    }

    /// What Cassandra warns of where more replicas are asked for than there are nodes.
    pub(super) fn warnings(&self, keyspace: &str, nodes: usize) -> Vec<String> {
        let factors: Vec<(u32, String)> = match self {
            Replication::Simple { factor } => vec![(*factor, String::new())],
            Replication::NetworkTopology { factors } => {
                factors.iter().map(|(name, factor)| (*factor, format!(" for datacenter {name}"))).collect()
            }
            Replication::SingleRegion => Vec::new(),
        };
        let too_many = factors.into_iter().filter(|(factor, _)| *factor as usize > nodes);
        let warning = |(factor, place)| {
            format!(
                "Your replication factor {factor} for keyspace {keyspace} is higher than the number of nodes {nodes}{place}"
            )
        };
        too_many.map(warning).collect()
    }

    /// As `system_schema.keyspaces` and DESCRIBE show it.
    #[must_use]
    pub fn to_options(&self) -> BTreeMap<String, String> {
        let class = |name: &str| ("class".to_owned(), format!("{PACKAGE}{name}"));
        match self {
            Replication::Simple { factor } => {
                BTreeMap::from([class("SimpleStrategy"), (FACTOR.to_owned(), factor.to_string())])
            }
            Replication::NetworkTopology { factors } => {
                let factors = factors.iter().map(|(name, factor)| (name.clone(), factor.to_string()));
                factors.chain([class("NetworkTopologyStrategy")]).collect()
            }
            // Drivers know this name without a package only.
            Replication::SingleRegion => BTreeMap::from([("class".to_owned(), "SingleRegionStrategy".to_owned())]),
        }
    }
}

fn qualified(class: &str) -> String {
    if class.contains('.') { class.to_owned() } else { format!("{PACKAGE}{class}") }
}

fn parse_factor(text: &str) -> Result<u32, SchemaError> {
    match text.parse::<i64>() {
        Ok(factor) if factor < 0 => {
            Err(SchemaError::Configuration(format!("Replication factor must be non-negative, found {factor}")))
        }
        Ok(factor) => u32::try_from(factor)
            .map_err(|_| SchemaError::Configuration(format!("Replication factor must be numeric; found {text}"))),
        Err(_) => Err(SchemaError::Configuration(format!("Replication factor must be numeric; found {text}"))),
    }
}
