//! What stands after WITH in CREATE and ALTER TABLE. Every option of Cassandra 5.0 is validated as Cassandra does and read
//! back unchanged from `system_schema.tables`; those that tune Cassandra's own files have no effect here. Amazon Keyspaces'
//! CUSTOM_PROPERTIES are kept; of them `client_side_timestamps` has an effect.

use super::SchemaError;
use crate::limits::TTL_SECONDS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of a property as written: numbers and booleans are kept as their text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PropertyValue {
    /// A string, number or boolean.
    Text(String),
    /// A map, in the order written.
    Map(Vec<(String, PropertyValue)>),
}

/// A number between 0 and 1 as options have it; the bits of an `f64`, so that schemas can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fraction(u64);

impl Fraction {
    /// From a number.
    #[must_use]
    pub const fn new(value: f64) -> Fraction {
        Fraction(value.to_bits())
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Options of a table, with Cassandra's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableOptions {
    /// Kept and shown.
    pub additional_write_policy: String,
    /// Kept and shown.
    pub allow_auto_snapshot: bool,
    /// Kept and shown.
    pub bloom_filter_fp_chance: Fraction,
    /// Kept and shown.
    pub caching: BTreeMap<String, String>,
    /// Kept and shown.
    pub cdc: bool,
    /// For humans.
    pub comment: String,
    /// Kept and shown.
    pub compaction: BTreeMap<String, String>,
    /// Kept and shown.
    pub compression: BTreeMap<String, String>,
    /// Kept and shown.
    pub crc_check_chance: Fraction,
    /// Seconds that values written without TTL live; 0 is for ever.
    pub default_time_to_live: u32,
    /// Seconds before tombstones are purged.
    pub gc_grace_seconds: u32,
    /// Kept and shown.
    pub incremental_backups: bool,
    /// Kept and shown.
    pub max_index_interval: u32,
    /// Kept and shown.
    pub memtable: String,
    /// Kept and shown.
    pub memtable_flush_period_in_ms: u32,
    /// Kept and shown.
    pub min_index_interval: u32,
    /// Kept and shown.
    pub read_repair: String,
    /// Kept and shown.
    pub speculative_retry: String,
    /// Amazon Keyspaces' own properties, by lower-case name.
    pub custom: BTreeMap<String, PropertyValue>,
}

impl Default for TableOptions {
    fn default() -> TableOptions {
        TableOptions {
            additional_write_policy: "99p".to_owned(),
            allow_auto_snapshot: true,
            bloom_filter_fp_chance: Fraction::new(0.01),
            caching: text_map(&[("keys", "ALL"), ("rows_per_partition", "NONE")]),
            cdc: false,
            comment: String::new(),
            compaction: text_map(&[
                ("class", "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"),
                ("max_threshold", "32"),
                ("min_threshold", "4"),
            ]),
            compression: text_map(&[
                ("chunk_length_in_kb", "16"),
                ("class", "org.apache.cassandra.io.compress.LZ4Compressor"),
            ]),
            crc_check_chance: Fraction::new(1.0),
            default_time_to_live: 0,
            gc_grace_seconds: 864_000,
            incremental_backups: true,
            max_index_interval: 2_048,
            memtable: "default".to_owned(),
            memtable_flush_period_in_ms: 0,
            min_index_interval: 128,
            read_repair: "BLOCKING".to_owned(),
            speculative_retry: "99p".to_owned(),
            custom: BTreeMap::new(),
        }
    }
}

impl TableOptions {
    /// These options with some of them set anew; `id` is not one of them.
    ///
    /// # Errors
    /// SYNTAX for unknown names and wrong kinds of value, CONFIG for values out of bounds.
    pub fn altered(&self, properties: &[(String, PropertyValue)]) -> Result<TableOptions, SchemaError> {
        let mut next = self.clone();
        for (index, (name, value)) in properties.iter().enumerate() {
            if properties[..index].iter().any(|(before, _)| before == name) {
                return Err(SchemaError::Syntax(format!("Multiple definition for property '{name}'")));
            }
            next.set(name, value)?;
        }
        if next.max_index_interval < next.min_index_interval {
            return Err(SchemaError::Configuration(format!(
                "max_index_interval must be greater than or equal to min_index_interval ({}) (got {})",
                next.min_index_interval, next.max_index_interval
            )));
        }
        Ok(next)
    }

