//! A page as it came. What holds for all of them is looked at on each.

use std::collections::BTreeSet;

use longshore_testkit::Reply;

use super::{form::Form, html::Element};

/// An answer to a browser.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Where it lies, after what was asked for has led there.
    pub(crate) path: String,
    pub(crate) reply: Reply,
    root: Element,
}

/// Largest page, in bytes.
const PAGE_BYTES_MAX: usize = 150_000;

impl Page {
    pub(crate) fn new(path: String, reply: Reply) -> Self {
        let is_html = reply.header("content-type").starts_with("text/html");
        let html = if is_html { String::from_utf8_lossy(&reply.body).into_owned() } else { String::new() };
        let page = Self { path, reply, root: Element::parse(&html) };
        if is_html {
            page.assert_sound();
        }
        page
    }

    /// Fails unless the status is that.
    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.reply.status, status, "{}: {}", self.path, self.text());
        self
    }

    /// Fails unless somebody reads that on it.
    #[track_caller]
    pub(crate) fn assert_shows(self, text: &str) -> Self {
        assert!(self.shows(text), "{} does not say {text:?}: {}", self.path, self.text());
        self
    }

    /// Fails if that is anywhere on it, attributes included.
    #[track_caller]
    pub(crate) fn assert_lacks(self, text: &str) -> Self {
        let html = String::from_utf8_lossy(&self.reply.body);
        assert!(!html.contains(text) && !self.shows(text), "{} says {text:?}: {}", self.path, self.text());
        self
    }

    /// Whether somebody reads that on it.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// What somebody reads in the page itself, without what is around every page.
    pub(crate) fn text(&self) -> String {
        self.main().text()
    }

    /// The page without what is around every page.
    pub(crate) fn main(&self) -> &Element {
        self.root.named("main").first().copied().unwrap_or(&self.root)
    }

    /// The whole document.
    pub(crate) fn root(&self) -> &Element {
        &self.root
    }

    /// The texts of the rows of its tables, heads included.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.main().named("tr").iter().map(|row| row.text()).collect()
    }

    /// Where its links lead, those around it included.
    pub(crate) fn links(&self) -> Vec<&str> {
        self.root.named("a").iter().filter_map(|link| link.attribute("href")).collect()
    }

    /// Lines to copy.
    pub(crate) fn lines_to_copy(&self) -> Vec<String> {
        let boxes =
            self.main().all().into_iter().filter(|element| element.attribute("class") == Some("copy"));
        boxes.map(|element| element.text()).collect()
    }

    /// Its forms that go there.
    pub(crate) fn forms(&self, action: &str) -> Vec<Form> {
        let forms = self.root.named("form").into_iter().map(Form::of);
        forms.filter(|form| form.action == action).collect()
    }

    /// The first form that goes there.
    #[track_caller]
    pub(crate) fn form(&self, action: &str) -> Form {
        let forms: Vec<_> =
            self.root.named("form").iter().filter_map(|form| form.attribute("action")).collect();
        let found = self.forms(action).into_iter().next();
        found.unwrap_or_else(|| {
            panic!("{} has no form for {action}, only {forms:?}: {}", self.path, self.text())
        })
    }

    /// What every page keeps to.
    fn assert_sound(&self) {
        let path = &self.path;
        assert!(self.reply.body.len() <= PAGE_BYTES_MAX, "{path} has {} bytes", self.reply.body.len());
        assert_eq!(self.root.named("h1").len(), 1, "{path}: {}", self.text());
        let all = self.root.all();
        let mut ids = BTreeSet::new();
        let mut labelled = BTreeSet::new();
        for element in &all {
            for name in element.attribute_names() {
                assert!(name != "style" && !name.starts_with("on"), "{path}: <{}> has {name}=", element.name);
            }
            if let Some(id) = element.attribute("id") {
                assert!(ids.insert(id), "{path}: two elements are called {id}");
            }
            labelled.extend(element.attribute("for"));
        }
        for element in all {
            let is_asked = match element.name.as_str() {
                "input" => element.attribute("type") != Some("hidden"),
                "select" | "textarea" => true,
                _ => false,
            };
            let has_label = element.attribute("aria-label").is_some()
                || element.attribute("id").is_some_and(|id| labelled.contains(id));
            assert!(!is_asked || has_label, "{path}: {:?} has no label", element.attribute("name"));
            if element.name == "svg" && element.attribute("aria-hidden").is_none() {
                assert!(
                    element.attribute("aria-label").is_some_and(|text| !text.is_empty()),
                    "{path}: a picture without words"
                );
            }
            if ["a", "button"].contains(&element.name.as_str()) {
                let says = !element.text().is_empty() || element.attribute("aria-label").is_some();
                assert!(says, "{path}: a {} without words", element.name);
            }
            for id in ["for", "aria-describedby", "aria-labelledby", "list"]
                .into_iter()
                .filter_map(|name| element.attribute(name))
            {
                assert!(id.split(' ').all(|id| ids.contains(id)), "{path}: nothing is called {id}");
            }
        }
    }
}
