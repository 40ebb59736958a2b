//! A real OpenID provider: npm's `oidc-provider`, as `tests/oidc-provider` pins it and `scripts/oidc-provider` installs it.

use std::{collections::BTreeMap, path::PathBuf};

use reqwest::{Client, Method, header};
use serde_json::Value;
use tokio::process::Command;

use crate::process::Process;

/// A provider on a free port of 127.0.0.1. It ends when this is dropped.
pub struct OidcProvider {
    process: Process,
    port: u16,
    settings: Value,
}

/// What a user does at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtProvider<'a> {
    /// Logs in with that name and agrees to everything.
    Agrees(&'a str),
    /// Goes away from the form.
    Aborts,
}

impl OidcProvider {
    /// Starts it with what `tests/oidc-provider/provider.mjs` reads: `accounts`, `clients`, `claimsInIdToken`.
    ///
    /// # Panics
    /// When it is not installed: run `scripts/oidc-provider`.
    pub async fn start(settings: Value) -> Self {
        let (process, port) = run(&settings).await;
        Self { process, port, settings }
    }

    /// Whether it is installed: it takes a newer Node than some systems have.
    pub fn is_installed() -> bool {
        folder().join("node_modules/oidc-provider").exists()
    }

    /// What its tokens name as issuer.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it anew at the same address, with new keys and an empty memory.
    pub async fn restart(&mut self) {
        self.process.signal(rustix::process::Signal::KILL);
        self.process.ended().await;
        let mut settings = self.settings.clone();
        settings["port"] = self.port.into();
        (self.process, self.port) = run(&settings).await;
    }

    /// Plays the browser of somebody who was sent to `url`. Returns the address that the provider sends it back to.
    ///
    /// # Panics
    /// When the provider shows something else than its forms.
    pub async fn visit(&self, url: &str, user: AtProvider<'_>) -> String {
        let mut browser = Browser { client: plain_client(), cookies: BTreeMap::new() };
        let (mut method, mut address, mut form) = (Method::GET, url.to_owned(), Vec::new());
        for _ in 0..12 {
            if !address.starts_with(&self.issuer()) {
                return address;
            }
            let (location, page) = browser.go(method, &address, &form).await;
            (method, form) = (Method::GET, Vec::new());
            if let Some(location) = location {
                address =
                    if location.starts_with('/') { format!("{}{location}", self.issuer()) } else { location };
                continue;
            }
            // A page with a form: whether somebody logs in, or agrees.
            assert!(page.contains("<form"), "at {address} the provider says: {page}");
            match user {
                AtProvider::Aborts => address.push_str("/abort"),
                AtProvider::Agrees(name) => {
                    method = Method::POST;
                    form = match page.contains("value=\"login\"") {
                        true => vec![("prompt", "login"), ("login", name), ("password", "any")],
                        false => vec![("prompt", "consent")],
                    };
                }
            }
        }
        panic!("the provider leads nowhere: {address}");
    }
}

/// Keeps cookies by their names, as far as one visit needs it.
struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Asks for a page. Returns where it leads, and its text.
    async fn go(&mut self, method: Method, url: &str, form: &[(&str, &str)]) -> (Option<String>, String) {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method.clone(), url).header(header::COOKIE, cookies.join("; "));
        if method == Method::POST {
            request = request.form(form);
        }
        let response = request.send().await.expect("the provider answers");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("cookies are text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|location| location.to_str().expect("an address").to_owned());
        (location, response.text().await.expect("a page"))
    }
}

/// Node closes connections that were idle for five seconds, which a busy machine reaches between two requests.
fn plain_client() -> Client {
    crate::client_builder().pool_max_idle_per_host(0).build().expect("a client can be made")
}

async fn run(settings: &Value) -> (Process, u16) {
    let folder = folder();
    assert!(OidcProvider::is_installed(), "no {}: run scripts/oidc-provider", folder.display());
    let mut command = Command::new("node");
    command.arg("provider.mjs").arg(settings.to_string()).current_dir(folder);
    let mut process = Process::spawn_attached(command);
    let port = process
        .wait_for("the provider's port", |line| line.strip_prefix("listening on ")?.parse().ok())
        .await;
    (process, port)
}

/// Where `scripts/oidc-provider` installs: in cargo's target folder, in which this program is, too.
fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("target/PROFILE/deps/PROGRAM").join("oidc-provider")
}
