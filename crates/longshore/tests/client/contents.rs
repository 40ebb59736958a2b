//! Looking into images: their files, and what differs between two.

use longshore_testkit::{Content, Distribution, TestRegistry};
use serde_json::{Value, json};

use crate::{
    packed::{Layer, image_of, layer},
    support::Person,
};

const DPKG: &str = "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12\n\n\
                    Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n";

/// A base as distributions have it, and two layers of an application over it.
async fn layers() -> [Layer; 3] {
    [
        layer(&[
            ("etc/os-release", "->../usr/lib/os-release"),
            ("usr/lib/os-release", "NAME=Example\n"),
            ("usr/bin/tool", "old tool\n"),
            ("bin", "->usr/bin"),
            ("var/lib/dpkg/status", DPKG),
            ("tmp/rubbish", "rubbish\n"),
        ])
        .await,
        layer(&[("usr/bin/tool", "new tool\n"), ("tmp/.wh.rubbish", ""), ("srv/app/main", "main\n")]).await,
        layer(&[("srv/app/data", "\u{1b}[2Jdata\n"), ("srv/app/main", "main, again\n")]).await,
    ]
}

async fn push_app(registry: &TestRegistry) -> Content {
    let app = image_of(&layers().await, json!({"Cmd": ["/srv/app/main"], "Env": ["MODE=fast"]}));
    registry.push_image("team/app", "v1", &app).await;
    app
}

#[tokio::test]
async fn folders_are_listed_and_files_printed() {
    let registry = TestRegistry::start().await;
    let app = push_app(&registry).await;
    let (person, files) = (Person::new(), format!("files {}/team/app:v1", registry.address()));

    let listed = person.must(&format!("{files} /srv/app")).await;
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines,
        [
            vec!["MODE", "OWNER", "SIZE", "LAYER", "PATH"],
            vec!["-rw-r--r--", "0:0", "9", "B", "3", "/srv/app/data"],
            vec!["-rw-r--r--", "0:0", "12", "B", "3", "/srv/app/main"],
        ]
    );
    let all = person.must(&format!("{files} --recursive -o json")).await;
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    let of = |path: &str| all.iter().find(|file| file["path"] == path).cloned().unwrap_or_default();
    assert_eq!(of("/bin")["target"], "usr/bin");
    assert_eq!(of("/tmp/rubbish"), Value::Null, "a layer hides it");
    let tool = of("/usr/bin/tool");
    assert_eq!((&tool["layer"], &tool["size"], &tool["mode"]), (&2.into(), &9.into(), &"0644".into()));
    assert_eq!(tool["layerDigest"], app.blobs[1].digest.to_string());

    // From an upper layer, from a lower one, through links.
    assert_eq!(person.must(&format!("{files} srv/app/main")).await, "main, again\n");
    assert_eq!(person.must(&format!("{files} /usr/bin/tool")).await, "new tool\n");
    assert_eq!(person.must(&format!("{files} /bin/tool")).await, "new tool\n");
    assert_eq!(person.must(&format!("{files} /etc/os-release")).await, "NAME=Example\n");
    let data = person.must(&format!("{files} /srv/app/data")).await;
    assert_eq!(data, "\u{1b}[2Jdata\n", "in a pipe, bytes are what they are");

    for missing in ["/tmp/rubbish", "/srv/none", "/srv/app/main/none"] {
        let missing = person.run(&format!("{files} {missing}")).await;
        assert_eq!(missing.code, Some(4), "{missing:?}");
    }
}

