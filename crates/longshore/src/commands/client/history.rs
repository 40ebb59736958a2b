//! `longshore history`.

use longshore_image::{Step, instruction, steps};
use serde_json::json;

use super::{Failure, image, output};
use crate::cli::{Form, OneImage};

/// Longest instruction in a table, in characters.
const INSTRUCTION_CHARS: usize = 100;

pub(super) async fn history(asked: &OneImage, form: Form) -> Result<String, Failure> {
    let (repository, platform) = image::meant(asked)?;
    let pulled = repository.manifest(&asked.image.reference()).await?;
    let one = repository.image_of(pulled, platform).await?;
    let config = repository.image_config(&one).await?;
    let steps = steps(&config.history, one.manifest.layers());
    match form {
        Form::Json => output::json(&steps.iter().map(value).collect::<Vec<_>>()),
        Form::Table => Ok(output::table(&rows(&steps))),
    }
}

fn value(step: &Step<'_>) -> serde_json::Value {
    json!({
        "created": step.entry.created,
        "instruction": instruction(step.entry),
        "comment": step.entry.comment,
        "layer": step.layer.map(|(_, layer)| json!({
            "digest": layer.digest, "mediaType": layer.media_type, "size": layer.size_bytes,
        })),
    })
}

fn rows(steps: &[Step<'_>]) -> Vec<Vec<String>> {
    let mut rows = vec![["CREATED", "SIZE", "LAYER", "INSTRUCTION"].map(str::to_owned).to_vec()];
    for Step { entry, layer } in steps {
        // A day and a minute are enough for people.
        let created: String = entry.created.as_deref().unwrap_or("-").chars().take(16).collect();
        let size = layer.map_or("-".to_owned(), |(_, layer)| output::size(layer.size_bytes));
        let digest = layer.map_or("-".to_owned(), |(_, layer)| layer.digest.hex().chars().take(12).collect());
        rows.push(vec![created.replace('T', " "), size, digest, shortened(&instruction(entry))]);
    }
    rows
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= INSTRUCTION_CHARS {
        return text.to_owned();
    }
    text.chars().take(INSTRUCTION_CHARS - 1).chain(['…']).collect()
}
