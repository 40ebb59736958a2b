//! One registry with something of every kind, and somebody of every role.

use std::sync::atomic::{AtomicU64, Ordering};

use longshore_testkit::{Api, Archive, Blob, Reply, TestRegistry, basic, image, media_type, role};
use longshore_types::DigestAlgorithm;
use serde_json::{Value, json};

use super::{
    Role,
    rows::{self, Row},
};

pub(super) const ROOT: &str = "/api/v2.0";
/// A private project.
pub(super) const PROJECT: &str = "team";
/// As long as that, so that not even lengths differ.
pub(super) const ABSENT: &str = "nope";

/// What names in braces stand for.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<(&'static str, String)>);

impl Names {
    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    pub(super) fn get(&self, name: &str) -> &str {
        &self.0.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.to_string()));
        self
    }
}

pub(super) struct World {
    pub(super) registry: TestRegistry,
    pub(super) callers: Vec<Caller>,
    pub(super) names: Names,
    fresh: AtomicU64,
}

/// Somebody, and what is theirs.
pub(super) struct Caller {
    pub(super) role: Role,
    pub(super) api: Api,
    pub(super) user_id: String,
    pub(super) token_id: String,
}

impl World {
    pub(super) async fn make() -> Self {
        // Nobody asks it anything: trust rules are made of issuers that are configured alone.
        let issuers = json!([{ "issuer": "https://issuer.example" }]);
        let registry =
            TestRegistry::builder().accounts().set("accounts.trust.issuers", issuers).quick().spawn().await;
        registry.create_project(PROJECT, false).await;
        // Some routes look into it.
        let layer = Archive::new().file("etc/motd", b"hello").end();
        let layer = Blob::new(DigestAlgorithm::Sha256, media_type::LAYER, layer);
        let content = image().layers(0).layer(layer).build();
        registry.admin().push_image("team/app", "v1", &content).await;
        let mut world =
            Self { registry, callers: Vec::new(), names: Names(Vec::new()), fresh: AtomicU64::new(0) };
        world.make_things().await;
        for role in Role::ALL {
            let caller = world.make_caller(role).await;
            world.callers.push(caller);
        }
        world
    }

    async fn make_things(&mut self) {
        let project = self.get(&format!("/projects/{PROJECT}")).await["project_id"].to_string();
        let names = Names(Vec::new())
            .with("project", PROJECT)
            .with("project_name", PROJECT)
            .with("project_name_or_id", PROJECT)
            .with("project_id", project)
            .with("repository_name", "app")
            .with("reference", "v1")
            .with("tag_name", "v1")
            .with("addition", "build_history")
            // Who may end sessions is told that nothing is called so.
            .with("session_id", "none")
            .with("meta_name", "auto_scan");
        self.names = names;
        for (name, value) in [
            ("user_id", self.new_user("victim").await),
            ("mid", self.new_member("spare").await),
            ("robot_id", self.new_robot("spare").await["id"].to_string()),
            ("label_id", self.new_label("good").await),
            ("group_id", self.new_group("crew").await),
            ("role_id", self.new_role("reader").await),
            ("policy_id", self.new_policy("any").await),
        ] {
            self.names = self.names.clone().with(name, value);
        }
        let run = self.new_thing("/system/gc/schedule", &json!({ "schedule": { "type": "Manual" } })).await;
        self.names = self.names.clone().with("gc_id", &run).with("job_id", run);
        let token = self.new_token(&self.registry.user("victim")).await;
        self.names = self.names.clone().with("token_id", token);
        let rule = self.new_trust_rule("builds").await;
        self.names = self.names.clone().with("rule_id", rule);
        self.set("/projects/team/metadatas", &json!({ "auto_scan": "true" })).await;
        self.label_artifact().await;
    }

