//! Members of a project for some of its repositories: they see the project and those, and learn of no others.

use longshore_testkit::{Api, image, role};
use reqwest::Method;
use serde_json::{Value, json};

use super::with_accounts;

const API: &str = "/api/v2.0";

/// The names in a listing, and the number of all that it says there are.
async fn names(api: &Api, path: &str, key: &str) -> (Vec<String>, String) {
    let reply = api.get(&format!("{API}{path}")).await.assert_status(200);
    let listed = reply.json();
    let names = listed.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned());
    (names.collect(), reply.header("x-total-count").to_owned())
}

#[tokio::test]
async fn members_for_some_repositories_see_these_and_their_project() {
    let registry = with_accounts().spawn().await;
    let content = image().build();
    for project in ["shop", "shop/inner", "other"] {
        registry.create_project(project, false).await;
    }
    let all = ["shop/api", "shop/web/a", "shop/web/b", "shop/web/c", "shop/inner/x", "other/web/a"];
    for name in all {
        registry.admin().push_image(name, "v1", &content).await;
    }
    let (noor, guest) = (registry.create_user("noor").await, registry.create_user("guest").await);
    registry.add_member("shop", "guest", role::GUEST).await;
    let some = json!({ "role_id": role::DEVELOPER, "repositories": "web/**", "member_user": { "username": "noor" } });
    let member = registry.admin().post_json(&format!("{API}/projects/shop/members"), &some).await;
    let member = member.assert_status(201).location();

    let total = |names: &[&str], total: &str| {
        (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), total.to_owned())
    };
    assert_eq!(names(&noor, "/projects?sort=name", "name").await, total(&["library", "shop"], "2"));
    let shown = noor.get(&format!("{API}/projects/shop")).await.assert_status(200).json();
    assert_eq!((&shown["repo_count"], &shown["current_user_role_id"]), (&json!(3), &json!(0)));
    noor.call(Method::HEAD, &format!("{API}/projects?project_name=shop")).send().await.assert_status(200);
    let summary = noor.get(&format!("{API}/projects/shop/summary")).await.assert_status(200).json();
    assert_eq!(summary, json!({ "repo_count": 3 }));
    let statistics = noor.get(&format!("{API}/statistics")).await.assert_status(200).json();
    assert_eq!(
        (&statistics["private_project_count"], &statistics["private_repo_count"]),
        (&json!(1), &json!(3))
    );

    for path in ["/projects/shop/repositories", "/repositories"] {
        let query = async |query: &str| names(&noor, &format!("{path}?sort=name{query}"), "name").await;
        assert_eq!(query("").await, total(&["shop/web/a", "shop/web/b", "shop/web/c"], "3"));
        assert_eq!(query("&page_size=2").await, total(&["shop/web/a", "shop/web/b"], "3"));
        assert_eq!(query("&page_size=2&page=2").await, total(&["shop/web/c"], "3"));
        assert_eq!(query("&q=name%3D~api").await, total(&[], "0"));
    }
    let search = noor.get(&format!("{API}/search?q=shop")).await.assert_status(200).json();
    let found = |list: &str, key: &str| -> Vec<Value> {
        search[list].as_array().unwrap().iter().map(|one| one[key].clone()).collect()
    };
    assert_eq!(found("repository", "repository_name"), ["shop/web/a", "shop/web/b", "shop/web/c"]);
    assert_eq!(
        (found("project", "name"), found("project", "repo_count")),
        (vec![json!("shop")], vec![json!(3)])
    );

    // Whether there are others makes no difference, nor do projects within; the rest of the project is closed.
    let shop = format!("{API}/projects/shop");
    for path in
        ["/repositories/api", "/repositories/none", "/repositories/inner%252Fx", "/members", "/robots"]
    {
        noor.get(&format!("{shop}{path}")).await.assert_error(403, "FORBIDDEN");
    }
    for path in
        ["shop%2Finner", "shop%2Finner/repositories", "shop%2Finner/summary", "other", "other/repositories"]
    {
        noor.get(&format!("{API}/projects/{path}")).await.assert_error(404, "NOT_FOUND");
    }
    noor.get(&format!("{shop}/repositories/web%252Fa")).await.assert_status(200);

    // Others see what they did, and who is no member any more sees nothing.
    assert_eq!(names(&guest, "/projects/shop/repositories", "name").await.1, "4");
    let shown = guest.get(&format!("{API}/projects/shop%2Finner")).await.assert_status(200).json();
    assert_eq!((&shown["repo_count"], &shown["current_user_role_ids"]), (&json!(1), &json!([3])));
    registry.admin().delete(&member).await.assert_status(200);
    for path in ["", "/repositories", "/summary"] {
        noor.get(&format!("{shop}{path}")).await.assert_error(404, "NOT_FOUND");
    }
}
