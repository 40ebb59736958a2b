//! nginx, which serves the same bytes as files: what a machine gives without being a registry.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Abilities, Endpoint, Kind, Launch, Server, configuration::write, program, version_of};
use crate::{cli::Options, tls::Identity};

#[derive(Debug)]
struct Nginx {
    program: PathBuf,
}

/// The program that was named, or the one of `PATH`.
pub(super) fn find(options: &Options) -> Option<Box<dyn Kind>> {
    let program = options.nginx.clone().or_else(|| program("nginx"))?;
    Some(Box::new(Nginx { program }))
}

impl Kind for Nginx {
    fn name(&self) -> &str {
        "nginx"
    }

    fn version(&self) -> String {
        version_of(&self.program, "-v").replace("nginx version: ", "")
    }

    fn abilities(&self) -> Abilities {
        Abilities { registry: false, tls: true, process: true, longshore: false }
    }

    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server> {
        let endpoint = Endpoint::local(identity)?;
        let root = folder.join("data");
        fs::create_dir_all(&root)?;
        let path = write(folder, "nginx.conf", config(folder, &root, &endpoint, identity))?;
        let arguments = ["-p".into(), folder.into(), "-c".into(), path.into()];
        let launch =
            Launch { program: self.program.clone(), arguments: arguments.into(), environment: Vec::new() };
        Ok(Server::launch(self.name(), endpoint, folder, launch)?.serving_files(root))
    }
}

fn config(folder: &Path, root: &Path, endpoint: &Endpoint, identity: Option<&Identity>) -> String {
    let (listen, tls) = match identity {
        None => (String::new(), String::new()),
        Some(identity) => (
            " ssl http2".to_owned(),
            format!(
                "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
                identity.certificate.display(),
                identity.key.display()
            ),
        ),
    };
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        "daemon off; {user} worker_processes auto; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 1h; server_tokens off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  default_type application/octet-stream;
  server {{
    listen {address}{listen};
    {tls}
    root {root};
    location = /v2/ {{ return 200; }}
    location ~ /manifests/ {{ default_type application/vnd.oci.image.manifest.v1+json; }}
  }}
}}
",
        folder = folder.display(),
        root = root.display(),
        address = endpoint.address,
    )
}
