//! Decisions and patterns against plain, slow models that are written otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{collections::BTreeSet, sync::Arc};

use longshore_auth::{
    Access, BuiltInRole, Circumstances, Condition, Grant, GrantKind, GrantScope, Permission, PermissionSet,
    Principal, Question, Reach, RepositoryPattern, SystemRole, Target, decide, reach,
};
use longshore_types::{ProjectName, RepositoryName, Timestamp};
use proptest::{collection::vec, option, prelude::*, sample::select};

const PROJECTS: &[&str] = &["a", "a/x", "a/x/y", "a/xx", "b", "library"];
const REPOSITORIES: &[&str] =
    &["a/app", "a/x/app", "a/x/y/app", "a/x/y/tool", "a/xx/app", "b/x/app", "app", "library/app", "a/x"];
const PERMISSIONS: &[&str] = &[
    "repository:pull",
    "repository:push",
    "artifact:delete",
    "artifact:list",
    "project:read",
    "project:update",
    "member:list",
    "user:read",
    "user:create",
];
/// What everybody may do in a public project, among those above.
const PUBLIC: &[&str] = &["repository:pull", "artifact:list", "project:read"];
const PATTERNS: &[&str] = &["**", "*", "app", "x/**", "**/app", "{tool,x/app}"];

const TAGS: &[&str] = &["dev", "v1"];

/// Holds for a tag of its name, `always` or never.
#[derive(Debug)]
struct Named(&'static str);

impl Condition for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn holds(&self, question: &Question<'_>) -> bool {
        let tag = question.circumstances.tag.as_ref().map(|tag| tag.as_str());
        self.0 == "always" || tag == Some(self.0)
    }
}

/// How the model takes conditions.
#[derive(Clone, Copy)]
enum Taking<'a> {
    All,
    None,
    Tag(Option<&'a str>),
}

fn permissions() -> impl Strategy<Value = PermissionSet> {
    let some = vec(select(PERMISSIONS), 0..5)
        .prop_map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect());
    prop_oneof![6 => some, 1 => Just(BuiltInRole::ProjectAdmin.permissions())]
}

fn grant() -> impl Strategy<Value = Grant> {
    let scope = prop_oneof![
        1 => Just(GrantScope::System),
        1 => Just(GrantScope::AllProjects),
        6 => select(PROJECTS).prop_map(|name| GrantScope::Project(name.parse().unwrap())),
    ];
    let kind = prop_oneof![4 => Just(GrantKind::Role), 1 => Just(GrantKind::Repository), 1 => Just(GrantKind::Robot)];
    let pattern = prop_oneof![3 => Just(None), 1 => select(PATTERNS).prop_map(Some)];
    let condition = option::weighted(0.4, select(&["always", "never", "dev", "v1"][..]));
    (scope, kind, permissions(), pattern, condition).prop_map(
        |(scope, kind, permissions, pattern, condition)| Grant {
            scope,
            repositories: pattern.map(|text| text.parse().unwrap()),
            permissions,
            kind,
            role: None,
            origin: "a grant".into(),
            condition: condition.map(|name| Arc::new(Named(name)) as Arc<dyn Condition>),
        },
    )
}

fn access() -> impl Strategy<Value = Access> {
    let user = |system_role| Principal::User { id: 1, name: "ann".into(), system_role };
    let principal = prop_oneof![
        Just(Principal::Anonymous),
        Just(Principal::Robot { id: 1, name: "robot$ci".into() }),
        Just(user(SystemRole::None)),
        Just(user(SystemRole::None)),
        Just(user(SystemRole::Auditor)),
        Just(user(SystemRole::Admin)),
    ];
    let ceiling = prop_oneof![2 => Just(None), 1 => vec(grant(), 0..3).prop_map(Some)];
    (principal, vec(grant(), 0..6), ceiling).prop_map(|(principal, grants, ceiling)| Access {
        principal,
        grants,
        ceiling,
    })
}

