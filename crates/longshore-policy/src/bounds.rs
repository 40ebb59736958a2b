//! How large a policy may be. Cedar reads texts by functions that call themselves: what is nested without end would end the
//! process.

use crate::PolicyProblem;

/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Most rules in a text.
pub const RULES_MAX: usize = 64;
/// Deepest nesting of brackets and `if`.
const DEPTH_MAX: usize = 32;

/// Refuses a text that is too long or nested too deeply, before anything else reads it.
pub(crate) fn check(text: &str) -> Result<(), PolicyProblem> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} bytes, {TEXT_BYTES_MAX} are the most", text.len());
        return Err(PolicyProblem::at(text, 0, message));
    }
    let mut depth = 0_usize;
    let mut ifs = 0_usize;
    for (offset, token) in Tokens::of(text) {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::If => ifs += 1,
            Token::End => (depth, ifs) = (0, 0),
        }
        if depth > DEPTH_MAX || ifs > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} brackets or `if` lie in each other");
            return Err(PolicyProblem::at(text, offset, message));
        }
    }
    Ok(())
}

enum Token {
    Open,
    Close,
    If,
    /// The end of a rule.
    End,
}

/// What matters of a text, outside of strings and comments.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Behind the string that begins here.
    fn skip_string(&mut self) {
        let mut escaped = false;
        for byte in self.text.bytes().skip(self.at + 1) {
            self.at += 1;
            match byte {
                b'"' if !escaped => break,
                b'\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        self.at += 1;
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        while let Some(byte) = bytes.get(self.at) {
            let here = self.at;
            let token = match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'/' if bytes.get(here + 1) == Some(&b'/') => {
                    let line = bytes.iter().skip(here).position(|byte| *byte == b'\n');
                    self.at = line.map_or(bytes.len(), |length| here + length);
                    continue;
                }
                byte if is_word(byte) => {
                    let length = bytes.iter().skip(here).take_while(|byte| is_word(byte)).count();
                    self.at += length;
                    if self.text.get(here..self.at) != Some("if") {
                        continue;
                    }
                    return Some((here, Token::If));
                }
                b'(' | b'[' | b'{' => Some(Token::Open),
                b')' | b']' | b'}' => Some(Token::Close),
                b';' => Some(Token::End),
                _ => None,
            };
            self.at += 1;
            if let Some(token) = token {
                return Some((here, token));
            }
        }
        None
    }
}
