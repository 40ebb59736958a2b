//! The API's description as a page: HTML made from the same table, without scripts and without asking anybody else.

use std::fmt::Write as _;

use super::{
    openapi::{filters_about, needs, refusals, sort_about, tags},
    pattern,
    route::{Content, ROOT, Route},
    routes::PATH_PARAMETERS,
};

/// The style of the page.
pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}\
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}\
article{border-top:1px solid var(--line);padding:.75rem 0}\
article h3{margin:0;font-size:1rem}\
article p{margin:.25rem 0}\
dl{margin:.5rem 0;display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.25rem 1rem}\
dd{margin:0}\
nav ul{padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem}\
@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-left:1rem}}\
";

/// The page.
pub(crate) fn html(table: &[Route]) -> String {
    let tags = tags(table);
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Longshore management API</title>\n",
    );
    line(
        &mut html,
        format_args!("<link rel=\"stylesheet\" href=\"{ROOT}/docs.css\">\n</head>\n<body>\n<main>"),
    );
    line(&mut html, format_args!("<h1>Longshore management API</h1>"));
    line(
        &mut html,
        format_args!(
            "<p>Paths lie below <code>{ROOT}</code>. The same for programs: \
             <a href=\"{ROOT}/openapi.json\">OpenAPI 3.1</a>.</p>\n<nav aria-label=\"Groups\">\n<ul>"
        ),
    );
    for tag in &tags {
        line(&mut html, format_args!("<li><a href=\"#{0}\">{0}</a></li>", escape(tag)));
    }
    line(&mut html, format_args!("</ul>\n</nav>"));
    for tag in &tags {
        line(&mut html, format_args!("<section id=\"{0}\">\n<h2>{0}</h2>", escape(tag)));
        table.iter().filter(|route| route.tag == *tag).for_each(|route| article(&mut html, route));
        line(&mut html, format_args!("</section>"));
    }
    line(&mut html, format_args!("</main>\n</body>\n</html>"));
    html
}

fn article(html: &mut String, route: &Route) {
    let (operation, verb, pattern) = (escape(route.operation), route.verb.as_str(), escape(route.pattern()));
    line(html, format_args!("<article id=\"{operation}\">\n<h3><code>{verb} {pattern}</code></h3>"));
    line(html, format_args!("<p>{} {}</p>\n<dl>", escape(route.summary), escape(&needs(route.needs))));
    let mut term = |term: &str, text: &str| {
        line(html, format_args!("<dt><code>{}</code></dt><dd>{}</dd>", escape(term), escape(text)));
    };
    for name in pattern::parameters(route.pattern()) {
        let known = PATH_PARAMETERS.iter().find(|known| known.name == name);
        term(name, known.map_or("", |known| known.about));
    }
    for parameter in route.query {
        term(parameter.name, parameter.about);
    }
    if let Some(listing) = route.listing {
        term("page, page_size", "Which page, from 1, and most entries on it, up to 100.");
        if !listing.sorts.is_empty() {
            term("sort", &sort_about(listing.sorts));
        }
        if !listing.filters.is_empty() {
            term("q", &filters_about(listing.filters));
        }
    }
    let success = match route.success.content {
        Content::Empty => "no body".to_owned(),
        Content::Json(_) => "JSON".to_owned(),
        Content::Other(content_type) => content_type.to_owned(),
    };
    let location = if route.success.location { ", Location" } else { "" };
    term(route.success.status.as_str(), &format!("{success}{location}"));
    let refusals: Vec<_> = refusals(route).iter().map(ToString::to_string).collect();
    term("else", &refusals.join(", "));
    line(html, format_args!("</dl>\n</article>"));
}

fn line(html: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(html, "{text}");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
