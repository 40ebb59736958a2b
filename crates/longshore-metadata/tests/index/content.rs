use longshore_metadata::{
    ArtifactFilter, ArtifactOrder, LabelOrder, Metadata, NewLabel, ProjectId, Pulls, ReadTx, ReferenceKind,
    RepositoryFilter, RepositoryId, RepositoryOrder, RepositoryParts, RepositoryScope, TagFilter, TextFilter,
};
use longshore_types::Digest;

use crate::support::{at, digest, draft, linked_blob, name, on_both_databases, push_tag, repository, tag};

on_both_databases! {
    repositories_are_listed_by_project_name_and_age,
    artifacts_are_what_stands_for_itself,
    artifacts_are_found_by_tags_labels_and_types,
    labels_are_unique_within_their_project,
    pulls_add_up_and_go_with_their_manifest,
}

const COUNTED: RepositoryParts = RepositoryParts { artifacts: true };

async fn names(tx: &mut ReadTx, scope: RepositoryScope<'_>, order: (RepositoryOrder, bool)) -> Vec<String> {
    let filter = RepositoryFilter { scope, name: None };
    let found = tx.listed_repositories(&filter, order, 0, 100).await.unwrap();
    assert_eq!(tx.listed_repositories_count(&filter).await.unwrap(), found.len() as u64);
    found.into_iter().map(|record| record.name.to_string()).collect()
}

async fn repositories_are_listed_by_project_name_and_age(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    for project in ["team", "team/sub", "open"] {
        tx.insert_project(&project.parse().unwrap(), None, at(1)).await.unwrap().unwrap();
    }
    let mut projects = Vec::new();
    for (n, repository_name) in ["team/b", "team/a", "team/sub/c", "open/d", "team/empty"].iter().enumerate()
    {
        let id = repository(&mut tx, repository_name).await;
        projects.push(tx.repository(&name(repository_name)).await.unwrap().unwrap().project);
        if *repository_name != "team/empty" {
            let pushed_at = at(10 * (9 - n as i64));
            draft(repository_name).put(&mut tx, id, pushed_at).await;
        }
        if *repository_name == "team/b" {
            let pulls = Pulls { pulls: 3, last_at: at(5) };
            tx.add_repository_pulls(&name(repository_name), pulls).await.unwrap();
            tx.describe_repository(id, "the second", at(1_000)).await.unwrap();
        }
    }
    let public = tx.project(&"open".parse().unwrap()).await.unwrap().unwrap().id;
    tx.set_project_metadata(public, "public", "true").await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let (created, by_name) = (RepositoryOrder::Created, RepositoryOrder::Name);
    let all = names(&mut tx, RepositoryScope::All, (created, true)).await;
    assert_eq!(all, ["open/d", "team/sub/c", "team/a", "team/b"]);
    let team = RepositoryScope::Project(projects[0]);
    assert_eq!(names(&mut tx, team, (by_name, false)).await, ["team/a", "team/b"]);
    assert_eq!(names(&mut tx, team, (by_name, true)).await, ["team/b", "team/a"]);
    assert_eq!(names(&mut tx, team, (RepositoryOrder::Pulls, true)).await, ["team/b", "team/a"]);
    assert_eq!(names(&mut tx, team, (RepositoryOrder::Updated, false)).await, ["team/a", "team/b"]);
    let sub: &[ProjectId] = &[projects[2]];
    let record = tx.repository(&name("team/a")).await.unwrap().unwrap();
    let one: &[RepositoryId] = &[record.id];
    let within = |public, projects, repositories| RepositoryScope::Within { public, projects, repositories };
    let order = (by_name, false);
    assert_eq!(names(&mut tx, within(true, sub, one), order).await, ["open/d", "team/a", "team/sub/c"]);
    assert_eq!(names(&mut tx, within(false, sub, &[]), order).await, ["team/sub/c"]);
    assert_eq!(names(&mut tx, within(false, &[], &[]), order).await, [""; 0]);
    let filter = |name| RepositoryFilter { scope: RepositoryScope::All, name: Some(name) };
    let sub = filter(TextFilter::Contains("/sub/"));
    assert_eq!(tx.listed_repositories_count(&sub).await.unwrap(), 1);
    assert_eq!(tx.listed_repositories_count(&filter(TextFilter::Is("team/empty"))).await.unwrap(), 0);
    let page = tx.listed_repositories(&filter(TextFilter::Contains("")), order, 1, 2).await.unwrap();
    assert_eq!(page.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["team/a", "team/b"]);

    let described = tx.repository(&name("team/b")).await.unwrap().unwrap();
    let summary = tx.repository_summary(described, COUNTED).await.unwrap();
    assert_eq!((summary.description.as_str(), summary.artifacts, summary.pulls), ("the second", Some(1), 3));
    assert_eq!(summary.updated_at, at(1_000));
    let summary = tx.repository_summary(record, COUNTED).await.unwrap();
    assert_eq!((summary.updated_at, summary.pulls), (at(80), 0));
}

