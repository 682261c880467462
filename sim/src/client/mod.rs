//! Clients: drivers in miniature. They open connections, speak CQL frames through the client side of
//! `trefoil_cql::protocol`, prepare and execute, retry where real drivers do, and write down what they saw. A client knows
//! only what its connections tell it; what it does not know is written down as unknown.

pub mod driver;
pub mod history;
mod link;
pub mod statement;
