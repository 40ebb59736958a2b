//! `q=`, Harbor's filters of listings: `k=v`, `k=~v`, `k=[min~max]`, `k={a b}`, `k=(a b)`, separated by commas.

use crate::query;

/// Longest text of all filters, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;
/// Most filters in one request.
pub(crate) const COUNT_MAX: usize = 32;
/// Most values in one list.
pub(crate) const VALUES_MAX: usize = 100;

/// Values, in the forms of [`Test`]: a regular expression.
const VALUE: &str = r"(~[^,\x00]+|\[(~[^,~\x00]+|[^,~\x00]+~[^,~\x00]*)\]|\{[^,}\x00]*\}|\([^,)\x00]*\)|[^,~\[{(\x00][^,\x00]*)";

/// Filters by these keys, for the API's description: a regular expression.
pub(crate) fn pattern(keys: &[&str]) -> String {
    let one = format!("({})={VALUE}", keys.join("|"));
    format!("^$|^{one}(,{one}){{0,{}}}$", COUNT_MAX - 1)
}

/// What must be true of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// As the route's table spells it.
    pub(crate) key: &'static str,
    pub(crate) test: Test,
}

/// What a value is compared with. Values are text: the handler knows what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// `k=v`.
    Is(String),
    /// `k=~v`: contains it.
    Contains(String),
    /// `k=[min~max]`: one of them may be missing, both belong to the range.
    Between(Option<String>, Option<String>),
    /// `k={a b}`.
    AnyOf(Vec<String>),
    /// `k=(a b)`.
    AllOf(Vec<String>),
}

/// A text that holds no filters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("q: there is no key {given} here; {}", keys(.known))]
    Unknown { given: String, known: Vec<&'static str> },
    #[error("q: longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("q: more than {COUNT_MAX} filters")]
    TooMany,
    #[error("q: more than {VALUES_MAX} values for {0}")]
    TooManyValues(String),
    #[error("q: a filter is key=value, and neither may be empty")]
    Malformed,
    #[error("q: {0} must be ~ and the text to look for")]
    Contains(String),
    #[error("q: {0} must be [min~max] with at least one of the two")]
    Range(String),
    #[error("q: {0} must be a list that ends with the bracket that closes it")]
    List(String),
}

/// The keys that there are, for people.
fn keys(known: &[&str]) -> String {
    if known.is_empty() {
        "nothing can be filtered by".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    }
}

/// Reads filters. A key that comes twice counts as it came last. One that is not in `known` is refused, where Harbor leaves
/// it out: a listing that is not filtered as somebody meant it is read as if it were.
pub(crate) fn parse(text: &str, known: &[&'static str]) -> Result<Vec<Filter>, FilterError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(FilterError::TooLong);
    }
    // Some of Harbor's clients encode the whole of it once more.
    let decoded = query::decode(text);
    let text = decoded.as_deref().filter(|text| !text.contains('\0')).unwrap_or(text);
    let mut filters: Vec<Filter> = Vec::new();
    if text.is_empty() {
        return Ok(filters);
    }
    for (nth, part) in text.split(',').enumerate() {
        if nth == COUNT_MAX {
            return Err(FilterError::TooMany);
        }
        let (key, value) = part.split_once('=').ok_or(FilterError::Malformed)?;
        if key.is_empty() || value.is_empty() {
            return Err(FilterError::Malformed);
        }
        let test = Test::parse(key, value)?;
        let Some(key) = known.iter().find(|known| same(known, key)) else {
            return Err(FilterError::Unknown { given: key.to_owned(), known: known.to_vec() });
        };
        filters.retain(|filter| filter.key != *key);
        filters.push(Filter { key, test });
    }
    Ok(filters)
}

/// Harbor takes the names of its columns and of its fields: `project_id` and `ProjectID`.
fn same(known: &str, given: &str) -> bool {
    let plain = |text: &'_ str| {
        text.bytes().filter(|&b| b != b'_').map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    plain(known) == plain(given)
}

