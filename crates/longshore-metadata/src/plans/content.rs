//! What people look at: repositories, artifacts, labels, pulls.

use longshore_types::{Digest, MediaType, Timestamp};

use crate::{
    ArtifactFilter, ArtifactOrder, LabelOrder, ManifestRecord, MarkKey, Metadata, MetadataError, NewLabel,
    NewManifest, ProjectId, Pulls, ReadTx, RepositoryFilter, RepositoryId, RepositoryOrder, RepositoryParts,
    RepositoryScope, TagEventAction, TagFilter, TagOrder, TextFilter,
};

/// Steps that are allowed, with the beginning of the statements that may have them, and what else stands in these.
pub(super) const ALLOWED: &[(&str, &str, &str)] = &[
    // Rows of a parameter.
    ("SCAN json_each VIRTUAL TABLE", "SELECT", "json_each"),
    // Orders that no index has: all repositories of a scope, all artifacts of a repository, all labels of an owner.
    ("USE TEMP B-TREE FOR", "SELECT r.id, r.project_id", "ORDER BY COALESCE"),
    ("USE TEMP B-TREE FOR", "SELECT r.id, r.project_id", "json_each"),
    ("USE TEMP B-TREE FOR", "SELECT id, project_id, name FROM repositories", "json_each"),
    ("USE TEMP B-TREE FOR", "SELECT m.id, m.repository_id", "ORDER BY COALESCE"),
    ("USE TEMP B-TREE FOR", "SELECT m.id, m.repository_id", "ORDER BY m.id"),
    ("USE TEMP B-TREE FOR", "SELECT m.id, m.repository_id", "ORDER BY m.digest"),
    ("USE TEMP B-TREE FOR", "SELECT l.id, l.name", "ORDER BY l.id"),
    ("USE TEMP B-TREE FOR", "SELECT l.id, l.name", "ORDER BY l.updated_at"),
    ("SCAN l", "SELECT l.id, l.name", "ORDER BY l.id"),
    ("USE TEMP B-TREE FOR", "SELECT t.name, t.manifest_id", "ORDER BY t.updated_at"),
    // From one end of a repository on, as far as was asked for; counting is what it says.
    (
        "SEARCH t USING COVERING INDEX tags_by_update (repository_id=?)",
        "SELECT t.name",
        "ORDER BY t.updated_at",
    ),
    // Rows of one page, once more.
    ("USE TEMP B-TREE FOR", "SELECT t.name, t.manifest_id", "AS p CROSS JOIN tags t"),
    ("SEARCH t USING PRIMARY KEY (repository_id=?)", "SELECT t.name", "ORDER BY t.name"),
    ("SEARCH t USING", "SELECT COUNT(*) FROM tags t WHERE t.repository_id", ""),
    ("SEARCH m USING INDEX manifests_by_push (repository_id=?)", "SELECT m.id, m.repository_id", ""),
    (
        "SEARCH m USING INDEX sqlite_autoindex_manifests_1 (repository_id=?)",
        "SELECT m.id",
        "ORDER BY m.digest",
    ),
    ("SEARCH m USING INDEX manifests_by_push (repository_id=?)", "SELECT COUNT(*) FROM manifests m", ""),
    ("SEARCH manifests USING INDEX manifests_by_push (repository_id=?)", "SELECT digest FROM manifests", ""),
    // What is on its way into one repository.
    ("SEARCH u USING COVERING INDEX uploads_by_repository (repository_id=?)", "SELECT changed_at", ""),
    // A project and those around it, as deep as names go.
    ("SCAN CONSTANT ROW", "SELECT p.id, p.name", "WITH RECURSIVE around"),
    ("SCAN around", "SELECT p.id, p.name", "WITH RECURSIVE around"),
    // Adding up is what it says.
    ("SCAN blobs", "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS bigint) FROM blobs", ""),
];

