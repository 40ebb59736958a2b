//! Tokens of our own: what a client gets for its credentials, and what the distribution API admits it with. A token says
//! what was decided when it was made, and is good until it expires.

mod catalog;
mod conditional;
mod exchange;
mod named;
mod push;
mod scopes;

use std::time::Duration;

use longshore_auth::{
    Access, AuthError, Caller, CallerKind, ChallengeProblem, Circumstances, IssueError, IssuedToken,
    IssuerSettings, KeyRotation, Permissions, Reach, RepositoryGrant, Scope, SecretKey, SigningKeys,
    TokenIssuer, TokenRights, TokenSettings, TokenVerifier,
};
use longshore_identity::workload::Workloads;
use longshore_metadata::MetadataError;
use longshore_types::Timestamp;

pub use self::exchange::{Login, TOKEN_USER};
use crate::{
    Accounts, Act, KeyDetails, KeyStore, KeysError, ManageError, OldKeys, configuration::TOKEN_MINUTES_MAX,
};

/// Where clients get tokens, below the address that they know the registry by.
pub const TOKEN_SERVICE_PATH: &str = "/service/token";

/// How long a new key is published before it signs, which is longer than others keep what they know of keys.
const LEAD: Duration = Duration::from_secs(5 * 60);
/// Most keys at a time that somebody may make.
const KEYS_MAX: usize = 8;
/// How long a key verifies at least after the next one signs.
const OVERLAP_MIN: Duration = Duration::from_secs(2 * 3600);
/// How long a token may hold at most, unless the configuration file says more.
const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(60 * TOKEN_MINUTES_MAX.unsigned_abs());

/// Issues tokens, and admits who brings one.
pub struct TokenService {
    accounts: Accounts,
    workloads: Workloads,
    keys: KeyStore,
    issuer: TokenIssuer,
    verifier: TokenVerifier,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenServiceError {
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
}

/// A token, and what it is good for.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub token: IssuedToken,
    /// What it allows: of what was asked for, what was decided, and what conditions will decide.
    pub scopes: Vec<Scope>,
}

impl TokenService {
    /// Opens the keys, or makes the first one. `workloads` says whose word counts about programs. A key signs for so long as `key_rotation`; `prefix` stands before the paths
    /// of this server.
    ///
    /// # Errors
    /// When the keys cannot be opened.
    pub async fn open(
        accounts: Accounts,
        workloads: Workloads,
        secret: SecretKey,
        key_rotation: Duration,
        prefix: &str,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let settings = accounts.settings();
        // As long as one may ever hold: how long each does is said when it is made.
        let (service, lifetime) = (settings.service.clone(), settings.token_lifetime.max(TOKEN_LIFETIME_MAX));
        let rotation = rotation(key_rotation, lifetime);
        let keys = KeyStore::new(accounts.metadata().clone(), secret, rotation);
        let current = keys.current(now).await?;
        let verifier = TokenVerifier::of_own_keys(
            TokenSettings {
                service: service.clone(),
                issuer: service.clone(),
                redirect_path: Some(format!("{prefix}{TOKEN_SERVICE_PATH}")),
                ..TokenSettings::default()
            },
            &current,
        );
        let settings = IssuerSettings { issuer: service.clone(), service, lifetime, rotation };
        Ok(Self { issuer: TokenIssuer::new(settings, current), accounts, workloads, keys, verifier })
    }

    /// The users, robots and projects behind it.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Takes the keys of the index, and does with them what is due. To be called every minute.
    ///
    /// # Errors
    /// When the keys cannot be read or opened; those of before stay in use.
    pub async fn refresh_keys(&self, now: Timestamp) -> Result<(), KeysError> {
        let current = self.keys.current(now).await?;
        let known = self.issuer.keys();
        if known.iter().map(|key| key.id()).ne(current.iter().map(|key| key.id())) {
            // In this order no token is signed that is not admitted here.
            self.verifier.swap_keys(&current);
            self.issuer.swap_keys(current);
        }
        Ok(())
    }

    /// The keys, the newest first.
    pub fn key_details(&self, now: Timestamp) -> Vec<KeyDetails> {
        KeyDetails::of(&self.issuer.keys(), self.keys.rotation(), now)
    }

