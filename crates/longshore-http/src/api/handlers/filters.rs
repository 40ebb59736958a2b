//! Filters and pages in the words of the use cases.

use longshore_accounts::TextFilter;

use crate::api::{
    filter::{Filter, Test},
    problem::ApiProblem,
    request::ApiRequest,
};

/// A filter of a text: `k=v` or `k=~v`.
pub(crate) fn text_filter(filter: &Filter) -> Result<TextFilter<'_>, ApiProblem> {
    match &filter.test {
        Test::Is(text) => Ok(TextFilter::Is(text)),
        Test::Contains(text) => Ok(TextFilter::Contains(text)),
        Test::Between(..) | Test::AnyOf(_) | Test::AllOf(_) => {
            Err(ApiProblem::bad_request(format!("q: {0} can be {0}=text or {0}=~part", filter.key)))
        }
    }
}

/// How many entries to leave out, and how many to give.
pub(crate) fn limits(request: &ApiRequest) -> (usize, usize) {
    let page = request.query.page;
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    (number(page.offset()), number(page.size))
}
