//! One client's connection: bytes in, envelopes to the node; replies out, as many as there are in one write.
//!
//! Generic over the stream, so that the same code runs over TCP, over TLS later, and over turmoil's simulated network.
//! It holds back: nothing is read while the client does not take its answers, has too much under way or the node does not keep
//! up, and a client that takes nothing for long, or lets too much pile up, is cut off. Whatever a client sends, memory stays bounded.

use super::connections::{Connections, READ_BYTES};
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;
use trefoil_core::ids::ConnId;
use trefoil_cql::protocol::framer::REQUEST_BYTES_MAX;
use trefoil_cql::protocol::response::Attachments;
use trefoil_cql::protocol::{Framer, ProtocolError, Response, Role};

/// What a connection may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections of one node; more are closed at once.
    pub connections_max: usize,
    /// The longest request, expanded. Longer ones are refused, the connection goes on.
    pub request_bytes_max: u32,
    /// Nothing is read while requests of more bytes than this have no answer yet. As many small requests as a connection has streams are
    /// about so many.
    pub in_flight_bytes_pause: usize,
    /// Nothing is read while more than this waits to be taken by the client.
    pub unsent_bytes_pause: usize,
    /// A client that lets more than this pile up is cut off.
    pub unsent_bytes_max: usize,
    /// A client that takes nothing for this long, although it has answers waiting, is cut off.
    pub stall_max: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits {
            connections_max: 8_192,
            request_bytes_max: REQUEST_BYTES_MAX,
            in_flight_bytes_pause: 16 << 20,
            unsent_bytes_pause: 1 << 20,
            unsent_bytes_max: 256 << 20,
            stall_max: Duration::from_secs(30),
        }
    }
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The client closed it.
    #[error("the client closed it")]
    ByClient,
    /// The node wanted it closed.
    #[error("closed by this node")]
    ByNode,
    /// What the client sent makes no sense; it was told so.
    #[error("the client broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The client did not take its answers.
    #[error("the client did not take its answers: {unsent} bytes were waiting")]
    SlowReader {
        /// What waited.
        unsent: usize,
    },
    /// The network failed.
    #[error(transparent)]
    Network(#[from] io::Error),
}

/// Serve one client until it, or the node, has enough.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    remote: SocketAddr,
    connections: Rc<Connections>,
    limits: ConnectionLimits,
) -> Ended {
    let conn = connections.add(remote);
    let mut connection = Connection {
        stream,
        framer: Framer::new(Role::Server).with_body_bytes_max(limits.request_bytes_max),
        membership: Membership { conn, connections },
        limits,
        replies: Vec::new(),
        out: Vec::new(),
        sent: 0,
        stall: None,
        broken: None,
    };
    let ended = poll_fn(|cx| connection.poll(cx)).await;
    let Connection { mut stream, membership, .. } = connection;
    drop(membership);
    if matches!(ended, Ended::ByNode | Ended::Protocol(_)) {
        // Everything was written; let the client read it before it sees the end.
        let _ = tokio::time::timeout(limits.stall_max, stream.shutdown()).await;
    }
    ended
}

/// Leaves the table of connections when the task ends, however it ends.
struct Membership {
    conn: ConnId,
    connections: Rc<Connections>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.connections.remove(self.conn);
    }
}

struct Connection<S> {
    stream: S,
    framer: Framer,
    membership: Membership,
    limits: ConnectionLimits,
    replies: Vec<Bytes>,
    /// Encoded replies; the first `sent` bytes are gone.
    out: Vec<u8>,
    sent: usize,
    /// Runs while the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
    /// The client broke the protocol: nothing more is read, what is owed is still sent.
    broken: Option<ProtocolError>,
}

/// Reads of one turn; other connections want theirs too.
const READS_PER_TURN: usize = 4;

/// A write buffer that has grown beyond this is given back when it is empty.
const OUT_KEPT_BYTES: usize = 256 << 10;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let close = self.take_replies(cx);
        if let Poll::Ready(ended) = self.poll_write(cx) {
            return Poll::Ready(ended);
        }
        if self.unsent() == 0 {
            if close {
                return Poll::Ready(Ended::ByNode);
            }
            if let Some(error) = self.broken.take() {
                return Poll::Ready(Ended::Protocol(error));
            }
        }
        if close || self.broken.is_some() {
            // Nothing more is read, so only this tells that the client has hung up; writing will.
            return Poll::Pending;
        }
        let ended = ready!(self.poll_read(cx));
        Poll::Ready(ended)
    }

    fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Encode what the node replied; whether it wants the connection closed after that.
    fn take_replies(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(mut line) = self.membership.connections.line(self.membership.conn) else { return true };
        if line.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            line.waker = Some(cx.waker().clone());
        }
        let close = line.close;
        line.take_replies(&mut self.replies);
        drop(line);
        if !self.replies.is_empty() {
            self.framer.encode_many(self.replies.iter().map(|reply| &reply[..]), &mut self.out);
            self.replies.clear();
        }
        close
    }

    /// Write until the socket takes no more. Ready only at the end of the connection.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        while self.sent < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ended::Network(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.sent += written;
                    self.stall = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Ended::Network(error)),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > OUT_KEPT_BYTES {
            self.out = Vec::new();
        }
        Poll::Pending
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if self.sent > OUT_KEPT_BYTES {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        let unsent = self.unsent();
        let stall_max = self.limits.stall_max;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_max)));
        if unsent > self.limits.unsent_bytes_max || stall.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::SlowReader { unsent });
        }
        Poll::Pending
    }

    /// Read while there is something and it may be taken. Ready only at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let connections = self.membership.connections.clone();
        for _ in 0..READS_PER_TURN {
            let pause = self.limits.in_flight_bytes_pause;
            if self.unsent() > self.limits.unsent_bytes_pause
                || !connections.has_room(self.membership.conn, pause, cx.waker())
            {
                return Poll::Pending;
            }
            let mut scratch = connections.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch[..READ_BYTES]);
            if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                return Poll::Ready(Ended::Network(error));
            }
            if buffer.filled().is_empty() {
                return Poll::Ready(Ended::ByClient);
            }
            self.framer.feed(buffer.filled());
            drop(scratch);
            self.take_requests(&connections);
            if self.broken.is_some() || self.unsent() > 0 {
                // An error went into `out`.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_requests(&mut self, connections: &Connections) {
        let nanos = connections.nanos();
        loop {
            match self.framer.next_envelope() {
                Ok(Some(envelope)) => connections.request(self.membership.conn, envelope, nanos),
                Ok(None) => return,
                Err(error) => {
                    let response = Response::Error(error.to_cql_error());
                    let mut envelope = Vec::new();
                    response.encode_into(&mut envelope, error.version(), error.stream(), &Attachments::NONE);
                    self.framer.encode(&envelope, &mut self.out);
                    if error.is_fatal() {
                        self.broken = Some(error);
                        return;
                    }
                }
            }
        }
    }
}