    /// Whether timestamps that drivers add by themselves are used: `client_side_timestamps = {'status': 'enabled'}`, which
    /// Amazon Keyspaces takes inside CUSTOM_PROPERTIES as well.
    #[must_use]
    pub fn client_side_timestamps(&self) -> bool {
        match self.custom.get("client_side_timestamps") {
            Some(PropertyValue::Map(entries)) => entries.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("status")
                    && matches!(value, PropertyValue::Text(status) if status.eq_ignore_ascii_case("enabled"))
            }),
            _ => false,
        }
    }

    fn set(&mut self, name: &str, value: &PropertyValue) -> Result<(), SchemaError> {
        match name {
            "additional_write_policy" => self.additional_write_policy = retry_policy(text(name, value)?)?,
            "allow_auto_snapshot" => self.allow_auto_snapshot = boolean(name, value)?,
            "bloom_filter_fp_chance" => self.bloom_filter_fp_chance = bloom_filter_fp_chance(name, value)?,
            "caching" => self.caching = caching(&map(name, value)?)?,
            "cdc" => self.cdc = boolean(name, value)?,
            "comment" => self.comment = text(name, value)?.to_owned(),
            "compaction" => self.compaction = compaction(&map(name, value)?)?,
            "compression" => self.compression = compression(&map(name, value)?)?,
            "crc_check_chance" => self.crc_check_chance = crc_check_chance(name, value)?,
            "default_time_to_live" => self.default_time_to_live = default_time_to_live(name, value)?,
            // Cassandra's DESCRIBE prints `extensions = {}`: it must be accepted, and nothing can be set by it.
            "extensions" => drop(map(name, value)?),
            "gc_grace_seconds" => self.gc_grace_seconds = at_least(0, name, value)?,
            "incremental_backups" => self.incremental_backups = boolean(name, value)?,
            "max_index_interval" => self.max_index_interval = at_least(0, name, value)?,
            "memtable" => self.memtable = memtable(text(name, value)?)?,
            "memtable_flush_period_in_ms" => self.memtable_flush_period_in_ms = at_least(0, name, value)?,
            "min_index_interval" => self.min_index_interval = at_least(1, name, value)?,
            "read_repair" => self.read_repair = read_repair(text(name, value)?)?,
            "speculative_retry" => self.speculative_retry = retry_policy(text(name, value)?)?,
            "client_side_timestamps" => {
                map(name, value)?;
                self.custom.insert(name.to_owned(), value.clone());
            }
            "custom_properties" => match value {
                PropertyValue::Map(entries) => {
                    self.custom.extend(entries.iter().map(|(name, value)| (name.to_lowercase(), value.clone())));
                }
                PropertyValue::Text(_) => return Err(not_a_map(name)),
            },
            _ => return Err(SchemaError::Syntax(format!("Unknown property '{name}'"))),
        }
        Ok(())
    }
}

fn text_map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text<'a>(name: &str, value: &'a PropertyValue) -> Result<&'a str, SchemaError> {
    match value {
        PropertyValue::Text(text) => Ok(text),
        PropertyValue::Map(_) => {
            Err(SchemaError::Syntax(format!("Invalid value for property '{name}'. It should be a string")))
        }
    }
}

fn not_a_map(name: &str) -> SchemaError {
    SchemaError::Syntax(format!("Invalid value for property '{name}'. It should be a map."))
}

fn map(name: &str, value: &PropertyValue) -> Result<BTreeMap<String, String>, SchemaError> {
    match value {
        PropertyValue::Map(entries) => {
            entries.iter().map(|(key, value)| Ok((key.clone(), text(name, value)?.to_owned()))).collect()
        }
        PropertyValue::Text(_) => Err(not_a_map(name)),
    }
}

