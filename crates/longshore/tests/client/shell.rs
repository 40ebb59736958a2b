//! Shells, man pages and terminals.

use std::process::Stdio;

use longshore_testkit::{TestRegistry, image, within};
use tokio::process::Command;

use crate::support::Person;

/// What a program of the system says; none where there is no such program.
async fn system(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    match within(program, command.output()).await {
        Ok(output) => {
            let told = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: no {program}");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

#[tokio::test]
async fn bash_completes() {
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), Person::new().must("completions bash").await).unwrap();
    let asked = format!(
        "set -eu; . {}; complete -p longshore; COMP_WORDS=(longshore roll); COMP_CWORD=1; \
         _longshore longshore roll longshore; echo \"found ${{COMPREPLY[*]}}\"",
        script.path().display()
    );
    let Some((good, told)) = system("bash", &["-c", &asked]).await else { return };
    assert!(good && told.contains("found rollback"), "{told}");
    for shell in ["zsh", "fish"] {
        let script = Person::new().must(&format!("completions {shell}")).await;
        assert!(script.contains("rollback") && script.contains("older-than"), "{shell}");
    }
}

#[tokio::test]
async fn man_pages_are_made() {
    let folder = tempfile::tempdir().unwrap();
    Person::new().must(&format!("man {}", folder.path().display())).await;
    let pages: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().path()).collect();
    assert!(pages.len() > 40, "{pages:?}");
    for name in ["longshore.1", "longshore-copy.1", "longshore-admin-robots-rotate.1"] {
        let page = folder.path().join(name);
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains(".SH NAME"), "{name}");
        let arguments = ["--warnings", "-E", "UTF-8", "-l", page.to_str().unwrap()];
        if let Some((good, told)) = system("man", &arguments).await
            && !told.contains("minimized")
        {
            assert!(good && told.contains("SYNOPSIS"), "{name}: {told}");
        }
    }
    let nowhere = Person::new().run("man /nowhere/at/all").await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
}

#[tokio::test]
async fn progress_shows_on_terminals_alone() {
    let (from, to) = (TestRegistry::start().await, TestRegistry::start().await);
    let app = image().layers(3).layer_bytes(2_000_000).build();
    from.push_image("app", "v1", &app).await;
    let piped = Person::new().run(&format!("copy {}/app:v1 {}/piped", from.address(), to.address())).await;
    assert_eq!((piped.code, piped.stderr.as_str()), (Some(0), ""), "{piped:?}");

    // script(1) is a terminal to what it runs, and writes what that shows to a file.
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("shown");
    let command = format!(
        "stty cols 120 rows 40; {} copy {}/app:v1 {}/shown/app",
        env!("CARGO_BIN_EXE_longshore"),
        from.address(),
        to.address()
    );
    let arguments = ["-q", "-e", "-c", &command, shown.to_str().unwrap()];
    let Some((good, told)) = system("script", &arguments).await else { return };
    assert!(good, "{told}");
    let shown = std::fs::read_to_string(&shown).unwrap();
    for blob in &app.blobs {
        let digest: String = blob.digest.hex().chars().take(12).collect();
        let line = shown.split(['\r', '\n']).rfind(|line| line.contains(&digest));
        let line = line.unwrap_or_else(|| panic!("no {digest} in {shown}"));
        assert!(line.contains('[') && line.contains("/s"), "{line}");
        if blob.bytes.len() > 1_000_000 {
            assert!(line.contains("1.91 MiB/1.91 MiB"), "{line}");
        }
    }
}
