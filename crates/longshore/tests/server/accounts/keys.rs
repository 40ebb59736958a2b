//! The keys that sign tokens: rotated, forgotten, lost, shared.

use longshore_testkit::{Api, Postgres, TestRegistry};

use super::with_accounts;

async fn key_ids(registry: &Api) -> Vec<String> {
    let keys = registry.get("/service/token/jwks").await.assert_status(200).json();
    let keys = keys["keys"].as_array().unwrap();
    for key in keys {
        assert!(key.get("d").is_none() && key["alg"] == "EdDSA" && key["crv"] == "Ed25519", "{key}");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn keys_follow_each_other_without_a_token_being_refused() {
    let mut registry = with_accounts().spawn().await;
    let first = key_ids(&registry).await;
    assert_eq!(first.len(), 1);
    let token = registry.admin().with_token(&[]).await;
    let told = registry.run(&["admin", "rotate-keys"]).await.assert_success();
    // A server that runs takes it within a minute.
    registry.restart().await;
    let both = key_ids(&registry).await;
    assert!(both.len() == 2 && both.contains(&first[0]) && told.contains(&both[0]), "{both:?} {told}");
    let path = format!("{}/v2/", registry.base());
    token.call(reqwest::Method::GET, &path).send().await.assert_status(200);

    let told = registry.run(&["admin", "rotate-keys", "--forget-old"]).await.assert_success();
    registry.restart().await;
    let last = key_ids(&registry).await;
    assert!(last.len() == 1 && !both.contains(&last[0]) && told.contains(&last[0]), "{last:?} {told}");
    let path = format!("{}/v2/", registry.base());
    token.call(reqwest::Method::GET, &path).send().await.assert_status(401);
    registry.admin().with_token(&[]).await.get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn the_index_alone_signs_nothing() {
    let mut registry = with_accounts().spawn().await;
    let file = registry.data().join("longshore/secret-key");
    let key = std::fs::read_to_string(&file).unwrap();
    registry.stop().await;
    std::fs::remove_file(&file).unwrap();
    // A new secret key is made, which does not open what the old one sealed.
    let failed = registry.run(&["serve"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("rotate-keys --forget-old"), "{failed:?}");
    std::fs::write(&file, &key).unwrap();
    registry.start_again().await;
    registry.stop().await;
    std::fs::remove_file(&file).unwrap();
    registry.run(&["admin", "rotate-keys", "--forget-old"]).await.assert_success();
    registry.start_again().await;
    registry.admin().with_token(&[]).await.get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn replicas_share_keys_and_users() {
    let url = Postgres::shared().fresh_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let replica = || with_accounts().set("metadata.url", url.as_str()).data(folder.path());
    let (first, second): (TestRegistry, TestRegistry) = tokio::join!(replica().spawn(), replica().spawn());
    assert_eq!(key_ids(&first).await, key_ids(&second).await, "one of them made it");
    assert_eq!(key_ids(&first).await.len(), 1);
    let told = |registry: &TestRegistry| {
        registry.log().iter().filter(|line| line.contains("made the user admin")).count()
    };
    assert_eq!(told(&first) + told(&second), 1, "one of them made the user");
    for (maker, taker) in [(&first, &second), (&second, &first)] {
        let token = maker.admin().with_token(&["repository:library/app:pull,push"]).await;
        let path = format!("{}/v2/library/app/tags/list", taker.base());
        token.call(reqwest::Method::GET, &path).send().await.assert_error(404, "NAME_UNKNOWN");
    }
    second.create_user("ann").await;
    first.user("ann").get("/v2/").await.assert_status(200);
}
