//! The command line.

mod background;
mod client;
mod contents;
mod operator;
mod remote;
mod transfer;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use background::{GcCommand, JobsCommand};
pub(crate) use client::{ClientCommand, Connection, Form, OneImage};
pub(crate) use contents::{DiffArguments, FilesArguments};
pub(crate) use operator::{PruneArguments, RollbackArguments};
pub(crate) use remote::{
    MembersCommand, ProjectsCommand, QuotaCommand, Remote, RemoteCommand, RobotsCommand, UsersCommand,
};
pub(crate) use transfer::{CopyArguments, LocalFormat, PullArguments, PushArguments, Transfer};

/// A container image registry.
///
/// Serves docker, podman, containerd and every other client of the OCI distribution specification from one binary and
/// one folder.
#[derive(Debug, Parser)]
#[command(
    name = "longshore",
    version,
    about,
    long_about,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:
  longshore serve                                 registry on 127.0.0.1:5000, data in ./longshore-data
  longshore serve --data /srv/images --listen :5000
  longshore serve /etc/docker/registry/config.yml takes over where registry:2 was
  docker login 127.0.0.1:5000                     as admin, with the password that serve prints at first
  docker push 127.0.0.1:5000/demo/app:v1

Exit codes: 0 done; 1 failed; 2 wrong arguments or configuration; 3 verify or audit verify found damage; 4 not found;
5 a login is needed, or it does not suffice."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the program's own arguments.
    pub(crate) fn read() -> Self {
        Self::parse_from(with_command(std::env::args_os().collect()))
    }
}

