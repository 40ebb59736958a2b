//! Values that go into statements and rows that come out, the same for both databases.
//!
//! Statements number their parameters `$1`, `$2`, … by first appearance: SQLite takes these for names and gives them
//! numbers in that order.

use std::borrow::Cow;

use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{
    AccessTokenId, BlobId, GroupId, JobId, LabelId, ManifestId, MemberId, MetadataError, Page, ProjectId,
    RepositoryId, RobotId, TrustRuleId, UserId,
};

/// A parameter or a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// The parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use params;

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// A length. None of those that exist comes near the limit.
impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(value))
    }
}

impl From<&Digest> for Value<'_> {
    fn from(value: &Digest) -> Self {
        Self::Bytes(Cow::Owned(value.to_bytes()))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.unix_millis())
    }
}

impl<'a> From<&'a RepositoryName> for Value<'a> {
    fn from(value: &'a RepositoryName) -> Self {
        value.as_str().into()
    }
}

macro_rules! ids {
    ($($id:ident),*) => { $(impl From<$id> for Value<'_> {
        fn from(value: $id) -> Self {
            Self::Int(value.0)
        }
    })* };
}
ids!(BlobId, JobId);

/// Rows whose numbers people see in the management API.
macro_rules! numbered {
    ($($id:ident),*) => { ids!($($id),*); $(impl $id {
        /// The number that the management API shows.
        pub fn number(self) -> i64 {
            self.0
        }

        /// The row of that number, which may not exist.
        pub fn of_number(number: i64) -> Self {
            Self(number)
        }
    })* };
}
numbered!(
    AccessTokenId,
    GroupId,
    LabelId,
    ManifestId,
    MemberId,
    ProjectId,
    RepositoryId,
    RobotId,
    TrustRuleId,
    UserId
);

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row; its columns are taken from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value<'static>>);

impl Row {
    pub(crate) fn new(columns: Vec<Value<'static>>) -> Self {
        Self(columns.into_iter())
    }

    fn take(&mut self) -> Result<Value<'static>, MetadataError> {
        self.0.next().ok_or_else(|| MetadataError::Corrupt("a row has too few columns".to_owned()))
    }

    pub(crate) fn int(&mut self) -> Result<i64, MetadataError> {
        self.optional_int()?.ok_or_else(|| wrong("an integer", &Value::Null))
    }

    pub(crate) fn optional_int(&mut self) -> Result<Option<i64>, MetadataError> {
        match self.take()? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(value)),
            other => Err(wrong("an integer", &other)),
        }
    }

    /// A length or a count.
    pub(crate) fn unsigned<T: TryFrom<i64>>(&mut self) -> Result<T, MetadataError> {
        let value = self.int()?;
        T::try_from(value).map_err(|_| wrong("a length or count", &Value::Int(value)))
    }

    pub(crate) fn text(&mut self) -> Result<String, MetadataError> {
        self.optional_text()?.ok_or_else(|| wrong("text", &Value::Null))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, MetadataError> {
        match self.take()? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value.into_owned())),
            other => Err(wrong("text", &other)),
        }
    }

    /// Text in a canonical form: a name, a tag, an id.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, MetadataError> {
        let text = self.text()?;
        text.parse().map_err(|_| MetadataError::Corrupt(format!("{text:?} is no {what}")))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, MetadataError> {
        match self.take()? {
            Value::Bytes(value) => Ok(value.into_owned()),
            other => Err(wrong("bytes", &other)),
        }
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, MetadataError> {
        self.optional_digest()?.ok_or_else(|| wrong("a digest", &Value::Null))
    }

    pub(crate) fn optional_digest(&mut self) -> Result<Option<Digest>, MetadataError> {
        match self.take()? {
            Value::Null => Ok(None),
            value => match &value {
                Value::Bytes(bytes) => {
                    Digest::from_bytes(bytes).map(Some).map_err(|_| wrong("a digest", &value))
                }
                other => Err(wrong("a digest", other)),
            },
        }
    }

    pub(crate) fn timestamp(&mut self) -> Result<Timestamp, MetadataError> {
        self.int().map(Timestamp::from_unix_millis)
    }

    pub(crate) fn optional_timestamp(&mut self) -> Result<Option<Timestamp>, MetadataError> {
        Ok(self.optional_int()?.map(Timestamp::from_unix_millis))
    }
}

fn wrong(expected: &str, found: &Value<'_>) -> MetadataError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::Int(value) => format!("{value}"),
        Value::Text(text) => format!("text of {} bytes", text.len()),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
    };
    MetadataError::Corrupt(format!("expected {expected}, found {found}"))
}

/// What to ask for so that a page of `limit` entries knows whether more follow.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// A `LIMIT`.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The page made from rows that were asked for with [`one_more`].
pub(crate) fn page<T>(
    rows: Vec<Row>,
    limit: usize,
    read: impl FnMut(Row) -> Result<T, MetadataError>,
) -> Result<Page<T>, MetadataError> {
    let more = rows.len() > limit;
    let entries = rows.into_iter().take(limit).map(read).collect::<Result<_, _>>()?;
    Ok(Page { entries, more })
}

/// The key that a text listing goes on after. What is stored never holds NUL, so cutting a key from outside there
/// changes no comparison; PostgreSQL would refuse it whole.
pub(crate) fn text_key(after: Option<&str>) -> &str {
    let after = after.unwrap_or_default();
    after.split('\0').next().unwrap_or_default()
}

/// The key that a listing by digest goes on after.
pub(crate) fn digest_key(after: Option<&Digest>) -> Value<'static> {
    Value::Bytes(Cow::Owned(after.map(Digest::to_bytes).unwrap_or_default()))
}

/// Cuts a list into batches of few different sizes, so that few different statements are prepared for them. The last
/// batch is filled up with its last item; the statement must not mind repetitions.
pub(crate) fn batches<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    const SMALL: usize = 8;
    const LARGE: usize = 64;
    let size = if items.len() <= SMALL { SMALL } else { LARGE };
    items.chunks(size).map(move |chunk| {
        let mut batch = chunk.to_vec();
        if let Some(last) = chunk.last() {
            batch.resize(size, last.clone());
        }
        batch
    })
}

/// `$first, …, $last`, for `IN`.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_full_and_lose_nothing() {
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 1000] {
            let items: Vec<usize> = (0..count).collect();
            let batches: Vec<Vec<usize>> = batches(&items).collect();
            assert!(batches.iter().all(|batch| batch.len() == 8 || batch.len() == 64), "{count}");
            let mut seen = batches.concat();
            seen.dedup();
            assert_eq!(seen, items);
        }
    }

    #[test]
    fn a_key_is_cut_at_nul() {
        assert_eq!(text_key(None), "");
        assert_eq!(text_key(Some("a\0b")), "a");
        assert_eq!(placeholders(2, 3), "$2, $3, $4");
    }

    #[test]
    fn a_wrong_column_is_damage() {
        let check = |row: &mut dyn FnMut(&mut Row) -> Result<(), MetadataError>, value: Value<'static>| {
            let error = row(&mut Row::new(vec![value])).unwrap_err();
            assert!(matches!(error, MetadataError::Corrupt(_)), "{error}");
        };
        check(&mut |row| row.int().map(drop), Value::Null);
        check(&mut |row| row.text().map(drop), Value::Int(1));
        check(&mut |row| row.digest().map(drop), Value::from(&[1u8, 2][..]));
        check(&mut |row| row.unsigned::<u64>().map(drop), Value::Int(-1));
        check(&mut |row| row.parsed::<longshore_types::Tag>("tag").map(drop), Value::from("a b"));
    }
}
