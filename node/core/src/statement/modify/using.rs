//! USING TIMESTAMP and TTL.

use super::super::term::{Scope, Term, TermContext};
use super::super::variables::Receiver;
use crate::limits::TTL_SECONDS;
use crate::schema::Table;
use trefoil_cql::ast;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// What USING says.
#[derive(Clone, Debug, Default)]
pub(in crate::statement) struct UsingTerms {
    pub timestamp: Option<Term>,
    pub ttl: Option<Term>,
}

impl UsingTerms {
    pub fn resolve(
        using: &ast::Using,
        keyspace: &str,
        table: &str,
        context: &mut TermContext<'_>,
    ) -> Result<UsingTerms, CqlError> {
        let mut term = |term: &Option<ast::Term>, name: &str, column_type: &CqlType| {
            let receiver = Receiver { keyspace, table, name, column_type };
            term.as_ref().map(|term| Term::resolve(term, receiver, context)).transpose()
        };
        Ok(UsingTerms {
            timestamp: term(&using.timestamp, "[timestamp]", &CqlType::BigInt)?,
            ttl: term(&using.ttl, "[ttl]", &CqlType::Int)?,
        })
    }

    /// Microseconds; `None`: the server's.
    pub fn bind_timestamp(&self, scope: &mut Scope<'_>) -> Result<Option<i64>, CqlError> {
        let Some(term) = &self.timestamp else { return Ok(None) };
        match term.bind(scope)? {
            Value::Unset => Ok(None),
            Value::Null => Err(CqlError::invalid("Invalid null value of timestamp")),
            Value::Set(bytes) => {
                let timestamp = <[u8; 8]>::try_from(&bytes[..]).map(i64::from_be_bytes);
                match timestamp {
                    // The least number is what Cassandra uses for "no timestamp".
                    Ok(i64::MIN) => Err(CqlError::Invalid(format!(
                        "Out of bound timestamp, must be in [{}, {}]",
                        i64::MIN + 1,
                        i64::MAX
                    ))),
                    Ok(timestamp) => Ok(Some(timestamp)),
                    Err(_) => Err(CqlError::Invalid(format!("Invalid timestamp value: {bytes:?}"))),
                }
            }
        }
    }

    /// Seconds; 0 is for ever, also where the table has a default.
    pub fn bind_ttl(&self, table: &Table, scope: &mut Scope<'_>) -> Result<u32, CqlError> {
        let Some(term) = &self.ttl else { return Ok(table.options.default_time_to_live) };
        match term.bind(scope)? {
            Value::Unset => Ok(table.options.default_time_to_live),
            Value::Null => Ok(0),
            Value::Set(bytes) => {
                let ttl = <[u8; 4]>::try_from(&bytes[..]).map(i32::from_be_bytes);
                let ttl = ttl.map_err(|_| CqlError::Invalid(format!("Invalid TTL value: {bytes:?}")))?;
                match u32::try_from(ttl) {
                    Ok(ttl) if ttl <= TTL_SECONDS => Ok(ttl),
                    Ok(ttl) => {
                        Err(CqlError::Invalid(format!("ttl is too large. requested ({ttl}) maximum ({TTL_SECONDS})")))
                    }
                    Err(_) => Err(CqlError::Invalid(format!("A TTL must be greater or equal to 0, but was {ttl}"))),
                }
            }
        }
    }
}
