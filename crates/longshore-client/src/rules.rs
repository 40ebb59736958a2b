//! Where images are asked for in truth: mirrors, other places, registries without certificates and forbidden ones, as
//! docker's `daemon.json` and containers-registries.conf(5) say them.

mod containers;
mod docker;

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use longshore_types::{Reference, RepositoryName};

use crate::{ImageReferenceError, RegistryHost, RepositoryReference, image_reference::refuse_scheme};

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct RulesError {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Which images a mirror is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

/// A registry, or a part of its names: `host[:port][/name…]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    host: RegistryHost,
    /// Whole parts of a name; empty for all.
    path: String,
}

/// A place that has what another one has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mirror {
    place: Prefix,
    insecure: bool,
    asked: Asked,
}

/// What holds for the names that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    prefix: Which,
    /// Where they are in truth.
    location: Option<Prefix>,
    insecure: bool,
    blocked: bool,
    mirrors: Vec<Mirror>,
}

/// Whose rule it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    Prefix(Prefix),
    /// `*.example.org`: any host below.
    Below(String),
}

/// Hosts that need no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    Host(RegistryHost),
    /// `10.0.0.0/8`: addresses, with the number of bits that count.
    Network(IpAddr, u8),
}

/// Everything that was said about registries. The default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryRules {
    /// Asked for every image.
    given: Vec<Mirror>,
    rules: Vec<Rule>,
    trusted: Vec<Trusted>,
}

/// A place to ask for an image, before the one that it is named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: RepositoryReference,
    asked: Asked,
}

impl Place {
    /// Whether it is asked for images that are named so.
    pub(crate) fn is_asked_for(&self, reference: &Reference) -> bool {
        match self.asked {
            Asked::All => true,
            Asked::DigestOnly => matches!(reference, Reference::Digest(_)),
            Asked::TagOnly => matches!(reference, Reference::Tag(_)),
        }
    }
}

impl RegistryRules {
    /// The rules with those of a `daemon.json` added.
    ///
    /// # Errors
    /// If it is none.
    pub fn with_daemon_json(mut self, path: PathBuf, text: &str) -> Result<Self, RulesError> {
        docker::read(text, &mut self).map_err(|why| RulesError { path, why })?;
        Ok(self)
    }

    /// The rules with those of a `registries.conf` added. What it says of a prefix goes before what was said of it.
    ///
    /// # Errors
    /// If it is none.
    pub fn with_registries_conf(mut self, path: PathBuf, text: &str) -> Result<Self, RulesError> {
        containers::read(text, &mut self).map_err(|why| RulesError { path, why })?;
        Ok(self)
    }

    /// The rules with a mirror that is asked first for every image.
    #[must_use]
    pub fn with_mirror(mut self, place: Prefix) -> Self {
        self.given.push(Mirror { place, insecure: false, asked: Asked::All });
        self
    }

    /// Whether certificates of the registry need not be trusted, and plain HTTP will do.
    pub(crate) fn is_insecure(&self, host: &RegistryHost) -> bool {
        let by_rule = |rule: &Rule| {
            let own = rule.insecure && (rule.prefix.has_host(host) || rule.location_is_at(host));
            own || rule.mirrors.iter().any(|mirror| mirror.insecure && mirror.place.host == *host)
        };
        self.trusted.iter().any(|trusted| trusted.covers(host)) || self.rules.iter().any(by_rule)
    }

    /// Whether the repository must not be asked for anything.
    pub(crate) fn is_blocked(&self, repository: &RepositoryReference) -> bool {
        self.rule(repository).is_some_and(|rule| rule.blocked)
    }

    /// Where to ask for what is in a repository, in this order: mirrors, then where it is in truth. Empty where nothing else
    /// than the repository itself is asked.
    pub(crate) fn places(&self, repository: &RepositoryReference) -> Vec<Place> {
        let rule = self.rule(repository);
        let of_rule = rule.map(|rule| rule.mirrors.as_slice()).unwrap_or_default();
        let whole = Prefix { host: repository.host.clone(), path: String::new() };
        let given =
            self.given.iter().filter_map(|mirror| Some((mirror, mirror.place.moved(&whole, repository)?)));
        let of_rule = of_rule.iter().filter_map(|mirror| {
            let from = rule?.prefix.of(repository);
            Some((mirror, mirror.place.moved(&from, repository)?))
        });
        let mut places: Vec<Place> =
            given.chain(of_rule).map(|(mirror, at)| Place { at, asked: mirror.asked }).collect();
        if let Some(rule) = rule
            && let Some(location) = &rule.location
            && let Some(at) = location.moved(&rule.prefix.of(repository), repository)
        {
            places.push(Place { at, asked: Asked::All });
        }
        // It comes last by itself.
        places.retain(|place| place.at != *repository);
        places
    }

