//! The keys that sign tokens: made on the first start, followed by the next ones as they age, and kept sealed in the
//! index, which all replicas share. Whoever reads the index, or a copy of it, cannot sign with them.

use longshore_auth::{KeyRotation, SealError, SecretKey, SigningKey, SigningKeyError, SigningKeys};
use longshore_metadata::{Metadata, MetadataError, NewAuditEvent, SigningKeyRecord, WriteTx};
use longshore_types::Timestamp;

use crate::retry::{MayConflict, retry_on_conflict};

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// What the index holds cannot be opened with this secret key.
    #[error("the keys that sign tokens cannot be opened")]
    Seal(#[from] SealError),
    /// What the index holds is no key, or none could be made.
    #[error("no key that signs tokens")]
    Key(#[from] SigningKeyError),
    /// The index failed.
    #[error("could not read or change the index")]
    Metadata(#[from] MetadataError),
}

impl MayConflict for KeysError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

/// What becomes of the keys of before when somebody asks for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKeys {
    /// They sign until everybody knows the new one, and verify until the last token that they signed has expired.
    Follow,
    /// They are forgotten at once: what they signed is refused. For keys that somebody may have stolen.
    Forget,
}

/// What a key is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Everybody learns of it; it signs soon.
    Next,
    /// It signs.
    Signing,
    /// Another one signs; what it signed is admitted.
    Verifying,
}

/// A key as people look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDetails {
    /// Its name in tokens.
    pub id: String,
    /// What it is there for.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs, if no other is made before.
    pub signs_until: Timestamp,
    /// Until when what it signed is admitted.
    pub verifies_until: Timestamp,
}

impl KeyDetails {
    /// All keys, the newest first.
    pub(crate) fn of(keys: &SigningKeys, rotation: &KeyRotation, now: Timestamp) -> Vec<Self> {
        let signing = keys.signing(rotation, now).id().to_owned();
        let mut state = KeyState::Next;
        // When the one after it was, or will be, made.
        let mut successor = None;
        let details = |key: &SigningKey| {
            let next = successor.replace(key.created_at());
            let signs_until =
                next.unwrap_or_else(|| key.created_at().after(rotation.every)).after(rotation.lead);
            state = match (key.id() == signing, state) {
                (true, _) => KeyState::Signing,
                (false, KeyState::Next) => KeyState::Next,
                (false, _) => KeyState::Verifying,
            };
            Self {
                id: key.id().to_owned(),
                state,
                created_at: key.created_at(),
                signs_until,
                verifies_until: signs_until.after(rotation.overlap),
            }
        };
        keys.iter().map(details).collect()
    }
}

/// The keys in the index, and what opens them.
pub struct KeyStore {
    metadata: Metadata,
    secret: SecretKey,
    rotation: KeyRotation,
}

impl KeyStore {
    /// Keys of that index, sealed with `secret`.
    pub fn new(metadata: Metadata, secret: SecretKey, rotation: KeyRotation) -> Self {
        Self { metadata, secret, rotation }
    }

    /// When keys follow each other.
    pub fn rotation(&self) -> &KeyRotation {
        &self.rotation
    }

    /// The keys of the present. Makes the first one, makes the next one when it is time, and forgets those that no good
    /// token can be signed with any more. Of several replicas one does so.
    ///
    /// # Errors
    /// [`KeysError::Seal`] when another secret key sealed them.
    pub async fn current(&self, now: Timestamp) -> Result<SigningKeys, KeysError> {
        let records = self.metadata.read().await?.signing_keys().await?;
        if !records.is_empty() {
            let keys = self.open(&records)?;
            if !keys.is_due(&self.rotation, now) && keys.retired(&self.rotation, now).is_empty() {
                return Ok(keys);
            }
        }
        retry_on_conflict(|| self.renew(now)).await
    }

