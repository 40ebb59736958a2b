//! One registry: where its API is, and how requests get there.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use longshore_types::RepositoryName;
use reqwest::{Response, Url};
use tokio::sync::OnceCell;

use crate::{
    ClientError, Credentials, Refusal, RegistryHost, Repository,
    challenge::Challenge,
    client::Shared,
    retry,
    scope::Scopes,
    tokens::{Tokens, read},
};

/// Largest body of an error that is read, in bytes.
const ERROR_BYTES_MAX: usize = 1 << 16;

/// A registry. Clones share what was learned of it.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    host: RegistryHost,
    place: OnceCell<Place>,
    tokens: Tokens,
}

/// Where the API is, and whom to trust there.
#[derive(Clone, Debug)]
struct Place {
    root: Url,
    http: reqwest::Client,
    /// What it wants to know of whoever comes without a name.
    challenge: Option<Challenge>,
}

impl Place {
    fn new(root: Url, http: reqwest::Client, answer: &Response) -> Self {
        let asks = answer.status() == StatusCode::UNAUTHORIZED;
        let challenge = if asks { Challenge::best(answer.headers()) } else { None };
        Self { root, http, challenge }
    }
}

/// What is sent. The body is at hand whole, so that it can be sent again.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Below `/v2/`, or an address of the registry's own.
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) scopes: Scopes,
    /// Name and secret go along unasked, as the management API wants them, and no token.
    pub(crate) by_password: bool,
}

