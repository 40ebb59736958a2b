//! The page on which somebody who came from a provider for the first time chooses a name.

use http::{HeaderValue, StatusCode, header};

use super::{provider_login::ONBOARD, response::ApiResponse};

/// The form with a name in it; `problem` goes on after "the name".
pub(super) fn name_page(status: StatusCode, name: &str, problem: Option<&str>) -> ApiResponse {
    let problem = problem.map(|problem| format!("<p role=\"alert\">The name {}.</p>\n", escaped(problem)));
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Choose a name</title>\n\
         <h1>Choose a name</h1>\n{}<p>By this name the registry and its users will know you.</p>\n\
         <form method=\"post\" action=\"{ONBOARD}\">\n<label>Name <input name=\"username\" value=\"{}\" \
         autocomplete=\"username\" required></label>\n<button>Go on</button>\n</form>\n</html>\n",
        problem.unwrap_or_default(),
        escaped(name),
    );
    // With no-referrer, which holds elsewhere, some browsers would send the form as if from nowhere.
    ApiResponse::page(status, "text/html; charset=utf-8", page)
        .with_header(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"))
}

/// For text and attributes of HTML.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        _ => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn what_a_provider_calls_somebody_is_text() {
        let page = name_page(StatusCode::OK, "\"><script>alert('x')</script>", Some("is <b>"));
        let bytes = page.into_response().into_body().collect().await.unwrap().to_bytes();
        let page = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
    }
}