    /// Whether what is in a repository is elsewhere in truth: then it is not asked under its own name.
    pub(crate) fn is_moved(&self, repository: &RepositoryReference) -> bool {
        let location = |rule: &Rule| rule.location.as_ref()?.moved(&rule.prefix.of(repository), repository);
        self.rule(repository).and_then(location).is_some_and(|at| at != *repository)
    }

    /// The longest prefix of the name.
    fn rule(&self, repository: &RepositoryReference) -> Option<&Rule> {
        self.rules
            .iter()
            .filter(|rule| rule.prefix.covers(repository))
            .max_by_key(|rule| rule.prefix.length())
    }

    fn add(&mut self, rule: Rule) {
        self.rules.retain(|known| known.prefix != rule.prefix);
        self.rules.push(rule);
    }
}

impl Rule {
    fn location_is_at(&self, host: &RegistryHost) -> bool {
        self.location.as_ref().is_some_and(|location| location.host == *host)
    }
}

impl Which {
    fn covers(&self, repository: &RepositoryReference) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.rest_of(repository).is_some(),
            Self::Below(_) => self.has_host(&repository.host),
        }
    }

    fn has_host(&self, host: &RegistryHost) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.host == *host,
            Self::Below(domain) => {
                let name =
                    host.as_str().strip_suffix(domain.as_str()).and_then(|rest| rest.strip_suffix('.'));
                name.is_some_and(|name| !name.is_empty())
            }
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Prefix(prefix) => prefix.to_string().len() + 1,
            Self::Below(domain) => domain.len(),
        }
    }

    /// The prefix of a name that it covers: of a host below, that host.
    fn of(&self, repository: &RepositoryReference) -> Prefix {
        match self {
            Self::Prefix(prefix) => prefix.clone(),
            Self::Below(_) => Prefix { host: repository.host.clone(), path: String::new() },
        }
    }
}

impl Prefix {
    /// What follows the prefix in a name; none where it does not begin so.
    fn rest_of<'a>(&self, repository: &'a RepositoryReference) -> Option<&'a str> {
        if self.host != repository.host {
            return None;
        }
        let name = repository.repository.as_str();
        match name.strip_prefix(self.path.as_str())? {
            rest if self.path.is_empty() => Some(rest),
            "" => Some(""),
            rest => rest.strip_prefix('/'),
        }
    }

    /// The same name with this in the place of the prefix `from`.
    fn moved(&self, from: &Self, repository: &RepositoryReference) -> Option<RepositoryReference> {
        let rest = from.rest_of(repository)?;
        let parts: Vec<&str> =
            [self.path.as_str(), rest].into_iter().filter(|part| !part.is_empty()).collect();
        let repository: RepositoryName = parts.join("/").parse().ok()?;
        Some(RepositoryReference { host: self.host.clone(), repository })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

impl FromStr for Prefix {
    type Err = ImageReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        refuse_scheme(text)?;
        let text = text.trim_end_matches('/');
        let Some((host, path)) = text.split_once('/') else {
            return Ok(Self { host: text.parse()?, path: String::new() });
        };
        let wrong = |error| ImageReferenceError::Repository { text: text.to_owned(), error };
        let path: RepositoryName = path.parse().map_err(wrong)?;
        Ok(Self { host: host.parse()?, path: path.to_string() })
    }
}

impl Trusted {
    fn covers(&self, host: &RegistryHost) -> bool {
        match self {
            Self::Host(named) => named == host,
            Self::Network(network, bits) => {
                name_of(host).parse::<IpAddr>().is_ok_and(|address| is_within(address, *network, *bits))
            }
        }
    }
}

/// Without the port.
fn name_of(host: &RegistryHost) -> &str {
    let text = host.as_str();
    match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => text.split(':').next().unwrap_or_default(),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(address.to_bits()), u128::from(network.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let free = u32::from(width - bits.min(width));
    let cut = |bits: u128| bits.checked_shr(free).unwrap_or(0);
    cut(address) == cut(network)
}

#[cfg(test)]
mod tests;
