//! The use cases of a registry: what happens on a push, a pull, a delete, a collection. Knows no HTTP, no clock and no
//! environment: callers, moments and settings are arguments, bodies are streams of bytes.
//!
//! [`Registry`] holds the parts; its methods are spread over one file per use case.

mod access;
mod audit;
mod beside;
mod blobs;
mod browse;
mod call;
mod catalog;
mod collection;
mod contents;
mod copy;
mod deletion;
mod event;
mod gather;
mod hashing;
mod history;
mod import;
mod links;
mod maintenance;
mod manifests;
mod notify;
mod progress;
mod pull_rows;
mod pulls;
mod rebuild;
mod registry;
mod retry;
mod tagging;
mod task;
mod uploads;
mod verify;

/// Parts of this crate's interface that come from below it.
pub use longshore_image::{
    Change, ConfigChange, Entry, FileComparison, Healthcheck, LayerChanges, LookUpError, MergedFile,
    MergedFiles, PackageChange, Platform as ImagePlatform, Step, Touch, WastedPath, dockerfile, instruction,
    steps,
};
pub use longshore_metadata::{
    ArtifactFilter, ArtifactOrder, LabelId, LabelRecord, ManifestId, ManifestRecord, MarkKey, MetadataError,
    Page, ProjectId, Pulls, QuotaExceeded, ReferrerRecord, RepositoryFilter, RepositoryId, RepositoryOrder,
    RepositoryParts, RepositoryRecord, RepositoryScope, RepositoryStamp, RepositorySummary, TagEvent,
    TagEventAction, TagFilter, TagOrder, TagRecord, TextFilter,
};
pub use longshore_storage::{Blob, ByteStream, Space, StoreError};

pub use access::{Denied, ReadOnly};
pub use blobs::{BlobPullError, MountError, MountOutcome, PulledBlob};
pub use browse::{
    Accessory, Artifact, ArtifactChild, ArtifactParts, BrowseError, ImageHit, ImageHits, ImagesAfter, Listed,
    Platform, SEARCH_CHARACTERS_MIN, TaggedArtifact, TagsOfArtifact, Window, media_types_of,
};
pub use call::{Call, RequestInfo};
pub use catalog::{ListError, ReferrersPage};
pub use collection::{Collected, CollectionPreview, CollectionReport};
pub use contents::{ContentsError, ContentsSettings, ImageComparison, ImageFile, ImagePlace, OpenedImage};
pub use copy::CopyError;
pub use deletion::{DeleteError, DeletionPreview};
pub use event::{Event, EventAction, NOTIFICATION_JOB};
pub use history::{DeletedManifest, DeletedTag, PastEvent, RestoreError};
pub use import::ImportReport;
pub use links::LinksReport;
pub use maintenance::MaintenanceError;
pub use manifests::{ManifestPullError, ManifestPushError, ManifestTarget, PulledManifest, PushedManifest};
pub use progress::Progress;
pub use rebuild::RebuildReport;
pub use registry::{CollectionSettings, Health, Registry, RegistrySettings, UploadSettings};
pub use tagging::TagError;
pub use uploads::{BodyError, PushedBlob, UploadBody, UploadError, UploadStatus};
pub use verify::{Damage, VerifyOptions, VerifyReport};
