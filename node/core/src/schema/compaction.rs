//! `compaction = {...}`: how Cassandra arranges its own files. It has no effect here, but is validated as Cassandra 5.0 does and
//! read back unchanged, because tools compare it.

use super::SchemaError;
use super::options::{ConfigResult, boolean_text, java_double, refused};
use std::collections::BTreeMap;

const PACKAGE: &str = "org.apache.cassandra.db.compaction.";

/// What a sub-option must be.
#[derive(Clone, Copy)]
enum Kind {
    /// A number of either kind; below 0 is refused.
    Threshold,
    Interval,
    Size,
    Ratio,
    Positive,
    /// The same in 32 bits.
    Megabytes,
    Window,
    Frequency,
    Shards,
    Target,
    Growth,
    Scaling,
    Unit(&'static [&'static str]),
    /// `true` or `false`, refused in the words of the format (name, value).
    Truth(fn(&str, &str) -> String),
    Overlapping,
    Integer,
    Any,
}

const NANOS_TO_DAYS: &[&str] = &["NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS"];

/// Names that every compaction strategy understands.
const COMMON: &[(&str, Kind)] = &[
    ("class", Kind::Any),
    ("enabled", Kind::Truth(|name, value| format!("{name} should either be 'true' or 'false', not {value}"))),
    ("log_all", Kind::Truth(|name, value| format!("'{name}' should either be 'true' or 'false', not {value}"))),
    ("only_purge_repaired_tombstones", Kind::Any),
    ("provide_overlapping_tombstones", Kind::Overlapping),
    ("tombstone_compaction_interval", Kind::Interval),
    ("tombstone_threshold", Kind::Threshold),
    (
        "unchecked_tombstone_compaction",
        Kind::Truth(|name, value| format!("'{name}' should be either 'true' or 'false', not '{value}'")),
    ),
];

const SIZE_TIERED: &[(&str, Kind)] = &[
    ("bucket_high", Kind::Ratio),
    ("bucket_low", Kind::Ratio),
    ("max_threshold", Kind::Integer),
    ("min_sstable_size", Kind::Size),
    ("min_threshold", Kind::Integer),
];

const LEVELED: &[(&str, Kind)] =
    &[("fanout_size", Kind::Positive), ("single_sstable_uplevel", Kind::Any), ("sstable_size_in_mb", Kind::Megabytes)];

const AGGRESSIVE: Kind = Kind::Truth(|name, value| format!("{name} is not 'true' or 'false' ({value})"));

const TIME_WINDOW: &[(&str, Kind)] = &[
    ("compaction_window_size", Kind::Window),
    ("compaction_window_unit", Kind::Unit(&["MINUTES", "HOURS", "DAYS"])),
    ("expired_sstable_check_frequency_seconds", Kind::Frequency),
    ("timestamp_resolution", Kind::Unit(NANOS_TO_DAYS)),
    ("unsafe_aggressive_sstable_expiration", AGGRESSIVE),
];

const UNIFIED: &[(&str, Kind)] = &[
    ("base_shard_count", Kind::Shards),
    ("expired_sstable_check_frequency_seconds", Kind::Frequency),
    ("flush_size_override", Kind::Any),
    ("max_sstables_to_compact", Kind::Any),
    ("min_sstable_size", Kind::Any),
    ("overlap_inclusion_method", Kind::Any),
    ("parallelize_output_shards", Kind::Any),
    ("scaling_parameters", Kind::Scaling),
    ("sstable_growth", Kind::Growth),
    ("target_sstable_size", Kind::Target),
    ("unsafe_aggressive_sstable_expiration", AGGRESSIVE),
];

/// What follows `compaction =`, as it is kept.
pub(super) fn compaction(options: &BTreeMap<String, String>) -> ConfigResult<BTreeMap<String, String>> {
    let Some(class) = options.get("class") else {
        return refused("Missing sub-option 'class' for the 'compaction' option".to_owned());
    };
    let strategy = class.strip_prefix(PACKAGE).unwrap_or(class);
    let (own, has_thresholds): (&[&[(&str, Kind)]], bool) = match strategy {
        "SizeTieredCompactionStrategy" => (&[SIZE_TIERED], true),
        "LeveledCompactionStrategy" => (&[LEVELED, SIZE_TIERED], true),
        "TimeWindowCompactionStrategy" => (&[TIME_WINDOW, SIZE_TIERED], true),
        "UnifiedCompactionStrategy" => (&[UNIFIED], false),
        _ => {
            let name = if class.contains('.') { class.clone() } else { format!("{PACKAGE}{class}") };
            return refused(format!("Unable to find compaction strategy class '{name}'"));
        }
    };
    let known: Vec<&(&str, Kind)> = COMMON.iter().chain(own.iter().copied().flatten()).collect();
    let kind_of = |name: &str| known.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let mut unknown = Vec::new();
    for (name, value) in options {
        match kind_of(name) {
            Some(kind) => check(kind, name, value)?,
            None => unknown.push(name.as_str()),
        }
    }
    check_buckets(options)?;
    if !unknown.is_empty() {
        return refused(format!("Properties specified [{}] are not understood by {strategy}", unknown.join(", ")));
    }
    let mut kept = options.clone();
    kept.insert("class".to_owned(), format!("{PACKAGE}{strategy}"));
    if has_thresholds {
        kept.entry("min_threshold".to_owned()).or_insert_with(|| "4".to_owned());
        kept.entry("max_threshold".to_owned()).or_insert_with(|| "32".to_owned());
        check_thresholds(&kept)?;
    }
    Ok(kept)
}