/// A configuration file in the place of a command means `serve`: the entry point of `registry:2`'s image takes one so, and
/// ours takes the same arguments.
fn with_command(mut words: Vec<OsString>) -> Vec<OsString> {
    let is_file = |word: &OsString| {
        Path::new(word).extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
    };
    if words.get(1).is_some_and(is_file) {
        words.insert(1, "serve".into());
    }
    words
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the registry until SIGTERM or Ctrl-C.
    ///
    /// Without a configuration it listens on 127.0.0.1:5000, keeps its data in ./longshore-data, and has accounts: the
    /// first start makes the user `admin`, whose password it prints on a terminal and keeps in
    /// longshore-data/longshore/admin-password.
    /// Everybody may pull from public projects such as `library`; pushing needs a login. Given the configuration and
    /// volume of registry:2 it takes their place, and lets in whom that says.
    /// SIGTERM and Ctrl-C let requests under way finish, a second one ends at once; SIGHUP reads certificates again.
    #[command(after_help = "Examples:
  longshore serve
  longshore serve --listen 0.0.0.0:5000 --data /srv/images
  REGISTRY_STORAGE_DELETE_ENABLED=true longshore serve config.yml")]
    Serve {
        #[command(flatten)]
        place: Place,
        /// Where to listen, host:port; instead of http.addr.
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Takes what nothing refers to any more, now instead of in the background.
    ///
    /// Looks at what is due: what lost its last user longer ago than collection.delay, and uploads that stand still.
    /// Safe beside a running server.
    #[command(after_help = "Examples:
  longshore gc --dry-run config.yml      what would go, and why
  longshore gc --data /srv/images
  longshore gc --sweep config.yml        also content that no index entry speaks of")]
    Gc {
        #[command(flatten)]
        place: Place,
        /// Only tells what would go and why.
        #[arg(long)]
        dry_run: bool,
        /// Also walks the whole store for content that the index does not know and that is older than a day.
        #[arg(long)]
        sweep: bool,
    },
    /// Reads every blob again, compares it with its digest, and checks every link.
    ///
    /// Damaged files are set aside, never deleted. Ends with exit code 3 if it finds damage. Safe beside a running
    /// server.
    Verify {
        #[command(flatten)]
        place: Place,
    },
    /// Writes the link files of registry:2 for everything in the index: the way back.
    ///
    /// Afterwards registry:2 serves the same folder. Stop pushes first, or what is pushed meanwhile is missing.
    Links {
        #[command(flatten)]
        place: Place,
    },
    /// Makes a lost index anew from link files and blobs, and says what it could not recover.
    ///
    /// Refuses while a server uses the folder, and when the index holds anything: a rebuild is for a lost one.
    Rebuild {
        #[command(flatten)]
        place: Place,
    },
    /// Looks after accounts, of a registry elsewhere over its management API, or of the one here from outside of it.
    ///
    /// reset-password and rotate-keys change the index of a registry on this machine, also when nobody can log in. The
    /// others ask the registry that --host or LONGSHORE_HOST names, with the login that `longshore login` keeps.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Looks at the record of what was done.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Checks and explains configurations.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    #[command(flatten)]
    Client(Box<ClientCommand>),
    /// Prints a script that completes commands in a shell.
    #[command(after_help = "Examples:
  longshore completions bash > /etc/bash_completion.d/longshore
  longshore completions zsh > /usr/local/share/zsh/site-functions/_longshore
  longshore completions fish > ~/.config/fish/completions/longshore.fish")]
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL", value_enum)]
        shell: clap_complete::Shell,
    },
    /// Writes man pages of every command into a folder.
    #[command(after_help = "Examples:
  longshore man /usr/local/share/man/man1")]
    Man {
        /// The folder, which must be there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Prints the version.
    Version,
}

/// Which registry is meant.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Place {
    /// The configuration file, as registry:2 has it. Without: what REGISTRY_CONFIGURATION_PATH names, if it is set.
    #[arg(value_name = "CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The storage folder, instead of storage.filesystem.rootdirectory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Gives a user a new random password, prints it, and ends the user's logins.
    ///
    /// The user can log in again, also after too many wrong passwords or when disabled. Safe beside a running server.
    #[command(after_help = "Examples:
  longshore admin reset-password                    of the user admin
  longshore admin reset-password ann config.yml
  longshore admin reset-password --data /srv/images")]
    ResetPassword {
        /// The user; `admin` unless given.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Makes a new key that signs tokens, before its time.
    ///
    /// It signs after five minutes, when every server knows it; the keys of before verify until the last token that they
    /// signed has expired. Safe beside a running server.
    RotateKeys {
        /// Forgets the keys of before at once, because somebody may have them: every token is refused, and clients ask for
        /// new ones. It also helps where the secret key is lost.
        #[arg(long)]
        forget_old: bool,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Remote(Box<RemoteCommand>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Compares every row of the record with the chain of hashes over it.
    ///
    /// Names the first row that was changed, removed or inserted, and ends with exit code 3. Rows of the last second may
    /// have no place in the chain yet: they are counted. Safe beside a running server. A record that somebody wrote
    /// anew from the beginning fits together: compare the last hash with copies that were forwarded.
    Verify {
        #[command(flatten)]
        place: Place,
    },
    /// Writes the record to standard output, the oldest row first. Safe beside a running server.
    #[command(after_help = "Examples:
  longshore audit export config.yml                                the whole record, a JSON object a line
  longshore audit export --format csv --since 2026-11-01 config.yml
  longshore audit export --since 24h --data /srv/images")]
    Export {
        #[command(flatten)]
        place: Place,
        /// The form of a line.
        #[arg(long, value_enum, default_value = "json")]
        format: ExportFormat,
        /// Only rows from then on: a moment (2026-11-21T15:00:00Z), a day (2026-11-21, in UTC), or a time span that is
        /// over now (24h).
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Only rows before then, as for --since.
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
    },
}

/// How rows of the record are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// An object a line.
    Json,
    /// RFC 4180, with a line of names first.
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says all that is wrong with a configuration, the environment included; silent and exit code 0 if it is good.
    ///
    /// Opens the certificates, keys and password files that it names too. Binds nothing and touches no storage.
    Check {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Prints what the configuration and the environment come to, without secrets.
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Prints a JSON Schema for editors.
    Schema,
    /// Prints the table of all keys, in Markdown.
    Reference,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn a_configuration_alone_is_served() {
        let check = |given: &[&str], expected: &[&str]| {
            let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
            assert_eq!(with_command(words(given)), words(expected));
        };
        check(&["longshore", "/etc/config.yml"], &["longshore", "serve", "/etc/config.yml"]);
        check(&["registry", "a.yaml", "--data", "d"], &["registry", "serve", "a.yaml", "--data", "d"]);
        check(&["longshore", "serve", "a.yml"], &["longshore", "serve", "a.yml"]);
        check(&["longshore", "--help"], &["longshore", "--help"]);
        check(&["longshore"], &["longshore"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// What every command says of itself.
    #[test]
    fn help() {
        fn told(command: &mut clap::Command, path: &str, text: &mut String) {
            let path = format!("{path} {}", command.get_name());
            text.push_str(&format!("## {}\n\n{}\n\n", path.trim(), command.render_long_help()));
            for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
                told(inner, &path, text);
            }
        }
        let mut command = Arguments::command().term_width(100);
        command.build();
        let mut text = String::new();
        told(&mut command, "", &mut text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_command_reads() {
        for line in [
            "serve",
            "serve c.yml --data d --listen :5000",
            "gc --dry-run c.yml",
            "gc --sweep --data d",
            "verify c.yml",
            "links",
            "rebuild --data d",
            "admin reset-password",
            "admin reset-password ann c.yml",
            "admin rotate-keys --forget-old --data d",
            "admin projects list --host localhost:5000 --name te -o json",
            "admin projects set team --public false --host localhost:5000",
            "admin users create ann --email ann@example.org --password-stdin --host localhost:5000",
            "admin members add team ann --role developer --host localhost:5000 --insecure",
            "admin robots create ci --project team --access pull,push --days 30 --host localhost:5000",
            "admin quota set team 20GB --host localhost:5000",
            "admin jobs list --kind notification --host localhost:5000",
            "admin jobs retry 7 --host localhost:5000",
            "admin gc preview --host localhost:5000",
            "audit verify c.yml",
            "audit export --format csv --since 2026-11-01 --until 24h --data d",
            "config check c.yml",
            "config show",
            "config schema",
            "completions bash",
            "man /tmp",
            "version",
            "login localhost:5000 --user ann --password-stdin",
            "logout localhost:5000",
            "catalog localhost:5000 --output json",
            "tags localhost:5000/team/app",
            "inspect --platform linux/arm64 docker.io/alpine:3",
            "manifest localhost:5000/app:v1 --insecure --ca-file ca.pem",
            "history localhost:5000/app",
            "referrers localhost:5000/app -o json",
            "copy --parallel 8 localhost:5000/app:v1 example.org/app",
            "tag localhost:5000/app:v1 v2",
            "untag localhost:5000/app:v2",
            "delete localhost:5000/app:v1",
            "rollback localhost:5000/team/app:v1 --steps 2",
            "rollback localhost:5000/team/app:v1 --list -o json",
            "prune localhost:5000/team/app --older-than 30d --keep 5 --match v* --except v1 --untagged --yes",
            "ping localhost:5000",
        ] {
            let words = std::iter::once("longshore").chain(line.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
        }
        assert!(Arguments::try_parse_from(["longshore", "config", "check"]).is_err());
    }
}
