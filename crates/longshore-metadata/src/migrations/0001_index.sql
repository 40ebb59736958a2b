-- The index. One text for both databases; what must differ stands in braces and is filled in by migrations.rs:
--   {id}         a row's own number, never given out twice
--   {int}        64-bit integer; moments are milliseconds since 1970
--   {small}      a small integer; the codes stand beside their enums
--   {text}       text that compares byte by byte
--   {bytes}      bytes; digests are longshore_types::Digest::to_bytes
--   {rows}       end of a table found by its id
--   {clustered}  end of a table that lies in the order of its primary key
--
-- Foreign keys are more than tidiness: on PostgreSQL they are what keeps a push from naming a row that collection
-- takes at the same moment (docs/adr/0002).

CREATE TABLE projects (
    id {id},
    parent_id {int} REFERENCES projects (id),
    name {text} NOT NULL UNIQUE,
    created_at {int} NOT NULL
){rows};

CREATE TABLE repositories (
    id {id},
    project_id {int} NOT NULL REFERENCES projects (id),
    name {text} NOT NULL UNIQUE,
    -- 1 if a manifest is there that is not deleted. Kept so that the catalog never walks over empty repositories.
    has_manifests {small} NOT NULL,
    created_at {int} NOT NULL
){rows};
CREATE INDEX repositories_listed ON repositories (name) WHERE has_manifests = 1;

CREATE TABLE blobs (
    id {id},
    digest {bytes} NOT NULL UNIQUE,
    size_bytes {int} NOT NULL,
    created_at {int} NOT NULL
){rows};

CREATE TABLE repository_blobs (
    repository_id {int} NOT NULL REFERENCES repositories (id),
    blob_id {int} NOT NULL REFERENCES blobs (id),
    linked_at {int} NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
){clustered};
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id, repository_id);

CREATE TABLE manifests (
    id {id},
    repository_id {int} NOT NULL REFERENCES repositories (id),
    digest {bytes} NOT NULL,
    media_type {text} NOT NULL,
    artifact_type {text},
    subject {bytes},
    size_bytes {int} NOT NULL,
    pushed_at {int} NOT NULL,
    deleted_at {int},
    UNIQUE (repository_id, digest)
){rows};
CREATE INDEX manifests_live ON manifests (repository_id) WHERE deleted_at IS NULL;
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- Beside manifests, so that listings and look-ups do not drag the bytes through memory.
CREATE TABLE manifest_payloads (
    manifest_id {int} PRIMARY KEY REFERENCES manifests (id),
    annotations {text} NOT NULL,
    payload {bytes} NOT NULL
){rows};

CREATE TABLE manifest_references (
    manifest_id {int} NOT NULL REFERENCES manifests (id),
    kind {small} NOT NULL,
    digest {bytes} NOT NULL,
    repository_id {int} NOT NULL,
    PRIMARY KEY (manifest_id, kind, digest)
){clustered};
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest, manifest_id);

CREATE TABLE tags (
    repository_id {int} NOT NULL REFERENCES repositories (id),
    name {text} NOT NULL,
    manifest_id {int} NOT NULL REFERENCES manifests (id),
    updated_at {int} NOT NULL,
    PRIMARY KEY (repository_id, name)
){clustered};
CREATE INDEX tags_by_manifest ON tags (manifest_id, name);

-- Append only. Digests, not rows: history outlives the manifests.
CREATE TABLE tag_events (
    id {id},
    repository_id {int} NOT NULL REFERENCES repositories (id),
    tag {text} NOT NULL,
    action {small} NOT NULL,
    from_digest {bytes},
    to_digest {bytes},
    actor {text},
    at {int} NOT NULL
){rows};
CREATE INDEX tag_events_by_repository ON tag_events (repository_id, id);
CREATE INDEX tag_events_by_tag ON tag_events (repository_id, tag, id);

CREATE TABLE uploads (
    id {text} PRIMARY KEY,
    repository_id {int} NOT NULL REFERENCES repositories (id),
    size_bytes {int} NOT NULL,
    digester_state {bytes} NOT NULL,
    store_state {bytes} NOT NULL,
    started_at {int} NOT NULL,
    updated_at {int} NOT NULL
){clustered};
CREATE INDEX uploads_by_age ON uploads (updated_at);

CREATE TABLE blob_reviews (
    blob_id {int} NOT NULL REFERENCES blobs (id),
    repository_id {int} NOT NULL REFERENCES repositories (id),
    event {small} NOT NULL,
    review_after {int} NOT NULL,
    PRIMARY KEY (blob_id, repository_id)
){clustered};
CREATE INDEX blob_reviews_due ON blob_reviews (review_after);

CREATE TABLE manifest_reviews (
    manifest_id {int} PRIMARY KEY REFERENCES manifests (id),
    repository_id {int} NOT NULL REFERENCES repositories (id),
    event {small} NOT NULL,
    review_after {int} NOT NULL
){rows};
CREATE INDEX manifest_reviews_due ON manifest_reviews (review_after);

CREATE TABLE jobs (
    id {id},
    kind {text} NOT NULL,
    payload {text} NOT NULL,
    attempts {int} NOT NULL,
    -- Not before; while a worker has the job, when its lease ends.
    run_after {int} NOT NULL,
    created_at {int} NOT NULL
){rows};
CREATE INDEX jobs_due ON jobs (kind, run_after, id);

CREATE TABLE settings (
    key {text} PRIMARY KEY,
    value {text} NOT NULL
){clustered};