/// The model: permissions as texts, projects as lists of components, one question after the other.
fn may(
    access: &Access,
    project: Option<(&str, bool)>,
    repository: Option<&str>,
    permission: &str,
    taking: Taking<'_>,
) -> bool {
    if let Some(repository) = repository {
        let Some((project, _)) = project else { return false };
        if inside(project, repository).is_none() {
            return false;
        }
    }
    if project.is_some_and(|(_, public)| public) && PUBLIC.contains(&permission) {
        return true;
    }
    let name = project.map(|(name, _)| name);
    let unlimited = match access.principal {
        Principal::User { system_role: SystemRole::Admin, .. } => true,
        Principal::User { system_role: SystemRole::Auditor, .. } => {
            permission.ends_with(":read") || permission.ends_with(":list")
        }
        _ => false,
    };
    let nearest = access
        .grants
        .iter()
        .filter(|grant| role(grant))
        .filter_map(|grant| nearness(&grant.scope, name))
        .max();
    let granted = access.grants.iter().any(|grant| {
        let counts = !role(grant) || nearness(&grant.scope, name) == nearest || admin(grant);
        counts && applies(grant, name, repository, permission, taking)
    });
    let left = match &access.ceiling {
        None => true,
        Some(ceiling) => ceiling.iter().any(|grant| applies(grant, name, repository, permission, taking)),
    };
    (unlimited || granted) && left
}

fn role(grant: &Grant) -> bool {
    grant.kind == GrantKind::Role && grant.repositories.is_none()
}

/// Whether it has whatever a project admin has.
fn admin(grant: &Grant) -> bool {
    BuiltInRole::ProjectAdmin.permissions().iter().all(|one| grant.permissions.contains(one))
}

/// The name of a repository inside of a project, by whole components.
fn inside(project: &str, repository: &str) -> Option<String> {
    let full = if repository.contains('/') { repository.to_owned() } else { format!("library/{repository}") };
    let (outer, inner): (Vec<_>, Vec<_>) = (project.split('/').collect(), full.split('/').collect());
    (inner.len() > outer.len() && inner[..outer.len()] == outer[..]).then(|| inner[outer.len()..].join("/"))
}

/// How many components a scope shares with a project that it covers.
fn nearness(scope: &GrantScope, project: Option<&str>) -> Option<usize> {
    match (scope, project) {
        (GrantScope::System, None) | (GrantScope::AllProjects, Some(_)) => Some(0),
        (GrantScope::Project(own), Some(project)) => {
            let (own, project): (Vec<_>, Vec<_>) =
                (own.as_str().split('/').collect(), project.split('/').collect());
            (project.len() >= own.len() && project[..own.len()] == own[..]).then_some(own.len())
        }
        _ => None,
    }
}

/// The project that a scope names.
fn named(scope: &GrantScope) -> Option<&str> {
    let GrantScope::Project(name) = scope else { return None };
    Some(name.as_str())
}

fn applies(
    grant: &Grant,
    project: Option<&str>,
    repository: Option<&str>,
    permission: &str,
    taking: Taking<'_>,
) -> bool {
    let holds = match (grant.condition.as_deref().map(Condition::name), taking) {
        (None, _) | (Some(_), Taking::All) => true,
        (Some(_), Taking::None) => false,
        (Some(name), Taking::Tag(tag)) => name == "always" || Some(name) == tag,
    };
    if nearness(&grant.scope, project).is_none() || !holds {
        return false;
    }
    let texts: BTreeSet<String> = grant.permissions.iter().map(|one| one.to_string()).collect();
    let matches = match (&grant.repositories, repository) {
        (None, _) => true,
        // Of the project it was given in, and none further in, it tells that this is there.
        (Some(_), None) => {
            permission == "project:read" && project.is_some() && named(&grant.scope) == project
        }
        (Some(pattern), Some(repository)) => {
            let relative = match &grant.scope {
                GrantScope::Project(own) => inside(own.as_str(), repository),
                _ => Some(repository.to_owned()),
            };
            relative.is_some_and(|name| glob(pattern.as_str(), &name))
        }
    };
    matches && texts.contains(permission)
}

/// Whether a pattern matches: braces written out, components compared one by one, every way tried.
fn glob(pattern: &str, name: &str) -> bool {
    // Two stars that come together only when braces are written out are no `**`.
    written_out(&pattern.replace("**", "\u{1}")).iter().any(|pattern| {
        let (pattern, name): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), name.split('/').collect());
        components(&pattern, &name)
    })
}

