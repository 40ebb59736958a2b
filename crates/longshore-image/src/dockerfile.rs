//! The Dockerfile that an image's history tells of, as far as builders wrote it down.

use crate::HistoryEntry;

/// The instruction that a step of a build was: `RUN make`. What no Dockerfile says is shown as it was written.
pub fn instruction(entry: &HistoryEntry) -> String {
    let text = entry.created_by.as_deref().unwrap_or_default().trim();
    if text.is_empty() {
        return entry
            .comment
            .as_deref()
            .map(|comment| format!("# {}", one_line(comment)))
            .unwrap_or_default();
    }
    // BuildKit marks its own.
    let text = text.strip_suffix("# buildkit").map_or(text, str::trim_end);
    let (arguments, text) = build_arguments(text);
    let instruction = match (text.strip_prefix("RUN "), shell(text)) {
        // BuildKit: RUN /bin/sh -c make
        (Some(command), _) => format!("RUN {}{}", arguments, shell(command).unwrap_or(command)),
        // The builder before it: /bin/sh -c #(nop) CMD ["sh"], and /bin/sh -c make.
        (None, Some(command)) => match command.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim().to_owned(),
            None => format!("RUN {arguments}{}", command.trim()),
        },
        (None, None) => text.to_owned(),
    };
    as_dockerfile(&one_line(&instruction))
}

/// Builders write some instructions as Go prints lists and maps: `EXPOSE map[80/tcp:{}]`, `CMD ["a" "b"]`, `VOLUME [/data]`.
/// In the words of a Dockerfile they can be built again.
fn as_dockerfile(instruction: &str) -> String {
    let Some((word, rest)) = instruction.split_once(' ') else { return instruction.to_owned() };
    let within = |begin: &str| rest.strip_prefix(begin).and_then(|rest| rest.strip_suffix(']'));
    match (word, within("map["), within("[")) {
        ("EXPOSE", Some(ports), _) => format!("EXPOSE {}", ports.replace(":{}", "")),
        ("CMD" | "ENTRYPOINT" | "SHELL", _, Some(words)) if words.starts_with('"') => {
            format!("{word} [{}]", with_commas(words))
        }
        ("VOLUME", _, Some(folders)) if !folders.starts_with('"') => format!("VOLUME {folders}"),
        _ => instruction.to_owned(),
    }
}

/// Puts a comma between quoted words that have none.
fn with_commas(words: &str) -> String {
    let (mut list, mut quoted, mut escaped) = (String::with_capacity(words.len() + 8), false, false);
    for letter in words.chars() {
        if letter == ' ' && !quoted && list.ends_with('"') {
            list.push(',');
        }
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = letter == '\\' && quoted && !escaped;
        list.push(letter);
    }
    list
}

/// `|2 A=1 B=2 /bin/sh -c make`: the values of ARGs in use, and the rest.
fn build_arguments(text: &str) -> (String, &str) {
    let Some(rest) = text.strip_prefix("RUN |").or_else(|| text.strip_prefix('|')) else {
        return (String::new(), text);
    };
    // Their number is there, but values may hold blanks: the shell is what ends them.
    match rest.find("/bin/sh -c ") {
        Some(at) => {
            let (values, command) = rest.split_at(at);
            let values = values.split_once(' ').map_or("", |(_, values)| values.trim());
            (if values.is_empty() { String::new() } else { format!("{values} ") }, command)
        }
        None => (String::new(), text),
    }
}

fn shell(text: &str) -> Option<&str> {
    ["/bin/sh -c ", "cmd /S /C ", "powershell -Command "].iter().find_map(|shell| text.strip_prefix(shell))
}

/// Tabs and line ends are what builders joined lines with.
fn one_line(text: &str) -> String {
    text.split(['\t', '\n', '\r']).map(str::trim_end).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_instructions() {
        let check = |created_by: &str, expected: &str| {
            let entry = HistoryEntry { created_by: Some(created_by.to_owned()), ..HistoryEntry::default() };
            assert_eq!(instruction(&entry), expected);
        };
        check("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]");
        check("/bin/sh -c #(nop) ADD file:0123 in / ", "ADD file:0123 in /");
        check(
            "/bin/sh -c apt-get update \t&& apt-get install -y make",
            "RUN apt-get update && apt-get install -y make",
        );
        check("|1 V=2 /bin/sh -c make $V", "RUN V=2 make $V");
        check("RUN /bin/sh -c make # buildkit", "RUN make");
        check("RUN |2 A=1 B=x y /bin/sh -c make # buildkit", "RUN A=1 B=x y make");
        check("RUN |0 /bin/sh -c make", "RUN make");
        check("COPY /a /b # buildkit", "COPY /a /b");
        check("ENV PATH=/usr/bin", "ENV PATH=/usr/bin");
        check("bazel build ...", "bazel build ...");
        check("EXPOSE map[53/udp:{} 80/tcp:{}]", "EXPOSE 53/udp 80/tcp");
        check(
            "ENTRYPOINT [\"sh\" \"-c\" \"echo \\\" x\\\" \\\\\" \"y\"]",
            "ENTRYPOINT [\"sh\", \"-c\", \"echo \\\" x\\\" \\\\\", \"y\"]",
        );
        check("CMD [\"a\", \"b c\"]", "CMD [\"a\", \"b c\"]");
        check("VOLUME [/data /cache]", "VOLUME /data /cache");
        check("VOLUME [\"/data\"]", "VOLUME [\"/data\"]");
    }

    #[test]
    fn a_step_without_a_command_shows_its_comment() {
        let entry = HistoryEntry { comment: Some("imported".to_owned()), ..HistoryEntry::default() };
        assert_eq!(instruction(&entry), "# imported");
        assert_eq!(instruction(&HistoryEntry::default()), "");
    }
}
