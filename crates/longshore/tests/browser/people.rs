//! Signing in and out.

use longshore_testkit::{BrowserSettings, ENTER, TestRegistry};

use crate::visitor::Visitor;

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let registry = TestRegistry::builder().accounts().quick().spawn().await;
    let visitor = Visitor::new(&registry).await;
    visitor.open("/sign-in?next=/projects").await;
    visitor.browser.type_into("#field-name", "admin").await;
    visitor.browser.type_into("#field-password", "wrong").await;
    visitor.browser.click("main form button").await;
    let problem = visitor.browser.text("[role=alert]").await;
    assert_eq!(problem, "Name or password are wrong.");
    visitor.is_without_fault().await;
    visitor.browser.type_into("#field-password", &registry.admin_password()).await;
    visitor.browser.click("main form button").await;
    assert_eq!(visitor.browser.text("main h1").await, "Projects");
    assert_eq!(visitor.path().await, "/projects");
    visitor.browser.click_text("Sign out").await;
    visitor.browser.text("header a[href='/sign-in']").await;
}

#[tokio::test]
async fn the_language_is_the_browsers_and_can_be_changed() {
    let registry = TestRegistry::builder().accounts().quick().spawn().await;
    let settings = BrowserSettings { language: "zh-CN", ..BrowserSettings::default() };
    let visitor = Visitor::with(&registry, settings).await;
    visitor.open("/sign-in").await;
    assert_eq!(visitor.browser.text("main h1").await, "登录");
    visitor.browser.click_text("English").await;
    assert_eq!(visitor.browser.text("main h1").await, "Sign in");
    visitor.browser.click_text("Dark").await;
    assert!(visitor.browser.has("html[data-theme=dark]").await);
    visitor.is_without_fault().await;
}

#[tokio::test]
async fn the_keyboard_alone_suffices() {
    let registry = TestRegistry::builder().accounts().quick().spawn().await;
    let visitor = Visitor::new(&registry).await;
    visitor.open("/").await;
    visitor.browser.tab_to("header a[href='/sign-in']").await;
    visitor.browser.press(ENTER).await;
    visitor.browser.text("#field-name").await;
    visitor.browser.tab_to("#field-name").await;
    visitor.browser.press("admin").await;
    visitor.browser.tab_to("#field-password").await;
    visitor.browser.press(&format!("{}{ENTER}", registry.admin_password())).await;
    visitor.browser.text("a[href='/profile']").await;
    visitor.browser.tab_to("header a[href='/projects']").await;
    visitor.browser.press(ENTER).await;
    visitor.browser.text("a[href='/projects/library']").await;
}

#[tokio::test]
async fn script_is_not_needed() {
    let registry = TestRegistry::builder().accounts().quick().spawn().await;
    let settings = BrowserSettings { script: false, ..BrowserSettings::default() };
    let visitor = Visitor::with(&registry, settings).await;
    visitor.sign_in().await;
    visitor.open("/projects").await;
    visitor.browser.click("a[href='/projects/library']").await;
}
