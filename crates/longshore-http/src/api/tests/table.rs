//! What must hold of every row of the table.

use std::collections::HashSet;

use serde_json::Value;

use crate::api::{
    openapi, page, pattern,
    route::{Needs, ROOT, Route},
    routes::{PATH_PARAMETERS, ROUTES},
    tests::server::TABLE,
};

/// The real table, and that of the tests, which has more kinds of rows.
const TABLES: [&[Route]; 2] = [ROUTES, TABLE];

#[test]
fn rows_differ_in_operation_and_in_method_and_path() {
    for table in TABLES {
        let mut operations = HashSet::new();
        let mut paths = HashSet::new();
        for route in table {
            assert!(operations.insert(route.operation), "{route:?}: the operation is there already");
            // What differs in the names of parameters alone is the same path.
            let plain: Vec<_> =
                route.pattern().split('/').map(|s| pattern::parameter(s).map_or(s, |_| "{}")).collect();
            assert!(paths.insert((route.verb, plain.join("/"))), "{route:?}: the path is there already");
        }
    }
}

#[test]
fn rows_are_complete() {
    for route in TABLES.into_iter().flatten() {
        assert!(route.path.starts_with(ROOT) && route.pattern().starts_with('/'), "{route:?}");
        assert!(!route.tag.is_empty() && route.summary.ends_with('.'), "{route:?} says not what it does");
        let segments: Vec<_> = route.pattern().split('/').skip(1).collect();
        assert!(segments.len() <= pattern::SEGMENTS_MAX, "{route:?}");
        let mut names = HashSet::new();
        for name in pattern::parameters(route.pattern()) {
            assert!(PATH_PARAMETERS.iter().any(|known| known.name == name), "{route:?}: what is {name}?");
            assert!(names.insert(name), "{route:?}: {name} comes twice");
        }
        for parameter in route.query {
            assert!(names.insert(parameter.name), "{route:?}: {} comes twice", parameter.name);
            let own = ["page", "page_size", "sort", "q"].contains(&parameter.name);
            assert!(!own || route.listing.is_none(), "{route:?}: listings have {}", parameter.name);
        }
        let project = names.iter().any(|name| name.starts_with("project_name") || *name == "project_id");
        match route.needs {
            Needs::Project(_) => assert!(project, "{route:?}: in which project?"),
            Needs::Own(_) => assert!(names.contains("user_id"), "{route:?}: whose?"),
            Needs::Handler(permissions) => assert!(!permissions.is_empty(), "{route:?}: needs what?"),
            Needs::Nobody | Needs::Anybody | Needs::SignedIn | Needs::System(_) => {}
        }
        assert!(!route.head || route.verb.as_str() == "GET", "{route:?}: only GET has an answer to HEAD");
    }
}

#[test]
fn openapi_describes_everything() {
    for table in TABLES {
        let document = openapi::document(table);
        assert_eq!(document["openapi"], "3.1.0");
        let mut count = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                count += 1;
                let described = operation["parameters"].as_array().unwrap();
                let in_path = |p: &&Value| p["in"] == "path" && p["required"] == true;
                let found: HashSet<_> =
                    described.iter().filter(in_path).map(|p| p["name"].as_str().unwrap()).collect();
                let wanted: HashSet<_> = path.split('/').filter_map(pattern::parameter).collect();
                assert_eq!(found, wanted, "{method} {path}");
                for parameter in described {
                    assert!(parameter["description"].as_str().is_some_and(|about| !about.is_empty()));
                    assert!(parameter["schema"].is_object(), "{method} {path}");
                }
                assert!(operation["responses"].as_object().is_some_and(|replies| replies.len() > 1));
            }
        }
        assert_eq!(count, table.len());
        let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        assert_eq!(tags.len(), tags.iter().collect::<HashSet<_>>().len(), "{tags:?}");
        references(&document, &mut |reference| {
            let pointer = reference.strip_prefix('#').expect("in this document");
            assert!(document.pointer(pointer).is_some(), "{reference} is not there");
        });
    }
}

fn references(value: &Value, check: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" => check(reference),
                    _ => references(member, check),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, check)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn types_of_one_name_are_one_type() {
    for table in TABLES {
        assert_eq!(openapi::clashes(table), Vec::<String>::new());
    }
}

#[test]
fn the_page_shows_every_row_and_asks_nobody() {
    let html = page::html(TABLE);
    for route in TABLE {
        let heading = format!("<h3><code>{} {}</code></h3>", route.verb.as_str(), route.pattern());
        assert!(html.contains(&heading), "{heading}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
    for element in ["main", "nav", "section", "article", "dl", "ul", "body", "html"] {
        let open =
            html.matches(&format!("<{element}>")).count() + html.matches(&format!("<{element} ")).count();
        assert_eq!(open, html.matches(&format!("</{element}>")).count(), "{element}");
    }
}
