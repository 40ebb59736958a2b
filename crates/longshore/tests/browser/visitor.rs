//! Somebody at a browser.

use std::path::PathBuf;

use longshore_testkit::{Browser, BrowserSettings, TestRegistry};
use serde_json::{Value, json};

/// A browser at a registry.
pub(crate) struct Visitor<'a> {
    pub(crate) browser: Browser,
    registry: &'a TestRegistry,
    script: bool,
}

impl<'a> Visitor<'a> {
    /// In English.
    pub(crate) async fn new(registry: &'a TestRegistry) -> Self {
        Self::with(registry, BrowserSettings::default()).await
    }

    pub(crate) async fn with(registry: &'a TestRegistry, settings: BrowserSettings<'_>) -> Self {
        Self { browser: Browser::start(settings).await, registry, script: settings.script }
    }

    /// Opens a page of the registry, which must be without fault.
    pub(crate) async fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.registry.base())).await;
        self.is_without_fault().await;
    }

    /// Signs in as the administrator, in the form.
    pub(crate) async fn sign_in(&self) {
        self.open("/sign-in").await;
        self.browser.type_into("#field-name", "admin").await;
        self.browser.type_into("#field-password", &self.registry.admin_password()).await;
        self.browser.click("main form button").await;
        self.browser.text("a[href='/profile']").await;
    }

    /// The path of the page.
    pub(crate) async fn path(&self) -> String {
        let url = self.browser.url().await;
        url.strip_prefix(self.registry.base()).unwrap_or(&url).to_owned()
    }

    /// The page as it is now has no serious or critical finding of axe-core, and the browser refused nothing of it.
    pub(crate) async fn is_without_fault(&self) {
        let path = self.path().await;
        let complaints = self.browser.complaints().await;
        let refused: Vec<_> = complaints.iter().filter(|text| !text.contains("status of 40")).collect();
        assert!(refused.is_empty(), "{path}: {refused:#?}");
        if !self.script {
            return;
        }
        let rules = std::fs::read_to_string(axe()).expect("scripts/axe installs the rules");
        self.browser.run(&rules, json!([])).await;
        let found =
            self.browser.run("return axe.run(document, { resultTypes: ['violations'] })", json!([])).await;
        let violations = found["violations"].as_array().unwrap();
        let serious: Vec<String> = violations
            .iter()
            .filter(|found| ["serious", "critical"].map(Value::from).contains(&found["impact"]))
            .map(|found| format!("{}: {} {}", found["id"], found["help"], found["nodes"]))
            .collect();
        assert!(serious.is_empty(), "{path}: {serious:#?}");
    }
}

/// Where `scripts/axe` installs it: in cargo's target folder, in which this program is, too.
fn axe() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("axe/node_modules/axe-core/axe.min.js")
}
