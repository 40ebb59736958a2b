//! Users, groups and sessions.

use longshore_types::Timestamp;

use crate::{
    GroupFilter, GroupKind, Metadata, MetadataError, NewUser, SessionRecord, TextFilter, UserFilter, UserId,
    UserOrder,
};

/// Calls everything that reads or changes them.
pub(super) async fn call_everything(metadata: &Metadata) -> Result<(), MetadataError> {
    let now = Timestamp::from_unix_millis(1_000);
    let mut tx = metadata.write().await?;
    let ann = NewUser { name: "ann", source: "ldap", external_id: Some("uid=ann"), ..NewUser::default() };
    let id = tx.insert_first_user(&ann, now).await?.expect("the first");
    let bob = NewUser { name: "bob", source: "local", password_hash: Some("h"), ..NewUser::default() };
    let bob_id = tx.insert_user(&bob, now).await?.expect("another");
    tx.set_user_profile(id, Some("ann@example.org"), "Ann", "", now).await?;
    tx.set_user_from_source(id, &ann, now).await?;
    tx.bind_user(id, "ldap", Some("uid=ann"), now).await?;
    tx.set_system_role(id, 2, now).await?;
    assert_eq!(tx.lock_active_admins().await?, [(id, "ldap".to_owned())]);
    tx.confirm_user(id, "ldap", now).await?;
    tx.unconfirm_user(id, "ldap", now).await?;
    tx.set_user_disabled(id, true, now).await?;
    tx.set_password(bob_id, "h1", now).await?;
    tx.rehash_password(bob_id, "h1", "h2").await?;
    tx.login_failed(UserId::NOBODY, now).await?;
    tx.login_succeeded(id, now).await?;
    tx.user_seen(id, now).await?;
    tx.lock_user(id).await?;
    tx.set_cli_secret(id, b"h", now).await?;
    let group = tx.insert_group(GroupKind::Ldap, "ldap", "cn=dev", "dev", now).await?.expect("a new group");
    assert_eq!(tx.ensure_group(GroupKind::Ldap, "ldap", "cn=dev", "dev", now).await?, group);
    tx.set_groups_of_user(id, &[group]).await?;
    tx.rename_group(group, "makers").await?;
    let session = SessionRecord {
        user: id,
        address: String::new(),
        created_at: now,
        last_seen_at: now,
        expires_at: now,
    };
    for id_hash in [b"1", b"2"] {
        tx.insert_session(id_hash, &session).await?;
    }
    tx.touch_session(b"1", now, now).await?;
    tx.commit().await?;
    read_everything(metadata, id).await?;

    let mut tx = metadata.write().await?;
    tx.trim_sessions_of(id, 1).await?;
    tx.delete_session(b"1").await?;
    tx.delete_other_sessions_of(id, b"2").await?;
    tx.delete_expired_sessions(now, 9).await?;
    tx.delete_sessions_of(id).await?;
    tx.delete_group(group).await?;
    assert_eq!(tx.projects_owned_by(id, 9).await?, Vec::<String>::new());
    tx.delete_user(id).await?;
    tx.delete_user(bob_id).await?;
    assert!(tx.insert_setting("started", "1").await?);
    tx.delete_setting("started").await?;
    tx.commit().await
}

async fn read_everything(metadata: &Metadata, id: UserId) -> Result<(), MetadataError> {
    let mut tx = metadata.read().await?;
    assert!(tx.user("ann").await?.is_some() && tx.user_by_id(id).await?.is_some());
    assert!(tx.user_by_email("ann@example.org").await?.is_none(), "the source said that there is none");
    assert!(tx.user_of_source("ldap", "uid=ann").await?.is_some());
    assert_eq!(tx.source_admins_confirmed_before(Timestamp::from_unix_millis(0), 9).await?, []);
    assert!(tx.user_of_source_by_folded_name("ann").await?.is_some());
    let named = |text| UserFilter { name: Some(TextFilter::Is(text)), ..UserFilter::default() };
    for (filter, found) in [(UserFilter::default(), 2), (named("ann"), 1)] {
        for order in [UserOrder::Name, UserOrder::NameDescending, UserOrder::Id, UserOrder::IdDescending] {
            assert_eq!(tx.users_page(&filter, order, None, 0, 9).await?.entries.len(), found);
        }
        assert_eq!(tx.users_count(&filter).await?, found as u64);
    }
    let group = tx.group(GroupKind::Ldap, "ldap", "cn=dev").await?.expect("it was made");
    assert!(tx.group_by_id(group.id).await?.is_some());
    let filter = GroupFilter { external_id: Some(TextFilter::Is("cn=dev")), ..GroupFilter::default() };
    assert_eq!(tx.groups_page(&filter, None, 0, 9).await?.entries, std::slice::from_ref(&group));
    assert_eq!(tx.groups_page(&GroupFilter::default(), Some(&group), 0, 9).await?.entries, []);
    assert_eq!(tx.groups_count(&filter).await?, 1);
    assert_eq!(tx.groups_of_user(id).await?, [group]);
    assert!(tx.session(b"1").await?.is_some());
    assert_eq!(tx.sessions_count(id).await?, 2);
    assert_eq!(tx.sessions_of(id, Timestamp::from_unix_millis(0), 9).await?.len(), 2);
    assert!(tx.cli_secret(id).await?.is_some());
    assert_eq!(tx.memberships_of(id).await?, []);
    Ok(())
}
