use std::io::Write as _;

use http_body::Body as _;
use longshore_registry::{Blob, ByteStream};
use longshore_types::{ByteRange, RangesSpec};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::*;
use crate::{
    HttpLimits,
    body::{Piece, ResponseBody},
    connection,
    drain::drain,
};

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8 + 1).collect()
}

fn file(content: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    Arc::new(file)
}

async fn tcp() -> (FileIo, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (FileIo::new(Stream::Tcp(listener.accept().await.unwrap().0)), client)
}

/// A blob that can only be sent as a file.
struct OnlyFile(Arc<File>, u64);

impl Blob for OnlyFile {
    fn size_bytes(&self) -> u64 {
        self.1
    }

    fn stream(&self, _range: ByteRange) -> ByteStream {
        panic!("the file can be sent");
    }

    fn file_now(&self, _range: ByteRange) -> Option<&Arc<File>> {
        Some(&self.0)
    }
}

/// Serves one blob: all of it, or the parts that the path names.
async fn serve(io: FileIo, blob: Arc<dyn Blob>) {
    let sender = io.sender();
    let (_drain, draining) = drain();
    let respond = move |request: crate::context::RawRequest, in_flight| {
        let ranges: RangesSpec = format!("bytes={}", &request.uri().path()[1..]).parse().unwrap();
        let pieces = ranges.resolve(blob.size_bytes()).unwrap().into_iter().flat_map(|range| {
            [Piece::Bytes(Bytes::from_static(b"--")), Piece::Content(Arc::clone(&blob), range)]
        });
        let mut body = ResponseBody::of_pieces(pieces);
        body.send_files(sender.clone());
        let length = body.size_hint().exact().unwrap();
        async move {
            let _in_flight = in_flight;
            http::Response::builder().header("content-length", length).body(body).unwrap()
        }
    };
    connection::drive(io, &HttpLimits::default(), false, draining, respond).await;
}

async fn read_reply(client: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    client.read_exact(&mut body).await.unwrap();
    body
}

#[tokio::test]
async fn hyper_passes_placeholders_on_as_they_are() {
    let content = content(5_000_000);
    let blob = |content| Arc::new(OnlyFile(file(content), content.len() as u64));
    let (io, mut tcp_client) = tcp().await;
    tokio::spawn(serve(io, blob(&content)));
    let (unix, mut unix_client) = UnixStream::pair().unwrap();
    tokio::spawn(serve(FileIo::new(Stream::Unix(unix)), blob(&content)));
    let all_ranges = [
        vec![(0, 4_999_999)],
        vec![(7, 65_543)],
        vec![(0, 100_000), (4_900_000, 4_999_999), (3, 3_000_000)],
        vec![(0, 99_999); 40],
    ];
    for ranges in &all_ranges {
        let path: Vec<_> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        let request = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", path.join(","));
        let wanted: Vec<u8> = ranges
            .iter()
            .flat_map(|&(first, last)| b"--".iter().chain(&content[first..=last]).copied())
            .collect();
        tcp_client.write_all(request.as_bytes()).await.unwrap();
        // The second is there before the first has been answered.
        tcp_client.write_all(request.as_bytes()).await.unwrap();
        assert!(read_reply(&mut tcp_client).await == wanted, "{ranges:?}");
        assert!(read_reply(&mut tcp_client).await == wanted, "{ranges:?}");
        unix_client.write_all(request.as_bytes()).await.unwrap();
        assert!(read_reply(&mut unix_client).await == wanted, "{ranges:?}");
    }
}

#[tokio::test]
async fn a_client_may_read_in_any_rhythm() {
    let content = content(9_000_000);
    let (io, mut client) = tcp().await;
    tokio::spawn(serve(io, Arc::new(OnlyFile(file(&content), content.len() as u64))));
    client.write_all(b"GET /0- HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut read, mut size) = (Vec::new(), 1);
    while read.len() < content.len() {
        let mut buffer = vec![0; size];
        let count = client.read(&mut buffer).await.unwrap();
        read.extend_from_slice(&buffer[..count]);
        size = size * 7 % 100_003 + 1;
        // Lets the server fill the socket, and find it full.
        tokio::task::yield_now().await;
    }
    let body = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4 + 2;
    let missing = content.len() - (read.len() - body);
    let mut rest = vec![0; missing];
    client.read_exact(&mut rest).await.unwrap();
    assert!([&read[body..], &rest].concat() == content);
}

#[tokio::test]
async fn a_file_that_ends_early_breaks_the_connection_off() {
    let content = content(3_000_000);
    let (io, mut client) = tcp().await;
    tokio::spawn(serve(io, Arc::new(OnlyFile(file(&content), 3_000_001))));
    client.write_all(b"GET /0- HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    let _ = client.read_to_end(&mut read).await;
    let body = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4 + 2;
    assert!(read[body..] == content, "all that there was, and nothing in its place");
}

/// Gives a fresh connection slices and parts; says what arrives.
async fn given(parts: &[usize], slices: &[&[u8]]) -> (io::Result<usize>, Vec<u8>) {
    let (mut io, mut client) = tcp().await;
    let file = file(&content(1000));
    for &length in parts {
        drop(io.sender().send(Arc::clone(&file), 0, length));
    }
    let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
    let written = io.write_vectored(&slices).await;
    drop(io);
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    (written, read)
}

#[tokio::test]
async fn placeholders_never_go_out() {
    let place = |length: usize| &PLACEHOLDER[..length];
    let (written, read) = given(&[100], &[b"head", place(100)]).await;
    assert_eq!((written.unwrap(), read), (104, [b"head", &content(100)[..]].concat()));

    let copied = place(100).to_vec();
    let wrong: [(&[usize], &[&[u8]]); 9] = [
        (&[100], &[b"head", &copied]),
        (&[100], &[b"head", place(99)]),
        (&[100], &[b"head", place(101)]),
        (&[100], &[b"head"]),
        (&[], &[b"head", place(100)]),
        (&[], &[place(1)]),
        (&[100], &[place(100), place(100)]),
        (&[100, 50], &[place(100)]),
        (&[100, 50], &[place(50), place(100)]),
    ];
    for (parts, slices) in wrong {
        let (written, read) = given(parts, slices).await;
        assert!(written.is_err() && read.is_empty(), "{parts:?} {}", slices.len());
    }
}

#[tokio::test]
async fn nothing_may_be_left_out() {
    let (mut io, _client) = tcp().await;
    io.flush().await.unwrap();
    let placeholder = io.sender().send(file(&content(10)), 0, 10);
    assert!(io.flush().await.is_err());
    assert!(io.shutdown().await.is_err());
    assert_eq!(io.write(&placeholder).await.unwrap(), 10, "also in a call with one slice");
    io.flush().await.unwrap();
    io.shutdown().await.unwrap();
}
