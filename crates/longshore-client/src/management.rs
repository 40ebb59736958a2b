//! The management API of a registry that has one, Longshore or Harbor: `/api/v2.0`, with JSON. Names and secrets are those
//! of a login, sent with each request.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use longshore_types::RepositoryName;
use serde_json::Value;

use crate::{
    ClientError, Registry, RegistryHost,
    registry::{Request, Target},
    scope::Scopes,
    tokens::read,
};

/// What stands for a project in a path is its name.
const X_IS_RESOURCE_NAME: HeaderName = HeaderName::from_static("x-is-resource-name");

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Most entries of a list that are gathered.
const ENTRIES_MAX: usize = 100_000;

/// Why the management API did not do something.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// There is none.
    #[error("{0} has no management API; a Longshore with accounts has one, and Harbor")]
    Absent(RegistryHost),
    /// Anything else.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What an answer carries.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    /// The body; `null` where it is empty.
    pub value: Value,
    /// Where the rest of a list is, if there is more.
    next: Option<String>,
}

/// The management API of a registry.
#[derive(Clone, Debug)]
pub struct Management {
    registry: Registry,
}

impl Registry {
    /// Its management API, if it has one.
    pub fn management(&self) -> Management {
        Management { registry: self.clone() }
    }
}

impl Management {
    /// Calls an operation; `path` lies below `/api/v2.0` and is encoded.
    ///
    /// # Errors
    /// [`ManagementError::Absent`] where there is no such API, as far as an answer shows that.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Managed, ManagementError> {
        let target = Target::Path(format!("/api/v2.0{path}"));
        let mut request = Request::new(method, String::new(), Scopes::none());
        request.target = target;
        request.by_password = true;
        // A project may be called by a number.
        request.headers.insert(X_IS_RESOURCE_NAME, HeaderValue::from_static("true"));
        if let Some(body) = body {
            request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = Bytes::from(body.to_string());
        }
        let response = self.registry.send(request).await.map_err(|error| self.explained(error))?;
        let next = next(response.headers());
        let bytes = read(self.registry.host(), response, ANSWER_BYTES_MAX).await?;
        let value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|error| ClientError::protocol(self.registry.host(), format!("{path}: {error}")))?
        };
        Ok(Managed { value, next })
    }

    /// Shows something.
    ///
    /// # Errors
    /// As for [`Management::call`].
    pub async fn get(&self, path: &str) -> Result<Value, ManagementError> {
        Ok(self.call(Method::GET, path, None).await?.value)
    }

    /// The entries of a list, from one page after the other, until `enough` says so.
    ///
    /// # Errors
    /// As for [`Management::call`]; when the list does not end.
    pub async fn walk(
        &self,
        path: &str,
        mut enough: impl FnMut(&[Value]) -> bool,
    ) -> Result<Vec<Value>, ManagementError> {
        let mut entries = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.call(Method::GET, &path, None).await?;
            let Value::Array(found) = page.value else {
                return Err(ClientError::protocol(self.registry.host(), format!("{path} is no list")).into());
            };
            entries.extend(found);
            if enough(&entries) {
                break;
            }
            if entries.len() > ENTRIES_MAX {
                let why = format!("a list of more than {ENTRIES_MAX} entries");
                return Err(ClientError::protocol(self.registry.host(), why).into());
            }
            next = page.next.filter(|next| *next != path);
        }
        Ok(entries)
    }

    /// All entries of a list.
    ///
    /// # Errors
    /// As for [`Management::walk`].
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, ManagementError> {
        self.walk(path, |_| false).await
    }

    /// A 404 in other words than the API's own is somebody else's, or that of a Longshore without accounts.
    fn explained(&self, error: ClientError) -> ManagementError {
        match error {
            ClientError::Refused(refusal)
                if refusal.problems.iter().all(|problem| problem.code == "UNSUPPORTED")
                    && matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) =>
            {
                ManagementError::Absent(self.registry.host().clone())
            }
            error => error.into(),
        }
    }
}

/// The path below the API's root in `Link: <…>; rel="next"`.
fn next(headers: &http::HeaderMap) -> Option<String> {
    let values = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let link = values.flat_map(|value| value.split(',')).find(|link| link.contains("rel=\"next\""))?;
    let (path, _) = link.trim().strip_prefix('<')?.split_once('>')?;
    Some(path.strip_prefix("/api/v2.0")?.to_owned())
}

/// What stands between two `/` of a path, encoded.
pub fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}

/// Where a repository is in the management API. A name without `/` is the library's.
pub fn repository_path(name: &RepositoryName) -> String {
    let (project, rest) = name.as_str().split_once('/').unwrap_or(("library", name.as_str()));
    // Harbor's way: encoded twice.
    format!("/projects/{}/repositories/{}", segment(project), segment(&segment(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_lie_in_projects() {
        let check =
            |name: &str, path: &str| assert_eq!(repository_path(&name.parse().unwrap()), path, "{name}");
        check("alpine", "/projects/library/repositories/alpine");
        check("team/app", "/projects/team/repositories/app");
        check("team/sub/app", "/projects/team/repositories/sub%252Fapp");
    }

    #[test]
    fn the_next_page_lies_below_the_root() {
        let check = |link: &'static str, wanted: Option<&str>| {
            let mut headers = http::HeaderMap::new();
            headers.insert(header::LINK, HeaderValue::from_static(link));
            assert_eq!(next(&headers).as_deref(), wanted, "{link}");
        };
        check("</api/v2.0/users?page=2>; rel=\"next\"", Some("/users?page=2"));
        check(
            "</api/v2.0/users?page=1>; rel=\"prev\", </api/v2.0/users?page=3>; rel=\"next\"",
            Some("/users?page=3"),
        );
        check("</api/v2.0/users?page=1>; rel=\"prev\"", None);
        check("<https://elsewhere.example/api/v2.0/users>; rel=\"next\"", None);
        check("<//elsewhere.example/>; rel=\"next\"", None);
    }
}
