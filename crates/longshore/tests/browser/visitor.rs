//! Somebody at a browser.

use std::path::{Path, PathBuf};

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

    /// Keeps what the page looks like, as `NAME.png`.
    pub(crate) async fn keep_picture(&self, folder: &Path, name: &str) {
        let picture = self.browser.picture(1800).await;
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// The page as it is now has no [fault](Visitor::faults).
    pub(crate) async fn is_without_fault(&self) {
        let faults = self.faults().await;
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// What is wrong with the page as it is now: serious and critical findings of axe-core, and what the browser refused.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let path = self.path().await;
        let complaints = self.browser.complaints().await;
        let refused = complaints.into_iter().filter(|text| !text.contains("status of 40"));
        let mut faults: Vec<String> = refused.map(|text| format!("{path}: {text}")).collect();
        if self.script {
            let rules = std::fs::read_to_string(axe()).expect("scripts/axe installs the rules");
            self.browser.run(&rules, json!([])).await;
            let run = "return axe.run(document, { resultTypes: ['violations'] })";
            let found = self.browser.run(run, json!([])).await;
            let violations = found["violations"].as_array().unwrap();
            let is_serious =
                |found: &&Value| ["serious", "critical"].map(Value::from).contains(&found["impact"]);
            faults.extend(violations.iter().filter(is_serious).map(|found| {
                let places: Vec<_> =
                    found["nodes"].as_array().into_iter().flatten().map(|node| &node["html"]).collect();
                format!("{path}: {} {} {places:?}", found["id"], found["help"])
            }));
        }
        faults
    }
}

/// Where `scripts/axe` installs it: in cargo's target folder, in which this program is, too.
fn axe() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("axe/node_modules/axe-core/axe.min.js")
}