    /// Makes a new key, which the others follow: they sign until everybody knows it, and verify until the last token that
    /// they signed has expired. The keys after that.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] while there are as many as may be: each is published to all who verify tokens.
    pub async fn rotate_keys(&self, act: &Act) -> Result<Vec<KeyDetails>, ManageError> {
        let now = act.circumstances.now;
        let failed = |error: KeysError| match error {
            KeysError::Metadata(error) => ManageError::from(error),
            error => ManageError::Unavailable(longshore_types::error_chain(&error)),
        };
        if self.keys.current(now).await.map_err(failed)?.iter().count() >= KEYS_MAX {
            let why = format!("there are {KEYS_MAX} keys already: wait until one of them is forgotten");
            return Err(ManageError::Precondition(why));
        }
        let actor = act.access.principal.name().unwrap_or("anonymous");
        self.keys.rotate(OldKeys::Follow, actor, now).await.map_err(failed)?;
        self.refresh_keys(now).await.map_err(failed)?;
        Ok(self.key_details(now))
    }

    /// The public halves of the keys, for others who verify our tokens: a JSON Web Key Set.
    pub fn jwks(&self) -> String {
        let keys: &SigningKeys = &self.issuer.keys();
        serde_json::to_string(&keys.jwks()).expect("a key set has only text keys")
    }

    /// A token for what was asked for, as far as it is allowed.
    ///
    /// # Errors
    /// When the index fails, or the token cannot be signed.
    pub async fn issue(
        &self,
        login: &Login,
        asked: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<Granted, TokenServiceError> {
        let Login { access, until } = login;
        let mut scopes =
            self.accounts.scopes_within_reach(access, asked, circumstances, Reach::Always).await?;
        // What a token lists is decided by its bearer's name: it would show more than a narrowed login.
        scopes.retain(|scope| !matches!(scope, Scope::Catalog) || scopes::lists_all(access));
        let longest = circumstances.now.after(self.accounts.running().token_lifetime);
        let until = until.map_or(longest, |until| until.min(longest));
        let subject = access.principal.name().unwrap_or_default();
        let bearer = (subject, CallerKind::of(&access.principal));
        let on_condition = conditional::scopes(&self.accounts, access, asked, circumstances).await?;
        let rights = TokenRights { always: &scopes, on_condition: &on_condition };
        let token = self.issuer.issue_until(bearer, rights, circumstances.now, Some(until))?;
        conditional::add(&mut scopes, on_condition);
        Ok(Granted { token, scopes })
    }

    /// Who bears one of our tokens.
    ///
    /// # Errors
    /// [`AuthError::Invalid`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, AuthError> {
        self.verifier.verify(token, now)
    }

    /// The `WWW-Authenticate` header that sends a client here. `origin` is scheme and host as the client sees them.
    pub fn challenge(&self, scopes: &[Scope], problem: Option<ChallengeProblem>, origin: &str) -> String {
        self.verifier.challenge(scopes, problem, origin)
    }

    /// The caller of a request that needs these scopes, with exactly those of them that are allowed.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn caller(
        &self,
        access: &Access,
        needed: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<Caller, MetadataError> {
        let granted = self.accounts.decide_scopes(access, needed, circumstances).await?;
        let (mut repositories, mut catalog) = (Vec::new(), false);
        for scope in granted {
            match scope {
                Scope::Repository { repository, actions } => {
                    repositories.push(RepositoryGrant::new(repository, actions));
                }
                Scope::Catalog => catalog = true,
            }
        }
        let permissions = Permissions::Granted { repositories: repositories.into(), catalog };
        let name = access.principal.shared_name();
        Ok(Caller { name, kind: CallerKind::of(&access.principal), permissions })
    }
}

/// When keys follow each other, if each of them signs for so long and a token lives for so long.
pub fn rotation(every: Duration, lifetime: Duration) -> KeyRotation {
    KeyRotation { every: every.max(LEAD * 2), lead: LEAD, overlap: OVERLAP_MIN.max(lifetime * 2) }
}
