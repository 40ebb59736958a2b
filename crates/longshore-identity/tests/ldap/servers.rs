//! Several servers, and such as do not answer as they should.

use std::time::Duration;

use longshore_identity::{
    PasswordSource as _, SourceError,
    ldap::{LdapSettings, LdapSource},
};
use longshore_testkit::{Slapd, within};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::company::{company, settings, source};

fn over(urls: &[String]) -> LdapSource {
    LdapSource::new(LdapSettings {
        connect_timeout: Duration::from_millis(300),
        timeout: Duration::from_secs(2),
        ..settings(urls)
    })
    .unwrap()
}

/// A server that takes connections and answers everything with those bytes; without any it says nothing.
async fn strange(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    url
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("ldap://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn the_next_server_is_asked() {
    let mut first = company(Slapd::builder()).await;
    let second = company(Slapd::builder()).await;
    second
        .modify("dn: uid=ann,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: cn\ncn: Second\n")
        .await;
    let source = over(&[nobody().await, first.url(), second.url()]);
    let name = async || source.check("ann", "ann-password").await.unwrap().real_name;
    assert_eq!(name().await, "Ann Example");
    first.kill().await;
    assert_eq!(name().await, "Second");
    assert_eq!(name().await, "Second");
    // What the one that answers says is final.
    assert!(matches!(source.check("ann", "wrong").await, Err(SourceError::Refused)));
}

/// It takes connections, and that is all.
#[tokio::test]
async fn a_silent_server_gives_way_to_the_next() {
    let second = company(Slapd::builder()).await;
    let source = over(&[strange(b"").await, second.url()]);
    source.check("ann", "ann-password").await.unwrap();
    source.check("ann", "ann-password").await.unwrap();
}

#[tokio::test]
async fn none_answers() {
    let source = over(&[nobody().await, nobody().await]);
    assert!(matches!(source.ping().await, Err(SourceError::Unavailable(_))));
    assert!(matches!(source.check("ann", "ann-password").await, Err(SourceError::Unavailable(_))));
    // Asked for without a password: nobody needs to be asked.
    assert!(matches!(source.check("ann", "").await, Err(SourceError::Refused)));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_only_so_long() {
    let source = over(&[strange(b"").await]);
    let result = within("the login", source.check("ann", "ann-password")).await;
    assert!(matches!(result, Err(SourceError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn answers_that_are_no_ldap_are_an_error_and_no_panic() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        b"\xff\xff\xff\xff\xff",
        b"\x30\x00",
        // A bind response without anything in it; one of another kind; a search entry where none is expected.
        b"\x30\x05\x02\x01\x01\x61\x00",
        b"\x30\x05\x02\x01\x01\x7f\x00",
        b"\x30\x0c\x02\x01\x01\x64\x07\x04\x01x\x30\x02\x30\x00",
    ] {
        let source = over(&[strange(answer).await]);
        let result = within("the login", source.check("ann", "ann-password")).await;
        assert!(matches!(result, Err(SourceError::Unavailable(_))), "{answer:?}: {result:?}");
    }
}

/// Bind and search succeed, and the entry is broken.
#[tokio::test]
async fn entries_that_are_broken_are_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 1024];
        // Success of message 1, then a search entry without attributes and the end of the search as message 2.
        for answer in [
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00".as_slice(),
            b"\x30\x08\x02\x01\x02\x64\x03\x04\x01x\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
        ] {
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(answer).await;
        }
        let _ = stream.read(&mut bytes).await;
    });
    match over(&[url]).check("ann", "ann-password").await {
        Err(SourceError::Unavailable(cause)) => {
            assert!(cause.to_string().contains("cannot be read"), "{cause}")
        }
        other => panic!("{other:?}"),
    }
}

/// Referrals lead to servers that nobody configured: they get no password.
#[tokio::test]
async fn referrals_are_not_followed() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("ldap://{}", trap.local_addr().unwrap());
    let slapd = company(Slapd::builder().global(&format!("referral {elsewhere}"))).await;
    slapd
        .add(&format!(
            "dn: ou=branch,ou=people,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\n\
             ou: branch\nref: {elsewhere}/ou=branch,ou=people,dc=example,dc=org\n"
        ))
        .await;
    // References beside entries are left out.
    assert_eq!(source(&slapd, |_| {}).check("ann", "ann-password").await.unwrap().name, "ann");
    // A base that the server does not have is a mistake of the settings.
    let outside = source(&slapd, |it| it.base_dn = "dc=other,dc=org".to_owned());
    match outside.check("ann", "ann-password").await {
        Err(SourceError::Unavailable(cause)) => {
            assert!(cause.to_string().contains("refers to another"), "{cause}")
        }
        other => panic!("{other:?}"),
    }
    let nobody_came = tokio::time::timeout(Duration::from_millis(100), trap.accept()).await;
    assert!(nobody_came.is_err(), "somebody followed a referral");
}
