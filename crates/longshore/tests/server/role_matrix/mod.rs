//! Every route of the management API, called by somebody of every role.
//!
//! What is called is what the server's own description lists, so that no route can be without an expectation, and what
//! is expected is written down in [`rows`] from Harbor's documentation.

mod rows;
mod world;

use std::collections::BTreeMap;

use longshore_testkit::{Api, Reply};
use reqwest::Method;

use self::{
    rows::{Admits, Row},
    world::{ABSENT, ABSENT_NUMBERS, Caller, Names, PROJECT, ROOT, World},
};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Anonymous,
    /// Somebody with a login and nothing else.
    Stranger,
    LimitedGuest,
    Guest,
    Developer,
    Maintainer,
    ProjectAdmin,
    Auditor,
    Admin,
    /// A robot of the project that may pull.
    Robot,
}

impl Role {
    const ALL: [Self; 10] = [
        Self::Anonymous,
        Self::Stranger,
        Self::LimitedGuest,
        Self::Guest,
        Self::Developer,
        Self::Maintainer,
        Self::ProjectAdmin,
        Self::Auditor,
        Self::Admin,
        Self::Robot,
    ];

    /// Whether the project is there for them.
    fn knows_project(self) -> bool {
        !matches!(self, Self::Anonymous | Self::Stranger | Self::Robot)
    }
}

/// What somebody is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It is done, or it would be but for something that is no question of rights.
    Done,
    /// There is no such thing for anybody.
    Missing,
    /// They have to log in; and the same if what it is about does not exist.
    LogIn,
    Forbidden,
    /// Exactly as if what it is about does not exist.
    Hidden,
    /// One of the two.
    ForbiddenOrHidden,
}

impl Admits {
    fn answer(self, role: Role) -> Answer {
        let (admitted, otherwise) = match self {
            Self::Everybody => (true, Answer::LogIn),
            Self::EverybodyInVain => return Answer::Missing,
            Self::SignedIn => (role != Role::Anonymous, Answer::LogIn),
            Self::Users => (!matches!(role, Role::Anonymous | Role::Robot), Answer::Forbidden),
            Self::OfSystem(roles) => (roles.contains(&role), Answer::Forbidden),
            Self::OfProject(roles) if role.knows_project() => (roles.contains(&role), Answer::Forbidden),
            Self::OfObject(roles) if role.knows_project() => {
                (roles.contains(&role), Answer::ForbiddenOrHidden)
            }
            Self::OfProject(_) | Self::OfObject(_) => (false, Answer::Hidden),
        };
        match (admitted, role) {
            (true, _) => Answer::Done,
            (false, Role::Anonymous) => Answer::LogIn,
            (false, _) => otherwise,
        }
    }
}

async fn call(api: &Api, row: &Row, names: &Names) -> Reply {
    let query = if row.query.is_empty() { String::new() } else { format!("?{}", names.fill(row.query)) };
    let path = format!("{ROOT}{}{query}", names.fill(row.path));
    let call = api.call(Method::from_bytes(row.method.as_bytes()).unwrap(), &path);
    match row.body {
        "" if row.method == "POST" => call.header("Content-Length", "0").send().await,
        "" => call.send().await,
        body => call.header("Content-Type", "application/json").body(names.fill(body)).send().await,
    }
}

/// All of an answer but what every answer has of its own, and lengths: numbers of what is not there are longer.
fn shown(reply: &Reply) -> String {
    let kept = |name: &str| !matches!(name, "date" | "x-request-id" | "content-length");
    let headers = reply.headers.iter().filter(|(name, _)| kept(name.as_str()));
    let mut lines: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    lines.sort();
    format!("{}\n{}\n\n{}", reply.status, lines.join("\n"), String::from_utf8_lossy(&reply.body))
}

/// Whether this is the answer for what is not there.
async fn is_as_if_absent(caller: &Caller, row: &Row, names: &Names, reply: &Reply) -> bool {
    let absent = World::absent(names.clone());
    let other = call(&caller.api, row, &absent).await;
    let renamed =
        ABSENT_NUMBERS.iter().fold(shown(&other).replace(ABSENT, PROJECT), |text, (name, number)| {
            text.replace(number, names.get(name))
        });
    shown(reply) == renamed
}

async fn check(world: &World, row: &Row, caller: &Caller) -> Result<(), String> {
    let wanted = row.admits.answer(caller.role);
    let mut names = world.names_for(row, caller);
    if (row.method, wanted) == ("DELETE", Answer::Done) {
        names = world.make_fresh(row, caller, names).await;
    }
    check_answer(row, caller, &names, wanted).await?;
    match wanted {
        Answer::LogIn | Answer::Hidden if row.path.contains("{project_name_or_id}") => {
            check_answer(row, caller, &World::by_number(names), wanted).await
        }
        _ => Ok(()),
    }
}

