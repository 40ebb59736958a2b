-- Accounts: who there is, what they may do where, and what was done. Braces as in 0001.

CREATE TABLE users (
    id {id},
    name {text} NOT NULL UNIQUE,
    email {text},
    real_name {text} NOT NULL,
    comment {text} NOT NULL,
    -- Which source vouches for the user, and the name there that never changes (a DN, a subject).
    source {text} NOT NULL,
    external_id {text},
    -- As an administrator said: 0 nothing, 1 auditor, 2 administrator.
    system_role {small} NOT NULL,
    -- 1 if the source made the user an administrator at the last login.
    source_admin {small} NOT NULL,
    -- When the source last said that the user is there; NULL where it says otherwise, and for local users.
    confirmed_at {int},
    password_hash {text},
    password_changed_at {int},
    failed_logins {int} NOT NULL,
    last_failed_at {int},
    disabled {small} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    last_login_at {int}
){rows};
-- Directories do not tell upper from lower case, and must not be asked about one user under several names.
CREATE INDEX users_by_folded_name ON users (lower(name));
CREATE UNIQUE INDEX users_by_source ON users (source, external_id) WHERE external_id IS NOT NULL;
-- Nobody proved that an address is theirs: it keeps nobody else from having it.
CREATE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;
CREATE INDEX users_by_role ON users (system_role, id);
CREATE INDEX users_by_source_admin ON users (source_admin, id) WHERE source_admin = 1;

CREATE TABLE user_groups (
    id {id},
    kind {small} NOT NULL,
    -- The name of the source in the configuration: two of them may have a group of the same name.
    source {text} NOT NULL,
    name {text} NOT NULL,
    -- The DN of an LDAP group; for the other kinds the name.
    external_id {text} NOT NULL,
    created_at {int} NOT NULL,
    UNIQUE (kind, external_id, source)
){rows};
CREATE INDEX user_groups_by_name ON user_groups (name, id);

-- As the source said at the user's last login.
CREATE TABLE user_group_members (
    group_id {int} NOT NULL REFERENCES user_groups (id),
    user_id {int} NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
){clustered};
CREATE INDEX user_group_members_by_user ON user_group_members (user_id, group_id);

-- Those of projects' owners; the numbers of built-in roles are not here.
CREATE TABLE roles (
    id {id},
    name {text} NOT NULL UNIQUE,
    permissions {text} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
){rows};

ALTER TABLE projects ADD COLUMN owner_id {int} REFERENCES users (id);
ALTER TABLE projects ADD COLUMN updated_at {int} NOT NULL DEFAULT 0;
UPDATE projects SET updated_at = created_at;
-- Whether everybody may read it: the value of `public` nearest to it, its own or that of one it lies in. Follows
-- project_metadata.
ALTER TABLE projects ADD COLUMN public {small} NOT NULL DEFAULT 0;
-- The row of a deleted project stays while repositories name it: their rows are never removed. It has nothing else.
ALTER TABLE projects ADD COLUMN deleted_at {int};
CREATE INDEX projects_listed ON projects (deleted_at, name);
CREATE INDEX projects_public ON projects (public, name, deleted_at);
CREATE INDEX projects_by_update ON projects (deleted_at, updated_at, id);
CREATE INDEX projects_by_parent ON projects (parent_id, name);
CREATE INDEX projects_by_owner ON projects (owner_id, id);

-- Who began it: so many of everybody's may be unfinished.
ALTER TABLE uploads ADD COLUMN started_by {text} NOT NULL DEFAULT '';
CREATE INDEX uploads_by_starter ON uploads (started_by);
CREATE INDEX uploads_by_repository ON uploads (repository_id, size_bytes);

ALTER TABLE repositories ADD COLUMN description {text} NOT NULL DEFAULT '';
-- When the description was last changed.
ALTER TABLE repositories ADD COLUMN described_at {int};
-- When manifests, tags or the description last changed; each change makes it larger.
ALTER TABLE repositories ADD COLUMN changed_at {int} NOT NULL DEFAULT 0;
UPDATE repositories SET changed_at = COALESCE((SELECT MAX(m.pushed_at) FROM manifests m WHERE m.repository_id = repositories.id), created_at);
CREATE INDEX repositories_by_change ON repositories (changed_at, id, project_id) WHERE has_manifests = 1;
CREATE INDEX repositories_by_change_in_project ON repositories (project_id, changed_at, id) WHERE has_manifests = 1;
CREATE INDEX repositories_by_project ON repositories (project_id, name);
CREATE INDEX repositories_by_age ON repositories (project_id, id) WHERE has_manifests = 1;
CREATE INDEX repositories_listed_by_project ON repositories (project_id, name) WHERE has_manifests = 1;
-- 1 if what the repository holds is counted for its project (project_contents). Counting is on while settings has
-- `quota.counting`; those from before are counted one by one then.
ALTER TABLE repositories ADD COLUMN counted {small} NOT NULL DEFAULT 0;
CREATE INDEX repositories_uncounted ON repositories (id) WHERE counted = 0;

