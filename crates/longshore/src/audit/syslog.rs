//! Rows as syslog messages (RFC 5424), counted in octets (RFC 6587, section 3.4.1) over TCP, or over TLS (RFC 5425).
//!
//! Syslog over a stream answers nothing. So after each batch a moment passes in which the receiver may hang up; only if it
//! does not, the batch counts as taken. One that fails in that very moment may get rows twice; their sequence tells.

use std::{fs, io, path::Path, process, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use longshore_metadata::AuditEvent;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::json_line;
use crate::{background::timestamp, config::SyslogConfig};

/// "log audit", RFC 5424 table 1.
const FACILITY: u8 = 13;
/// Informational, and warning for what was refused.
const SEVERITIES: [u8; 2] = [6, 4];
/// How long a receiver has to hang up.
const LINGER: Duration = Duration::from_millis(200);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A receiver of syslog messages.
pub(super) struct Syslog {
    address: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    hostname: String,
    timeout: Duration,
    /// Kept from one batch to the next.
    connection: Mutex<Option<Box<dyn Stream>>>,
}

impl Syslog {
    pub(super) fn new(config: &SyslogConfig, timeout: Duration) -> anyhow::Result<Self> {
        let tls = match config.tls {
            false => None,
            true => {
                let name = ServerName::try_from(config.host.clone())
                    .with_context(|| format!("{} is no name that a certificate could have", config.host))?;
                Some((connector(config.authorities.as_deref())?, name))
            }
        };
        let host = match config.host.contains(':') {
            true => format!("[{}]", config.host),
            false => config.host.clone(),
        };
        Ok(Self {
            address: format!("{host}:{}", config.port),
            tls,
            hostname: hostname(),
            timeout,
            connection: Mutex::default(),
        })
    }

    /// Sends rows, and waits whether the receiver hangs up.
    pub(super) async fn send(&self, rows: &[AuditEvent]) -> Result<(), String> {
        let mut kept = self.connection.lock().await;
        let sent = timeout(self.timeout, self.try_send(kept.take(), rows)).await;
        match sent {
            Ok(Ok(connection)) => {
                *kept = Some(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it takes nothing for too long".to_owned()),
        }
    }

    async fn try_send(
        &self,
        kept: Option<Box<dyn Stream>>,
        rows: &[AuditEvent],
    ) -> io::Result<Box<dyn Stream>> {
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut batch = Vec::new();
        for row in rows {
            let message = message(row, &self.hostname);
            batch.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
        }
        connection.write_all(&batch).await?;
        connection.flush().await?;
        let mut answer = [0; 1024];
        match timeout(LINGER, connection.read(&mut answer)).await {
            // It has not hung up. If it has something to say, nobody knows what that would mean.
            Err(_) => Ok(connection),
            Ok(Ok(count)) if count > 0 => Ok(connection),
            Ok(Ok(_)) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up")),
            Ok(Err(error)) => Err(error),
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }
}

/// Checks the receiver against these authorities, or those of the system.
fn connector(authorities: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path)
                .with_context(|| format!("cannot read {}", path.display()))?
            {
                let certificate = certificate.with_context(|| format!("cannot read {}", path.display()))?;
                roots.add(certificate).with_context(|| format!("cannot use {}", path.display()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        bail!("there is no certificate authority to check the receiver with: name a file in `ca`");
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A message: its head by the letter, and the row as JSON.
fn message(row: &AuditEvent, hostname: &str) -> String {
    let severity = SEVERITIES[usize::from(!row.succeeded)];
    let priority = FACILITY * 8 + severity;
    let (time, pid) = (timestamp(row.at), process::id());
    // MSGID: at most 32 printable characters of ASCII.
    let operation: String = row.operation.chars().filter(char::is_ascii_graphic).take(32).collect();
    let operation = if operation.is_empty() { "-" } else { &operation };
    format!("<{priority}>1 {time} {hostname} longshore {pid} {operation} - {}", json_line(row))
}

/// The name of this machine, or none.
fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}
