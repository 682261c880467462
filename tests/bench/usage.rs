//! What a server process uses, read from /proc: processor time and memory.

use std::fs;

/// Ticks a second of the times in /proc; the kernel's fixed unit for user space.
const TICKS: f64 = 100.0;

/// Processor seconds that a process has used so far, all threads, user and system.
pub fn processor_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may hold anything, but nothing after its last parenthesis.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS)
}

/// Megabytes of memory: all that is resident, and what of it is no file's page.
pub fn resident_megabytes(process: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((field("VmRSS:")? / 1024, field("RssAnon:")? / 1024))
}
