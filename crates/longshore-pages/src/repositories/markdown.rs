//! Descriptions in Markdown, which anybody who may push has written: the HTML is made here and holds nothing of theirs but
//! text, so that there is nothing to clean.
//!
//! HTML in it is shown as it is written. Links lead to the web or to mail, and tell the other site nothing; pictures, which
//! would be fetched from other sites, are links.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

/// Largest HTML, in bytes; what would be longer is shown as it is written.
const HTML_BYTES_MAX: usize = 64 * 1024;

/// The description as HTML.
pub(super) fn rendered(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut html = String::new();
    let mut links = Links::default();
    push_html(&mut html, Parser::new_ext(text, options).map(|event| links.harmless(event)));
    match html.len() <= HTML_BYTES_MAX {
        true => html! { div class="markdown" { (PreEscaped(html)) } },
        false => html! { pre class="markdown" { (text) } },
    }
}

/// How many links are open: a picture within one is what it says, not another link.
#[derive(Default)]
struct Links {
    open: usize,
}

impl Links {
    fn harmless<'a>(&mut self, event: Event<'a>) -> Event<'a> {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                self.open += 1;
                Event::InlineHtml(if self.open == 1 { link(&dest_url).into() } else { "".into() })
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                self.open = self.open.saturating_sub(1);
                Event::InlineHtml(if self.open == 0 { "</a>" } else { "" }.into())
            }
            // The page has its own heading above these; what they are called is not to meet ids of the page.
            Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
                level: lower(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
            // Aligned columns would be styled inline.
            Event::Start(Tag::Table(columns)) => {
                Event::Start(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()]))
            }
            other => other,
        }
    }
}

/// The beginning of a link; one that leads nowhere, if it should not be followed.
fn link(url: &str) -> String {
    let lower = url.to_ascii_lowercase();
    let is_fit = ["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme));
    match is_fit {
        true => {
            let start = html! { a href=(url) rel="nofollow noopener noreferrer ugc" { } }.into_string();
            start.strip_suffix("</a>").unwrap_or(&start).to_owned()
        }
        false => "<a>".to_owned(),
    }
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        let html = rendered(text).into_string();
        let inner =
            html.strip_prefix("<div class=\"markdown\">").and_then(|html| html.strip_suffix("</div>"));
        inner.unwrap_or(&html).trim().to_owned()
    }

    #[test]
    fn markdown_is_rendered() {
        for (text, wanted) in [
            ("# A *b*", "<h2>A <em>b</em></h2>"),
            ("###### x {#main}", "<h6>x {#main}</h6>"),
            ("a\n\n- b\n- c", "<p>a</p>\n<ul>\n<li>b</li>\n<li>c</li>\n</ul>"),
            ("`<x>`", "<p><code>&lt;x&gt;</code></p>"),
            (
                "[a](https://b.example/?c=1&d=\"2\")",
                "<p><a href=\"https://b.example/?c=1&amp;d=&quot;2&quot;\" rel=\"nofollow noopener noreferrer ugc\">a</a></p>",
            ),
            (
                "|a|\n|:-:|\n|b|",
                "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>b</td></tr>\n</tbody></table>",
            ),
        ] {
            assert_eq!(html(text), wanted, "{text}");
        }
    }

    #[test]
    fn nothing_harmful_comes_through() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div\nonclick='x'>",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html,<script>)",
            "[a](//evil.example)",
            "[a](\"onmouseover=alert(1))",
            "<javascript:alert(1)>",
            "![x](https://evil.example/x.png \"t\\\" onload=y\")",
            "```\"><script>\nx\n```",
            "<!-- --><script>",
            "# h {onclick=x}",
        ] {
            let html = html(text);
            for bad in [
                "<script",
                "<img",
                "<div",
                "javascript:alert(1)\"",
                "data:text",
                " onclick=\"",
                "\" on",
                "style=",
            ] {
                assert!(!html.contains(bad), "{text} makes {html}");
            }
        }
        assert_eq!(html("[![x](https://e.example/x.png)](https://f.example/)").matches("<a ").count(), 1);
        assert_eq!(
            html("![x](https://e.example/x.png)").matches("href=\"https://e.example/x.png\"").count(),
            1
        );
        assert!(rendered(&"> ".repeat(5_000)).into_string().len() <= HTML_BYTES_MAX * 5);
    }
}
