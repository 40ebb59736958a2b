//! Which row of the table a request means.

use super::{
    pattern,
    route::{Route, Verb},
};

/// A row, and its place in the table.
pub(crate) type Row<'t> = (usize, &'t Route);

/// Why no row is meant.
#[derive(Debug)]
pub(crate) enum NoRoute<'t> {
    /// There is nothing under this path.
    Unknown,
    /// The path knows other methods.
    Method {
        /// The value of `Allow`.
        allowed: String,
        /// One of them, for the log.
        row: Row<'t>,
    },
}

/// The row for a method and the segments of a path.
///
/// A look at each row: they are some hundred and fifty, nearly all are told apart by their first segment, and the answer
/// takes thousands of times as long. If two patterns fit, the more exact one is meant, also when it lacks the method.
pub(crate) fn find<'t>(
    table: &'t [Route],
    verb: Option<Verb>,
    segments: &[&str],
) -> Result<Row<'t>, NoRoute<'t>> {
    let fitting = || table.iter().enumerate().filter(|(_, route)| pattern::fits(route.pattern(), segments));
    let best =
        fitting().map(|(_, route)| pattern::exactness(route.pattern())).max().ok_or(NoRoute::Unknown)?;
    let rows: Vec<Row<'t>> =
        fitting().filter(|(_, route)| pattern::exactness(route.pattern()) == best).collect();
    // A row of its own comes before `GET` without its body.
    let meant = rows
        .iter()
        .find(|(_, route)| Some(route.verb) == verb)
        .or_else(|| rows.iter().find(|(_, route)| verb.is_some_and(|verb| route.answers(verb))));
    match (meant, rows.first()) {
        (Some(&row), _) => Ok(row),
        (None, Some(&row)) => Err(NoRoute::Method { allowed: allowed(&rows), row }),
        (None, None) => Err(NoRoute::Unknown),
    }
}

fn allowed(rows: &[Row<'_>]) -> String {
    let verbs = [Verb::Get, Verb::Head, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];
    let known = verbs.into_iter().filter(|&verb| rows.iter().any(|(_, route)| route.answers(verb)));
    known.map(Verb::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::route::{Needs, Reply, delete, get, head, post},
        *,
    };
    use crate::api::{Api, request::ApiRequest, response::ApiResponse, routes::by};

    async fn nothing(_: &Api, _: ApiRequest) -> Reply {
        Ok(ApiResponse::done())
    }

    const TABLE: &[Route] = &[
        get("/api/v2.0/projects", "list", Needs::Anybody, by!(nothing)),
        head("/api/v2.0/projects", "exists", Needs::Anybody, by!(nothing)),
        post("/api/v2.0/projects", "create", Needs::SignedIn, by!(nothing)),
        get("/api/v2.0/projects/{project_name_or_id}", "one", Needs::Anybody, by!(nothing)).and_head(),
        delete("/api/v2.0/projects/{project_name_or_id}", "remove", Needs::SignedIn, by!(nothing)),
        delete("/api/v2.0/users/{user_id}", "removeUser", Needs::SignedIn, by!(nothing)),
        get("/api/v2.0/users/current", "current", Needs::SignedIn, by!(nothing)),
        get("/api/v2.0/users/{user_id}", "user", Needs::SignedIn, by!(nothing)),
    ];

    #[test]
    fn requests_find_their_rows() {
        let check = |method: &str, path: &str, wanted: &str| {
            let segments = pattern::segments(path).unwrap_or_default();
            let found = match find(TABLE, Verb::of(&method.parse().unwrap()), &segments) {
                Ok((nth, route)) => {
                    assert_eq!(TABLE[nth].operation, route.operation);
                    route.operation.to_owned()
                }
                Err(NoRoute::Unknown) => "404".to_owned(),
                Err(NoRoute::Method { allowed, .. }) => format!("405 {allowed}"),
            };
            assert_eq!(found, wanted, "{method} {path}");
        };
        check("GET", "/projects", "list");
        check("GET", "/projects/", "list");
        check("HEAD", "/projects", "exists");
        check("POST", "/projects", "create");
        check("PUT", "/projects", "405 GET, HEAD, POST");
        check("OPTIONS", "/projects", "405 GET, HEAD, POST");
        check("GET", "/projects/team%2Fsub", "one");
        check("HEAD", "/projects/1/", "one");
        check("POST", "/projects/1", "405 GET, HEAD, DELETE");
        check("GET", "/users/current", "current");
        check("GET", "/users/7", "user");
        check("HEAD", "/users/7", "405 GET, DELETE");
        // The more exact pattern is meant, and nothing deletes by that name.
        check("DELETE", "/users/current", "405 GET");
        for unknown in ["", "/", "/users", "/users/1/2", "/Projects", "/projects//", "//projects"] {
            check("GET", unknown, "404");
        }
    }
}
