//! Labels: words that people put on artifacts, of the whole registry or of a project.

use longshore_types::Timestamp;

use crate::{
    ManifestId, MetadataError, ProjectId, ReadTx, TextFilter, WriteTx,
    conditions::Conditions,
    sql::{Row, at_most, params},
};

/// A label's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(pub(crate) i64);

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRecord {
    /// Its row.
    pub id: LabelId,
    /// Its name, which no other label of its project has, or none of the whole registry.
    pub name: String,
    /// What it means.
    pub description: String,
    /// How pages show it: `#0065ab`, or empty.
    pub color: String,
    /// Whose it is; `None` for one of the whole registry.
    pub project: Option<ProjectId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a label says.
#[derive(Clone, Copy, Debug)]
pub struct NewLabel<'a> {
    /// See [`LabelRecord::name`].
    pub name: &'a str,
    /// See [`LabelRecord::description`].
    pub description: &'a str,
    /// See [`LabelRecord::color`].
    pub color: &'a str,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelOrder {
    /// By name.
    #[default]
    Name,
    /// As they were made.
    Created,
    /// As they were last changed.
    Updated,
}

const COLUMNS: &str = "l.id, l.name, l.description, l.color, l.project_id, l.created_at, l.updated_at";

impl LabelRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: LabelId(row.int()?),
            name: row.text()?,
            description: row.text()?,
            color: row.text()?,
            project: row.optional_int()?.map(ProjectId),
            created_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

/// Of one project, or of the whole registry.
fn of<'a>(tx: &ReadTx, project: Option<ProjectId>, name: Option<TextFilter<'a>>) -> Conditions<'a> {
    let mut conditions = Conditions::new(tx.dialect());
    match project {
        Some(project) => conditions.compare("l.project_id", "=", project),
        // Written out, so that the index of these rows alone can be used.
        None => conditions.says("l.project_id IS NULL AND l.name > ''"),
    }
    conditions.text("l.name", name);
    conditions
}

impl ReadTx {
    /// The label of that row.
    pub async fn label(&mut self, id: LabelId) -> Result<Option<LabelRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM labels l WHERE l.id = $1");
        self.query_opt(&sql, params![id]).await?.map(LabelRecord::read).transpose()
    }

    /// Labels of a project, or of the whole registry.
    pub async fn labels_page(
        &mut self,
        project: Option<ProjectId>,
        name: Option<TextFilter<'_>>,
        (order, descending): (LabelOrder, bool),
        skip: usize,
        limit: usize,
    ) -> Result<Vec<LabelRecord>, MetadataError> {
        let mut conditions = of(self, project, name);
        let order = match (order, descending) {
            (LabelOrder::Name, false) => "l.name",
            (LabelOrder::Name, true) => "l.name DESC",
            (LabelOrder::Created, false) => "l.id",
            (LabelOrder::Created, true) => "l.id DESC",
            (LabelOrder::Updated, false) => "l.updated_at, l.id",
            (LabelOrder::Updated, true) => "l.updated_at DESC, l.id DESC",
        };
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql =
            format!("SELECT {COLUMNS} FROM labels l {sql} ORDER BY {order} LIMIT ${rows} OFFSET ${skip}");
        self.query(&sql, &conditions.values).await?.into_iter().map(LabelRecord::read).collect()
    }

    /// How many there are.
    pub async fn labels_count(
        &mut self,
        project: Option<ProjectId>,
        name: Option<TextFilter<'_>>,
    ) -> Result<u64, MetadataError> {
        let conditions = of(self, project, name);
        let sql = format!("SELECT COUNT(*) FROM labels l {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// The labels on a manifest, as they were made, at most `limit`.
    pub async fn labels_on(
        &mut self,
        manifest: ManifestId,
        limit: usize,
    ) -> Result<Vec<LabelRecord>, MetadataError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM manifest_labels m CROSS JOIN labels l WHERE m.manifest_id = $1 \
             AND l.id = m.label_id ORDER BY m.label_id LIMIT $2"
        );
        let rows = self.query(&sql, params![manifest, at_most(limit)]).await?;
        rows.into_iter().map(LabelRecord::read).collect()
    }
}

impl WriteTx {
    /// Makes a label; `None` when its project, or the registry, has one of that name.
    pub async fn insert_label(
        &mut self,
        project: Option<ProjectId>,
        label: &NewLabel<'_>,
        now: Timestamp,
    ) -> Result<Option<LabelId>, MetadataError> {
        let sql = "INSERT INTO labels (project_id, name, description, color, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING RETURNING id";
        let values = params![project, label.name, label.description, label.color, now];
        self.query_opt(sql, values).await?.map(|mut row| row.int().map(LabelId)).transpose()
    }

    /// Changes a label; `false` when another one has that name.
    pub async fn update_label(
        &mut self,
        label: &LabelRecord,
        new: &NewLabel<'_>,
        now: Timestamp,
    ) -> Result<bool, MetadataError> {
        if new.name != label.name {
            let taken = self.labels_count(label.project, Some(TextFilter::Is(new.name))).await?;
            if taken > 0 {
                return Ok(false);
            }
        }
        // Another transaction may take the name meanwhile: the index refuses this one then, and it is run again.
        let sql = "UPDATE labels SET name = $1, description = $2, color = $3, updated_at = $4 WHERE id = $5";
        self.execute(sql, params![new.name, new.description, new.color, now, label.id]).await?;
        Ok(true)
    }

    /// Takes a label away, also from what it is on.
    pub async fn delete_label(&mut self, id: LabelId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM labels WHERE id = $1", params![id]).await.map(drop)
    }

    /// Puts a label on a manifest. Returns whether it was not there before.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when one of the two is gone.
    pub async fn add_label(&mut self, manifest: ManifestId, label: LabelId) -> Result<bool, MetadataError> {
        let sql = "INSERT INTO manifest_labels (manifest_id, label_id) VALUES ($1, $2) \
                   ON CONFLICT (manifest_id, label_id) DO NOTHING";
        Ok(self.execute(sql, params![manifest, label]).await? > 0)
    }

    /// Takes a label off a manifest. Returns whether it was there.
    pub async fn remove_label(
        &mut self,
        manifest: ManifestId,
        label: LabelId,
    ) -> Result<bool, MetadataError> {
        let sql = "DELETE FROM manifest_labels WHERE manifest_id = $1 AND label_id = $2";
        Ok(self.execute(sql, params![manifest, label]).await? > 0)
    }
}
