//! Clients that are slow, rude or gone.

use std::time::Duration;

use longshore_testkit::{Api, Blob, client_builder, eventually};
use reqwest::Method;

use crate::server::TestServer;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let server = TestServer::start_with(|setup| setup.http.limits.header_timeout = SHORT).await;
    let mut connection = server.connect().await;
    connection.write("GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    assert_eq!(connection.read_to_end().await, b"");
    // Also after a request that was fine.
    let mut connection = server.connect().await;
    connection.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 200);
    connection.write("GET").await.unwrap();
    assert_eq!(connection.read_to_end().await, b"");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = TestServer::start_with(|setup| setup.http.limits.idle_timeout = SHORT).await;
    assert_eq!(server.connect().await.read_to_end().await, b"");
    let mut connection = server.connect().await;
    connection.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 200);
    assert_eq!(connection.read_to_end().await, b"");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_like_one_whose_head_does_not_end() {
    let server = TestServer::start_with(|setup| setup.http.limits.header_timeout = SHORT).await;
    assert_eq!(server.connect().await.read_to_end().await, b"");
}

/// HTTP/2's windows are the client's: the socket stays writable, so a full one cannot tell.
#[tokio::test]
async fn a_reply_over_http2_that_is_not_taken_is_given_up() {
    let server = TestServer::start_with(|setup| {
        setup.http.limits.stall_timeout = SHORT;
        setup.http.metrics_on_main = true;
    })
    .await;
    let blob = Blob::random(16 << 20);
    server.api.push_blob("app", &blob).await;
    let h2 = Api::with_client(server.api.base(), client_builder().http2_prior_knowledge());
    let mut reply = h2.call(Method::GET, &format!("/v2/app/blobs/{}", blob.digest)).start().await;
    assert_eq!(reply.status(), 200);
    eventually("only the request for metrics under way", async || {
        let metrics = server.api.get("/metrics").await.assert_status(200).body;
        String::from_utf8_lossy(&metrics).contains("\nlongshore_http_requests_in_flight 1\n").then_some(())
    })
    .await;
    let mut taken = 0;
    let broken = loop {
        match reply.chunk().await {
            Ok(Some(chunk)) => taken += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken && taken < blob.bytes.len(), "{taken} bytes came");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_and_what_came_is_kept() {
    let server = TestServer::start_with(|setup| setup.http.limits.stall_timeout = SHORT).await;
    let location = server.api.start_upload("app").await;
    let mut connection = server.connect().await;
    connection.write_part("PATCH", &location, "", 1000, &[7; 400]).await.unwrap();
    let reply = connection.read_reply().await.unwrap();
    assert_eq!(reply.status, 408, "{}", reply.head);
    assert!(String::from_utf8_lossy(&reply.body).contains("BLOB_UPLOAD_INVALID"));
    server.api.get(&location).await.assert_status(204).assert_header("range", "0-399");

    let mut connection = server.connect().await;
    connection.write_part("PUT", "/v2/app/manifests/v1", "", 1000, b"{").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 408);
}

/// A byte before each stall would last for days.
#[tokio::test]
async fn a_manifest_is_not_under_way_for_ever() {
    let server = TestServer::start_with(|setup| setup.http.limits.stall_timeout = SHORT).await;
    let mut connection = server.connect().await;
    connection.write_part("PUT", "/v2/app/manifests/v1", "", 1000, b"{").await.unwrap();
    let began = std::time::Instant::now();
    let answered = loop {
        tokio::select! {
            reply = connection.read_reply() => break reply.unwrap(),
            () = tokio::time::sleep(SHORT / 4) => {}
        }
        if connection.write(" ").await.is_err() {
            break connection.read_reply().await.unwrap();
        }
        assert!(began.elapsed() < SHORT * 50, "it is still under way");
    };
    assert_eq!(answered.status, 408, "{}", answered.head);
    assert!(began.elapsed() >= SHORT * 4, "each byte has its time");
}

#[tokio::test]
async fn who_hangs_up_can_go_on_later() {
    let server = TestServer::start().await;
    let blob = Blob::random(1000);
    let location = server.api.start_upload("app").await;
    for (from, to) in [(0, 300), (300, 301), (301, 900)] {
        let mut connection = server.connect().await;
        let range = format!("Content-Range: {from}-999\r\n");
        let piece = &blob.bytes[from..to];
        connection.write_part("PATCH", &location, &range, 1000 - from, piece).await.unwrap();
        drop(connection);
        let range = format!("0-{}", to - 1);
        eventually("what was sent", async || {
            (server.api.get(&location).await.header("range") == range).then_some(())
        })
        .await;
    }
    // The request that broke may still hold the upload for a moment.
    eventually("the rest to be taken", async || {
        (server.api.patch(&location, 900, &blob.bytes[900..]).await.status == 202).then_some(())
    })
    .await;
    let finish = format!("{location}?digest={}", blob.digest);
    server.api.put(&finish, "").await.assert_status(201);
}

#[tokio::test]
async fn headers_have_a_largest_size() {
    let server = TestServer::start().await;
    let get = |bytes: usize| server.api.call(Method::GET, "/v2/").header("X-Big", &"x".repeat(bytes)).send();
    get(60 * 1024).await.assert_status(200);
    get(66 * 1024).await.assert_error(431, "UNSUPPORTED");
    let mut connection = server.connect().await;
    // What does not even fit into the buffer is refused below us.
    let huge = format!("GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Big: {}", "x".repeat(1024 * 1024));
    let _ = connection.write(&huge).await;
    let said = connection.read_to_end().await;
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&said));

    let h2 = Api::with_client(server.api.base(), client_builder().http2_prior_knowledge());
    let big = "x".repeat(60 * 1024);
    h2.call(Method::GET, "/v2/").header("X-Big", &big).send().await.assert_status(200);
}

