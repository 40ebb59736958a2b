//! Registries of somebody else, known by their URL.

use std::{net::ToSocketAddrs as _, path::Path, sync::Arc};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;

use super::{
    Abilities, Endpoint, Kind, Server,
    authorization::{Authorization, Tokens},
};
use crate::{
    load::{Client, Protocol, Request, block_on},
    tls::{Identity, Tls},
};

/// Registries that are not started here.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "external")]
pub(crate) struct Settings {
    /// A registry that runs somewhere, to compare too: `mine=https://registry.example:5000`, with `user:password@` before
    /// the host if it wants to know who asks. Only with --workload, and
    /// what pushes (nearly all) only with --allow-push. Its CPU time and memory remain unknown. Pushed content is left
    /// in repositories under `bench/`
    #[arg(long = "url", value_name = "NAME=URL", value_parser = pair)]
    urls: Vec<(String, String)>,

    /// Who asks there: `mine=user:password`, rather than in the URL; sent to it and to the token service that it names
    #[arg(long = "user", value_name = "NAME=USER:PASSWORD", value_parser = pair)]
    users: Vec<(String, String)>,

    /// Takes any certificate of them
    #[arg(long)]
    insecure: bool,

    /// Pushes to them
    #[arg(long)]
    allow_push: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("there is no =")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Settings {
    /// Names of folders and of rows, so without anything else in them.
    fn check_name(name: &str) -> Result<()> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
        ensure!(
            !name.is_empty() && name.chars().all(plain),
            "{name:?} in --url is no name: letters, digits and .-_"
        );
        Ok(())
    }

    /// The registries that were named.
    ///
    /// # Errors
    /// When one cannot be meant, or none of the workloads was chosen by name.
    pub(super) fn find(&self, chosen: bool) -> Result<Vec<Box<dyn Kind>>> {
        ensure!(
            self.urls.is_empty() || chosen,
            "--url needs --workload: say what that registry is to be loaded with"
        );
        if let Some((name, _)) =
            self.users.iter().find(|(name, _)| self.urls.iter().all(|(known, _)| known != name))
        {
            bail!("--user names {name:?}, for which there is no --url");
        }
        let kind = |(name, url): &(String, String)| -> Result<Box<dyn Kind>> {
            Self::check_name(name)?;
            // It may hold a password: no message quotes it.
            let (url, in_url) = without_user(url).with_context(|| format!("--url of {name} is no URL"))?;
            ensure!(url.host().is_some() && url.scheme().is_some(), "--url of {name} is no URL");
            let user =
                self.users.iter().find(|(known, _)| known == name).map(|(_, user)| user.clone().into_bytes());
            ensure!(user.is_none() || in_url.is_none(), "both --url and --user say who asks at {name}");
            let basic = user.or(in_url).map(|user| format!("Basic {}", STANDARD.encode(user)));
            Ok(Box::new(External {
                name: name.clone(),
                url,
                basic,
                insecure: self.insecure,
                allow_push: self.allow_push,
            }))
        };
        self.urls.iter().map(kind).collect()
    }
}

/// A URL without the `user:password` that it names, and that, with its escapes read.
fn without_user(url: &str) -> Result<(Uri, Option<Vec<u8>>)> {
    let Some((scheme, rest)) = url.split_once("://") else { return Ok((url.parse()?, None)) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return Ok((url.parse()?, None)) };
    Ok((format!("{scheme}://{host}{path}").parse()?, Some(unescaped(user)?)))
}

fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let hex = piece.get(..2).context("an escape is cut off")?;
        bytes.push(u8::from_str_radix(hex, 16).context("an escape is no hexadecimal number")?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Ok(bytes)
}

struct External {
    name: String,
    url: Uri,
    /// The `Authorization` header of its user.
    basic: Option<String>,
    insecure: bool,
    allow_push: bool,
}

impl Kind for External {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> String {
        format!("at {}; its CPU time and memory are unknown", self.url)
    }

    fn abilities(&self) -> Abilities {
        let tls = self.url.scheme_str() == Some("https");
        Abilities { registry: true, tls, process: false, longshore: false }
    }

    fn may_be_pushed_to(&self) -> bool {
        self.allow_push
    }