#[tokio::test]
async fn a_layer_is_looked_at_alone() {
    let registry = TestRegistry::start().await;
    let app = push_app(&registry).await;
    let (person, files) = (Person::new(), format!("files {}/team/app:v1", registry.address()));
    let listed = person.must(&format!("{files} /tmp --layer 2")).await;
    assert!(listed.ends_with("/tmp/rubbish (hides it)\n"), "{listed}");
    assert_eq!(person.must(&format!("{files} /tmp/rubbish --layer 1")).await, "rubbish\n");
    let digest = app.blobs[0].digest;
    for named in [digest.to_string(), digest.hex()[..12].to_owned()] {
        assert_eq!(person.must(&format!("{files} /usr/bin/tool --layer {named}")).await, "old tool\n");
    }
    assert_eq!(person.run(&format!("{files} /usr/bin/tool --layer 3")).await.code, Some(4));
    let none = person.run(&format!("{files} --layer 4")).await;
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("there are 1 to 3"), "{none:?}");
}

#[tokio::test]
async fn lower_layers_are_not_fetched_for_what_lies_above() {
    let root = tempfile::tempdir().unwrap();
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let registry = Distribution::serve(root.path()).await;
    let app = image_of(&layers().await, json!({}));
    registry.push_image("app", "v1", &app).await;
    // Without the lowest layer, nothing that needs it can be said.
    let hex = app.blobs[0].digest.hex();
    let lowest = root.path().join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(&hex);
    std::fs::remove_dir_all(lowest).unwrap();
    let (person, host) = (Person::new(), registry.base().trim_start_matches("http://").to_owned());
    assert_eq!(person.must(&format!("files {host}/app:v1 /usr/bin/tool")).await, "new tool\n");
    assert_ne!(person.run(&format!("files {host}/app:v1 /srv")).await.code, Some(0));
}

#[tokio::test]
async fn images_are_compared() {
    let registry = TestRegistry::start().await;
    let one = push_app(&registry).await;
    let [base, second, _] = layers().await;
    let newer = DPKG.replace("1:1.2", "1:1.3").replace("base-files", "base-passwd");
    let top = layer(&[("srv/app/main", "main, again and again\n"), ("var/lib/dpkg/status", &newer)]).await;
    let two = image_of(
        &[base, second, top],
        json!({"Cmd": ["/srv/app/main", "-v"], "User": "app", "Env": ["MODE=fast"]}),
    );
    registry.push_image("team/app", "v2", &two).await;
    let host = registry.address();
    let (person, diff) = (Person::new(), format!("diff {host}/team/app:v1 {host}/team/app:v2"));

    let text = person.must(&diff).await;
    let lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "no {line:?} in:\n{text}");
    has(&format!("- {}", one.digest()));
    has(&format!("+ {}", two.digest()));
    has(r#"- cmd ["/srv/app/main"]"#);
    has(r#"+ cmd ["/srv/app/main","-v"]"#);
    has("+ user app");
    has("- base-files amd64 12");
    has("+ base-passwd amd64 12");
    has("~ zlib1g amd64 1:1.2 -> 1:1.3");
    has("- -rw-r--r-- 9 B /srv/app/data");
    has("~ -rw-r--r-- 12 B -> 22 B /srv/app/main");
    assert!(!text.contains("MODE") && !text.contains("/usr/bin"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("= 2 shared ")), "{text}");

    let value: Value = serde_json::from_str(&person.must(&format!("{diff} -o json")).await).unwrap();
    assert_eq!(value["layers"]["shared"].as_array().unwrap().len(), 2);
    assert_eq!(value["layers"]["before"][0]["digest"], one.blobs[2].digest.to_string());
    assert_eq!(value["files"]["removed"][0]["path"], "/srv/app/data");
    assert_eq!(value["packages"].as_array().unwrap().len(), 3);

    let short: Value =
        serde_json::from_str(&person.must(&format!("{diff} --no-files -o json")).await).unwrap();
    assert_eq!((&short["files"], &short["packages"]), (&Value::Null, &Value::Null));
    assert_eq!(short["configuration"], value["configuration"]);
    let same = person.must(&format!("diff {host}/team/app:v1 {host}/team/app:v1")).await;
    assert!(
        !same.contains("FILES") && !same.contains("CONFIGURATION") && same.contains("3 shared"),
        "{same}"
    );
}