fn written_out(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else { return vec![pattern.to_owned()] };
    let (mut depth, mut cuts, mut close) = (0, vec![open], 0);
    for (i, c) in pattern.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => cuts.push(i),
            _ => {}
        }
        if depth == 0 {
            close = i;
            break;
        }
    }
    cuts.push(close);
    let alternatives = cuts.windows(2).map(|cut| &pattern[cut[0] + 1..cut[1]]);
    alternatives
        .flat_map(|middle| written_out(&format!("{}{middle}{}", &pattern[..open], &pattern[close + 1..])))
        .collect()
}

fn components(pattern: &[&str], name: &[&str]) -> bool {
    match pattern {
        [] => name.is_empty(),
        // At the end it takes one component or more, elsewhere any number.
        ["\u{1}"] => !name.is_empty() && name.iter().all(|part| !part.is_empty()),
        ["\u{1}", rest @ ..] => (0..=name.len())
            .any(|n| name[..n].iter().all(|part| !part.is_empty()) && components(rest, &name[n..])),
        [first, rest @ ..] => {
            let Some((head, tail)) = name.split_first() else { return false };
            letters(first.as_bytes(), head.as_bytes()) && components(rest, tail)
        }
    }
}

fn letters(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|n| letters(rest, &text[n..])),
        [b'?', rest @ ..] => !text.is_empty() && letters(rest, &text[1..]),
        [letter, rest @ ..] => text.first() == Some(letter) && letters(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn decisions_agree_with_the_model(
        access in access(),
        project in option::weighted(0.9, (select(PROJECTS), any::<bool>())),
        repository in option::weighted(0.7, select(REPOSITORIES)),
        permission in select(PERMISSIONS),
        tag in option::of(select(TAGS)),
    ) {
        let named: Option<(ProjectName, bool)> = project.map(|(name, public)| (name.parse().unwrap(), public));
        let name: Option<RepositoryName> = repository.map(|name| name.parse().unwrap());
        let target = match &named {
            Some((project, public)) => Target { repository: name.as_ref(), ..Target::project(project, *public) },
            None => Target { repository: name.as_ref(), ..Target::SYSTEM },
        };
        let now = Circumstances::at(Timestamp::from_unix_millis(0));
        let circumstances = Circumstances { tag: tag.map(|tag| tag.parse().unwrap()), ..now };
        let one: Permission = permission.parse().unwrap();
        let decision = decide(&access, &target, one, &circumstances);
        let model = |taking| may(&access, project, repository, permission, taking);
        prop_assert_eq!(decision.allowed, model(Taking::Tag(tag)), "{}", decision.because);
        let wanted = match (model(Taking::All), model(Taking::None)) {
            (_, true) => Reach::Always,
            (true, false) => Reach::OnCondition,
            (false, false) => Reach::Never,
        };
        let reach = reach(&access, &target, one);
        prop_assert_eq!(reach, wanted);
        let possible = if decision.allowed { reach != Reach::Never } else { reach != Reach::Always };
        prop_assert!(possible);
        if let Some((project, public)) = &named
            && decision.allowed
            && !public
        {
            prop_assert!(access.reaches(project));
        }
    }

    #[test]
    fn nothing_is_allowed_to_who_was_given_nothing(
        project in select(PROJECTS), repository in option::of(select(REPOSITORIES)), permission in select(PERMISSIONS),
    ) {
        let (project, name): (ProjectName, Option<RepositoryName>) =
            (project.parse().unwrap(), repository.map(|name| name.parse().unwrap()));
        let target = Target { repository: name.as_ref(), ..Target::project(&project, false) };
        let (access, circumstances) = (Access::anonymous(), Circumstances::at(Timestamp::from_unix_millis(0)));
        let permission = permission.parse().unwrap();
        prop_assert!(!decide(&access, &target, permission, &circumstances).allowed);
    }

    #[test]
    fn patterns_agree_with_the_model(pattern in pattern(), name in "[ab]{0,2}(/[ab]{1,2}){0,3}") {
        if let Ok(compiled) = pattern.parse::<RepositoryPattern>() {
            prop_assert_eq!(compiled.matches(&name), glob(&pattern, &name), "{} {}", pattern, name);
        }
    }
}

/// Patterns of few letters, so that some match; not all of them are well formed.
fn pattern() -> impl Strategy<Value = String> {
    let piece = select(
        &["a", "b", "/", "*", "?", "**", "**/", "/**", "{a,b}", "{", ",", "}", "{a/b,**}", "{,a}"][..],
    );
    vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}
