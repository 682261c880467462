//! DESCRIBE.

use super::name::{FunctionName, NoLeadingKeyword, UserTypeName};
use super::when;
use crate::ast::{Describe, DescribeTarget};
use std::fmt;

impl fmt::Display for Describe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DESCRIBE {}{}", self.target, when(self.internals, " WITH INTERNALS"))
    }
}

impl fmt::Display for DescribeTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DescribeTarget::Cluster => out.write_str("CLUSTER"),
            DescribeTarget::Schema => out.write_str("SCHEMA"),
            DescribeTarget::FullSchema => out.write_str("FULL SCHEMA"),
            DescribeTarget::Keyspaces => out.write_str("KEYSPACES"),
            DescribeTarget::Keyspace { only, name } => {
                write!(out, "{}KEYSPACE", when(*only, "ONLY "))?;
                match name {
                    Some(name) => write!(out, " {name}"),
                    None => Ok(()),
                }
            }
            DescribeTarget::Tables => out.write_str("TABLES"),
            DescribeTarget::Table(name) => write!(out, "TABLE {name}"),
            DescribeTarget::Index(name) => write!(out, "INDEX {name}"),
            DescribeTarget::View(name) => write!(out, "MATERIALIZED VIEW {name}"),
            DescribeTarget::Types => out.write_str("TYPES"),
            DescribeTarget::Type(name) => write!(out, "TYPE {}", UserTypeName(name)),
            DescribeTarget::Functions => out.write_str("FUNCTIONS"),
            DescribeTarget::Function(name) => write!(out, "FUNCTION {}", FunctionName(name)),
            DescribeTarget::Aggregates => out.write_str("AGGREGATES"),
            DescribeTarget::Aggregate(name) => write!(out, "AGGREGATE {}", FunctionName(name)),
            DescribeTarget::Any(name) => NoLeadingKeyword(name).fmt(out),
        }
    }
}
