//! What happens while somebody looks: server-sent events (HTML standard section 9.2). An event says that there is something new;
//! the page that hears it is fetched again.

use bytes::Bytes;
use futures_util::{StreamExt as _, future};
use serde::Deserialize;

use crate::{ApiAnswer, PageError, PageReply, answer::Answered, cx::Cx, pairs::encode, place};

/// What changes whenever a repository does, and while something is pushed to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Activity {
    stamp: i64,
    /// Uploads under way.
    pub(crate) uploads: u64,
    /// The bytes that came for them.
    pub(crate) uploads_size: u64,
}

/// Where the management API tells it.
pub(crate) fn activity_of(repository: &str) -> String {
    let (project, within) = place::in_api(repository);
    format!("/projects/{}/repositories/{}/activity", encode(project), encode(within))
}

/// `/events/repositories/NAME`.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let Some(("repositories", name)) = rest.split_first().map(|(first, rest)| (first.as_str(), rest)) else {
        return Err(PageError::NotFound);
    };
    let target = activity_of(&name.join("/"));
    // Who may not listen is told so before the stream begins.
    let begun: Activity = cx.get(target.as_str()).await?;
    let Some(answers) = cx.api.follow(target) else {
        return Err(PageError::Refused(
            429,
            "too many pages are listened to; load it again later".to_owned(),
        ));
    };
    let events = answers.scan(begun, |last, answer| future::ready(event(last, &answer)));
    Ok(PageReply::Events(events.boxed()))
}

/// What an answer is to the browser: news, or a comment, by which we hear of browsers that are gone. None ends the stream.
fn event(last: &mut Activity, answer: &ApiAnswer) -> Option<Bytes> {
    let now: Activity = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)?;
    let is_news = std::mem::replace(last, now) != now;
    Some(Bytes::from_static(if is_news { b"event: change\ndata:\n\n" } else { b":\n\n" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_an_event() {
        let answer =
            |status, body: &'static str| ApiAnswer { status, body: body.into(), ..ApiAnswer::default() };
        let mut last = Activity::default();
        let mut event = |status, body| event(&mut last, &answer(status, body));
        let (one, two) =
            (r#"{"stamp":1,"uploads":0,"uploads_size":0}"#, r#"{"stamp":1,"uploads":1,"uploads_size":9}"#);
        let news = Some(Bytes::from_static(b"event: change\ndata:\n\n"));
        assert_eq!(event(200, one), news);
        assert_eq!(event(200, one), Some(Bytes::from_static(b":\n\n")));
        assert_eq!(event(200, two), news);
        assert_eq!(event(404, two), None);
    }
}
