//! What a request for a token asks for, and who asks.

use http::{HeaderMap, header, request::Parts};
use longshore_accounts::Credentials;
use longshore_auth::{AuthError, Scope, ScopesError, Secret};

use super::refusal::TokenRefusal;
use crate::{
    admission::{of_accounts, or_certificate},
    proxies::Origin,
    query::Query,
};

/// Most scopes of one token for nobody in particular. Clients ask for one or two.
const SCOPES_OF_NOBODY_MAX: usize = 32;

/// In whose words the reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Distribution's.
    Query,
    /// OAuth2's.
    OAuth,
    /// That of the exchange of tokens.
    Exchange,
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Who {
    /// Whose credentials are ours.
    Known(Credentials),
    /// A program with somebody else's token, and the robot that it wants to stand for, if it says so.
    Elsewhere { token: Secret, robot: Option<String> },
}

impl Who {
    /// Whether it is nobody in particular.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Self::Known(Credentials::None))
    }
}

/// A request for a token.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    pub(crate) who: Who,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) form: Form,
}

impl TokenRequest {
    /// `GET`: credentials in the header, the rest in the query. `service`, `account`, `client_id` and `offline_token` are
    /// passed over: tokens are for this service alone and for who logged in, and there are no refresh tokens, which the
    /// specification leaves open. Who wants something to keep makes an access token.
    pub(crate) fn of_query(head: &Parts, origin: &Origin) -> Result<Self, TokenRefusal> {
        Self::of_parts(&head.headers, head.uri.query(), |credentials| {
            or_certificate(credentials, head, origin)
        })
    }

    fn of_parts(
        headers: &HeaderMap,
        query: Option<&str>,
        or_certificate: impl FnOnce(Credentials) -> Credentials,
    ) -> Result<Self, TokenRefusal> {
        let parameters = parameters(query.unwrap_or_default())?;
        // What is no text is no scheme that anybody knows.
        let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"));
        let credentials = longshore_auth::Credentials::parse(authorization).map_err(|error| match error {
            AuthError::Missing => TokenRefusal::credentials("an unknown kind of credentials"),
            error => TokenRefusal::credentials(error),
        })?;
        let scopes = Scope::requested(parameters.all("scope"))?;
        let who = Who::Known(or_certificate(of_accounts(credentials)));
        if who.is_nobody() && scopes.len() > SCOPES_OF_NOBODY_MAX {
            let message = format!("more than {SCOPES_OF_NOBODY_MAX} scopes without a login");
            return Err(TokenRefusal::scope(message));
        }
        Ok(Self { who, scopes, form: Form::Query })
    }

    /// `POST`: everything in the form. A refresh token is an access token or a robot's secret.
    pub(crate) fn of_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, TokenRefusal> {
        let content_type =
            headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
        if content_type.is_none_or(|text| !text.starts_with(b"application/x-www-form-urlencoded")) {
            return Err(TokenRefusal::request("the body must be application/x-www-form-urlencoded"));
        }
        let text = std::str::from_utf8(body).map_err(|_| TokenRefusal::request("the form is no text"))?;
        let form = parameters(text)?;
        let needed = |name: &str| {
            form.first(name)
                .map(str::to_owned)
                .ok_or_else(|| TokenRefusal::request(format!("{name} is missing")))
        };
        let (who, words) = match needed("grant_type")?.as_str() {
            "password" => {
                let (name, secret) = (needed("username")?, needed("password")?);
                (Who::Known(Credentials::Basic { name, secret }), Form::OAuth)
            }
            "refresh_token" => (Who::Known(Credentials::Bearer(needed("refresh_token")?)), Form::OAuth),
            // Which kind of token it is, it says itself.
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                let robot = form.first("account").filter(|name| !name.is_empty()).map(str::to_owned);
                (Who::Elsewhere { token: Secret::new(needed("subject_token")?), robot }, Form::Exchange)
            }
            _ => return Err(TokenRefusal::grant_type()),
        };
        let scopes = Scope::requested(form.all("scope"))?;
        Ok(Self { who, scopes, form: words })
    }
}

/// In forms, and in the queries that Go's clients write, `+` is a blank.
fn parameters(text: &str) -> Result<Query, TokenRefusal> {
    Query::parse(Some(&text.replace('+', "%20")))
        .ok_or_else(|| TokenRefusal::request("broken percent-encoding"))
}

