//! What images are found by everywhere: the beginnings of their tags, and of what a few annotations and labels say of where
//! they come from.

use std::collections::BTreeMap;

use longshore_types::{Digest, RepositoryName};

use crate::{
    ManifestId, MetadataError, Page, ReadTx, RepositoryId, RepositoryScope, WriteTx,
    conditions::Conditions,
    sql::{Row, Value, one_more, page, params},
};

/// What an annotation or a label says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKey {
    /// The commit that it was built from.
    Revision,
    /// Its version.
    Version,
    /// What people call it.
    Title,
    /// Where its source is.
    Source,
    /// The name that whoever built it gave it.
    RefName,
}

/// Longest value that is kept, in bytes; the beginning of longer ones.
const VALUE_BYTES_MAX: usize = 255;

/// Most entries of an index that one look walks over for a caller who may not see all repositories.
const WALKED_MAX: i64 = 20_000;

/// Where a search goes on: after this text in that repository or manifest, and nothing of it for the beginning.
pub type ImageCursor<'a> = Option<(&'a str, i64)>;

/// An image, and what it was found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImage {
    /// Its repository.
    pub repository: RepositoryId,
    /// What that is called.
    pub name: RepositoryName,
    /// The manifest's row.
    pub manifest: ManifestId,
    /// The manifest.
    pub digest: Digest,
    /// What it was found by; a tag if there is none.
    pub key: Option<MarkKey>,
    /// The tag, or the value that is kept.
    pub value: String,
    /// With [`FoundImage::value`]: where the search goes on.
    pub position: i64,
}

impl MarkKey {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Revision, Self::Version, Self::Title, Self::Source, Self::RefName];

    /// As annotations and labels have it: image specification v1.1, "Pre-Defined Annotation Keys".
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Revision => "org.opencontainers.image.revision",
            Self::Version => "org.opencontainers.image.version",
            Self::Title => "org.opencontainers.image.title",
            Self::Source => "org.opencontainers.image.source",
            Self::RefName => "org.opencontainers.image.ref.name",
        }
    }

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Revision => 1,
            Self::Version => 2,
            Self::Title => 3,
            Self::Source => 4,
            Self::RefName => 5,
        }
    }

    fn of_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.code() == code)
    }
}

/// A value as it is kept and looked for: in lower case, without the scheme of an address.
pub fn folded(value: &str) -> String {
    let value = value.trim().to_lowercase();
    let value = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).unwrap_or(&value);
    let end = (0..=VALUE_BYTES_MAX.min(value.len())).rev().find(|end| value.is_char_boundary(*end));
    value[..end.unwrap_or(0)].to_owned()
}

/// What is kept of annotations or labels.
pub(crate) fn marks(annotations: &BTreeMap<String, String>) -> Vec<(MarkKey, String)> {
    let mark = |key: MarkKey| Some((key, folded(annotations.get(key.annotation())?)));
    let storable = |(_, value): &(MarkKey, String)| !value.is_empty() && !value.contains('\0');
    MarkKey::ALL.into_iter().filter_map(mark).filter(storable).collect()
}

/// After everything that begins so: no text has a character beyond.
fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

impl ReadTx {
    /// Images whose tags begin so, by tag.
    pub async fn images_tagged(
        &mut self,
        scope: RepositoryScope<'_>,
        prefix: &str,
        after: ImageCursor<'_>,
        limit: usize,
    ) -> Result<Page<FoundImage>, MetadataError> {
        let end = end_of(prefix);
        let mut conditions = Conditions::new(self.dialect());
        let (value, position) = after.unwrap_or((prefix, -1));
        conditions.after("name, repository_id", (value, position));
        conditions.compare("name", "<", end.as_str());
        let walk = format!("SELECT name, repository_id, manifest_id FROM tags {}", conditions.sql());
        self.images(conditions, (&walk, "name, repository_id", "0"), scope, limit).await
    }

    /// Images of which an annotation or a label says something that begins so, by what it says. Revisions are looked at only
    /// where `with_revisions` says so: short beginnings are those of many.
    pub async fn images_marked(
        &mut self,
        scope: RepositoryScope<'_>,
        prefix: &str,
        with_revisions: bool,
        after: ImageCursor<'_>,
        limit: usize,
    ) -> Result<Page<FoundImage>, MetadataError> {
        let end = end_of(prefix);
        let mut conditions = Conditions::new(self.dialect());
        let (value, position) = after.unwrap_or((prefix, -1));
        conditions.after("value, position", (value, position));
        conditions.compare("value", "<", end.as_str());
        if !with_revisions {
            conditions.compare("key", "<>", MarkKey::Revision.code());
        }
        let walk = format!(
            "SELECT value, repository_id, manifest_id, key, position FROM manifest_marks {}",
            conditions.sql()
        );
        self.images(conditions, (&walk, "value, position", "key"), scope, limit).await
    }