    async fn make_caller(&self, role: Role) -> Caller {
        let member = |id| Some((PROJECT, id));
        let (name, member) = match role {
            Role::Anonymous | Role::Robot => return self.make_other(role).await,
            Role::Admin => {
                let id = self.get("/users/current").await["user_id"].to_string();
                let api = self.registry.admin();
                let token_id = self.new_token(&api).await;
                return Caller { role, api, user_id: id, token_id };
            }
            Role::Stranger => ("stranger", None),
            Role::Auditor => ("auditor", None),
            Role::LimitedGuest => ("limited", member(role::LIMITED_GUEST)),
            Role::Guest => ("guest", member(role::GUEST)),
            Role::Developer => ("developer", member(role::DEVELOPER)),
            Role::Maintainer => ("maintainer", member(role::MAINTAINER)),
            Role::ProjectAdmin => ("leader", member(role::PROJECT_ADMIN)),
        };
        let user_id = self.new_user(name).await;
        if let Some((project, id)) = member {
            self.registry.add_member(project, name, id).await;
        }
        if role == Role::Auditor {
            let path = format!("{ROOT}/users/{user_id}/system_role");
            self.admin().put_json(&path, &json!({ "system_role": "auditor" })).await.assert_status(200);
        }
        let api = self.registry.user(name);
        let token_id = self.new_token(&api).await;
        Caller { role, api, user_id, token_id }
    }

    /// Somebody who is no user. What is said to be theirs is another's.
    async fn make_other(&self, role: Role) -> Caller {
        let api = match role {
            Role::Robot => {
                let robot = self.new_robot("puller").await;
                let (name, secret) = (robot["name"].as_str().unwrap(), robot["secret"].as_str().unwrap());
                self.registry.authorized(basic(name, secret))
            }
            _ => Api::clone(&self.registry),
        };
        let of = |name| self.names.get(name).to_owned();
        Caller { role, api, user_id: of("user_id"), token_id: of("token_id") }
    }

    /// What the names in a row stand for when this caller calls it.
    pub(super) fn names_for(&self, row: &Row, caller: &Caller) -> Names {
        let mut names = self.names.clone();
        if row.path.starts_with("/users/current/") {
            names = names.with("token_id", &caller.token_id);
        }
        let id = if row.path.starts_with("/quotas/") { "project_id" } else { "rule_id" };
        let id = names.get(id).to_owned();
        names.with("id", id)
    }

    /// The same, with what is not there for all that the project holds.
    pub(super) fn absent(names: Names) -> Names {
        let by_number = names.get("project_name_or_id") != PROJECT;
        let mut absent = names;
        for name in ["project", "project_name", "project_name_or_id"] {
            absent = absent.with(name, ABSENT);
        }
        for (name, number) in ABSENT_NUMBERS {
            absent = absent.with(name, number);
        }
        match by_number {
            true => Self::by_number(absent),
            false => absent,
        }
    }

    /// The project by its number, where that will do.
    pub(super) fn by_number(names: Names) -> Names {
        let number = names.get("project_id").to_owned();
        names.with("project_name_or_id", number)
    }

    /// Makes something that this caller can delete by this row.
    pub(super) async fn make_fresh(&self, row: &Row, caller: &Caller, names: Names) -> Names {
        let name = format!("gone-{}", self.fresh.fetch_add(1, Ordering::Relaxed));
        let last = row.path.rsplit('/').next().unwrap();
        match (last, row.path.contains("/repositories/")) {
            ("{user_id}", _) => names.with("user_id", self.new_user(&name).await),
            ("{token_id}", _) if row.path.contains("current") => {
                names.with("token_id", self.new_token(&caller.api).await)
            }
            ("{token_id}", _) => names.with("token_id", self.new_token(&self.registry.user("victim")).await),
            ("{group_id}", _) => names.with("group_id", self.new_group(&name).await),
            ("{role_id}", _) => names.with("role_id", self.new_role(&name).await),
            ("{policy_id}", _) => names.with("policy_id", self.new_policy(&name).await),
            ("{meta_name}", _) => {
                self.set("/projects/team/metadatas", &json!({ "auto_scan": "true" })).await;
                names
            }
            ("{mid}", _) => names.with("mid", self.new_member(&name).await),
            ("{robot_id}", _) => names.with("robot_id", &self.new_robot(&name).await["id"]),
            ("{id}", _) => names.with("id", self.new_trust_rule(&name).await),
            ("{label_id}", true) => {
                self.label_artifact().await;
                names
            }
            ("{label_id}", false) => names.with("label_id", self.new_label(&name).await),
            ("{repository_name}", _) => {
                self.admin().push_image(&format!("{PROJECT}/{name}"), "v1", &image().build()).await;
                names.with("repository_name", name)
            }
            ("{reference}", _) => {
                let content = image().seed(self.fresh.load(Ordering::Relaxed)).build();
                self.admin().push_image("team/app", &name, &content).await;
                names.with("reference", name)
            }
            ("{tag_name}", _) => {
                let path = "/projects/team/repositories/app/artifacts/v1/tags";
                self.new_thing(path, &json!({ "name": name })).await;
                names.with("tag_name", name)
            }
            // Nothing is called as its name says.
            ("{session_id}", _) => names,
            // A project that holds something is not removed.
            ("{project_name_or_id}", _) => names,
            _ => panic!("what does {} {} delete?", row.method, row.path),
        }
    }

