//! OpenLDAP's slapd, of Debian's package, in a temporary folder.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command as Blocking, Stdio},
};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

use crate::{Certificate, process::Process, wait::eventually};

const SLAPD: &str = "/usr/sbin/slapd";
const MODULES: &str = "/usr/lib/ldap";

/// A directory server of one test, on free ports of the loopback addresses, with its own certificate. It ends, and its
/// folder goes, when this is dropped.
pub struct Slapd {
    // Dropped first: it writes to the folder.
    process: Process,
    port: u16,
    tls_port: u16,
    certificate: Certificate,
    _folder: TempDir,
}

const COMPANY: &str = "
dn: cn=search,dc=example,dc=org
objectClass: person
cn: search
sn: search
userPassword: search-password

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=ann,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ann
cn: Ann Example
sn: Example
mail: ann@example.org
userPassword: ann-password

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Example
userPassword: bob-password
";

/// A server that is being described.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is spawned"]
pub struct SlapdBuilder {
    global: Vec<String>,
    without_tls: bool,
}

impl SlapdBuilder {
    /// Adds a line to the part of slapd.conf(5) that goes for the whole server.
    pub fn global(mut self, line: &str) -> Self {
        self.global.push(line.to_owned());
        self
    }

    /// Leaves encryption out.
    pub fn without_tls(mut self) -> Self {
        self.without_tls = true;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started: `apt install slapd ldap-utils`.
    pub async fn spawn(self) -> Slapd {
        assert!(Path::new(SLAPD).exists(), "no {SLAPD}: apt install slapd ldap-utils");
        let folder =
            tempfile::Builder::new().prefix("longshore-slapd-").tempdir().expect("a temporary folder");
        let certificate = Certificate::write(folder.path());
        std::fs::create_dir(folder.path().join("data")).expect("the folder can be written");
        let file = folder.path().join("slapd.conf");
        std::fs::write(&file, self.configuration(folder.path(), &certificate))
            .expect("the folder can be written");

        let mut command = Command::new(SLAPD);
        if rustix::process::getuid().is_root() {
            let status = Blocking::new("chown").args(["-R", "openldap:"]).arg(folder.path()).status();
            assert!(status.expect("chown runs").success(), "the folder can be given away");
            command.args(["-u", "openldap", "-g", "openldap"]);
        }
        // Somebody may take a port before the server does; then it says so and ends.
        let (port, tls_port) = (free_port(), free_port());
        let plain = format!("ldap://127.0.0.1:{port}/");
        let addresses = match self.without_tls {
            true => plain,
            // The second address is one that the certificate does not name.
            false => format!("{plain} ldaps://127.0.0.1:{tls_port}/ ldaps://127.0.0.2:{tls_port}/"),
        };
        // With a level of messages it stays in the foreground.
        command.args(["-d", "none", "-h", &addresses, "-f"]).arg(&file);
        let mut process = Process::spawn(command);
        eventually("slapd listening", || {
            assert!(process.runs(), "slapd ended:\n{}", process.output().join("\n"));
            async move { TcpStream::connect(("127.0.0.1", port)).await.ok() }
        })
        .await;
        let slapd = Slapd { process, port, tls_port, certificate, _folder: folder };
        slapd
            .add(&format!(
                "dn: {}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n",
                Slapd::SUFFIX
            ))
            .await;
        slapd
    }

    fn configuration(&self, folder: &Path, certificate: &Certificate) -> String {
        let folder = folder.display();
        let schemas: String = ["core", "cosine", "nis", "inetorgperson"]
            .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
            .concat();
        let tls = match self.without_tls {
            true => String::new(),
            false => format!(
                "TLSCertificateFile {}\nTLSCertificateKeyFile {}\n",
                certificate.certificate.display(),
                certificate.key.display()
            ),
        };
        format!(
            "{schemas}\
             modulepath {MODULES}\n\
             moduleload back_mdb\n\
             moduleload memberof\n\
             pidfile {folder}/slapd.pid\n\
             argsfile {folder}/slapd.args\n\
             {tls}{global}\n\
             database mdb\n\
             suffix \"{suffix}\"\n\
             rootdn \"{admin}\"\n\
             rootpw {password}\n\
             directory {folder}/data\n\
             maxsize 67108864\n\
             dbnosync\n\
             index objectClass,uid,member eq\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{searcher}\" read by users none by anonymous auth\n\
             overlay memberof\n\
             memberof-dangling ignore\n",
            global = self.global.join("\n"),
            suffix = Slapd::SUFFIX,
            admin = Slapd::ADMIN_DN,
            password = Slapd::ADMIN_PASSWORD,
            searcher = Slapd::SEARCHER_DN,
        )
    }
}

impl Slapd {
    /// Everything is below it.
    pub const SUFFIX: &'static str = "dc=example,dc=org";
    /// May do everything.
    pub const ADMIN_DN: &'static str = "cn=admin,dc=example,dc=org";
    /// Their password.
    pub const ADMIN_PASSWORD: &'static str = "directory-admin";
    /// May read everything but passwords, once [`Slapd::add`] has made an entry of that name. Users themselves may read
    /// nothing.
    pub const SEARCHER_DN: &'static str = "cn=search,dc=example,dc=org";

    /// A server with the suffix and nothing else.
    pub fn builder() -> SlapdBuilder {
        SlapdBuilder::default()
    }

    /// `ldap://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// `ldaps://127.0.0.1:PORT`.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// `ldaps://` with an address that the certificate does not name.
    pub fn misnamed_url(&self) -> String {
        format!("ldaps://127.0.0.2:{}", self.tls_port)
    }

    /// What it shows on encrypted connections.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Adds entries.
    ///
    /// # Panics
    /// When the server refuses one.
    pub async fn add(&self, ldif: &str) {
        self.tool("ldapadd", ldif).await;
    }

    /// Adds a small company: the account that searches, `ou=people` with Ann and Bob, and an empty `ou=groups`. Passwords
    /// are `NAME-password`.
    ///
    /// # Panics
    /// When one of them is there.
    pub async fn add_company(&self) {
        self.add(COMPANY).await;
    }

    /// Changes entries, as ldapmodify(1) reads it.
    ///
    /// # Panics
    /// When the server refuses one.
    pub async fn modify(&self, ldif: &str) {
        self.tool("ldapmodify", ldif).await;
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.process.signal(rustix::process::Signal::KILL);
        self.process.ended().await;
    }

    async fn tool(&self, program: &str, ldif: &str) {
        let mut command = Command::new(program);
        // -M: referrals are entries like others.
        command.args(["-x", "-M", "-H", &self.url(), "-D", Self::ADMIN_DN, "-w", Self::ADMIN_PASSWORD]);
        // Not what the machine's own ldap.conf says.
        command.env("LDAPNOINIT", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("no {program} (apt install ldap-utils): {error}"));
        let mut input = child.stdin.take().expect("stdin is piped");
        input.write_all(ldif.as_bytes()).await.expect("the program reads");
        drop(input);
        let output = child.wait_with_output().await.expect("the program ends");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
