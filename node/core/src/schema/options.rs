//! What stands after WITH in CREATE and ALTER TABLE. Every option of Cassandra 5.0 is validated as Cassandra does and read
//! back unchanged from `system_schema.tables`; those that tune Cassandra's own files have no effect here. Amazon Keyspaces'
//! CUSTOM_PROPERTIES are kept; of them `client_side_timestamps` has an effect.

use super::SchemaError;
use super::compaction::compaction;
use super::compression::compression;
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

pub(super) type ConfigResult<T> = Result<T, SchemaError>;

/// Refused with a CONFIG error.
pub(super) fn refused<T>(text: String) -> ConfigResult<T> {
    Err(SchemaError::Configuration(text))
}

/// `true` or `false`, and nothing else.
pub(super) fn boolean_text(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
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
    refused(format!(
        "{name} must be larger than {} and less than or equal to 1.0 (got {})",
        java_double(BLOOM_FILTER_FP_CHANCE_MIN),
        java_double(chance)
    ))
}

fn crc_check_chance(name: &str, value: &PropertyValue) -> Result<Fraction, SchemaError> {
    let chance = double(name, value)?;
    if (0.0..=1.0).contains(&chance) {
        return Ok(Fraction::new(chance.abs()));
    }
    refused(format!(
        "{name} must be larger than or equal to 0 and smaller than or equal to 1.0 (got {})",
        java_double(chance)
    ))
}

/// A number as Java prints it.
pub(super) fn java_double(number: f64) -> String {
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text.replace('e', "E"),
    }
}

/// A single policy, in its kept form, and its kind.
fn single_retry_policy(text: &str) -> Option<(String, &'static str)> {
    let upper = text.to_uppercase();
    let is_number = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && digits.parse::<f64>().is_ok()
    };
    if let Some(digits) = upper.strip_suffix("MS").filter(|digits| is_number(digits)) {
        return Some((format!("{digits}ms"), "FIXED"));
    }
    let percentile = upper.strip_suffix("PERCENTILE").or_else(|| upper.strip_suffix('P'));
    percentile.filter(|digits| is_number(digits)).map(|digits| (format!("{digits}p"), "PERCENTILE"))
}

/// `speculative_retry` and `additional_write_policy`; Cassandra's words call both the first.
fn retry_policy(text: &str) -> Result<String, SchemaError> {
    let invalid = |more: &str| refused(format!("Invalid value {text} for option 'speculative_retry'{more}"));
    let upper = text.trim().to_uppercase();
    match upper.as_str() {
        "NONE" | "NEVER" => return Ok("NEVER".to_owned()),
        "ALWAYS" => return Ok("ALWAYS".to_owned()),
        _ => {}
    }
    if let Some((policy, kind)) = single_retry_policy(&upper) {
        let percent = policy.strip_suffix('p').and_then(|digits| digits.parse::<f64>().ok());
        if percent.is_some_and(|percent| percent <= 0.0 || percent >= 100.0) {
            return refused(format!(
                "Invalid value {text} for {kind} option 'speculative_retry': must be between (0.0 and 100.0)"
            ));
        }
        return Ok(policy);
    }
    let combined = (upper.strip_prefix("MIN(").or_else(|| upper.strip_prefix("MAX(")))
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|inner| inner.split_once(','));
    let Some((one, other)) = combined else { return invalid("") };
    match (single_retry_policy(one.trim()), single_retry_policy(other.trim())) {
        (Some((_, one)), Some((_, other))) if one == other => {
            invalid(&format!(": MIN()/MAX() arguments should be of different types, but both are of type {one}"))
        }
        (Some((one, _)), Some((other, _))) => Ok(format!("{}({one},{other})", &upper[..3])),
        _ => invalid(""),
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
        // The only configuration of Cassandra's own cassandra.yaml.
        "default" => Ok(text.to_owned()),
        _ => Err(SchemaError::Configuration(format!("Memtable configuration \"{text}\" not found."))),
    }
}

fn caching(options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, SchemaError> {
    let unknown: Vec<&str> =
        options.keys().map(String::as_str).filter(|name| !matches!(*name, "keys" | "rows_per_partition")).collect();
    if !unknown.is_empty() {
        return refused(format!(
            "Invalid caching sub-options [{}]: only 'keys' and 'rows_per_partition' are allowed",
            unknown.join(", ")
        ));
    }
    // What is not said is NONE, although a table of which nothing is said has the default.
    let mut next = text_map(&[("keys", "NONE"), ("rows_per_partition", "NONE")]);
    for (name, value) in options {
        let upper = value.to_uppercase();
        let (valid, allowed) = match name.as_str() {
            "keys" => (matches!(upper.as_str(), "ALL" | "NONE"), "'ALL' and 'NONE'"),
            _ => (
                matches!(upper.as_str(), "ALL" | "NONE") || value.parse::<u32>().is_ok(),
                "'ALL', 'NONE', and integer values",
            ),
        };
        if !valid {
            return refused(format!(
                "Invalid value '{value}' for caching sub-option '{name}': only {allowed} are allowed"
            ));
        }
        next.insert(name.clone(), if upper == "0" { "NONE".to_owned() } else { upper });
    }
    Ok(next)
}
