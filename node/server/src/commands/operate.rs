//! `trefoil status` and `trefoil zone`: ask a running process through its admin endpoint.

use super::{CommandError, StatusArguments, ZoneAction, ZoneArguments};
use crate::admin::ClusterStatus;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Starting a zone replays its log; longer than that is a hang.
const TIME_MAX: Duration = Duration::from_secs(60);

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(TIME_MAX)).http_status_as_error(false).build().into()
}

fn unreachable(admin: SocketAddr, error: &ureq::Error) -> CommandError {
    CommandError::Text(format!("no trefoil process answers at {admin} ({error}); give its address with --admin"))
}

/// The body of an answer, or what it complains of.
fn body(
    admin: SocketAddr,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<String, CommandError> {
    let mut answer = answer.map_err(|error| unreachable(admin, &error))?;
    let text = answer.body_mut().read_to_string().map_err(|error| unreachable(admin, &error))?;
    if answer.status().is_success() { Ok(text) } else { Err(CommandError::Text(text.trim().to_string())) }
}

pub(super) fn status(arguments: &StatusArguments) -> Result<ExitCode, CommandError> {
    let text = body(arguments.admin, agent().get(format!("http://{}/status", arguments.admin)).call())?;
    if arguments.json {
        println!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    let status: ClusterStatus = serde_json::from_str(&text)
        .map_err(|error| CommandError::Text(format!("{} answers something else: {error}", arguments.admin)))?;
    print!("{status}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn zone(arguments: &ZoneArguments) -> Result<ExitCode, CommandError> {
    let action = match arguments.action {
        ZoneAction::Stop => "stop",
        ZoneAction::Start => "start",
        ZoneAction::Isolate => "isolate",
        ZoneAction::Heal => "heal",
    };
    let name = &arguments.name;
    if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char)) {
        return Err(CommandError::Text(format!("'{name}' cannot be the name of a zone")));
    }
    let url = format!("http://{}/zone/{name}/{action}", arguments.admin);
    let text = body(arguments.admin, agent().post(url).send_empty())?;
    println!("{}", text.trim());
    Ok(ExitCode::SUCCESS)
}
