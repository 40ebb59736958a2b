//! Small facts about the index itself, by key: how far an import is, when links were last written.

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, params},
};

impl ReadTx {
    /// The value under `key`.
    pub async fn setting(&mut self, key: &str) -> Result<Option<String>, MetadataError> {
        let row = self.query_opt("SELECT value FROM settings WHERE key = $1", params![key]).await?;
        row.map(|mut row| row.text()).transpose()
    }

    /// The values under keys that begin with `group` and a dot, by what comes after that.
    pub async fn settings_of(&mut self, group: &str) -> Result<Vec<(String, String)>, MetadataError> {
        // In the order of bytes a dot is followed by a slash.
        let (from, to) = (format!("{group}."), format!("{group}/"));
        let sql = "SELECT key, value FROM settings WHERE key > $1 AND key < $2 ORDER BY key";
        let rows = self.query(sql, params![from.as_str(), to.as_str()]).await?;
        let read = |mut row: Row| -> Result<_, MetadataError> {
            let key = row.text()?;
            Ok((key.strip_prefix(&from).unwrap_or(&key).to_owned(), row.text()?))
        };
        rows.into_iter().map(read).collect()
    }
}

impl WriteTx {
    /// Keeps a value under `key`.
    pub async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), MetadataError> {
        let sql = "INSERT INTO settings (key, value) VALUES ($1, $2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.execute(sql, params![key, value]).await.map(drop)
    }

    /// Keeps a value under a key that has none. Whether this was so; who does the same at this moment waits.
    pub async fn insert_setting(&mut self, key: &str, value: &str) -> Result<bool, MetadataError> {
        let sql = "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
        Ok(self.execute(sql, params![key, value]).await? > 0)
    }

    /// Forgets a key.
    pub async fn delete_setting(&mut self, key: &str) -> Result<(), MetadataError> {
        self.execute("DELETE FROM settings WHERE key = $1", params![key]).await.map(drop)
    }
}
