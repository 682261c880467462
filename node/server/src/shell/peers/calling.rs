//! The side that calls: one line to each node elsewhere, called again when it breaks, ever less often while nobody answers.

use super::PeerError;
use super::frame::FrameWriter;
use super::greeting::{Greeting, GreetingError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use trefoil_core::ids::NodeId;
use trefoil_core::message::Message;

/// Bytes that may wait for a peer that takes them slowly; more is dropped.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How long connecting may take, and how long greeting. A call into a cut network must not still be waiting for TCP's next try,
/// which comes ever later, when the network is whole again.
const CALL_TIME_MAX: Duration = Duration::from_secs(1);

/// What was sent and is not acknowledged for this long ends the line: a new one is quicker than TCP's next try. Well above a round
/// trip across zones, below what clients take for a gap.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_TIME_MAX: Duration = Duration::from_secs(1);

/// Pauses between calls.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A write buffer that has grown beyond this is given back when it is empty.
const OUT_KEPT_BYTES: usize = 1 << 20;

/// Counts of one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Whether the line stands.
    pub connected: bool,
    /// Messages handed to the line.
    pub sent: u64,
    /// Messages dropped, because there was no line or too much waited.
    pub dropped: u64,
    /// Times that a line was made.
    pub calls: u64,
}

#[derive(Debug, Default)]
struct Link {
    frames: FrameWriter,
    out: Vec<u8>,
    waker: Option<Waker>,
    stats: LinkStats,
}

/// The lines of one node to nodes elsewhere.
#[derive(Debug, Default)]
pub struct Links {
    links: BTreeMap<NodeId, RefCell<Link>>,
}

impl Links {
    /// Lines to these nodes; each needs its `keep_calling` task.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Links {
        Links { links: nodes.into_iter().map(|node| (node, RefCell::default())).collect() }
    }

    /// Send, or drop when there is no line. The vector is left empty, its memory kept.
    pub fn send(&self, to: NodeId, messages: &mut Vec<Message>) {
        if let Some(link) = self.links.get(&to) {
            let link = &mut *link.borrow_mut();
            let dropped = if link.stats.connected {
                link.frames.append(messages, &mut link.out, WAITING_BYTES_MAX)
            } else {
                messages.len()
            };
            link.stats.dropped += dropped as u64;
            link.stats.sent += (messages.len() - dropped) as u64;
            if let Some(waker) = &link.waker {
                waker.wake_by_ref();
            }
        }
        messages.clear();
    }

    /// Counts of all lines.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<NodeId, LinkStats> {
        self.links.iter().map(|(node, link)| (*node, link.borrow().stats)).collect()
    }
}

/// Call a node, and again whenever the line ends. Never returns.
pub(in crate::shell) async fn keep_calling(links: Rc<Links>, greeting: Greeting, address: SocketAddr) {
    let mut pause = PAUSE_MIN;
    let mut last = String::new();
    loop {
        let error = match tokio::time::timeout(CALL_TIME_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                #[cfg(target_os = "linux")]
                let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIME_MAX));
                // Mutual TLS goes here: the stream becomes another one, `call` stays the same.
                call(stream, &links, greeting, || pause = PAUSE_MIN).await
            }
            Ok(Err(error)) => PeerError::Network(error),
            Err(_) => PeerError::Network(io::ErrorKind::TimedOut.into()),
        };
        let text = error.to_string();
        if text != last {
            // Once, not with every call.
            let peer = greeting.to;
            match error {
                PeerError::Greeting(error) => tracing::error!(%peer, %address, %error, "a peer is refused"),
                error => tracing::warn!(%peer, %address, %error, "no line to a peer"),
            }
            last = text;
        }
        let jitter = u32::from(crate::entropy::random_bytes::<1>()[0]) + 256;
        tokio::time::sleep(pause * jitter / 512).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Speak on one line until it ends, and tell why it did. `greeted` is called once both sides agree.
pub async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    links: &Links,
    greeting: Greeting,
    greeted: impl FnOnce(),
) -> PeerError {
    let Some(link) = links.links.get(&greeting.to) else { return PeerError::Closed };
    match tokio::time::timeout(CALL_TIME_MAX, greet(&mut stream, greeting)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return error.into(),
        Err(_) => return PeerError::Network(io::ErrorKind::TimedOut.into()),
    }
    greeted();
    tracing::debug!(peer = %greeting.to, "a line to a peer stands");
    {
        let mut link = link.borrow_mut();
        link.out.clear();
        link.stats.connected = true;
        link.stats.calls += 1;
    }
    let mut speaker = Speaker { stream, sending: Vec::new(), sent: 0 };
    let error = poll_fn(|cx| speaker.poll(link, cx)).await;
    let mut link = link.borrow_mut();
    link.stats.connected = false;
    link.waker = None;
    link.out = Vec::new();
    error
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, greeting: Greeting) -> Result<(), GreetingError> {
    greeting.send(stream).await?;
    let answer = Greeting::receive(stream, greeting.cluster).await?;
    if answer.from == greeting.to && answer.to == greeting.from {
        Ok(())
    } else {
        Err(GreetingError::Node { from: answer.from, to: answer.to })
    }
}

struct Speaker<S> {
    stream: S,
    sending: Vec<u8>,
    sent: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Speaker<S> {
    fn poll(&mut self, link: &RefCell<Link>, cx: &mut Context<'_>) -> Poll<PeerError> {
        loop {
            while self.sent < self.sending.len() {
                match Pin::new(&mut self.stream).poll_write(cx, &self.sending[self.sent..]) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(PeerError::Closed),
                    Poll::Ready(Ok(written)) => self.sent += written,
                    Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
                    Poll::Pending => return self.poll_closed(link, cx),
                }
            }
            self.sending.clear();
            self.sent = 0;
            if self.sending.capacity() > OUT_KEPT_BYTES {
                self.sending = Vec::new();
            }
            std::mem::swap(&mut self.sending, &mut link.borrow_mut().out);
            if self.sending.is_empty() {
                return self.poll_closed(link, cx);
            }
        }
    }

    /// Nothing is said back on this line; reading only tells when it ends.
    fn poll_closed(&mut self, link: &RefCell<Link>, cx: &mut Context<'_>) -> Poll<PeerError> {
        link.borrow_mut().waker = Some(cx.waker().clone());
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) => Poll::Ready(PeerError::Closed),
            Err(error) => Poll::Ready(error.into()),
        }
    }
}