/// Cassandra's `PropertyDefinitions.parseBoolean`, shared with keyspace options.
pub(crate) fn boolean(name: &str, value: &PropertyValue) -> Result<bool, SchemaError> {
    let text = text(name, value)?;
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(SchemaError::Syntax(format!(
            "Invalid boolean value {text} for '{name}'. Positive values can be '1', 'true' or 'yes'. \
             Negative values can be '0', 'false' or 'no'."
        ))),
    }
}

fn integer(name: &str, value: &PropertyValue) -> Result<i32, SchemaError> {
    let text = text(name, value)?;
    text.parse().map_err(|_| SchemaError::Syntax(format!("Invalid integer value {text} for '{name}'")))
}

fn double(name: &str, value: &PropertyValue) -> Result<f64, SchemaError> {
    let text = text(name, value)?;
    text.parse().map_err(|_| SchemaError::Syntax(format!("Invalid double value {text} for '{name}'")))
}

fn at_least(least: i32, name: &str, value: &PropertyValue) -> Result<u32, SchemaError> {
    let number = integer(name, value)?;
    u32::try_from(number).ok().filter(|_| number >= least).ok_or_else(|| {
        SchemaError::Configuration(format!("{name} must be greater than or equal to {least} (got {number})"))
    })
}

fn default_time_to_live(name: &str, value: &PropertyValue) -> Result<u32, SchemaError> {
    let seconds = at_least(0, name, value)?;
    if seconds > TTL_SECONDS {
        return Err(SchemaError::Configuration(format!(
            "{name} must be less than or equal to {TTL_SECONDS} (got {seconds})"
        )));
    }
    Ok(seconds)
}

/// The smallest chance that Cassandra's filters can be sized for (`BloomCalculations`).
const BLOOM_FILTER_FP_CHANCE_MIN: f64 = 6.71e-5;

fn bloom_filter_fp_chance(name: &str, value: &PropertyValue) -> Result<Fraction, SchemaError> {
    let chance = double(name, value)?;
    if chance > BLOOM_FILTER_FP_CHANCE_MIN && chance <= 1.0 {
        return Ok(Fraction::new(chance));
    }
    Err(SchemaError::Configuration(format!(
        "{name} must be larger than {BLOOM_FILTER_FP_CHANCE_MIN:e} and less than or equal to 1.0 (got {chance})"
    )))
}

fn crc_check_chance(name: &str, value: &PropertyValue) -> Result<Fraction, SchemaError> {
    let chance = double(name, value)?;
    if (0.0..=1.0).contains(&chance) {
        return Ok(Fraction::new(chance.abs()));
    }
    Err(SchemaError::Configuration(format!(
        "{name} must be larger than or equal to 0 and smaller than or equal to 1.0 (got {chance})"
    )))
}

fn retry_policy(text: &str) -> Result<String, SchemaError> {
    let refused =
        || SchemaError::Configuration(format!("Specified Speculative Retry Policy [{text}] is not supported"));
    let upper = text.trim().to_uppercase();
    let is_number = |digits: &str| digits.parse::<f64>().ok();
    let is_single = |part: &str| {
        let percentile = part.strip_suffix("PERCENTILE").or_else(|| part.strip_suffix('P'));
        percentile.and_then(is_number).is_some_and(|percent| percent > 0.0 && percent < 100.0)
            || part.strip_suffix("MS").and_then(is_number).is_some_and(|millis| millis > 0.0)
    };
    match upper.as_str() {
        "NONE" | "NEVER" => Ok("NEVER".to_owned()),
        "ALWAYS" => Ok("ALWAYS".to_owned()),
        single if is_single(single) => Ok(single.replace("PERCENTILE", "P").to_lowercase()),
        combined => {
            let inner = (combined.strip_prefix("MIN(").or_else(|| combined.strip_prefix("MAX(")))
                .and_then(|rest| rest.strip_suffix(')'))
                .ok_or_else(refused)?;
            let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
            if parts.len() != 2 || !parts.iter().all(|part| is_single(part)) {
                return Err(refused());
            }
            let parts: Vec<String> = parts.iter().map(|part| part.replace("PERCENTILE", "P").to_lowercase()).collect();
            Ok(format!("{}({})", &combined[..3], parts.join(",")))
        }
    }
}

