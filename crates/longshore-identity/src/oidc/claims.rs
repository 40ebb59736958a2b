//! What a provider says of somebody, as an identity here. Pure.

use serde_json::Value;

use super::{OidcError, OidcSettings};
use crate::{Identity, SourceGroup, jwt::Claims};

/// Longest name of a user or a group, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Most groups of one user.
const GROUPS_MAX: usize = 1000;

/// Claims of the ID token, and of userinfo when it was asked.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) subject: &'a str,
    pub(super) id_token: &'a Claims,
    pub(super) userinfo: Option<&'a Claims>,
}

/// Whether the ID token leaves something out for which userinfo is asked.
pub(super) fn needs_userinfo(settings: &OidcSettings, id_token: &Claims) -> bool {
    let wanted =
        [Some(&settings.username_claim), Some(&settings.email_claim), settings.groups_claim.as_ref()];
    wanted.into_iter().flatten().any(|path| id_token.at(path).is_none())
}

/// Puts the identity together.
pub(super) fn identity(settings: &OidcSettings, said: &Said<'_>) -> Result<Identity, OidcError> {
    let name = said
        .text(&settings.username_claim)
        .filter(|name| is_name(name))
        .ok_or_else(|| OidcError::Username(settings.username_claim.clone()))?;
    let groups = match &settings.groups_claim {
        Some(path) => said.groups(path, &settings.name),
        None => Vec::new(),
    };
    let admin = settings.admin_group.as_ref().is_some_and(|admin| groups.contains(&admin.as_str()));
    let kept = |group: &&str| {
        settings.group_filter.is_empty() || settings.group_filter.iter().any(|pattern| pattern.matches(group))
    };
    let mut groups: Vec<_> = groups
        .iter()
        .filter(|group| kept(group))
        .map(|&group| SourceGroup { external_id: group.to_owned(), name: group.to_owned() })
        .collect();
    groups.sort();
    groups.dedup();
    Ok(Identity {
        // Unique and never given to another one only together (OpenID Connect Core section 5.7). An address has no space.
        external_id: format!("{} {}", settings.issuer, said.subject),
        former_id: None,
        name: name.to_owned(),
        email: said.email(&settings.email_claim),
        real_name: said.text(&settings.real_name_claim).unwrap_or_default().to_owned(),
        groups,
        admin,
    })
}

impl<'a> Said<'a> {
    /// The ID token's word counts before that of userinfo, which is not signed.
    fn at(&self, path: &str) -> Option<&'a Value> {
        self.id_token.at(path).or_else(|| self.userinfo?.at(path))
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.at(path)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// An address counts unless the provider says that nobody has proven it to be theirs.
    fn email(&self, path: &str) -> Option<String> {
        let unverified =
            |value: &Value| matches!(value, Value::Bool(false)) || value.as_str() == Some("false");
        let text = self.text(path).filter(|text| text.len() <= NAME_BYTES_MAX && text.contains('@'))?;
        match self.at("email_verified").is_some_and(unverified) {
            true => None,
            false => Some(text.to_owned()),
        }
    }

    fn groups(&self, path: &str, source: &str) -> Vec<&'a str> {
        let names = match self.at(path) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if self.at("_claim_names").is_some_and(|elsewhere| elsewhere.get(path).is_some()) {
            // Entra ID's "overage": more groups than it puts into a token.
            tracing::warn!(
                source,
                subject = self.subject,
                "the provider leaves groups out of tokens with many: see its settings"
            );
        }
        if names.len() > GROUPS_MAX {
            tracing::warn!(
                source,
                subject = self.subject,
                "in more than {GROUPS_MAX} groups: the others are left out"
            );
        }
        names.into_iter().filter(|name| is_name(name)).take(GROUPS_MAX).collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        match value {
            Value::Object(map) => Claims::new(map),
            _ => panic!("claims are an object"),
        }
    }

    fn settings() -> OidcSettings {
        OidcSettings {
            issuer: "https://id.example".to_owned(),
            groups_claim: Some("groups".to_owned()),
            admin_group: Some("registry-admins".to_owned()),
            ..OidcSettings::default()
        }
    }

    fn of(settings: &OidcSettings, id_token: Value, userinfo: Option<Value>) -> Result<Identity, OidcError> {
        let (id_token, userinfo) = (claims(id_token), userinfo.map(claims));
        identity(settings, &Said { subject: "1234", id_token: &id_token, userinfo: userinfo.as_ref() })
    }

    fn names(identity: &Identity) -> Vec<&str> {
        identity.groups.iter().map(|group| group.name.as_str()).collect()
    }

    #[test]
    fn everything_from_the_token() {
        let all = json!({
            "preferred_username": " ann ", "name": "Ann", "email": "ann@example.org", "email_verified": true,
            "groups": ["dev", "ops", "dev", 7, "", "a\nb"],
        });
        assert!(!needs_userinfo(&settings(), &claims(all.clone())));
        let ann = of(&settings(), all, None).unwrap();
        assert_eq!(ann.external_id, "https://id.example 1234");
        assert_eq!((ann.name.as_str(), ann.real_name.as_str()), ("ann", "Ann"));
        assert_eq!(ann.email.as_deref(), Some("ann@example.org"));
        assert_eq!(names(&ann), ["dev", "ops"]);
        assert!(!ann.admin);
    }

    #[test]
    fn the_rest_from_userinfo() {
        let token = json!({ "preferred_username": "ann", "email": "ann@example.org" });
        assert!(needs_userinfo(&settings(), &claims(token.clone())));
        let userinfo = json!({ "preferred_username": "eve", "groups": "registry-admins" });
        let ann = of(&settings(), token, Some(userinfo)).unwrap();
        assert_eq!((ann.name.as_str(), names(&ann), ann.admin), ("ann", vec!["registry-admins"], true));
    }

    #[test]
    fn groups_within_claims_and_filtered() {
        let mut settings = settings();
        settings.groups_claim = Some("realm_access.roles".to_owned());
        settings.group_filter = vec!["dev*".parse().unwrap(), "ops".parse().unwrap()];
        let token = json!({
            "preferred_username": "ann",
            "realm_access": { "roles": ["devs", "ops", "opsx", "registry-admins"] },
        });
        let ann = of(&settings, token, None).unwrap();
        assert_eq!(names(&ann), ["devs", "ops"]);
        assert!(ann.admin);
        settings.groups_claim = None;
        settings.admin_group = None;
        let ann = of(&settings, json!({ "preferred_username": "ann", "groups": ["x"] }), None).unwrap();
        assert!(ann.groups.is_empty() && !ann.admin);
    }

    #[test]
    fn addresses_that_nobody_proved() {
        for (verified, taken) in
            [(json!(false), false), (json!("false"), false), (json!(true), true), (json!("true"), true)]
        {
            let token = json!({ "preferred_username": "ann", "email": "a@b", "email_verified": verified });
            assert_eq!(of(&settings(), token, None).unwrap().email.is_some(), taken);
        }
        let unknown = json!({ "preferred_username": "ann", "email": "a@b" });
        assert!(of(&settings(), unknown, None).unwrap().email.is_some());
    }

    #[test]
    fn nobody_without_a_name() {
        for token in [
            json!({}),
            json!({ "preferred_username": "" }),
            json!({ "preferred_username": "  " }),
            json!({ "preferred_username": 5 }),
            json!({ "preferred_username": "a\u{0}b" }),
            json!({ "preferred_username": "a".repeat(256) }),
        ] {
            assert!(matches!(of(&settings(), token, None), Err(OidcError::Username(_))));
        }
    }
}
