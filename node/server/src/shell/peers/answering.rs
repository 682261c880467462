//! The side that is called: hears messages and puts them before the node.

use super::frame;
use super::greeting::Greeting;
use super::{GreetingError, PeerError};
use crate::shell::connections::Connections;
use crate::shell::switchboard::Switchboard;
use bytes::BytesMut;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use trefoil_core::ids::NodeId;
use trefoil_core::world::Input;

/// How long a caller may take to greet.
const GREETING_TIME_MAX: Duration = Duration::from_secs(5);

/// What one read takes at least.
const READ_BYTES: usize = 64 << 10;

/// Serve one caller until the line ends, and tell why it did.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    me: NodeId,
    cluster: [u8; 16],
    connections: &Connections,
    switchboard: &Switchboard,
) -> PeerError {
    match tokio::time::timeout(GREETING_TIME_MAX, greet(&mut stream, me, cluster)).await {
        Ok(Ok(from)) => match hear(&mut stream, from, me, connections, switchboard).await {
            Ok(()) => PeerError::Closed,
            Err(error) => error,
        },
        Ok(Err(error)) => error.into(),
        Err(_) => PeerError::Network(std::io::ErrorKind::TimedOut.into()),
    }
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    me: NodeId,
    cluster: [u8; 16],
) -> Result<NodeId, GreetingError> {
    let heard = Greeting::receive(stream, cluster).await;
    // Answered in any case: the caller's operator learns from it what is wrong.
    let to = heard.as_ref().map_or(NodeId(u32::MAX), |greeting| greeting.from);
    Greeting { cluster, from: me, to }.send(stream).await?;
    let Greeting { from, to, .. } = heard?;
    if to != me { Err(GreetingError::Node { from, to }) } else { Ok(from) }
}

async fn hear<S: AsyncRead + Unpin>(
    stream: &mut S,
    from: NodeId,
    me: NodeId,
    connections: &Connections,
    switchboard: &Switchboard,
) -> Result<(), PeerError> {
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    loop {
        // Peers wait like clients when the node does not keep up.
        poll_fn(|cx| if connections.keeps_up(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }).await;
        buffer.reserve(READ_BYTES);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        while frame::next_frame(&mut buffer, &mut messages)? {
            for message in messages.drain(..) {
                if switchboard.passes(from, me) {
                    connections.put(Input::Message { from, message });
                }
            }
        }
    }
}
