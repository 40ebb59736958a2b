//! One file for each group of operations. A handler reads the request, makes one call of a use case, writes the reply.

pub(crate) mod access_tokens;
pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod configuration;
pub(crate) mod content;
pub(crate) mod current_user;
pub(crate) mod description;
pub(crate) mod directories;
pub(crate) mod filters;
pub(crate) mod labels;
pub(crate) mod members;
pub(crate) mod permissions;
pub(crate) mod projects;
pub(crate) mod quotas;
pub(crate) mod repositories;
pub(crate) mod robots;
pub(crate) mod roles;
pub(crate) mod scoped;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod statistics;
pub(crate) mod system;
pub(crate) mod tags;
pub(crate) mod trust_rules;
pub(crate) mod user_groups;
pub(crate) mod users;
