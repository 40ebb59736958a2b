//! `auth`.

use std::{path::PathBuf, thread};

use longshore_auth::{HtpasswdSettings, TokenSettings};

use super::section::Section;

/// Who may use the registry.
#[derive(Clone, Debug)]
pub(crate) enum AuthConfig {
    Open,
    Htpasswd(HtpasswdSettings),
    Token(TokenSettings),
    Silly { realm: String, service: String },
}

impl AuthConfig {
    pub(super) fn read(auth: &Section<'_>) -> Self {
        let given: Vec<_> =
            ["htpasswd", "token", "silly"].into_iter().filter(|kind| auth.is_given(kind)).collect();
        match *given.as_slice() {
            [] => Self::Open,
            ["htpasswd"] => Self::Htpasswd(htpasswd(&auth.section("htpasswd"))),
            ["token"] => Self::Token(token(&auth.section("token"))),
            ["silly"] => {
                let silly = auth.section("silly");
                Self::Silly { realm: silly.needed("realm"), service: silly.needed("service") }
            }
            [first, second, ..] => {
                auth.refuse(
                    second,
                    format!("only one kind of authentication at a time, and auth.{first} is given"),
                );
                Self::Open
            }
            [_] => unreachable!("the names above are all"),
        }
    }
}

fn htpasswd(section: &Section<'_>) -> HtpasswdSettings {
    HtpasswdSettings {
        realm: section.text("realm").unwrap_or_default(),
        path: section.path("path").unwrap_or_else(|| {
            section.refuse(
                "path",
                "must be set: a file of lines user:hash, made with htpasswd -Bbn USER PASSWORD",
            );
            PathBuf::new()
        }),
        parallel_max: thread::available_parallelism().map_or(1, usize::from),
    }
}

fn token(section: &Section<'_>) -> TokenSettings {
    let autoredirect = section.boolean("autoredirect");
    let path = section.text("autoredirectpath").filter(|_| autoredirect);
    if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        section.refuse("autoredirectpath", "must begin with /");
    }
    let settings = TokenSettings {
        realm: if autoredirect { section.text("realm").unwrap_or_default() } else { section.needed("realm") },
        service: section.needed("service"),
        issuer: section.needed("issuer"),
        root_certificates: section.path("rootcertbundle"),
        jwks: section.path("jwks"),
        algorithms: section.texts("signingalgorithms"),
        redirect_path: path,
    };
    if settings.root_certificates.is_none() && settings.jwks.is_none() {
        section.refuse("rootcertbundle", "must be set, or jwks: without either no token can be verified");
    }
    settings
}
