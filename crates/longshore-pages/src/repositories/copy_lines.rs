//! Lines to copy that get an image, for the tools that people have.

use maud::{Markup, html};

use crate::{cx::Cx, language::t, ui};

/// For an image of a repository: `reference` is a tag or a digest. The tool that most have stands first, the others behind a
/// fold.
pub(super) fn pull(cx: &Cx<'_>, repository: &str, reference: &str) -> Markup {
    let image = image(&cx.request.host, repository, reference);
    html! {
        (ui::copy_line(&format!("docker pull {image}")))
        details {
            summary { (t!(cx, "podman, skopeo, containerd, Kubernetes", "podman、skopeo、containerd、Kubernetes")) }
            @for (tool, line) in others(&image, cx.request.is_secure) {
                h3 { (tool) }
                (ui::copy_line(&line))
            }
            @if !cx.request.is_secure {
                p class="hint" {
                    (t!(cx, "This registry was reached without TLS: the lines say so where a tool asks for it.",
                        "当前通过未加密的 HTTP 访问本仓库：各命令已按工具要求加上相应选项。"))
                }
            }
        }
    }
}

/// `host/name:tag`, `host/name@digest`.
pub(super) fn image(host: &str, repository: &str, reference: &str) -> String {
    let separator = if reference.contains(':') { '@' } else { ':' };
    format!("{host}/{repository}{separator}{reference}")
}

fn others(image: &str, is_secure: bool) -> [(&'static str, String); 5] {
    let unless_secure = |option: &'static str| if is_secure { "" } else { option };
    let last = image.rsplit('/').next().unwrap_or(image);
    let layout = last.split(['@', ':']).next().unwrap_or(last);
    [
        ("podman", format!("podman pull{} {image}", unless_secure(" --tls-verify=false"))),
        (
            "skopeo",
            format!("skopeo copy{} docker://{image} oci:{layout}", unless_secure(" --src-tls-verify=false")),
        ),
        ("nerdctl", format!("nerdctl{} pull {image}", unless_secure(" --insecure-registry"))),
        ("ctr", format!("ctr images pull{} {image}", unless_secure(" --plain-http"))),
        ("Kubernetes", format!("image: {image}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_by_tag_or_digest() {
        assert_eq!(image("r.example", "team/app", "v1"), "r.example/team/app:v1");
        assert_eq!(image("r.example", "app", "sha256:ab"), "r.example/app@sha256:ab");
        let lines = others("r.example/team/app:v1", true);
        assert_eq!(lines[1].1, "skopeo copy docker://r.example/team/app:v1 oci:app");
        let lines = others("localhost:5000/app@sha256:ab", false);
        assert_eq!(
            lines[1].1,
            "skopeo copy --src-tls-verify=false docker://localhost:5000/app@sha256:ab oci:app"
        );
    }
}
