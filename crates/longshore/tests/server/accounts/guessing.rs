//! Passwords are not to be found by trying, and trying is not to keep others out.

use std::{cell::Cell, time::Instant};

use longshore_testkit::{Api, Builder, PASSWORD, Reply, TestRegistry, basic, eventually};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::with_accounts;

/// Where a name and a password are taken.
const FACES: [&str; 3] = ["/v2/", "/service/token?service=harbor-registry", "/api/v2.0/users/current"];

/// Believes what its proxy says of addresses, so that tests can come from many.
fn behind_a_proxy() -> Builder {
    with_accounts().set("http.trusted_proxies", json!(["127.0.0.1"]))
}

async fn from(address: &str, caller: &Api, path: &str) -> Reply {
    caller.call(Method::GET, path).header("X-Forwarded-For", address).send().await
}

/// Addresses that nobody has used before.
struct Strangers(Cell<u32>);

impl Strangers {
    fn next(&self) -> String {
        self.0.set(self.0.get() + 1);
        let [_, a, b, c] = self.0.get().to_be_bytes();
        format!("10.{a}.{b}.{c}")
    }
}

/// Whoever guesses from a new address each time is held up by the account, on every face.
#[tokio::test]
async fn one_account_from_everywhere() {
    let registry = behind_a_proxy().spawn().await;
    let strangers = Strangers(Cell::new(0));
    let users: Vec<_> = FACES.iter().zip(["ann", "bob", "eve"]).collect();
    for (_, user) in &users {
        registry.create_user(user).await;
    }
    registry.create_user("max").await;
    for (path, user) in users {
        let right = registry.user(user);
        let mut held_up = false;
        // The delay begins with a second, which a slow machine may need for the next request.
        for round in 0..5 {
            let mut guesses = JoinSet::new();
            for nth in 0..6 {
                let guess = registry.authorized(basic(user, &format!("Guess{round}{nth}")));
                let (address, path) = (strangers.next(), *path);
                guesses.spawn(async move { from(&address, &guess, path).await.assert_status(401) });
            }
            guesses.join_all().await;
            held_up = from(&strangers.next(), &right, path).await.status == 401;
            if held_up {
                break;
            }
        }
        assert!(held_up, "{path}: what strangers try is all looked at");
        from(&strangers.next(), &registry.user("max"), path).await.assert_status(200);
    }
}

/// Whoever tries many names from one address is told to wait, whether there is somebody of that name or not.
#[tokio::test]
async fn many_accounts_from_one_address() {
    let registry = behind_a_proxy().spawn().await;
    registry.create_user("ann").await;
    let guess = async |name: &str, path: &str| {
        let guess = registry.authorized(basic(name, "Guess123"));
        from("192.0.2.66", &guess, path).await
    };
    let begun = Instant::now();
    let mut looked_at = 0;
    let reply = loop {
        let reply = guess(&format!("name{looked_at}"), FACES[looked_at % FACES.len()]).await;
        if reply.status == 429 {
            break reply;
        }
        reply.assert_status(401);
        looked_at += 1;
        assert!(looked_at < 100, "in {:?} nobody said to wait", begun.elapsed());
    };
    assert!(looked_at >= 30, "only {looked_at} may go wrong");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1, "{reply:?}");
    for path in FACES {
        // Others are where they were.
        from("192.0.2.1", &registry.user("ann"), path).await.assert_status(200);
        from("192.0.2.2", &registry.admin(), path).await.assert_status(200);
    }
    slower_and_slower(&registry, guess).await;
}

/// Each try that was looked at makes the next wait longer.
async fn slower_and_slower(registry: &TestRegistry, guess: impl AsyncFn(&str, &str) -> Reply) {
    let (mut waits, names) = (Vec::new(), Cell::new(0));
    let next = async || {
        names.set(names.get() + 1);
        guess(&format!("other{}", names.get()), FACES[0]).await
    };
    while waits.len() < 2 {
        eventually("the end of the wait", || async { (next().await.status != 429).then_some(()) }).await;
        let wait = next().await.assert_status(429);
        waits.push(wait.header("retry-after").parse::<u64>().unwrap());
    }
    assert!(waits[0] < waits[1], "{waits:?}");
    // What is no password, made by us and long, is not held up.
    let made = json!({ "name": "program" });
    let ann = registry.authorized(basic("ann", PASSWORD));
    let token = ann.post_json("/api/v2.0/users/current/tokens", &made).await.assert_status(201).json();
    let program = registry.authorized(basic("ann", token["secret"].as_str().unwrap()));
    from("192.0.2.66", &program, FACES[0]).await.assert_status(200);
}