fn read_repair(text: &str) -> Result<String, SchemaError> {
    match text.to_uppercase().as_str() {
        strategy @ ("BLOCKING" | "NONE") => Ok(strategy.to_owned()),
        _ => Err(SchemaError::Configuration(format!("Unknown read repair strategy {text}"))),
    }
}

fn memtable(text: &str) -> Result<String, SchemaError> {
    match text {
        // The configurations of Cassandra's own cassandra.yaml.
        "default" | "skiplist" | "trie" => Ok(text.to_owned()),
        _ => Err(SchemaError::Configuration(format!("Memtable configuration \"{text}\" not found."))),
    }
}

fn caching(options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, SchemaError> {
    let refused = |text: String| Err(SchemaError::Configuration(text));
    let unknown: Vec<&str> =
        options.keys().map(String::as_str).filter(|name| !matches!(*name, "keys" | "rows_per_partition")).collect();
    if !unknown.is_empty() {
        return refused(format!(
            "Invalid caching sub-options [{}]: only 'keys' and 'rows_per_partition' are allowed",
            unknown.join(", ")
        ));
    }
    let mut next = TableOptions::default().caching;
    for (name, value) in options {
        let upper = value.to_uppercase();
        let valid = matches!(upper.as_str(), "ALL" | "NONE") || (name != "keys" && value.parse::<u32>().is_ok());
        if !valid {
            return refused(if name == "keys" {
                format!("Invalid value for caching sub-option '{name}': only 'ALL' and 'NONE' are allowed")
            } else {
                format!(
                    "Invalid value for caching sub-option '{name}': only 'ALL', 'NONE', and integer values are allowed"
                )
            });
        }
        next.insert(name.clone(), upper);
    }
    Ok(next)
}

const COMPACTION_PACKAGE: &str = "org.apache.cassandra.db.compaction.";

/// Names that every compaction strategy understands.
const COMPACTION_COMMON: &[&str] = &[
    "enabled",
    "tombstone_threshold",
    "tombstone_compaction_interval",
    "unchecked_tombstone_compaction",
    "only_purge_repaired_tombstones",
    "log_all",
    "provide_overlapping_tombstones",
];

fn compaction_names(strategy: &str) -> Option<&'static [&'static str]> {
    match strategy {
        "SizeTieredCompactionStrategy" => {
            Some(&["min_threshold", "max_threshold", "min_sstable_size", "bucket_low", "bucket_high"])
        }
        "LeveledCompactionStrategy" => Some(&["sstable_size_in_mb", "fanout_size", "single_sstable_uplevel"]),
        "TimeWindowCompactionStrategy" => Some(&[
            "min_threshold",
            "max_threshold",
            "min_sstable_size",
            "bucket_low",
            "bucket_high",
            "compaction_window_unit",
            "compaction_window_size",
            "timestamp_resolution",
            "expired_sstable_check_frequency_seconds",
            "unsafe_aggressive_sstable_expiration",
        ]),
        "UnifiedCompactionStrategy" => Some(&[
            "scaling_parameters",
            "min_sstable_size",
            "flush_size_override",
            "base_shard_count",
            "target_sstable_size",
            "sstable_growth",
            "max_sstables_to_compact",
            "expired_sstable_check_frequency_seconds",
            "unsafe_aggressive_sstable_expiration",
            "overlap_inclusion_method",
            "parallelize_output_shards",
        ]),
        _ => None,
    }
}

