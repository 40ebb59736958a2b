//! TLS: versions, reloading, clients' certificates.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use longshore_http::{ClientAuth, TlsSettings, TlsVersion};
use longshore_testkit::{Api, Certificate, eventually};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Identity, Method, Version};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::server::TestServer;

fn settings(certificate: &Certificate) -> TlsSettings {
    TlsSettings {
        certificate: certificate.certificate.clone(),
        key: certificate.key.clone(),
        minimum_version: TlsVersion::Tls12,
        cipher_suites: Vec::new(),
        client_cas: Vec::new(),
        client_auth: ClientAuth::None,
    }
}

fn api(address: SocketAddr, client: reqwest::ClientBuilder) -> Api {
    Api::with_client(format!("https://localhost:{}", address.port()), client)
}

async fn start(tls: TlsSettings) -> TestServer {
    TestServer::start_with(|setup| setup.http.tls = Some(tls)).await
}

async fn is_let_in(address: SocketAddr, client: reqwest::ClientBuilder) -> bool {
    let call = api(address, client).call(Method::GET, "/v2/");
    call.try_send().await.is_ok_and(|reply| reply.status == 200)
}

#[tokio::test]
async fn clients_choose_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let server = start(settings(&certificate)).await;
    let version =
        async |client| api(server.address, client).call(Method::GET, "/v2/").start().await.version();
    assert_eq!(version(certificate.client()).await, Version::HTTP_2);
    assert_eq!(version(certificate.client().http1_only()).await, Version::HTTP_11);

    let server = TestServer::start_with(|setup| {
        setup.http.tls = Some(settings(&certificate));
        setup.http.http2 = false;
    })
    .await;
    let reply = api(server.address, certificate.client()).call(Method::GET, "/v2/").start().await;
    assert_eq!(reply.version(), Version::HTTP_11);
}

/// Asks once, and says whether that went on with a session from before.
async fn resumed(address: SocketAddr, config: &Arc<ClientConfig>) -> bool {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
}

#[tokio::test]
async fn sessions_are_resumed_until_files_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let server = start(settings(&certificate)).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate.certificate).unwrap()).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
        let config = Arc::new(config);
        assert!(!resumed(server.address, &config).await);
        assert!(resumed(server.address, &config).await);
        server.handle.reload().unwrap();
        assert!(!resumed(server.address, &config).await);
    }
}

#[tokio::test]
async fn versions_and_cipher_suites() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let old = || certificate.client().tls_version_max(reqwest::tls::Version::TLS_1_2);
    let server = start(settings(&certificate)).await;
    assert!(is_let_in(server.address, old()).await);
    let server = start(TlsSettings { minimum_version: TlsVersion::Tls13, ..settings(&certificate) }).await;
    assert!(!is_let_in(server.address, old()).await);
    assert!(is_let_in(server.address, certificate.client()).await);
    let only = vec!["TLS_AES_256_GCM_SHA384".to_owned()];
    let server = start(TlsSettings {
        minimum_version: TlsVersion::Tls13,
        cipher_suites: only,
        ..settings(&certificate)
    })
    .await;
    assert!(is_let_in(server.address, certificate.client()).await);
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_dropping_connections() {
    let folder = tempfile::tempdir().unwrap();
    let old = Certificate::write(folder.path());
    let server = start(settings(&old)).await;
    let open = api(server.address, old.client());
    open.get("/v2/").await.assert_status(200);

    std::fs::write(&old.key, "not a key").unwrap();
    server.handle.reload().unwrap_err();
    assert!(is_let_in(server.address, old.client()).await, "what was in force stays so");

    let new = Certificate::write(folder.path());
    server.handle.reload().unwrap();
    assert!(is_let_in(server.address, new.client()).await);
    assert!(!is_let_in(server.address, old.client()).await);
    // It trusts only the old certificate, so this is the connection from before.
    open.get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let old = Certificate::write(folder.path());
    let server = start(settings(&old)).await;
    let new = Certificate::write(folder.path());
    eventually("the new certificate", async || is_let_in(server.address, new.client()).await.then_some(()))
        .await;
}

struct Authority {
    file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn write(path: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(path, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { file: path.to_owned(), issuer: Issuer::new(params, key) }
    }

    fn client(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity::from_pem(format!("{}{}", certificate.pem(), key.serialize_pem()).as_bytes()).unwrap()
    }
}

#[tokio::test]
async fn certificates_of_clients() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let (ours, theirs) =
        (Authority::write(&folder.path().join("ours")), Authority::write(&folder.path().join("theirs")));
    let check = async |client_auth: ClientAuth, wanted: [bool; 3]| {
        let client_cas = vec![ours.file.clone()];
        let server = start(TlsSettings { client_auth, client_cas, ..settings(&certificate) }).await;
        let clients = [
            certificate.client(),
            certificate.client().identity(theirs.client()),
            certificate.client().identity(ours.client()),
        ];
        let mut found = [false; 3];
        for (found, client) in found.iter_mut().zip(clients) {
            *found = is_let_in(server.address, client).await;
        }
        assert_eq!(found, wanted, "{client_auth:?}");
    };
    check(ClientAuth::None, [true, true, true]).await;
    check(ClientAuth::Request, [true, true, true]).await;
    check(ClientAuth::RequireAny, [false, true, true]).await;
    check(ClientAuth::VerifyIfGiven, [true, false, true]).await;
    check(ClientAuth::RequireAndVerify, [false, false, true]).await;
}
