//! A company's directory.

use std::path::PathBuf;

use longshore_identity::{
    Secret, SourceGroup,
    ldap::{LdapGroupSettings, LdapSettings, LdapSource},
};
use longshore_testkit::{Slapd, SlapdBuilder};

/// More people than there are, and groups of every kind. Passwords are `NAME-password`.
const MORE: &str = "
dn: cn=Smith\\, John (Ops)*,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: john(ops)*
cn: Smith, John (Ops)*
sn: Smith
userPassword: john-password

dn: uid=robot,ou=people,dc=example,dc=org
objectClass: account
objectClass: simpleSecurityObject
uid: robot
userPassword: robot-password

dn: cn=Developers,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: Developers
member: uid=ann,ou=people,dc=example,dc=org
member: cn=Smith\\, John (Ops)*,ou=people,dc=example,dc=org

dn: cn=engineering,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: engineering
member: cn=Developers,ou=groups,dc=example,dc=org

dn: cn=registry-admins,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: registry-admins
member: uid=bob,ou=people,dc=example,dc=org

dn: cn=company,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: company
member: cn=engineering,ou=groups,dc=example,dc=org
member: cn=registry-admins,ou=groups,dc=example,dc=org

dn: cn=unique,ou=groups,dc=example,dc=org
objectClass: groupOfUniqueNames
cn: unique
uniqueMember: uid=ann,ou=people,dc=example,dc=org

dn: cn=unix,ou=groups,dc=example,dc=org
objectClass: posixGroup
cn: unix
gidNumber: 1000
memberUid: ann

dn: cn=registry-admins,ou=groups,dc=example,dc=org
changetype: modify
add: member
member: cn=company,ou=groups,dc=example,dc=org
";

/// A server with everybody in it.
pub(crate) async fn company(server: SlapdBuilder) -> Slapd {
    let slapd = server.spawn().await;
    slapd.add_company().await;
    slapd.add(MORE).await;
    slapd
}

/// What an operator would write, with groups by `member`.
pub(crate) fn settings(urls: &[String]) -> LdapSettings {
    LdapSettings {
        urls: urls.to_vec(),
        bind_dn: Slapd::SEARCHER_DN.to_owned(),
        bind_password: Secret::new("search-password"),
        base_dn: "ou=people,dc=example,dc=org".to_owned(),
        user_filter: "(objectClass=inetOrgPerson)".to_owned(),
        groups: Some(LdapGroupSettings {
            base_dn: Some("ou=groups,dc=example,dc=org".to_owned()),
            admin_dn: Some("CN=registry-admins, ou=Groups, dc=example, dc=org".to_owned()),
            ..LdapGroupSettings::default()
        }),
        ..LdapSettings::default()
    }
}

/// A source over that server, with changes to the settings.
pub(crate) fn source(slapd: &Slapd, change: impl FnOnce(&mut LdapSettings)) -> LdapSource {
    let mut settings = settings(&[slapd.url()]);
    change(&mut settings);
    LdapSource::new(settings).unwrap()
}

/// Trusts the server's certificate only.
pub(crate) fn trusting(slapd: &Slapd) -> Option<PathBuf> {
    Some(slapd.certificate().certificate.clone())
}

/// Names of groups.
pub(crate) fn names(groups: &[SourceGroup]) -> Vec<&str> {
    let mut names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    names
}