impl From<ScopesError> for TokenRefusal {
    fn from(error: ScopesError) -> Self {
        Self::scope(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), header::HeaderValue::from_static(value))).collect()
    }

    fn shown(request: Result<TokenRequest, TokenRefusal>) -> String {
        match request {
            Ok(TokenRequest { who, scopes, .. }) => {
                let who = match who {
                    Who::Known(Credentials::None) => "nobody".to_owned(),
                    Who::Known(Credentials::Basic { name, secret }) => format!("{name}/{secret}"),
                    Who::Known(Credentials::Bearer(secret)) => format!("/{secret}"),
                    Who::Known(Credentials::Session { .. }) => "session".to_owned(),
                    Who::Known(Credentials::Certificate(_)) => "certificate".to_owned(),
                    Who::Elsewhere { token, robot } => {
                        format!("{}//{}", robot.unwrap_or_default(), token.reveal())
                    }
                };
                let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                format!("{who} {}", scopes.join(" ")).trim_end().to_owned()
            }
            Err(refusal) => refusal.status().as_u16().to_string(),
        }
    }

    #[test]
    fn queries_are_read() {
        let check = |authorization: Option<&'static str>, query: &str, wanted: &str| {
            let pairs: Vec<_> =
                authorization.map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
            assert_eq!(
                shown(TokenRequest::of_parts(&headers(&pairs), Some(query), |none| none)),
                wanted,
                "{query}"
            );
        };
        check(None, "", "nobody");
        check(None, "service=s&scope=repository:a/b:pull", "nobody repository:a/b:pull");
        let several = "scope=repository%3Aa%2Fb%3Apull&scope=registry:catalog:*+repository:c/d:push,pull";
        check(None, several, "nobody repository:a/b:pull registry:catalog:* repository:c/d:pull,push");
        check(Some("Basic YW5uOnNlY3JldA=="), "account=bob&offline_token=true", "ann/secret");
        check(Some("Bearer lsp_x"), "", "/lsp_x");
        check(Some("Basic !!"), "", "401");
        check(Some("Digest x"), "", "401");
        let scopes =
            |count, end| (0..count).map(|nth| format!("repository:r{nth}:pull{end}")).collect::<String>();
        check(None, &format!("scope={}", scopes(33, "%20")), "400");
        check(
            None,
            &format!("scope={}", scopes(32, "%20")),
            format!("nobody {}", scopes(32, " ")).trim_end(),
        );
        check(
            Some("Bearer lsp_x"),
            &format!("scope={}", scopes(33, "%20")),
            format!("/lsp_x {}", scopes(33, " ")).trim_end(),
        );
        check(None, "scope=%zz", "400");
        check(None, &format!("scope={}", "repository:a:pull%20".repeat(300)), "400");
    }

    #[test]
    fn forms_are_read() {
        let form = headers(&[(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")]);
        let check = |body: &str, wanted: &str| {
            assert_eq!(shown(TokenRequest::of_form(&form, body.as_bytes())), wanted, "{body}");
        };
        check(
            "grant_type=password&username=robot%24a%2Bci&password=p%2Bq+r&scope=repository:a/b:pull+repository:c:push&service=s",
            "robot$a+ci/p+q r repository:a/b:pull repository:c:push",
        );
        check("grant_type=refresh_token&refresh_token=lsp_x&client_id=docker", "/lsp_x");
        let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
        check(
            &format!("{exchange}&subject_token=a.b.c&scope=repository:a:pull"),
            "//a.b.c repository:a:pull",
        );
        check(&format!("{exchange}&subject_token=a.b.c&account=robot%24a%2Bci"), "robot$a+ci//a.b.c");
        for bad in [
            exchange,
            "",
            "grant_type=password&username=u",
            "grant_type=client_credentials",
            "grant_type=refresh_token",
            "grant_type=password&username=%00&password=p",
        ] {
            check(bad, "400");
        }
        assert_eq!(shown(TokenRequest::of_form(&form, b"\xff")), "400");
        assert_eq!(shown(TokenRequest::of_form(&headers(&[]), b"grant_type=password")), "400");
        let json = headers(&[(header::CONTENT_TYPE, "application/json")]);
        assert_eq!(shown(TokenRequest::of_form(&json, b"{}")), "400");
    }
}
