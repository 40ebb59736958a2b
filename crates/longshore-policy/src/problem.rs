//! What is wrong with a text, for whoever wrote it.

use std::{collections::BTreeSet, fmt};

use miette::Diagnostic;

/// Most problems told at once.
const PROBLEMS_MAX: usize = 10;
/// Longest message, in characters: it may have a part of the text in it.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// One thing that is wrong with a text. Lines and columns begin with 1, columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyProblem {
    /// In which line.
    pub line: usize,
    /// At which character of it.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl PolicyProblem {
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }

    fn of(text: &str, diagnostic: &dyn Diagnostic) -> Self {
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        let mut message = diagnostic.to_string();
        if let Some(expected) = label.as_ref().and_then(|label| label.label()) {
            message = format!("{message}: {expected}");
        }
        if let Some(help) = diagnostic.help() {
            message = format!("{message}; {help}");
        }
        // Rules are counted in the order of the text, and the place says which it is.
        if let Some(("for policy", rest)) = message.split_once(" `")
            && let Some((_, rest)) = rest.split_once("`, ")
        {
            message = rest.to_owned();
        }
        // It is found for each action, and true of all of them.
        if let Some((before, rest)) = message.split_once(" in context for Action::\"")
            && let Some((_, after)) = rest.split_once('"')
        {
            message = format!("{before} in context{after}");
        }
        if message.chars().count() > MESSAGE_CHARACTERS_MAX {
            message = message.chars().take(MESSAGE_CHARACTERS_MAX).chain(['…']).collect();
        }
        Self::at(text, label.map_or(0, |label| label.offset()), message)
    }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Why a text is no policy: one problem at least, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblems(Vec<PolicyProblem>);

impl PolicyProblems {
    pub(crate) fn of<'a>(text: &str, diagnostics: impl IntoIterator<Item = &'a dyn Diagnostic>) -> Self {
        let sorted: BTreeSet<_> =
            diagnostics.into_iter().map(|diagnostic| PolicyProblem::of(text, diagnostic)).collect();
        let mut each = Vec::from_iter(sorted);
        // Almost the same is found for each kind of principal and resource.
        each.dedup_by_key(|problem| (problem.line, problem.column));
        each.truncate(PROBLEMS_MAX);
        Self(each)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &PolicyProblem> {
        self.0.iter()
    }
}

impl From<PolicyProblem> for PolicyProblems {
    fn from(problem: PolicyProblem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for PolicyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyProblems {}
