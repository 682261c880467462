//! Programs in CQL out of a seed, and what they mean. A program is data: a table and requests that write, delete and read it in all
//! the ways that interfere with each other. `tests/differential` plays it on two servers and compares their answers; in the
//! simulator (preset `language`) clients run it, and the interpreter judges.
//!
//! In this order: types (`kind`) and their values (`value`, `order`), what a program is made of (`program`), its text (`print`),
//! the generator (`generate`), the interpreter (`interpreter`). What cannot be the same on two servers (server timestamps, random
//! values) may never be asked for.

pub mod generate;
pub mod interpreter;
pub mod kind;
pub mod order;
pub mod print;
pub mod program;
pub mod value;
