//! Longshore itself.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;

use super::{
    Abilities, Authorization, Endpoint, Kind, Launch, Server,
    authorization::Tokens,
    configuration::{tls_section, write},
    issuer::TokenIssuer,
    version_of,
};
use crate::{cli::Options, tls::Identity};

/// Longshore, durable, without access log.
#[derive(Debug)]
struct Longshore {
    name: &'static str,
    program: PathBuf,
    /// Its index; `None` for SQLite in its folder.
    metadata_url: Option<String>,
    /// Who is admitted: everybody, or who has a token.
    tokens: bool,
    /// Below this folder workloads may leave what takes long to make.
    kept: Option<PathBuf>,
}

/// The program that was named, or the one beside this one: everybody admitted, the index in SQLite.
pub(super) fn find(options: &Options) -> Option<Box<dyn Kind>> {
    Some(Box::new(with_name("longshore", options)?))
}

/// The same over PostgreSQL, if its address is known.
pub(super) fn find_postgresql(options: &Options) -> Option<Box<dyn Kind>> {
    let metadata_url = Some(options.metadata_url.clone()?);
    Some(Box::new(Longshore { metadata_url, ..with_name("longshore-postgresql", options)? }))
}

/// The same as the first, but it wants tokens; only when it is asked for by name.
pub(super) fn find_token(options: &Options) -> Option<Box<dyn Kind>> {
    let asked = options.servers.iter().any(|name| name == "longshore-token");
    let found = with_name("longshore-token", options).filter(|_| asked)?;
    Some(Box::new(Longshore { tokens: true, ..found }))
}

fn with_name(name: &'static str, options: &Options) -> Option<Longshore> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("longshore"));
    let program = options.longshore.clone().or_else(beside).filter(|path| path.is_file())?;
    let kept = options.filled.as_ref().map(|folder| folder.join(name));
    Some(Longshore { name, program, metadata_url: None, tokens: false, kept })
}

impl Kind for Longshore {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> String {
        version_of(&self.program, "--version")
    }

    fn abilities(&self) -> Abilities {
        Abilities { registry: true, tls: true, process: true, longshore: true }
    }

    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server> {
        let mut endpoint = Endpoint::local(identity)?;
        let mut config = format!(
            "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: {}\n",
            folder.join("data").display(),
            endpoint.address,
        );
        config += &tls_section(identity);
        if let Some(url) = &self.metadata_url {
            config += &format!("metadata:\n  url: {url}\n");
        }
        if self.tokens {
            let issuer = TokenIssuer::write(folder)?;
            config += &issuer.section();
            endpoint.authorization = Some(Authorization::Bearer(Arc::new(Tokens::issued(issuer))));
        }
        let launch = Launch::serve(&self.program, write(folder, "config.yml", config)?);
        Ok(Server::launch(self.name, endpoint, folder, launch)?.keeping(self.kept.clone()))
    }
}
