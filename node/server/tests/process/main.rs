//! The real program, as an operator meets it: starts, restarts, kills, zones, and bad days.

mod bad_day;
mod client;
mod life;
mod server;
