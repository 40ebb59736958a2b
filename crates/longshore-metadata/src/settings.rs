//! Small facts about the index itself, by key: how far an import is, when links were last written.

use crate::{MetadataError, ReadTx, WriteTx};

impl ReadTx {
    /// The value under `key`.
    pub async fn setting(&mut self, _key: &str) -> Result<Option<String>, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Keeps a value under `key`.
    pub async fn set_setting(&mut self, _key: &str, _value: &str) -> Result<(), MetadataError> {
        todo!()
    }

    /// Forgets a key.
    pub async fn delete_setting(&mut self, _key: &str) -> Result<(), MetadataError> {
        todo!()
    }
}
