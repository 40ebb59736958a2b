//! Rights that end while a push is under way.

use longshore_testkit::{Blob, RawConnection, TestRegistry, role, with_query};

use super::with_accounts;

const MEMBERS: &str = "/api/v2.0/projects/team/members";

/// Begins to send a blob, takes the sender's rights when `leaves`, and sends the rest after longer than a body may stall.
async fn status_of_a_slow_push(registry: &TestRegistry, name: &str, leaves: bool) -> u16 {
    registry.create_user(name).await;
    registry.add_member("team", name, role::DEVELOPER).await;
    let user = registry.user(name);
    let scope = format!("repository:team/{name}:pull,push");
    let token = user.ask_for_token(&[&scope]).await.assert_status(200).json();
    let authorization = format!("Authorization: Bearer {}\r\n", token["token"].as_str().unwrap());
    let blob = Blob::random(1000);
    let location = user.start_upload(&format!("team/{name}")).await;
    let finish = with_query(&location, &format!("digest={}", blob.digest));
    let mut raw = RawConnection::open(registry.address()).await;
    let headers = format!("{authorization}Content-Type: application/octet-stream\r\n");
    raw.write_part("PUT", &finish, &headers, 1000, &blob.bytes[..500]).await.unwrap();
    if leaves {
        let admin = registry.admin();
        let members = admin.get(&format!("{MEMBERS}?entityname={name}")).await.assert_status(200).json();
        admin.delete(&format!("{MEMBERS}/{}", members[0]["id"])).await.assert_status(200);
    }
    for piece in blob.bytes[500..].chunks(100) {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        raw.write(piece).await.unwrap();
    }
    raw.read_reply().await.unwrap().status
}

#[tokio::test]
async fn who_lost_the_right_ends_no_push() {
    let registry = with_accounts().set("limits.body_timeout", "400ms").spawn().await;
    registry.create_project("team", false).await;
    assert_eq!(status_of_a_slow_push(&registry, "stays", false).await, 201);
    assert_eq!(status_of_a_slow_push(&registry, "leaves", true).await, 401);
}
