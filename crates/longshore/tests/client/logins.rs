//! Logging in, out, and being told what is wrong.

use longshore_testkit::{PASSWORD, TestRegistry, image, role};

use crate::support::Person;

#[tokio::test]
async fn whoever_logs_in_sees_more() {
    let registry = TestRegistry::builder().accounts().spawn().await;
    registry.create_user("ann").await;
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", role::DEVELOPER).await;
    registry.user("ann").push_image("team/app", "v1", &image().build()).await;
    let (host, ann) = (registry.address(), Person::new());

    let refused = ann.run(&format!("tags {host}/team/app")).await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.stderr.contains(&format!("longshore login {host}")), "{refused:?}");

    let wrong = ann.run_with(&format!("login {host} --user ann --password-stdin"), "wrong").await;
    assert_eq!(wrong.code, Some(5), "{wrong:?}");
    assert!(!ann.docker_file().exists());

    let login =
        ann.run_with(&format!("login {host} --user ann --password-stdin"), &format!("{PASSWORD}\n")).await;
    assert!(
        login.clone().assert_success().starts_with(&format!("logged in to {host}; kept in ")),
        "{login:?}"
    );
    assert_eq!(ann.must(&format!("tags {host}/team/app")).await, "v1\n");
    assert_eq!(ann.must(&format!("catalog {host} --output json")).await, "[\n  \"team/app\"\n]\n");

    ann.must(&format!("logout {host}")).await;
    assert_eq!(ann.run(&format!("tags {host}/team/app")).await.code, Some(5));
    assert_eq!(ann.must(&format!("logout {host}")).await, format!("not logged in to {host}\n"));
}

#[tokio::test]
async fn a_helper_keeps_the_secret() {
    let registry = TestRegistry::builder().accounts().spawn().await;
    registry.create_user("ann").await;
    let (host, ann) = (registry.address(), Person::new());
    // A helper that keeps what it is given in a file.
    let folder = tempfile::tempdir().unwrap();
    let (program, kept) = (folder.path().join("docker-credential-kept"), folder.path().join("kept"));
    let script = format!(
        "#!/bin/sh\ncase $1 in\nstore) cat >{0} ;;\nget) cat {0} 2>/dev/null || {{ echo 'credentials not found in native \
         keychain'; exit 1; }} ;;\nerase) rm {0} ;;\nesac\n",
        kept.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(ann.docker_file().parent().unwrap()).unwrap();
    std::fs::write(ann.docker_file(), r#"{"credsStore": "kept"}"#).unwrap();
    let ann = ann.with_path(folder.path());

    let login = ann.run_with(&format!("login {host} --user ann --password-stdin"), PASSWORD).await;
    assert!(login.assert_success().contains("docker-credential-kept"));
    assert!(std::fs::read_to_string(&kept).unwrap().contains(PASSWORD));
    assert!(!std::fs::read_to_string(ann.docker_file()).unwrap().contains("auths"));
    assert!(ann.must(&format!("ping {host}")).await.contains("Password(ann, ***)"));
    ann.must(&format!("logout {host}")).await;
    assert!(!kept.exists());
}

#[tokio::test]
async fn ping_tells_what_is_wrong() {
    let registry = TestRegistry::start().await;
    let person = Person::new();
    let good = person.must(&format!("ping {}", registry.address())).await;
    assert_eq!(
        good.lines().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["name", "connection", "API", "login", "clock"]
    );
    let nobody = person.run("ping localhost:1").await;
    assert_eq!((nobody.code, nobody.stderr.contains("connection: ")), (Some(1), true), "{nobody:?}");
    let nowhere = person.run("ping nowhere.invalid").await;
    assert!(nowhere.stderr.contains("name: nowhere.invalid has no address"), "{nowhere:?}");
}

#[tokio::test]
async fn arguments_that_name_nothing_are_explained() {
    let person = Person::new();
    let refused = person.run("inspect alpine").await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("docker.io/library/alpine"), "{refused:?}");
    let refused = person.run("login localhost:5000 --user ann").await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--password-stdin"), "{refused:?}");
}