    fn start(&self, _folder: &Path, _identity: Option<&Identity>) -> Result<Server> {
        let mut endpoint = endpoint(&self.url, self.insecure)?;
        let reply = block_on(async {
            let mut client = Client::connect(&endpoint, Protocol::Http1).await?;
            client.send(&Request::get(&endpoint, "/v2/")?).await
        })?;
        endpoint.authorization = match (reply.status, reply.challenge) {
            (200, _) => self.basic.clone().map(Authorization::Basic),
            (401, Some(challenge)) if challenge.to_lowercase().starts_with("basic") => {
                let basic = self.basic.clone().with_context(|| format!("{} wants a --user", self.name))?;
                Some(Authorization::Basic(basic))
            }
            (401, Some(challenge)) => {
                let connect = |uri: &Uri| {
                    // A token service that a plain registry names is believed as little as that registry.
                    self::endpoint(uri, self.insecure)
                };
                let tokens = Tokens::challenged(&challenge, self.basic.as_deref(), connect)?;
                Some(Authorization::Bearer(Arc::new(tokens)))
            }
            (status, _) => bail!("{} answers GET /v2/ with {status}", self.url),
        };
        Ok(Server::external(&self.name, endpoint))
    }
}

/// Where a URL leads.
fn endpoint(url: &Uri, insecure: bool) -> Result<Endpoint> {
    let host = url.host().with_context(|| format!("{url} names no host"))?;
    let secure = match url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => bail!("{url} is neither http nor https"),
    };
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let name = host.trim_matches(['[', ']']);
    let mut addresses =
        (name, port).to_socket_addrs().with_context(|| format!("could not look up {name}"))?;
    let address = addresses.next().with_context(|| format!("{name} has no address"))?;
    let tls = if secure { Some(Tls::of_others(insecure)?) } else { None };
    let prefix = url.path().trim_end_matches('/').to_owned();
    Ok(Endpoint { address, host: name.to_owned(), tls, prefix, authorization: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(urls: &[(&str, &str)], users: &[(&str, &str)]) -> Settings {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
        };
        Settings { urls: owned(urls), users: owned(users), ..Settings::default() }
    }

    #[test]
    fn only_what_was_asked_for_is_loaded() {
        let one = settings(&[("mine", "http://127.0.0.1:5000")], &[]);
        assert!(one.find(false).is_err(), "no workload was chosen");
        assert!(!one.find(true).unwrap()[0].may_be_pushed_to(), "not without --allow-push");
        assert!(settings(&[], &[]).find(false).unwrap().is_empty());
    }

    #[test]
    fn slips_are_refused() {
        for (urls, users) in [
            (("mine", "127.0.0.1"), None),
            (("../mine", "http://127.0.0.1"), None),
            (("mine", "http://127.0.0.1"), Some(("other", "a:b"))),
        ] {
            let users: Vec<_> = users.into_iter().collect();
            assert!(settings(&[urls], &users).find(true).is_err(), "{urls:?} {users:?}");
        }
    }

    #[test]
    fn a_url_may_say_who_asks() {
        let read = |url: &str| without_user(url).map(|(url, user)| (url.to_string(), user));
        let plain = "http://host:5000/cache";
        assert_eq!(read(plain).unwrap(), (plain.to_owned(), None));
        assert_eq!(
            read("http://a%40b:c%3a@d@host:5000/cache").unwrap(),
            (plain.to_owned(), Some(b"a@b:c:@d".to_vec()))
        );
        assert_eq!(read("http://host/a@b").unwrap().1, None);
        for wrong in ["http://a%@host", "http://a%zz@host"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let both = settings(&[("mine", "http://a:b@127.0.0.1")], &[("mine", "a:b")]);
        assert!(both.find(true).is_err());
    }

    #[test]
    fn a_url_leads_to_an_endpoint() {
        let endpoint = |url: &str| endpoint(&url.parse().unwrap(), false);
        let plain = endpoint("http://127.0.0.1:5000/cache/").unwrap();
        assert_eq!(plain.to_string(), "http://127.0.0.1:5000/cache");
        assert_eq!(endpoint("https://127.0.0.1").unwrap().address.port(), 443);
        assert!(endpoint("ftp://127.0.0.1").is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let kind = settings(&[("mine", "http://127.0.0.1")], &[("mine", "me:secret")]).find(true).unwrap();
        assert!(!kind[0].version().contains("secret"));
        let kind = settings(&[("mine", "http://me:secret@127.0.0.1")], &[]).find(true).unwrap();
        assert!(!kind[0].version().contains("secret"));
        assert_eq!(format!("{:?}", Authorization::Basic("secret".into())), "***");
    }
}
