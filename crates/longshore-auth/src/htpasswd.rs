//! `auth.htpasswd`: names and bcrypt hashes in a file, as Apache's `htpasswd -B` writes them.
//!
//! As in distribution, other hashes than bcrypt never match. The file is read again when it changes. A verified
//! password is remembered for a minute by a salted hash, so that the dozens of requests of one push pay for bcrypt
//! once; what was refused is not remembered.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use longshore_types::{Digest, Timestamp, UploadId};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    AuthError, Caller, SettingsError,
    authenticator::credentials,
    credentials::{basic, split},
};

/// How long a verified password is taken as verified.
const REMEMBER: Duration = Duration::from_secs(60);
/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most verified passwords remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Logins that may wait for a core; more are turned away, so that guessing cannot pile up work.
const WAITING_MAX: usize = 256;
/// Largest file read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// bcrypt's work doubles with each step; a hash beyond this would hold a core for many seconds.
const COST_MAX: u32 = 16;
/// Longest `user:password` considered, in bytes of base64. bcrypt itself looks at 72 bytes of password.
const CREDENTIALS_BYTES_MAX: usize = 4096;
/// Compared with when the file has no hash at all: the hash of random bytes that were thrown away.
const NOBODY: &str = "$2y$10$7yVmORu8SxyawSz1MA.aQuDNiVwyT/dUTOdfiAWoPhbfNzIxmHz7a";

/// What `auth.htpasswd` says.
#[derive(Clone, Debug)]
pub struct HtpasswdSettings {
    /// The realm of the challenge. From `auth.htpasswd.realm`.
    pub realm: String,
    /// The file. From `auth.htpasswd.path`.
    pub path: PathBuf,
    /// Passwords hashed at a time, at most: about the number of cores.
    pub parallel_max: usize,
}

/// Checks names and passwords against a file.
pub struct Htpasswd {
    settings: HtpasswdSettings,
    state: Mutex<State>,
    waiting: Semaphore,
    hashing: Semaphore,
    /// Makes what is remembered useless to whoever reads this process's memory and compares with hashes made before.
    salt: [u8; 16],
}

/// What is known of the file, and which passwords were right.
#[derive(Default)]
struct State {
    looked_at: Option<Timestamp>,
    users: Option<Arc<Users>>,
    verified: HashMap<Digest, Timestamp>,
}

/// The content of the file at a moment.
struct Users {
    stamp: Stamp,
    hashes: HashMap<String, String>,
    /// Costs as much as the dearest hash; for names that are not in the file.
    decoy: String,
}

/// What changes when a file does.
#[derive(Clone, PartialEq, Eq)]
struct Stamp(Option<SystemTime>, u64, u64);

impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Htpasswd").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Htpasswd {
    /// Prepares to check against the file, which is read at the first login and may come later.
    ///
    /// # Errors
    /// When the realm is empty.
    pub fn new(settings: HtpasswdSettings) -> Result<Self, SettingsError> {
        if settings.realm.is_empty() {
            return Err(SettingsError(
                "auth.htpasswd.realm must be set, for example to \"Registry\"".to_owned(),
            ));
        }
        Ok(Self {
            waiting: Semaphore::new(WAITING_MAX),
            hashing: Semaphore::new(settings.parallel_max.max(1)),
            state: Mutex::default(),
            // An unguessable number is at hand: ids of uploads are made of nothing else.
            salt: UploadId::random().to_string().into_bytes()[..16]
                .try_into()
                .expect("an upload id has 32 digits"),
            settings,
        })
    }

    pub(crate) fn realm(&self) -> &str {
        &self.settings.realm
    }

    /// Reads the file now, to say early what is wrong with it.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check(&self) -> Result<(), SettingsError> {
        let path = self.settings.path.display();
        Users::read(&self.settings.path)
            .map(drop)
            .map_err(|error| SettingsError(format!("auth.htpasswd.path: cannot read {path}: {error}; nobody can log in until it is a file of lines user:hash (make one with: htpasswd -Bbn USER PASSWORD)")))
    }

    /// Who sends `authorization`.
    pub(crate) async fn authenticate(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Caller, AuthError> {
        let decoded = basic(credentials(authorization, "Basic")?, CREDENTIALS_BYTES_MAX)?;
        let (user, password) = split(&decoded)?;
        self.verify(user, password, now).await?;
        Ok(Caller { name: Some(user.into()), ..Caller::anonymous() })
    }

    /// Whether that is the user's password.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], also for a name that is not in the file.
    pub async fn verify(&self, user: &str, password: &str, now: Timestamp) -> Result<(), AuthError> {
        if user.contains(':') || user.len() + password.len() > CREDENTIALS_BYTES_MAX {
            return Err(AuthError::invalid("no name and password that a file can have"));
        }
        let users = self.users(now).await.map_err(|error| AuthError::Unavailable(error.into()))?;
        let key = self.remembered_as(&users, &format!("{user}:{password}"));
        if !self.is_verified(&key, now) {
            let _place = self.waiting.try_acquire().map_err(|_| AuthError::Busy)?;
            let _core = self.hashing.acquire().await.map_err(|_| AuthError::Busy)?;
            // The requests of one client come together: the first of them did the work for the others.
            if !self.is_verified(&key, now) {
                users.verify(user, password).await?;
                self.remember(key, now);
            }
        }
        Ok(())
    }

    /// Whether the file has that user.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when it cannot be read.
    pub async fn knows(&self, user: &str, now: Timestamp) -> Result<bool, AuthError> {
        let users = self.users(now).await.map_err(|error| AuthError::Unavailable(error.into()))?;
        Ok(users.hashes.contains_key(user))
    }

    /// The users in the file as it is now, give or take [`LOOK_EVERY`].
    async fn users(&self, now: Timestamp) -> io::Result<Arc<Users>> {
        let known = {
            let state = self.lock();
            match (&state.users, state.looked_at) {
                (Some(users), Some(at)) if at <= now && now < at.after(LOOK_EVERY) => {
                    return Ok(users.clone());
                }
                (users, _) => users.clone(),
            }
        };
        let path = self.settings.path.clone();
        let users = spawn_blocking(move || match known {
            Some(users) if Stamp::of(&path)? == users.stamp => Ok(users),
            _ => Users::read(&path).map(Arc::new),
        })
        .await
        .map_err(io::Error::other)??;
        let mut state = self.lock();
        state.looked_at = Some(now);
        state.users = Some(users.clone());
        Ok(users)
    }

    /// The hash under which right credentials are remembered: it changes with the file.
    fn remembered_as(&self, users: &Users, credentials: &str) -> Digest {
        let stamp = users.stamp.0.map_or(Timestamp::from_unix_millis(0), Timestamp::from).unix_millis();
        let mut text = Vec::with_capacity(64 + credentials.len());
        text.extend_from_slice(&self.salt);
        for part in [stamp.to_be_bytes(), users.stamp.1.to_be_bytes(), users.stamp.2.to_be_bytes()] {
            text.extend_from_slice(&part);
        }
        text.extend_from_slice(credentials.as_bytes());
        Digest::sha256(&text)
    }

    fn is_verified(&self, key: &Digest, now: Timestamp) -> bool {
        self.lock().verified.get(key).is_some_and(|&until| now < until && until <= now.after(REMEMBER))
    }

    fn remember(&self, key: Digest, now: Timestamp) {
        let mut state = self.lock();
        if state.verified.len() >= REMEMBERED_MAX {
            state.verified.retain(|_, until| now < *until);
        }
        if state.verified.len() < REMEMBERED_MAX {
            state.verified.insert(key, now.after(REMEMBER));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing that panics happens under the lock; were it so, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn of(path: &std::path::Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(metadata.modified().ok(), metadata.len(), metadata.ino())
    }
}

impl Users {
    fn read(path: &std::path::Path) -> io::Result<Self> {
        use io::Read as _;
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        if text.len() as u64 == FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
        }
        Self::parse(&text, Stamp::from_metadata(&metadata))
    }

    /// Lines `user:hash`; empty lines and those that begin with `#` are passed over.
    fn parse(text: &str, stamp: Stamp) -> io::Result<Self> {
        let mut hashes = HashMap::new();
        let mut dearest = (0, NOBODY);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) = line.split_once(':').ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {number} is not user:hash"))
            })?;
            match cost(hash) {
                Some(cost) if cost <= COST_MAX => {
                    dearest = dearest.max((cost, hash));
                    hashes.insert(user.to_owned(), hash.to_owned());
                }
                Some(_) => {
                    tracing::warn!(line = number, "htpasswd: passed over a bcrypt cost above {COST_MAX}")
                }
                None => tracing::warn!(line = number, "htpasswd: passed over an entry that is not bcrypt"),
            }
        }
        let decoy = dearest.1.to_owned();
        Ok(Self { stamp, hashes, decoy })
    }

    /// Takes as long for a name that is not in the file as for a wrong password.
    async fn verify(self: &Arc<Self>, user: &str, password: &str) -> Result<(), AuthError> {
        let known = self.hashes.get(user).cloned();
        let hash = known.clone().unwrap_or_else(|| self.decoy.clone());
        let password = password.to_owned();
        let matches = spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false))
            .await
            .map_err(|error| AuthError::Unavailable(error.into()))?;
        match (known, matches) {
            (Some(_), true) => Ok(()),
            (Some(_), false) => Err(AuthError::invalid("wrong password")),
            (None, _) => Err(AuthError::invalid("no such user")),
        }
    }
}

