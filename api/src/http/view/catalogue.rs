//! What was applied: templates, documents, categories with their items.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{
    AliasView, CategoryIndex, CategoryVersion, CategoryView, ItemView, Revision, TemplateVersion,
};

use crate::http::habit::raw::Raw;

/// A published version of a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateReply {
    /// `namespace.name@version`.
    pub reference: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Hash of the canonical document: the version's identity.
    pub hash: String,
    /// For people.
    pub title: Option<String>,
    /// Whether its jobs keep a journal from the start.
    pub journaled: bool,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// Not chosen as the newest since.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// Not started any more since.
    pub retired_at: Option<DateTime<Utc>>,
}

/// A version with what its author wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateSourceReply {
    /// The version.
    #[serde(flatten)]
    pub template: TemplateReply,
    /// What the author wrote, word for word.
    pub source: String,
    /// Every version, newest first; in answers about a template without a version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TemplateReply>,
    /// Its aliases by name; in answers about a template without a version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<AliasMove>,
}

/// An alias of a template's versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasReply {
    /// `namespace.name@alias`, as documents and requests write it.
    pub reference: String,
    /// What it means now.
    #[serde(flatten)]
    pub now: AliasMove,
    /// What it meant before, newest first.
    pub before: Vec<AliasMove>,
}

/// What an alias means since somebody said so.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasMove {
    /// A word such as `stable`.
    pub alias: String,
    /// The version that it means.
    pub version: String,
    /// Counts its moves, from 1.
    pub revision: i32,
    /// Who moved it here.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The newest revision of a document. Secrets are references in it and stay references.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentReply {
    /// `purpose`, `category`, `job_configuration` or `connection`.
    pub kind: String,
    /// Unique within its kind.
    pub name: String,
    /// From 1.
    pub revision: i32,
    /// The canonical form.
    pub document: Raw,
    /// Its SHA-256.
    pub hash: String,
    /// The file that it came from.
    pub source_file: Option<String>,
    /// Who applied it.
    pub applied_by: String,
    /// When.
    pub applied_at: DateTime<Utc>,
}

/// A category as it is loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryReply {
    /// Its name.
    pub name: String,
    /// Counts loads; 0 before the first.
    pub version: i32,
    /// Items of that version.
    pub items: i64,
    /// Hash of what was loaded and how it was read.
    pub checksum: Option<String>,
    /// When.
    pub loaded_at: Option<DateTime<Utc>>,
    /// The oldest version whose items are kept.
    pub kept_from: i32,
    /// Since when it is deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// By whom.
    pub deleted_by: Option<String>,
    /// Until when it can be brought back.
    pub kept_until: Option<DateTime<Utc>>,
    /// The indexes that its document names; left out of lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<CategoryIndexReply>,
    /// Its document; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Raw>,
}

/// An index of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryIndexReply {
    /// The field by whose values it finds items.
    pub field: String,
    /// Whether every item is in it. Until then filters read as if it were not there.
    pub is_whole: bool,
}

impl From<CategoryIndex> for CategoryIndexReply {
    fn from(index: CategoryIndex) -> Self {
        Self {
            field: index.field,
            is_whole: index.is_whole,
        }
    }
}

/// One load of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryVersionReply {
    /// Counts loads, from 1.
    pub version: i32,
    /// Items of it.
    pub items: i64,
    /// Items that were new, beside the version before it; null where nobody compared them.
    pub added: Option<i64>,
    /// Items that say something else.
    pub changed: Option<i64>,
    /// Items that were gone.
    pub removed: Option<i64>,
    /// Rows that were no items and that it went on without.
    pub left_out: i64,
    /// The file, or `document` for items that stand in the category's document.
    pub origin: Option<String>,
    /// Who loaded it.
    pub loaded_by: String,
    /// When.
    pub loaded_at: DateTime<Utc>,
}

/// One item of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemReply {
    /// Its row, from 1.
    pub n: i64,
    /// What tells it apart.
    pub key: String,
    /// What it belongs to.
    pub object: Option<String>,
    /// What it says.
    pub document: Raw,
}

impl From<TemplateVersion> for TemplateReply {
    fn from(version: TemplateVersion) -> Self {
        Self {
            reference: format!("{}.{}@{}", version.namespace, version.name, version.version),
            namespace: version.namespace,
            name: version.name,
            version: version.version,
            hash: version.hash,
            title: version.title,
            journaled: version.journaled,
            created_at: version.created_at,
            deprecated_at: version.deprecated_at,
            retired_at: version.retired_at,
        }
    }
}

impl From<AliasView> for AliasMove {
    fn from(view: AliasView) -> Self {
        Self {
            alias: view.alias,
            version: view.version,
            revision: view.revision,
            who: view.who,
            at: view.at,
        }
    }
}

impl From<Revision> for DocumentReply {
    fn from(revision: Revision) -> Self {
        Self {
            kind: revision.kind,
            name: revision.name,
            revision: revision.revision,
            document: Raw::new(revision.document),
            hash: revision.hash,
            source_file: revision.source_file,
            applied_by: revision.applied_by,
            applied_at: revision.applied_at,
        }
    }
}

impl CategoryReply {
    /// A category whose document was applied and whose items nobody brought yet.
    pub fn never_loaded(name: String) -> Self {
        Self {
            name,
            version: 0,
            items: 0,
            checksum: None,
            loaded_at: None,
            kept_from: 1,
            deleted_at: None,
            deleted_by: None,
            kept_until: None,
            indexes: Vec::new(),
            document: None,
        }
    }
}

impl From<CategoryView> for CategoryReply {
    fn from(category: CategoryView) -> Self {
        Self {
            name: category.name,
            version: category.version,
            items: category.items,
            checksum: category.checksum,
            loaded_at: category.loaded_at,
            kept_from: category.kept_from,
            deleted_at: category.deleted_at,
            deleted_by: category.deleted_by,
            kept_until: category.kept_until,
            indexes: Vec::new(),
            document: None,
        }
    }
}

impl From<CategoryVersion> for CategoryVersionReply {
    fn from(version: CategoryVersion) -> Self {
        Self {
            version: version.version,
            items: version.items,
            added: version.added,
            changed: version.changed,
            removed: version.removed,
            left_out: version.left_out,
            origin: version.origin,
            loaded_by: version.loaded_by,
            loaded_at: version.loaded_at,
        }
    }
}

impl From<ItemView> for ItemReply {
    fn from(item: ItemView) -> Self {
        Self {
            n: item.n,
            key: item.key,
            object: item.object,
            document: Raw::new(item.document),
        }
    }
}
