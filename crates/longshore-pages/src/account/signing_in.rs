//! Signing in and out, and what the browser remembers.

use maud::html;

use crate::{
    Language, PageError, PageReply, SignInRefused, Theme,
    answer::Answered,
    cx::Cx,
    language::t,
    layout,
    pairs::Pairs,
    ui::{self, Field},
};

/// Where to go afterwards: a path of ours and of nobody else, `//host` and `/\host` are others'.
fn next(fields: &Pairs) -> &str {
    let is_ours =
        |path: &&str| path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    fields.text("next").filter(is_ours).unwrap_or("/")
}

pub(super) fn sign_in_page(cx: &Cx<'_>, refused: Option<SignInRefused>) -> PageReply {
    let title = t!(cx, "Sign in", "登录");
    let fields = if cx.request.is_form { &cx.request.form } else { &cx.request.query };
    let next = next(fields);
    let problem = refused.map(|refused| match refused {
        SignInRefused::Wrong => t!(cx, "Name or password are wrong.", "用户名或密码错误。"),
        SignInRefused::TooMany(seconds) => {
            t!(
                cx,
                "Too many tries. Try again in {seconds} seconds.",
                "尝试次数过多，请在 {seconds} 秒后重试。"
            )
        }
        SignInRefused::Unavailable => {
            t!(cx, "It cannot be looked at now. Try again later.", "暂时无法验证，请稍后再试。")
        }
    });
    let body = html! {
        h1 { (title) }
        @if let Some(problem) = problem { p class="notice bad" role="alert" { (problem) } }
        (ui::form(cx, "/sign-in", html! {
            input type="hidden" name="next" value=(next);
            (ui::field(&Field { name: "name", label: t!(cx, "Name", "用户名"), value: fields.text("name").unwrap_or_default(),
                is_required: true, autocomplete: "username", ..Field::default() }))
            (ui::field(&Field { name: "password", label: t!(cx, "Password", "密码"), kind: "password", is_required: true,
                autocomplete: "current-password", ..Field::default() }))
            button { (title) }
        }))
        @for provider in &cx.request.providers {
            p {
                a class="button second"
                    href={ "/c/oidc/login?" (Pairs::from([("source", provider.as_str()), ("redirect_url", next)]).encode()) } {
                    (t!(cx, "Sign in with {provider}", "使用 {provider} 登录"))
                }
            }
        }
    };
    let status = match refused {
        None => 200,
        Some(SignInRefused::Wrong) => 401,
        Some(SignInRefused::TooMany(_)) => 429,
        Some(SignInRefused::Unavailable) => 503,
    };
    layout::page(cx, &title, body).with_status(status)
}

pub(super) async fn sign_in(cx: &Cx<'_>) -> Answered {
    let form = &cx.request.form;
    let (name, password) = (form.text("name").unwrap_or_default(), form.raw("password").unwrap_or_default());
    Ok(match cx.api.sign_in(name, password).await {
        Ok(()) => PageReply::see_other(next(form)),
        Err(refused) => sign_in_page(cx, Some(refused)),
    })
}

pub(super) async fn sign_out(cx: &Cx<'_>) -> Answered {
    cx.signed_in()?;
    match cx.api.sign_out().await {
        Ok(()) => Ok(PageReply::see_other("/")),
        Err(_) => Err(PageError::Failed("the session could not be ended".to_owned())),
    }
}

/// `/preferences`: language and theme, for this browser.
pub(super) fn remember(cx: &Cx<'_>) -> Answered {
    let form = &cx.request.form;
    let language = form.text("language").and_then(|tag| tag.parse::<Language>().ok());
    let theme = form.text("theme").and_then(Theme::of_word);
    Ok(PageReply::Remember { language, theme, location: next(form).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (asked, wanted) in [
            ("/projects?page=2", "/projects?page=2"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("", "/"),
        ] {
            assert_eq!(next(&Pairs::from([("next", asked)])), wanted, "{asked}");
        }
    }
}
