//! How many system calls Longshore needs for a request: a guard of its speed that needs no clock.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use longshore_testkit::{Api, eventually, image};
use tempfile::TempDir;

/// A server that strace counts for, from its start to its end.
struct Counted {
    strace: Child,
    api: Api,
    counts: PathBuf,
    _folder: TempDir,
}

impl Counted {
    async fn start() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_longshore-bench")).with_file_name("longshore");
        assert!(program.exists(), "no {}: run the tests by `cargo test --workspace`", program.display());
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = |name: &str| folder.path().join(name);
        let (config, counts, log) = (file("config.yml"), file("counts"), file("log"));
        let text = format!(
            "version: 0.1\nlog: {{level: info, formatter: json, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: \
             {{rootdirectory: {}, durable: false}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            file("data").display()
        );
        fs::write(&config, text).expect("a temporary folder can be written");
        let output = fs::File::create(&log).expect("a temporary folder can be written");
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o"]).arg(&counts).arg(program).arg("serve").arg(config);
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a file can be shared")).stderr(output);
        let mut strace = command.spawn().expect("strace is installed; it is in Debian's strace");
        let address = eventually("its address", || {
            let ended = strace.try_wait().expect("our own child can be waited for");
            let text = fs::read_to_string(&log).unwrap_or_default();
            assert!(
                ended.is_none(),
                "strace cannot trace here (is ptrace forbidden?) or the server failed:\n{text}"
            );
            async move { text.lines().find_map(listening_address) }
        });
        let address = address.await;
        Self { strace, api: Api::new(format!("http://{address}")), counts, _folder: folder }
    }

    /// Ends the server; how many system calls it made in all.
    fn finish(mut self) -> u64 {
        let tracer = self.strace.id();
        let children =
            fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).expect("strace runs");
        let server = children.split_whitespace().next().expect("strace has the server as its child");
        let ended = Command::new("kill").arg(server).status().expect("kill is everywhere");
        assert!(ended.success());
        self.strace.wait().expect("our own child can be waited for");
        let counts = fs::read_to_string(&self.counts).expect("strace writes its counts");
        let total = counts.lines().find(|line| line.ends_with(" total"));
        let calls = total.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
        calls.unwrap_or_else(|| panic!("strace counts:\n{counts}"))
    }
}

fn listening_address(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let message = fields.get("message").or_else(|| fields.get("msg"))?.as_str()?;
    message.starts_with("listening").then(|| fields["address"].as_str().map(str::to_owned))?
}

/// System calls for each of so many GETs, beyond those of a server that is started, pushed to and ended with fewer of
/// them.
async fn calls_each(
    layer_bytes: usize,
    path: impl Fn(&longshore_testkit::Content) -> String,
    requests: u64,
) -> f64 {
    let mut totals = [0; 2];
    for (total, requests) in totals.iter_mut().zip([10, 10 + requests]) {
        let server = Counted::start().await;
        let content = image().layers(1).layer_bytes(layer_bytes).build();
        server.api.push_image("team/app", "v1", &content).await;
        for _ in 0..requests {
            server.api.get(&path(&content)).await.assert_status(200);
        }
        *total = server.finish();
    }
    let [fewer, more] = totals;
    more.saturating_sub(fewer) as f64 / requests as f64
}

fn layer(content: &longshore_testkit::Content) -> String {
    let sizes = content.blobs.iter().max_by_key(|blob| blob.bytes.len());
    format!("/v2/team/app/blobs/{}", sizes.expect("an image has blobs").digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_warm_manifest_needs_a_read_a_write_and_a_wait() {
    let each = calls_each(1000, |_| "/v2/team/app/manifests/v1".to_owned(), 1000).await;
    assert!(each > 1.5 && each < 4.0, "{each} system calls for a GET of a manifest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_warm_small_blob_needs_one_more() {
    let each = calls_each(10_000, layer, 1000).await;
    assert!(each > 1.5 && each < 5.5, "{each} system calls for a GET of 10 KB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_large_blob_needs_a_few_for_each_mebibyte() {
    let each = calls_each(32 << 20, layer, 8).await / 32.0;
    assert!(each > 0.5 && each < 16.0, "{each} system calls for each mebibyte of a large blob");
}
