use longshore_accounts::{GroupFilter, GroupKind, ManageError, NewGroup, TextFilter};
use longshore_metadata::{Holder, Metadata};

use crate::support::{
    FakeSource, at, by_admin, login, on_both_databases, outcome, person, recorded, with_sources,
};

on_both_databases! {
    groups_are_made_found_and_taken_away,
    what_a_group_has_its_members_have,
    groups_of_two_sources_are_two,
}

fn ldap(dn: &str, name: &str) -> NewGroup {
    let (name, ldap_dn) = (name.to_owned(), dn.to_owned());
    NewGroup { kind: GroupKind::Ldap, name, ldap_dn, source: String::new() }
}

fn oidc(name: &str) -> NewGroup {
    NewGroup { kind: GroupKind::Oidc, name: name.to_owned(), ldap_dn: String::new(), source: String::new() }
}

async fn groups_are_made_found_and_taken_away(metadata: Metadata) {
    let accounts = with_sources(&metadata, &[]);
    let act = by_admin(1);
    let dev = accounts.create_group(&act, &ldap("CN=Dev, OU=Groups,dc=example", "Developers")).await.unwrap();
    let dev = dev.number();
    let group = accounts.group(dev).await.unwrap();
    assert_eq!(
        (group.name.as_str(), group.external_id.as_str()),
        ("Developers", "cn=dev,ou=groups,dc=example")
    );
    let same = accounts.create_group(&act, &ldap("cn=dev,ou=groups,dc=example", "Other")).await;
    assert!(matches!(same, Err(ManageError::Conflict(_))), "{same:?}");
    let ops = accounts.create_group(&act, &oidc("ops")).await.unwrap().number();
    for bad in [ldap("", "x"), ldap("no dn", "x"), oidc(""), oidc("a\nb"), oidc(&"x".repeat(256))] {
        let outcome = accounts.create_group(&act, &bad).await;
        assert!(matches!(outcome, Err(ManageError::Invalid(_))), "{bad:?}: {outcome:?}");
    }
    let unnamed = accounts.create_group(&act, &ldap("cn=x,dc=example", "")).await.unwrap().number();
    assert_eq!(accounts.group(unnamed).await.unwrap().name, "cn=x,dc=example");

    accounts.rename_group(&act, dev, "Makers").await.unwrap();
    let rename = accounts.rename_group(&act, ops, "Operators").await;
    assert!(matches!(rename, Err(ManageError::Precondition(_))), "{rename:?}");
    accounts.rename_group(&act, ops, "ops").await.unwrap();
    let names = async |filter: GroupFilter<'_>, skip, limit| {
        let (groups, total) = accounts.groups(&filter, skip, limit).await.unwrap();
        (groups.into_iter().map(|group| group.name).collect::<Vec<_>>(), total)
    };
    let all = ["Makers", "cn=x,dc=example", "ops"].map(str::to_owned).to_vec();
    assert_eq!(names(GroupFilter::default(), 0, 10).await, (all.clone(), 3));
    assert_eq!(names(GroupFilter::default(), 1, 1).await, (all[1..2].to_vec(), 3));
    assert_eq!(names(GroupFilter::default(), 9, 1).await, (vec![], 3));
    let named = GroupFilter { name: Some(TextFilter::Contains("ak")), ..GroupFilter::default() };
    assert_eq!(names(named, 0, 10).await, (all[..1].to_vec(), 1));

    accounts.delete_group(&act, ops).await.unwrap();
    assert!(matches!(accounts.group(ops).await, Err(ManageError::Unknown { .. })));
    assert!(matches!(accounts.delete_group(&act, ops).await, Err(ManageError::Unknown { .. })));
    for (operation, count) in [("create_user_group", 3), ("update_user_group", 1), ("delete_user_group", 1)] {
        assert_eq!(recorded(&metadata, operation).await.len(), count, "{operation}");
    }
}

async fn what_a_group_has_its_members_have(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", person("ann", &["dev"]));
    let act = by_admin(1);
    // Known before anybody of it has logged in.
    let group = accounts.create_group(&act, &ldap("cn=dev,dc=example", "Developers")).await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let project = tx.insert_project(&"team".parse().unwrap(), None, at(1)).await.unwrap().unwrap();
    tx.insert_member(project, Holder::Group(group), 2, "", at(1)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let team = "team".parse().unwrap();
    assert!(login(&accounts, "ann", "secret", 2).await.unwrap().reaches(&team));
    accounts.delete_group(&act, group.number()).await.unwrap();
    assert!(!login(&accounts, "ann", "secret", 3).await.unwrap().reaches(&team), "at once");
    assert_eq!(outcome(&accounts, "ann", "secret", 100).await, "user ann");
    assert!(
        !login(&accounts, "ann", "secret", 101).await.unwrap().reaches(&team),
        "it came back with nothing"
    );
}

/// Who runs the lesser of two directories makes no member of the other's groups.
async fn groups_of_two_sources_are_two(metadata: Metadata) {
    let (staff, guests) = (FakeSource::new("staff"), FakeSource::new("guests"));
    let accounts = with_sources(&metadata, &[&staff, &guests]);
    staff.knows("secret", person("ann", &["dev"]));
    guests.knows("secret", person("eve", &["dev"]));
    let act = by_admin(1);
    let said = |source: &str| NewGroup { source: source.to_owned(), ..ldap("CN=dev, dc=example", "dev") };
    for unclear in ["", "sso"] {
        let outcome = accounts.create_group(&act, &said(unclear)).await;
        assert!(matches!(outcome, Err(ManageError::Invalid(_))), "{unclear}: {outcome:?}");
    }
    let elsewhere = accounts.create_group(&act, &ldap("cn=dev,dc=elsewhere", "dev")).await;
    assert!(matches!(elsewhere, Err(ManageError::Invalid(_))), "nobody would ever be in it: {elsewhere:?}");
    let group = accounts.create_group(&act, &said("staff")).await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let project = tx.insert_project(&"team".parse().unwrap(), None, at(1)).await.unwrap().unwrap();
    tx.insert_member(project, Holder::Group(group), 2, "", at(1)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let team = "team".parse().unwrap();
    assert!(login(&accounts, "ann", "secret", 2).await.unwrap().reaches(&team));
    assert!(!login(&accounts, "eve", "secret", 2).await.unwrap().reaches(&team));
    let (found, total) = accounts.groups(&GroupFilter::default(), 0, 10).await.unwrap();
    let sources: Vec<_> = found.iter().map(|group| group.source.as_str()).collect();
    assert_eq!((total, sources), (2, vec!["staff", "guests"]));
}
