//! Who a workload is, by a token or a certificate.

use std::{collections::HashMap, path::Path, sync::Arc};

use jsonwebtoken::Algorithm;
use longshore_types::Timestamp;
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value};

use super::{
    SpiffeId, SvidError, TrustDomain, TrustDomainSettings, TrustIssuerSettings, TrustRule, TrustSettings,
    x509::{Authorities, claimed_id},
};
use crate::{
    SettingsError, TokenError,
    issuer::{Issuer, VerifyError},
    jwt::{Claims, KeySet, Purpose, SignedToken},
    watched::Watched,
    web::{Allowed, FetchError, Web, issuer_url},
};

/// A workload whose identity was verified. What that is worth, rules say.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    issuer: String,
    subject: String,
    /// None for a certificate, which is made for nobody in particular.
    audiences: Option<Vec<String>>,
    expires: Option<Timestamp>,
    claims: Claims,
}

impl Workload {
    /// Who vouches for it: an issuer's address, or `spiffe://` with a trust domain.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who it is, in its issuer's words.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// For whom its token was made; None for a certificate.
    pub fn audiences(&self) -> Option<&[String]> {
        self.audiences.as_deref()
    }

    /// When its token expires; what is made from it should not hold longer. None for a certificate: the connection
    /// ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The token's own id (`jti`), if it has one: for telling in the audit record.
    pub fn token_id(&self) -> Option<&str> {
        self.claims.text("jti")
    }

    /// What is said of it, by a path as in [`super::ClaimPath`].
    pub fn claim(&self, path: &str) -> Option<&Value> {
        self.claims.at(path)
    }

    #[cfg(test)]
    pub(super) fn for_tests(issuer: &str, audiences: Option<&[&str]>, claims: Value) -> Self {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        Self {
            issuer: issuer.to_owned(),
            subject: String::new(),
            audiences: audiences.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            expires: None,
            claims: Claims::new(claims),
        }
    }

    /// Those of some rules that trust it, the ones that ask for most first; those that ask for as much stay in their order.
    pub fn matched<T>(&self, rules: Vec<T>, rule: impl Fn(&T) -> &TrustRule) -> Vec<T> {
        let mut matched: Vec<T> = rules.into_iter().filter(|each| rule(each).matches(self)).collect();
        matched.sort_by_key(|each| std::cmp::Reverse(rule(each).narrowness()));
        matched
    }
}

/// Why it is not known who a workload is.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The token is not accepted.
    #[error("the token is not accepted")]
    Token(#[from] TokenError),
    /// The certificate is not accepted.
    #[error("the certificate is not accepted")]
    Certificate(#[from] SvidError),
    /// The issuer's keys cannot be had.
    #[error("the issuer of the token cannot be asked for its keys")]
    Unavailable(#[source] FetchError),
}

impl From<VerifyError> for WorkloadError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Token(error) => Self::Token(error),
            VerifyError::Fetch(error) => Self::Unavailable(error),
        }
    }
}

/// Everybody whose word counts, with their keys.
#[derive(Debug)]
pub struct Workloads {
    issuers: HashMap<String, IssuerKeys>,
    domains: HashMap<TrustDomain, Domain>,
}

#[derive(Debug)]
enum IssuerKeys {
    Network(Arc<Issuer>),
    File(Watched<KeySet>),
}

#[derive(Debug)]
struct Domain {
    keys: Option<Watched<KeySet>>,
    authorities: Vec<Watched<Authorities>>,
}

impl Workloads {
    /// Checks the settings and reads the files; asks nobody.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(settings: &TrustSettings) -> Result<Self, SettingsError> {
        let mut issuers = HashMap::new();
        for each in &settings.issuers {
            if issuers.insert(each.issuer.clone(), issuer_keys(each)?).is_some() {
                return Err(SettingsError::new(format!("issuer: {:?} is there twice", each.issuer)));
            }
        }
        let mut domains = HashMap::new();
        for each in &settings.domains {
            let name: TrustDomain = each.name.parse().map_err(|_| {
                SettingsError::new(format!("name: {:?} is no trust domain, such as example.org", each.name))
            })?;
            if domains.insert(name, domain(each)?).is_some() {
                return Err(SettingsError::new(format!("name: {:?} is there twice", each.name)));
            }
        }
        Ok(Self { issuers, domains })
    }

    /// Who sent this token: one of a configured issuer, or a JWT-SVID of a configured trust domain. For whom it was
    /// made is for a rule to compare.
    ///
    /// # Errors
    /// When it is not accepted, or the issuer's keys cannot be fetched.
    pub async fn verify_token(&self, token: &str, now: Timestamp) -> Result<Workload, WorkloadError> {
        let token = SignedToken::parse(token)?;
        let issuer = token.claimed_issuer().unwrap_or_default();
        if let Some(keys) = self.issuers.get(issuer) {
            let claims = match keys {
                IssuerKeys::Network(issuer) => issuer.verify(&token).await?,
                IssuerKeys::File(keys) => keys.current().await.verify(&token)?,
            };
            return Ok(workload(issuer.to_owned(), claims, now)?);
        }
        let id = token.claimed_subject().and_then(|subject| subject.parse::<SpiffeId>().ok());
        match id.as_ref().and_then(|id| Some((id, self.domains.get(id.domain())?))) {
            Some((id, domain)) => Ok(domain.verify_token(id, &token, now).await?),
            None => Err(TokenError::Issuer(issuer.to_owned()).into()),
        }
    }

    /// Whom the chain of a client's certificate names (the client's own first, as TLS has it).
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn verify_certificate(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Workload, WorkloadError> {
        let id = claimed_id(chain)?;
        let unknown = || SvidError::Domain(id.domain().to_string());
        let domain = self.domains.get(id.domain()).ok_or_else(unknown)?;
        let mut result = Err(unknown());
        for file in &domain.authorities {
            let authorities = file.current().await;
            if authorities.is_empty() {
                continue;
            }
            result = authorities.verify(chain, now);
            if result.is_ok() {
                break;
            }
        }
        result?;
        let claims = Map::from_iter([("sub".to_owned(), Value::from(id.as_str()))]);
        Ok(Workload {
            issuer: id.domain().id(),
            subject: id.to_string(),
            audiences: None,
            expires: None,
            claims: Claims::new(claims),
        })
    }
}

