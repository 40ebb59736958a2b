//! `longshore rollback`: a tag back to what it was, as the registry's history of tags says.

use longshore_client::{ImageReference, Management, ManagementError, Registry, repository_path, segment};
use longshore_types::{Digest, Reference, Tag};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Failure, client, output};
use crate::cli::{Form, RollbackArguments};

/// Most entries of a history that are read.
const EVENTS_MAX: usize = 5_000;

/// Entries of a history that `--list` shows.
const SHOWN: usize = 100;

/// An entry of a tag's history, the newest first.
#[derive(Clone, Debug, Deserialize)]
struct Event {
    operation: String,
    #[serde(default)]
    username: Option<String>,
    op_time: String,
    #[serde(default)]
    from_digest: Option<Digest>,
    #[serde(default)]
    from_available: bool,
    #[serde(default)]
    to_digest: Option<Digest>,
}

pub(super) async fn rollback(arguments: &RollbackArguments) -> Result<String, Failure> {
    let image = &arguments.image;
    let (Some(tag), None) = (&image.tag, &image.digest) else {
        return Err(Failure::Usage(format!(
            "{image}: say the tag to move, and no digest; --to names the image"
        )));
    };
    let registry = client(&arguments.connection, None)?.registry(&image.place.host);
    let management = registry.management();
    let path = format!("{}/tags/{}", repository_path(&image.place.repository), segment(tag.as_str()));
    if arguments.list {
        let events = events(&management, &path, |events| events.len() >= SHOWN).await?;
        return list(&events, arguments.output.output);
    }
    let (was, goal) = match arguments.to {
        Some(digest) => (None, digest),
        None => {
            let steps = usize::from(arguments.steps);
            let events = events(&management, &path, |events| back(events, steps).is_some()).await;
            let events = events.map_err(|failure| without_history(failure, image, tag))?;
            let (was, goal) = goal(&events, steps, tag)?;
            (was, goal)
        }
    };
    point(&registry, &management, &path, image, tag, &goal).await?;
    told(arguments, tag, was.as_ref(), &goal)
}

/// The change after which the tag pointed to something else than that many changes ago, which its `from_digest` names; none
/// where it has not changed as often. That it was deleted and came back is no change.
fn back(events: &[Event], steps: usize) -> Option<&Event> {
    let mut last = events.first()?.to_digest;
    let changes = events.iter().filter(move |event| {
        let changed = event.from_digest.is_some() && event.from_digest != last;
        if changed {
            last = event.from_digest;
        }
        changed
    });
    changes.take(steps).nth(steps.checked_sub(1)?)
}

fn goal(events: &[Event], steps: usize, tag: &Tag) -> Result<(Option<Digest>, Digest), Failure> {
    if events.is_empty() {
        return Err(Failure::Missing(format!("tag {tag} never was")));
    }
    let Some(event) = back(events, steps) else {
        let changes = (1..).take_while(|steps| back(events, *steps).is_some()).count();
        let times = if changes == 1 { "once".to_owned() } else { format!("{changes} times") };
        return Err(Failure::Other(match changes {
            0 => format!("tag {tag} never was anything else"),
            _ => format!("tag {tag} changed {times} only; rollback --list shows when"),
        }));
    };
    let goal = event.from_digest.unwrap_or_else(|| unreachable!("back() looks for one"));
    if !event.from_available {
        let text = format!(
            "tag {tag} pointed to {goal} then, which is gone for good; rollback --list shows what is left"
        );
        return Err(Failure::Other(text));
    }
    Ok((events.first().and_then(|newest| newest.to_digest), goal))
}

async fn events(
    management: &Management,
    path: &str,
    enough: impl Fn(&[Event]) -> bool,
) -> Result<Vec<Event>, Failure> {
    let read = |values: &[serde_json::Value]| -> Vec<Event> {
        values.iter().filter_map(|value| serde_json::from_value(value.clone()).ok()).collect()
    };
    let path = format!("{path}/history?page_size=100");
    let found = management.walk(&path, |values| values.len() >= EVENTS_MAX || enough(&read(values))).await?;
    Ok(read(&found))
}