#[tokio::test]
async fn framing_that_two_readers_could_read_differently_is_refused() {
    let server = TestServer::start().await;
    let check = async |headers: &str, body: &str| {
        let mut connection = server.connect().await;
        let request = format!("POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
        connection.write(request).await.unwrap();
        let said = String::from_utf8(connection.read_to_end().await).unwrap();
        assert!(
            said.starts_with("HTTP/1.1 400") && said.matches("HTTP/1.1 ").count() == 1,
            "{headers}: {said}"
        );
    };
    check("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef").await;
    check("Content-Length: +5\r\n", "abcde").await;
    check("Content-Length: 5, 6\r\n", "abcdef").await;
    check("Transfer-Encoding: gzip\r\n", "abcde").await;
    check("Content-Length : 5\r\n", "abcde").await;
}

/// RFC 9112 section 6.1: with both, chunks count, and the connection must not be used for another request.
#[tokio::test]
async fn chunks_win_over_a_length_and_nothing_follows_them() {
    let server = TestServer::start().await;
    let mut connection = server.connect().await;
    let both = "POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let smuggled = "GET /v2/smuggled/tags/list HTTP/1.1\r\nHost: x\r\n\r\n";
    connection.write([both, smuggled].concat()).await.unwrap();
    let said = String::from_utf8(connection.read_to_end().await).unwrap();
    assert!(said.starts_with("HTTP/1.1 202") && said.matches("HTTP/1.1 ").count() == 1, "{said}");
}

#[tokio::test]
async fn noise_is_refused() {
    let server = TestServer::start().await;
    for noise in
        ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /v2/ HTTP/9.9\r\n\r\n", "\x16\x03\x01 a TLS hello\r\n\r\n"]
    {
        let mut connection = server.connect().await;
        connection.write(noise).await.unwrap();
        let said = String::from_utf8_lossy(&connection.read_to_end().await).into_owned();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{noise:?}: {said}");
    }
    server.api.get("/v2/%zz/tags/list").await.assert_error(400, "UNSUPPORTED");
    server.api.get("/v2/a/../b/tags/list").await.assert_error(404, "NAME_UNKNOWN");
    server.api.get("/v2/nothing/here").await.assert_error(404, "UNSUPPORTED");
    let put = server.api.put("/v2/a/tags/list", "").await.assert_error(405, "UNSUPPORTED");
    put.assert_header("allow", "GET, HEAD");
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let server = TestServer::start().await;
    let mut connection = server.connect().await;
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let paths = ["/v2/", "/v2/none/tags/list", "/livez"];
    connection.write(paths.map(one).concat()).await.unwrap();
    for status in [200, 404, 200] {
        assert_eq!(connection.read_reply().await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_refused_body_does_not_keep_the_client_waiting() {
    let server = TestServer::start().await;
    // Announced and not sent.
    let mut connection = server.connect().await;
    connection.write_part("PUT", "/v2/app/manifests/v1", "", 100 << 20, b"").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 413);
    // Sent all the same, by a client that reads only afterwards: it still gets to see why.
    let mut connection = server.connect().await;
    let body = vec![b'x'; 20 << 20];
    connection.write_part("PUT", "/v2/app/manifests/v1", "", body.len(), &body).await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 413);
    connection.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 200, "and can go on");
}

#[tokio::test]
async fn who_asks_first_is_told_before_sending() {
    let server = TestServer::start().await;
    let location = server.api.start_upload("app").await;
    let expect = "Expect: 100-continue\r\n";
    let mut connection = server.connect().await;
    connection.write_part("PATCH", &location, expect, 3, b"").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 100);
    connection.write("abc").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 202);

    let mut connection = server.connect().await;
    connection.write_part("PUT", "/v2/app/manifests/v1", expect, 100 << 20, b"").await.unwrap();
    assert_eq!(connection.read_reply().await.unwrap().status, 413);
}
