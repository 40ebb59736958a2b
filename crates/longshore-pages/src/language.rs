//! The languages of the pages.

use std::str::FromStr;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Its name as HTML and cookies have it: BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The one that a browser likes best: `Accept-Language`, RFC 9110 section 12.5.4. The first by weight that is known;
    /// English otherwise.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::default());
        for range in header.split(',').take(32) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let language = match tag.trim().to_ascii_lowercase().split('-').next() {
                Some("en") => Self::English,
                Some("zh") => Self::Chinese,
                _ => continue,
            };
            match weight {
                Ok(weight) if weight > best.0 => best = (weight, language),
                _ => {}
            }
        }
        best.1
    }

    /// The text in this language.
    pub(crate) fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(tag: &str) -> Result<Self, ()> {
        [Self::English, Self::Chinese].into_iter().find(|language| language.tag() == tag).ok_or(())
    }
}

/// A text in the language of the page: `t!(cx, "Projects", "项目")`, also with values: `t!(cx, "{n} tags", "{n} 个标签")`.
macro_rules! t {
    ($cx:expr, $english:literal, $chinese:literal $(, $($values:tt)*)?) => {
        match $cx.request.language {
            $crate::Language::English => format!($english $(, $($values)*)?),
            $crate::Language::Chinese => format!($chinese $(, $($values)*)?),
        }
    };
}
pub(crate) use t;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_what_they_like() {
        for (header, wanted) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("de, en;q=0.5, zh;q=0.4", Language::English),
            ("de, en;q=0.4, zh-TW;q=0.5", Language::Chinese),
            ("fr", Language::English),
            ("zh;q=x, en;q=0.1", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::accepted(header), wanted, "{header}");
        }
        assert_eq!("zh-CN".parse(), Ok(Language::Chinese));
    }
}
