//! What a page is asked with.

use longshore_types::Timestamp;

use crate::{Language, Pairs};

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their name.
    pub name: String,
    /// What forms carry to show that a page of ours made them.
    pub csrf_token: String,
    /// Whether the pages for administrators are shown to them; the management API decides what they may do there.
    pub is_administrator: bool,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// As HTML and cookies have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.word() == word)
    }
}

/// A request for a page.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Whether it is a form that was sent (`POST`); it was made by a page of ours, for [`PageRequest::caller`].
    pub is_form: bool,
    /// The path as it came, with its percent-encoding.
    pub path: String,
    /// The query as it came.
    pub raw_query: Option<String>,
    /// Its parameters.
    pub query: Pairs,
    /// The fields of the form; empty if it is none.
    pub form: Pairs,
    /// Who is logged in.
    pub caller: Option<Caller>,
    /// The language of the page.
    pub language: Language,
    /// Light or dark.
    pub theme: Theme,
    /// The registry's host, with its port, as the browser knows it: what image names begin with.
    pub host: String,
    /// Whether the browser came by HTTPS.
    pub is_secure: bool,
    /// Where people may log in elsewhere: the names of OpenID providers.
    pub providers: Vec<String>,
    /// As in the log.
    pub request_id: String,
    /// When it came.
    pub now: Timestamp,
}