impl Test {
    fn parse(key: &str, value: &str) -> Result<Self, FilterError> {
        let list = |close: char| -> Result<Vec<String>, FilterError> {
            let inner = value[1..].strip_suffix(close).ok_or_else(|| FilterError::List(key.to_owned()))?;
            let values: Vec<_> =
                inner.split(' ').map(plain).filter(|value| !value.is_empty()).take(VALUES_MAX + 1).collect();
            if values.len() > VALUES_MAX {
                Err(FilterError::TooManyValues(key.to_owned()))
            } else {
                Ok(values)
            }
        };
        match value.as_bytes().first() {
            Some(b'~') if value.len() > 1 => Ok(Self::Contains(value[1..].to_owned())),
            Some(b'~') => Err(FilterError::Contains(key.to_owned())),
            Some(b'[') => Self::range(value).ok_or_else(|| FilterError::Range(key.to_owned())),
            Some(b'{') => Ok(Self::AnyOf(list('}')?)),
            Some(b'(') => Ok(Self::AllOf(list(')')?)),
            // A backslash keeps a value that begins with one of these from being read so.
            _ => Ok(Self::Is(value.strip_prefix('\\').unwrap_or(value).to_owned())),
        }
    }

    fn range(value: &str) -> Option<Self> {
        let (min, max) = value.strip_prefix('[')?.strip_suffix(']')?.split_once('~')?;
        let end = |text: &str| Some(plain(text)).filter(|text| !text.is_empty());
        let (min, max) = (end(min), end(max).filter(|max| !max.contains('~')));
        (min.is_some() || max.is_some()).then_some(Self::Between(min, max))
    }
}

/// A value without the blanks and quotation marks around it.
fn plain(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &[&str] = &["name", "level", "project_id", "op_time"];

    #[test]
    fn filters_are_read() {
        let is = |value: &str| Test::Is(value.to_owned());
        let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        let check = |text: &str, wanted: &[(&'static str, Test)]| {
            let wanted: Vec<_> =
                wanted.iter().map(|(key, test)| Filter { key, test: test.clone() }).collect();
            assert_eq!(parse(text, KNOWN), Ok(wanted), "{text}");
        };
        check("", &[]);
        check("name=a", &[("name", is("a"))]);
        check("name=a=b", &[("name", is("a=b"))]);
        check("name=\\~a", &[("name", is("~a"))]);
        check("name=~a", &[("name", Test::Contains("a".to_owned()))]);
        check("name={a b  'c'}", &[("name", Test::AnyOf(list(&["a", "b", "c"])))]);
        check("name=(a b)", &[("name", Test::AllOf(list(&["a", "b"])))]);
        check("name={}", &[("name", Test::AnyOf(Vec::new()))]);
        check("op_time=[1~ 2]", &[("op_time", Test::Between(Some("1".to_owned()), Some("2".to_owned())))]);
        check("op_time=[~2]", &[("op_time", Test::Between(None, Some("2".to_owned())))]);
        check("op_time=[1~]", &[("op_time", Test::Between(Some("1".to_owned()), None))]);
        // What Terraform sends for robots, with names of fields.
        check("Level=project,ProjectID=1", &[("level", is("project")), ("project_id", is("1"))]);
        check("name=a,name=b", &[("name", is("b"))]);
        check(
            "name%3D~a%2Cproject_id%3D3",
            &[("name", Test::Contains("a".to_owned())), ("project_id", is("3"))],
        );
        check("name=100%", &[("name", is("100%"))]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let check = |text: &str, wanted: FilterError| assert_eq!(parse(text, KNOWN), Err(wanted), "{text}");
        let key = |key: &str| key.to_owned();
        for bad in ["name", "=a", "name=", ",", "name=a,", "other"] {
            check(bad, FilterError::Malformed);
        }
        check("name=~", FilterError::Contains(key("name")));
        check("name=a,nmae=b", FilterError::Unknown { given: key("nmae"), known: KNOWN.to_vec() });
        let shown = FilterError::Unknown { given: key("x"), known: vec!["name", "level"] }.to_string();
        assert_eq!(shown, "q: there is no key x here; there are name, level");
        for bad in ["name=[", "name=[]", "name=[~]", "name=[a]", "name=[a~b"] {
            check(bad, FilterError::Range(key("name")));
        }
        for bad in ["name={", "name={a", "name={a)", "name=(", "name=(a}"] {
            check(bad, FilterError::List(key("name")));
        }
        check(&"a".repeat(TEXT_BYTES_MAX + 1), FilterError::TooLong);
        check(&["name=a"; COUNT_MAX + 1].join(","), FilterError::TooMany);
        check(&format!("name={{{}}}", "a ".repeat(VALUES_MAX + 1)), FilterError::TooManyValues(key("name")));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(name|project_id|é|%)?[=~\\[\\]{}() ,\\\\%a0é\"]{0,40}") {
            if let Ok(filters) = parse(&text, KNOWN) {
                prop_assert!(filters.len() <= KNOWN.len());
            }
        }
    }
}
