//! Clients whose certificate says who they are.

use longshore_auth::{Access, Circumstances, Scope};
use longshore_identity::certificate::{Owned, Owner};
use longshore_types::Timestamp;

use super::{
    Attempt,
    record::{Way, refused},
    token::check_robot,
    workload::Wish,
};
use crate::{Accounts, ClientChain, LoginError};

impl Accounts {
    /// Whom a client's certificate stands for, and until when. Nobody in particular where certificates of its kind stand for
    /// nobody; one that should and is not accepted is refused as any other login is. `asked` is what they come for.
    pub(crate) async fn login_by_certificate(
        &self,
        chain: &ClientChain,
        asked: &[Scope],
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<(Access, Option<Timestamp>), LoginError> {
        let attempt = Attempt { circumstances, request_id };
        let Some(certificates) = &self.certificates else { return Ok((Access::anonymous(), None)) };
        let (name, outcome) = match certificates.owner(chain.certificates(), circumstances.now).await {
            Ok(None) => return Ok((Access::anonymous(), None)),
            Err(error) => (String::new(), Err(refused(error.to_string()))),
            Ok(Some(Owned { owner, expires })) => match owner {
                Owner::User { name, source } => {
                    let outcome = self.user_of_certificate(&attempt, &name, &source).await;
                    (name, outcome.map(|access| (access, Some(expires))))
                }
                Owner::Robot(name) => {
                    let outcome = self.robot_of_certificate(&attempt, &name).await;
                    (
                        name,
                        outcome.map(|(access, until)| {
                            (access, Some(until.map_or(expires, |until| until.min(expires))))
                        }),
                    )
                }
                Owner::Workload(workload) => {
                    let wish = Wish { robot: None, scopes: asked };
                    let login = self.login_workload_for(Ok(*workload), wish, circumstances, request_id);
                    let (access, until) = login.await?;
                    return Ok((access, Some(until.map_or(expires, |until| until.min(expires)))));
                }
            },
        };
        self.record_refusal(&attempt, &name, outcome).await
    }

    /// A name alone proves nothing: the authority speaks for the users of one source.
    async fn user_of_certificate(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        source: &str,
    ) -> Result<Access, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        let user = match tx.user(name).await? {
            None => return Err(refused("the certificate names nobody who is a user")),
            Some(user) if user.source != source => {
                return Err(refused(format!(
                    "the certificate names a user whom {} vouches for",
                    user.source
                )));
            }
            Some(user) if user.disabled => return Err(refused("the user is disabled")),
            Some(user) => user,
        };
        drop(tx);
        let user = self.confirmed(attempt, user).await?;
        let now = attempt.circumstances.now;
        let access = self.access_of_user(&mut self.inner.metadata.read().await?, &user, now).await?;
        self.record_login(attempt, &user.name, Some(&user), &Way::Certificate(None)).await;
        Ok(access)
    }

    async fn robot_of_certificate(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
    ) -> Result<(Access, Option<Timestamp>), LoginError> {
        let short = self.without_robot_prefix(name).unwrap_or(name);
        let Some(robot) = self.inner.metadata.read().await?.robot(short).await? else {
            return Err(refused("the certificate names no robot"));
        };
        check_robot(&robot, attempt.circumstances.now)?;
        let name = self.robot_name(&robot);
        self.record_login(attempt, &name, None, &Way::Certificate(Some(robot.id))).await;
        Ok((self.access_of_robot(&robot), robot.expires_at))
    }
}