fn check(kind: Kind, name: &str, value: &str) -> ConfigResult<()> {
    let not_integer = || SchemaError::Configuration(format!("{value} is not a parsable int (base10) for {name}"));
    let integer = || value.parse::<i64>().map_err(|_| not_integer());
    let problem = match kind {
        Kind::Any => None,
        Kind::Truth(refusal) => boolean_text(value).is_none().then(|| refusal(name, value)),
        Kind::Threshold => {
            let number: f32 = value.parse().map_err(|_| not_integer())?;
            (number < 0.0).then(|| format!("{name} must be greater than 0, but was {number:.6}"))
        }
        Kind::Interval => integer()?.is_negative().then(|| format!("{name} must be greater than 0, but was {value}")),
        Kind::Size => integer()?.is_negative().then(|| format!("{name} must be non negative: {value}")),
        Kind::Megabytes if value.parse::<i32>().is_err() => return Err(not_integer()),
        Kind::Positive | Kind::Megabytes => {
            (integer()? < 1).then(|| format!("{name} must be larger than 0, but was {value}"))
        }
        Kind::Window => (integer()? < 1).then(|| format!("{value} must be greater than 1 for {name}")),
        Kind::Frequency => integer()?.is_negative().then(|| format!("{name} must not be negative, but was {value}")),
        Kind::Shards => (integer()? < 1).then(|| format!("Invalid configuration, {name} should be positive: {value}")),
        Kind::Ratio => value.parse::<f64>().is_err().then(|| format!("{value} is not a parsable float for {name}")),
        Kind::Growth => match value.parse::<f64>() {
            Ok(growth) => (!(0.0..=1.0).contains(&growth)).then(|| format!("{name} {value} must be between 0 and 1")),
            Err(_) => Some(format!("{name} is not a valid number between 0 and 1: For input string: \"{value}\"")),
        },
        Kind::Target => target_size(name, value),
        Kind::Scaling => (value.split(',').map(str::trim))
            .find(|parameter| !is_scaling_parameter(parameter))
            .map(|parameter| format!("Scaling parameter {parameter} must match N|L[0-9]+|T[0-9]+|[+-]?[0-9]+")),
        Kind::Unit(units) => (!units.contains(&value)).then(|| format!("{value} is not valid for {name}")),
        Kind::Overlapping => {
            let value = value.to_uppercase();
            (!matches!(value.as_str(), "NONE" | "ROW" | "CELL")).then(|| {
                format!(
                    "Invalid value {value} for '{name}' compaction sub-option - must be one of the following [NONE, ROW, \
                     CELL]."
                )
            })
        }
        // Cassandra takes digits only.
        Kind::Integer => (value.parse::<i32>().map_or(true, i32::is_negative))
            .then(|| format!("Invalid value {value} for '{name}' compaction sub-option - must be an integer")),
    };
    problem.map_or(Ok(()), refused)
}

fn is_scaling_parameter(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.as_bytes().first() {
        Some(b'N') => text.len() == 1,
        Some(b'L' | b'T' | b'+' | b'-') => digits(&text[1..]),
        _ => digits(text),
    }
}

fn target_size(name: &str, value: &str) -> Option<String> {
    let Some(number) = value.strip_suffix('B') else {
        return Some(format!("{name} {value} is not a valid size in bytes: {value} does not end in unit B"));
    };
    let (number, unit) = ["Ki", "Mi", "Gi", "Ti"]
        .iter()
        .zip(1..)
        .find_map(|(prefix, power)| number.strip_suffix(prefix).map(|number| (number, 1024f64.powi(power))))
        .unwrap_or((number, 1.0));
    match number.trim().parse::<f64>() {
        Ok(number) if number * unit >= 1_048_576.0 => None,
        Ok(_) => Some(format!("{name} {value} is not acceptable, size must be at least 1.000MiB")),
        Err(_) => Some(format!("{name} {value} is not a valid size in bytes: {value}")),
    }
}

fn check_buckets(options: &BTreeMap<String, String>) -> ConfigResult<()> {
    let ratio = |name: &str, default: f64| options.get(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let (low, high) = (ratio("bucket_low", 0.5), ratio("bucket_high", 1.5));
    if high > low {
        return Ok(());
    }
    refused(format!(
        "bucket_high value ({}) is less than or equal to the bucket_low value ({})",
        java_double(high),
        java_double(low)
    ))
}

fn check_thresholds(options: &BTreeMap<String, String>) -> ConfigResult<()> {
    let threshold = |name: &str| options.get(name).and_then(|value| value.parse::<i32>().ok()).unwrap_or_default();
    let (least, most) = (threshold("min_threshold"), threshold("max_threshold"));
    if least == 0 || most == 0 {
        return refused(
            "Disabling compaction by setting compaction thresholds to 0 has been removed, set the compaction option \
             'enabled' to false instead."
                .to_owned(),
        );
    }
    if least < 2 {
        return refused(format!("Min compaction threshold cannot be less than 2 (got {least})"));
    }
    if least > most {
        return refused(format!(
            "Min compaction threshold (got {least}) cannot be greater than max compaction threshold (got {most})"
        ));
    }
    Ok(())
}
