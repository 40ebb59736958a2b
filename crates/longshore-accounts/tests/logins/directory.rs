//! People of a real directory: what is changed there ends what they have here.

use std::sync::Arc;

use longshore_accounts::{Accounts, AccountsSettings, Credentials, LoginError};
use longshore_auth::{Access, SystemRole};
use longshore_identity::{
    PasswordSource, Secret,
    ldap::{LdapGroupSettings, LdapSettings, LdapSource},
};
use longshore_metadata::Holder;
use longshore_testkit::Slapd;

use crate::{
    support::{at, circumstances, outcome, sqlite},
    tokens::make_token,
};

const PEOPLE: &str = "
dn: cn=search,dc=example,dc=org
objectClass: person
cn: search
sn: search
userPassword: search-password

dn: uid=ann,dc=example,dc=org
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Example
userPassword: ann-password

dn: uid=eve,dc=example,dc=org
objectClass: inetOrgPerson
uid: eve
cn: Eve
sn: Example
userPassword: eve-password

dn: cn=dev,dc=example,dc=org
objectClass: groupOfNames
cn: dev
member: uid=ann,dc=example,dc=org
member: uid=eve,dc=example,dc=org

dn: cn=admins,dc=example,dc=org
objectClass: groupOfNames
cn: admins
member: uid=ann,dc=example,dc=org
member: uid=eve,dc=example,dc=org
";

fn directory(slapd: &Slapd) -> Arc<dyn PasswordSource> {
    let settings = LdapSettings {
        urls: vec![slapd.url()],
        bind_dn: Slapd::SEARCHER_DN.to_owned(),
        bind_password: Secret::new("search-password"),
        base_dn: "dc=example,dc=org".to_owned(),
        user_filter: "(objectClass=inetOrgPerson)".to_owned(),
        groups: Some(LdapGroupSettings {
            admin_dn: Some("cn=admins,dc=example,dc=org".to_owned()),
            ..LdapGroupSettings::default()
        }),
        ..LdapSettings::default()
    };
    Arc::new(LdapSource::new(settings).unwrap())
}

#[tokio::test]
async fn tokens_follow_the_directory() {
    let slapd = Slapd::builder().spawn().await;
    slapd.add(PEOPLE).await;
    let metadata = sqlite().await;
    let accounts = Accounts::new(metadata.clone(), AccountsSettings::default(), vec![directory(&slapd)]);
    assert_eq!(outcome(&accounts, "ann", "ann-password", 0).await, "user ann");
    let mut tx = metadata.write().await.unwrap();
    let ann = tx.user("ann").await.unwrap().unwrap().id;
    let project = tx.insert_project(&"team".parse().unwrap(), None, at(0)).await.unwrap().unwrap();
    let groups = tx.groups_of_user(ann).await.unwrap();
    let dev = groups.iter().find(|group| group.name == "dev").unwrap();
    tx.insert_member(project, Holder::Group(dev.id), 2, "", at(0)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let token = make_token(&metadata, ann.number(), "ci", None, None).await;
    let access = async |minute: i64| -> Result<Access, LoginError> {
        let credentials = Credentials::Bearer(token.reveal().to_owned());
        accounts.login(&credentials, &circumstances(minute * 60, "192.0.2.1"), "r").await
    };
    let team = "team".parse().unwrap();
    let has = |access: &Access| (access.principal.system_role() == SystemRole::Admin, access.reaches(&team));
    assert_eq!(has(&access(1).await.unwrap()), (true, true));

    let leave = |group: &str| {
        let change = "changetype: modify\ndelete: member\nmember: uid=ann,dc=example,dc=org\n";
        format!("dn: cn={group},dc=example,dc=org\n{change}")
    };
    slapd.modify(&leave("admins")).await;
    assert_eq!(has(&access(14).await.unwrap()), (true, true), "a quarter of an hour");
    assert_eq!(has(&access(15).await.unwrap()), (false, true));
    slapd.modify(&leave("dev")).await;
    assert_eq!(has(&access(30).await.unwrap()), (false, false));
    slapd.modify("dn: uid=ann,dc=example,dc=org\nchangetype: delete\n").await;
    assert!(access(44).await.is_ok());
    let gone = access(45).await;
    assert!(
        matches!(&gone, Err(LoginError::Refused(reason)) if reason.to_string().contains("does not know")),
        "{gone:?}"
    );
}
