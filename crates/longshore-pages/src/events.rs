//! What happens while somebody looks: server-sent events (HTML standard section 9.2). An event says that the management API
//! answers something else than before; the page that hears it is fetched again.

use bytes::Bytes;
use futures_util::{StreamExt as _, future};
use serde::Deserialize;

use crate::{ApiAnswer, PageError, PageReply, answer::Answered, cx::Cx, pairs::encode, place};

/// What is being pushed to a repository. The answer has a stamp as well, which changes whenever the repository does.
#[derive(Deserialize)]
pub(crate) struct Activity {
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

/// What can be listened to below `/events`, as the management API tells it: `repositories/NAME` and `jobs`.
fn target(rest: &[String]) -> Option<String> {
    match rest {
        [first, name @ ..] if first == "repositories" && !name.is_empty() => {
            Some(activity_of(&name.join("/")))
        }
        [first] if first == "jobs" => Some("/jobservice/queues".to_owned()),
        _ => None,
    }
}

/// `/events/…`.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let target = target(rest).ok_or(PageError::NotFound)?;
    // Who may not listen is told so before the stream begins.
    let begun = cx.fetch(target.as_str()).await?.body;
    let Some(answers) = cx.api.follow(target) else {
        return Err(PageError::Refused(
            429,
            "too many pages are listened to; load it again later".to_owned(),
        ));
    };
    let events = answers.scan(begun, |last, answer| future::ready(event(last, answer)));
    Ok(PageReply::Events(events.boxed()))
}

/// What an answer is to the browser: news, or a comment, by which we hear of browsers that are gone. None ends the stream.
fn event(last: &mut Bytes, answer: ApiAnswer) -> Option<Bytes> {
    if answer.status != 200 {
        return None;
    }
    let is_news = std::mem::replace(last, answer.body.clone()) != answer.body;
    Some(Bytes::from_static(if is_news { b"event: change\ndata:\n\n" } else { b":\n\n" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_an_event() {
        let mut last = Bytes::from_static(b"1");
        let mut event = |status, body: &'static str| {
            event(&mut last, ApiAnswer { status, body: body.into(), ..ApiAnswer::default() })
        };
        let (news, nothing) = (Bytes::from_static(b"event: change\ndata:\n\n"), Bytes::from_static(b":\n\n"));
        assert_eq!(event(200, "1"), Some(nothing.clone()));
        assert_eq!(event(200, "2"), Some(news));
        assert_eq!(event(200, "2"), Some(nothing));
        assert_eq!(event(404, "2"), None);
    }

    #[test]
    fn paths_say_what_is_listened_to() {
        let target = |path: &str| target(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        let wanted = "/projects/team/repositories/a%2Fapp/activity";
        assert_eq!(target("repositories/team/a/app").as_deref(), Some(wanted));
        assert_eq!(target("jobs").as_deref(), Some("/jobservice/queues"));
        assert_eq!((target("repositories"), target("jobs/1"), target("")), (None, None, None));
    }
}
