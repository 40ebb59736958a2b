//! What policies can be about.

use std::{collections::HashMap, fmt::Write as _, sync::LazyLock};

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema, Validator};
use longshore_auth::{BuiltInRole, Level, Permission, PermissionSet};

/// All but the actions, which are our permissions.
const TYPES: &str = include_str!("schema.cedarschema");

/// The schema, read once.
pub(crate) static OURS: LazyLock<Ours> = LazyLock::new(Ours::read);

pub(crate) struct Ours {
    pub(crate) validator: Validator,
    pub(crate) user: EntityTypeName,
    pub(crate) robot: EntityTypeName,
    pub(crate) project: EntityTypeName,
    pub(crate) repository: EntityTypeName,
    pub(crate) actions: HashMap<Permission, EntityUid>,
}

impl Ours {
    fn read() -> Self {
        let (schema, warnings) =
            Schema::from_cedarschema_str(&schema_text()).expect("our schema is a schema, which a test sees");
        debug_assert_eq!(warnings.count(), 0, "our schema has no faults");
        let name = |text: &str| -> EntityTypeName { text.parse().expect("a name of our schema is a name") };
        let action = name("Action");
        let uid = |permission: Permission| {
            EntityUid::from_type_name_and_id(action.clone(), EntityId::new(permission.to_string()))
        };
        Self {
            validator: Validator::new(schema),
            user: name("User"),
            robot: name("Robot"),
            project: name("Project"),
            repository: name("Repository"),
            actions: permissions().iter().map(|permission| (permission, uid(permission))).collect(),
        }
    }
}

/// What conditions can limit: all that there is in projects.
fn permissions() -> PermissionSet {
    BuiltInRole::ProjectAdmin.permissions().union(PermissionSet::of_robots(Level::Project))
}

/// The schema that policies are checked against, in Cedar's language.
pub fn schema_text() -> String {
    let mut text = TYPES.to_owned();
    let names: Vec<_> = permissions().iter().map(|permission| format!("\"{permission}\"")).collect();
    let actions = names.join(",\n       ");
    write!(
        text,
        "\naction {actions}\nappliesTo {{ principal: [User, Robot], resource: [Project, Repository], context: Request }};\n"
    )
    .expect("a text can be written to");
    text
}
