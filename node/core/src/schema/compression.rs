//! `compression = {...}`: how Cassandra compresses its own files. It has no effect here, but is validated as Cassandra 5.0 does
//! and read back as there, because tools compare it.

use super::options::{ConfigResult, refused};
use std::collections::BTreeMap;

const PACKAGE: &str = "org.apache.cassandra.io.compress.";

/// What follows `compression =`, as it is kept.
pub(super) fn compression(options: &BTreeMap<String, String>) -> ConfigResult<BTreeMap<String, String>> {
    if options.is_empty() {
        return Ok(disabled());
    }
    let mut options = options.clone();
    if options.remove("enabled").is_some_and(|enabled| !enabled.eq_ignore_ascii_case("true")) {
        if !options.is_empty() {
            return refused("If the 'enabled' option is set to false no other options must be specified".to_owned());
        }
        return Ok(disabled());
    }
    let Some(class) = options.remove("class") else {
        return refused("Missing sub-option 'class' for the 'compression' option.".to_owned());
    };
    if class.is_empty() {
        return refused(
            "The 'class' option must not be empty. To disable compression use 'enabled' : false".to_owned(),
        );
    }
    let compressor = class.strip_prefix(PACKAGE).unwrap_or(&class);
    let names: &[&str] = match compressor {
        "LZ4Compressor" => &["lz4_compressor_type", "lz4_high_compressor_level"],
        "ZstdCompressor" => &["compression_level"],
        "DeflateCompressor" | "SnappyCompressor" | "NoopCompressor" => &[],
        _ => return refused(format!("Could not create Compression for type {PACKAGE}{compressor}")),
    };
    let mut kept = BTreeMap::from([
        ("class".to_owned(), format!("{PACKAGE}{compressor}")),
        ("chunk_length_in_kb".to_owned(), "16".to_owned()),
    ]);
    for (name, mut value) in options {
        match name.as_str() {
            "chunk_length_in_kb" => check_chunk_length(&value)?,
            "min_compress_ratio" => match ratio(&value)? {
                0.0 => continue,
                ratio => value = format!("{ratio:?}"),
            },
            known if names.contains(&known) => check_own(known, &value)?,
            _ => return refused(format!("Unknown compression options {name}")),
        }
        kept.insert(name, value);
    }
    Ok(kept)
}

fn disabled() -> BTreeMap<String, String> {
    BTreeMap::from([("enabled".to_owned(), "false".to_owned())])
}

fn check_chunk_length(value: &str) -> ConfigResult<()> {
    let Ok(length) = value.parse::<i32>() else {
        return refused("Invalid value for chunk_length_in_kb".to_owned());
    };
    if length <= 0 {
        return refused("Invalid negative or null chunk_length_in_kb".to_owned());
    }
    if length.checked_mul(1024).is_none() {
        return refused(format!("Value of chunk_length_in_kb is too large ({value})"));
    }
    if length & (length - 1) != 0 {
        return refused("chunk_length_in_kb must be a power of 2".to_owned());
    }
    Ok(())
}

fn ratio(value: &str) -> ConfigResult<f64> {
    match value.parse::<f64>() {
        Ok(ratio) if ratio == 0.0 || ratio >= 1.0 => Ok(ratio),
        Ok(ratio) if ratio < 0.0 => refused("Invalid negative min_compress_ratio".to_owned()),
        Ok(_) => refused("min_compress_ratio can either be 0 or greater than or equal to 1".to_owned()),
        Err(_) => refused("Invalid value for min_compress_ratio".to_owned()),
    }
}

/// What only one compressor knows.
fn check_own(name: &str, value: &str) -> ConfigResult<()> {
    match name {
        "compression_level" => match value.parse::<i32>() {
            Ok(level) if (-131_072..=22).contains(&level) => Ok(()),
            Ok(_) => refused(format!(
                "ZstdCompressor.create() threw an error: java.lang.IllegalArgumentException {name}={value} is invalid"
            )),
            Err(_) => refused(format!(
                "ZstdCompressor.create() threw an error: java.lang.NumberFormatException For input string: \"{value}\""
            )),
        },
        "lz4_compressor_type" if !matches!(value, "high" | "fast") => refused(format!(
            "Invalid compressor type '{value}' specified for LZ4 parameter '{name}'. Valid options are [high, fast]."
        )),
        "lz4_high_compressor_level" if !value.parse::<i32>().is_ok_and(|level| (1..=17).contains(&level)) => {
            refused(format!("Invalid value [{value}] for parameter '{name}'. Value must be between 1 and 17."))
        }
        _ => Ok(()),
    }
}
