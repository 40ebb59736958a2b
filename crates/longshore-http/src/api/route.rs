//! What is known of a route before anybody calls it: one row of the table in [`super::routes`].

use std::fmt;

use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use longshore_auth::Permission;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse};

/// Where the management API begins; patterns lie below.
pub(crate) const ROOT: &str = "/api/v2.0";

/// What a handler answers.
pub(crate) type Reply = Result<ApiResponse, ApiProblem>;

/// Reads the request, makes one call of a use case, writes the reply. See [`by!`](super::routes).
pub(crate) type Handler = for<'a> fn(&'a Api, ApiRequest) -> BoxFuture<'a, Reply>;

/// Makes the schema of a type: [`of::<T>`](of).
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, by reference where it has a name.
pub(crate) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing (RFC 9110 section 9.2.1).
    pub(crate) fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// What a route asks of its caller before its handler begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing, not even a look at credentials.
    Nobody,
    /// Credentials, if there are any, must be good. The handler shows what this caller may see.
    Anybody,
    /// Somebody who is logged in. The handler shows what this caller may see.
    SignedIn,
    /// A permission of the whole system.
    System(Permission),
    /// A permission in the project that the path names. Who may not know of the project gets the answer for one that is
    /// not there.
    Project(Permission),
    /// Nothing if the path names the caller in `{user_id}`, else a permission of the whole system.
    Own(Permission),
    /// Somebody who is logged in, and one of these, where only the body or the index says which and in which project:
    /// the handler decides.
    Handler(&'static [Permission]),
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Boolean,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text that this regular expression describes.
    Like(&'static str),
}

/// A parameter of a query or a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
    /// Whether a query must have it.
    pub(crate) required: bool,
}

impl Parameter {
    /// Not to be left out.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// A text parameter.
pub(crate) const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, about, required: false }
}

/// A parameter that is a whole number.
pub(crate) const fn integer(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Integer, about, required: false }
}

/// A parameter that is true or false.
pub(crate) const fn boolean(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Boolean, about, required: false }
}

/// A text parameter of a form, which a regular expression describes.
pub(crate) const fn like(name: &'static str, pattern: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Like(pattern), about, required: false }
}

/// A parameter that is one of some words.
pub(crate) const fn choice(
    name: &'static str,
    words: &'static [&'static str],
    about: &'static str,
) -> Parameter {
    Parameter { name, kind: Kind::Choice(words), about, required: false }
}

/// What a listing can be sorted and filtered by, beside its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Keys of `sort`.
    pub(crate) sorts: &'static [&'static str],
    /// Keys of `q`.
    pub(crate) filters: &'static [&'static str],
}

/// What a success carries.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    Empty,
    Json(SchemaOf),
    /// Of this type, or of one of these with ", " between them, and described no further.
    Other(&'static str),
}

/// A success.
#[derive(Clone, Copy)]
pub(crate) struct Success {
    pub(crate) status: StatusCode,
    /// Whether `Location` says where the new thing is.
    pub(crate) location: bool,
    pub(crate) content: Content,
}

/// One operation of the API.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// Whether `HEAD` is answered too, as `GET` without the body.
    pub(crate) head: bool,
    /// The whole pattern: `/api/v2.0/projects/{project_name_or_id}`.
    pub(crate) path: &'static str,
    /// Harbor's name for it; clients' methods are called so.
    pub(crate) operation: &'static str,
    /// The group it belongs to.
    pub(crate) tag: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    pub(crate) needs: Needs,
    pub(crate) query: &'static [Parameter],
    pub(crate) listing: Option<Listing>,
    pub(crate) body: Option<SchemaOf>,
    pub(crate) success: Success,
    /// What it may answer beside what any such route may.
    pub(crate) refusals: &'static [StatusCode],
    /// Whether the body names the tag that the permission is needed for. Before the handler begins it is only asked whether
    /// a condition may allow it; the handler asks whether it does, by `check_with_tag`.
    pub(crate) tag_in_body: bool,
    pub(crate) handler: Handler,
}

/// A route with no more than it must have: it answers 200 with an empty body.
const fn route(
    verb: Verb,
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    Route {
        verb,
        head: false,
        path,
        operation,
        tag: "",
        summary: "",
        needs,
        query: &[],
        listing: None,
        body: None,
        success: Success { status: StatusCode::OK, location: false, content: Content::Empty },
        refusals: &[],
        tag_in_body: false,
        handler,
    }
}

/// `GET`.
pub(crate) const fn get(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Get, path, operation, needs, handler)
}

/// `HEAD`, where it is more than `GET` without a body.
pub(crate) const fn head(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Head, path, operation, needs, handler)
}

/// `POST`.
pub(crate) const fn post(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Post, path, operation, needs, handler)
}

/// `PUT`.
pub(crate) const fn put(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Put, path, operation, needs, handler)
}

/// `PATCH`.
pub(crate) const fn patch(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Patch, path, operation, needs, handler)
}

/// `DELETE`.
pub(crate) const fn delete(
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    handler: Handler,
) -> Route {
    route(Verb::Delete, path, operation, needs, handler)
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.verb.as_str(), self.path, self.operation)
    }
}

impl Route {
    /// Says to which group it belongs and what it does.
    pub(crate) const fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self
    }

    /// The body names the tag that the permission is needed for.
    pub(crate) const fn tag_in_body(mut self) -> Self {
        self.tag_in_body = true;
        self
    }

    /// `HEAD` is answered too.
    pub(crate) const fn and_head(mut self) -> Self {
        self.head = true;
        self
    }

    /// Parameters of the query; those of a listing come by [`Route::lists`].
    pub(crate) const fn query(mut self, parameters: &'static [Parameter]) -> Self {
        self.query = parameters;
        self
    }

    /// The body that it takes.
    pub(crate) const fn takes(mut self, schema: SchemaOf) -> Self {
        self.body = Some(schema);
        self
    }

    /// 200 with JSON.
    pub(crate) const fn gives(mut self, schema: SchemaOf) -> Self {
        self.success.content = Content::Json(schema);
        self
    }

    /// 200 with something else.
    pub(crate) const fn gives_other(mut self, content_type: &'static str) -> Self {
        self.success.content = Content::Other(content_type);
        self
    }

    /// 200 with a page of a listing; `schema` is that of the whole page, a list.
    pub(crate) const fn lists(
        mut self,
        schema: SchemaOf,
        sorts: &'static [&'static str],
        filters: &'static [&'static str],
    ) -> Self {
        self.listing = Some(Listing { sorts, filters });
        self.gives(schema)
    }

    /// 201 with `Location`; the body is what [`Route::gives`] says, or empty.
    pub(crate) const fn creates(mut self) -> Self {
        self.success.status = StatusCode::CREATED;
        self.success.location = true;
        self
    }

    /// What it may answer beside what any such route may: 409, 412.
    pub(crate) const fn refuses(mut self, statuses: &'static [StatusCode]) -> Self {
        self.refusals = statuses;
        self
    }

    /// The pattern below [`ROOT`], in Harbor's spelling.
    pub(crate) fn pattern(&self) -> &'static str {
        self.path.strip_prefix(ROOT).unwrap_or(self.path)
    }

    /// Whether it answers a method.
    pub(crate) fn answers(&self, verb: Verb) -> bool {
        self.verb == verb || (verb == Verb::Head && self.head)
    }
}
