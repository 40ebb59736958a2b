//! `registries.conf`, version 2: containers-registries.conf(5). Keys that are about short names are not read: images are
//! named in full here.

use serde::Deserialize;

use super::{Asked, Mirror, Prefix, RegistryRules, Rule, Which};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    registry: Vec<Table>,
    /// Of version 1.
    registries: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorTable {
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    pull_from_mirror: String,
}

pub(super) fn read(text: &str, into: &mut RegistryRules) -> Result<(), String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.registries.is_some() {
        return Err("this is version 1 of the format; write [[registry]] tables".to_owned());
    }
    for table in &file.registry {
        let name = if table.prefix.is_empty() { &table.location } else { &table.prefix };
        into.add(rule(table).map_err(|why| format!("registry {name:?}: {why}"))?);
    }
    Ok(())
}

fn rule(table: &Table) -> Result<Rule, String> {
    let location = match table.location.as_str() {
        "" => None,
        text => Some(prefix(text)?),
    };
    let which = match (table.prefix.as_str(), &location) {
        ("", Some(location)) => Which::Prefix(location.clone()),
        ("", None) => return Err("it has neither prefix nor location".to_owned()),
        (text, location) => match text.strip_prefix("*.") {
            Some(_) if location.is_some() => {
                return Err("a prefix with * and a location are not possible together".to_owned());
            }
            Some(domain) => Which::Below(prefix(domain)?.host.to_string()),
            None => Which::Prefix(prefix(text)?),
        },
    };
    let mirrors = table.mirror.iter().map(|mirror| read_mirror(table, mirror)).collect::<Result<_, _>>()?;
    Ok(Rule { prefix: which, location, insecure: table.insecure, blocked: table.blocked, mirrors })
}

fn read_mirror(table: &Table, mirror: &MirrorTable) -> Result<Mirror, String> {
    let asked = match mirror.pull_from_mirror.as_str() {
        "" if table.mirror_by_digest_only => Asked::DigestOnly,
        "" | "all" => Asked::All,
        "digest-only" => Asked::DigestOnly,
        "tag-only" => Asked::TagOnly,
        other => return Err(format!("pull-from-mirror: {other:?} is none of all, digest-only, tag-only")),
    };
    Ok(Mirror { place: prefix(&mirror.location)?, insecure: mirror.insecure, asked })
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.parse().map_err(|error| format!("{error}"))
}
