//! What does not let anybody in.

use longshore_testkit::AtProvider;
use serde_json::json;

use super::support::{Browser, logins, provider, refused, registry, source};

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it_and_once() {
    let provider = provider().await;
    let registry = registry(&[source("sso", &provider)]).spawn().await;
    let mut bob = Browser::new(&registry);
    let address = bob.begin("").await;
    let back = provider.visit(&address, AtProvider::Agrees("bob-2")).await;

    // Somebody else's link: a browser that began nothing, and one that began another login.
    let mut eve = Browser::new(&registry);
    refused(&eve.come_back(&back).await, 400);
    let address = eve.begin("").await;
    let of_eve = provider.visit(&address, AtProvider::Agrees("eve-3")).await;
    let mut victim = eve.clone();
    refused(&victim.come_back(&back).await, 400);
    assert_eq!(victim.user().await, Err(401));

    // A state that was made up, that is missing or there twice, and an error that anybody may write.
    let (path, query) = back.split_once('?').unwrap();
    let of = |name: &str| query.split('&').find(|pair| pair.starts_with(name)).unwrap().to_owned();
    let (code, state) = (of("code="), of("state="));
    let hostile = "error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cb%3E";
    for query in [
        format!("{code}&state=other"),
        code.clone(),
        format!("{code}&{state}&{state}"),
        format!("{state}&{hostile}"),
        hostile.to_owned(),
        String::new(),
        "%zz".to_owned(),
        "x".repeat(20_000),
    ] {
        let mut bob = bob.clone();
        let reply = bob.come_back(&format!("{path}?{query}")).await;
        assert!([400, 403].contains(&reply.status), "{query}: {reply:?}");
        refused(&reply, reply.status);
        assert_eq!(bob.user().await, Err(401), "{query}");
        assert!(bob.cookies.is_empty(), "good for one try");
    }
    // What none of these used up.
    let kept = bob.clone();
    bob.come_back(&back).await.assert_status(302);
    assert_eq!(bob.user().await.unwrap()["username"], "bob");
    // The same address once more: without the cookie, which is forgotten, and with it.
    refused(&bob.clone().come_back(&back).await, 400);
    refused(&kept.clone().come_back(&back).await, 403);
    eve.come_back(&of_eve).await.assert_status(302);

    let rows = logins(&registry).await;
    let failed = rows.iter().filter(|row| row["operation_result"] == false).count();
    assert!(failed > 0, "{rows:?}");
}

#[tokio::test]
async fn one_providers_answer_is_not_another_ones() {
    let (one, two) = (provider().await, provider().await);
    let registry = registry(&[source("one", &one), source("two", &two)]).spawn().await;
    let mut bob = Browser::new(&registry);
    // The first is the one that is asked unless somebody says otherwise.
    let address = bob.begin("").await;
    assert!(address.starts_with(&one.issuer()), "{address}");
    let of_two = bob.clone().begin("?source=two").await;
    assert!(of_two.starts_with(&two.issuer()), "{of_two}");
    refused(&bob.clone().get("/c/oidc/login?source=three").await, 404);

    // Begun at one; what two says about another login, with the state of this one put in.
    let state = address.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap();
    let mut eve = Browser::new(&registry);
    let of_eve = eve.begin("?source=two").await;
    let back = two.visit(&of_eve, AtProvider::Agrees("eve-3")).await;
    let own = back.split(['&', '?']).find_map(|pair| pair.strip_prefix("state=")).unwrap();
    let mixed = back.replace(own, state);
    refused(&bob.clone().come_back(&mixed).await, 400);
    // Without the issuer in it, which a dishonest provider leaves out.
    let nameless: Vec<_> = mixed.split('&').filter(|pair| !pair.starts_with("iss=")).collect();
    refused(&bob.clone().come_back(&nameless.join("&")).await, 400);

    // People of the same name are not the same.
    bob.log_in(&one, "bob-2", "?source=one").await.assert_status(302);
    refused(&Browser::new(&registry).log_in(&two, "bob-2", "?source=two").await, 403);
    eve.log_in(&two, "eve-3", "?source=two").await.assert_status(302);
    assert_eq!(eve.user().await.unwrap()["username"], "eve");
}

#[tokio::test]
async fn who_may_not_come_in() {
    let provider = provider().await;
    let registry = registry(&[source("sso", &provider)]).spawn().await;
    let mut bob = Browser::new(&registry);
    bob.log_in(&provider, "bob-2", "").await.assert_status(302);
    let id = bob.user().await.unwrap()["user_id"].clone();
    let disable = |disabled: bool| {
        let (admin, path) = (registry.admin(), format!("/api/v2.0/users/{id}/disabled"));
        async move { admin.put_json(&path, &json!({ "disabled": disabled })).await.assert_status(200) }
    };
    disable(true).await;
    assert_eq!(bob.user().await, Err(401));
    refused(&bob.log_in(&provider, "bob-2", "").await, 403);
    disable(false).await;
    bob.log_in(&provider, "bob-2", "").await.assert_status(302);

    // The name of a local user is taken, be they called that at the provider.
    refused(&Browser::new(&registry).log_in(&provider, "boss-4", "").await, 403);
    // And this is no name.
    refused(&Browser::new(&registry).log_in(&provider, "odd-5", "").await, 403);
    // Who goes away from the form.
    let mut eve = Browser::new(&registry);
    let address = eve.begin("").await;
    let back = provider.visit(&address, AtProvider::Aborts).await;
    refused(&eve.come_back(&back).await, 403);
    let rows = logins(&registry).await;
    for why in ["the user is disabled", "another user's", "access_denied"] {
        assert!(rows.iter().any(|row| row.to_string().contains(why)), "{why}: {rows:?}");
    }
}
