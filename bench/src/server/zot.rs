//! zot.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use super::{Endpoint, Kind, Launch, Server, configuration::write, program, version_of};
use crate::{cli::Options, tls::Identity};

/// zot: everybody admitted, blobs synced (`commit`), without collection and deduplication, as its own benchmark has it.
#[derive(Debug)]
struct Zot {
    program: PathBuf,
}

/// The program that was named, or the one of `PATH`.
pub(super) fn find(options: &Options) -> Option<Box<dyn Kind>> {
    let program = options.zot.clone().or_else(|| program("zot"))?;
    Some(Box::new(Zot { program }))
}

impl Kind for Zot {
    fn name(&self) -> &str {
        "zot"
    }

    fn version(&self) -> String {
        version_of(&self.program, "--version")
    }

    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server> {
        let endpoint = Endpoint::local(identity)?;
        let mut http = json!({
            "address": endpoint.host,
            "port": endpoint.address.port().to_string(),
            "readTimeout": "10m",
            "writeTimeout": "10m",
        });
        if let Some(identity) = identity {
            http["tls"] = json!({ "cert": identity.certificate, "key": identity.key });
        }
        let config = json!({
            "distSpecVersion": "1.1.1",
            "storage": {
                "rootDirectory": folder.join("data"),
                "commit": true,
                "dedupe": false,
                "gc": false,
            },
            "http": http,
            "log": { "level": "error" },
        });
        let path = write(folder, "config.json", serde_json::to_vec_pretty(&config)?)?;
        let launch = Launch::serve(&self.program, path);
        Server::launch(self.name(), endpoint, folder, launch)
    }
}