async fn found(tx: &mut ReadTx, repository: RepositoryId, filter: &ArtifactFilter<'_>) -> Vec<Digest> {
    let page = tx.artifacts_page(repository, filter, (ArtifactOrder::Pushed, true), 0, 100).await.unwrap();
    assert_eq!(tx.artifacts_count(repository, filter).await.unwrap(), page.len() as u64);
    page.into_iter().map(|record| record.digest).collect()
}

async fn artifacts_are_what_stands_for_itself(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    linked_blob(&mut tx, id, "layer").await;
    let alone = draft("alone").put(&mut tx, id, at(1)).await;
    let child = draft("child").refers(ReferenceKind::Layer, "layer").put(&mut tx, id, at(2)).await;
    let both = draft("both").put(&mut tx, id, at(3)).await;
    push_tag(&mut tx, "both", &both, at(3)).await;
    let index = draft("index").refers(ReferenceKind::Child, "child").refers(ReferenceKind::Child, "both");
    let index = index.put(&mut tx, id, at(4)).await;
    let mut signature = draft("signature");
    signature.subject = Some(alone.digest);
    signature.put(&mut tx, id, at(5)).await;
    let cosigned = draft("cosigned").put(&mut tx, id, at(6)).await;
    push_tag(&mut tx, &format!("sha256-{}.sig", alone.digest.hex()), &cosigned, at(6)).await;
    tx.commit().await.unwrap();

    let mut tx = metadata.write().await.unwrap();
    let wanted = [index.digest, both.digest, alone.digest];
    assert_eq!(found(&mut tx, id, &ArtifactFilter::default()).await, wanted);
    let every = ArtifactFilter { every_manifest: true, ..ArtifactFilter::default() };
    assert_eq!(found(&mut tx, id, &every).await.len(), 6);
    assert_eq!(tx.accessories_count(id, &alone.digest).await.unwrap(), 1);
    let accessory = tx.accessories_page(id, &alone.digest, 0, 9).await.unwrap().remove(0);
    assert_eq!(accessory.digest, digest("signature"));
    assert_eq!(tx.live_index_of(id, &child.digest).await.unwrap(), Some(index.digest));
    assert_eq!(
        tx.children_bytes(&index).await.unwrap(),
        ("child".len() + "both".len() + "layer".len()) as u64
    );
    assert_eq!(tx.referenced_bytes(child.id).await.unwrap(), "layer".len() as u64);
    let ids = tx.manifest_ids(id, &[child.digest, digest("nothing")]).await.unwrap();
    assert!(ids.iter().all(|(found, row)| (*found, *row) == (child.digest, child.id)) && !ids.is_empty());
    // A child is not to be seen by itself while its index can be restored.
    tx.lock_repository(id).await.unwrap();
    tx.mark_manifest_deleted(index.id, at(7)).await.unwrap();
    assert_eq!(found(&mut tx, id, &ArtifactFilter::default()).await, [both.digest, alone.digest]);
    assert_eq!(tx.live_index_of(id, &child.digest).await.unwrap(), None);
    tx.mark_manifest_deleted(child.id, at(7)).await.unwrap();
    let together = tx.deleted_together(&index, at(7)).await.unwrap();
    assert_eq!(together.iter().map(|m| m.digest).collect::<Vec<_>>(), [child.digest]);
    assert_eq!(tx.deleted_together(&index, at(8)).await.unwrap(), []);
    assert_eq!(tx.manifest_ids(id, &[child.digest]).await.unwrap(), []);
}

async fn artifacts_are_found_by_tags_labels_and_types(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    let plain = draft("plain").put(&mut tx, id, at(1)).await;
    let mut chart = draft("chart");
    chart.artifact_type = Some("application/vnd.cncf.helm.config.v1+json");
    let chart = chart.put(&mut tx, id, at(2)).await;
    for name in ["v1", "v1.1", "latest"] {
        push_tag(&mut tx, name, &chart, at(2)).await;
    }
    let mut labels = Vec::new();
    for name in ["a", "b"] {
        let label = NewLabel { name, description: "", color: "" };
        labels.push(tx.insert_label(None, &label, at(1)).await.unwrap().unwrap());
    }
    assert!(tx.add_label(chart.id, labels[0]).await.unwrap());
    assert!(!tx.add_label(chart.id, labels[0]).await.unwrap());
    assert!(tx.add_label(chart.id, labels[1]).await.unwrap());
    assert!(tx.add_label(plain.id, labels[1]).await.unwrap());
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let any = ArtifactFilter::default();
    let tags = |tags| ArtifactFilter { tags: Some(tags), ..any };
    let one = |text| tags(TagFilter::One(text));
    for (filter, wanted) in [
        (tags(TagFilter::Any), &[chart.digest][..]),
        (tags(TagFilter::None), &[plain.digest]),
        (one(TextFilter::Is("v1")), &[chart.digest]),
        (one(TextFilter::Is("v")), &[]),
        (one(TextFilter::Contains("1.")), &[chart.digest]),
        (one(TextFilter::Contains("nothing")), &[]),
        (ArtifactFilter { labels: &labels, ..any }, &[chart.digest]),
        (ArtifactFilter { labels: &labels[1..], ..any }, &[chart.digest, plain.digest]),
        (ArtifactFilter { content_type: Some(TextFilter::Contains("helm")), ..any }, &[chart.digest]),
        (
            ArtifactFilter {
                content_types: Some(&["a/b", "application/vnd.cncf.helm.config.v1+json"]),
                ..any
            },
            &[chart.digest],
        ),
        (ArtifactFilter { content_types: Some(&[]), ..any }, &[]),
        (ArtifactFilter { digest: Some(plain.digest), ..any }, &[plain.digest]),
        (ArtifactFilter { id: Some(plain.id), ..any }, &[plain.digest]),
        (ArtifactFilter { pushed_from: Some(at(2)), ..any }, &[chart.digest]),
        (ArtifactFilter { pushed_to: Some(at(1)), ..any }, &[plain.digest]),
    ] {
        assert_eq!(found(&mut tx, id, &filter).await, wanted, "{filter:?}");
    }
    let tagged = tx.tagged_manifest(id, &tag("v1")).await.unwrap();
    assert_eq!(tagged.map(|record| record.id), Some(chart.id));
    assert_eq!(tx.tags_on_count(chart.id, Some(TextFilter::Contains("v1"))).await.unwrap(), 2);
    assert_eq!(tx.labels_on(chart.id, 9).await.unwrap().len(), 2);
}

