//! What was decided by the head of a request is decided again at the end of a body that was long under way: whose rights
//! were taken meanwhile ends no push.

use std::{sync::Arc, time::SystemTime};

use futures_util::{StreamExt as _, stream};
use longshore_registry::{BodyError, Call, UploadBody};
use longshore_types::{RepositoryName, Timestamp};
use tokio::time::Instant;

use crate::{context::Context, request_body::RequestBody};

/// The body of a push, which fails at its end if it was longer under way than a body may stall and its sender may not push
/// any more. Without accounts nobody's rights change.
pub(crate) fn decided_again(
    cx: &Context,
    call: &Call,
    repository: &RepositoryName,
    body: RequestBody,
) -> UploadBody {
    let Some(tokens) = cx.tokens.as_ref().map(Arc::clone) else { return body.into_stream() };
    let (caller, repository) = (call.caller.name.clone(), repository.clone());
    let (begun, patience) = (Instant::now(), cx.limits.stall_timeout);
    let again = async move {
        if begun.elapsed() <= patience {
            return None;
        }
        let now = Timestamp::from(SystemTime::now());
        match tokens.may_still_push(caller.as_deref(), &repository, now).await {
            Ok(true) => None,
            Ok(false) => Some(Err(BodyError::NotAllowed)),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not decide about a push again"
                );
                Some(Err(BodyError::NotAllowed))
            }
        }
    };
    body.into_stream().chain(stream::once(again).filter_map(std::future::ready)).boxed()
}
