//! How an image was built, step by step, with the layers that came of it.

use longshore_types::Descriptor;

use crate::{HistoryEntry, instruction};

/// A step of a build, and the layer it made.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The step; empty where a layer has none.
    pub entry: &'a HistoryEntry,
    /// Which layer it made, counted from the lowest, which is 0.
    pub layer: Option<(usize, &'a Descriptor)>,
}

/// Layers are made by the steps that are not empty, in the same order. What has no step stands at the end.
pub fn steps<'a>(history: &'a [HistoryEntry], layers: &'a [Descriptor]) -> Vec<Step<'a>> {
    const NO_STEP: &HistoryEntry =
        &HistoryEntry { created: None, created_by: None, comment: None, empty_layer: false };
    let mut layers = layers.iter().enumerate();
    let mut steps: Vec<_> = history
        .iter()
        .map(|entry| Step { entry, layer: if entry.empty_layer { None } else { layers.next() } })
        .collect();
    steps.extend(layers.map(|layer| Step { entry: NO_STEP, layer: Some(layer) }));
    steps
}

/// A Dockerfile that tells what the history tells. It does not build the image: what was copied is not in it.
pub fn dockerfile(history: &[HistoryEntry]) -> String {
    let mut text =
        String::from("# Reconstructed from the history of the image. What ADD and COPY took is not known.\n");
    for entry in history {
        let instruction = instruction(entry);
        if !instruction.is_empty() {
            // A line for each command, as people write them.
            text.push_str(&instruction.replace(" && ", " \\\n    && "));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use longshore_types::{Digest, MediaType};

    use super::*;

    fn layer(byte: u8) -> Descriptor {
        Descriptor {
            media_type: MediaType::OCTET_STREAM,
            digest: Digest::sha256(&[byte]),
            size_bytes: u64::from(byte),
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn layers_belong_to_the_steps_that_made_them() {
        let entry = |empty_layer| HistoryEntry { empty_layer, ..HistoryEntry::default() };
        let (history, layers) = ([entry(false), entry(true), entry(false)], [layer(1), layer(2), layer(3)]);
        let found: Vec<_> = steps(&history, &layers)
            .iter()
            .map(|step| step.layer.map(|(at, layer)| (at, layer.size_bytes)))
            .collect();
        assert_eq!(found, [Some((0, 1)), None, Some((1, 2)), Some((2, 3))]);
        // More steps than layers: a damaged history.
        assert!(steps(&history, &layers[..1])[2].layer.is_none());
    }

    #[test]
    fn a_dockerfile_has_a_line_for_each_step() {
        let step = |text: &str| HistoryEntry { created_by: Some(text.to_owned()), ..HistoryEntry::default() };
        let history = [
            step("/bin/sh -c #(nop) ADD file:01 in / "),
            HistoryEntry::default(),
            step("RUN /bin/sh -c make && make install # buildkit"),
            step("CMD [\"app\"]\nRUN evil"),
        ];
        let text = dockerfile(&history);
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            ["ADD file:01 in /", "RUN make \\", "    && make install", "CMD [\"app\"] RUN evil"]
        );
    }
}
