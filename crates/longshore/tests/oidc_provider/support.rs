//! A registry with providers, and browsers of people.

use std::collections::BTreeMap;

use longshore_testkit::{Api, AtProvider, Builder, Call, OidcProvider, Reply, TestRegistry};
use reqwest::Method;
use serde_json::{Value, json};

/// The address that browsers know the registry by, which is in front of where it listens.
pub(crate) const OUTSIDE: &str = "https://registry.example";

/// A provider with people, and a client for the registry.
pub(crate) async fn provider() -> OidcProvider {
    OidcProvider::start(json!({
        "accounts": {
            "ann-1": {
                "name": "Ann Example", "preferred_username": "ann", "email": "ann@example.org", "email_verified": true,
                "groups": ["developers", "registry-admins"],
            },
            "bob-2": { "name": "Bob", "preferred_username": "bob", "groups": ["developers"] },
            "eve-3": { "name": "Eve", "preferred_username": "eve", "groups": [] },
            "boss-4": { "name": "No boss", "preferred_username": "admin", "groups": [] },
            "odd-5": { "name": "Odd", "preferred_username": "\"><script>alert(1)</script>", "groups": [] },
        },
        "clients": [{
            "client_id": "registry",
            "client_secret": "s3cret",
            "redirect_uris": [format!("{OUTSIDE}/c/oidc/callback")],
            "grant_types": ["authorization_code"],
        }],
        "claimsInIdToken": true,
    }))
    .await
}

/// What the configuration says of a provider.
pub(crate) fn source(name: &str, provider: &OidcProvider) -> Value {
    json!({ "oidc": {
        "name": name,
        "issuer": provider.issuer(),
        "client_id": "registry",
        "client_secret": "s3cret",
        "scopes": ["openid", "profile", "email", "groups"],
        "groups_claim": "groups",
        "admin_group": "registry-admins",
        "auto_onboard": true,
    }})
}

/// A registry with these sources that does not wait for the disk.
pub(crate) fn registry(sources: &[Value]) -> Builder {
    let builder = TestRegistry::builder().accounts().quick().set("accounts.sources", sources.to_vec());
    // Clients of these tests go on where they are.
    builder.set("http.host", OUTSIDE).set("http.relativeurls", true)
}

/// Somebody's browser at the registry.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    api: Api,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(registry: &TestRegistry) -> Self {
        Self { api: Api::new(registry.base()), cookies: BTreeMap::new() }
    }

    /// A request as one browses.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.api.call(method, path).header("Cookie", &cookies.join("; "))
    }

    /// Sends a request and keeps the cookies of the answer.
    pub(crate) async fn send(&mut self, call: Call) -> Reply {
        let reply = call.send().await;
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{cookie}");
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let call = self.call(Method::GET, path);
        self.send(call).await
    }

    /// Begins a login: where the browser is sent.
    pub(crate) async fn begin(&mut self, query: &str) -> String {
        self.get(&format!("/c/oidc/login{query}")).await.assert_status(302).location()
    }

    /// Goes where a provider sends the browser back to.
    pub(crate) async fn come_back(&mut self, address: &str) -> Reply {
        let path = address.strip_prefix(OUTSIDE).unwrap_or_else(|| panic!("sent to {address}"));
        let call = self.call(Method::GET, path).header("Sec-Fetch-Site", "cross-site");
        let call = call.header("Sec-Fetch-Mode", "navigate");
        self.send(call).await
    }

    /// Logs in from the first page to the last redirection.
    pub(crate) async fn log_in(&mut self, provider: &OidcProvider, name: &str, query: &str) -> Reply {
        let address = self.begin(query).await;
        let back = provider.visit(&address, AtProvider::Agrees(name)).await;
        self.come_back(&back).await
    }

    /// Who is logged in, as the management API says; the status where nobody is.
    pub(crate) async fn user(&mut self) -> Result<Value, u16> {
        let reply = self.get("/api/v2.0/users/current").await;
        if reply.status == 200 { Ok(reply.json()) } else { Err(reply.status) }
    }

    /// A change, as pages make it.
    pub(crate) async fn change(&mut self, method: Method, path: &str, body: &Value) -> Reply {
        let token = self.get("/api/v2.0/users/current").await.header("x-harbor-csrf-token").to_owned();
        let call = self.call(method, path).header("Content-Type", "application/json");
        let call = call.header("X-Harbor-CSRF-Token", &token).header("Sec-Fetch-Site", "same-origin");
        self.send(call.body(body.to_string())).await
    }
}

/// Asserts that nobody is logged in, and that what people read is harmless.
#[track_caller]
pub(crate) fn refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8", "{reply:?}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
    let cookies = reply.headers.get_all("set-cookie").iter();
    assert!(!cookies.into_iter().any(|cookie| cookie.as_bytes().starts_with(b"__Host-sid=")), "{reply:?}");
    let text = std::str::from_utf8(&reply.body).unwrap();
    assert!(!text.contains('<') && text.ends_with('\n'), "{text}");
}

/// The rows of the record about logins, the latest first: who, whether it succeeded, by what or why not.
pub(crate) async fn logins(registry: &TestRegistry) -> Vec<Value> {
    let path = "/api/v2.0/auditlog-exts?q=operation%3Dlogin_user&page_size=100";
    let rows = registry.admin().get(path).await.assert_status(200).json();
    rows.as_array().unwrap().clone()
}