fn compaction(options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, SchemaError> {
    let refused = |text: String| Err(SchemaError::Configuration(text));
    let Some(class) = options.get("class") else {
        return refused("Missing sub-option 'class' for the 'compaction' option.".to_owned());
    };
    let strategy = class.strip_prefix(COMPACTION_PACKAGE).unwrap_or(class);
    let Some(names) = compaction_names(strategy) else {
        return refused(format!("Unable to find compaction strategy class '{COMPACTION_PACKAGE}{strategy}'"));
    };
    let known = |name: &&str| *name == "class" || names.contains(name) || COMPACTION_COMMON.contains(name);
    let unknown: Vec<&str> = options.keys().map(String::as_str).filter(|name| !known(name)).collect();
    if !unknown.is_empty() {
        return refused(format!("Properties specified [{}] are not understood by {strategy}", unknown.join(", ")));
    }
    let mut next = options.clone();
    next.insert("class".to_owned(), format!("{COMPACTION_PACKAGE}{strategy}"));
    if names.contains(&"min_threshold") {
        next.entry("min_threshold".to_owned()).or_insert_with(|| "4".to_owned());
        next.entry("max_threshold".to_owned()).or_insert_with(|| "32".to_owned());
        let threshold = |name: &str| -> Result<i32, SchemaError> {
            next[name].parse().map_err(|_| {
                SchemaError::Configuration(format!(
                    "Invalid value {} for '{name}' compaction sub-option - must be an integer",
                    next[name]
                ))
            })
        };
        let (least, most) = (threshold("min_threshold")?, threshold("max_threshold")?);
        if least < 2 {
            return refused(format!("Min compaction threshold cannot be less than 2 (got {least})"));
        }
        if least > most {
            return refused(format!(
                "Min compaction threshold cannot be greater than max compaction threshold (got {least} and {most})"
            ));
        }
    }
    Ok(next)
}

const COMPRESSION_PACKAGE: &str = "org.apache.cassandra.io.compress.";

fn compression(options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, SchemaError> {
    let refused = |text: String| Err(SchemaError::Configuration(text));
    let disabled = BTreeMap::from([("enabled".to_owned(), "false".to_owned())]);
    if options.is_empty() || options.get("enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("false")) {
        return Ok(disabled);
    }
    let Some(class) = options.get("class").or_else(|| options.get("sstable_compression")) else {
        return refused("Missing sub-option 'class' for the 'compression' option.".to_owned());
    };
    if class.is_empty() {
        return Ok(disabled);
    }
    let compressor = class.strip_prefix(COMPRESSION_PACKAGE).unwrap_or(class);
    let names: &[&str] = match compressor {
        "LZ4Compressor" => &["lz4_compressor_type", "lz4_high_compressor_level"],
        "ZstdCompressor" | "DeflateCompressor" => &["compression_level"],
        "SnappyCompressor" | "NoopCompressor" => &[],
        _ => return refused(format!("Could not create Compression for type {COMPRESSION_PACKAGE}{compressor}")),
    };
    let mut next = BTreeMap::from([("class".to_owned(), format!("{COMPRESSION_PACKAGE}{compressor}"))]);
    next.insert("chunk_length_in_kb".to_owned(), "16".to_owned());
    for (name, value) in options {
        match name.as_str() {
            "class" | "sstable_compression" | "enabled" | "crc_check_chance" => {}
            "chunk_length_in_kb" | "chunk_length_kb" => {
                let Ok(length) = value.parse::<i32>() else {
                    return refused(format!("Invalid value for {name}: {value}"));
                };
                if length <= 0 || length & (length - 1) != 0 {
                    return refused("chunk_length_in_kb must be a power of 2".to_owned());
                }
                next.insert("chunk_length_in_kb".to_owned(), value.clone());
            }
            "min_compress_ratio" | "max_compressed_length" => {
                next.insert(name.clone(), value.clone());
            }
            known if names.contains(&known) => {
                next.insert(name.clone(), value.clone());
            }
            _ => return refused(format!("Unknown compression options {name}")),
        }
    }
    Ok(next)
}
