use std::path::Path;

use longshore_metadata::{MetadataSettings, NewAuditEvent};
use longshore_testkit::{Certificate, Sink, eventually};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

use super::*;
use crate::config::Sources;

fn config(forward: &Value) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    let config = json!({ "accounts": { "audit": { "enabled": true, "forward": forward } } });
    std::fs::write(&path, config.to_string()).unwrap();
    Sources { file: Some(&path), ..Sources::default() }.load().unwrap().config
}

async fn index(path: &Path) -> Metadata {
    let url = format!("sqlite://{}", path.join("index.sqlite3").display());
    Metadata::open(&MetadataSettings { url, connections_max: 4, durable: false }).await.unwrap()
}

async fn record(metadata: &Metadata, resources: impl IntoIterator<Item = String>) {
    let mut tx = metadata.write().await.unwrap();
    for resource in resources {
        let event = NewAuditEvent {
            at: now(),
            operation: "create_artifact",
            resource_type: "artifact",
            resource: &resource,
            project: None,
            actor: "ann",
            address: "192.0.2.1",
            request_id: "r",
            succeeded: !resource.starts_with("refused"),
            detail: "",
        };
        tx.record_audit(&event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The work beside a server, until it is stopped.
struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    fn start(config: &Config, metadata: &Metadata) -> Self {
        // Another test may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        start(config, metadata, &mut tasks, &stopping).unwrap();
        Self { stop, tasks }
    }

    async fn end(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What was posted, row by row.
fn posted(sink: &Sink) -> Vec<Value> {
    let lines =
        |body: &str| body.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    sink.posted().iter().flat_map(|posted| lines(&posted.body)).collect()
}

fn resources(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["resource"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rows_wait_for_their_receiver_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    record(&metadata, ["before".to_owned()]).await;
    seal_all(&metadata).await.unwrap();
    let sink = Sink::start(503).await;
    let config = config(&json!([{ "http": sink.url(), "headers": { "Authorization": "Splunk hush" } }]));
    let running = Running::start(&config, &metadata);
    eventually("the target to be known", || async {
        let name = format!("http {}", longshore_types::Digest::sha256(sink.url().as_bytes()).hex());
        metadata.read().await.unwrap().audit_target(&name).await.unwrap()
    })
    .await;
    record(&metadata, (1..=3).map(|number| number.to_string())).await;
    eventually("a first attempt", || async { (!sink.posted().is_empty()).then_some(()) }).await;
    running.end().await;
    metadata.close().await;

    // Another process, another connection to the same index, and a receiver that is well again.
    let metadata = index(folder.path()).await;
    record(&metadata, ["4".to_owned()]).await;
    let refused = posted(&sink).len();
    sink.answer(200);
    let running = Running::start(&config, &metadata);
    let rows = eventually("all rows", || async {
        let rows = posted(&sink).split_off(refused);
        (rows.len() >= 4).then_some(rows)
    })
    .await;
    running.end().await;
    assert_eq!(resources(&rows), ["1", "2", "3", "4"], "what was there before the target is not sent");
    let sequences: Vec<_> = rows.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, [2, 3, 4, 5]);
    let head = metadata.read().await.unwrap().audit_head().await.unwrap();
    assert_eq!(rows[3]["hash"], head.hash.hex());
    assert_eq!(
        (&rows[0]["actor"], &rows[0]["succeeded"], &rows[0]["detail"]),
        (&json!("ann"), &json!(true), &Value::Null)
    );
    let head = sink.posted().pop().unwrap().head.to_lowercase();
    assert!(head.contains("authorization: splunk hush") && head.contains("application/x-ndjson"), "{head}");
}

#[tokio::test]
async fn a_receiver_that_finds_it_too_large_gets_less() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    let sink = Sink::start(413).await;
    let config = config(&json!([{ "http": sink.url() }]));
    let running = Running::start(&config, &metadata);
    eventually("the target to be known", || async {
        let mut tx = metadata.write().await.unwrap();
        let name = format!("http {}", longshore_types::Digest::sha256(sink.url().as_bytes()).hex());
        // As the first look of the target itself does, whichever comes first.
        tx.ensure_audit_target(&name).await.unwrap();
        tx.commit().await.ok()
    })
    .await;
    record(&metadata, (0..8).map(|number| number.to_string())).await;
    eventually("a smaller batch", || async {
        sink.posted().iter().any(|posted| (1..=4).contains(&posted.body.lines().count())).then_some(())
    })
    .await;
    let refused = posted(&sink).len();
    sink.answer(200);
    eventually("all rows", || async {
        let taken = posted(&sink).split_off(refused);
        resources(&taken).contains(&"7").then_some(())
    })
    .await;
    running.end().await;
}

/// A receiver of syslog: each message whole, as it comes.
struct SyslogReceiver {
    address: String,
    messages: mpsc::UnboundedReceiver<String>,
}

impl SyslogReceiver {
    /// Hangs up without a word so many times, after it took the first bytes of a batch.
    async fn start(mut hang_ups: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if hang_ups > 0 {
                    hang_ups -= 1;
                    stream.read_u8().await.unwrap();
                    continue;
                }
                tokio::spawn(receive(stream, sender.clone()));
            }
        });
        Self { address, messages }
    }

    async fn next(&mut self) -> (String, Value) {
        let message = longshore_testkit::within("a message", self.messages.recv()).await.unwrap();
        let (head, json) = message.split_at(message.find('{').unwrap());
        (head.to_owned(), serde_json::from_str(json).unwrap())
    }
}

