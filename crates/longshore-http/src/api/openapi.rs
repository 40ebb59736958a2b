//! The OpenAPI 3.1 document, made from the table and from the structs that handlers read and write.
//!
//! OpenAPI 3.1 speaks JSON Schema 2020-12, which `schemars` derives; the rest is made here, because the table has it.

mod nulls;

use std::slice;

use http::StatusCode;
use longshore_auth::PUBLIC_PROJECT;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    filter,
    listing::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX},
    pattern,
    route::{Content, Kind, Needs, Parameter, ROOT, Route, SchemaOf},
    routes::PATH_PARAMETERS,
};

/// Makes the schemas of what is read and of what is written: a field with a default may be left out of the one and is
/// always in the other.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }

    fn read(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.read).to_value()
    }

    fn written(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.written).to_value()
    }

    /// All that have a name.
    fn named(mut self) -> Map<String, Value> {
        let mut named = self.read.take_definitions(true);
        named.values_mut().for_each(nulls::allow);
        named.extend(self.written.take_definitions(true));
        named
    }
}

/// The document.
pub(crate) fn document(table: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in table {
        let path = paths.entry(route.pattern()).or_insert_with(|| json!({}));
        path[route.verb.as_str().to_ascii_lowercase()] = operation(route, &mut schemas);
    }
    let tags: Vec<_> = tags(table).into_iter().map(|tag| json!({ "name": tag })).collect();
    let mut named = schemas.named();
    named.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Longshore management API",
            "description": "Harbor's API, served by Longshore.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": ROOT }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic", "description": "User or robot, or a user with an access token." },
                "bearer": { "type": "http", "scheme": "bearer", "description": "An access token, or a robot's secret." },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "sid",
                    "description": "Of the pages. What changes something needs X-Harbor-CSRF-Token too.",
                },
            },
        },
    })
}

/// The groups, in the order of the table.
pub(crate) fn tags(table: &[Route]) -> Vec<&'static str> {
    table.iter().fold(Vec::new(), |mut tags, route| {
        if !tags.contains(&route.tag) {
            tags.push(route.tag);
        }
        tags
    })
}