/// Calls everything that reads or changes them.
pub(super) async fn call_everything(metadata: &Metadata) -> Result<(), MetadataError> {
    let now = Timestamp::from_unix_millis(1_000);
    let name = "shown/app".parse().expect("a name");
    let mut tx = metadata.write().await?;
    let repository = tx.ensure_locked_repository(&name, now).await?;
    let new = NewManifest {
        repository: repository.id,
        digest: Digest::sha256(b"{} "),
        media_type: &MediaType::OCI_MANIFEST,
        artifact_type: None,
        subject: None,
        annotations: &[(MarkKey::Revision.annotation().to_owned(), "0123abc".to_owned())].into(),
        payload: b"{} ",
        references: &[],
    };
    let manifest = tx.put_manifest(&new, now).await?;
    let tag = "v1".parse().expect("a tag");
    tx.set_tag(repository.id, &tag, &manifest, TagEventAction::Push, None, now).await?;
    tx.describe_repository(repository.id, "d", now).await?;
    let once = Pulls { pulls: 1, last_at: now };
    tx.add_manifest_pulls(&name, &manifest.digest, once).await?;
    tx.add_repository_pulls(&name, once).await?;
    let label = NewLabel { name: "l", description: "", color: "" };
    let id = tx.insert_label(Some(repository.project), &label, now).await?.expect("a new label");
    let all = tx.insert_label(None, &label, now).await?.expect("a new label");
    let record = tx.label(id).await?.expect("it is there");
    assert!(tx.update_label(&record, &NewLabel { name: "m", ..label }, now).await?);
    assert!(tx.add_label(manifest.id, id).await?);
    tx.commit().await?;
    read_repositories(metadata, repository.project).await?;
    let mut tx = metadata.read().await?;
    let (window, one) = ((0, 9), &[id][..]);
    for filter in [
        ArtifactFilter::default(),
        ArtifactFilter { every_manifest: true, id: Some(manifest.id), ..ArtifactFilter::default() },
        ArtifactFilter { digest: Some(manifest.digest), labels: one, ..ArtifactFilter::default() },
        ArtifactFilter {
            tags: Some(TagFilter::Any),
            content_types: Some(&["a", "application/vnd.oci.image.manifest.v1+json"]),
            ..ArtifactFilter::default()
        },
        ArtifactFilter { tags: Some(TagFilter::One(TextFilter::Is("v1"))), ..ArtifactFilter::default() },
        ArtifactFilter { tags: Some(TagFilter::One(TextFilter::Contains("v"))), ..ArtifactFilter::default() },
        ArtifactFilter { pushed_from: Some(now), pushed_to: Some(now), ..ArtifactFilter::default() },
    ] {
        assert_eq!(tx.artifacts_count(repository.id, &filter).await?, 1, "{filter:?}");
        for order in [ArtifactOrder::Pushed, ArtifactOrder::Pulled, ArtifactOrder::Id, ArtifactOrder::Digest]
        {
            for descending in [false, true] {
                let order = (order, descending);
                let page = tx.artifacts_page(repository.id, &filter, order, window.0, window.1).await?;
                assert_eq!(page.len(), 1, "{filter:?} {order:?}");
            }
        }
    }
    let none = ArtifactFilter { tags: Some(TagFilter::None), ..ArtifactFilter::default() };
    assert_eq!(tx.artifacts_count(repository.id, &none).await?, 0);
    for order in [TagOrder::Pushed, TagOrder::Name] {
        let name = Some(TextFilter::Contains("v"));
        assert_eq!(tx.tags_on(manifest.id, name, (order, true), 0, 9).await?.len(), 1);
        for descending in [false, true] {
            let order = (order, descending);
            assert_eq!(tx.listed_tags(repository.id, None, order, 0, 9).await?.len(), 1);
            assert_eq!(tx.listed_tags(repository.id, name, order, 0, 9).await?.len(), 1);
        }
        assert_eq!(tx.listed_tags_count(repository.id, name).await?, 1);
    }
    assert_eq!(tx.listed_tags_count(repository.id, None).await?, 1);
    assert_eq!(tx.tags_on_count(manifest.id, None).await?, 1);
    assert_eq!(tx.accessories_page(repository.id, &manifest.digest, 0, 9).await?, []);
    assert_eq!(tx.accessories_count(repository.id, &manifest.digest).await?, 0);
    assert_eq!(tx.live_index_of(repository.id, &manifest.digest).await?, None);
    assert_eq!(tx.children_bytes(&manifest).await? + tx.referenced_bytes(manifest.id).await?, 0);
    assert_eq!(tx.manifest_ids(repository.id, &[manifest.digest]).await?.len(), 1);
    assert_eq!(tx.live_digests(repository.id, 9).await?.len(), 1);
    assert_eq!(tx.deleted_together(&manifest, now).await?, []);
    assert_eq!(tx.tagged_manifest(repository.id, &tag).await?, Some(manifest.clone()));
    assert_eq!(tx.pulls_of(manifest.id).await?, Some(once));
    tx.blobs_bytes().await?;
    for order in [LabelOrder::Name, LabelOrder::Created, LabelOrder::Updated] {
        for project in [None, Some(repository.project)] {
            assert_eq!(tx.labels_page(project, None, (order, false), 0, 9).await?.len(), 1);
        }
    }
    assert_eq!(tx.labels_on(manifest.id, 9).await?.len(), 1);
    drop(tx);
    let mut tx = metadata.write().await?;
    assert!(tx.remove_label(manifest.id, id).await?);
    tx.delete_label(id).await?;
    tx.delete_label(all).await?;
    tx.delete_tag(repository.id, &tag, None, now).await?;
    tx.mark_manifest_deleted(manifest.id, now).await?;
    read_deleted(&mut tx, repository.id, &manifest).await?;
    tx.purge_manifest(manifest.id).await?;
    tx.commit().await
}

