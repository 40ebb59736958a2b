//! The record of what was done, in Harbor's forms. Rows are kept as `create_artifact`; Harbor shows the operation and the
//! type of the resource apart.

use http::HeaderValue;
use longshore_accounts::{
    AUDIT_OPERATIONS, AuditEvent, AuditFilter, AuditOrder, CSV_HEADER, ProjectId, ProjectKey, TextFilter,
    csv_line, json_line,
};
use longshore_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::filters::{limits, text_filter};
use crate::api::{
    Api,
    filter::{Filter, Test},
    moment::Moment,
    problem::ApiProblem,
    request::ApiRequest,
    response::{ApiResponse, X_TOTAL_COUNT},
    route::Reply,
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["op_time"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] =
    &["username", "operation", "resource_type", "resource", "op_time", "operation_result"];

/// Most rows in one file.
const EXPORT_ROWS_MAX: usize = 10_000;

/// A row as `/audit-logs` shows it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLog {
    id: i64,
    /// Who.
    username: String,
    /// To which thing.
    resource: String,
    /// To what kind of thing.
    resource_type: String,
    /// What: `create`.
    operation: String,
    op_time: Moment,
}

/// A row as `/auditlog-exts` shows it. Behind Harbor's fields are our own.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLogExt {
    #[serde(flatten)]
    log: AuditLog,
    operation_description: String,
    /// Whether it was done.
    operation_result: bool,
    /// From where.
    address: String,
    /// By which request, as in the log.
    request_id: String,
    /// Its place in the chain of hashes, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// The chain's hash up to it, in hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

/// What may be in the record.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditLogEventType {
    event_type: &'static str,
}

impl From<AuditEvent> for AuditLog {
    fn from(event: AuditEvent) -> Self {
        let operation = short(&event).to_owned();
        Self {
            id: event.id,
            username: event.actor,
            resource: event.resource,
            resource_type: event.resource_type,
            operation,
            op_time: event.at.into(),
        }
    }
}

impl From<AuditEvent> for AuditLogExt {
    fn from(event: AuditEvent) -> Self {
        let description = match event.detail.as_str() {
            "" => format!("{} {}: {}", short(&event), event.resource_type, event.resource),
            detail => format!("{} {}: {} {detail}", short(&event), event.resource_type, event.resource),
        };
        Self {
            operation_description: description,
            operation_result: event.succeeded,
            address: event.address.clone(),
            request_id: event.request_id.clone(),
            sequence: event.sequence,
            hash: event.hash.map(|hash| hash.hex()),
            log: event.into(),
        }
    }
}

/// `create`, of `create_artifact`.
fn short(event: &AuditEvent) -> &str {
    let whole = event.operation.as_str();
    let rest = whole.strip_suffix(event.resource_type.as_str()).and_then(|rest| rest.strip_suffix('_'));
    rest.unwrap_or(whole)
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    rows::<AuditLog>(api, request, None).await
}

pub(crate) async fn list_ext(api: &Api, request: ApiRequest) -> Reply {
    rows::<AuditLogExt>(api, request, None).await
}

pub(crate) async fn list_of_project(api: &Api, request: ApiRequest) -> Reply {
    let project = request.project()?.record.id;
    rows::<AuditLog>(api, request, Some(project)).await
}

pub(crate) async fn list_ext_of_project(api: &Api, request: ApiRequest) -> Reply {
    let project = request.project()?.record.id;
    rows::<AuditLogExt>(api, request, Some(project)).await
}

pub(crate) async fn event_types(_: &Api, _: ApiRequest) -> Reply {
    let names = AUDIT_OPERATIONS.iter().map(|known| AuditLogEventType { event_type: known.name });
    Ok(ApiResponse::json(&names.collect::<Vec<_>>()))
}

async fn rows<R: From<AuditEvent> + Serialize>(
    api: &Api,
    request: ApiRequest,
    project: Option<ProjectId>,
) -> Reply {
    let operation = Operation::of(&request)?;
    let filter = read_filter(&request, operation.as_ref())?;
    let order = order(&request);
    let act = request.act();
    let part = limits(&request);
    let (rows, total) = api.accounts.list_audit(&act, project, &filter, order, part).await?;
    let rows: Vec<R> = rows.into_iter().map(R::from).collect();
    Ok(request.page(&rows, total))
}

/// What the filters of a request ask for.
fn read_filter<'a>(
    request: &'a ApiRequest,
    operation: Option<&'a Operation>,
) -> Result<AuditFilter<'a>, ApiProblem> {
    let mut filter = AuditFilter { operation: operation.map(Operation::filter), ..AuditFilter::default() };
    for given in &request.query.filters {
        match given.key {
            "operation" => {}
            "username" => filter.actor = Some(text_filter(given)?),
            "resource_type" => filter.resource_type = Some(text_filter(given)?),
            "resource" => filter.resource = Some(text_filter(given)?),
            "op_time" => (filter.from, filter.until) = range(given)?,
            _ => filter.succeeded = Some(result(given)?),
        }
    }
    Ok(filter)
}

fn order(request: &ApiRequest) -> AuditOrder {
    let oldest_first = request.query.sorts.first().is_some_and(|sort| !sort.descending);
    if oldest_first { AuditOrder::OldestFirst } else { AuditOrder::NewestFirst }
}

