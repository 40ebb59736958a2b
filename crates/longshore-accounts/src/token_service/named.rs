//! What somebody may do whose token has their name and no more.

use longshore_auth::Access;
use longshore_metadata::MetadataError;
use longshore_types::Timestamp;

use crate::Accounts;

impl Accounts {
    /// What the bearer of a token of ours may do now, whatever the token says. Nobody in particular for a name that is gone
    /// or may not log in any more.
    pub async fn access_of_bearer(
        &self,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<Access, MetadataError> {
        let Some(name) = name else { return Ok(Access::anonymous()) };
        let mut tx = self.inner.metadata.read().await?;
        if let Some(robot) = name.strip_prefix(self.running().robot_prefix.as_str()) {
            let robot = tx.robot(robot).await?;
            let good =
                robot.filter(|robot| !robot.disabled && robot.expires_at.is_none_or(|expires| now < expires));
            return Ok(good.map_or_else(Access::anonymous, |robot| self.access_of_robot(&robot)));
        }
        match tx.user(name).await?.filter(|user| !user.disabled) {
            Some(user) => self.access_of_user(&mut tx, &user, now).await,
            None => Ok(Access::anonymous()),
        }
    }
}
