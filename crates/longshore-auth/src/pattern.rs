//! Patterns of repository names, as Harbor writes them ("doublestar").
//!
//! `*` stands for any letters but `/`, `?` for one of them, `{a,b}` for either, and `**`, which must be a whole component,
//! for any components. Harbor's library tries one way after the other, which a pattern such as `*a*a*a*a*b` makes last
//! for ever; here all ways are followed at once, so a match costs at most length of the pattern times length of the name.

use std::{fmt, str::FromStr, sync::Arc};

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing matches an empty pattern.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// Longer than [`RepositoryPattern::BYTES_MAX`].
    #[error("the pattern is longer than {} characters", RepositoryPattern::BYTES_MAX)]
    TooLong,
    /// Braces within braces within braces, beyond any use.
    #[error("the pattern nests braces deeper than {BRACES_MAX}")]
    TooDeep,
    /// `{` without `}`, or the other way round.
    #[error("the pattern has a brace without its counterpart")]
    Brace,
    /// `**` beside other letters.
    #[error("`**` must be a whole component of the pattern, between slashes")]
    DoubleStar,
    /// No name has such a character, and no pattern gives it a meaning.
    #[error("the pattern has {0:?}, which names never have and patterns give no meaning")]
    Character(char),
}

/// Deepest nesting of braces.
const BRACES_MAX: usize = 8;

/// A pattern of repository names. Cheap to clone; equal when written alike.
#[derive(Clone)]
pub struct RepositoryPattern {
    text: Arc<str>,
    steps: Arc<[Step]>,
}

/// What the matcher does at a place in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Takes this letter.
    Letter(u8),
    /// Takes any letter but `/`.
    NoSlash,
    /// Goes on at both places.
    Split(usize, usize),
    /// Goes on there.
    Jump(usize),
    /// The name matches if it ends here.
    Match,
}

impl RepositoryPattern {
    /// Longest pattern accepted, in bytes.
    pub const BYTES_MAX: usize = 512;

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of the name.
    pub fn matches(&self, name: &str) -> bool {
        let mut current = Places::new(self.steps.len());
        let mut next = Places::new(self.steps.len());
        self.reach(&mut current, 0);
        for letter in name.bytes() {
            if current.list.is_empty() {
                return false;
            }
            next.clear();
            for i in 0..current.list.len() {
                let place = current.list[i];
                let taken = match self.steps[place] {
                    Step::Letter(own) => own == letter,
                    Step::NoSlash => letter != b'/',
                    Step::Split(..) | Step::Jump(_) | Step::Match => false,
                };
                if taken {
                    self.reach(&mut next, place + 1);
                }
            }
            std::mem::swap(&mut current, &mut next);
        }
        current.seen[self.steps.len() - 1]
    }

    /// Adds a place and all that can be reached from it without taking a letter.
    fn reach(&self, places: &mut Places, place: usize) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut places.seen[place], true) {
                continue;
            }
            match self.steps[place] {
                Step::Split(one, other) => open.extend([one, other]),
                Step::Jump(to) => open.push(to),
                Step::Letter(_) | Step::NoSlash => places.list.push(place),
                Step::Match => {}
            }
        }
    }
}

/// A set of places in the pattern.
struct Places {
    seen: Vec<bool>,
    /// Those of them that take a letter.
    list: Vec<usize>,
}

impl Places {
    fn new(len: usize) -> Self {
        Self { seen: vec![false; len], list: Vec::with_capacity(len) }
    }

    fn clear(&mut self) {
        self.seen.fill(false);
        self.list.clear();
    }
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        if let Some(wrong) = text.chars().find(|&c| !is_meant(c)) {
            return Err(PatternError::Character(wrong));
        }
        let mut compiler = Compiler { text: text.as_bytes(), steps: Vec::new() };
        compiler.sequence(0, text.len(), Edges { start: true, end: true }, 0)?;
        compiler.steps.push(Step::Match);
        Ok(Self { text: text.into(), steps: compiler.steps.into() })
    }
}

/// The letters of names, and those of patterns. Upper-case letters have no place in a name of a repository, but patterns
/// from Harbor are compared with tags too.
fn is_meant(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '*' | '?' | '{' | '}' | ',')
}

