//! Labels: made, changed and taken away, and put on artifacts.

use longshore_auth::{Permission, Target};
use longshore_metadata::{
    LabelId, LabelOrder, LabelRecord, ManifestId, NewLabel, ProjectId, ProjectRecord, ReadTx, TextFilter,
};
use longshore_types::{Reference, RepositoryName};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// Longest description, in characters.
const DESCRIPTION_CHARACTERS_MAX: usize = 1024;
/// Longest color, in characters.
const COLOR_CHARACTERS_MAX: usize = 16;

/// What a label is to say.
#[derive(Clone, Debug)]
pub struct LabelPlan {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// How pages show it.
    pub color: String,
}

impl LabelPlan {
    fn check(&self) -> Result<NewLabel<'_>, ManageError> {
        let Self { name, description, color } = self;
        if name.is_empty() {
            return Err(ManageError::Invalid("name must not be empty".to_owned()));
        }
        for (key, text, max) in [
            ("name", name, NAME_CHARACTERS_MAX),
            ("description", description, DESCRIPTION_CHARACTERS_MAX),
            ("color", color, COLOR_CHARACTERS_MAX),
        ] {
            if text.chars().count() > max || text.contains('\0') {
                let problem = format!("{key} must be at most {max} characters, without NUL");
                return Err(ManageError::Invalid(problem));
            }
        }
        Ok(NewLabel { name, description, color })
    }
}

impl Accounts {
    /// Labels of a project, or of the whole registry, and how many there are.
    pub async fn labels(
        &self,
        act: &Act,
        project: Option<ProjectId>,
        name: Option<TextFilter<'_>>,
        order: (LabelOrder, bool),
        (skip, limit): (usize, usize),
    ) -> Result<(Vec<LabelRecord>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        self.label_project(act, &mut tx, project, Permission::LABEL_LIST).await?;
        let total = tx.labels_count(project, name).await?;
        Ok((tx.labels_page(project, name, order, skip, limit).await?, total))
    }

