//! The pages, through the real program: what somebody sees in a browser, and what forms do.
//!
//! A [`Browser`] keeps cookies, follows where forms lead and fills in forms that a page has; each page that it opens is looked
//! at for what all of them keep to ([`Page`]).

mod admin;
mod form;
mod history;
mod home;
mod html;
mod images;
mod live;
mod members;
mod page;
mod profile;
mod projects;
mod repositories;
mod robots;
mod search;
mod security;
mod signing_in;

use std::{collections::BTreeMap, sync::Mutex};

use longshore_testkit::{Api, Builder, PASSWORD, Reply, TestRegistry};
use reqwest::Method;

pub(crate) use self::{form::encode, page::Page};

/// A registry with accounts that does not wait for the disk.
pub(crate) fn with_accounts() -> Builder {
    TestRegistry::builder().accounts().quick()
}

/// Somebody's browser.
pub(crate) struct Browser {
    api: Api,
    language: &'static str,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    /// Nobody is signed in.
    pub(crate) fn new(registry: &TestRegistry) -> Self {
        Self { api: Api::clone(registry), language: "en", cookies: Mutex::default() }
    }

    /// Signed in as a user whom `TestRegistry::create_user` made.
    pub(crate) async fn user(registry: &TestRegistry, name: &str) -> Self {
        let browser = Self::new(registry);
        browser.sign_in(name, PASSWORD).await.assert_status(200);
        browser
    }

    /// Signed in as the administrator.
    pub(crate) async fn admin(registry: &TestRegistry) -> Self {
        let browser = Self::new(registry);
        browser.sign_in("admin", &registry.admin_password()).await.assert_status(200);
        browser
    }

    /// The same somebody with another language set in the browser, such as `zh-CN`.
    pub(crate) fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// By the form.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Page {
        let page = self.open("/sign-in").await;
        self.submit(&page, "/sign-in", &[("name", name), ("password", password)]).await
    }

    /// Opens a page and follows where it leads.
    pub(crate) async fn open(&self, path: &str) -> Page {
        let reply = self.ask(Method::GET, path, None).await;
        self.follow(path, reply).await
    }

    /// Fills in the form of a page that goes to `action` and has these fields, sends it, and follows where that leads. The
    /// fields that are not named stay as they are; see `Form::filled`.
    pub(crate) async fn submit(&self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let forms = page.forms(action);
        let fitting = forms.into_iter().find(|form| fields.iter().all(|(name, _)| form.has(name)));
        let form = fitting.unwrap_or_else(|| page.form(action));
        let pairs = form.filled(fields);
        match form.is_post {
            true => {
                let reply = self.ask(Method::POST, action, Some(pairs)).await;
                self.follow(action, reply).await
            }
            false => self.open(&format!("{action}?{pairs}")).await,
        }
    }

    /// Sends a form that no page has, as somebody would who attacks; follows nothing.
    pub(crate) async fn post(&self, action: &str, fields: &[(&str, &str)]) -> Reply {
        self.ask(Method::POST, action, Some(encode(fields))).await
    }

    /// Asks once; follows nothing.
    pub(crate) async fn ask(&self, method: Method, path: &str, form: Option<String>) -> Reply {
        let mut call = self.api.call(method, path).header("Accept-Language", self.language);
        let cookies = self.cookie_header();
        if !cookies.is_empty() {
            call = call.header("Cookie", &cookies);
        }
        if let Some(form) = form {
            call = call.header("Content-Type", "application/x-www-form-urlencoded");
            call = call.header("Origin", self.api.base()).header("Sec-Fetch-Site", "same-origin").body(form);
        }
        let reply = call.send().await;
        self.keep(&reply);
        reply
    }

    /// The `Cookie` header that it sends.
    pub(crate) fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, reply: &Reply) {
        let mut cookies = self.cookies.lock().unwrap();
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            match value.is_empty() || attributes.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    async fn follow(&self, path: &str, mut reply: Reply) -> Page {
        let mut path = path.to_owned();
        for _ in 0..3 {
            if reply.status != 303 {
                return Page::new(path, reply);
            }
            path = reply.location();
            assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is not ours");
            reply = self.ask(Method::GET, &path, None).await;
        }
        panic!("{path} leads in a circle");
    }
}