/// Whether what is compiled begins and ends where a component does.
#[derive(Clone, Copy)]
struct Edges {
    start: bool,
    end: bool,
}

struct Compiler<'a> {
    text: &'a [u8],
    steps: Vec<Step>,
}

impl Compiler<'_> {
    /// Compiles `text[at..end]`, which is the whole pattern or one of the alternatives in braces.
    fn sequence(&mut self, start: usize, end: usize, edges: Edges, depth: usize) -> Result<(), PatternError> {
        let mut at = start;
        while at < end {
            let begins = if at == start { edges.start } else { self.text[at - 1] == b'/' };
            match self.text[at] {
                b'*' if self.text[at..end].starts_with(b"**") => {
                    at += 2;
                    let ends = if at == end { edges.end } else { self.text[at] == b'/' };
                    if !begins || !ends {
                        return Err(PatternError::DoubleStar);
                    }
                    if at == end {
                        self.components();
                    } else {
                        self.folders();
                        at += 1;
                    }
                }
                b'*' => {
                    self.any_letters();
                    at += 1;
                }
                b'?' => {
                    self.steps.push(Step::NoSlash);
                    at += 1;
                }
                b'{' => {
                    let close = self.counterpart(at, end)?;
                    let ends = if close + 1 == end { edges.end } else { false };
                    self.alternatives(at + 1, close, Edges { start: begins, end: ends }, depth + 1)?;
                    at = close + 1;
                }
                b'}' => return Err(PatternError::Brace),
                letter => {
                    self.steps.push(Step::Letter(letter));
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// The place of the `}` for the `{` at `open`.
    fn counterpart(&self, open: usize, end: usize) -> Result<usize, PatternError> {
        let mut depth = 0_usize;
        for at in open..end {
            match self.text[at] {
                b'{' => depth += 1,
                b'}' if depth == 1 => return Ok(at),
                b'}' => depth -= 1,
                _ => {}
            }
        }
        Err(PatternError::Brace)
    }

    fn alternatives(
        &mut self,
        start: usize,
        end: usize,
        edges: Edges,
        depth: usize,
    ) -> Result<(), PatternError> {
        if depth > BRACES_MAX {
            return Err(PatternError::TooDeep);
        }
        let mut exits = Vec::new();
        let mut from = start;
        for to in self.commas(start, end).into_iter().chain([end]) {
            let split = self.hole();
            self.sequence(from, to, edges, depth)?;
            exits.push(self.hole());
            self.steps[split] = Step::Split(split + 1, self.steps.len());
            from = to + 1;
        }
        // The last split leads on to here, where no alternative is left: a place that takes nothing.
        let dead_end = self.hole();
        self.steps[dead_end] = Step::Jump(dead_end);
        for exit in exits {
            self.steps[exit] = Step::Jump(self.steps.len());
        }
        Ok(())
    }

    /// The commas that separate alternatives, without those inside of inner braces.
    fn commas(&self, start: usize, end: usize) -> Vec<usize> {
        let mut depth = 0_usize;
        let mut commas = Vec::new();
        for at in start..end {
            match self.text[at] {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => commas.push(at),
                _ => {}
            }
        }
        commas
    }

    /// A place to be filled in later.
    fn hole(&mut self) -> usize {
        self.steps.push(Step::Match);
        self.steps.len() - 1
    }

    /// Any number of letters but `/`.
    fn any_letters(&mut self) {
        let split = self.hole();
        self.steps.push(Step::NoSlash);
        self.steps.push(Step::Jump(split));
        self.steps[split] = Step::Split(split + 1, self.steps.len());
    }

    /// Any number of components, each with the `/` after it.
    fn folders(&mut self) {
        let split = self.hole();
        self.component();
        self.steps.push(Step::Letter(b'/'));
        self.steps.push(Step::Jump(split));
        self.steps[split] = Step::Split(split + 1, self.steps.len());
    }

    /// One component or more.
    fn components(&mut self) {
        self.folders();
        self.component();
    }

    /// Letters but `/`, one at least.
    fn component(&mut self) {
        self.steps.push(Step::NoSlash);
        self.any_letters();
    }
}

impl PartialEq for RepositoryPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RepositoryPattern {}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
