//! The ways in which directories keep groups.

use longshore_identity::{
    PasswordSource as _,
    ldap::{LdapGroupSettings, LdapSource},
};
use longshore_testkit::Slapd;

use crate::company::{company, names, source};

fn with_groups(slapd: &Slapd, change: impl FnOnce(&mut LdapGroupSettings)) -> LdapSource {
    source(slapd, |it| change(it.groups.as_mut().unwrap()))
}

async fn groups_of(source: &LdapSource, name: &str) -> Vec<String> {
    let somebody = source.check(name, &format!("{name}-password")).await.unwrap();
    names(&somebody.groups).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_attribute_of_membership() {
    let slapd = company(Slapd::builder()).await;
    for (membership, ann, bob) in [
        ("member", vec!["Developers"], vec!["registry-admins"]),
        ("memberOf", vec!["Developers"], vec!["registry-admins"]),
        ("MEMBEROF", vec!["Developers"], vec!["registry-admins"]),
        ("uniqueMember", vec!["unique"], vec![]),
        ("memberUid", vec!["unix"], vec![]),
    ] {
        let source = with_groups(&slapd, |it| it.membership = membership.parse().unwrap());
        assert_eq!(groups_of(&source, "ann").await, ann, "{membership}");
        assert_eq!(groups_of(&source, "bob").await, bob, "{membership}");
    }
}

#[tokio::test]
async fn a_group_is_known_by_its_distinguished_name() {
    let slapd = company(Slapd::builder()).await;
    for membership in ["member", "memberOf"] {
        let source = with_groups(&slapd, |it| it.membership = membership.parse().unwrap());
        let ann = source.check("ann", "ann-password").await.unwrap();
        assert_eq!(ann.groups[0].external_id, "cn=developers,ou=groups,dc=example,dc=org");
        assert_eq!(ann.groups[0].name, "Developers");
    }
}

/// The company's groups contain each other in a circle.
#[tokio::test]
async fn groups_in_groups() {
    let slapd = company(Slapd::builder()).await;
    for membership in ["member", "memberOf"] {
        let source = with_groups(&slapd, |it| {
            it.membership = membership.parse().unwrap();
            it.nested = true;
        });
        let all = ["Developers", "company", "engineering", "registry-admins"];
        assert_eq!(groups_of(&source, "ann").await, all, "{membership}");
        assert_eq!(groups_of(&source, "bob").await, ["company", "registry-admins"], "{membership}");
        // Through groups in groups, too.
        assert!(source.check("ann", "ann-password").await.unwrap().admin);
    }
}

#[tokio::test]
async fn filters_and_bases_limit_groups() {
    let slapd = company(Slapd::builder()).await;
    for membership in ["member", "memberOf"] {
        let filtered = with_groups(&slapd, |it| {
            it.membership = membership.parse().unwrap();
            it.filter = "cn=reg*".to_owned();
        });
        assert!(groups_of(&filtered, "ann").await.is_empty(), "{membership}");
        assert_eq!(groups_of(&filtered, "bob").await, ["registry-admins"], "{membership}");
        let elsewhere = with_groups(&slapd, |it| {
            it.membership = membership.parse().unwrap();
            it.base_dn = Some("ou=people,dc=example,dc=org".to_owned());
        });
        let bob = elsewhere.check("bob", "bob-password").await.unwrap();
        assert!(bob.groups.is_empty() && !bob.admin, "{membership}");
    }
    let without = source(&slapd, |it| it.groups = None);
    assert!(groups_of(&without, "ann").await.is_empty());
}

#[tokio::test]
async fn leaving_a_group_shows_at_the_next_login() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    assert!(source.check("bob", "bob-password").await.unwrap().admin);
    slapd
        .modify(
            "dn: cn=registry-admins,ou=groups,dc=example,dc=org\nchangetype: modify\ndelete: member\n\
             member: uid=bob,ou=people,dc=example,dc=org\n",
        )
        .await;
    assert!(!source.check("bob", "bob-password").await.unwrap().admin);
}
