//! A real browser: Debian's Chromium without a window, driven by its `chromedriver` in the words of W3C WebDriver.
//!
//! The few calls that the tests need, over the HTTP client that is here: the libraries for it bring second versions of
//! a dozen crates along.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{process::Process, wait::eventually};

/// The name under which WebDriver answers an element (section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The Tab key (section 17.4.2).
pub const TAB: &str = "\u{E004}";
/// The Enter key.
pub const ENTER: &str = "\u{E007}";

/// One window. It ends, with its browser, when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Process,
    port: u16,
    client: Client,
    session: String,
    _profile: TempDir,
}

/// How a [`Browser`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct BrowserSettings<'a> {
    /// What it asks pages for: `en`, `zh-CN`.
    pub language: &'a str,
    /// Whether pages' scripts run.
    pub script: bool,
    /// Width and height of its window.
    pub size: (u32, u32),
}

impl Default for BrowserSettings<'_> {
    fn default() -> Self {
        Self { language: "en", script: true, size: (1200, 900) }
    }
}

impl Browser {
    /// Whether Chromium and its driver are installed.
    pub fn is_installed() -> bool {
        std::process::Command::new("chromedriver").arg("--version").output().is_ok()
    }

    /// Starts one.
    ///
    /// # Panics
    /// When it does not start: Debian has it as `chromium` and `chromium-driver`.
    pub async fn start(settings: BrowserSettings<'_>) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let mut driver = Process::spawn(command);
        let started = |line: &str| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?
                .strip_suffix('.')?
                .parse()
                .ok()
        };
        let port = driver.wait_for("the driver's port", started).await;
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let client = crate::client_builder().build().expect("a client can be made");
        let mut browser = Self { driver, port, client, session: String::new(), _profile: profile };
        let wanted = browser.capabilities(settings);
        let session = browser.driver_call(Method::POST, "/session", Some(wanted)).await;
        browser.session = session["sessionId"].as_str().expect("a session has a name").to_owned();
        browser
    }

    fn capabilities(&self, settings: BrowserSettings<'_>) -> Value {
        let (width, height) = settings.size;
        let arguments = [
            "--headless=new".to_owned(),
            // Its sandbox wants more than a container gives; it only sees our own pages.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", self._profile.path().display()),
        ];
        let mut preferences = json!({ "intl.accept_languages": settings.language });
        if !settings.script {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "pageLoad": 60_000, "script": 60_000 },
        } } })
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Where it is.
    pub async fn url(&self) -> String {
        text_of(self.get("/url").await)
    }

    /// The text of the first element that a CSS selector finds, once it is there.
    pub async fn text(&self, selector: &str) -> String {
        let element = self.element(selector).await;
        text_of(self.get(&format!("/element/{element}/text")).await)
    }

    /// Clicks it.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Clicks the first link or button of that text.
    pub async fn click_text(&self, text: &str) {
        let path = format!("//*[self::a or self::button or self::summary][normalize-space()='{text}']");
        let element = self.find("xpath", &path).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into a field, over what is there.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/clear"), json!({})).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let active = self.get("/element/active").await;
        let element = active[ELEMENT].as_str().expect("something has the focus").to_owned();
        self.post(&format!("/element/{element}/value"), json!({ "text": keys })).await;
    }

    /// Goes from field to field with the Tab key until the focus is on what `selector` finds, as somebody without a mouse does.
    ///
    /// # Panics
    /// When it cannot be reached so.
    pub async fn tab_to(&self, selector: &str) {
        for _ in 0..200 {
            self.press(TAB).await;
            let there = json!([selector]);
            if self.run("return document.activeElement.matches(arguments[0])", there).await == json!(true) {
                return;
            }
        }
        panic!("the Tab key does not lead to {selector} at {}", self.url().await);
    }

    /// Runs a script in the page, with arguments. Returns what it returns; a promise is waited for.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Whether there is such an element now.
    pub async fn has(&self, selector: &str) -> bool {
        let found = self.post("/elements", json!({ "using": "css selector", "value": selector })).await;
        found.as_array().is_some_and(|found| !found.is_empty())
    }

    /// What the page looks like, as PNG: the whole page as far down as `height_max` pixels.
    pub async fn picture(&self, height_max: u64) -> Vec<u8> {
        // Of the window, with what is around the page.
        let whole = "return document.documentElement.scrollHeight + window.outerHeight - window.innerHeight";
        let height = self.run(whole, json!([])).await.as_u64().unwrap_or(900).clamp(200, height_max);
        let rect = self.get("/window/rect").await;
        let (width, before) = (rect["width"].clone(), rect["height"].clone());
        self.post("/window/rect", json!({ "width": width, "height": height })).await;
        let shot = text_of(self.get("/screenshot").await);
        self.post("/window/rect", json!({ "width": width, "height": before })).await;
        STANDARD.decode(&shot).expect("a picture comes in base64")
    }

    /// What the browser complained about since the last call: refused scripts and styles, failed requests.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad =
            entries.iter().filter(|entry| ["SEVERE", "WARNING"].map(Value::from).contains(&entry["level"]));
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The first element that a selector finds, once it is there.
    async fn element(&self, selector: &str) -> String {
        self.find("css selector", selector).await
    }

    async fn find(&self, using: &str, value: &str) -> String {
        let what = format!("{value} on a page");
        eventually(&what, || async {
            let found = self.post("/elements", json!({ "using": using, "value": value })).await;
            Some(found.as_array()?.first()?[ELEMENT].as_str()?.to_owned())
        })
        .await
    }

    async fn get(&self, path: &str) -> Value {
        self.driver_call(Method::GET, &format!("/session/{}{path}", self.session), None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.driver_call(Method::POST, &format!("/session/{}{path}", self.session), Some(body)).await
    }

    async fn driver_call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method, format!("http://127.0.0.1:{}{path}", self.port));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.expect("the driver answers");
        let mut reply: Value = reply.json().await.expect("the driver answers JSON");
        let value = reply["value"].take();
        if let Some(error) = value["error"].as_str() {
            panic!("the browser at {path}: {error}: {}", value["message"]);
        }
        value
    }
}

impl Drop for Browser {
    /// The browser is the driver's child, and would outlive it.
    fn drop(&mut self) {
        if self.session.is_empty() || !self.driver.runs() {
            return;
        }
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return };
        // Whatever goes wrong here, nothing can be done about it.
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let head = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.session, self.port
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

fn text_of(value: Value) -> String {
    value.as_str().expect("the driver answers a text").to_owned()
}
