//! X.509-SVIDs: certificates of a SPIFFE trust domain (the X509-SVID specification).

use std::slice::from_ref;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use longshore_identity::workload::{
    SvidError, TrustDomainSettings, TrustSettings, Workload, WorkloadError, Workloads,
};
use longshore_types::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use serde_json::json;

use crate::support::{now, rule};

const ID: &str = "spiffe://example.org/ns/ci/sa/builder";

/// An authority, or one below it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.subject_alt_names = vec![uri("spiffe://example.org")];
    params
}

fn root(name: &str) -> Authority {
    let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
    let certificate = params.self_signed(&key).unwrap();
    Authority { der: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
}

fn below(parent: &Authority, name: &str) -> Authority {
    let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
    let certificate = params.signed_by(&key, &parent.issuer).unwrap();
    Authority { der: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A workload's certificate as SPIRE makes it, with changes.
fn svid(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri(ID)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), &authority.issuer).unwrap().der().clone()
}

struct Domain {
    workloads: Workloads,
    _folder: tempfile::TempDir,
}

impl Domain {
    fn trusting(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        std::fs::write(&path, &authority.pem).unwrap();
        let domain = TrustDomainSettings {
            name: "example.org".to_owned(),
            bundle_file: None,
            x509_bundle_file: Some(path),
        };
        let settings = TrustSettings { issuers: Vec::new(), domains: vec![domain] };
        Self { workloads: Workloads::new(&settings).unwrap(), _folder: folder }
    }

    async fn verify(&self, chain: &[CertificateDer<'static>]) -> Result<Workload, SvidError> {
        self.verify_at(chain, now()).await
    }

    async fn verify_at(
        &self,
        chain: &[CertificateDer<'static>],
        now: Timestamp,
    ) -> Result<Workload, SvidError> {
        match self.workloads.verify_certificate(chain, now).await {
            Ok(workload) => Ok(workload),
            Err(WorkloadError::Certificate(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_workload_of_the_domain() {
    let authority = root("root");
    let domain = Domain::trusting(&authority);
    let workload = domain.verify(&[svid(&authority, |_| {})]).await.unwrap();
    assert_eq!((workload.subject(), workload.issuer()), (ID, "spiffe://example.org"));
    assert_eq!((workload.audiences(), workload.expires()), (None, None));
    assert!(rule("spiffe://example.org", &[("sub", "spiffe://example.org/ns/ci/*")]).matches(&workload));
    assert!(!rule("spiffe://example.org", &[("sub", "spiffe://example.org/ns/prod/*")]).matches(&workload));
    // Other names are allowed beside the id; usages may be left out.
    let named = svid(&authority, |it| {
        it.subject_alt_names.push(SanType::DnsName("builder.example.org".try_into().unwrap()));
        it.extended_key_usages.clear();
    });
    domain.verify(&[named]).await.unwrap();
}

#[tokio::test]
async fn through_authorities_in_between() {
    let authority = root("root");
    let middle = below(&authority, "middle");
    let leaf = svid(&middle, |_| {});
    let domain = Domain::trusting(&authority);
    domain.verify(&[leaf.clone(), middle.der.clone()]).await.unwrap();
    assert!(matches!(domain.verify(from_ref(&leaf)).await, Err(SvidError::Untrusted(_))));
    let other = root("root");
    assert!(matches!(domain.verify(&[leaf.clone(), other.der.clone()]).await, Err(SvidError::Untrusted(_))));
    let many = [vec![leaf], vec![middle.der.clone(); 8]].concat();
    assert_eq!(domain.verify(&many).await, Err(SvidError::Chain(9)));
    assert_eq!(domain.verify(&[]).await, Err(SvidError::Chain(0)));
}

#[tokio::test]
async fn certificates_that_name_no_workload() {
    let authority = root("root");
    let domain = Domain::trusting(&authority);
    for (names, expected) in [
        (vec![], SvidError::Id),
        (vec![SanType::DnsName("example.org".try_into().unwrap())], SvidError::Id),
        (vec![uri(ID), uri("spiffe://example.org/other")], SvidError::Id),
        (vec![uri(ID), uri("https://example.org")], SvidError::Id),
        (vec![uri("https://example.org/a")], SvidError::Id),
        (vec![uri("spiffe://example.org")], SvidError::Id),
        (vec![uri("spiffe://example.org/a/../b")], SvidError::Id),
        (vec![uri("spiffe://other.org/a")], SvidError::Domain("other.org".to_owned())),
    ] {
        let certificate = svid(&authority, |it| it.subject_alt_names.clone_from(&names));
        assert_eq!(domain.verify(&[certificate]).await, Err(expected), "{names:?}");
    }
}

#[tokio::test]
async fn certificates_that_may_do_something_else() {
    let authority = root("root");
    let domain = Domain::trusting(&authority);
    use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign, KeyEncipherment};
    for usages in
        [vec![], vec![KeyEncipherment], vec![DigitalSignature, KeyCertSign], vec![DigitalSignature, CrlSign]]
    {
        let certificate = svid(&authority, |it| it.key_usages.clone_from(&usages));
        assert_eq!(domain.verify(&[certificate]).await, Err(SvidError::Use), "{usages:?}");
    }
    let above_others = svid(&authority, |it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(domain.verify(&[above_others]).await, Err(SvidError::Use));
    let for_servers =
        svid(&authority, |it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert!(matches!(domain.verify(&[for_servers]).await, Err(SvidError::Untrusted(_))));
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for() {
    let (authority, other) = (root("root"), root("root"));
    let domain = Domain::trusting(&authority);
    assert!(matches!(domain.verify(&[svid(&other, |_| {})]).await, Err(SvidError::Untrusted(_))));
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri(ID)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let own = params.self_signed(&key).unwrap().der().clone();
    assert!(matches!(domain.verify(&[own]).await, Err(SvidError::Untrusted(_))));
    // The authority's own certificate is no workload's.
    assert_eq!(domain.verify(from_ref(&authority.der)).await, Err(SvidError::Use));
}

#[tokio::test]
async fn the_wrong_time() {
    let authority = root("root");
    let domain = Domain::trusting(&authority);
    let certificate = svid(&authority, |it| {
        it.not_before = date_time_ymd(2030, 1, 1);
        it.not_after = date_time_ymd(2030, 1, 2);
    });
    let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
    let begin = 1_893_456_000;
    domain.verify_at(from_ref(&certificate), at(begin + 60)).await.unwrap();
    for moment in [begin - 60, begin + 24 * 3600 + 60] {
        let result = domain.verify_at(from_ref(&certificate), at(moment)).await;
        assert!(matches!(result, Err(SvidError::Untrusted(_))), "{result:?}");
    }
}

/// What SPIRE writes with `bundle show -format spiffe`.
#[tokio::test]
async fn authorities_in_a_spiffe_bundle() {
    let authority = root("root");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    let key = |used: &str| json!({ "use": used, "kty": "EC", "x5c": [STANDARD.encode(&authority.der)] });
    let workloads = |bundle: serde_json::Value| {
        std::fs::write(&path, bundle.to_string()).unwrap();
        let domain = TrustDomainSettings {
            name: "example.org".to_owned(),
            bundle_file: Some(path.clone()),
            x509_bundle_file: None,
        };
        Workloads::new(&TrustSettings { issuers: Vec::new(), domains: vec![domain] })
    };
    let chain = [svid(&authority, |_| {})];
    let good = workloads(json!({ "keys": [key("x509-svid")], "spiffe_sequence": 1 })).unwrap();
    good.verify_certificate(&chain, now()).await.unwrap();
    let other_use = workloads(json!({ "keys": [key("jwt-svid")] })).unwrap();
    assert!(other_use.verify_certificate(&chain, now()).await.is_err());
    for broken in [
        json!({ "keys": [{ "use": "x509-svid" }] }),
        json!({ "keys": [{ "use": "x509-svid", "x5c": ["AAAA"] }] }),
        json!({}),
    ] {
        assert!(workloads(broken.clone()).is_err(), "{broken}");
    }
}

#[tokio::test]
async fn no_bytes_panic() {
    let authority = root("root");
    let domain = Domain::trusting(&authority);
    let der = svid(&authority, |_| {}).to_vec();
    for end in 0..der.len() {
        assert!(domain.verify(&[CertificateDer::from(der[..end].to_vec())]).await.is_err(), "cut at {end}");
    }
    for place in 0..der.len() {
        for flip in [0x01, 0x80] {
            let mut damaged = der.clone();
            damaged[place] ^= flip;
            assert!(domain.verify(&[CertificateDer::from(damaged)]).await.is_err(), "byte {place}");
        }
    }
    let longer = [der, vec![0]].concat();
    assert!(domain.verify(&[CertificateDer::from(longer)]).await.is_err());
}
