//! `daemon.json`, as dockerd(8) has it: mirrors of Docker Hub, and registries without certificates.

use std::net::IpAddr;

use serde::Deserialize;

use super::{Asked, Mirror, Prefix, RegistryRules, Rule, Trusted, Which};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DaemonJson {
    #[serde(default)]
    registry_mirrors: Vec<String>,
    #[serde(default)]
    insecure_registries: Vec<String>,
}

pub(super) fn read(text: &str, into: &mut RegistryRules) -> Result<(), String> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let file: DaemonJson = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut mirrors = Vec::new();
    for url in &file.registry_mirrors {
        mirrors.push(mirror(url).map_err(|why| format!("registry-mirrors: {url:?}: {why}"))?);
    }
    for text in &file.insecure_registries {
        let found = trusted(text).ok_or_else(|| format!("insecure-registries: {text:?} is no registry"))?;
        into.trusted.push(found);
    }
    if !mirrors.is_empty() {
        let prefix: Prefix = "docker.io".parse().map_err(|error| format!("{error}"))?;
        let prefix = Which::Prefix(prefix);
        into.add(Rule { prefix, location: None, insecure: false, blocked: false, mirrors });
    }
    Ok(())
}

/// `https://mirror.example`; over plain HTTP where it says so.
fn mirror(url: &str) -> Result<Mirror, String> {
    let (scheme, rest) = url.split_once("://").ok_or("an address begins with https:// or http://")?;
    let insecure = match scheme {
        "https" => false,
        "http" => true,
        _ => return Err("an address begins with https:// or http://".to_owned()),
    };
    let place = rest.parse().map_err(|error| format!("{error}"))?;
    Ok(Mirror { place, insecure, asked: Asked::All })
}

fn trusted(text: &str) -> Option<Trusted> {
    if let Some((address, bits)) = text.split_once('/')
        && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>())
    {
        return Some(Trusted::Network(address, bits));
    }
    // docker takes addresses here, too.
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    host.parse().ok().map(Trusted::Host)
}
