//! The CNCF registry: 2.8 as Debian packages it, and 3.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    Endpoint, Kind, Launch, Server,
    configuration::{tls_section, write},
    program, version_of,
};
use crate::{cli::Options, tls::Identity};

/// Either version: everybody admitted, files, descriptors cached in memory, no access log.
#[derive(Debug)]
struct Distribution {
    name: &'static str,
    program: PathBuf,
}

/// Debian's `docker-registry`.
pub(super) fn find_docker_registry(options: &Options) -> Option<Box<dyn Kind>> {
    let program = options.docker_registry.clone().or_else(|| program("docker-registry"))?;
    Some(Box::new(Distribution { name: "docker-registry", program }))
}

/// distribution 3.
pub(super) fn find(options: &Options) -> Option<Box<dyn Kind>> {
    let program = options.distribution.clone().or_else(|| program("distribution"))?;
    Some(Box::new(Distribution { name: "distribution", program }))
}

impl Kind for Distribution {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> String {
        version_of(&self.program, "--version")
    }

    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server> {
        let endpoint = Endpoint::local(identity)?;
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\n  cache:\n    blobdescriptor: inmemory\n  delete:\n    enabled: true\nhttp:\n  addr: {}\n  \
             secret: none\n",
            folder.join("data").display(),
            endpoint.address,
        );
        // Version 3 starts from TLS 1.2 by itself, 2.8 from 1.0; the client asks for 1.3 in any case.
        config += &tls_section(identity);
        let mut launch = Launch::serve(&self.program, write(folder, "config.yml", config)?);
        // Version 3 exports traces unless it is told not to.
        launch.environment = vec![("OTEL_TRACES_EXPORTER".to_owned(), "none".to_owned())];
        Server::launch(self.name, endpoint, folder, launch)
    }
}