-- Listings go from the newest to the oldest.
DROP INDEX manifests_live;
CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, id) WHERE deleted_at IS NULL;
-- What can be restored: these hold what was deleted lately, or would be asked for it.
CREATE INDEX manifests_by_deletion ON manifests (repository_id, deleted_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX tag_events_of_deletions ON tag_events (repository_id, at, id) WHERE action = 2;
-- Listings of tags, those pushed last first.
CREATE INDEX tags_by_update ON tags (repository_id, updated_at, name);
-- Searches in all repositories.
CREATE INDEX tags_by_name ON tags (name, repository_id, manifest_id);
-- What images are found by: what annotations and labels of a few keys say, folded, as far as it was there at a push.
CREATE TABLE manifest_marks (
    manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    key {small} NOT NULL,
    value {text} NOT NULL,
    repository_id {int} NOT NULL,
    -- 8 times the manifest and the key.
    position {int} NOT NULL,
    PRIMARY KEY (manifest_id, key, value)
){clustered};
CREATE INDEX manifest_marks_by_value ON manifest_marks (value, position, repository_id, manifest_id, key);

CREATE TABLE project_metadata (
    project_id {int} NOT NULL REFERENCES projects (id),
    key {text} NOT NULL,
    value {text} NOT NULL,
    PRIMARY KEY (project_id, key)
){clustered};
CREATE INDEX project_metadata_by_key ON project_metadata (key, project_id);

-- A user or a group in a project; `repositories` is a pattern within it, empty for all.
CREATE TABLE project_members (
    id {id},
    project_id {int} NOT NULL REFERENCES projects (id),
    user_id {int} REFERENCES users (id),
    group_id {int} REFERENCES user_groups (id),
    role_id {int} NOT NULL,
    repositories {text} NOT NULL,
    condition_id {int},
    created_at {int} NOT NULL
){rows};
CREATE UNIQUE INDEX project_members_users ON project_members (project_id, user_id, repositories) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX project_members_groups ON project_members (project_id, group_id, repositories) WHERE group_id IS NOT NULL;
CREATE INDEX project_members_by_project ON project_members (project_id, id);
CREATE INDEX project_members_by_user ON project_members (user_id, project_id);
CREATE INDEX project_members_by_group ON project_members (group_id, project_id);
CREATE INDEX project_members_by_role ON project_members (role_id, id);
CREATE INDEX project_members_by_condition ON project_members (condition_id, id) WHERE condition_id IS NOT NULL;

-- Conditions on grants.
CREATE TABLE access_policies (
    id {id},
    name {text} NOT NULL UNIQUE,
    description {text} NOT NULL,
    text {text} NOT NULL,
    -- Grows with each change, so that what was made of a text is known to be of this one.
    revision {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
){rows};

CREATE TABLE robots (
    id {id},
    -- `team+ci` in a project, `ci` for the system; callers see it behind a prefix.
    name {text} NOT NULL UNIQUE,
    project_id {int} REFERENCES projects (id),
    description {text} NOT NULL,
    secret_hash {bytes} NOT NULL,
    permissions {text} NOT NULL,
    disabled {small} NOT NULL,
    duration_days {int} NOT NULL,
    expires_at {int},
    created_by {text} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    last_used_at {int}
){rows};
CREATE INDEX robots_by_project ON robots (project_id, name);
CREATE INDEX robots_by_secret ON robots (secret_hash);

CREATE TABLE access_tokens (
    id {id},
    user_id {int} NOT NULL REFERENCES users (id),
    name {text} NOT NULL,
    secret_hash {bytes} NOT NULL UNIQUE,
    -- What it narrows its user to; NULL narrows nothing.
    permissions {text},
    created_at {int} NOT NULL,
    expires_at {int},
    last_used_at {int},
    UNIQUE (user_id, name)
){rows};
CREATE INDEX access_tokens_by_user ON access_tokens (user_id, id);

-- Whose tokens stand for a robot.
CREATE TABLE trust_rules (
    id {id},
    name {text} NOT NULL,
    kind {small} NOT NULL,
    issuer {text} NOT NULL,
    audience {text} NOT NULL,
    claims {text} NOT NULL,
    robot_id {int} NOT NULL REFERENCES robots (id),
    disabled {small} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    UNIQUE (robot_id, name)
){rows};
CREATE INDEX trust_rules_by_issuer ON trust_rules (issuer, id);

-- Ed25519. Which of them signs and until when the others verify follows from their age.
CREATE TABLE signing_keys (
    id {text} PRIMARY KEY,
    -- PKCS #8, sealed with a key that is not in the index.
    private_key {bytes} NOT NULL,
    created_at {int} NOT NULL
){clustered};

-- Who is logged in on the pages. `expires_at` is the sooner of the two: too long without a request, too long since the login.
CREATE TABLE sessions (
    id_hash {bytes} PRIMARY KEY,
    user_id {int} NOT NULL REFERENCES users (id),
    address {text} NOT NULL,
    created_at {int} NOT NULL,
    last_seen_at {int} NOT NULL,
    expires_at {int} NOT NULL
){clustered};
CREATE INDEX sessions_by_user ON sessions (user_id, expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Append only. Names, not rows: the record outlives what it tells of. `sequence` and `hash` are filled in afterwards, in
-- order: each hash covers the one before it. settings has how far that is (`audit.head`) and what retention took from the
-- beginning (`audit.purged`), each as sequence:hash.
CREATE TABLE audit_events (
    id {id},
    at {int} NOT NULL,
    operation {text} NOT NULL,
    resource_type {text} NOT NULL,
    resource {text} NOT NULL,
    project_id {int},
    project {text},
    actor {text} NOT NULL,
    address {text} NOT NULL,
    request_id {text} NOT NULL,
    succeeded {small} NOT NULL,
    detail {text} NOT NULL,
    sequence {int} UNIQUE,
    hash {bytes}
){rows};
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE sequence IS NULL;
CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_by_project ON audit_events (project_id, at, id);
CREATE INDEX audit_events_by_actor ON audit_events (actor, at, id);
CREATE INDEX audit_events_by_operation ON audit_events (operation, at, id);
CREATE INDEX audit_events_by_resource_type ON audit_events (resource_type, at, id);
CREATE INDEX audit_events_failed ON audit_events (at, id) WHERE succeeded = 0;
INSERT INTO settings (key, value) VALUES
    ('audit.head', '0:0000000000000000000000000000000000000000000000000000000000000000'),
    ('audit.purged', '0:0000000000000000000000000000000000000000000000000000000000000000');

-- Who is sent the record, and up to which sequence they have it.
CREATE TABLE audit_targets (
    name {text} PRIMARY KEY,
    sequence {int} NOT NULL,
    -- Until then a process is sending; others keep away.
    leased_until {int} NOT NULL
){clustered};

-- -1 bytes: no limit; a project without a row has the limit of settings (`quota.default_bytes`).
CREATE TABLE project_quotas (
    project_id {int} PRIMARY KEY REFERENCES projects (id),
    hard_bytes {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
){rows};

-- What the counted repositories of a project hold: each content once, and how many links and manifests hold it.
CREATE TABLE project_contents (
    project_id {int} NOT NULL REFERENCES projects (id),
    digest {bytes} NOT NULL,
    -- As it was charged, so that the same is given back.
    size_bytes {int} NOT NULL,
    holders {int} NOT NULL,
    PRIMARY KEY (project_id, digest)
){clustered};

-- The bytes of project_contents of a project and of those inside of it, spread over rows so that pushes at the same time need not share one. A row may grow to
-- what it was allotted; the rows' allotments together never exceed the limit, or what is used if that is more. One row
-- may fall below 0, the sum never does.
CREATE TABLE project_usage (
    project_id {int} NOT NULL REFERENCES projects (id),
    shard {int} NOT NULL,
    used_bytes {int} NOT NULL,
    allotted_bytes {int} NOT NULL,
    PRIMARY KEY (project_id, shard)
){clustered};

CREATE TABLE labels (
    id {id},
    name {text} NOT NULL,
    description {text} NOT NULL,
    color {text} NOT NULL,
    -- NULL: of the whole registry.
    project_id {int} REFERENCES projects (id) ON DELETE CASCADE,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
){rows};
CREATE UNIQUE INDEX labels_of_projects ON labels (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX labels_of_all ON labels (name) WHERE project_id IS NULL;

-- What is said of a manifest here and below goes with it, whoever takes it away.
CREATE TABLE manifest_labels (
    manifest_id {int} NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    label_id {int} NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
    PRIMARY KEY (manifest_id, label_id)
){clustered};
CREATE INDEX manifest_labels_by_label ON manifest_labels (label_id, manifest_id);

-- Pulls, counted in batches beside them.
CREATE TABLE repository_pulls (
    repository_id {int} PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    pulls {int} NOT NULL,
    last_pulled_at {int} NOT NULL
){rows};
CREATE INDEX repository_pulls_by_time ON repository_pulls (last_pulled_at, repository_id);
CREATE TABLE manifest_pulls (
    manifest_id {int} PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    pulls {int} NOT NULL,
    last_pulled_at {int} NOT NULL
){rows};
