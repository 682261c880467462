//! Log output: text or JSON on standard error, filtered as the operator wishes.

use tracing_subscriber::EnvFilter;

/// Start logging; the format is "text" (the default) or "json".
///
/// # Errors
/// A text for the operator.
pub fn init(format: Option<&str>, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("'log_filter': {error}"))?;
    let output = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        None | Some("text") => output.with_target(false).try_init(),
        Some("json") => output.json().try_init(),
        Some(other) => return Err(format!("'log_format': '{other}' is neither text nor json")),
    };
    // Somebody who embeds this crate may have started logging already.
    drop(started);
    // A panic of one node is a log line like everything else.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, backtrace = %std::backtrace::Backtrace::capture(), "panic: {}", crate::shell::panic_text(panic.payload()));
    }));
    Ok(())
}