/// Names of types that are read and written in different forms: the document has one place for both.
#[cfg(test)]
pub(crate) fn clashes(table: &[Route]) -> Vec<String> {
    let mut schemas = Schemas::new();
    for route in table {
        operation(route, &mut schemas);
    }
    let Schemas { mut read, mut written } = schemas;
    let (read, written) = (read.take_definitions(true), written.take_definitions(true));
    let differs =
        |(name, schema): &(&String, &Value)| written.get(*name).is_some_and(|other| other != *schema);
    read.iter().filter(differs).map(|(name, _)| name.clone()).collect()
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "tags": [route.tag],
        "summary": route.summary,
        "description": needs(route.needs),
        "x-longshore-permission": permission(route.needs),
        "parameters": parameters(route),
        "security": security(route.needs),
        "responses": responses(route, schemas),
    });
    if let Some(body) = route.body {
        let schema = schemas.read(body);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// What a route asks of its caller, in a sentence.
pub(crate) fn needs(needs: Needs) -> String {
    match needs {
        Needs::Nobody | Needs::Anybody => "Needs no login.".to_owned(),
        Needs::SignedIn => "Needs a login.".to_owned(),
        Needs::System(permission) => format!("Needs {permission} of the system."),
        Needs::Project(permission) => format!("Needs {permission} in the project."),
        Needs::Own(permission) => format!("For oneself; for others it needs {permission} of the system."),
        Needs::Handler(permissions) => {
            let words: Vec<_> = permissions.iter().map(ToString::to_string).collect();
            format!("Needs {} in the project or of the system that it is about.", words.join(" or "))
        }
    }
}

/// The same for programs: where a permission is asked for, and which; any of several will do.
fn permission(needs: Needs) -> Value {
    let (of, permissions) = match &needs {
        Needs::Nobody | Needs::Anybody => ("nobody", &[][..]),
        Needs::SignedIn => ("login", &[][..]),
        Needs::System(permission) => ("system", slice::from_ref(permission)),
        Needs::Project(permission) => ("project", slice::from_ref(permission)),
        Needs::Own(permission) => ("own", slice::from_ref(permission)),
        Needs::Handler(permissions) => ("object", *permissions),
    };
    let words: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    json!({ "of": of, "any": words })
}

fn security(needs: Needs) -> Value {
    let any = json!([{ "basic": [] }, { "bearer": [] }, { "session": [] }]);
    let optional = json!([{}, { "basic": [] }, { "bearer": [] }, { "session": [] }]);
    match needs {
        Needs::Nobody => json!([]),
        Needs::Anybody => optional,
        Needs::Project(permission) if PUBLIC_PROJECT.contains(permission) => optional,
        Needs::SignedIn | Needs::System(_) | Needs::Project(_) | Needs::Own(_) | Needs::Handler(_) => any,
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = pattern::parameters(route.pattern())
        .filter_map(|name| PATH_PARAMETERS.iter().find(|known| known.name == name));
    let mut all: Vec<_> = in_path.map(|known| described(known, "path")).collect();
    all.extend(route.query.iter().map(|known| described(known, "query")));
    if let Some(listing) = route.listing {
        all.push(json!({
            "name": "page", "in": "query", "description": "Which page, from 1; 0 is the first too.",
            "schema": { "type": "integer", "minimum": 0, "maximum": u64::MAX, "default": 1 },
        }));
        all.push(json!({
            "name": "page_size", "in": "query", "description": "Most entries on a page; 0 is as many as there can be.",
            "schema": { "type": "integer", "minimum": 0, "maximum": PAGE_SIZE_MAX, "default": PAGE_SIZE_DEFAULT },
        }));
        if !listing.sorts.is_empty() {
            all.push(named_parameter("sort", Kind::Text, &sort_about(listing.sorts), "query", false));
        }
        if !listing.filters.is_empty() {
            all.push(json!({
                "name": "q", "in": "query", "required": false, "description": filters_about(listing.filters),
                "schema": { "type": "string", "pattern": filter::pattern(listing.filters) },
            }));
        }
    }
    all
}

fn described(parameter: &Parameter, place: &str) -> Value {
    let required = parameter.required || place == "path";
    named_parameter(parameter.name, parameter.kind, parameter.about, place, required)
}

fn named_parameter(name: &str, kind: Kind, about: &str, place: &str, required: bool) -> Value {
    let schema = match (kind, place) {
        (Kind::Text, "path") => {
            let length_max = pattern::VALUE_BYTES_MAX / char::MAX.len_utf8();
            json!({ "type": "string", "minLength": 1, "maxLength": length_max, "pattern": pattern::characters(name) })
        }
        // A NUL is never meant.
        (Kind::Text, _) if required => json!({ "type": "string", "pattern": r"^[^\x00]+$" }),
        (Kind::Text, _) => json!({ "type": "string", "pattern": r"^[^\x00]*$" }),
        (Kind::Choice(words), _) => json!({ "type": "string", "enum": words }),
        (Kind::Like(pattern), _) => json!({ "type": "string", "pattern": pattern }),
        (Kind::Integer, "path") => json!({ "type": "integer", "format": "int64", "minimum": 1 }),
        (Kind::Integer, _) => json!({ "type": "integer", "format": "int64" }),
        (Kind::Boolean, _) => json!({ "type": "boolean" }),
    };
    json!({ "name": name, "in": place, "required": required, "description": about, "schema": schema })
}

/// What `sort` does.
pub(crate) fn sort_about(keys: &[&str]) -> String {
    format!("Keys to sort by, separated by commas, - before what comes largest first: {}.", keys.join(", "))
}

/// What `q` does.
pub(crate) fn filters_about(keys: &[&str]) -> String {
    let keys = keys.join(", ");
    format!(
        "Filters, separated by commas: k=v, k=~part, k=[min~max], k={{any of these}}, k=(all of these). Keys: {keys}."
    )
}

/// The statuses that a route may answer beside success.
pub(crate) fn refusals(route: &Route) -> Vec<StatusCode> {
    let mut statuses = Vec::new();
    let has_path_parameters = pattern::parameters(route.pattern()).next().is_some();
    if has_path_parameters || route.body.is_some() || route.listing.is_some() || !route.query.is_empty() {
        statuses.push(StatusCode::BAD_REQUEST);
    }
    if route.needs != Needs::Nobody {
        statuses.extend([StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS]);
    }
    if has_path_parameters {
        statuses.push(StatusCode::NOT_FOUND);
    }
    if route.body.is_some() {
        statuses.push(StatusCode::PAYLOAD_TOO_LARGE);
    }
    statuses.extend(route.refusals);
    statuses.extend([StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE]);
    statuses.sort();
    statuses.dedup();
    statuses
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    responses.insert(route.success.status.as_str().to_owned(), success(route, schemas));
    for status in refusals(route) {
        let text = status.canonical_reason().unwrap_or_default();
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let reply = json!({ "description": text, "content": { "application/json": { "schema": schema } } });
        responses.insert(status.as_str().to_owned(), reply);
    }
    responses.into()
}

fn success(route: &Route, schemas: &mut Schemas) -> Value {
    let mut headers = Map::new();
    let mut header = |name: &str, about: &str, kind: &str| {
        headers.insert(name.to_owned(), json!({ "description": about, "schema": { "type": kind } }));
    };
    if route.success.location {
        header("Location", "Path of what was created.", "string");
    }
    if route.listing.is_some() {
        header("X-Total-Count", "How many entries all pages have together.", "integer");
        header("Link", "Paths of the pages before and after this one.", "string");
    }
    let mut reply = json!({ "description": "Success" });
    if !headers.is_empty() {
        reply["headers"] = headers.into();
    }
    match route.success.content {
        Content::Empty => {}
        Content::Json(schema) => {
            reply["content"] = json!({ "application/json": { "schema": schemas.written(schema) } });
        }
        Content::Other(content_types) => {
            let content: Map<_, _> =
                content_types.split(", ").map(|one| (one.to_owned(), json!({}))).collect();
            reply["content"] = content.into();
        }
    }
    reply
}

fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["errors"],
        "properties": { "errors": { "type": "array", "items": {
            "type": "object",
            "required": ["code", "message"],
            "properties": { "code": text, "message": text },
        } } },
    })
}
