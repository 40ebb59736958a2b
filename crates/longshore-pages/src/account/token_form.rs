//! What an access token is to be good for, as people choose it, and as the management API has it.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::{
    cx::Cx,
    language::t,
    pairs::Pairs,
    ui::{self, Field},
};

/// Days that are offered, the first by itself; -1 is for ever.
const DAYS: [i64; 5] = [90, 7, 30, 365, -1];

/// What a token can do, by the words of the form. Each can do what those before can.
const ACTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "pull",
        &[
            ("repository", "pull"),
            ("repository", "list"),
            ("repository", "read"),
            ("artifact", "list"),
            ("artifact", "read"),
            ("tag", "list"),
        ],
    ),
    ("push", &[("repository", "push"), ("artifact", "create"), ("tag", "create")]),
    ("delete", &[("repository", "delete"), ("artifact", "delete"), ("tag", "delete")]),
];

/// The fields, as they were filled in.
pub(super) fn fields(cx: &Cx<'_>) -> Markup {
    let form = &cx.request.form;
    let text = |name| form.text(name).unwrap_or_default();
    let days: Vec<_> = DAYS.iter().map(|days| (days.to_string(), lifetime(cx, *days))).collect();
    let days: Vec<_> = days.iter().map(|(value, text)| (value.as_str(), text.clone())).collect();
    let actions = [
        ("all", t!(cx, "All that you may", "您拥有的全部权限")),
        ("pull", t!(cx, "Pull", "拉取")),
        ("push", t!(cx, "Pull and push", "拉取和推送")),
        ("delete", t!(cx, "Pull, push and delete", "拉取、推送和删除")),
    ];
    html! {
        (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), value: text("name"), is_required: true,
            hint: t!(cx, "What it is for, such as laptop or nightly-build.", "说明用途，例如 laptop 或 nightly-build。"),
            ..Field::default() }))
        (ui::select("days", &t!(cx, "Good for", "有效期"), &days, form.text("days").unwrap_or("90")))
        (ui::select("actions", &t!(cx, "It can", "权限"), &actions, text("actions")))
        (ui::field(&Field { name: "projects", label: t!(cx, "In these projects", "限定项目"), value: text("projects"),
            hint: t!(cx, "Names with blanks between them; all projects if there is none. It never can do more than you.",
                "项目名称，以空格分隔；留空表示所有项目。令牌的权限不会超过您本人。"),
            ..Field::default() }))
    }
}

fn lifetime(cx: &Cx<'_>, days: i64) -> String {
    match days {
        -1 => t!(cx, "as long as you are here", "永久"),
        days => ui::count(cx, days, ("day", "days"), "天"),
    }
}

/// `POST /users/current/tokens`.
pub(super) fn body(form: &Pairs) -> Value {
    let days = form.text("days").and_then(|days| days.parse::<i64>().ok()).unwrap_or(DAYS[0]);
    let mut body = json!({ "name": form.text("name").unwrap_or_default(), "duration": days });
    let projects = form.text("projects").unwrap_or_default();
    let projects: Vec<_> =
        projects.split(|c: char| c.is_whitespace() || c == ',').filter(|name| !name.is_empty()).collect();
    // What is no word of ours is passed on as it is: the management API says that it does not know it.
    let access = match form.text("actions").unwrap_or("all") {
        "all" if projects.is_empty() => return body,
        "all" => vec![json!({ "resource": "*", "action": "*" })],
        word => access(word),
    };
    let projects = if projects.is_empty() { vec!["*"] } else { projects };
    let scoped = |name: &&str| json!({ "kind": "project", "namespace": name, "access": access });
    body["permissions"] = projects.iter().map(scoped).collect();
    body
}

fn access(word: &str) -> Vec<Value> {
    let Some(last) = ACTIONS.iter().position(|(known, _)| *known == word) else {
        return vec![json!({ "resource": word, "action": word })];
    };
    let pairs = ACTIONS[..=last].iter().flat_map(|(_, pairs)| pairs.iter());
    pairs.map(|(resource, action)| json!({ "resource": resource, "action": action })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_permissions() {
        let of = |pairs: &str| body(&Pairs::parse(pairs).unwrap());
        assert_eq!(of("name=ci&days=30&actions=all"), json!({ "name": "ci", "duration": 30 }));
        let narrow = of("name=ci&days=-1&actions=pull&projects=team,+a%2Fb");
        assert_eq!(narrow["duration"], -1);
        assert_eq!(narrow["permissions"][1]["namespace"], "a/b");
        assert_eq!(
            narrow["permissions"][0]["access"][0],
            json!({ "resource": "repository", "action": "pull" })
        );
        assert_eq!(narrow["permissions"][0]["access"].as_array().unwrap().len(), 6);
        let everywhere = of("name=ci&actions=push");
        assert_eq!(everywhere["permissions"][0]["namespace"], "*");
        assert_eq!(everywhere["permissions"][0]["access"].as_array().unwrap().len(), 9);
        let all = of("name=ci&actions=all&projects=team");
        assert_eq!(all["permissions"][0]["access"], json!([{ "resource": "*", "action": "*" }]));
        // It is not understood, and so not more than was meant.
        let odd = of("name=ci&actions=dream");
        assert_eq!(odd["permissions"][0]["access"], json!([{ "resource": "dream", "action": "dream" }]));
    }
}
