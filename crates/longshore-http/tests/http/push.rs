//! What a push is answered with.

use longshore_testkit::{Blob, image, with_query};
use longshore_types::{Digest, DigestAlgorithm};
use reqwest::Method;

use crate::server::TestServer;

fn uploads(parameters: &str) -> String {
    format!("/v2/app/blobs/uploads/{parameters}")
}

#[tokio::test]
async fn a_blob_in_one_request() {
    let server = TestServer::start().await;
    for algorithm in DigestAlgorithm::ALL {
        let blob = Blob::new(algorithm, "application/octet-stream", "in one");
        let path = uploads(&format!("?digest={}", blob.digest));
        let pushed = server.api.call(Method::POST, &path).octets(blob.bytes.clone()).send().await;
        let pushed = pushed.assert_status(201);
        assert_eq!(pushed.location(), format!("/v2/app/blobs/{}", blob.digest));
        assert_eq!(pushed.header("docker-content-digest"), blob.digest.to_string());
        server.api.get(&pushed.location()).await.assert_status(200).assert_body(&blob.bytes);
    }
    let other = uploads(&format!("?digest={}", Digest::sha256(b"other")));
    let reply = server.api.call(Method::POST, &other).octets("this").send().await;
    reply.assert_error(400, "DIGEST_INVALID");
    server.api.post(&uploads("?digest=sha256:0")).await.assert_error(400, "DIGEST_INVALID");
    server.api.post(&uploads("?digest-algorithm=md5")).await.assert_error(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn a_blob_in_pieces() {
    let server = TestServer::start().await;
    let blob = Blob::random(1000);
    let begun = server.api.post(&uploads("")).await.assert_status(202).assert_header("range", "0-0");
    let location = begun.location();
    assert!(location.starts_with("/v2/app/blobs/uploads/"));
    assert!(location.ends_with(begun.header("docker-upload-uuid")));

    let first = server.api.patch(&location, 0, &blob.bytes[..400]).await.assert_status(202);
    first.assert_header("range", "0-399").assert_header("location", &location);
    let skipping = server.api.patch(&location, 500, &blob.bytes[500..]).await;
    let skipping = skipping.assert_error(416, "BLOB_UPLOAD_INVALID");
    skipping.assert_header("range", "0-399").assert_header("location", &location);
    let status = server.api.get(&location).await.assert_status(204).assert_body(b"");
    status.assert_header("range", "0-399").assert_header("content-length", "");

    // docker streams without Content-Range, in HTTP chunks.
    let call = server.api.call(Method::PATCH, &location);
    let streamed =
        call.stream(vec![blob.bytes[400..600].to_vec(), blob.bytes[600..900].to_vec()]).send().await;
    streamed.assert_status(202).assert_header("range", "0-899");

    let finish = with_query(&location, &format!("digest={}", blob.digest));
    let wrong_place = server.api.call(Method::PUT, &finish).piece(0, &blob.bytes[..100]).send().await;
    wrong_place.assert_error(416, "BLOB_UPLOAD_INVALID").assert_header("range", "0-899");
    server.api.call(Method::PUT, &location).send().await.assert_error(400, "DIGEST_INVALID");
    let finished = server.api.call(Method::PUT, &finish).piece(900, &blob.bytes[900..]).send().await;
    let finished = finished.assert_status(201);
    server.api.get(&finished.location()).await.assert_status(200).assert_body(&blob.bytes);
    server.api.get(&location).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let server = TestServer::start().await;
    let location = server.api.start_upload("app").await;
    server.api.delete(&location).await.assert_status(204);
    server.api.delete(&location).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    server.api.patch(&location, 0, b"x").await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn pieces_that_contradict_themselves() {
    let server = TestServer::start().await;
    let location = server.api.start_upload("app").await;
    let patch = |range: &str| {
        server.api.call(Method::PATCH, &location).header("Content-Range", range).octets("abc").send()
    };
    patch("0-3").await.assert_error(400, "SIZE_INVALID");
    patch("bytes 0-2/3").await.assert_error(400, "BLOB_UPLOAD_INVALID");
    let encoded = server.api.call(Method::PATCH, &location).header("Content-Encoding", "gzip").octets("abc");
    encoded.send().await.assert_error(415, "UNSUPPORTED");
    patch("0-2").await.assert_status(202).assert_header("range", "0-2");
}

#[tokio::test]
async fn mounting() {
    let server = TestServer::start().await;
    let blob = Blob::random(10);
    server.api.push_blob("base", &blob).await;
    let mounted = server.api.post(&uploads(&format!("?mount={}&from=base", blob.digest))).await;
    let mounted = mounted.assert_status(201);
    assert_eq!(mounted.location(), format!("/v2/app/blobs/{}", blob.digest));
    server.api.get(&mounted.location()).await.assert_status(200).assert_body(&blob.bytes);
    let unknown = Blob::random(10).digest;
    for parameters in [format!("?mount={unknown}&from=base"), format!("?mount={unknown}&from=NO/name")] {
        let begun = server.api.post(&uploads(&parameters)).await.assert_status(202);
        server.api.get(&begun.location()).await.assert_status(204);
    }
}

#[tokio::test]
async fn manifests() {
    let server = TestServer::start().await;
    let content = image().build();
    server.api.push_image("app", "v1", &content).await;
    let manifest = content.top();
    let path = format!("{}?tag=a&tag=b", manifest.digest);
    let pushed = server.api.put_manifest("app", &path, manifest).await.assert_status(201);
    assert_eq!(pushed.location(), format!("/v2/app/manifests/{}", manifest.digest));
    assert_eq!(pushed.header_list("oci-tag"), ["a", "b"]);

    let artifact = image().subject(manifest.descriptor()).build();
    for blob in &artifact.blobs {
        server.api.push_blob("app", blob).await;
    }
    let pushed = server.api.put_manifest("app", "artifact", artifact.top()).await.assert_status(201);
    pushed.assert_header("oci-subject", &manifest.digest.to_string());

    let missing = image().build();
    let refused = server.api.put_manifest("app", "v2", missing.top()).await;
    let refused = refused.assert_error(404, "MANIFEST_BLOB_UNKNOWN").json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), missing.blobs.len());
    let nonsense = Blob::new(DigestAlgorithm::Sha256, "application/vnd.oci.image.manifest.v1+json", "{");
    server.api.put_manifest("app", "v2", &nonsense).await.assert_error(400, "MANIFEST_INVALID");
    let other = Digest::sha256(b"other").to_string();
    server.api.put_manifest("app", &other, manifest).await.assert_error(400, "DIGEST_INVALID");
    let many: Vec<_> = (0..200).map(|i| format!("tag={i}")).collect();
    let many = format!("{}?{}", manifest.digest, many.join("&"));
    server.api.put_manifest("app", &many, manifest).await.assert_error(414, "UNSUPPORTED");
}

#[tokio::test]
async fn a_manifest_has_a_largest_size() {
    let server = TestServer::start_with(|setup| setup.http.limits.manifest_bytes_max = 1000).await;
    let put = || server.api.call(Method::PUT, "/v2/app/manifests/v1");
    put().octets(vec![b' '; 1001]).send().await.assert_error(413, "MANIFEST_INVALID");
    put().stream(vec![vec![b' '; 600]; 2]).send().await.assert_error(413, "MANIFEST_INVALID");
    put().octets(vec![b' '; 1000]).send().await.assert_error(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn deleting_and_its_switch() {
    let server = TestServer::start().await;
    let content = image().build();
    server.api.push_image("app", "v1", &content).await;
    server.api.delete("/v2/app/manifests/v1").await.assert_status(202);
    server.api.delete("/v2/app/manifests/v1").await.assert_error(404, "MANIFEST_UNKNOWN");
    let server = TestServer::start_with(|setup| setup.registry.delete_enabled = false).await;
    server.api.push_image("app", "v1", &content).await;
    server.api.delete("/v2/app/manifests/v1").await.assert_error(405, "UNSUPPORTED");
}
