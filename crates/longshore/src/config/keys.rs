//! Every key of the configuration: the one table from which the check of a file, the environment overrides, the
//! JSON Schema and the reference are made. Reading a key that is not here fails a test.

use Kind::{
    Anything, Bool, Duration, Headers, Integer, Path, Secret, Section, Sections, Size, Text, Texts, Values,
    Word,
};

/// What a key's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A mapping of further keys of this table.
    Section,
    /// A sequence of such mappings; their keys follow `[].` in the table.
    Sections,
    /// `true` or `false`, also `yes`, `no`, `on`, `off`.
    Bool,
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// A file or folder.
    Path,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number, 0 or more.
    Integer,
    /// Bytes: a whole number, or with a unit: `4MiB`, `10GB`.
    Size,
    /// A time span as Go writes it: `90s`, `1m30s`, `24h`.
    Duration,
    /// A sequence of texts; one text stands for a sequence of one.
    Texts,
    /// A mapping of names to texts.
    Values,
    /// A mapping of HTTP header names to a text or a sequence of texts.
    Headers,
    /// Not looked at.
    Anything,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// It does what it says.
    Served,
    /// distribution needs it, Longshore does not: nothing is lost, so nothing is said.
    Unneeded(&'static str),
    /// It has no effect, which a warning says.
    Ignored(&'static str),
    /// Without it the registry would be another one: refused, with this reason.
    Refused(&'static str),
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Keys from the root, joined by dots; `[]` after one whose value is a sequence of sections.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// What holds when it is not given, in the notation of the file.
    pub(crate) default: Option<&'static str>,
    pub(crate) support: Support,
    /// For the reference: one or two sentences.
    pub(crate) about: &'static str,
}

impl Key {
    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn is(mut self, support: Support) -> Self {
        self.support = support;
        self
    }
}

const fn key(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, default: None, support: Support::Served, about }
}

const fn ignored(path: &'static str, kind: Kind, why: &'static str) -> Key {
    key(path, kind, "").is(Support::Ignored(why))
}

const fn unneeded(path: &'static str, kind: Kind, why: &'static str) -> Key {
    key(path, kind, "").is(Support::Unneeded(why))
}

const fn refused(path: &'static str, kind: Kind, why: &'static str) -> Key {
    key(path, kind, "").is(Support::Refused(why))
}

/// The row of a key.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The names of the keys directly under `path`, which is empty for the root.
pub(crate) fn children(path: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| {
        let rest = match path {
            "" => key.path,
            _ => key.path.strip_prefix(path)?.strip_prefix('.')?,
        };
        (!rest.contains('.')).then_some(rest)
    })
}

const OBJECT_STORAGE: &str = "only storage.filesystem is supported so far";

