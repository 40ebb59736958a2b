//! A question in Cedar's words.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use jiff::tz::Offset;
use longshore_auth::{Circumstances, ClientCertificate, PrincipalKind, Question};
use longshore_types::Timestamp;

use crate::schema::{OURS, Ours};

/// The request and what it is about; none for what no condition can be about.
pub(crate) fn of(question: &Question<'_>) -> Option<(Request, Entities)> {
    let ours = &*OURS;
    let principal = &question.access.principal;
    let kind = match principal.kind() {
        PrincipalKind::User => &ours.user,
        PrincipalKind::Robot => &ours.robot,
        PrincipalKind::Anonymous => return None,
    };
    let caller = named(kind, principal.name()?, None)?;
    let action = ours.actions.get(&question.permission)?.clone();
    let mut about = places(ours, question)?;
    let (caller_uid, resource) = (caller.uid(), about.first()?.uid());
    about.push(caller);
    let context = context(question.circumstances)?;
    let request = Request::new(caller_uid, action, resource, context, None).ok()?;
    Some((request, Entities::from_entities(about, None).ok()?))
}

/// The repository, if it is about one, its project, and those that this lies in.
fn places(ours: &Ours, question: &Question<'_>) -> Option<Vec<Entity>> {
    let project = question.target.project?.name;
    let levels: Vec<_> = project.ancestors().collect();
    let mut found = Vec::with_capacity(levels.len() + 2);
    if let Some(repository) = question.target.repository {
        found.push(named(&ours.repository, repository.as_str(), Some(uid(&ours.project, project.as_str())))?);
    }
    for (i, level) in levels.iter().enumerate() {
        let around = levels.get(i + 1).map(|outer| uid(&ours.project, outer.as_str()));
        found.push(named(&ours.project, level.as_str(), around)?);
    }
    Some(found)
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

fn named(kind: &EntityTypeName, name: &str, within: Option<EntityUid>) -> Option<Entity> {
    let attributes = HashMap::from([("name".to_owned(), text(name))]);
    Entity::new(uid(kind, name), attributes, within.into_iter().collect::<HashSet<_>>()).ok()
}

fn context(circumstances: &Circumstances) -> Option<Context> {
    let Circumstances { now, address, certificate, tag } = circumstances;
    let mut pairs = moment(*now)?;
    if let Some(address) = address {
        let address = RestrictedExpression::new_ip(address.to_canonical().to_string());
        pairs.push(("address".to_owned(), address));
    }
    if let Some(tag) = tag {
        pairs.push(("tag".to_owned(), text(tag.as_str())));
    }
    if let Some(shown) = certificate {
        pairs.push(("certificate".to_owned(), certificate_record(shown)?));
    }
    Context::from_pairs(pairs).ok()
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn record<const N: usize>(fields: [(&str, RestrictedExpression); N]) -> Option<RestrictedExpression> {
    RestrictedExpression::new_record(fields.map(|(name, value)| (name.to_owned(), value))).ok()
}

fn certificate_record(shown: &ClientCertificate) -> Option<RestrictedExpression> {
    let set = |texts: &[String]| RestrictedExpression::new_set(texts.iter().map(|one| text(one)));
    record([
        ("subject", text(&shown.subject)),
        ("uris", set(&shown.uris)),
        ("dnsNames", set(&shown.dns_names)),
        ("fingerprint", text(&shown.fingerprint.to_string())),
    ])
}

/// The moment, whole and in parts; none for one beyond the year 9999.
fn moment(now: Timestamp) -> Option<Vec<(String, RestrictedExpression)>> {
    let now = jiff::Timestamp::from_millisecond(now.unix_millis()).ok()?;
    let utc = Offset::UTC.to_datetime(now);
    let long = |number: i8| RestrictedExpression::new_long(number.into());
    let parts = record([
        ("year", RestrictedExpression::new_long(utc.year().into())),
        ("month", long(utc.month())),
        ("day", long(utc.day())),
        ("weekday", long(utc.weekday().to_monday_one_offset())),
        ("hour", long(utc.hour())),
        ("minute", long(utc.minute())),
    ])?;
    let whole = RestrictedExpression::new_datetime(now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    Some(vec![("now".to_owned(), whole), ("time".to_owned(), parts)])
}
