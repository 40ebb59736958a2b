//! Longshore itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{Abilities, Endpoint, Kind, Launch, Server, version_of};
use crate::{cli::Options, tls::Identity};

/// Longshore, durable, everybody admitted, without access log.
#[derive(Debug)]
struct Longshore {
    program: PathBuf,
    metadata_url: Option<String>,
}

/// The program that was named, or the one beside this one.
pub(super) fn find(options: &Options) -> Option<Box<dyn Kind>> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("longshore"));
    let program = options.longshore.clone().or_else(beside).filter(|path| path.is_file())?;
    Some(Box::new(Longshore { program, metadata_url: options.metadata_url.clone() }))
}

impl Kind for Longshore {
    fn name(&self) -> &str {
        "longshore"
    }

    fn version(&self) -> String {
        version_of(&self.program, "--version")
    }

    fn abilities(&self) -> Abilities {
        Abilities { registry: true, tls: true, process: true, longshore: true }
    }

    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server> {
        let endpoint = Endpoint::local(identity)?;
        let mut config = format!(
            "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: {}\n",
            folder.join("data").display(),
            endpoint.address,
        );
        if let Some(identity) = identity {
            config += &format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                identity.certificate.display(),
                identity.key.display()
            );
        }
        if let Some(url) = &self.metadata_url {
            config += &format!("metadata:\n  url: {url}\n");
        }
        let path = folder.join("config.yml");
        fs::write(&path, config).with_context(|| format!("could not write {}", path.display()))?;
        let launch = Launch {
            program: self.program.clone(),
            arguments: vec!["serve".into(), path.into()],
            environment: Vec::new(),
        };
        Server::launch(self.name(), endpoint, folder, launch)
    }
}