/// The table, in the order of the reference. A section stands before its keys.
pub(crate) const KEYS: &[Key] = &[
    key("version", Text, "The version of the format. There is one.").or("0.1"),
    // Log.
    key("log", Section, "What is written to standard error."),
    key("log.level", Word(&["error", "warn", "info", "debug", "trace"]), "The least important events that are written.")
        .or("info"),
    key("log.formatter", Word(&["text", "json", "logstash"]), "The form of a line; `logstash` is written as `json`.")
        .or("text"),
    key("log.fields", Values, "Fields added to every line of the log."),
    key("log.accesslog", Section, "The event that each request leaves."),
    key("log.accesslog.disabled", Bool, "Leaves it out.").or("false"),
    ignored("log.hooks", Anything, "Longshore sends no mail about log lines"),
    unneeded("log.reportcaller", Anything, "every line names the part of the program that wrote it"),
    key("loglevel", Word(&["error", "warn", "info", "debug", "trace"]), "The old name of `log.level`."),
    // Storage.
    key("storage", Section, "Where blobs are kept."),
    key("storage.filesystem", Section, "In a folder, in the layout of `registry:2`."),
    key(
        "storage.filesystem.rootdirectory",
        Path,
        "The folder. A volume that `registry:2` filled is served as it is: blobs are not copied, files of \
         `registry:2` are not changed.",
    )
    .or("/var/lib/registry"),
    key(
        "storage.filesystem.durable",
        Bool,
        "Waits until content and index are on disk before a push is acknowledged. Without it a power cut may lose \
         what was acknowledged in the last seconds.",
    )
    .or("true"),
    unneeded("storage.filesystem.maxthreads", Integer, "bounds are set by `limits`"),
    key("storage.delete", Section, "Deletion by clients."),
    key("storage.delete.enabled", Bool, "Whether tags, manifests and blobs may be deleted.").or("false"),
    key("storage.redirect", Section, "Sending clients to where a blob is stored."),
    key("storage.redirect.disable", Bool, "Never redirects. Files are never redirected to.").or("false"),
    key("storage.maintenance", Section, "Upkeep."),
    key("storage.maintenance.uploadpurging", Section, "Unfinished uploads."),
    key("storage.maintenance.uploadpurging.enabled", Bool, "Gives up uploads that stand still, also where `collection` is off.").or("true"),
    key("storage.maintenance.uploadpurging.age", Duration, "How long an upload may stand still.").or("168h"),
    unneeded(
        "storage.maintenance.uploadpurging.interval",
        Duration,
        "they are looked for every `collection.interval`",
    ),
    ignored(
        "storage.maintenance.uploadpurging.dryrun",
        Bool,
        "`longshore gc --dry-run` says what collection would take",
    ),
    key("storage.maintenance.readonly", Section, "Serving without changing anything."),
    key("storage.maintenance.readonly.enabled", Bool, "Refuses every push and delete.").or("false"),
    unneeded("storage.cache", Anything, "the index makes it superfluous"),
    unneeded("storage.tag", Anything, "tags are rows of the index"),
    refused("storage.s3", Anything, OBJECT_STORAGE),
    refused("storage.s3aws", Anything, OBJECT_STORAGE),
    refused("storage.azure", Anything, OBJECT_STORAGE),
    refused("storage.gcs", Anything, OBJECT_STORAGE),
    refused("storage.swift", Anything, OBJECT_STORAGE),
    refused("storage.oss", Anything, OBJECT_STORAGE),
    refused("storage.inmemory", Anything, "only storage.filesystem is supported; point it at a folder in memory"),
    // Index.
    key("metadata", Section, "The index: repositories, tags, links, history and queues."),
    key(
        "metadata.url",
        Secret,
        "`sqlite:///absolute/path` or `postgres://user:password@host/database`. Not given: SQLite in \
         `longshore/index.sqlite3` under the storage folder.",
    ),
    key(
        "metadata.connections",
        Integer,
        "Connections to the database at most. One more listens to other replicas, unless `cache.size` is 0.",
    )
    .or("16"),
    key("cache", Section, "What is kept in memory."),
    key(
        "cache.size",
        Size,
        "Memory for manifests, links of blobs and small blobs that were pulled lately. Beside it SQLite keeps up to 16 MiB \
         of pages for changes and 2 MiB for each reader in use. With several replicas over one PostgreSQL, a change that \
         one acknowledged shows at the others some milliseconds later. `0`: every pull asks the index.",
    )
    .or("64MiB"),
    // Authentication.
    key("auth", Section, "Who may use the registry. Not given: everybody. At most one kind."),
    key("auth.htpasswd", Section, "Names and bcrypt hashes in a file; whoever is in it may do everything."),
    key("auth.htpasswd.realm", Text, "What clients show when they ask for the password.").or("Registry"),
    key(
        "auth.htpasswd.path",
        Path,
        "The file, made with `htpasswd -Bbn USER PASSWORD`. It is read again when it changes.",
    ),
    key("auth.token", Section, "Tokens of an external token service, in distribution's scheme."),
    key("auth.token.realm", Text, "The address where clients get tokens."),
    key("auth.token.service", Text, "The audience that tokens must name."),
    key("auth.token.issuer", Text, "Who must have issued them."),
    key("auth.token.rootcertbundle", Path, "A PEM file of the certificates that tokens are signed under."),
    key("auth.token.jwks", Path, "A JSON file of the keys that tokens are signed with."),
    key(
        "auth.token.signingalgorithms",
        Texts,
        "Signature algorithms accepted, such as `RS256`. Not given: all that use a public key.",
    ),
    key("auth.token.autoredirect", Bool, "Sends clients to `autoredirectpath` on this very host for tokens.")
        .or("false"),
    key("auth.token.autoredirectpath", Text, "The path used by `autoredirect`.").or("/auth/token"),
    unneeded("auth.none", Anything, "everybody is let in where no kind is given"),
    key("auth.silly", Section, "For tests: lets in whoever sends any credentials."),
    key("auth.silly.realm", Text, "The realm of the challenge."),
    key("auth.silly.service", Text, "The service of the challenge."),
    // Accounts.
    key("accounts", Section, "Users, projects, and the record of what they did."),
    key(
        "accounts.enabled",
        Word(&["true", "false", "auto"]),
        "Whether there are users, robots and projects, the management API under `/api/v2.0` and the token service. `auto`: \
         unless `auth` says who may use the registry, which is what holds without a file. The first start makes the user \
         `admin`, whose password it prints on a terminal and keeps in `longshore/admin-password` under the storage folder, and the \
         public project `library`.",
    )
    .or("false"),
    key(
        "accounts.secret_key_file",
        Path,
        "The key with which secrets in the index are sealed: 32 bytes in base64, made at the first start. Replicas must have \
         the same. Not given: `longshore/secret-key` under the storage folder.",
    ),
    key(
        "accounts.project_creation",
        Word(&["everyone", "adminonly"]),
        "Who may make projects: every user, or administrators.",
    )
    .or("everyone"),
    key(
        "accounts.onboarding",
        Bool,
        "Whether somebody whom a source vouches for becomes a user by their first login. Without it an administrator \
         makes users first.",
    )
    .or("true"),
    key("accounts.robot_prefix", Text, "What stands before the names of robots. Names of users cannot begin so.")
        .or("robot$"),
    key("accounts.token", Section, "Tokens that clients get at `/service/token` for their credentials."),
    key("accounts.token.service", Text, "What tokens name as issuer and audience.").or("harbor-registry"),
    key(
        "accounts.token.lifetime",
        Duration,
        "How long a token holds, at least a minute. What was withdrawn from somebody still holds for so long in a token that \
         they have.",
    )
    .or("10m"),
    key(
        "accounts.token.key_rotation",
        Duration,
        "How long a key signs tokens before the next one is made. `longshore admin rotate-keys` does so at once.",
    )
    .or("720h"),
    key("accounts.session", Section, "Logins on the pages."),
    key("accounts.session.lifetime", Duration, "How long somebody stays logged in at most.").or("12h"),
    key("accounts.session.idle", Duration, "How long somebody stays logged in without doing anything.").or("2h"),
    key("accounts.password", Section, "Passwords of local users."),
    key(
        "accounts.password.lifetime",
        Duration,
        "How long a password is good; then its user may change it, and nothing else. Not given: for ever.",
    ),
    key("accounts.lockout", Section, "How wrong passwords slow a user's logins down. Nobody is shut out for good."),
    key("accounts.lockout.free_failures", Integer, "Wrong passwords in a row that cost no delay.").or("4"),
    key("accounts.lockout.first_delay", Duration, "The delay after one more; it doubles with each that follows.").or("1s"),
    key("accounts.lockout.delay_max", Duration, "The longest delay.").or("15m"),
    key("accounts.confirmation", Section, "How long the word of a source counts for access tokens, CLI secrets and sessions of its users."),
    key("accounts.confirmation.every", Duration, "How old a directory's word may be before it is asked again.").or("15m"),
    key("accounts.confirmation.grace", Duration, "How long its last word counts while it does not answer.").or("24h"),
    key("accounts.confirmation.provider", Duration, "How long an OpenID provider's word counts after a login there.").or("720h"),
    key(
        "accounts.sources",
        Sections,
        "Who else vouches for users, in the order in which they are asked; local users come first. Each has one of `ldap` and \
         `oidc`. The names of an `auth.htpasswd` file come last.",
    ),
    key("accounts.sources[].ldap", Section, "A directory."),
    key("accounts.sources[].ldap.name", Text, "What its users are marked with; it must be unique, and stay.").or("ldap"),
    key("accounts.sources[].ldap.urls", Texts, "`ldap://host[:port]` or `ldaps://host[:port]`, asked in this order until one answers."),
    key("accounts.sources[].ldap.start_tls", Bool, "Encrypts connections by `ldap://` before anything is said.").or("false"),
    key("accounts.sources[].ldap.ca_file", Path, "A PEM file of the authorities to trust instead of the system's."),
    key(
        "accounts.sources[].ldap.insecure",
        Bool,
        "Takes any certificate: for a first try only, for passwords go to whoever answers.",
    )
    .or("false"),
    key("accounts.sources[].ldap.bind_dn", Text, "Who searches. Not given: nobody in particular."),
    key("accounts.sources[].ldap.bind_password", Secret, "Their password."),
    key("accounts.sources[].ldap.bind_password_file", Path, "A file that holds it."),
    key("accounts.sources[].ldap.base_dn", Text, "Where users are."),
    key("accounts.sources[].ldap.scope", Word(&["base", "one", "sub"]), "How deep below.").or("sub"),
    key("accounts.sources[].ldap.uid_attribute", Text, "The attribute with the name that users type: `uid`, `sAMAccountName`, `mail`.")
        .or("uid"),
    key("accounts.sources[].ldap.user_filter", Text, "What else an entry must match to be a user, such as `(objectClass=person)`."),
    key("accounts.sources[].ldap.email_attribute", Text, "The attribute with the address.").or("mail"),
    key("accounts.sources[].ldap.real_name_attribute", Text, "The attribute with what people call them.").or("cn"),
    key("accounts.sources[].ldap.groups", Section, "Groups. Not given: users have none."),
    key("accounts.sources[].ldap.groups.base_dn", Text, "Where groups are. Not given: where users are."),
    key("accounts.sources[].ldap.groups.scope", Word(&["base", "one", "sub"]), "How deep below.").or("sub"),
    key("accounts.sources[].ldap.groups.filter", Text, "What an entry must match to be a group, such as `(objectClass=groupOfNames)`."),
    key("accounts.sources[].ldap.groups.name_attribute", Text, "The attribute with the name.").or("cn"),
    key(
        "accounts.sources[].ldap.groups.membership",
        Text,
        "Where it is said who is in which: `memberOf` of users, or `member`, `uniqueMember`, `memberUid` or another attribute \
         of groups.",
    )
    .or("member"),
    key("accounts.sources[].ldap.groups.nested", Bool, "Whether members of a group's groups are its members.").or("false"),
    key("accounts.sources[].ldap.groups.admin_dn", Text, "The group whose members are administrators."),
    key("accounts.sources[].ldap.connect_timeout", Duration, "How long a server may take to accept a connection and encrypt it.")
        .or("5s"),
    key("accounts.sources[].ldap.timeout", Duration, "How long a whole login may take then.").or("10s"),
    key("accounts.sources[].ldap.connections_max", Integer, "Connections at a time.").or("16"),
    key("accounts.sources[].oidc", Section, "An OpenID provider, for logins on the pages."),
    key("accounts.sources[].oidc.name", Text, "What its users are marked with; it must be unique, and stay.").or("oidc"),
    key("accounts.sources[].oidc.issuer", Text, "Its address, exactly as its discovery names it."),
    key("accounts.sources[].oidc.client_id", Text, "What it calls us."),
    key("accounts.sources[].oidc.client_secret", Secret, "What proves that it is us. Not given: PKCE alone protects."),
    key("accounts.sources[].oidc.client_secret_file", Path, "A file that holds it."),
    key("accounts.sources[].oidc.client_authentication", Word(&["basic", "post"]), "How it is proven: in a header, or in the form.")
        .or("basic"),
    key("accounts.sources[].oidc.scopes", Texts, "What is asked for. Not given: `openid`, `profile`, `email`."),
    key("accounts.sources[].oidc.username_claim", Text, "The claim with the name of the user here; `a.b` is `b` within `a`.")
        .or("preferred_username"),
    key("accounts.sources[].oidc.real_name_claim", Text, "The claim with what people call them.").or("name"),
    key("accounts.sources[].oidc.email_claim", Text, "The claim with the address.").or("email"),
    key("accounts.sources[].oidc.groups_claim", Text, "The claim with the names of groups. Not given: users have none."),
    key("accounts.sources[].oidc.group_filter", Texts, "Patterns with `*`: other groups are left out."),
    key("accounts.sources[].oidc.admin_group", Text, "The group whose members are administrators."),
    key("accounts.sources[].oidc.auto_onboard", Bool, "Whether somebody becomes a user by logging in, without choosing a name.")
        .or("false"),
    key("accounts.sources[].oidc.ca_file", Path, "A PEM file of the authorities to trust instead of the system's."),
    key("accounts.sources[].oidc.endpoint_hosts", Texts, "Hosts besides its own at which its endpoints may be."),
    key("accounts.sources[].oidc.timeout", Duration, "How long it may take to answer.").or("10s"),
    key("accounts.sources[].oidc.login_time", Duration, "How long somebody may take to log in.").or("10m"),
    key("accounts.sources[].oidc.keys_pause", Duration, "How often it may be asked for keys because a token has an unknown one.")
        .or("10s"),
    key(
        "accounts.trust",
        Section,
        "Whose tokens stand for robots, without a secret being kept: what they are worth, trust rules say.",
    ),
    key("accounts.trust.issuers", Sections, "Issuers of tokens: GitHub Actions, GitLab, Kubernetes."),
    key("accounts.trust.issuers[].issuer", Text, "Exactly as its tokens name it."),
    key("accounts.trust.issuers[].jwks_file", Path, "A file with its keys, for an issuer that cannot be reached."),
    key("accounts.trust.issuers[].jwks_url", Text, "Where its keys are, for an issuer that has no discovery."),
    key("accounts.trust.issuers[].ca_file", Path, "A PEM file of the authorities to trust instead of the system's."),
    key("accounts.trust.issuers[].endpoint_hosts", Texts, "Hosts besides its own at which its keys may be."),
    key("accounts.trust.issuers[].timeout", Duration, "How long it may take to answer.").or("10s"),
    key("accounts.trust.issuers[].keys_pause", Duration, "How often it may be asked for keys because a token has an unknown one.")
        .or("10s"),
    key("accounts.trust.domains", Sections, "SPIFFE trust domains."),
    key("accounts.trust.domains[].name", Text, "Its name, without `spiffe://`."),
    key("accounts.trust.domains[].bundle_file", Path, "Its bundle, as `spire-server bundle show -format spiffe` writes it."),
    key("accounts.trust.domains[].x509_bundle_file", Path, "Certificates of its authorities, in PEM."),
    key(
        "accounts.certificates",
        Sections,
        "Authorities whose certificates, shown on the connection itself, say who a user or a robot is. `http.tls.clientauth` must \
         ask clients for them. Credentials in a request come before the certificate.",
    ),
    key("accounts.certificates[].ca_file", Path, "Its certificate, or those of several, in PEM. Read again when it changes."),
    key(
        "accounts.certificates[].name_from",
        Word(&["common_name", "email", "dns", "uri"]),
        "Where the name is: in the subject, or a subject alternative name.",
    )
    .or("common_name"),
    key(
        "accounts.certificates[].pattern",
        Text,
        "What the name stands in, with `*` in its place, such as `*@example.org`. Not given: all of it is the name.",
    ),
    key("accounts.certificates[].kind", Word(&["user", "robot"]), "Whose name it is.").or("user"),
    key("accounts.certificates[].source", Text, "Of users of which source: its name, or `local`.").or("local"),
    key(
        "accounts.audit",
        Section,
        "The record: a row for each push, deletion and change, written together with it, chained by hashes so that \
         `longshore audit verify` finds what was changed or removed.",
    ),
    key("accounts.audit.enabled", Bool, "Whether there is one. Not given: where accounts are on."),
    key("accounts.audit.pulls", Bool, "Whether pulls of manifests are rows too.").or("true"),
    key("accounts.audit.retention", Duration, "How long rows are kept, such as `2160h`. Not given: for ever."),
    key(
        "accounts.audit.forward",
        Sections,
        "Who gets copies, from the first start on with which they are named here. What a receiver does not take waits in the index, as \
         long as rows are kept. A row may arrive twice; its `sequence` tells.",
    ),
    key(
        "accounts.audit.forward[].syslog",
        Text,
        "A receiver of RFC 5424 messages with JSON in them: `tcp://host:port`, octets counted, or `tls://host:port`.",
    ),
    key("accounts.audit.forward[].ca", Path, "A PEM file of the authorities that its certificate comes from. Not given: those of the system."),
    key("accounts.audit.forward[].http", Secret, "An address to which lines of JSON are posted."),
    key("accounts.audit.forward[].headers", Headers, "Headers of those requests, for example `Authorization`."),
    key("accounts.audit.forward[].timeout", Duration, "How long a batch may take to be accepted.").or("10s"),
    // HTTP.
    key("http", Section, "The listener."),
    key("http.addr", Text, "Where to listen: `host:port`, `:port` for every address, or the path of a unix socket.")
        .or("127.0.0.1:5000"),
    key("http.net", Word(&["tcp", "unix"]), "The kind of listener.").or("tcp"),
    key("http.prefix", Text, "A path under which everything is served, such as `/registry/`."),
    key("http.host", Text, "The address that clients use, such as `https://registry.example`. Replaces what requests say."),
    key(
        "http.relativeurls",
        Bool,
        "Whether `Location` headers leave scheme and host out. Not given: unless `http.host` is set.",
    ),
    key("http.draintimeout", Duration, "How long requests under way may go on after SIGTERM; 0 means 30 seconds.")
        .or("30s"),
    key("http.headers", Headers, "Headers added to every answer."),
    key(
        "http.trusted_proxies",
        Texts,
        "Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-*` headers are believed, or else `Forwarded`; \
         `unix` stands for whoever connects to a unix socket.",
    ),
    key(
        "http.metrics",
        Bool,
        "Whether this listener serves `/metrics` too. They name routes, never repositories or people, but whoever \
         reaches the registry sees how much everybody does. Not given: unless `http.debug.prometheus` serves them.",
    ),
    unneeded("http.secret", Secret, "unfinished uploads are kept in the index, nothing needs signing"),
    key("http.tls", Section, "Serving HTTPS. Files are read again on SIGHUP and when they change."),
    key("http.tls.certificate", Path, "A PEM file: the certificate and its chain."),
    key("http.tls.key", Path, "A PEM file: the private key."),
    key("http.tls.clientcas", Texts, "PEM files of the authorities that clients' certificates come from."),
    key(
        "http.tls.clientauth",
        Word(&[
            "none",
            "request-client-cert",
            "require-any-client-cert",
            "verify-client-cert-if-given",
            "require-and-verify-client-cert",
        ]),
        "What is asked of clients. Not given: `require-and-verify-client-cert` if `clientcas` is given, else `none`.",
    ),
    key("http.tls.minimumtls", Word(&["tls1.0", "tls1.1", "tls1.2", "tls1.3"]), "The oldest version spoken; never below 1.2.")
        .or("tls1.2"),
    key(
        "http.tls.ciphersuites",
        Texts,
        "Cipher suites by their IANA names, in order of preference. Not given: all, none of them weak.",
    ),
    refused("http.tls.letsencrypt", Anything, "certificates cannot be fetched yet: let certbot or a proxy do it, and give certificate and key"),
    key("http.debug", Section, "A second listener for health and metrics."),
    key("http.debug.addr", Text, "Where to listen; not given: nowhere."),
    key("http.debug.prometheus", Section, "Metrics on that listener."),
    key("http.debug.prometheus.enabled", Bool, "Serves them there.").or("false"),
    key("http.debug.prometheus.path", Text, "Under this path.").or("/metrics"),
    key("http.http2", Section, "HTTP/2."),
    key("http.http2.disabled", Bool, "Speaks HTTP/1.1 only.").or("false"),
    unneeded("http.h2c", Anything, "clients that begin with HTTP/2 are understood without TLS too"),
    // Notifications.
    key("notifications", Section, "Telling other systems what happened."),
    key("notifications.events", Section, "What the events say."),
    key("notifications.events.includereferences", Bool, "A push of a manifest also names what it refers to.").or("false"),
    key("notifications.endpoints", Sections, "Who is told. Events wait in the index until they are delivered."),
    key("notifications.endpoints[].name", Text, "A name for logs; it must be unique."),
    key("notifications.endpoints[].disabled", Bool, "Leaves the endpoint out.").or("false"),
    key("notifications.endpoints[].url", Secret, "Where events are posted."),
    key("notifications.endpoints[].headers", Headers, "Headers of those requests, for example `Authorization`."),
    key("notifications.endpoints[].timeout", Duration, "How long an answer may take.").or("5s"),
    key("notifications.endpoints[].threshold", Integer, "After so many failures in a row the endpoint rests.").or("10"),
    key("notifications.endpoints[].backoff", Duration, "How long it rests then.")
        .or("10s"),
    key("notifications.endpoints[].ignoredmediatypes", Texts, "Events about content of these types are left out."),
    key("notifications.endpoints[].ignore", Section, "What is left out."),
    key("notifications.endpoints[].ignore.mediatypes", Texts, "Events about content of these types."),
    key("notifications.endpoints[].ignore.actions", Texts, "Events of these actions: `push`, `pull`, `mount`, `delete`."),
    // Collection.
    key("collection", Section, "Online collection of what nothing refers to any more. It never stops the registry."),
    key("collection.enabled", Bool, "Runs in the background. `longshore gc` works either way.").or("true"),
    key("collection.delay", Duration, "How long something rests between losing its last user and its review.").or("24h"),
    key(
        "collection.untagged",
        Duration,
        "Manifests without tag, parent or subject go after this time. Not given: they stay until they are deleted, \
         since deployments pin digests.",
    ),
    key("collection.interval", Duration, "The pause between two runs.").or("1m"),
    key("undelete", Section, "Second thoughts."),
    key("undelete.window", Duration, "How long deleted tags and manifests can be restored.").or("168h"),
    // Limits.
    key("limits", Section, "Bounds that keep one client from starving the others."),
    key("limits.manifest_bytes_max", Size, "The largest manifest.").or("4MiB"),
    key("limits.blob_bytes_max", Size, "The largest blob. Not given: no limit."),
    key("limits.uploads_max", Integer, "Unfinished uploads at a time. One caller may have a fifth of them; the robots of a project count as one.").or("10000"),
    key("limits.connections_max", Integer, "Open connections at a time; more wait to be accepted.").or("4096"),
    key("limits.streams_max", Integer, "Requests at a time on one HTTP/2 connection.").or("128"),
    key("limits.header_bytes_max", Size, "The longest request header.").or("64KiB"),
    key("limits.handshake_timeout", Duration, "How long a TLS handshake may take.").or("10s"),
    key("limits.header_timeout", Duration, "How long a request's header may take to arrive, the first one counted from the connection.").or("20s"),
    key("limits.body_timeout", Duration, "How long a body may stand still, in either direction.").or("60s"),
    key("limits.idle_timeout", Duration, "How long a connection may wait for its next request.").or("120s"),
    key(
        "rate_limits",
        Section,
        "How often somebody may come. Who comes too often is answered 429 and told when to come again. System administrators, health \
         and metrics are not counted. Each server counts by itself and in memory: of several behind one address each lets \
         so many through, and a restart begins anew.",
    ),
    key(
        "rate_limits.requests",
        Section,
        "Requests a second, of the distribution API, the token service and the management API together. A pulled image is one \
         for each layer and some more.",
    ),
    key(
        "rate_limits.requests.anonymous",
        Integer,
        "For each address (of IPv6: network of 64 bits) without a login, or with a wrong one. Behind a proxy that is not among \
         `http.trusted_proxies` all are one. Not given: no limit, here as below.",
    ),
    key("rate_limits.requests.user", Integer, "For each user, from wherever they come."),
    key("rate_limits.requests.robot", Integer, "For each robot."),
    key(
        "rate_limits.requests.project",
        Integer,
        "For each project of the top level, with all that lies in it, in the distribution API. A project's own `request_limit` comes \
         before this.",
    ),
    key("rate_limits.requests.burst", Duration, "How much comes in this time may come at once.").or("10s"),
    key(
        "rate_limits.pulls",
        Section,
        "Pulls in a window of time that begins with the first of them, as Docker Hub counts: a `GET` of a manifest that is there. \
         `HEAD`, and what a client has already, count nothing. Answers say what is left.",
    ),
    key("rate_limits.pulls.anonymous", Integer, "For each address, as above."),
    key("rate_limits.pulls.user", Integer, "For each user."),
    key("rate_limits.pulls.robot", Integer, "For each robot."),
    key(
        "rate_limits.pulls.project",
        Integer,
        "For each project of the top level, as above. A project's own `pull_limit` comes before this.",
    ),
    key("rate_limits.pulls.window", Duration, "The window.").or("6h"),
    key("catalog", Section, "Listing of repositories."),
    key("catalog.maxentries", Integer, "Most repositories on a page, also when a client asks for no limit.").or("1000"),
    key("tags", Section, "Listing of tags."),
    key("tags.maxtags", Integer, "Most tags on a page, also when a client asks for no limit.").or("10000"),
    // Traces.
    key("tracing", Section, "Traces for OpenTelemetry."),
    key("tracing.otlp", Section, "Export by OTLP over HTTP, in protobuf form."),
    key("tracing.otlp.endpoint", Text, "The collector's address, such as `http://localhost:4318/v1/traces`. Not given: no traces."),
    key("tracing.otlp.headers", Values, "Headers of those requests, for example `Authorization`."),
    key("tracing.otlp.sampling", Text, "The part of requests that is traced, from `0.0` to `1.0`.").or("1.0"),
    // What distribution knows besides.
    unneeded("health", Anything, "`/readyz` always tries storage and index; `/livez` tells that the process lives"),
    ignored("redis", Anything, "Longshore keeps nothing in Redis"),
    key("proxy", Section, "Mirroring another registry."),
    refused("proxy.remoteurl", Text, "mirroring is not supported yet"),
    unneeded("proxy.username", Secret, "without `proxy.remoteurl` it has no effect"),
    unneeded("proxy.password", Secret, "without `proxy.remoteurl` it has no effect"),
    unneeded("proxy.exec", Anything, "without `proxy.remoteurl` it has no effect"),
    unneeded("proxy.ttl", Anything, "without `proxy.remoteurl` it has no effect"),
    refused("middleware", Anything, "there are no plug-ins to run"),
    key("validation", Section, "What a manifest may say."),
    unneeded("validation.enabled", Anything, "manifests are always validated"),
    ignored("validation.disabled", Anything, "manifests are always validated"),
    key("validation.manifests", Section, "Rules for manifests."),
    key(
        "validation.manifests.sparse",
        Bool,
        "Accepts image manifests that name blobs which are not here. The specification allows both.",
    )
    .or("false"),
    refused("validation.manifests.urls", Anything, "rules for the addresses of foreign layers are not supported yet"),
    unneeded("validation.manifests.indexes", Anything, "an index may name manifests that are not here"),
    ignored("compatibility", Anything, "images of schema 1 are not supported"),
    ignored("reporting", Anything, "errors are reported in the log only"),
    ignored("policy", Anything, "every repository may hold every kind of content"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_once_and_behind_its_section() {
        for (place, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..place].iter().all(|other| other.path != key.path), "{} twice", key.path);
            if let Some((parent, _)) = key.path.rsplit_once('.') {
                let parent = parent.strip_suffix("[]").unwrap_or(parent);
                let row = KEYS[..place].iter().find(|other| other.path == parent);
                let kind = row.unwrap_or_else(|| panic!("{} stands before its section", key.path)).kind;
                assert!(matches!(kind, Section | Sections), "{parent} is no section");
            }
            if key.support == Support::Served {
                assert!(key.about.ends_with('.'), "{} is not explained", key.path);
            }
        }
    }

    #[test]
    fn children_are_direct() {
        assert_eq!(children("log.accesslog").collect::<Vec<_>>(), ["disabled"]);
        assert!(children("").any(|name| name == "version"));
        assert!(children("notifications.endpoints[]").any(|name| name == "ignore"));
        assert!(!children("").any(|name| name.contains('.')));
    }
}
