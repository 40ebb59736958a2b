//! What a page answers, and which page a path means.

use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::{
    Language, PageError, Theme, account, admin, assets, cx::Cx, events, home, projects, repositories,
};

/// What a page answers.
pub enum PageReply {
    /// HTML.
    Html {
        /// Of HTTP.
        status: u16,
        /// The whole document.
        html: String,
    },
    /// Goes to another page; what was asked for is done (303).
    SeeOther {
        /// A path of ours.
        location: String,
    },
    /// The same, and the browser remembers something for a year.
    Remember {
        /// The language, if it was chosen.
        language: Option<Language>,
        /// The theme, if it was chosen.
        theme: Option<Theme>,
        /// A path of ours.
        location: String,
    },
    /// A file of the pages themselves: it never changes under its path.
    Asset {
        /// Its type.
        content_type: &'static str,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A file to keep.
    Download {
        /// Its type; browsers never show it.
        content_type: String,
        /// The name to keep it under.
        file_name: String,
        /// Its bytes.
        bytes: Bytes,
    },
    /// JSON for our own script.
    Json(Bytes),
    /// Server-sent events (HTML standard section 9.2): pieces of the stream, ready to be sent.
    Events(BoxStream<'static, Bytes>),
}

impl PageReply {
    pub(crate) fn see_other(location: impl Into<String>) -> Self {
        Self::SeeOther { location: location.into() }
    }

    /// The same page with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        match self {
            Self::Html { html, .. } => Self::Html { status, html },
            other => other,
        }
    }
}

/// What a handler answers.
pub(crate) type Answered = Result<PageReply, PageError>;

/// Finds the page. Each group of pages knows what lies below it.
pub(crate) async fn route(cx: &Cx<'_>, segments: &[String]) -> Answered {
    let (first, rest) = segments.split_first().ok_or(PageError::NotFound)?;
    match first.as_str() {
        "" | "search" => home::answer(cx, first, rest).await,
        "events" => events::answer(cx, rest).await,
        "sign-in" | "sign-out" | "profile" | "preferences" => account::answer(cx, first, rest).await,
        "projects" => projects::answer(cx, rest).await,
        "repositories" => repositories::answer(cx, rest).await,
        "admin" => admin::answer(cx, rest).await,
        "assets" => assets::answer(rest),
        _ => Err(PageError::NotFound),
    }
}