impl Domain {
    /// The JWT-SVID specification, sections 2 to 5.
    async fn verify_token(
        &self,
        id: &SpiffeId,
        token: &SignedToken<'_>,
        now: Timestamp,
    ) -> Result<Workload, TokenError> {
        // Section 2.1 leaves this one out.
        if token.algorithm() == Algorithm::EdDSA {
            return Err(TokenError::Algorithm);
        }
        // Section 2.3.
        if token.kind().is_some_and(|kind| !matches!(kind, "JWT" | "JOSE")) {
            return Err(TokenError::Malformed("its kind (typ) is another one".to_owned()));
        }
        let keys = self.keys.as_ref().ok_or(TokenError::UnknownKey)?.current().await;
        workload(id.domain().id(), keys.verify(token)?, now)
    }
}

/// What a verified token says, if now lies in its time and it says what every token must.
fn workload(issuer: String, claims: Claims, now: Timestamp) -> Result<Workload, TokenError> {
    claims.check_time(now)?;
    let subject = claims.text("sub").ok_or(TokenError::Claim("sub"))?.to_owned();
    let audiences: Vec<_> = claims.audiences().into_iter().map(str::to_owned).collect();
    if audiences.is_empty() {
        return Err(TokenError::Claim("aud"));
    }
    let expires = claims.time("exp")?;
    Ok(Workload { issuer, subject, audiences: Some(audiences), expires, claims })
}

fn issuer_keys(settings: &TrustIssuerSettings) -> Result<IssuerKeys, SettingsError> {
    if let Some(path) = &settings.jwks_file {
        if settings.jwks_url.is_some() {
            return Err(SettingsError::new("jwks_url: is set beside jwks_file"));
        }
        let keys =
            Watched::new("jwks_file", path.clone(), |json| match KeySet::parse(json, Purpose::Signature)? {
                keys if keys.is_empty() => Err("no key in it that tokens may be signed with".to_owned()),
                keys => Ok(keys),
            })?;
        return Ok(IssuerKeys::File(keys));
    }
    let url = issuer_url("issuer", &settings.issuer)?;
    let allowed = Allowed::new(url.clone(), &settings.endpoint_hosts);
    if let Some(keys) = &settings.jwks_url {
        allowed.check(keys).map_err(|error| SettingsError::new(format!("jwks_url: {error}")))?;
    }
    let web = Web::new(allowed, settings.ca_file.as_deref(), settings.timeout)?;
    let issuer = Issuer::new(&settings.issuer, url, web, settings.jwks_url.clone(), settings.keys_pause);
    Ok(IssuerKeys::Network(Arc::new(issuer)))
}

fn domain(settings: &TrustDomainSettings) -> Result<Domain, SettingsError> {
    let bundle = |path: &Path| {
        let keys =
            Watched::new("bundle_file", path.to_owned(), |json| KeySet::parse(json, Purpose::JwtSvid))?;
        let authorities = Watched::new("bundle_file", path.to_owned(), Authorities::parse_bundle)?;
        Ok((keys, authorities))
    };
    let (keys, authorities) = settings.bundle_file.as_deref().map(bundle).transpose()?.unzip();
    let mut authorities: Vec<_> = authorities.into_iter().collect();
    if let Some(path) = &settings.x509_bundle_file {
        authorities.push(Watched::new("x509_bundle_file", path.clone(), Authorities::parse_pem)?);
    }
    if authorities.is_empty() {
        return Err(SettingsError::new(format!(
            "bundle_file: the trust domain {} needs bundle_file or x509_bundle_file",
            settings.name
        )));
    }
    Ok(Domain { keys, authorities })
}
