//! Paging through tags, the catalog and referrers.

use longshore_testkit::{Api, image};

use crate::server::TestServer;

async fn follow(api: &Api, first: &str, field: &str) -> (usize, Vec<String>) {
    let (mut pages, mut found, mut next) = (0, Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let reply = api.get(&path).await.assert_status(200);
        for entry in reply.json()[field].as_array().unwrap() {
            found.push(entry.as_str().or(entry["digest"].as_str()).unwrap().to_owned());
        }
        pages += 1;
        next = reply.next_link();
    }
    (pages, found)
}

#[tokio::test]
async fn tags_and_catalog_are_paged_by_key() {
    let server = TestServer::start_with(|setup| {
        setup.http.limits.tags_max = 3;
        setup.http.limits.catalog_max = 2;
    })
    .await;
    let content = image().build();
    for tag in ["b", "a", "C", "d", "e"] {
        server.api.push_image("team/app", tag, &content).await;
    }
    for name in ["team/b", "a", "z"] {
        server.api.push_image(name, "v1", &content).await;
    }
    let all = ["C", "a", "b", "d", "e"];
    let check = async |query: &str, pages: usize| {
        let path = format!("/v2/team/app/tags/list{query}");
        assert_eq!(
            follow(&server.api, &path, "tags").await,
            (pages, all.map(str::to_owned).into()),
            "{query}"
        );
    };
    check("", 2).await;
    check("?n=2", 3).await;
    check("?n=1000000", 2).await;
    check("?n=99999999999999999999999", 2).await;
    let (_, after) = follow(&server.api, "/v2/team/app/tags/list?n=3&last=a", "tags").await;
    assert_eq!(after, all[2..]);

    let none = server.api.get("/v2/team/app/tags/list?n=0").await.assert_status(200);
    assert_eq!((none.next_link(), none.json()["tags"].as_array().unwrap().len()), (None, 0));
    server.api.get("/v2/team/app/tags/list?n=-1").await.assert_error(400, "UNSUPPORTED");
    server.api.get("/v2/none/tags/list").await.assert_error(404, "NAME_UNKNOWN");

    let names = ["a", "team/app", "team/b", "z"].map(str::to_owned);
    assert_eq!(follow(&server.api, "/v2/_catalog", "repositories").await, (2, names.clone().into()));
    assert_eq!(follow(&server.api, "/v2/_catalog?n=1", "repositories").await, (4, names.into()));
}

#[tokio::test]
async fn referrers_are_filtered_and_paged() {
    let server = TestServer::start().await;
    let subject = image().build();
    server.api.push_image("app", "v1", &subject).await;
    let mut wanted = Vec::new();
    for i in 0..3 {
        let artifact_type = if i == 0 { "a/x" } else { "a/y+json" };
        let content =
            longshore_testkit::artifact(artifact_type).seed(i).subject(subject.top().descriptor()).build();
        server.api.push_image("app", &format!("r{i}"), &content).await;
        wanted.push(content.digest().to_string());
    }
    let path = format!("/v2/app/referrers/{}", subject.digest());
    let all = server.api.get(&path).await.assert_status(200);
    assert_eq!(all.header("content-type"), "application/vnd.oci.image.index.v1+json");
    assert_eq!(all.header("oci-filters-applied"), "");
    let (pages, mut found) = follow(&server.api, &format!("{path}?n=1"), "manifests").await;
    found.sort();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!((pages, found), (3, sorted));

    let filtered = format!("{path}?n=1&artifactType=a%2Fy%2Bjson");
    let reply = server.api.get(&filtered).await;
    assert_eq!(reply.header("oci-filters-applied"), "artifactType");
    let (pages, found) = follow(&server.api, &filtered, "manifests").await;
    assert_eq!((pages, found.len()), (2, 2));
    assert!(found.iter().all(|digest| wanted[1..].contains(digest)));

    let unknown = format!("/v2/none/referrers/{}", subject.digest());
    let empty = server.api.get(&unknown).await.assert_status(200).json();
    assert_eq!(empty["manifests"].as_array().unwrap().len(), 0);
    server.api.get("/v2/app/referrers/sha256:x").await.assert_error(400, "DIGEST_INVALID");
}
