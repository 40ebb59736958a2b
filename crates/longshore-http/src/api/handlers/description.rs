//! The API's description of itself, made once for the life of the process.

use http::{HeaderValue, header};

use crate::api::{Api, openapi, page, request::ApiRequest, response::ApiResponse, route::Reply};

/// It changes with the program only; clients ask again, and mostly in vain.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The page has one style, ours, and nothing else.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(crate) async fn openapi(api: &Api, _: ApiRequest) -> Reply {
    let document = api.openapi.get_or_init(|| openapi::document(api.table).to_string().into());
    let response = ApiResponse::content("application/json; charset=utf-8", document.clone());
    Ok(response.with_header(header::CACHE_CONTROL, AN_HOUR))
}

pub(crate) async fn page(api: &Api, _: ApiRequest) -> Reply {
    let page = api.page.get_or_init(|| page::html(api.table).into());
    let response = ApiResponse::content("text/html; charset=utf-8", page.clone());
    let response = response.with_header(header::CACHE_CONTROL, AN_HOUR);
    Ok(response.with_header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
}

pub(crate) async fn style(_: &Api, _: ApiRequest) -> Reply {
    let response = ApiResponse::content("text/css; charset=utf-8", page::STYLE);
    Ok(response.with_header(header::CACHE_CONTROL, AN_HOUR))
}
