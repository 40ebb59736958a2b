//! The configuration: distribution's `config.yml` with more sections. Read from a file, overridden by the environment
//! and the command line, checked against the table in `keys`, then turned into typed values, a file per concern.

mod accounts;
mod audit;
mod auth;
mod background;
mod check;
mod environment;
mod http;
mod keys;
mod log;
mod notifications;
mod rate_limits;
mod reference;
mod section;
mod show;
mod sources;
mod storage;
mod tracing;
mod tree;
mod values;

use std::{cell::RefCell, fmt, fs, path::Path};

use longshore_auth::RateLimitSettings;

pub(crate) use self::{
    accounts::AccountsConfig,
    audit::{AuditConfig, ForwardConfig, ForwardTo, HttpForwardConfig, SyslogConfig},
    auth::AuthConfig,
    background::{CollectionConfig, LimitsConfig},
    http::{HttpConfig, TlsConfig},
    log::{LogConfig, LogFormat},
    notifications::{EndpointConfig, NotificationsConfig},
    reference::{json_schema, markdown},
    sources::SourceConfig,
    storage::{MetadataConfig, StorageConfig},
    tracing::TracingConfig,
    values::{Secret, duration},
};
use self::{
    section::Section,
    tree::{Node, Origin},
};

/// What holds without a file: a registry for one's own machine.
const WITHOUT_FILE: &str = "\
version: 0.1
storage:
  filesystem:
    rootdirectory: ./longshore-data
  delete:
    enabled: true
http:
  addr: 127.0.0.1:5000
accounts:
  enabled: auto
";

/// Everything an operator may set.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) log: LogConfig,
    pub(crate) storage: StorageConfig,
    pub(crate) metadata: MetadataConfig,
    pub(crate) auth: AuthConfig,
    /// `None`: there are no accounts.
    pub(crate) accounts: Option<AccountsConfig>,
    pub(crate) audit: AuditConfig,
    pub(crate) http: HttpConfig,
    pub(crate) notifications: NotificationsConfig,
    pub(crate) collection: CollectionConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) rate_limits: RateLimitSettings,
    pub(crate) tracing: TracingConfig,
}

/// A configuration that was read, and what should be said about it.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<String>,
    /// What was read, before defaults.
    root: Node,
}

impl fmt::Debug for Loaded {
    /// Without the tree, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Where a configuration comes from.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    /// The file, or the built-in settings.
    pub(crate) file: Option<&'a Path>,
    /// The environment.
    pub(crate) variables: Vec<(String, String)>,
    /// `--data`.
    pub(crate) data: Option<&'a str>,
    /// `--listen`.
    pub(crate) listen: Option<&'a str>,
}

/// Something wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError(String);

/// Everything wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ConfigErrors {
    what: String,
    errors: Vec<ConfigError>,
}

impl ConfigError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    fn at_line(line: usize, message: impl fmt::Display) -> Self {
        Self(format!("line {line}: {message}"))
    }

    fn of(node: &Node, path: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        if path.is_empty() {
            Self(format!("{}: {message}", node.origin))
        } else {
            Self(format!("{}: {path}: {message}", node.origin))
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used", self.what)?;
        self.errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl Sources<'_> {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is wrong, as sentences for the operator.
    pub(crate) fn load(self) -> Result<Loaded, ConfigErrors> {
        let what = match self.file {
            Some(path) => path.display().to_string(),
            None => "the configuration".to_owned(),
        };
        let text = match self.file {
            Some(path) => read(path)
                .map_err(|message| ConfigErrors { what: what.clone(), errors: vec![ConfigError(message)] })?,
            None => WITHOUT_FILE.to_owned(),
        };
        self.load_text(&text).map_err(|errors| ConfigErrors { what, errors })
    }

    fn load_text(self, text: &str) -> Result<Loaded, Vec<ConfigError>> {
        let mut root = Node::parse(text, None).map_err(|error| vec![error])?;
        let read_file = |path: &str| read(Path::new(path));
        let mut warnings = environment::apply(&mut root, self.variables, &read_file)?;
        for (argument, path, value) in [
            ("--data", "storage.filesystem.rootdirectory", self.data),
            ("--listen", "http.addr", self.listen),
        ] {
            if let Some(value) = value {
                let origin = Origin::Argument(argument);
                let place = path.split('.').fold(&mut root, |node, key| node.child_mut(key, &origin));
                *place = Node::text(value, origin);
            }
        }
        for section in ["storage", "auth"] {
            expand_shorthand(&mut root, section);
        }
        warnings.extend(check::check(&root)?);
        let config = Config::from_tree(&root)?;
        Ok(Loaded { config, warnings, root })
    }
}

/// `storage: filesystem` is short for `storage: {filesystem: }`.
fn expand_shorthand(root: &mut Node, section: &str) {
    if let Some(tree::Value::Text(name)) = root.child(section).map(|node| node.value.clone()) {
        let origin = root.origin.clone();
        root.child_mut(section, &origin).child_mut(&name, &origin);
    }
}

fn read(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_file() && metadata.len() > tree::BYTES_MAX as u64 {
        return Err(format!("larger than {} bytes", tree::BYTES_MAX));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

impl Config {
    fn from_tree(root: &Node) -> Result<Self, Vec<ConfigError>> {
        let errors = RefCell::default();
        let section = Section::root(root, &errors);
        if section.text("version").is_some_and(|version| version.trim_start_matches('v') != "0.1") {
            section.refuse("version", "the only version is 0.1");
        }
        let config = Self {
            log: LogConfig::read(&section),
            storage: StorageConfig::read(&section),
            metadata: MetadataConfig::read(&section),
            auth: AuthConfig::read(&section.section("auth")),
            accounts: AccountsConfig::read(&section),
            audit: AuditConfig::read(&section.section("accounts.audit")),
            http: HttpConfig::read(&section.section("http")),
            notifications: NotificationsConfig::read(&section.section("notifications")),
            collection: CollectionConfig::read(&section),
            limits: LimitsConfig::read(&section),
            rate_limits: rate_limits::read(&section),
            tracing: TracingConfig::read(&section.section("tracing")),
        };
        let errors = errors.into_inner();
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }
}

impl Loaded {
    /// What was read, as YAML, without secrets.
    pub(crate) fn show(&self) -> String {
        show::yaml(&self.root)
    }
}

#[cfg(test)]
mod tests;
