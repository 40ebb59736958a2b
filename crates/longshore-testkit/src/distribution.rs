//! Debian's `docker-registry` (distribution 2.8), whose volumes Longshore takes over.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::process::Command;

use crate::{Api, process::Process};

/// The reference registry on a folder, until it is dropped.
#[derive(Debug)]
pub struct Distribution {
    api: Api,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Distribution {
    /// Where Debian installs it.
    pub const PROGRAM: &'static str = "/usr/bin/docker-registry";

    /// Whether it is installed; a test that needs it says so and passes otherwise.
    pub fn is_installed() -> bool {
        Path::new(Self::PROGRAM).exists()
    }

    /// Serves `root` on a free port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn serve(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let configuration: PathBuf = folder.path().join("config.yml");
        let text = json!({
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": root}, "delete": {"enabled": true}},
            "http": {"addr": "127.0.0.1:0"},
        });
        std::fs::write(&configuration, text.to_string()).expect("a new folder can be written");
        let mut command = Command::new(Self::PROGRAM);
        command.arg("serve").arg(&configuration).env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::spawn(command);
        let address = process
            .wait_for("its address", |line| {
                let (_, rest) = line.split_once("listening on ")?;
                rest.split(['"', ' ', ',']).next().map(str::to_owned)
            })
            .await;
        Self { api: Api::new(format!("http://{address}")), _process: process, _folder: folder }
    }
}

impl Deref for Distribution {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
