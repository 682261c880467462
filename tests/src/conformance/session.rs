//! Runs the statements of one file against one server, in a keyspace of its own that is dropped afterwards.
//! In statements `$KS` is the keyspace's name, `$x(N)` a run of N times x, and `$i` the number of a repetition.

use super::answer;
use super::script::{Options, Step};
use super::value::parse_values;
use crate::client::{ClientError, Connection};
use std::net::SocketAddr;
use trefoil_cql::protocol::request::{Execute, Prepare, Query, QueryParameters, Request};
use trefoil_cql::protocol::response::{Prepared, QueryResult, Response, ResponseEnvelope};
use trefoil_cql::protocol::{CqlError, ProtocolVersion};

/// Pages that one statement may have; more is a server that does not come to an end.
const PAGES_MAX: usize = 10_000;

/// A conversation in a fresh keyspace.
pub struct Session {
    address: SocketAddr,
    keyspace: String,
    connections: Vec<(ProtocolVersion, Connection)>,
}

impl Session {
    /// Make the keyspace.
    ///
    /// # Errors
    /// When the server is not there or refuses.
    pub async fn open(address: SocketAddr, keyspace: &str) -> Result<Session, ClientError> {
        let mut session = Session { address, keyspace: keyspace.to_owned(), connections: Vec::new() };
        let connection = session.connect(ProtocolVersion::V4, false).await?;
        connection.query(&format!("DROP KEYSPACE IF EXISTS {keyspace}")).await?;
        connection
            .query(&format!(
                "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
            ))
            .await?;
        session.connections.clear();
        Ok(session)
    }

    /// Drop the keyspace.
    ///
    /// # Errors
    /// When the server is not there or refuses.
    pub async fn close(mut self) -> Result<(), ClientError> {
        let text = format!("DROP KEYSPACE IF EXISTS {}", self.keyspace);
        let connection = self.connect(ProtocolVersion::V4, false).await?;
        connection.query(&text).await.map(|_| ())
    }

    /// Run a statement and write down the answer.
    ///
    /// # Errors
    /// When there is no answer, or the file asks for what makes no sense.
    pub async fn play(&mut self, step: &Step) -> Result<Vec<String>, String> {
        let ignored = step.options()?.ignored;
        let lines = answer::lines(&self.ask(step).await?, &ignored);
        Ok(lines.into_iter().map(|line| line.replace(&self.keyspace, "$KS")).collect())
    }

    /// Run a statement: its answer, or one for each page.
    ///
    /// # Errors
    /// When there is no answer, or the file asks for what makes no sense.
    pub async fn ask(&mut self, step: &Step) -> Result<Vec<ResponseEnvelope>, String> {
        let options = step.options()?;
        let text = expand(&step.text()).replace("$KS", &self.keyspace);
        let (first, last) = options.each.unwrap_or((0, 0));
        let mut pages = Vec::new();
        for number in first..=last {
            pages = match self.run(&text.replace("$i", &number.to_string()), number, &options).await {
                Ok(pages) => pages,
                Err(ClientError::Server(error)) => vec![refusal(error)],
                Err(error) => {
                    // A server may close the connection upon an error; the next statement gets a new one.
                    self.connections.clear();
                    return Err(error.to_string());
                }
            };
            if pages.iter().any(|page| matches!(page.response, Response::Error(_))) {
                break;
            }
        }
        Ok(pages)
    }

    /// A connection of this version, by default in the file's keyspace.
    async fn connect(&mut self, version: ProtocolVersion, in_keyspace: bool) -> Result<&mut Connection, ClientError> {
        let at = match self.connections.iter().position(|(known, _)| *known == version) {
            Some(at) => at,
            None => {
                let mut connection = Connection::open_version(self.address, version).await?;
                if in_keyspace {
                    connection.query(&format!("USE {}", self.keyspace)).await?;
                }
                self.connections.push((version, connection));
                self.connections.len() - 1
            }
        };
        Ok(&mut self.connections[at].1)
    }

    async fn run(&mut self, text: &str, number: i64, options: &Options) -> Result<Vec<ResponseEnvelope>, ClientError> {
        let keyspace = options.keyspace.as_ref().map(|name| name.replace("$KS", &self.keyspace));
        let connection = self.connect(options.protocol, true).await?;
        let mut parameters = QueryParameters::with_consistency(options.consistency);
        parameters.serial_consistency = options.serial;
        parameters.timestamp = options.timestamp;
        parameters.now_in_seconds = options.now;
        parameters.keyspace.clone_from(&keyspace);
        parameters.page_size = options.page;
        if !options.prepare && options.bind.is_none() {
            return fetch(connection, parameters, |parameters| {
                Request::Query(Query { text: text.to_owned(), parameters })
            })
            .await;
        }
        let answer = connection.exchange(&Request::Prepare(Prepare { text: text.to_owned(), keyspace })).await?;
        let Response::Result(QueryResult::Prepared(prepared)) = &answer.response else { return Ok(vec![answer]) };
        let Some(bind) = options.bind.as_ref().filter(|_| !options.prepare) else { return Ok(vec![answer]) };
        let bound =
            bind_values(&expand(bind).replace("$i", &number.to_string()), prepared).map_err(ClientError::Nonsense)?;
        parameters.values = bound.values;
        parameters.names = bound.names;
        // The keyspace of an execution is the one it was prepared in.
        parameters.keyspace = None;
        fetch(connection, parameters, |parameters| {
            Request::Execute(Execute {
                id: prepared.id.clone(),
                result_metadata_id: prepared.result_metadata_id.clone(),
                parameters,
            })
        })
        .await
    }
}

fn bind_values(text: &str, prepared: &Prepared) -> Result<super::value::Bound, String> {
    let markers = &prepared.bind_markers;
    parse_values(text, &|index, name| match name {
        Some(name) => markers.iter().find(|marker| marker.name == name).map(|marker| marker.column_type.clone()),
        None => markers.get(index).map(|marker| marker.column_type.clone()),
    })
}

/// All pages, or the first if none were asked for.
async fn fetch(
    connection: &mut Connection,
    mut parameters: QueryParameters,
    request: impl Fn(QueryParameters) -> Request,
) -> Result<Vec<ResponseEnvelope>, ClientError> {
    let mut pages = Vec::new();
    while pages.len() < PAGES_MAX {
        let answer = connection.exchange(&request(parameters.clone())).await?;
        let next = match &answer.response {
            Response::Result(QueryResult::Rows(rows)) => rows.paging_state.clone(),
            _ => None,
        };
        pages.push(answer);
        if next.is_none() || parameters.page_size.is_none() {
            return Ok(pages);
        }
        parameters.paging_state = next;
    }
    Err(ClientError::Nonsense(format!("more than {PAGES_MAX} pages")))
}

fn refusal(error: CqlError) -> ResponseEnvelope {
    let attachments = trefoil_cql::protocol::Attachments::NONE;
    ResponseEnvelope { version: ProtocolVersion::V4, stream: 0, attachments, response: Response::Error(error) }
}

/// Writes out `$x(N)`.
fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$x(") {
        let (length, behind) = after.split_once(')').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&"x".repeat(length.parse().unwrap_or(0)));
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn runs_are_written_out() {
        assert_eq!(expand("'$x(3)', '$x(1)'"), "'xxx', 'x'");
    }
}