    /// The images of a walk over an index, in its order, as far as the scope has them.
    async fn images<'v>(
        &mut self,
        mut conditions: Conditions<'v>,
        (walk, order, key): (&str, &str, &str),
        scope: RepositoryScope<'v>,
        limit: usize,
    ) -> Result<Page<FoundImage>, MetadataError> {
        // Whoever sees everything finds what they look for at once; for others the walk has an end.
        let bounded = match scope {
            RepositoryScope::All => walk.to_owned(),
            RepositoryScope::Project(_) | RepositoryScope::Within { .. } => {
                let walked = conditions.value(WALKED_MAX);
                format!("{walk} ORDER BY {order} LIMIT ${walked}")
            }
        };
        let (text, position) = order.split_once(", ").unwrap_or((order, order));
        let mut seen = conditions.nothing_yet();
        seen.says("r.id = w.repository_id");
        seen.says("r.has_manifests = 1");
        seen.says("m.id = w.manifest_id");
        seen.says("m.deleted_at IS NULL");
        scope.add_to(&mut seen);
        let where_seen = seen.sql();
        let rows = seen.value(one_more(limit));
        let sql = format!(
            "SELECT r.id, r.name, m.id, m.digest, w.{text}, w.{position}, {key} \
             FROM ({bounded}) w CROSS JOIN repositories r CROSS JOIN manifests m {where_seen} \
             ORDER BY w.{text}, w.{position} LIMIT ${rows}"
        );
        let found = self.query(&sql, &seen.values).await?;
        page(found, limit, |mut row| {
            Ok(FoundImage {
                repository: RepositoryId(row.int()?),
                name: row.parsed("repository name")?,
                manifest: ManifestId(row.int()?),
                digest: row.digest()?,
                value: row.text()?,
                position: row.int()?,
                key: MarkKey::of_code(row.int()?),
            })
        })
    }

    /// The tags of the indexes in a repository that name a manifest, as many as `limit`.
    pub async fn tags_of_indexes_naming(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<String>, MetadataError> {
        let sql = "SELECT t.name FROM manifest_references f CROSS JOIN manifests m CROSS JOIN tags t \
                   WHERE f.repository_id = $1 AND f.digest = $2 AND m.id = f.manifest_id AND m.deleted_at IS NULL \
                   AND t.manifest_id = m.id LIMIT $3";
        let rows = self.query(sql, params![repository, digest, crate::sql::at_most(limit)]).await?;
        rows.into_iter().map(|mut row: Row| row.text()).collect()
    }
}

impl WriteTx {
    /// Notes what labels in the configuration of an image say of it; [`WriteTx::put_manifest`] does so for annotations.
    pub async fn mark_manifest(
        &mut self,
        repository: RepositoryId,
        manifest: ManifestId,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO manifest_marks (manifest_id, key, value, repository_id, position) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        for (key, value) in marks(labels) {
            let values: [Value<'_>; 5] = [
                manifest.into(),
                key.code().into(),
                value.as_str().into(),
                repository.into(),
                position(manifest, key).into(),
            ];
            self.execute(sql, &values).await?;
        }
        Ok(())
    }
}

/// One number for a manifest and a key, so that a listing by value goes on after two columns.
pub(crate) fn position(manifest: ManifestId, key: MarkKey) -> i64 {
    manifest.0.saturating_mul(8).saturating_add(key.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_folded() {
        for (value, wanted) in [
            (" V1.2 ", "v1.2"),
            ("https://GitHub.com/Org/Repo", "github.com/org/repo"),
            ("http://x", "x"),
            ("ÄÖ", "äö"),
            ("", ""),
        ] {
            assert_eq!(folded(value), wanted);
        }
        assert_eq!(folded(&"ä".repeat(200)).len(), 254);
    }

    #[test]
    fn few_annotations_count() {
        let all = [
            ("org.opencontainers.image.revision", "ABC"),
            ("org.opencontainers.image.title", "  "),
            ("org.opencontainers.image.source", "a\0b"),
            ("else", "x"),
        ];
        let all = all.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(marks(&all), [(MarkKey::Revision, "abc".to_owned())]);
    }
}