async fn labels_are_unique_within_their_project(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let project = tx.insert_project(&"team".parse().unwrap(), None, at(1)).await.unwrap().unwrap();
    let label = |name| NewLabel { name, description: "what", color: "#fff" };
    let mut made = Vec::new();
    for (owner, name) in [(Some(project), "b"), (None, "a"), (Some(project), "a")] {
        made.push(tx.insert_label(owner, &label(name), at(1)).await.unwrap().unwrap());
        assert_eq!(tx.insert_label(owner, &label(name), at(1)).await.unwrap(), None, "{name}");
    }
    let first = tx.label(made[0]).await.unwrap().unwrap();
    assert_eq!((first.name.as_str(), first.color.as_str(), first.project), ("b", "#fff", Some(project)));
    assert!(!tx.update_label(&first, &label("a"), at(2)).await.unwrap());
    assert!(tx.update_label(&first, &label("c"), at(2)).await.unwrap());
    let names = async |tx: &mut ReadTx, owner, order| -> Vec<String> {
        let page = tx.labels_page(owner, None, order, 0, 9).await.unwrap();
        page.into_iter().map(|label| label.name).collect()
    };
    assert_eq!(names(&mut tx, Some(project), (LabelOrder::Name, false)).await, ["a", "c"]);
    assert_eq!(names(&mut tx, Some(project), (LabelOrder::Created, true)).await, ["a", "c"]);
    assert_eq!(names(&mut tx, Some(project), (LabelOrder::Updated, true)).await, ["c", "a"]);
    assert_eq!(names(&mut tx, None, (LabelOrder::Name, true)).await, ["a"]);
    assert_eq!(tx.labels_count(Some(project), Some(TextFilter::Contains("c"))).await.unwrap(), 1);

    let id = repository(&mut tx, "team/app").await;
    let manifest = draft("m").put(&mut tx, id, at(1)).await;
    for label in &made {
        tx.add_label(manifest.id, *label).await.unwrap();
    }
    tx.delete_label(made[0]).await.unwrap();
    assert!(tx.remove_label(manifest.id, made[1]).await.unwrap());
    assert!(!tx.remove_label(manifest.id, made[1]).await.unwrap());
    assert_eq!(tx.labels_on(manifest.id, 9).await.unwrap().len(), 1);
    tx.purge_manifest(manifest.id).await.unwrap();
    assert_eq!(tx.labels_on(manifest.id, 9).await.unwrap(), []);
    tx.commit().await.unwrap();
}

async fn pulls_add_up_and_go_with_their_manifest(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    let manifest = draft("m").put(&mut tx, id, at(1)).await;
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let app = name("app");
    for (pulls, last_at) in [(2, at(9)), (3, at(5))] {
        let pulls = Pulls { pulls, last_at };
        tx.add_manifest_pulls(&app, &manifest.digest, pulls).await.unwrap();
        tx.add_repository_pulls(&app, pulls).await.unwrap();
        // What is gone, or never was, is passed over.
        tx.add_manifest_pulls(&app, &digest("nothing"), pulls).await.unwrap();
        tx.add_repository_pulls(&name("nothing"), pulls).await.unwrap();
    }
    assert_eq!(tx.pulls_of(manifest.id).await.unwrap(), Some(Pulls { pulls: 5, last_at: at(9) }));
    tx.purge_manifest(manifest.id).await.unwrap();
    assert_eq!(tx.pulls_of(manifest.id).await.unwrap(), None);
    draft("other").put(&mut tx, id, at(1)).await;
    let record = tx.listed_repository(&app).await.unwrap().unwrap();
    assert_eq!(tx.repository_summary(record, COUNTED).await.unwrap().pulls, 5);
    tx.commit().await.unwrap();
}