async fn read_deleted(
    tx: &mut ReadTx,
    repository: RepositoryId,
    manifest: &ManifestRecord,
) -> Result<(), MetadataError> {
    let (since, at) = (Timestamp::from_unix_millis(1), Timestamp::from_unix_millis(1_000));
    let (digest, tag) = (&manifest.digest, "v1".parse().expect("a tag"));
    for before in [None, Some((Timestamp::MAX, 9))] {
        assert_eq!(tx.deleted_tags_page(repository, since, before, 9).await?.entries.len(), 1);
        assert_eq!(tx.deleted_manifests_page(repository, since, before, 9).await?.entries.len(), 1);
    }
    assert_eq!(tx.tags_deleted_from(repository, digest, at, 9).await?.len(), 1);
    assert!(tx.tag_had(repository, &tag, digest).await?);
    assert_eq!(tx.restorable_manifests(repository, &[*digest], since).await?, [*digest]);
    assert_eq!(tx.live_manifests_naming(repository, digest, 9).await?, []);
    Ok(())
}

async fn read_repositories(metadata: &Metadata, project: ProjectId) -> Result<(), MetadataError> {
    let mut tx = metadata.read().await?;
    let within = RepositoryScope::Within { public: true, projects: &[project], repositories: &[] };
    for scope in [RepositoryScope::All, RepositoryScope::Project(project), within] {
        let filter = RepositoryFilter { scope, name: Some(TextFilter::Contains("shown/")) };
        assert_eq!(tx.listed_repositories_count(&filter).await?, 1, "{scope:?}");
        assert_eq!(tx.pulled_repositories_count(&filter).await?, 1, "{scope:?}");
        let orders = [
            RepositoryOrder::Created,
            RepositoryOrder::Name,
            RepositoryOrder::Updated,
            RepositoryOrder::Pulls,
            RepositoryOrder::Pulled,
        ];
        for order in orders {
            let found = tx.listed_repositories(&filter, (order, true), 0, 9).await?;
            assert_eq!(found.len(), 1, "{scope:?} {order:?}");
            let parts = RepositoryParts { artifacts: true };
            let summary = tx.repository_summary(found[0].clone(), parts).await?;
            assert_eq!(summary.artifacts, Some(1));
        }
    }
    let everywhere = [RepositoryScope::All, within];
    for scope in everywhere {
        for after in [None, Some(("", 0))] {
            assert_eq!(tx.images_tagged(scope, "v1", after, 9).await?.entries.len(), 1, "{scope:?}");
            for with_revisions in [false, true] {
                let found = tx.images_marked(scope, "0123", with_revisions, after, 9).await?;
                assert_eq!(found.entries.len(), usize::from(with_revisions), "{scope:?}");
            }
        }
    }
    let name = "shown/app".parse().expect("a name");
    let repository = tx.repository(&name).await?.expect("it is there").id;
    assert!(tx.repository_stamp(repository).await?.is_some());
    assert_eq!(tx.tags_of_indexes_naming(repository, &Digest::sha256(b"x"), 9).await?, [""; 0]);
    assert!(tx.listed_repository(&name).await?.is_some());
    assert_eq!(tx.listed_repositories_of(&[project], None, 9).await?.len(), 1);
    Ok(())
}
