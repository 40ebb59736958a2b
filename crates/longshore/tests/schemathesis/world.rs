//! A registry with something of every kind, under the names that `tests/schemathesis/schemathesis.toml` has.

use longshore_testkit::{Api, TestRegistry, image};
use serde_json::{Value, json};

const ROOT: &str = "/api/v2.0";

pub(crate) struct World {
    pub(crate) registry: TestRegistry,
}

impl World {
    pub(crate) async fn make() -> Self {
        let quiet = TestRegistry::builder().accounts().quick().set("log.accesslog.disabled", true);
        let registry = quiet.set("http.trusted_proxies", json!(["127.0.0.1"])).spawn().await;
        let world = Self { registry };
        for (project, public) in [("team", false), ("open", true), ("team/sub", false)] {
            world.registry.create_project(project, public).await;
        }
        for user in ["lea", "max", "noor"] {
            world.registry.create_user(user).await;
        }
        world.push().await;
        world.make_things().await;
        world
    }

    async fn push(&self) {
        let admin = self.registry.admin();
        for (nth, project) in ["team", "open", "team/sub", "library"].into_iter().enumerate() {
            for (mth, repository) in ["app", "web"].into_iter().enumerate() {
                let content = image().seed((10 * nth + mth) as u64).build();
                for tag in ["v1", "v2"] {
                    admin.push_image(&format!("{project}/{repository}"), tag, &content).await;
                }
            }
        }
    }

    async fn make_things(&self) {
        let access = json!([{ "resource": "repository", "action": "pull" }]);
        let permissions = json!([{ "kind": "project", "namespace": "team", "access": access }]);
        let robot = json!({ "name": "ci", "level": "project", "duration": -1, "permissions": permissions });
        self.make_thing("/robots", robot).await;
        self.make_thing("/labels", json!({ "name": "good", "scope": "g" })).await;
        self.make_thing("/usergroups", json!({ "group_name": "crew", "group_type": 2 })).await;
        let reads = json!([{ "resource": "project", "action": "read" }]);
        self.make_thing("/roles", json!({ "role_name": "reader", "permissions": reads })).await;
        self.make_thing("/projects/team/metadatas", json!({ "auto_scan": "true" })).await;
    }

    async fn make_thing(&self, path: &str, body: Value) {
        self.registry.admin().post_json(&format!("{ROOT}{path}"), &body).await.assert_status(201);
    }
}

/// An access token that can do what its user can.
pub(crate) async fn token(user: &Api) -> String {
    let made = user.post_json(&format!("{ROOT}/users/current/tokens"), &json!({ "name": "tests" })).await;
    made.assert_status(201).json()["secret"].as_str().expect("a new token is shown").to_owned()
}
