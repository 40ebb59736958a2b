//! Whom a password may be sent to.

use longshore_identity::{
    PasswordSource as _, SourceError,
    ldap::{LdapSettings, LdapSource},
};
use longshore_testkit::{Certificate, Slapd};

use crate::company::{company, settings, trusting};

fn encrypted(url: String, change: impl FnOnce(&mut LdapSettings)) -> LdapSource {
    let mut settings = settings(&[url]);
    change(&mut settings);
    LdapSource::new(settings).unwrap()
}

/// The cause of the refusal to connect, whole.
async fn unreachable(source: &LdapSource) -> String {
    match source.check("ann", "ann-password").await {
        Err(SourceError::Unavailable(cause)) => {
            let mut text = cause.to_string();
            let mut next = cause.source();
            while let Some(cause) = next {
                text = format!("{text}: {cause}");
                next = cause.source();
            }
            text
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ldaps_and_starttls_verify_the_certificate() {
    let slapd = company(Slapd::builder()).await;
    let folder = tempfile::tempdir().unwrap();
    let other = Certificate::write(folder.path());
    for start_tls in [false, true] {
        let url = || if start_tls { slapd.url() } else { slapd.ldaps_url() };
        let source = encrypted(url(), |it| {
            it.start_tls = start_tls;
            it.ca_file = trusting(&slapd);
        });
        assert_eq!(source.check("ann", "ann-password").await.unwrap().name, "ann");
        assert!(matches!(source.check("ann", "wrong").await, Err(SourceError::Refused)));

        for ca_file in [None, Some(other.certificate.clone())] {
            let source = encrypted(url(), |it| {
                it.start_tls = start_tls;
                it.ca_file = ca_file;
            });
            let cause = unreachable(&source).await;
            assert!(cause.contains("certificate"), "{cause}");
        }
        let insecure = encrypted(url(), |it| {
            it.start_tls = start_tls;
            it.insecure = true;
        });
        assert_eq!(insecure.check("ann", "ann-password").await.unwrap().name, "ann");
    }
}

#[tokio::test]
async fn the_certificate_must_name_the_server() {
    let slapd = company(Slapd::builder()).await;
    let source = encrypted(slapd.misnamed_url(), |it| it.ca_file = trusting(&slapd));
    let cause = unreachable(&source).await;
    assert!(cause.contains("not valid for name") || cause.contains("NotValidForName"), "{cause}");
}

/// Whoever sits in between and strips encryption gets no password.
#[tokio::test]
async fn starttls_that_the_server_refuses_is_no_connection() {
    let slapd = company(Slapd::builder().without_tls()).await;
    let plain = encrypted(slapd.url(), |_| {});
    plain.check("ann", "ann-password").await.unwrap();
    let source = encrypted(slapd.url(), |it| {
        it.start_tls = true;
        it.insecure = true;
    });
    let cause = unreachable(&source).await;
    assert!(cause.contains("cannot be reached"), "{cause}");
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "no certificate").unwrap();
    let mut settings = settings(&["ldaps://127.0.0.1".to_owned()]);
    settings.ca_file = Some(path.clone());
    let error = LdapSource::new(settings.clone()).unwrap_err().to_string();
    assert!(error.starts_with("ca_file:") && error.contains("no certificate in it"), "{error}");
    settings.ca_file = Some(path.with_extension("none"));
    assert!(LdapSource::new(settings).unwrap_err().to_string().starts_with("ca_file:"));
}
