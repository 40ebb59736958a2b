//! Commands of the client for who looks after repositories: the way back, and tidying up.

use clap::Args;
use longshore_client::{ImageReference, RepositoryReference};
use longshore_types::Digest;

use super::client::{Connection, Output};

/// `longshore rollback`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RollbackArguments {
    /// The tag, with its repository: localhost:5000/team/app:v1.
    #[arg(value_name = "IMAGE")]
    pub(crate) image: ImageReference,
    /// The image that the tag is to point to, by its digest.
    #[arg(long, value_name = "DIGEST", conflicts_with = "steps")]
    pub(crate) to: Option<Digest>,
    /// How many changes to go back.
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) steps: u16,
    /// Only shows what the tag was, the newest first.
    #[arg(long, conflicts_with_all = ["to", "steps"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// `longshore prune`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PruneArguments {
    /// The repository: localhost:5000/team/app.
    #[arg(value_name = "HOST/NAME")]
    pub(crate) repository: RepositoryReference,
    /// Takes images that were built longer ago than this: 12h, 30d, 8w.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<Age>,
    /// Leaves the newest of those tags that are looked at, as many as this.
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep: Option<usize>,
    /// Looks at tags of this form alone, `*` for any characters and `?` for one; may be given several times.
    #[arg(long = "match", value_name = "PATTERN")]
    pub(crate) matching: Vec<String>,
    /// Leaves tags of this form alone; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) except: Vec<String>,
    /// Also takes what has no tag, where the registry lists it: Longshore and Harbor do.
    #[arg(long)]
    pub(crate) untagged: bool,
    /// Does it. Without, nothing is changed.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// A span of time: a number and `s`, `m`, `h`, `d` or `w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) std::time::Duration);

impl std::str::FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no age: write a number with s, m, h, d or w, such as 30d");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - unit.len_utf8()];
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(seconds).filter(|_| !digits.starts_with('+')).ok_or_else(wrong)?;
        Ok(Self(std::time::Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        let check = |text: &str, seconds: Option<u64>| {
            let read = text.parse::<Age>().ok().map(|age| age.0.as_secs());
            assert_eq!(read, seconds, "{text}");
        };
        check("30d", Some(30 * 86_400));
        check("2w", Some(14 * 86_400));
        check("12h", Some(43_200));
        check("0s", Some(0));
        for bad in
            ["", "d", "30", "-1d", "+1d", "1.5d", "30é", "99999999999999999999w", "9999999999999999999w"]
        {
            check(bad, None);
        }
    }
}
