use super::*;

#[test]
fn every_permission_is_written_and_read_and_listed_once() {
    for permission in Permission::all() {
        assert_eq!(permission.to_string().parse(), Ok(permission));
        assert_eq!(Permission::new(permission.resource(), permission.verb()), Some(permission));
    }
    assert_eq!(PermissionSet::ALL.len(), TABLE.len());
    for &resource in Resource::ALL {
        assert!(TABLE.iter().any(|line| line.0 == resource), "{resource} has no permission");
    }
    for &verb in Verb::ALL {
        assert!(TABLE.iter().any(|line| line.1 == verb), "{verb} is in no permission");
    }
}

#[test]
fn what_is_no_permission_is_refused() {
    for text in [
        "",
        ":",
        "repository",
        "repository:",
        ":pull",
        "repository:fly",
        "Repository:pull",
        "log:push",
        "*:*",
    ] {
        assert!(text.parse::<Permission>().is_err(), "{text}");
    }
    let long = format!("repository:{}", "a".repeat(10_000)).parse::<Permission>().unwrap_err();
    assert!(long.to_string().len() < 100, "an error does not repeat all of a hostile text");
}

#[test]
fn sets_behave_as_sets() {
    use Permission as P;
    let read: PermissionSet = [P::REPOSITORY_PULL, P::PROJECT_READ].into_iter().collect();
    let write = PermissionSet::of(&[P::REPOSITORY_PULL, P::REPOSITORY_PUSH]);
    assert_eq!(read.intersection(write), P::REPOSITORY_PULL.into());
    assert_eq!(read.union(write).len(), 3);
    assert_eq!(read.difference(write), P::PROJECT_READ.into());
    assert!(read.is_subset(&read.union(write)) && !read.is_subset(&write));
    assert!(PermissionSet::EMPTY.is_empty() && PermissionSet::EMPTY.is_subset(&read));
    assert_eq!(write.without(P::REPOSITORY_PUSH), P::REPOSITORY_PULL.into());
    assert_eq!(PermissionSet::from(P::REPOSITORY_PUSH).with_pull_for_push(), write);
    assert_eq!(PermissionSet::matching("*", "*"), PermissionSet::ALL);
    assert_eq!(PermissionSet::matching("tag", "*").len(), 3);
    assert_eq!(PermissionSet::matching("tag", "pull"), PermissionSet::EMPTY);
}

#[test]
fn a_set_is_a_list_of_texts() {
    let set = Action::Push.permissions();
    let json = serde_json::to_string(&set).unwrap();
    assert_eq!(json, r#"["repository:pull","repository:push"]"#);
    assert_eq!(serde_json::from_str::<PermissionSet>(&json).unwrap(), set);
    // Escapes keep a reader from lending the text.
    assert_eq!(serde_json::from_str::<PermissionSet>(r#"["repository\u003apull"]"#).unwrap().len(), 1);
    assert!(serde_json::from_str::<PermissionSet>(r#"["repository:fly"]"#).is_err());
}

#[test]
fn robots_may_be_given_what_harbor_lists() {
    let system = PermissionSet::of_robots(Level::System);
    let project = PermissionSet::of_robots(Level::Project);
    assert_eq!((system.len(), project.len()), (70, 70), "as Harbor 2.16's GET /permissions");
    assert!(Action::Push.permissions().is_subset(&project) && !system.contains(Permission::REPOSITORY_PULL));
    assert!(system.contains(Permission::USER_CREATE) && !project.contains(Permission::USER_CREATE));
    assert!(!project.contains(Permission::ROBOT_UPDATE));
}
