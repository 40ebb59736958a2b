//! Passwords of local users: argon2id with the parameters that OWASP's Password Storage Cheat Sheet (2024) names first:
//! 19 MiB of memory, two passes, one lane. One check keeps a core busy for about 20 ms.
//!
//! [`hash()`], [`verify`] and [`verify_nobody`] hold their thread for that long: call them where blocking is allowed, and
//! not for too many logins at once, each of which takes its 19 MiB.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};

/// Memory, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes, which could be filled in parallel.
const LANES: u32 = 1;
/// The hash of nobody's password: random bytes that were thrown away, hashed as ours are.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$tVt1Uj1Y2nqWg5cdQ0yZxQ$v8yUR5kKq0Jf3oEWm7tLxNnZb2cQe1sGdHfA9iKjMhU";

/// Shortest password, in characters; Harbor's rule.
const CHARACTERS_MIN: usize = 8;
/// Longest password, in characters; Harbor's rule.
const CHARACTERS_MAX: usize = 128;

/// Why no password can be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password")]
pub struct HashError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Hashes a password with a new salt, in the form `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
///
/// # Errors
/// When the system has no random bytes to give, or no memory.
pub fn hash(password: &str) -> Result<String, HashError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| HashError(error.into()))?;
    let hash = hasher()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| HashError(error.to_string().into()))?;
    Ok(hash.to_string())
}

/// Whether it is the password of that hash. Hashes are compared in constant time. What is no hash is nobody's, and takes
/// as long as another.
pub fn verify(password: &str, hash: &str) -> bool {
    match (PasswordHash::new(hash), hasher()) {
        (Ok(hash), Ok(hasher)) => hasher.verify_password(password.as_bytes(), &hash).is_ok(),
        _ => {
            verify_nobody(password);
            false
        }
    }
}

/// Takes as long as [`verify`] does: for a user that there is not, so that the time of an answer does not tell who there
/// is.
pub fn verify_nobody(password: &str) {
    if let (Ok(hash), Ok(hasher)) = (PasswordHash::new(NOBODY), hasher()) {
        // black_box: the work must be done although nobody asks for its result.
        let _ = std::hint::black_box(hasher.verify_password(password.as_bytes(), &hash));
    }
}

/// Whether a hash was made otherwise than [`hash()`] makes them now. After a login with a good password it should be
/// replaced.
pub fn needs_rehash(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return true };
    let current = Params::try_from(&hash).is_ok_and(|params| {
        params.m_cost() == MEMORY_KIB && params.t_cost() == PASSES && params.p_cost() == LANES
    });
    let version = hash.version == Some(Version::V0x13.into());
    !(current && version && hash.algorithm == Algorithm::Argon2id.ident())
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashError(error.to_string().into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What a new password lacks, by Harbor's rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct WeakPassword {
    lacks: Vec<&'static str>,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters, among them an upper-case letter, \
             a lower-case letter and a digit; this one "
        )?;
        for (i, lack) in self.lacks.iter().enumerate() {
            let before = match i {
                0 => "",
                _ if i + 1 == self.lacks.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{lack}")?;
        }
        Ok(())
    }
}

/// Whether a new password keeps Harbor's rules: 8 to 128 characters, with an upper-case letter, a lower-case one and a
/// digit (of ASCII). Whoever has another password already keeps it.
///
/// # Errors
/// All that is missing.
pub fn check_new(password: &str) -> Result<(), WeakPassword> {
    let characters = password.chars().count();
    let has = |test: fn(&u8) -> bool| password.as_bytes().iter().any(test);
    let rules = [
        (characters >= CHARACTERS_MIN, "is too short"),
        (characters <= CHARACTERS_MAX, "is too long"),
        (has(u8::is_ascii_uppercase), "has no upper-case letter"),
        (has(u8::is_ascii_lowercase), "has no lower-case letter"),
        (has(u8::is_ascii_digit), "has no digit"),
    ];
    let lacks: Vec<_> = rules.into_iter().filter(|(kept, _)| !kept).map(|(_, lack)| lack).collect();
    if lacks.is_empty() { Ok(()) } else { Err(WeakPassword { lacks }) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_was_hashed_is_verified_and_nothing_else() {
        let one = hash("Harbor12345").unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash("Harbor12345").unwrap(), "each has its salt");
        assert!(verify("Harbor12345", &one));
        for wrong in ["", "harbor12345", "Harbor12345 ", "Harbor1234"] {
            assert!(!verify(wrong, &one), "{wrong:?}");
        }
        for none in ["", "Harbor12345", "$2y$10$7yVmORu8SxyawSz1MA.aQuDNiVwyT/dUTOdfiAWoPhbfNzIxmHz7a"] {
            assert!(!verify("Harbor12345", none), "{none:?}");
        }
        assert!(!needs_rehash(&one) && !needs_rehash(NOBODY));
    }

    /// From the test vectors of the reference implementation, phc-winner-argon2.
    #[test]
    fn hashes_made_elsewhere_are_verified_and_replaced() {
        let other = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify("password", other) && !verify("passwore", other));
        assert!(needs_rehash(other));
        assert!(needs_rehash("no hash"));
        assert!(needs_rehash(&NOBODY.replace("argon2id", "argon2i")));
    }

    #[test]
    fn nobody_costs_what_somebody_does() {
        let ours = hash("Harbor12345").unwrap();
        let (ours, nobody) = (PasswordHash::new(&ours).unwrap(), PasswordHash::new(NOBODY).unwrap());
        let cost = |of: &PasswordHash| {
            let params = Params::try_from(of).unwrap();
            (of.algorithm.to_string(), of.version, params.m_cost(), params.t_cost(), params.p_cost())
        };
        assert_eq!(cost(&ours), cost(&nobody));
        let lengths = |of: &PasswordHash| (of.salt.unwrap().len(), of.hash.unwrap().len());
        assert_eq!(lengths(&ours), lengths(&nobody));

        // No machine fills 19 MiB twice in less; were the work left out, it would be some microseconds.
        let least = Duration::from_millis(1);
        let works: [fn(); 2] = [|| verify_nobody("wrong"), || assert!(!verify("wrong", "no hash"))];
        for work in works {
            let start = Instant::now();
            work();
            assert!(start.elapsed() > least);
        }
    }

    #[test]
    fn new_passwords_keep_harbors_rules() {
        for good in ["Harbor12345", "aA1aaaaa", &format!("A1{}", "a".repeat(126)), "Ä1aBäääää"] {
            assert_eq!(check_new(good), Ok(()), "{good}");
        }
        let lacks = |text: &str| check_new(text).unwrap_err().lacks;
        assert_eq!(lacks("aA1"), ["is too short"]);
        assert_eq!(lacks(&format!("A1{}", "a".repeat(127))), ["is too long"]);
        assert_eq!(lacks("harborharbor"), ["has no upper-case letter", "has no digit"]);
        assert_eq!(lacks("ÄÖÜ12345"), ["has no upper-case letter", "has no lower-case letter"]);
        assert!(
            check_new("harbor")
                .unwrap_err()
                .to_string()
                .ends_with("and a digit; this one is too short, has no upper-case letter and has no digit")
        );
    }
}
