//! `longshore admin` over the network: projects, users, members, robots and quotas of a registry with a management API.

use clap::{Args, Subcommand};
use longshore_client::RegistryHost;

use super::{
    background::{GcCommand, JobsCommand},
    client::{Connection, Output},
};

/// What an administrator does from anywhere.
#[derive(Debug, Subcommand)]
pub(crate) enum RemoteCommand {
    /// Projects of a registry, over its management API.
    Projects {
        #[command(subcommand)]
        command: ProjectsCommand,
    },
    /// Users of a registry, over its management API.
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Members of a project, over the management API.
    Members {
        #[command(subcommand)]
        command: MembersCommand,
    },
    /// Robots, which are accounts for programs, over the management API.
    Robots {
        #[command(subcommand)]
        command: RobotsCommand,
    },
    /// How much projects hold and may hold, over the management API.
    Quota {
        #[command(subcommand)]
        command: QuotaCommand,
    },
    /// What a registry does in the background, over the management API.
    Jobs {
        #[command(subcommand)]
        command: JobsCommand,
    },
    /// Collection of what nothing needs any more, over the management API; `longshore gc` does it on this machine.
    Gc {
        #[command(subcommand)]
        command: GcCommand,
    },
}

/// Which registry, and as whom: the login that `longshore login` keeps.
#[derive(Args, Clone, Debug)]
pub(crate) struct Remote {
    /// The registry, host or host:port.
    #[arg(long, value_name = "HOST", env = "LONGSHORE_HOST")]
    pub(crate) host: RegistryHost,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// Lists the projects that you may see.
    List {
        /// Those with this in their names.
        #[arg(long, value_name = "PART")]
        name: Option<String>,
        #[command(flatten)]
        at: Remote,
    },
    /// Shows a project.
    Show {
        /// The project: team, or team/sub.
        #[arg(value_name = "PROJECT")]
        project: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Makes a project, private unless --public is given.
    Create {
        /// Its name: team, or team/sub within team.
        #[arg(value_name = "PROJECT")]
        project: String,
        /// Everybody may pull from it.
        #[arg(long)]
        public: bool,
        #[command(flatten)]
        at: Remote,
    },
    /// Changes whether everybody may pull from a project.
    #[command(after_help = "Examples:
  longshore admin projects set team --public true --host localhost:5000")]
    Set {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        /// Whether everybody may pull.
        #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
        public: bool,
        #[command(flatten)]
        at: Remote,
    },
    /// Removes a project with nothing in it.
    Delete {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        #[command(flatten)]
        at: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Lists users.
    List {
        /// Those with this in their names.
        #[arg(long, value_name = "PART")]
        name: Option<String>,
        #[command(flatten)]
        at: Remote,
    },
    /// Makes a user. The password is asked for, or read with --password-stdin.
    Create {
        /// The name to log in with.
        #[arg(value_name = "NAME")]
        name: String,
        /// An address to reach them at.
        #[arg(long, value_name = "ADDRESS", default_value = "")]
        email: String,
        /// What they are called.
        #[arg(long, value_name = "NAME", default_value = "")]
        full_name: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        at: Remote,
    },
    /// Lets a user in no more, until `enable`.
    Disable {
        /// The user.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Lets a user in again.
    Enable {
        /// The user.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Gives a user another password, which is asked for, or read with --password-stdin.
    ResetPassword {
        /// The user.
        #[arg(value_name = "NAME")]
        name: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        at: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Lists the members of a project.
    List {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Gives a user a role in a project, or another one.
    #[command(after_help = "Examples:
  longshore admin members add team ann --role developer --host localhost:5000")]
    Add {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        /// The user.
        #[arg(value_name = "NAME")]
        name: String,
        /// projectAdmin, maintainer, developer, guest, limitedGuest, or a role of your own.
        #[arg(long, value_name = "ROLE")]
        role: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Takes the role of a user in a project away.
    Remove {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        /// The user.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        at: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RobotsCommand {
    /// Lists the robots of a project, or those of the whole registry.
    List {
        /// The project.
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        #[command(flatten)]
        at: Remote,
    },
    /// Makes a robot of a project and shows its secret, this once.
    #[command(after_help = "Examples:
  longshore admin robots create ci --project team --access pull,push --host localhost:5000
  longshore admin robots create nightly --project team --access artifact:list,tag:delete --days 90")]
    Create {
        /// Its name within the project.
        #[arg(value_name = "NAME")]
        name: String,
        /// The project.
        #[arg(long, value_name = "PROJECT")]
        project: String,
        /// What it may do: pull, push, delete, or permissions such as tag:list, separated by commas.
        #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "pull")]
        access: Vec<String>,
        /// For how many days; without end unless given.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=36_500))]
        days: Option<i64>,
        /// What it is for.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Gives a robot another secret and shows it, this once. The one of before is useless from then on.
    Rotate {
        /// The robot's whole name, as the list has it: robot$team+ci.
        #[arg(value_name = "ROBOT")]
        robot: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Removes a robot.
    Delete {
        /// The robot's whole name, as the list has it: robot$team+ci.
        #[arg(value_name = "ROBOT")]
        robot: String,
        #[command(flatten)]
        at: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Lists what projects hold and may hold.
    List {
        #[command(flatten)]
        at: Remote,
    },
    /// Shows what a project holds and may hold.
    Show {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        #[command(flatten)]
        at: Remote,
    },
    /// Changes how much a project may hold.
    #[command(after_help = "Examples:
  longshore admin quota set team 20GB --host localhost:5000
  longshore admin quota set team none")]
    Set {
        /// The project.
        #[arg(value_name = "PROJECT")]
        project: String,
        /// A number of bytes, or with kB, MB, GB, TB, KiB, MiB, GiB, TiB; or none.
        #[arg(value_name = "SIZE")]
        size: Limit,
        #[command(flatten)]
        at: Remote,
    },
}

/// How much may be held, in bytes; all, where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<u64>);

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        let wrong = || format!("{text:?} is no size: write a number of bytes, 20GB, 512MiB or none");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(wrong()),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        // What the API can say.
        let bytes = bytes.filter(|bytes| i64::try_from(*bytes).is_ok()).ok_or_else(wrong)?;
        Ok(Self(Some(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let check = |text: &str, wanted: Option<Option<u64>>| {
            assert_eq!(text.parse::<Limit>().ok().map(|limit| limit.0), wanted, "{text}");
        };
        check("none", Some(None));
        check("0", Some(Some(0)));
        check("20GB", Some(Some(20_000_000_000)));
        check("512 MiB", Some(Some(512 << 20)));
        for bad in ["", "GB", "-1", "1.5GB", "1XB", "9223372036854775808", "99999999TiB", "1é"] {
            check(bad, None);
        }
    }
}
