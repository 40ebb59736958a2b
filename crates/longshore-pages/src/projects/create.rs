//! A new project.

use maud::html;
use serde_json::json;

use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    layout, place,
    rights::{refused, with_refusal},
    ui::{self, Field},
};

/// `/projects/-/new`; `?in=team` begins the name.
pub(super) fn page(cx: &Cx<'_>, problem: Option<&PageError>) -> Answered {
    let caller = cx.signed_in()?;
    let form = &cx.request.form;
    let outer = cx.request.query.text("in").map(|outer| format!("{outer}/")).unwrap_or_default();
    let title = t!(cx, "New project", "新建项目");
    let access = [
        ("", t!(cx, "private, or as the project that it lies in", "私有，或与上级项目相同")),
        ("false", t!(cx, "private: members only", "私有：仅成员可见")),
        ("true", t!(cx, "public: everybody may see and pull", "公开：任何人都可以查看和拉取")),
    ];
    let body = html! {
        (ui::breadcrumbs(cx, &[("/projects".to_owned(), t!(cx, "Projects", "项目")), (String::new(), title.clone())]))
        h1 { (title) }
        (ui::problem(cx, problem))
        (ui::form(cx, "/projects/-/new", html! {
            (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), is_required: true,
                value: form.text("name").unwrap_or(&outer),
                hint: t!(cx, "Lower-case letters, digits, and single . _ - between them; team/sub lies in team, which must be there. It cannot be changed later.",
                    "小写字母、数字，中间可用单个 . _ - 分隔；team/sub 位于 team 之内，team 必须已存在。创建后不能更改。"),
                ..Field::default() }))
            (ui::select("public", &t!(cx, "Access", "访问级别"), &access, form.text("public").unwrap_or_default()))
            @if caller.is_administrator {
                (ui::field(&Field { name: "quota", label: t!(cx, "Quota in GB", "配额（GB）"), kind: "text",
                    value: form.text("quota").unwrap_or_default(),
                    hint: t!(cx, "Empty for what holds by default, -1 for no limit.", "留空表示默认值，-1 表示不限制。"),
                    ..Field::default() }))
            }
            button { (t!(cx, "Create", "创建")) }
        }))
    };
    Ok(with_refusal(layout::page(cx, &title, body), problem))
}

/// The form was sent.
pub(super) async fn create(cx: &Cx<'_>) -> Answered {
    match send(cx).await {
        Ok(name) => Ok(PageReply::see_other(format!("{}?done=created", place::of_project(&name, "")))),
        // A project that it should lie in and that is not there is told as such.
        Err(PageError::NotFound) => {
            let words = t!(cx, "the project that it should lie in is not there", "上级项目不存在");
            page(cx, Some(&PageError::Refused(404, words)))
        }
        Err(error) => page(cx, Some(&refused(error)?)),
    }
}

async fn send(cx: &Cx<'_>) -> Result<String, PageError> {
    cx.signed_in()?;
    let form = &cx.request.form;
    let name = form.text("name").unwrap_or_default();
    let public = form.text("public").map(|public| public == "true");
    let mut body = json!({"project_name": name, "public": public});
    if let Some(quota) = form.text("quota") {
        body["storage_limit"] = storage(cx, quota)?.into();
    }
    cx.send(Verb::Post, "/projects", &body).await?;
    Ok(name.to_owned())
}

/// Bytes of a quota that is written in GB; -1 is no limit.
pub(super) fn storage(cx: &Cx<'_>, text: &str) -> Result<i64, PageError> {
    let bad = || PageError::Refused(400, t!(cx, "a quota is a number of GB, or -1", "配额应为 GB 数，或 -1"));
    let gigabytes: f64 = text.parse().map_err(|_| bad())?;
    match gigabytes {
        -1.0 => Ok(-1),
        // Less than a byte would be 0, which stands for what holds by default.
        1e-9..1e9 => Ok((gigabytes * 1e9) as i64),
        _ => Err(bad()),
    }
}
