//! Challenges.

use longshore_auth::Authenticator;
use longshore_testkit::Blob;

use crate::server::TestServer;

#[tokio::test]
async fn who_is_not_let_in_is_told_how() {
    let server = TestServer::start_with(|setup| {
        setup.authenticator =
            Authenticator::Silly { realm: "https://auth/".to_owned(), service: "registry".to_owned() };
    })
    .await;
    let challenge = "Bearer realm=\"https://auth/\",service=\"registry\"";
    let reply = server.api.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", challenge);
    let reply = server.api.get("/v2/team/app/tags/list").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", &format!("{challenge},scope=\"repository:team/app:pull\""));
    let reply = server.api.post("/v2/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", &format!("{challenge},scope=\"repository:app:pull,push\""));
    for open in ["/livez", "/readyz", "/"] {
        server.api.get(open).await.assert_status(200);
    }
    let known = server.api.authorized("Basic eDp5");
    known.get("/v2/").await.assert_status(200).assert_body(b"{}");
    known.push_blob("app", &Blob::random(10)).await;
}