/// Reads messages whose octets are counted.
async fn receive(mut stream: impl tokio::io::AsyncRead + Unpin, sender: mpsc::UnboundedSender<String>) {
    loop {
        let mut count = String::new();
        loop {
            match stream.read_u8().await {
                Ok(b' ') => break,
                Ok(digit) => count.push(char::from(digit)),
                Err(_) => return,
            }
        }
        let mut message = vec![0; count.parse().unwrap()];
        stream.read_exact(&mut message).await.unwrap();
        sender.send(String::from_utf8(message).unwrap()).unwrap();
    }
}

async fn known(metadata: &Metadata, name: &str) {
    eventually("the target to be known", || async {
        metadata.read().await.unwrap().audit_target(name).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn syslog_gets_each_row_as_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    let mut receiver = SyslogReceiver::start(2).await;
    let url = format!("tcp://{}", receiver.address);
    let config = config(&json!([{ "syslog": url }]));
    let mut tx = metadata.write().await.unwrap();
    tx.ensure_audit_target(&format!("syslog {url}")).await.unwrap();
    tx.commit().await.unwrap();
    record(&metadata, ["grün\n".to_owned(), "refused".to_owned()]).await;
    let running = Running::start(&config, &metadata);
    let (head, row) = receiver.next().await;
    let mut words = head.split(' ');
    assert_eq!(words.next(), Some("<110>1"));
    let time = words.next().unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
    assert!(words.next().is_some_and(|host| !host.is_empty()));
    let rest: Vec<_> = words.collect();
    assert_eq!(rest, ["longshore", &std::process::id().to_string(), "create_artifact", "-", ""]);
    assert_eq!(
        (&row["resource"], &row["sequence"], &row["time"]),
        (&json!("grün\n"), &json!(1), &json!(time))
    );
    let (head, row) = receiver.next().await;
    assert!(head.starts_with("<108>1 "), "{head}");
    assert_eq!((&row["resource"], &row["succeeded"]), (&json!("refused"), &json!(false)));
    // More comes over the same connection.
    record(&metadata, ["more".to_owned()]).await;
    assert_eq!(receiver.next().await.1["resource"], "more");
    known(&metadata, &format!("syslog {url}")).await;
    running.end().await;
}

#[tokio::test]
async fn syslog_over_tls_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    let certificate = Certificate::write(folder.path());
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (chain, key) = (
        rustls::pki_types::pem::PemObject::from_pem_file(&certificate.certificate).unwrap(),
        rustls::pki_types::pem::PemObject::from_pem_file(&certificate.key).unwrap(),
    );
    let server =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, messages) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                // Whoever does not trust the certificate goes away here.
                if let Ok(stream) = acceptor.accept(stream).await {
                    receive(stream, sender).await;
                }
            });
        }
    });
    let mut receiver = SyslogReceiver { address: String::new(), messages };
    let url = format!("tls://localhost:{port}");
    let mut tx = metadata.write().await.unwrap();
    tx.ensure_audit_target(&format!("syslog {url}")).await.unwrap();
    tx.commit().await.unwrap();
    record(&metadata, ["one".to_owned()]).await;
    seal_all(&metadata).await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let stranger = Certificate::write(other.path());
    let untrusting = config(&json!([{ "syslog": url, "ca": stranger.certificate }]));
    let target = Target::new(&untrusting.audit.forward[0], metadata.clone()).unwrap();
    assert!(target.send_batch().await.is_err(), "a certificate that nobody trusts");
    let trusting = config(&json!([{ "syslog": url, "ca": certificate.certificate }]));
    let running = Running::start(&trusting, &metadata);
    assert_eq!(receiver.next().await.1["resource"], "one");
    running.end().await;
}

#[tokio::test]
async fn several_processes_send_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (index(folder.path()).await, index(folder.path()).await);
    let sink = Sink::start(200).await;
    let config = config(&json!([{ "http": sink.url() }]));
    let mut tx = one.write().await.unwrap();
    let name = format!("http {}", longshore_types::Digest::sha256(sink.url().as_bytes()).hex());
    tx.ensure_audit_target(&name).await.unwrap();
    tx.commit().await.unwrap();
    let (first, second) = (Running::start(&config, &one), Running::start(&config, &two));
    for round in 0..20 {
        record(if round % 2 == 0 { &one } else { &two }, [round.to_string()]).await;
    }
    eventually("all rows", || async { (posted(&sink).len() >= 20).then_some(()) }).await;
    first.end().await;
    second.end().await;
    let rows = posted(&sink);
    let sequences: Vec<_> = rows.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=20).collect::<Vec<u64>>());
}

#[tokio::test]
async fn retention_takes_what_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    record(&metadata, (0..1200).map(|number| number.to_string())).await;
    seal_all(&metadata).await.unwrap();
    assert_eq!(purge_all(&metadata, Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(purge_all(&metadata, Duration::ZERO).await.unwrap(), 1200);
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.purged.sequence, report.damage), (0, 1200, None));
}

/// A receiver that takes the bytes and hangs up has not taken them.
#[tokio::test]
async fn what_a_receiver_dropped_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = index(folder.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let config = config(&json!([{ "syslog": url }]));
    let target = Target::new(&config.audit.forward[0], metadata.clone()).unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.ensure_audit_target(&format!("syslog {url}")).await.unwrap();
    tx.commit().await.unwrap();
    record(&metadata, ["one".to_owned()]).await;
    seal_all(&metadata).await.unwrap();
    let swallow = async {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let (sent, ()) = tokio::join!(target.send_batch(), swallow);
    assert!(sent.is_err(), "it hung up");
    let keep = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        (stream, String::from_utf8_lossy(&buffer[..count]).into_owned())
    };
    let (sent, (_stream, text)) = tokio::join!(target.send_batch(), keep);
    assert!(sent.is_ok_and(|sent| sent == 1));
    assert!(text.contains("\"resource\":\"one\""), "{text}");
}