    /// The label of that number.
    pub async fn label(&self, act: &Act, id: LabelId) -> Result<LabelRecord, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        Ok(self.label_for(act, &mut tx, id, Permission::LABEL_READ).await?.0)
    }

    /// Makes a label of a project, or of the whole registry.
    pub async fn create_label(
        &self,
        act: &Act,
        project: Option<ProjectId>,
        plan: &LabelPlan,
    ) -> Result<LabelId, ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let owner = self.label_project(act, &mut tx, project, Permission::LABEL_CREATE).await?;
            let new = plan.check()?;
            let Some(id) = tx.insert_label(project, &new, act.circumstances.now).await? else {
                return Err(taken(new.name));
            };
            act.record(&mut tx, "create_label", ("label", new.name), owner.as_ref(), "").await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Changes a label.
    pub async fn update_label(&self, act: &Act, id: LabelId, plan: &LabelPlan) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (label, owner) = self.label_for(act, &mut tx, id, Permission::LABEL_UPDATE).await?;
            let new = plan.check()?;
            if !tx.update_label(&label, &new, act.circumstances.now).await? {
                return Err(taken(new.name));
            }
            let detail = serde_json::json!({ "old_name": label.name }).to_string();
            act.record(&mut tx, "update_label", ("label", new.name), owner.as_ref(), &detail).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Takes a label away, also from what it is on.
    pub async fn delete_label(&self, act: &Act, id: LabelId) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (label, owner) = self.label_for(act, &mut tx, id, Permission::LABEL_DELETE).await?;
            tx.delete_label(id).await?;
            act.record(&mut tx, "delete_label", ("label", &label.name), owner.as_ref(), "").await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Puts a label on an artifact: one of its project or of the whole registry. The caller may do so, which was
    /// decided before.
    ///
    /// # Errors
    /// [`ManageError::Conflict`] where it is already.
    pub async fn label_artifact(
        &self,
        act: &Act,
        repository: &RepositoryName,
        reference: &Reference,
        id: LabelId,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (manifest, project) = artifact(&mut tx, repository, reference).await?;
            let label = tx.label(id).await?;
            let usable = label.filter(|label| label.project.is_none_or(|owner| owner == project.id));
            let label = usable.ok_or_else(|| ManageError::unknown("label", id.number()))?;
            if !tx.add_label(manifest, id).await? {
                let problem = format!("label {} is on {repository} {reference} already", label.name);
                return Err(ManageError::Conflict(problem));
            }
            self.record_labeling(
                act,
                &mut tx,
                "create_artifact_label",
                (repository, reference),
                &label,
                &project,
            )
            .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Takes a label off an artifact.
    pub async fn unlabel_artifact(
        &self,
        act: &Act,
        repository: &RepositoryName,
        reference: &Reference,
        id: LabelId,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let (manifest, project) = artifact(&mut tx, repository, reference).await?;
            let label = tx.label(id).await?;
            let label = label.ok_or_else(|| ManageError::unknown("label", id.number()))?;
            if !tx.remove_label(manifest, id).await? {
                return Err(ManageError::unknown("label", id.number()));
            }
            self.record_labeling(
                act,
                &mut tx,
                "delete_artifact_label",
                (repository, reference),
                &label,
                &project,
            )
            .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn record_labeling(
        &self,
        act: &Act,
        tx: &mut longshore_metadata::WriteTx,
        operation: &str,
        (repository, reference): (&RepositoryName, &Reference),
        label: &LabelRecord,
        project: &ProjectRecord,
    ) -> Result<(), ManageError> {
        let separator = if matches!(reference, Reference::Tag(_)) { ':' } else { '@' };
        let resource = format!("{repository}{separator}{reference}");
        let detail = serde_json::json!({ "label": label.name }).to_string();
        Ok(act.record(tx, operation, ("artifact", &resource), Some(project), &detail).await?)
    }

    /// The project whose labels are meant, if the caller may do this to them.
    async fn label_project(
        &self,
        act: &Act,
        tx: &mut ReadTx,
        project: Option<ProjectId>,
        permission: Permission,
    ) -> Result<Option<ProjectRecord>, ManageError> {
        let may =
            |target: &Target<'_>, permission| self.may(&act.access, target, permission, &act.circumstances);
        let Some(id) = project else {
            return match may(&Target::SYSTEM, permission) {
                true => Ok(None),
                false => Err(ManageError::lacks(permission)),
            };
        };
        let unknown = || ManageError::unknown("project", id.number());
        let found = tx.project_by_id(id).await?.ok_or_else(unknown)?;
        let target = Target::project(&found.name, found.public);
        if may(&target, permission) {
            Ok(Some(found))
        } else if may(&target, Permission::PROJECT_READ) {
            Err(ManageError::lacks(permission))
        } else {
            Err(unknown())
        }
    }

    /// The label and its project, if the caller may do this to it.
    async fn label_for(
        &self,
        act: &Act,
        tx: &mut ReadTx,
        id: LabelId,
        permission: Permission,
    ) -> Result<(LabelRecord, Option<ProjectRecord>), ManageError> {
        let unknown = || ManageError::unknown("label", id.number());
        let label = tx.label(id).await?.ok_or_else(unknown)?;
        match self.label_project(act, tx, label.project, permission).await {
            Ok(owner) => Ok((label, owner)),
            // Who may not know of the project may not know of its labels.
            Err(ManageError::Unknown { .. }) => Err(unknown()),
            Err(error) => Err(error),
        }
    }
}

fn taken(name: &str) -> ManageError {
    ManageError::Conflict(format!("label {name} already exists"))
}

/// The manifest that a reference names, and the project that it lies in.
async fn artifact(
    tx: &mut ReadTx,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<(ManifestId, ProjectRecord), ManageError> {
    let unknown = || ManageError::unknown("artifact", format!("{repository} {reference}"));
    let found = tx.repository(repository).await?.ok_or_else(unknown)?;
    let record = match reference {
        Reference::Tag(tag) => tx.tagged_manifest(found.id, tag).await?,
        Reference::Digest(digest) => tx.manifest_record(found.id, digest).await?,
    };
    let record = record.filter(|record| record.deleted_at.is_none()).ok_or_else(unknown)?;
    let project = tx.project_by_id(found.project).await?.ok_or_else(unknown)?;
    Ok((record.id, project))
}