/// `GET /auditlog-exts/export`: the first of the rows as a file.
pub(crate) async fn export(api: &Api, request: ApiRequest) -> Reply {
    let project = match request.query.text("project") {
        None => None,
        Some(name) => {
            let unknown = || ApiProblem::not_found(format!("project {name} not found"));
            let key = ProjectKey::Name(name.parse().map_err(|_| unknown())?);
            let found = api.guard.project(&key).await.map_err(ApiProblem::unavailable)?;
            Some(found.ok_or_else(unknown)?.record.id)
        }
    };
    let operation = Operation::of(&request)?;
    let filter = read_filter(&request, operation.as_ref())?;
    let part = (0, EXPORT_ROWS_MAX);
    let (rows, total) =
        api.accounts.list_audit(&request.act(), project, &filter, order(&request), part).await?;
    let response = match request.query.text("format") {
        Some("csv") | None => {
            let lines = rows.iter().map(csv_line).collect::<String>();
            ApiResponse::content("text/csv; charset=utf-8", format!("{CSV_HEADER}{lines}"))
        }
        Some("json") => {
            let lines: String = rows.iter().map(|row| json_line(row) + "\n").collect();
            ApiResponse::content("application/x-ndjson", lines)
        }
        Some(_) => return Err(ApiProblem::bad_request("format must be csv or json")),
    };
    Ok(response.with_header(X_TOTAL_COUNT, HeaderValue::from(total)))
}

/// What to look for among operations.
enum Operation {
    Is(String),
    Begins(String),
    Contains(String),
}

impl Operation {
    /// What a request asks for, if anything.
    fn of(request: &ApiRequest) -> Result<Option<Self>, ApiProblem> {
        request.query.filters.iter().find(|filter| filter.key == "operation").map(operation).transpose()
    }

    fn filter(&self) -> TextFilter<'_> {
        match self {
            Self::Is(text) => TextFilter::Is(text),
            Self::Begins(text) => TextFilter::Begins(text),
            Self::Contains(text) => TextFilter::Contains(text),
        }
    }
}

/// `create` is the operation of every `create_…`; `create_artifact` is that one.
fn operation(filter: &Filter) -> Result<Operation, ApiProblem> {
    Ok(match text_filter(filter)? {
        TextFilter::Is(text) if !text.contains('_') => Operation::Begins(format!("{text}_")),
        TextFilter::Is(text) => Operation::Is(text.to_owned()),
        TextFilter::Begins(text) => Operation::Begins(text.to_owned()),
        TextFilter::Contains(text) => Operation::Contains(text.to_owned()),
    })
}

fn result(filter: &Filter) -> Result<bool, ApiProblem> {
    match &filter.test {
        Test::Is(text) if text == "true" => Ok(true),
        Test::Is(text) if text == "false" => Ok(false),
        _ => Err(ApiProblem::bad_request("q: operation_result can be true or false")),
    }
}

/// From when, and until when, both of which belong to the range.
fn range(filter: &Filter) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiProblem> {
    let read = |text: &String| moment(text).ok_or_else(|| bad_moment(text));
    match &filter.test {
        Test::Between(from, to) => {
            let from = from.as_ref().map(read).transpose()?.map(|(first, _)| first);
            Ok((from, to.as_ref().map(read).transpose()?.map(|(_, end)| end)))
        }
        Test::Is(text) => read(text).map(|(first, end)| (Some(first), Some(end))),
        _ => Err(ApiProblem::bad_request("q: op_time can be [from~to]")),
    }
}

fn bad_moment(text: &str) -> ApiProblem {
    let shown: String = text.chars().take(40).collect();
    ApiProblem::bad_request(format!(
        "q: op_time: {shown:?} is no moment; write 2026-11-21T15:00:00Z, 2026-11-21 15:00:00 or 2026-11-21"
    ))
}

/// A moment or a day in UTC: its first millisecond, and the first after it.
fn moment(text: &str) -> Option<(Timestamp, Timestamp)> {
    let timestamp = |moment: jiff::Timestamp| Timestamp::from_unix_millis(moment.as_millisecond());
    let utc = jiff::tz::TimeZone::UTC;
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some((timestamp(moment), Timestamp::from_unix_millis(moment.as_millisecond() + 1)));
    }
    // A moment would count as its day here.
    if text.len() == "2026-11-21".len() {
        let day: jiff::civil::Date = text.parse().ok()?;
        let (first, end) = (day.to_zoned(utc.clone()).ok()?, day.tomorrow().ok()?.to_zoned(utc).ok()?);
        return Some((timestamp(first.timestamp()), timestamp(end.timestamp())));
    }
    let second = text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(utc).ok()?.timestamp();
    Some((timestamp(second), Timestamp::from_unix_millis(second.as_millisecond() + 1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_days() {
        let check = |text: &str, wanted: Option<(i64, i64)>| {
            let found = moment(text).map(|(first, end)| (first.unix_millis(), end.unix_millis()));
            assert_eq!(found, wanted, "{text}");
        };
        check("1970-01-02", Some((86_400_000, 172_800_000)));
        check("1970-01-01T00:00:01Z", Some((1000, 1001)));
        check("1970-01-01T00:00:01.250Z", Some((1250, 1251)));
        check("1970-01-01 00:00:01", Some((1000, 2000)));
        for bad in ["", "yesterday", "1970-13-01", "1970-01-01 25:00:00"] {
            check(bad, None);
        }
    }

    #[test]
    fn operations_are_found_by_either_name() {
        let check = |text: &str, wanted: TextFilter<'_>| {
            let filter = Filter { key: "operation", test: Test::Is(text.to_owned()) };
            assert_eq!(operation(&filter).ok().as_ref().map(Operation::filter), Some(wanted));
        };
        check("create", TextFilter::Begins("create_"));
        check("create_artifact", TextFilter::Is("create_artifact"));
    }
}
