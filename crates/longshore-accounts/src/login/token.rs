//! Access tokens, and the secrets of robots.
//!
//! Those that were made here cannot be guessed, and their check costs next to nothing. A robot's secret may have been
//! chosen by somebody: then it is checked as passwords are. So is whatever comes for a robot and is wrong, be there such a
//! robot or not.

use longshore_auth::{Access, secret::SecretHash};
use longshore_metadata::{RobotId, RobotRecord};
use longshore_types::Timestamp;

use super::{
    Attempt, NAME_BYTES_MAX, SECRET_BYTES_MAX,
    checks::{Compared, Turn},
    record::{Way, refused, wrong_secret},
};
use crate::{Accounts, LoginError, access::ceiling_of};

impl Accounts {
    /// An access token, of the user of that name if one was given.
    pub(super) async fn login_with_access_token(
        &self,
        attempt: &Attempt<'_>,
        name: Option<&str>,
        secret: &str,
    ) -> Result<Access, LoginError> {
        let now = attempt.circumstances.now;
        let hash = SecretHash::of_random(secret).to_bytes();
        let mut tx = self.inner.metadata.read().await?;
        let Some(token) = tx.access_token_by_hash(&hash).await? else {
            return Err(refused("no such access token"));
        };
        let Some(user) = tx.user_by_id(token.user).await? else {
            return Err(refused("the access token's user is gone"));
        };
        if token.expires_at.is_some_and(|end| end <= now) {
            return Err(refused("the access token has expired"));
        }
        if user.disabled {
            return Err(refused("the user is disabled"));
        }
        if name.is_some_and(|name| name != user.name) {
            return Err(refused("the access token is somebody else's"));
        }
        drop(tx);
        let user = self.confirmed(attempt, user).await?;
        let mut access = self.access_of_user(&mut self.inner.metadata.read().await?, &user, now).await?;
        access.ceiling = Some(ceiling_of(&token));
        self.record_login(attempt, &user.name, Some(&user), &Way::AccessToken(token.id)).await;
        Ok(access)
    }

    /// The robot of that name; the second one is without the prefix.
    pub(super) async fn login_robot(
        &self,
        attempt: &Attempt<'_>,
        (full_name, name): (&str, &str),
        secret: &str,
    ) -> Result<Access, LoginError> {
        let now = attempt.circumstances.now;
        let usable = name.len() <= NAME_BYTES_MAX && !name.contains('\0') && secret.len() <= SECRET_BYTES_MAX;
        let robot = match usable {
            true => self.inner.metadata.read().await?.robot(name).await?,
            false => None,
        };
        let hash = robot.as_ref().map(|robot| SecretHash::from_bytes(&robot.secret_hash));
        if let (Some(robot), Some(hash)) = (&robot, &hash)
            && !hash.is_slow()
            && hash.verify(secret)
        {
            return self.admit_robot(attempt, robot).await;
        }
        // A secret that was chosen and was right a short while ago need not be hashed again.
        let digest = |hash: &SecretHash| {
            let name = format!("robot {name} {}", String::from_utf8_lossy(&hash.to_bytes()));
            self.inner.logins.key.digest(&name, secret)
        };
        let key = hash.as_ref().filter(|hash| hash.is_slow()).map(digest);
        if let (Some(robot), Some(key)) = (&robot, &key)
            && self.inner.logins.lock().robots.get(key, now).is_some()
        {
            return self.admit_robot(attempt, robot).await;
        }
        let delay = self.inner.logins.lock().slowdown.delay(attempt.circumstances.address, full_name, now);
        if let Some(retry_after) = delay {
            return Err(LoginError::TooMany { retry_after });
        }
        let turn = self.inner.logins.turn().await?;
        let chosen = hash.filter(SecretHash::is_slow).zip(robot.as_ref().map(|robot| robot.id));
        let right = self.is_chosen_secret(attempt, &turn, if usable { secret } else { "" }, chosen).await?;
        match robot {
            Some(robot) if right => {
                if let Some(key) = key {
                    self.inner.logins.remember_robot(key, now);
                }
                self.admit_robot(attempt, &robot).await
            }
            Some(_) => Err(wrong_secret("wrong secret")),
            None => Err(wrong_secret("no such robot")),
        }
    }

    /// Whether a secret is the one that somebody chose for a robot. While guesses are slowed down none is right. Every outcome
    /// takes one check of a password.
    async fn is_chosen_secret(
        &self,
        attempt: &Attempt<'_>,
        turn: &Turn<'_>,
        secret: &str,
        chosen: Option<(SecretHash, RobotId)>,
    ) -> Result<bool, LoginError> {
        let (now, address) = (attempt.circumstances.now, attempt.circumstances.address);
        let Some((hash, robot)) = chosen else { return turn.is_right(secret, Compared::Nobody).await };
        let lockout = &self.inner.settings.lockout;
        // With a turn in hand: no more guesses are under way than there are cores.
        if self.inner.logins.lock().robot_guesses.is_delayed(robot, address, lockout, now) {
            turn.is_right(secret, Compared::Nobody).await?;
            return Err(wrong_secret("too many wrong secrets: the next one is not looked at yet"));
        }
        let right = turn.is_right(secret, Compared::Secret(hash)).await?;
        let mut memory = self.inner.logins.lock();
        match right {
            true => memory.robot_guesses.right(robot, address, now),
            false => memory.robot_guesses.failed(robot, address, now),
        }
        Ok(right)
    }

    /// The robot with that secret. One that somebody chose says too little to find a robot by.
    pub(super) async fn login_robot_by_secret(
        &self,
        attempt: &Attempt<'_>,
        secret: &str,
    ) -> Result<Access, LoginError> {
        let hash = SecretHash::of_random(secret).to_bytes();
        let robot = self.inner.metadata.read().await?.robot_by_secret_hash(&hash).await?;
        match robot {
            Some(robot) => self.admit_robot(attempt, &robot).await,
            None => Err(refused("no access token, and no robot's secret")),
        }
    }

    /// A robot whose secret was right.
    async fn admit_robot(&self, attempt: &Attempt<'_>, robot: &RobotRecord) -> Result<Access, LoginError> {
        check_robot(robot, attempt.circumstances.now)?;
        let name = self.robot_name(robot);
        self.record_login(attempt, &name, None, &Way::Robot(robot.id)).await;
        Ok(self.access_of_robot(robot))
    }
}

/// Whether a robot may log in at all.
pub(super) fn check_robot(robot: &RobotRecord, now: Timestamp) -> Result<(), LoginError> {
    if robot.disabled {
        return Err(refused("the robot is disabled"));
    }
    if robot.expires_at.is_some_and(|end| end <= now) {
        return Err(refused("the robot has expired"));
    }
    Ok(())
}
