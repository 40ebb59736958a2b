//! Somebody listens: the management API is asked the same again and again.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use longshore_accounts::{Credentials, SessionId};
use longshore_auth::Circumstances;
use longshore_pages::ApiAnswer;
use longshore_types::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::visit::answered;
use crate::{
    api::{Api, InnerCall, Known, Verb},
    refusals::RefusedRequest,
    request_id::RequestId,
};

/// Most that listen at a time; each asks the index twice every turn.
const FOLLOWERS_MAX: usize = 200;
/// From one answer to the next question.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one stream lasts. Browsers come back, and are looked at anew.
const LIFETIME: Duration = Duration::from_secs(300);

/// Those who listen.
pub(crate) struct Followers(Arc<Semaphore>);

impl Default for Followers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(FOLLOWERS_MAX)))
    }
}

impl Followers {
    /// Has all streams end with their next turn, and no other begin: the server ends.
    pub(crate) fn end(&self) {
        self.0.close();
    }

    pub(super) fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// Who listens to what.
pub(super) struct Follower {
    pub(super) api: Arc<Api>,
    pub(super) credentials: Credentials,
    pub(super) session: Option<SessionId>,
    pub(super) circumstances: Circumstances,
    pub(super) request_id: RequestId,
    pub(super) target: String,
    pub(super) permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The answers. Who it is, and what they may do, is asked each time.
    pub(super) fn answers(self) -> BoxStream<'static, ApiAnswer> {
        let begun = Instant::now();
        stream::unfold(self, move |follower| async move {
            tokio::time::sleep(PAUSE).await;
            let is_over = begun.elapsed() > LIFETIME || follower.permit.semaphore().is_closed();
            let answer = if is_over { None } else { follower.ask().await };
            answer.map(|answer| (answer, follower))
        })
        .boxed()
    }

    async fn ask(&self) -> Option<ApiAnswer> {
        let now = Timestamp::from(SystemTime::now());
        let circumstances = Circumstances { now, ..self.circumstances.clone() };
        let accounts = self.api.accounts();
        let request_id = self.request_id.to_string();
        let access = accounts.login(&self.credentials, &circumstances, &request_id).await.ok()?;
        let within = RefusedRequest {
            accounts,
            actor: None,
            address: circumstances.address,
            now,
            request_id: &self.request_id,
        };
        let known = Known { access, session: self.session.clone(), circumstances };
        let (target, body) = (self.target.as_str(), bytes::Bytes::new());
        let call = InnerCall { verb: Verb::Get, target, body, within, is_meant: false };
        Some(answered(self.api.call_within(&known, call).await).await)
    }
}
