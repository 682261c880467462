//! OPTIONS: what is supported? Drivers send it before STARTUP to find the version, and later as a heartbeat. It has no
//! body.

pub(super) fn encode(_body: &mut Vec<u8>) {}