async fn check_answer(row: &Row, caller: &Caller, names: &Names, wanted: Answer) -> Result<(), String> {
    let reply = call(&caller.api, row, names).await;
    let right = match (wanted, reply.status) {
        (Answer::Done, status) => is_done(row, status),
        (Answer::Missing, 404) | (Answer::Forbidden | Answer::ForbiddenOrHidden, 403) => true,
        (Answer::LogIn, 401) | (Answer::Hidden | Answer::ForbiddenOrHidden, 404) => {
            is_as_if_absent(caller, row, names, &reply).await
        }
        _ => false,
    };
    match right {
        true => Ok(()),
        false => Err(format!("{:?} is not answered {wanted:?}: {reply:?}", caller.role)),
    }
}

/// Whether somebody was let through: it is done, or it is there already or in the way.
fn is_done(row: &Row, status: u16) -> bool {
    if row.is_invalid { status == 400 } else { matches!(status, 200 | 201 | 409 | 412) }
}

/// What the server says of its routes: permissions in words, by method and path.
async fn described(api: &Api) -> BTreeMap<(String, String), String> {
    let document = api.get(&format!("{ROOT}/openapi.json")).await.assert_status(200).json();
    let mut routes = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let permission = &operation["x-longshore-permission"];
            let mut words = vec![permission["of"].as_str().unwrap()];
            words.extend(permission["any"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()));
            routes.insert((method.to_uppercase(), path.clone()), words.join(" "));
        }
    }
    routes
}

fn expected() -> BTreeMap<(String, String), String> {
    let key = |row: &Row| (row.method.to_owned(), row.path.to_owned());
    rows::all().map(|row| (key(row), row.permission.to_owned())).collect()
}

/// Whether an answer names the project.
fn tells(reply: &Reply) -> bool {
    String::from_utf8_lossy(&reply.body).contains(&format!("\"{PROJECT}"))
}

/// What lists and sums tell of the project to whom it is there, and to others.
async fn check_lists(caller: &Caller, errors: &mut Vec<String>) {
    for path in ["/projects", "/repositories", "/search?q=ea"] {
        let reply = caller.api.get(&format!("{ROOT}{path}")).await;
        if tells(&reply) != caller.role.knows_project() {
            errors.push(format!("{:?}: {reply:?}", caller.role));
        }
    }
    // What others did there.
    for path in ["/audit-logs", "/auditlog-exts"] {
        let reply = caller.api.get(&format!("{ROOT}{path}?q=username%3Dadmin,resource%3D~{PROJECT}")).await;
        if tells(&reply) != rows::RECORD.contains(&caller.role) {
            errors.push(format!("{:?}: {reply:?}", caller.role));
        }
    }
    let summary = caller.api.get(&format!("{ROOT}/projects/{PROJECT}/summary")).await;
    if summary.status == 200 {
        let has = |name: &str| summary.json().get(name).is_some();
        let right = has("quota") && has("guest_count") == rows::MEMBERS_LOOK.contains(&caller.role);
        if !right {
            errors.push(format!("{:?}: {summary:?}", caller.role));
        }
    }
    let statistics = caller.api.get(&format!("{ROOT}/statistics")).await;
    if statistics.status == 200 {
        let count = &statistics.json()["private_project_count"];
        if (*count != 0) != caller.role.knows_project() {
            errors.push(format!("{:?}: {statistics:?}", caller.role));
        }
    }
}

/// The distribution protocol has the same roles.
async fn check_protocol(caller: &Caller, errors: &mut Vec<String>) {
    for (action, roles) in rows::PROTOCOL {
        let reply = match action {
            "pull" => caller.api.get("/v2/team/app/manifests/v1").await,
            "push" => caller.api.post("/v2/team/app/blobs/uploads/").await,
            // Who may delete finds that it is not there.
            _ => caller.api.delete("/v2/team/app/manifests/none").await,
        };
        let wanted = match (roles.contains(&caller.role), action) {
            (true, "pull") => 200,
            (true, "push") => 202,
            (true, _) => 404,
            (false, _) if caller.role == Role::Anonymous => 401,
            (false, _) => 403,
        };
        if reply.status != wanted {
            errors.push(format!("{:?} may {action}? {wanted} is right: {reply:?}", caller.role));
        }
    }
}

/// What people may do to themselves that they may not do to others.
async fn check_own(world: &World, caller: &Caller, errors: &mut Vec<String>) {
    if matches!(caller.role, Role::Anonymous | Role::Robot) {
        return;
    }
    for row in rows::all().filter(|row| row.permission.starts_with("own ")) {
        let names = world.names_for(row, caller).with("user_id", &caller.user_id);
        let names = names.with("token_id", &caller.token_id);
        let reply = call(&caller.api, row, &names).await;
        if !is_done(row, reply.status) {
            errors.push(format!("{:?}, of themselves: {reply:?}", caller.role));
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_harbor_lets_in() {
    let world = World::make().await;
    assert_eq!(described(&world.registry).await, expected(), "what is described and what is expected here");
    let mut errors = Vec::new();
    for row in rows::all() {
        for caller in &world.callers {
            if let Err(error) = check(&world, row, caller).await {
                errors.push(error);
            }
        }
    }
    for caller in &world.callers {
        check_lists(caller, &mut errors).await;
        check_protocol(caller, &mut errors).await;
        check_own(&world, caller, &mut errors).await;
    }
    assert!(errors.is_empty(), "{} answers are wrong:\n{}", errors.len(), errors.join("\n"));
}
