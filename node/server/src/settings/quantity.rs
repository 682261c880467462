//! Durations and sizes as people write them.

use std::time::Duration;

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// "250us", "600ms", "5s", "10m", "2h".
///
/// # Errors
/// A text for the operator.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let micros = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(format!("'{text}' is not a duration; write for example 600ms, 5s or 10m")),
    };
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is not a duration; write for example 600ms"))?;
    number.checked_mul(micros).map(Duration::from_micros).ok_or_else(|| format!("'{text}' is too long"))
}

/// "65536", "64KiB", "16MiB", "1GiB", "1TiB"; "MB" and so on mean the same.
///
/// # Errors
/// A text for the operator.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("'{text}' is not a size; write for example 64MiB")),
    };
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is not a size; write for example 64MiB"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("'{text}' is too large"))
}
