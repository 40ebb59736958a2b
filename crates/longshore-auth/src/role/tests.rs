use super::*;
use crate::{Level, Resource, Verb};

#[test]
fn roles_have_harbors_numbers_and_names() {
    let named: Vec<_> = BuiltInRole::ALL.iter().map(|role| (role.id().0, role.name())).collect();
    assert_eq!(
        named,
        [(1, "projectAdmin"), (2, "developer"), (3, "guest"), (4, "maintainer"), (5, "limitedGuest")]
    );
    for role in BuiltInRole::ALL {
        assert_eq!(BuiltInRole::from_id(role.id()), Some(role));
        assert_eq!(BuiltInRole::from_name(role.name()), Some(role));
        assert!(role.id() < RoleId::CUSTOM_MIN);
    }
    assert_eq!(BuiltInRole::from_id(RoleId(6)), None);
}

#[test]
fn the_matrix_has_as_many_entries_as_harbors() {
    let ours = matrix::TRUST_RULES.union(matrix::NESTED_PROJECTS);
    let count = |role: BuiltInRole| role.permissions().difference(ours).len();
    assert_eq!(BuiltInRole::ALL.map(count), [75, 36, 20, 53, 14]);
}

/// The table of Harbor's documentation, "User Permissions By Role", as far as it speaks of what we have.
#[test]
fn the_matrix_agrees_with_harbors_documentation() {
    use BuiltInRole::{Developer, Guest, Maintainer, ProjectAdmin};
    let check = |permission: Permission, roles: &[BuiltInRole]| {
        for role in BuiltInRole::ALL {
            assert_eq!(
                role.permissions().contains(permission),
                roles.contains(&role),
                "{permission} {role:?}"
            );
        }
    };
    use Permission as P;
    let all = BuiltInRole::ALL;
    check(P::PROJECT_READ, &all);
    check(P::CONFIGURATION_READ, &all);
    check(P::REPOSITORY_PULL, &all);
    check(P::REPOSITORY_LIST, &all);
    check(P::QUOTA_READ, &all);
    check(P::PROJECT_CREATE, &[ProjectAdmin]);
    check(P::PROJECT_UPDATE, &[ProjectAdmin]);
    check(P::PROJECT_DELETE, &[ProjectAdmin]);
    check(P::MEMBER_CREATE, &[ProjectAdmin]);
    check(P::MEMBER_LIST, &[ProjectAdmin, Maintainer, Developer, Guest]);
    check(P::ROBOT_CREATE, &[ProjectAdmin]);
    check(P::ROBOT_LIST, &[ProjectAdmin, Maintainer, Developer, Guest]);
    check(P::TRUST_RULE_CREATE, &[ProjectAdmin]);
    check(P::LOG_LIST, &[ProjectAdmin]);
    check(P::METADATA_READ, &[ProjectAdmin, Maintainer]);
    check(P::METADATA_UPDATE, &[ProjectAdmin]);
    check(P::NOTIFICATION_POLICY_LIST, &[ProjectAdmin, Maintainer]);
    check(P::NOTIFICATION_POLICY_CREATE, &[ProjectAdmin]);
    check(P::REPOSITORY_PUSH, &[ProjectAdmin, Maintainer, Developer]);
    check(P::TAG_CREATE, &[ProjectAdmin, Maintainer, Developer]);
    check(P::ARTIFACT_LABEL_CREATE, &[ProjectAdmin, Maintainer, Developer]);
    check(P::EXPORT_CVE_CREATE, &[ProjectAdmin, Maintainer, Developer]);
    check(P::REPOSITORY_DELETE, &[ProjectAdmin, Maintainer]);
    check(P::ARTIFACT_DELETE, &[ProjectAdmin, Maintainer]);
    check(P::TAG_DELETE, &[ProjectAdmin, Maintainer]);
    check(P::IMMUTABLE_TAG_CREATE, &[ProjectAdmin, Maintainer]);
    check(P::SCAN_CREATE, &[ProjectAdmin, Maintainer]);
    check(P::LABEL_CREATE, &[ProjectAdmin, Maintainer]);
    check(P::LABEL_READ, &[ProjectAdmin, Maintainer, Developer, Guest]);
    check(P::USER_CREATE, &[]);
    check(P::SIGNING_KEY_LIST, &[]);
}

#[test]
fn roles_of_projects_reach_each_other() {
    let permissions = BuiltInRole::permissions;
    use BuiltInRole::{Developer, Guest, LimitedGuest, Maintainer, ProjectAdmin};
    for (less, more) in
        [(LimitedGuest, Guest), (Guest, Developer), (Developer, Maintainer), (Maintainer, ProjectAdmin)]
    {
        assert!(permissions(less).is_subset(&permissions(more)), "{less:?} {more:?}");
    }
    assert!(PUBLIC_PROJECT.is_subset(&permissions(Guest)));
}

#[test]
fn what_changes_or_hands_out_content_is_no_auditors() {
    let auditor = SystemRole::Auditor.permissions();
    for permission in Permission::all() {
        let reads = matches!(permission.verb(), Verb::Read | Verb::List);
        assert_eq!(auditor.contains(permission), reads, "{permission}");
        assert_eq!(SystemRole::Auditor.allows(permission), reads);
        assert!(SystemRole::Admin.allows(permission) && !SystemRole::None.allows(permission));
    }
    assert!(auditor.contains(Permission::AUDIT_LOG_LIST));
}

#[test]
fn every_user_has_their_own_account() {
    let everyone = of_every_user(ProjectCreation::Everyone);
    assert!(everyone.contains(Permission::PROJECT_CREATE));
    assert!(!of_every_user(ProjectCreation::AdminOnly).contains(Permission::PROJECT_CREATE));
    let others = PermissionSet::matching(Resource::User.as_str(), "*");
    assert!(everyone.intersection(others).is_empty(), "other people's accounts are not everybody's");
    assert!(!everyone.is_subset(&PermissionSet::of_robots(Level::System)));
}
