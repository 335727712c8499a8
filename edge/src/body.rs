//! The body of every answer of the edge.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::drain::Drained;
use crate::gzip;
use crate::load::Place;
use crate::meters::Tally;
use crate::problem::code;
use crate::render::{Download, Stream};

/// An answer's body: in one piece, a stream of rendered messages or of raw bytes, or what the upstream sends as it is.
#[derive(Debug, Default)]
pub struct Body {
    kind: Kind,
    /// What the call holds until its answer is written.
    place: Option<Place>,
    /// What counts it, until it is written.
    tally: Option<Tally>,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Box<Stream>),
    Gzipped(Box<gzip::Stream>),
    Download(Box<Download>),
    Passed(tonic::body::Body),
    Drained(Box<Drained<Body>>),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// The same body, holding the call's place.
    pub(crate) fn holding(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same body, counted there.
    pub(crate) fn counted(mut self, tally: Tally) -> Self {
        self.tally = Some(tally);
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            place: None,
            tally: None,
        }
    }

    /// Whether it is worth compressing: not too small, and not raw.
    pub(crate) fn is_compressible(&self) -> bool {
        match &self.kind {
            Kind::Full(bytes) => bytes.len() >= gzip::BYTES_MIN,
            Kind::Stream(_) => true,
            Kind::Empty | Kind::Gzipped(_) | Kind::Download(_) | Kind::Passed(_) | Kind::Drained(_) => false,
        }
    }

    /// The same body in gzip, if it is compressible.
    pub(crate) fn gzip(self) -> Self {
        let kind = match self.kind {
            Kind::Full(bytes) => Kind::Full(gzip::whole(&bytes)),
            Kind::Stream(stream) => Kind::Gzipped(Box::new(gzip::Stream::new(*stream))),
            kind @ (Kind::Empty
            | Kind::Gzipped(_)
            | Kind::Download(_)
            | Kind::Passed(_)
            | Kind::Drained(_)) => kind,
        };
        Self { kind, ..self }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of(if bytes.is_empty() {
            Kind::Empty
        } else {
            Kind::Full(bytes)
        })
    }
}

impl From<Stream> for Body {
    fn from(stream: Stream) -> Self {
        Self::of(Kind::Stream(Box::new(stream)))
    }
}

impl From<Download> for Body {
    fn from(download: Download) -> Self {
        Self::of(Kind::Download(Box::new(download)))
    }
}

impl From<tonic::body::Body> for Body {
    fn from(body: tonic::body::Body) -> Self {
        Self::of(Kind::Passed(body))
    }
}

impl From<Drained<Self>> for Body {
    fn from(body: Drained<Self>) -> Self {
        Self::of(Kind::Drained(Box::new(body)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let frame = self.poll_kind(cx);
        if let (Some(tally), Poll::Ready(Some(Ok(frame)))) = (&mut self.tally, &frame)
            && let Some(status) = frame.trailers_ref().and_then(code::of_trailers)
        {
            tally.ended(status);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(_) | Kind::Stream(_) | Kind::Gzipped(_) | Kind::Download(_) | Kind::Drained(_) => {
                false
            }
            Kind::Passed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Passed(body) => body.size_hint(),
            Kind::Drained(body) => body.size_hint(),
            Kind::Stream(_) | Kind::Gzipped(_) | Kind::Download(_) => SizeHint::default(),
        }
    }
}

impl Body {
    fn poll_kind(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => stream
                .poll_chunk(cx)
                .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk)))),
            Kind::Gzipped(stream) => stream
                .poll_chunk(cx)
                .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk)))),
            Kind::Download(download) => download.poll_chunk(cx).map_ok(Frame::data),
            Kind::Passed(body) => http_body::Body::poll_frame(Pin::new(body), cx),
            Kind::Drained(body) => body.poll_frame(cx),
        }
    }
}
