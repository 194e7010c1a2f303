use object_store::path::Path;
use standfast_core::{PartRef, SnapshotId, UploadId};

/// Where things lie below the bucket's root.
///
/// ```text
///   {cluster id}/fingerprint                       whose bucket this is; created once, unless it was emptied
///   {cluster id}/parts/{upload}/{blake3}.zst       upload = {catalog number it began on:020}-{random}
///   {cluster id}/manifests/{seq:020}-{random}.json a proposal, or what a catalog entry lists
///   {cluster id}/attestations/{same}.json          what reading it back gave
///   {cluster id}/catalog/{n:020}.json              the commit points; never deleted
///   {cluster id}/catalog-hint                      a number: where to begin listing; may be old or missing
///   {cluster id}/pins/{snapshot id}/{holder}       a restore in progress
///   {cluster id}/probe/{random}                    left by a probe that was cut
/// ```
///
/// Numbers are 20 digits so that names sort as numbers do. A part's name begins with its upload, so that no two
/// uploads share a name and a deleted name never comes back.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    cluster: Path,
}

impl Layout {
    pub(super) fn new(cluster: &str) -> Self {
        Self {
            cluster: Path::from_iter([cluster]),
        }
    }

    /// The folder of everything.
    pub(super) const fn cluster(&self) -> &Path {
        &self.cluster
    }

    pub(super) fn fingerprint(&self) -> Path {
        self.cluster.clone().join("fingerprint")
    }

    pub(super) fn hint(&self) -> Path {
        self.cluster.clone().join("catalog-hint")
    }

    pub(super) fn probe(&self, random: u64) -> Path {
        self.cluster
            .clone()
            .join("probe")
            .join(format!("{random:016x}"))
    }

    /// A folder: `parts`, `manifests`, `attestations`, `catalog` or `pins`.
    pub(super) fn folder(&self, name: &'static str) -> Path {
        self.cluster.clone().join(name)
    }

    pub(super) fn upload(&self, upload: &UploadId) -> Path {
        self.folder("parts").join(upload.to_string())
    }

    pub(super) fn part(&self, part: &PartRef) -> Path {
        self.upload(&part.upload)
            .join(format!("{}.zst", part.blake3))
    }

    pub(super) fn manifest(&self, id: &SnapshotId) -> Path {
        self.folder("manifests").join(format!("{id}.json"))
    }

    pub(super) fn attestation(&self, id: &SnapshotId) -> Path {
        self.folder("attestations").join(format!("{id}.json"))
    }

    pub(super) fn entry(&self, number: u64) -> Path {
        self.folder("catalog").join(format!("{number:020}.json"))
    }

    pub(super) fn pin(&self, id: &SnapshotId, holder: &str) -> Path {
        self.folder("pins").join(id.0.as_str()).join(holder)
    }
}

/// The folders that exist from the start.
pub(super) const FOLDERS: [&str; 5] = ["parts", "manifests", "attestations", "catalog", "pins"];

/// The name before `.json`.
pub(super) fn json_stem(path: &Path) -> Option<&str> {
    path.filename()?.strip_suffix(".json")
}

/// The number of a catalog entry's name.
pub(super) fn entry_number(path: &Path) -> Option<u64> {
    let stem = json_stem(path)?;
    (stem.len() == 20).then(|| stem.parse().ok()).flatten()
}

/// Upload and BLAKE3 of a part's name.
pub(super) fn part_name(path: &Path) -> Option<(UploadId, String)> {
    let blake3 = path.filename()?.strip_suffix(".zst")?.to_owned();
    let upload = path.parts().rev().nth(1)?;
    Some((UploadId::parse(upload.as_ref())?, blake3))
}