    /// Makes a new key, whether it is time or not.
    ///
    /// # Errors
    /// [`KeysError::Seal`] when another secret key sealed those of before and they are to be kept.
    pub async fn rotate(&self, old: OldKeys, actor: &str, now: Timestamp) -> Result<SigningKeys, KeysError> {
        retry_on_conflict(|| async {
            let mut tx = self.metadata.write().await?;
            tx.lock_signing_keys().await?;
            let mut records = tx.signing_keys().await?;
            if old == OldKeys::Forget {
                for record in records.drain(..) {
                    self.forget(&mut tx, &record.id, actor, now).await?;
                }
            }
            records.push(self.make(&mut tx, actor, now).await?);
            let keys = self.open(&records)?;
            tx.commit().await?;
            Ok(keys)
        })
        .await
    }

    /// Does what is due, if nobody else did so meanwhile.
    async fn renew(&self, now: Timestamp) -> Result<SigningKeys, KeysError> {
        let mut tx = self.metadata.write().await?;
        tx.lock_signing_keys().await?;
        let mut records = tx.signing_keys().await?;
        if records.is_empty() || self.open(&records)?.is_due(&self.rotation, now) {
            records.push(self.make(&mut tx, "system", now).await?);
        }
        let keys = self.open(&records)?;
        let retired: Vec<_> =
            keys.retired(&self.rotation, now).into_iter().map(|key| key.id().to_owned()).collect();
        for id in &retired {
            self.forget(&mut tx, id, "system", now).await?;
        }
        records.retain(|record| !retired.contains(&record.id));
        let keys = self.open(&records)?;
        tx.commit().await?;
        Ok(keys)
    }

    async fn make(
        &self,
        tx: &mut WriteTx,
        actor: &str,
        now: Timestamp,
    ) -> Result<SigningKeyRecord, KeysError> {
        let key = SigningKey::generate(now)?;
        let private_key = self.secret.seal(&purpose(key.id()), key.private_key())?;
        let record = SigningKeyRecord { id: key.id().to_owned(), private_key, created_at: now };
        tx.insert_signing_key(&record).await?;
        record_audit(tx, "create_signing_key", &record.id, actor, now).await?;
        Ok(record)
    }

    async fn forget(
        &self,
        tx: &mut WriteTx,
        id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        tx.delete_signing_key(id).await?;
        record_audit(tx, "delete_signing_key", id, actor, now).await
    }

    fn open(&self, records: &[SigningKeyRecord]) -> Result<SigningKeys, KeysError> {
        let open = |record: &SigningKeyRecord| -> Result<SigningKey, KeysError> {
            let private = self.secret.open(&purpose(&record.id), &record.private_key)?;
            Ok(SigningKey::from_private_key(&private, record.created_at)?)
        };
        let keys = records.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(SigningKeys::new(keys)?)
    }
}

/// What a key is sealed for: no row can take the place of another.
fn purpose(id: &str) -> String {
    format!("signing key {id}")
}

async fn record_audit(
    tx: &mut WriteTx,
    operation: &str,
    id: &str,
    actor: &str,
    at: Timestamp,
) -> Result<(), MetadataError> {
    tx.record_audit(&NewAuditEvent {
        at,
        operation,
        resource_type: "signing_key",
        resource: id,
        project: None,
        actor,
        address: "",
        request_id: "",
        succeeded: true,
        detail: "",
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn keys_follow_each_other() {
        let rotation = KeyRotation {
            every: Duration::from_secs(1000),
            lead: Duration::from_secs(10),
            overlap: Duration::from_secs(100),
        };
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        let keys = [0, 500, 900].map(|made| SigningKey::generate(at(made)).unwrap());
        let keys = SigningKeys::new(keys).unwrap();
        let check = |now: i64, wanted: [(i64, KeyState, i64, i64); 3]| {
            let found = KeyDetails::of(&keys, &rotation, at(now));
            let seconds = |moment: Timestamp| moment.unix_millis() / 1000;
            let found: Vec<_> = found
                .iter()
                .map(|key| {
                    (
                        seconds(key.created_at),
                        key.state,
                        seconds(key.signs_until),
                        seconds(key.verifies_until),
                    )
                })
                .collect();
            assert_eq!(found, wanted, "at {now}");
        };
        use KeyState::{Next, Signing, Verifying};
        check(905, [(900, Next, 1910, 2010), (500, Signing, 910, 1010), (0, Verifying, 510, 610)]);
        check(910, [(900, Signing, 1910, 2010), (500, Verifying, 910, 1010), (0, Verifying, 510, 610)]);
    }
}
