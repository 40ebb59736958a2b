//! `longshore history`.

use longshore_client::{HistoryEntry, instruction};
use longshore_types::Descriptor;
use serde_json::json;

use super::{Failure, image, output};
use crate::cli::{Form, OneImage};

/// Longest instruction in a table, in characters.
const INSTRUCTION_CHARS: usize = 100;

/// A step of a build, with the layer it made.
struct Step<'a> {
    entry: &'a HistoryEntry,
    layer: Option<&'a Descriptor>,
}

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

/// Layers are made by the steps that are not empty, in the same order. What has no step stands at the end.
fn steps<'a>(history: &'a [HistoryEntry], layers: &'a [Descriptor]) -> Vec<Step<'a>> {
    const NO_STEP: &HistoryEntry =
        &HistoryEntry { created: None, created_by: None, comment: None, empty_layer: false };
    let mut layers = layers.iter();
    let mut steps: Vec<_> = history
        .iter()
        .map(|entry| Step { entry, layer: if entry.empty_layer { None } else { layers.next() } })
        .collect();
    steps.extend(layers.map(|layer| Step { entry: NO_STEP, layer: Some(layer) }));
    steps
}

fn value(step: &Step<'_>) -> serde_json::Value {
    json!({
        "created": step.entry.created,
        "instruction": instruction(step.entry),
        "comment": step.entry.comment,
        "layer": step.layer.map(|layer| json!({
            "digest": layer.digest, "mediaType": layer.media_type, "size": layer.size_bytes,
        })),
    })
}

fn rows(steps: &[Step<'_>]) -> Vec<Vec<String>> {
    let mut rows = vec![["CREATED", "SIZE", "LAYER", "INSTRUCTION"].map(str::to_owned).to_vec()];
    for Step { entry, layer } in steps {
        // A day and a minute are enough for people.
        let created: String = entry.created.as_deref().unwrap_or("-").chars().take(16).collect();
        let size = layer.map_or("-".to_owned(), |layer| output::size(layer.size_bytes));
        let digest = layer.map_or("-".to_owned(), |layer| layer.digest.hex().chars().take(12).collect());
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

#[cfg(test)]
mod tests {
    use longshore_types::{Digest, MediaType};

    use super::*;

    fn layer(byte: u8) -> Descriptor {
        Descriptor {
            media_type: MediaType::OCTET_STREAM,
            digest: Digest::sha256(&[byte]),
            size_bytes: u64::from(byte),
            artifact_type: None,
            annotations: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn layers_belong_to_the_steps_that_made_them() {
        let entry = |empty_layer| HistoryEntry { empty_layer, ..HistoryEntry::default() };
        let (history, layers) = ([entry(false), entry(true), entry(false)], [layer(1), layer(2), layer(3)]);
        let sizes: Vec<_> =
            steps(&history, &layers).iter().map(|step| step.layer.map(|l| l.size_bytes)).collect();
        assert_eq!(sizes, [Some(1), None, Some(2), Some(3)]);
    }
}