/// The cost of a bcrypt hash; `None` when it is none.
fn cost(hash: &str) -> Option<u32> {
    hash.parse::<bcrypt::HashParts>().ok().map(|parts| parts.get_cost())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    /// bcrypt's smallest cost: these tests are about who gets in, not about how long it takes.
    fn line(user: &str, password: &str) -> String {
        format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap())
    }

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn htpasswd(path: &Path) -> Htpasswd {
        let settings = HtpasswdSettings { realm: "r".to_owned(), path: path.to_owned(), parallel_max: 2 };
        Htpasswd::new(settings).unwrap()
    }

    async fn outcome(htpasswd: &Htpasswd, authorization: Option<&str>, now: Timestamp) -> String {
        match htpasswd.authenticate(authorization, now).await {
            Ok(caller) => caller.name.unwrap_or_default().to_string(),
            Err(AuthError::Invalid(reason)) => format!("invalid: {reason}"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn names_and_passwords() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        let md5 = "eve:$apr1$kNyNJcHM$W2PzP5bFnFVnLmhz4oGQv/\n";
        let text = format!("# people\n\n{}{md5}{}", line("ann", "sesame:open"), line("bob", "hush"));
        fs::write(&path, text).unwrap();
        let htpasswd = htpasswd(&path);
        htpasswd.check().unwrap();
        let check = async |authorization: Option<&str>, wanted: &str| {
            assert_eq!(outcome(&htpasswd, authorization, at(0)).await, wanted, "{authorization:?}");
        };
        check(Some(&basic("ann", "sesame:open")), "ann").await;
        check(Some(&basic("ann", "sesame:open").replace("Basic", "bAsIc ")), "ann").await;
        check(Some(&basic("bob", "hush")), "bob").await;
        check(Some(&basic("ann", "hush")), "invalid: wrong password").await;
        check(Some(&basic("ann", "")), "invalid: wrong password").await;
        check(Some(&basic("eve", "hush")), "invalid: no such user").await;
        check(Some(&basic("mallory", "hush")), "invalid: no such user").await;
        check(Some(&basic("", "")), "invalid: no such user").await;
        check(Some(&format!("Basic {}", STANDARD.encode("ann"))), "invalid: no colon in the credentials")
            .await;
        check(Some(&basic("ann", &"x".repeat(5000))), "invalid: credentials are too long").await;
        check(None, "authentication required").await;
        check(Some("Bearer x"), "authentication required").await;
        check(Some("Basic"), "authentication required").await;
        assert!(matches!(htpasswd.authenticate(Some("Basic %"), at(0)).await, Err(AuthError::Invalid(_))));
    }

    #[tokio::test]
    async fn a_changed_file_counts_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        fs::write(&path, line("ann", "old")).unwrap();
        let htpasswd = htpasswd(&path);
        let (old, new) = (basic("ann", "old"), basic("ann", "new"));
        assert_eq!(outcome(&htpasswd, Some(&old), at(0)).await, "ann");
        // Another inode and length, whatever the resolution of the clock.
        fs::write(folder.path().join("next"), format!("{}# changed\n", line("ann", "new"))).unwrap();
        fs::rename(folder.path().join("next"), &path).unwrap();
        assert_eq!(outcome(&htpasswd, Some(&old), at(2)).await, "invalid: wrong password");
        assert_eq!(outcome(&htpasswd, Some(&new), at(2)).await, "ann");
        fs::remove_file(&path).unwrap();
        assert_eq!(outcome(&htpasswd, Some(&new), at(4)).await, "authentication is unavailable");
    }

    #[tokio::test]
    async fn right_passwords_are_remembered_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        fs::write(&path, line("ann", "right")).unwrap();
        let htpasswd = htpasswd(&path);
        let right = basic("ann", "right");
        assert_eq!(outcome(&htpasswd, Some(&right), at(0)).await, "ann");
        let users = htpasswd.users(at(0)).await.unwrap();
        let key = htpasswd.remembered_as(&users, "ann:right");
        assert!(htpasswd.is_verified(&key, at(59)));
        assert!(!htpasswd.is_verified(&key, at(60)), "it must be hashed again after a minute");
        assert!(!htpasswd.is_verified(&key, at(-3600)), "nor does it last when the clock is set back");
        outcome(&htpasswd, Some(&basic("ann", "wrong")), at(0)).await;
        assert_eq!(htpasswd.lock().verified.len(), 1, "what was refused is not remembered");
    }

    #[test]
    fn the_decoy_is_a_hash_and_costs_what_the_dearest_does() {
        assert_eq!(cost(NOBODY), Some(10));
        assert!(!bcrypt::verify("", NOBODY).unwrap());
        let stamp = || Stamp(None, 0, 0);
        let dear = format!("a:{}\nb:{}\n", bcrypt::hash("x", 5).unwrap(), bcrypt::hash("x", 4).unwrap());
        assert_eq!(cost(&Users::parse(&dear, stamp()).unwrap().decoy), Some(5));
        assert_eq!(Users::parse("", stamp()).unwrap().decoy, NOBODY);
        let error = Users::parse("a:b\nno colon\n", stamp()).err().unwrap();
        assert_eq!(error.to_string(), "line 2 is not user:hash");
    }

    #[test]
    fn a_folder_is_no_file() {
        let error = htpasswd(Path::new("/")).check().unwrap_err().to_string();
        assert!(error.contains("it is not a file"), "{error}");
    }
}