/// What may be done where no history is kept.
fn without_history(failure: Failure, image: &ImageReference, tag: &Tag) -> Failure {
    match failure {
        Failure::Management(ManagementError::Absent(host)) => Failure::Other(format!(
            "{host} shows no history of tags; if you know the image: longshore rollback {}:{tag} --to sha256:…",
            image.place
        )),
        failure => failure,
    }
}

/// Points the tag there: by the management API, which also brings back what was deleted, or where there is none by a push
/// of the manifest under the tag.
async fn point(
    registry: &Registry,
    management: &Management,
    path: &str,
    image: &ImageReference,
    tag: &Tag,
    goal: &Digest,
) -> Result<(), Failure> {
    let body = json!({ "digest": goal });
    match management.call(Method::POST, &format!("{path}/restoration"), Some(&body)).await {
        Ok(_) => Ok(()),
        Err(ManagementError::Absent(_)) => {
            let repository = registry.repository(&image.place.repository);
            let pulled = repository.manifest(&Reference::Digest(*goal)).await?;
            let media_type = pulled.manifest.media_type().clone();
            repository.push_manifest(&Reference::Tag(tag.clone()), &media_type, pulled.bytes).await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn told(
    arguments: &RollbackArguments,
    tag: &Tag,
    was: Option<&Digest>,
    goal: &Digest,
) -> Result<String, Failure> {
    let place = &arguments.image.place;
    if arguments.output.output == Form::Json {
        return output::json(&json!({ "image": format!("{place}:{tag}"), "digest": goal, "was": was }));
    }
    let was = was.map(|was| format!("was {was}\n")).unwrap_or_default();
    Ok(format!("{place}:{tag}@{goal}\n{was}"))
}

fn list(events: &[Event], form: Form) -> Result<String, Failure> {
    if form == Form::Json {
        let values = events.iter().map(|event| {
            json!({
                "time": event.op_time, "operation": event.operation, "user": event.username,
                "from": event.from_digest, "to": event.to_digest, "fromAvailable": event.from_available,
            })
        });
        return output::json(&values.collect::<Vec<_>>());
    }
    let mut rows = vec![["TIME", "WHAT", "WHO", "FROM", "TO"].map(str::to_owned).to_vec()];
    for event in events {
        let digest = |digest: &Option<Digest>| digest.map_or("-".to_owned(), |digest| digest.to_string());
        let gone = if event.from_digest.is_some() && !event.from_available { " (gone)" } else { "" };
        rows.push(vec![
            event.op_time.clone(),
            event.operation.clone(),
            event.username.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}{gone}", digest(&event.from_digest)),
            digest(&event.to_digest),
        ]);
    }
    Ok(output::table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(from: Option<&str>, to: Option<&str>) -> Event {
        let digest = |text: &str| Digest::sha256(text.as_bytes());
        Event {
            operation: "push".to_owned(),
            username: None,
            op_time: String::new(),
            from_digest: from.map(digest),
            from_available: from != Some("gone"),
            to_digest: to.map(digest),
        }
    }

    #[test]
    fn a_step_is_a_change() {
        // Newest first: deleted and restored, pushed again, moved from b to c, made again after a deletion, deleted as a, made.
        let history = [
            event(None, Some("c")),
            event(Some("c"), None),
            event(Some("c"), Some("c")),
            event(Some("b"), Some("c")),
            event(None, Some("b")),
            event(Some("a"), None),
            event(None, Some("a")),
        ];
        let tag: Tag = "v1".parse().unwrap();
        let check = |steps: usize, wanted: Result<&str, &str>| match (goal(&history, steps, &tag), wanted) {
            (Ok((was, goal)), Ok(text)) => {
                assert_eq!((was, goal), (Some(Digest::sha256(b"c")), Digest::sha256(text.as_bytes())));
            }
            (Err(failure), Err(text)) => assert!(failure.to_string().contains(text), "{failure}"),
            (found, _) => panic!("{steps}: {found:?}"),
        };
        check(1, Ok("b"));
        check(2, Ok("a"));
        check(3, Err("changed 2 times only"));
        let failure = goal(&history[6..], 1, &tag).unwrap_err();
        assert!(failure.to_string().contains("never was anything else"), "{failure}");
        let failure = goal(&[event(Some("gone"), Some("c"))], 1, &tag).unwrap_err();
        assert!(failure.to_string().contains("gone for good"), "{failure}");
    }
}
