//! What a page works with: the request, and the management API.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{ApiAnswer, ApiCall, ManagementApi, PageError, PageRequest, Verb, pairs::Pairs};

/// What a page works with.
pub(crate) struct Cx<'a> {
    pub(crate) api: &'a dyn ManagementApi,
    pub(crate) request: &'a PageRequest,
}

/// Part of a listing, and how long the whole is.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) total: u64,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(api: &'a dyn ManagementApi, request: &'a PageRequest) -> Self {
        Self { api, request }
    }

    /// Path and query of this page.
    pub(crate) fn here(&self) -> String {
        match &self.request.raw_query {
            Some(query) => format!("{}?{query}", self.request.path),
            None => self.request.path.clone(),
        }
    }

    /// This page with one parameter of its query changed.
    pub(crate) fn here_with(&self, name: &str, value: impl ToString) -> String {
        format!("{}?{}", self.request.path, self.request.query.with(name, value).encode())
    }

    /// The same, back on the first page: for what sorts and filters.
    pub(crate) fn here_from_start(&self, name: &str, value: impl ToString) -> String {
        let query: Pairs = self.request.query.with(name, value).with("page", 1);
        format!("{}?{}", self.request.path, query.encode())
    }

    /// The name of who is logged in.
    pub(crate) fn signed_in(&self) -> Result<&crate::Caller, PageError> {
        self.request.caller.as_ref().ok_or(PageError::SignInNeeded)
    }

    /// What the management API has there.
    pub(crate) async fn get<T: DeserializeOwned>(&self, target: impl Into<String>) -> Result<T, PageError> {
        parse(&self.call(Verb::Get, target, Bytes::new(), true).await?)
    }

    /// The same, or none where there is nothing or the caller may not see it: for parts of a page.
    pub(crate) async fn look<T: DeserializeOwned>(
        &self,
        target: impl Into<String>,
    ) -> Result<Option<T>, PageError> {
        match self.call(Verb::Get, target, Bytes::new(), false).await {
            Ok(answer) => parse(&answer).map(Some),
            Err(PageError::NotFound | PageError::SignInNeeded | PageError::Forbidden(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of a listing.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        target: impl Into<String>,
    ) -> Result<Listed<T>, PageError> {
        let answer = self.call(Verb::Get, target, Bytes::new(), true).await?;
        let entries: Vec<T> = parse(&answer)?;
        Ok(Listed { total: answer.total.unwrap_or(entries.len() as u64), entries })
    }

    /// The answer as it is: files, logs.
    pub(crate) async fn fetch(&self, target: impl Into<String>) -> Result<ApiAnswer, PageError> {
        self.call(Verb::Get, target, Bytes::new(), true).await
    }

    /// Changes something.
    pub(crate) async fn send(
        &self,
        verb: Verb,
        target: impl Into<String>,
        body: &impl Serialize,
    ) -> Result<ApiAnswer, PageError> {
        let body = serde_json::to_vec(body).map_err(|error| PageError::Failed(error.to_string()))?;
        self.call(verb, target, body.into(), true).await
    }

    /// Changes something by its path alone.
    pub(crate) async fn send_empty(
        &self,
        verb: Verb,
        target: impl Into<String>,
    ) -> Result<ApiAnswer, PageError> {
        self.call(verb, target, Bytes::new(), true).await
    }

    async fn call(
        &self,
        verb: Verb,
        target: impl Into<String>,
        body: Bytes,
        is_meant: bool,
    ) -> Result<ApiAnswer, PageError> {
        let answer = self.api.call(ApiCall { verb, target: target.into(), body, is_meant }).await;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(PageError::of(&answer)) }
    }
}

/// Reads JSON of the management API; `null` lists are empty.
pub(crate) fn parse<T: DeserializeOwned>(answer: &ApiAnswer) -> Result<T, PageError> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| PageError::Failed(format!("the management API's answer is not understood: {error}")))
}
