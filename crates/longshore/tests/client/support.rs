//! The binary as people run it: with a home folder of its own.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use longshore_testkit::{Finished, within};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// A person with a home folder.
pub(crate) struct Person {
    home: TempDir,
    path: OsString,
}

impl Person {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), path: std::env::var_os("PATH").unwrap_or_default() }
    }

    /// The same, with the programs of a folder.
    pub(crate) fn with_path(mut self, folder: &Path) -> Self {
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(&self.path);
        self.path = path;
        self
    }

    /// docker's file of credentials, which need not be there.
    pub(crate) fn docker_file(&self) -> PathBuf {
        self.home.path().join(".docker/config.json")
    }

    /// Runs a command whose words are separated by blanks.
    pub(crate) async fn run(&self, line: &str) -> Finished {
        self.run_with(line, "").await
    }

    /// The same, with something on standard input.
    pub(crate) async fn run_with(&self, line: &str, input: &str) -> Finished {
        let mut child = Command::new(env!("CARGO_BIN_EXE_longshore"))
            .args(line.split(' '))
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = within(line, child.wait_with_output()).await.unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must end well; gives what it wrote.
    pub(crate) async fn must(&self, line: &str) -> String {
        self.run(line).await.assert_success()
    }
}

/// Runs a program of the system in a folder; it must end well.
pub(crate) async fn tool(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = within(program, command.output()).await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
