//! `trefoil check DIR`: verifies a data folder while no server uses it. Ends with an error if anything is wrong.

use super::{CheckArguments, CommandError};
use crate::store::{CheckReport, check_folder};
use std::process::ExitCode;

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, CommandError> {
    let reports = check_folder(&arguments.dir, trefoil_core::storage::verify)?;
    for report in &reports {
        println!("{report}");
    }
    let sound = reports.iter().all(CheckReport::is_sound);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