    fn admin(&self) -> Api {
        self.registry.admin()
    }

    async fn get(&self, path: &str) -> Value {
        self.admin().get(&format!("{ROOT}{path}")).await.assert_status(200).json()
    }

    /// Gives something what it has perhaps already.
    async fn set(&self, path: &str, body: &Value) {
        let reply = self.admin().post_json(&format!("{ROOT}{path}"), body).await;
        assert!(matches!(reply.status, 200 | 201 | 409), "{reply:?}");
    }

    /// Makes something, and gives its number.
    async fn new_thing(&self, path: &str, body: &Value) -> String {
        number(&self.admin().post_json(&format!("{ROOT}{path}"), body).await)
    }

    async fn new_user(&self, name: &str) -> String {
        self.registry.create_user(name).await;
        let found = self.get(&format!("/users?q=username%3D{name}")).await;
        found[0]["user_id"].to_string()
    }

    async fn new_member(&self, name: &str) -> String {
        self.registry.create_user(name).await;
        let member = json!({ "role_id": role::GUEST, "member_user": { "username": name } });
        self.new_thing("/projects/team/members", &member).await
    }

    async fn new_robot(&self, name: &str) -> Value {
        let access = json!([{ "resource": "repository", "action": "pull" }]);
        let permissions = json!([{ "kind": "project", "namespace": PROJECT, "access": access }]);
        let robot = json!({ "name": name, "level": "project", "duration": -1, "permissions": permissions });
        self.admin().post_json(&format!("{ROOT}/robots"), &robot).await.assert_status(201).json()
    }

    async fn new_label(&self, name: &str) -> String {
        let project: i64 = self.names.get("project_id").parse().unwrap();
        self.new_thing("/labels", &json!({ "name": name, "scope": "p", "project_id": project })).await
    }

    async fn label_artifact(&self) {
        let label: i64 = self.names.get("label_id").parse().unwrap();
        self.set("/projects/team/repositories/app/artifacts/v1/labels", &json!({ "id": label })).await;
    }

    async fn new_group(&self, name: &str) -> String {
        self.new_thing("/usergroups", &json!({ "group_name": name, "group_type": 2 })).await
    }

    async fn new_role(&self, name: &str) -> String {
        let mut body: Value = serde_json::from_str(rows::ROLE).unwrap();
        body["role_name"] = name.into();
        self.new_thing("/roles", &body).await
    }

    async fn new_policy(&self, name: &str) -> String {
        let mut body: Value = serde_json::from_str(rows::POLICY).unwrap();
        body["name"] = name.into();
        self.new_thing("/access-policies", &body).await
    }

    async fn new_trust_rule(&self, name: &str) -> String {
        let mut body: Value = serde_json::from_str(&self.names.fill(rows::TRUST_RULE)).unwrap();
        body["name"] = name.into();
        self.new_thing("/trustrules", &body).await
    }

    async fn new_token(&self, user: &Api) -> String {
        let name = match self.callers.len() < Role::ALL.len() {
            true => "own".to_owned(),
            false => format!("gone-{}", self.fresh.fetch_add(1, Ordering::Relaxed)),
        };
        number(&user.post_json(&format!("{ROOT}/users/current/tokens"), &json!({ "name": name })).await)
    }
}

/// Numbers that nothing has.
pub(super) const ABSENT_NUMBERS: [(&str, &str); 5] = [
    ("project_id", "900001"),
    ("robot_id", "900002"),
    ("label_id", "900003"),
    ("id", "900004"),
    ("mid", "900005"),
];

/// The number in the `Location` of what was made.
fn number(made: &Reply) -> String {
    made.clone().assert_status(201).location().rsplit('/').next().unwrap().to_owned()
}
