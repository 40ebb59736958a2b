//! Users, projects and tokens of a [`TestRegistry`] that has accounts.

use serde_json::{Value, json};

use crate::{Api, Reply, TestRegistry, base64};

/// The password of users that [`TestRegistry::create_user`] makes.
pub const PASSWORD: &str = "Secret123";

/// Harbor's roles, as its API numbers them.
pub mod role {
    /// Everything in the project.
    pub const PROJECT_ADMIN: i64 = 1;
    /// Push and pull.
    pub const DEVELOPER: i64 = 2;
    /// Pull, and see the project.
    pub const GUEST: i64 = 3;
    /// Push, pull and delete.
    pub const MAINTAINER: i64 = 4;
    /// Pull.
    pub const LIMITED_GUEST: i64 = 5;
}

/// The `Authorization` of a name and a password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{name}:{password}").as_bytes()))
}

impl TestRegistry {
    /// The password that the first start made for `admin`.
    ///
    /// # Panics
    /// When there are no accounts, or it was changed.
    pub fn admin_password(&self) -> String {
        let path = self.data().join("longshore/admin-password");
        let text = std::fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
    }

    /// Requests by the user `admin`.
    pub fn admin(&self) -> Api {
        self.authorized(basic("admin", &self.admin_password()))
    }

    /// Requests by a user whom [`TestRegistry::create_user`] made.
    pub fn user(&self, name: &str) -> Api {
        self.authorized(basic(name, PASSWORD))
    }

    /// Makes a user who may do nothing yet, and gives requests by them.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn create_user(&self, name: &str) -> Api {
        let user = json!({
            "username": name, "password": PASSWORD, "email": format!("{name}@example.org"), "realname": name,
        });
        self.admin().post_json("/api/v2.0/users", &user).await.assert_status(201);
        self.user(name)
    }

    /// Makes a project.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn create_project(&self, name: &str, public: bool) {
        let project = json!({ "project_name": name, "metadata": { "public": public.to_string() } });
        self.admin().post_json("/api/v2.0/projects", &project).await.assert_status(201);
    }

    /// Makes a user a member of a project.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn add_member(&self, project: &str, user: &str, role: i64) {
        let member = json!({ "role_id": role, "member_user": { "username": user } });
        let path = format!("/api/v2.0/projects/{}/members", project.replace('/', "%2F"));
        self.admin().post_json(&path, &member).await.assert_status(201);
    }
}

impl Api {
    /// `POST` of JSON.
    pub async fn post_json(&self, path: &str, body: &Value) -> Reply {
        let call = self.call(reqwest::Method::POST, path).header("Content-Type", "application/json");
        call.body(body.to_string()).send().await
    }

    /// `PUT` of JSON.
    pub async fn put_json(&self, path: &str, body: &Value) -> Reply {
        let call = self.call(reqwest::Method::PUT, path).header("Content-Type", "application/json");
        call.body(body.to_string()).send().await
    }

    /// Asks the token service, with the credentials of these requests.
    pub async fn ask_for_token(&self, scopes: &[&str]) -> Reply {
        let scopes: String = scopes.iter().map(|scope| format!("&scope={scope}")).collect();
        self.get(&format!("/service/token?service=harbor-registry{scopes}")).await
    }

    /// Requests with a token that was made for the credentials of these requests.
    ///
    /// # Panics
    /// When the token service refuses.
    pub async fn with_token(&self, scopes: &[&str]) -> Self {
        let reply = self.ask_for_token(scopes).await.assert_status(200).json();
        self.authorized(format!("Bearer {}", reply["token"].as_str().expect("there is a token")))
    }
}