pub(crate) enum Target {
    Path(String),
    Url(Url),
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>, scopes: Scopes) -> Self {
        let target = Target::Path(path.into());
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, target, headers, body, scopes, by_password: false }
    }

    pub(crate) fn at(method: Method, url: Url, scopes: Scopes) -> Self {
        Self { target: Target::Url(url), ..Self::new(method, String::new(), scopes) }
    }

    pub(crate) fn header(mut self, name: http::HeaderName, value: http::HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

impl Registry {
    pub(crate) fn new(shared: Arc<Shared>, host: RegistryHost) -> Self {
        Self(Arc::new(Inner { shared, host, place: OnceCell::new(), tokens: Tokens::default() }))
    }

    /// Its name.
    pub fn host(&self) -> &RegistryHost {
        &self.0.host
    }

    /// A repository there. Nothing is asked.
    pub fn repository(&self, name: &RepositoryName) -> Repository {
        Repository::new(self.clone(), name.clone())
    }

    /// Asks whether it is a registry that lets us in: `GET /v2/`. Gives the time that it has, if it says.
    ///
    /// # Errors
    /// If it is not there, does not let us in, or is none.
    pub async fn ping(&self) -> Result<Option<SystemTime>, ClientError> {
        let response = self.send(Request::new(Method::GET, "", Scopes::none())).await?;
        let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| httpdate::parse_http_date(date).ok()))
    }

    /// What it is shown if it asks.
    ///
    /// # Errors
    /// If the files of credentials cannot be read.
    pub async fn credentials(&self) -> Result<Option<&Credentials>, ClientError> {
        self.0.tokens.credentials(&self.0.shared, &self.0.host).await
    }

    /// Where its API is, which is found out by asking.
    ///
    /// # Errors
    /// If it is not there.
    pub async fn root(&self) -> Result<&Url, ClientError> {
        self.place().await.map(|place| &place.root)
    }

    /// Sends a request, logs in where that is asked for, tries again what may pass. The answer is a success.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, ClientError> {
        let place = self.place().await?;
        let url = match &request.target {
            Target::Url(url) => url.clone(),
            Target::Path(path) => place.root.join(path).map_err(|error| {
                ClientError::protocol(&self.0.host, format!("no address can be made of {path:?}: {error}"))
            })?,
        };
        let mut attempt = 1;
        // What a request made may be made twice if it is sent again.
        let may_repeat = !request.by_password || request.method != Method::POST;
        loop {
            let outcome = self.attempt(place, &request, &url).await;
            let headers = match &outcome {
                Ok((response, _)) if may_repeat && retry::may_pass(response.status()) => {
                    Some(response.headers())
                }
                Err(ClientError::Broken { .. }) if may_repeat => None,
                Ok(_) | Err(_) => return self.success(request.method, url, outcome?).await,
            };
            let Some(wait) = retry::wait(attempt, headers, SystemTime::now(), retry::jitter()) else {
                return self.success(request.method, url, outcome?).await;
            };
            tracing::debug!(%url, attempt, ?wait, "trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Sends a request whose body exists once. The login is that of requests before it, with the same scopes.
    pub(crate) async fn send_stream(
        &self,
        request: Request,
        body: reqwest::Body,
    ) -> Result<Response, ClientError> {
        let place = self.place().await?;
        let Target::Url(url) = request.target else {
            return Err(ClientError::protocol(&self.0.host, "an upload has no address"));
        };
        let built =
            place.http.request(request.method.clone(), url.clone()).headers(request.headers).body(body);
        let (built, with_credentials) = self.0.tokens.apply(built, &request.scopes);
        let response = built.send().await.map_err(|error| self.fault(error))?;
        self.success(request.method, url, (response, with_credentials)).await
    }

    /// One request, or two if the registry asks who we are. With whether credentials went along.
    async fn attempt(
        &self,
        place: &Place,
        request: &Request,
        url: &Url,
    ) -> Result<(Response, bool), ClientError> {
        let Inner { shared, host, tokens, .. } = &*self.0;
        if request.by_password {
            return self.with_password(place, request, url).await;
        }
        if let Some(challenge) = &place.challenge
            && tokens.lacks(shared, host, &request.scopes).await?
        {
            tokens.meet(shared, host, &place.root, challenge, &request.scopes).await?;
        }
        let mut logged_in = false;
        loop {
            let built = place.http.request(request.method.clone(), url.clone());
            let built = built.headers(request.headers.clone()).body(request.body.clone());
            let (built, with_credentials) = tokens.apply(built, &request.scopes);
            let response = built.send().await.map_err(|error| self.fault(error))?;
            if response.status() != StatusCode::UNAUTHORIZED || logged_in {
                return Ok((response, with_credentials));
            }
            logged_in = true;
            let Some(challenge) = Challenge::best(response.headers()) else {
                return Ok((response, with_credentials));
            };
            if !tokens.meet(shared, host, response.url(), &challenge, &request.scopes).await? {
                return Ok((response, with_credentials));
            }
        }
    }

    async fn with_password(
        &self,
        place: &Place,
        request: &Request,
        url: &Url,
    ) -> Result<(Response, bool), ClientError> {
        let built = place.http.request(request.method.clone(), url.clone());
        let built = built.headers(request.headers.clone()).body(request.body.clone());
        let credentials = self.credentials().await?;
        let built = match credentials {
            Some(Credentials::Password { user, secret }) => built.basic_auth(user, Some(secret)),
            Some(Credentials::Bearer(token)) => built.bearer_auth(token),
            Some(Credentials::RefreshToken(_)) | None => built,
        };
        let response = built.send().await.map_err(|error| self.fault(error))?;
        Ok((response, credentials.is_some()))
    }

    async fn success(
        &self,
        method: Method,
        url: Url,
        (response, with_credentials): (Response, bool),
    ) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() || status == StatusCode::PERMANENT_REDIRECT {
            return Ok(response);
        }
        let body = read(&self.0.host, response, ERROR_BYTES_MAX).await.unwrap_or_default();
        let problems = Refusal::problems_of(&body);
        let host = self.0.host.clone();
        Err(ClientError::Refused(Box::new(Refusal { host, method, url, status, problems, with_credentials })))
    }

    async fn place(&self) -> Result<&Place, ClientError> {
        self.0.place.get_or_try_init(|| self.find()).await
    }

    /// HTTPS with a certificate that is trusted; with less only where that is allowed, and plain HTTP last.
    async fn find(&self) -> Result<Place, ClientError> {
        let Inner { shared, host, .. } = &*self.0;
        let root = |scheme: &str| {
            Url::parse(&format!("{scheme}://{}/v2/", host.api_authority()))
                .map_err(|error| ClientError::protocol(host, error.to_string()))
        };
        let secure = root("https")?;
        if !shared.settings.is_insecure(host) && !host.is_loopback() {
            return match shared.strict.get(secure.clone()).send().await {
                Ok(response) => Ok(Place::new(secure, shared.strict.clone(), &response)),
                Err(error) => Err(self.fault(error)),
            };
        }
        for root in [secure, root("http")?] {
            match shared.trusting.get(root.clone()).send().await {
                Ok(response) => return Ok(Place::new(root, shared.trusting.clone(), &response)),
                Err(error) if root.scheme() == "http" => return Err(self.fault(error)),
                Err(_) => {}
            }
        }
        unreachable!("plain HTTP is the last of the two")
    }

    pub(crate) fn fault(&self, source: reqwest::Error) -> ClientError {
        let host = self.0.host.clone();
        if is_about_tls(&source) {
            ClientError::NotTrusted { host, source }
        } else if source.is_connect() {
            ClientError::Unreachable { host, source }
        } else {
            ClientError::Broken { host, source }
        }
    }
}

/// Whether TLS failed rather than the network.
fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(each) = cause {
        if is_of_tls(each) {
            return true;
        }
        cause = each.source();
    }
    false
}

/// Errors of input and output carry it, some within another one.
fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = || error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner().is_some_and(|inner| is_of_tls(inner))
}
