//! `longshore prune`: takes old tags and what they name, after it has shown what would go and why.

mod plan;
mod survey;

use longshore_client::{Registry, Repository};
use longshore_types::{Digest, Reference};
use serde_json::json;

use self::plan::{Act, Rules, Step};
use super::{Failure, client, output};
use crate::{
    cli::{Form, PruneArguments},
    commands::complain,
};

pub(super) async fn prune(arguments: &PruneArguments) -> Result<String, Failure> {
    let rules = Rules {
        older_than: arguments.older_than.map(|age| age.0),
        keep: arguments.keep,
        matching: arguments.matching.clone(),
        except: arguments.except.clone(),
    };
    if rules.are_none() && !arguments.untagged {
        let text = "say what may go: --older-than, --keep, --match or --untagged";
        return Err(Failure::Usage(text.to_owned()));
    }
    let registry = client(&arguments.connection, None)?.registry(&arguments.repository.host);
    let repository = registry.repository(&arguments.repository.repository);
    let survey = survey::of(&repository).await?;
    let untagged = match arguments.untagged {
        true => survey::untagged(&registry, &repository).await?,
        false => Vec::new(),
    };
    let now = jiff::Timestamp::now();
    let mut steps = if rules.are_none() { Vec::new() } else { plan::plan(&survey, &rules, now) };
    steps.extend(plan::untagged(&untagged, &survey, &rules, now));
    let failed = match arguments.yes {
        true => carry_out(&registry, &repository, &mut steps).await,
        false => 0,
    };
    let text = told(arguments, &steps, survey.tags.len())?;
    if failed == 0 {
        return Ok(text);
    }
    super::super::print(&text);
    Err(Failure::Other(format!("{failed} of {} did not go", steps.len())))
}

/// Does each step; one that fails keeps no other from being done. How many failed.
async fn carry_out(registry: &Registry, repository: &Repository, steps: &mut [Step]) -> usize {
    let mut failed = 0;
    for step in steps {
        if let Err(failure) = carry_out_one(repository, step).await {
            failed += 1;
            complain(&format!("{}/{}: {failure}", registry.host(), step.names(repository)));
            step.failed = true;
        }
    }
    failed
}

async fn carry_out_one(repository: &Repository, step: &Step) -> Result<(), Failure> {
    // What somebody pushed meanwhile is not what was looked at.
    for tag in &step.tags {
        let now = repository.resolve(&Reference::Tag(tag.clone())).await?.digest;
        if now != step.digest {
            return Err(Failure::Other(format!(
                "tag {tag} points to something else since; nothing was done"
            )));
        }
    }
    match step.act {
        Act::Delete => Ok(repository.delete_manifest(&Reference::Digest(step.digest)).await?),
        Act::Untag => {
            for tag in &step.tags {
                repository.delete_manifest(&Reference::Tag(tag.clone())).await?;
            }
            Ok(())
        }
    }
}

fn told(arguments: &PruneArguments, steps: &[Step], tags: usize) -> Result<String, Failure> {
    let going: usize = steps.iter().filter(|step| !step.failed).map(|step| step.tags.len()).sum();
    let staying = tags.saturating_sub(going);
    if arguments.output.output == Form::Json {
        let values = steps.iter().map(|step| {
            json!({
                "act": step.act.word(), "tags": step.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), "digest": step.digest, "why": step.why,
                "created": step.created.map(|created| created.to_string()), "failed": step.failed,
            })
        });
        return output::json(&json!({
            "dryRun": !arguments.yes, "steps": values.collect::<Vec<_>>(), "tagsKept": staying,
        }));
    }
    let mut rows = vec![["WHAT", "TAGS", "DIGEST", "CREATED", "WHY"].map(str::to_owned).to_vec()];
    for step in steps.iter().filter(|step| !step.failed) {
        let tags: Vec<_> = step.tags.iter().map(|tag| tag.as_str()).collect();
        rows.push(vec![
            step.act.word().to_owned(),
            if tags.is_empty() { "-".to_owned() } else { tags.join(" ") },
            shortened(&step.digest),
            step.created.map_or("-".to_owned(), |created| format!("{created:.0}")),
            step.why.clone(),
        ]);
    }
    let table = if rows.len() > 1 { output::table(&rows) } else { String::new() };
    let tags = if going == 1 { "1 tag".to_owned() } else { format!("{going} tags") };
    let stay = if staying == 1 { "1 stays".to_owned() } else { format!("{staying} stay") };
    let end = match (steps.is_empty(), arguments.yes) {
        (true, _) => "nothing to prune".to_owned(),
        (false, true) => format!("{tags} went, {stay}"),
        (false, false) => format!("{tags} would go, {stay}; --yes does it"),
    };
    Ok(format!("{table}{end}\n"))
}

fn shortened(digest: &Digest) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}
