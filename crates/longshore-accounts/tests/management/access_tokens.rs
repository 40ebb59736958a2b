use longshore_accounts::{
    AccessTokenDetails, AccessTokenId, Accounts, Act, ManageError, NewAccessToken, NewSecret,
    ScopedPermissions, UserId,
};
use longshore_auth::{GrantScope, Permission, PermissionSet, Target};

use crate::support::{
    add_member, admin, login, make_project, make_users, nobody, on_both_databases, recorded, user, word,
};

on_both_databases! {
    a_token_stands_for_its_user,
    a_token_narrows_its_user,
    tokens_are_listed_and_revoked_by_their_user_and_administrators,
}

async fn create(
    accounts: &Accounts,
    act: &Act,
    name: &str,
    permissions: Option<Vec<ScopedPermissions>>,
) -> Result<NewSecret<AccessTokenDetails>, ManageError> {
    let new = NewAccessToken { name: name.to_owned(), days: 7, permissions };
    accounts.create_access_token(act, &new).await
}

fn in_team(permissions: &[Permission]) -> Option<Vec<ScopedPermissions>> {
    let scope = GrantScope::Project("team".parse().unwrap());
    Some(vec![ScopedPermissions { scope, permissions: PermissionSet::of(permissions) }])
}

fn may(accounts: &Accounts, act: &Act, permission: Permission) -> bool {
    let name = "team".parse().unwrap();
    accounts.may(&act.access, &Target::project(&name, false), permission, &act.circumstances)
}

async fn a_token_stands_for_its_user(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin(), "team").await;
    add_member(&accounts, team, "ann", 2).await;
    let ann = user(&accounts, "ann").await;
    let made = create(&accounts, &ann, "laptop", None).await.unwrap();
    assert_eq!(made.record.permissions, None);
    assert_eq!(
        made.record.record.expires_at,
        Some(ann.circumstances.now.after(std::time::Duration::from_secs(7 * 86_400)))
    );
    let by_token = login(&accounts, "ann", made.secret.reveal()).await.unwrap();
    assert_eq!(by_token.access.principal, ann.access.principal);
    assert_eq!(by_token.access.grants, ann.access.grants);
    assert!(may(&accounts, &by_token, Permission::REPOSITORY_PUSH));
    assert!(!may(&accounts, &by_token, Permission::REPOSITORY_DELETE), "a developer does not either");
    assert_eq!(
        word(create(&accounts, &by_token, "next", None).await),
        "forbidden",
        "it would outlive this one"
    );
    assert_eq!(word(create(&accounts, &ann, "laptop", None).await), "conflict");
    assert_eq!(word(create(&accounts, &ann, " ", None).await), "invalid");
    assert_eq!(word(create(&accounts, &ann, "none", Some(Vec::new())).await), "invalid");
    assert_eq!(word(create(&accounts, &nobody(), "laptop", None).await), "forbidden");
    let rows = recorded(&accounts, "access_token").await;
    assert_eq!(rows, [["create_access_token", "laptop", "", "ann"].map(str::to_owned)]);
}

async fn a_token_narrows_its_user(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin(), "team").await;
    add_member(&accounts, team, "ann", 3).await;
    let ann = user(&accounts, "ann").await;
    let given = in_team(&[Permission::REPOSITORY_PULL, Permission::REPOSITORY_PUSH]);
    let made = create(&accounts, &ann, "ci", given.clone()).await.unwrap();
    assert_eq!(made.record.permissions, given);
    let by_token = login(&accounts, "ann", made.secret.reveal()).await.unwrap();
    assert!(may(&accounts, &by_token, Permission::REPOSITORY_PULL));
    assert!(
        !may(&accounts, &by_token, Permission::REPOSITORY_PUSH),
        "a guest does not push with a token either"
    );
    assert!(!may(&accounts, &by_token, Permission::TAG_LIST), "not what the token was not given");
    // Nor does it make a wider one, or see others.
    assert_eq!(word(create(&accounts, &by_token, "more", None).await), "forbidden");
    let own = UserId::of_number(2);
    assert_eq!(word(accounts.list_access_tokens(&by_token, own, 0, 9).await), "forbidden");
}

async fn tokens_are_listed_and_revoked_by_their_user_and_administrators(accounts: Accounts) {
    let [ann_id, _] = make_users(&accounts, ["ann", "bob"]).await.map(UserId::of_number);
    let (ann, bob) = (user(&accounts, "ann").await, user(&accounts, "bob").await);
    let mut secrets = Vec::new();
    for name in ["laptop", "desk", "phone"] {
        secrets.push(create(&accounts, &ann, name, None).await.unwrap());
    }
    let list = async |act: &Act, skip, limit| {
        let (found, total) = accounts.list_access_tokens(act, ann_id, skip, limit).await?;
        assert_eq!(total, 3);
        Ok::<_, ManageError>(found.into_iter().map(|token| token.record.name).collect::<Vec<_>>())
    };
    assert_eq!(list(&ann, 0, 9).await.unwrap(), ["laptop", "desk", "phone"]);
    assert_eq!(list(&admin(), 1, 1).await.unwrap(), ["desk"]);
    assert_eq!(word(list(&bob, 0, 9).await), "forbidden");
    let id = |n: usize| -> AccessTokenId { secrets[n].record.record.id };
    let revoke = async |act: &Act, n| word(accounts.revoke_access_token(act, ann_id, id(n)).await);
    assert_eq!(revoke(&bob, 0).await, "forbidden");
    assert!(login(&accounts, "ann", secrets[0].secret.reveal()).await.is_some());
    assert_eq!(revoke(&ann, 0).await, "done");
    assert_eq!(revoke(&ann, 0).await, "unknown");
    assert!(login(&accounts, "ann", secrets[0].secret.reveal()).await.is_none());
    assert_eq!(revoke(&admin(), 1).await, "done");
    assert_eq!(word(accounts.access_token(&ann, ann_id, id(1)).await), "unknown");
    assert_eq!(accounts.access_token(&ann, ann_id, id(2)).await.unwrap().record.name, "phone");
    // By somebody else's number it is not found.
    let other = accounts.revoke_access_token(&admin(), UserId::of_number(1), id(2)).await;
    assert_eq!(word(other), "unknown");
    let rows = recorded(&accounts, "access_token").await;
    let revoked: Vec<_> =
        rows.iter().filter(|row| row[0] == "delete_access_token").map(|row| &row[3]).collect();
    assert_eq!(revoked, ["ann", "admin"]);
}
