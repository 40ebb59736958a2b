//! What conditions decide. A token is made before anybody knows which tag will be pushed, from where and when, and conditions
//! may change while it holds. So it lists apart what its bearer has on a condition only, which allows nothing by itself:
//! at each request that needs it, the bearer's access is read again and decided with the request's own circumstances.
//! What a token lists bounds that, so that it never allows more than was asked for, or than an access token left of it.

use longshore_auth::{Access, Caller, Circumstances, Permissions, Reach, RepositoryGrant, Scope};
use longshore_metadata::MetadataError;

use super::TokenService;
use crate::Accounts;

/// Of these scopes those that the principal has on a condition.
pub(super) async fn scopes(
    accounts: &Accounts,
    access: &Access,
    asked: &[Scope],
    circumstances: &Circumstances,
) -> Result<Vec<Scope>, MetadataError> {
    if access.grants.iter().all(|grant| grant.condition.is_none()) {
        return Ok(Vec::new());
    }
    let mut found = accounts.scopes_within_reach(access, asked, circumstances, Reach::OnCondition).await?;
    found.retain(|scope| !matches!(scope, Scope::Catalog));
    Ok(found)
}

/// Adds scopes to others, those of one repository together.
pub(super) fn add(scopes: &mut Vec<Scope>, more: Vec<Scope>) {
    for scope in more {
        let Scope::Repository { repository: added, actions: further } = &scope else { continue };
        let known = scopes.iter_mut().find_map(|known| match known {
            Scope::Repository { repository, actions } if repository == added => Some(actions),
            Scope::Repository { .. } | Scope::Catalog => None,
        });
        match known {
            Some(actions) => actions.extend_from_slice(further),
            None => scopes.push(scope),
        }
    }
}

impl TokenService {
    /// The bearer of one of our tokens, with what is needed of their rights on conditions, where these hold now.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn ask_conditions(
        &self,
        bearer: &Caller,
        needed: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<Caller, MetadataError> {
        let access = self.accounts.access_of_bearer(bearer.name.as_deref(), circumstances.now).await?;
        let asked: Vec<_> = needed.iter().filter_map(|scope| listed(bearer, scope)).collect();
        let held = self.accounts.decide_scopes(&access, &asked, circumstances).await?;
        let (always, catalog) = match &bearer.permissions {
            Permissions::All => return Ok(bearer.clone()),
            Permissions::Granted { repositories, catalog } => {
                (repositories.iter().filter(|right| !right.on_condition).cloned(), *catalog)
            }
        };
        let held = held.into_iter().filter_map(|scope| match scope {
            Scope::Repository { repository, actions } => Some(RepositoryGrant::new(repository, actions)),
            Scope::Catalog => None,
        });
        let permissions = Permissions::Granted { repositories: always.chain(held).collect(), catalog };
        Ok(Caller { permissions, ..bearer.clone() })
    }
}

/// What of a scope the token lists on a condition.
fn listed(bearer: &Caller, scope: &Scope) -> Option<Scope> {
    let Scope::Repository { repository, actions } = scope else { return None };
    let is_listed = |action| {
        let mut rights = bearer.rights_on_condition();
        rights.any(|right| right.repository == *repository && right.actions.contains(action))
    };
    let actions: Vec<_> = actions.iter().filter(|action| is_listed(action)).copied().collect();
    (!actions.is_empty()).then(|| Scope::Repository { repository: repository.clone(), actions })
}
