//! Who is let in.

use longshore_identity::{PasswordSource as _, Secret, SourceError, ldap::LdapSource};
use longshore_testkit::Slapd;

use crate::company::{company, settings, source};

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, SourceError>) {
    assert!(matches!(result, Err(SourceError::Refused)), "{result:?}");
}

#[tokio::test]
async fn the_right_password_says_who_it_is() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    let ann = source.check("ann", "ann-password").await.unwrap();
    let uuid = ann.external_id.strip_prefix("entryuuid:").unwrap();
    assert!(uuid.len() == 36 && uuid.matches('-').count() == 4, "{uuid}");
    assert_eq!(ann.former_id.as_deref(), Some("uid=ann,ou=people,dc=example,dc=org"));
    assert_eq!((ann.name.as_str(), ann.real_name.as_str()), ("ann", "Ann Example"));
    assert_eq!(ann.email.as_deref(), Some("ann@example.org"));
    assert!(!ann.admin);
    // However it was typed, it is the same user.
    assert_eq!(source.check("ANN", "ann-password").await.unwrap(), ann);
    let bob = source.check("bob", "bob-password").await.unwrap();
    assert_eq!((bob.email, bob.admin), (None, true));
    // The group of administrators is compared as a name, not as a text.
}

/// Whoever is given the name of somebody who left is somebody else, and who is moved stays who they are.
#[tokio::test]
async fn people_are_known_by_what_lasts() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    let ann = source.look_up("ann").await.unwrap();
    assert_eq!(source.check("ann", "ann-password").await.unwrap(), ann);
    let person = "dn: uid=ann,ou=people,dc=example,dc=org";
    slapd.modify(&format!("{person}\nchangetype: modrdn\nnewrdn: cn=Ann\ndeleteoldrdn: 0\n")).await;
    let moved = source.look_up("ann").await.unwrap();
    assert_eq!(moved.external_id, ann.external_id);
    assert_eq!(moved.former_id.as_deref(), Some("cn=ann,ou=people,dc=example,dc=org"));
    slapd.modify("dn: cn=Ann,ou=people,dc=example,dc=org\nchangetype: delete\n").await;
    assert!(matches!(source.look_up("ann").await, Err(SourceError::Refused)));
    slapd
        .add(&format!(
            "{person}\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann Other\nsn: Other\nuserPassword: new\n"
        ))
        .await;
    let other = source.look_up("ann").await.unwrap();
    assert_eq!(other.former_id, ann.former_id);
    assert_ne!(other.external_id, ann.external_id);
}

#[tokio::test]
async fn wrong_passwords_and_names_are_refused() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    for (name, password) in [
        ("ann", "bob-password"),
        ("ann", "Ann-password"),
        ("nobody", "ann-password"),
        ("", "ann-password"),
        ("ann\0", "ann-password"),
        ("ann\n", "ann-password"),
        // Not what user_filter wants.
        ("robot", "robot-password"),
        // Outside of base_dn.
        ("search", "search-password"),
    ] {
        refused(source.check(name, password).await);
    }
    refused(source.check(&"a".repeat(300), "ann-password").await);
}

/// A server that lets in whoever gives no password (RFC 4513 section 5.1.2) must not decide that.
#[tokio::test]
async fn an_empty_password_is_refused_even_where_the_server_takes_it() {
    let slapd = company(Slapd::builder().global("allow bind_anon_cred")).await;
    let source = source(&slapd, |_| {});
    refused(source.check("ann", "").await);
    source.check("ann", "ann-password").await.unwrap();
}

#[tokio::test]
async fn names_are_values_never_filters() {
    let slapd = company(Slapd::builder()).await;
    let source = source(&slapd, |_| {});
    for name in
        ["*", "a*", "ann)(uid=*", "ann)(|(uid=*", "\\61nn", "ann)(objectClass=*))(|(uid=*", "*)(uid=ann"]
    {
        refused(source.check(name, "ann-password").await);
    }
    // Whose name has signs that mean something logs in like everybody.
    let john = source.check("john(ops)*", "john-password").await.unwrap();
    assert_eq!(john.real_name, "Smith, John (Ops)*");
    assert_eq!(crate::company::names(&john.groups), ["Developers"]);
}

#[tokio::test]
async fn a_name_that_several_have_is_refused() {
    let slapd = company(Slapd::builder()).await;
    slapd
        .add(
            "dn: cn=Ann Two,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann Two\nsn: Two\n\
             userPassword: ann-password\n",
        )
        .await;
    refused(source(&slapd, |_| {}).check("ann", "ann-password").await);
    // An attribute that tells them apart does.
    let by_mail = source(&slapd, |it| it.uid_attribute = "mail".to_owned());
    assert_eq!(by_mail.check("ann@example.org", "ann-password").await.unwrap().name, "ann@example.org");
}

#[tokio::test]
async fn a_user_without_a_password_is_refused() {
    let slapd = company(Slapd::builder()).await;
    slapd.modify("dn: uid=ann,ou=people,dc=example,dc=org\nchangetype: modify\ndelete: userPassword\n").await;
    refused(source(&slapd, |_| {}).check("ann", "ann-password").await);
}

#[tokio::test]
async fn settings_that_the_directory_does_not_accept_are_no_refusal() {
    let slapd = company(Slapd::builder()).await;
    let wrong = source(&slapd, |it| it.bind_password = Secret::new("wrong"));
    for result in [wrong.ping().await, wrong.check("ann", "ann-password").await.map(drop)] {
        let Err(SourceError::Unavailable(cause)) = result else { panic!("{result:?}") };
        assert!(cause.to_string().contains("let bind_dn in (result 49"), "{cause}");
    }
    let elsewhere = source(&slapd, |it| it.base_dn = "ou=nowhere,dc=example,dc=org".to_owned());
    assert!(matches!(elsewhere.ping().await, Err(SourceError::Unavailable(_))));
    refused(elsewhere.check("ann", "ann-password").await);
    source(&slapd, |_| {}).ping().await.unwrap();
}

/// Thirty-two at once over two connections: all are answered.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_wait_for_their_turn() {
    let slapd = company(Slapd::builder()).await;
    let mut settings = settings(&[slapd.url()]);
    settings.connections_max = 2;
    let source = LdapSource::new(settings).unwrap();
    let mut logins = tokio::task::JoinSet::new();
    for number in 0..32 {
        let source = source.clone();
        logins.spawn(async move {
            let password = if number % 2 == 0 { "ann-password" } else { "wrong" };
            (number % 2 == 0, source.check("ann", password).await.is_ok())
        });
    }
    for (expected, let_in) in logins.join_all().await {
        assert_eq!(let_in, expected);
    }
}
