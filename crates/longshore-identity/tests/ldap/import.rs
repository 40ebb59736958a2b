//! What administrators look up before anybody has logged in.

use longshore_identity::SourceError;
use longshore_testkit::Slapd;

use crate::company::{company, names, source};

#[tokio::test]
async fn users() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    let found = source.search_users("ann").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].real_name.as_str()), ("ann", "Ann Example"));
    let all = source.search_users("").await.unwrap();
    assert_eq!(all.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ann", "bob", "john(ops)*"]);
    assert!(source.search_users("*").await.unwrap().is_empty());
}

#[tokio::test]
async fn groups() {
    let slapd = company(Slapd::builder()).await;
    let source =
        source(&slapd, |it| it.groups.as_mut().unwrap().filter = "objectClass=groupOfNames".to_owned());
    assert_eq!(names(&source.search_groups("developers").await.unwrap()), ["Developers"]);
    let all = ["Developers", "company", "engineering", "registry-admins"];
    assert_eq!(names(&source.search_groups("").await.unwrap()), all);
    assert!(source.search_groups("*").await.unwrap().is_empty());

    let found = source.group("CN=developers, OU=groups, dc=example, dc=org").await.unwrap().unwrap();
    assert_eq!(found.external_id, "cn=developers,ou=groups,dc=example,dc=org");
    for other in [
        "cn=nobody,ou=groups,dc=example,dc=org",
        // No group by the filter; outside of the base; no name at all.
        "cn=unix,ou=groups,dc=example,dc=org",
        "uid=ann,ou=people,dc=example,dc=org",
        "Developers",
    ] {
        assert_eq!(source.group(other).await.unwrap(), None, "{other}");
    }
}

#[tokio::test]
async fn somebody_without_their_password() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    let bob = source.identity("bob").await.unwrap();
    assert_eq!((bob.name.as_str(), bob.admin), ("bob", true));
    assert!(matches!(source.identity("b*").await, Err(SourceError::Refused)));
}
