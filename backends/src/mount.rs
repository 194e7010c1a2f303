//! Which file systems keep what a log of files needs: a file created by one node is seen by the next listing of every other.

use std::fs;
use std::io;
use std::path::Path;

use standfast_core::{Error, ErrorKind, Reach, Result};

const OPERATION: &str = "open store";

/// One kernel sees everything.
const LOCAL: &[&str] = &[
    "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "fuse", "fuseblk", "jfs", "overlay",
    "ramfs", "tmpfs", "xfs", "zfs",
];
/// All hosts see the same.
const COHERENT: &[&str] = &["ceph", "fuse.ceph", "gfs2", "lustre"];

/// How far the directory can be shared.
///
/// # Errors
/// `Config` when it cannot be trusted at all, with the options to set.
pub(crate) fn reach(dir: &Path) -> Result<Reach> {
    let path = fs::canonicalize(dir).map_err(|source| unreadable(dir, source))?;
    let table = Path::new("/proc/self/mountinfo");
    let mounts = fs::read_to_string(table).map_err(|source| unreadable(table, source))?;
    reach_in(&mounts, &path)
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    let kind = match source.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::Config,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, OPERATION)
        .context(path.display().to_string())
        .source(source)
}

fn reach_in(mounts: &str, path: &Path) -> Result<Reach> {
    let mount = mounts
        .lines()
        .filter_map(Mount::parse)
        .filter(|mount| path.starts_with(&mount.point))
        // Of two on the same point the later one hides the earlier.
        .max_by_key(|mount| mount.point.len());
    let Some(mount) = mount else {
        return refuse(path, "an unknown mount", "put it on a local file system");
    };
    match mount.kind.as_str() {
        kind if LOCAL.contains(&kind) => Ok(Reach::Host),
        kind if COHERENT.contains(&kind) => Ok(Reach::Cluster),
        "nfs4" if mount.is_coherent_nfs() => Ok(Reach::Cluster),
        "nfs4" => refuse(
            path,
            "NFSv4 with cached listings",
            "mount it with `noac,lookupcache=none` (or `actimeo=0,lookupcache=none`)",
        ),
        "nfs" => refuse(
            path,
            "NFS below version 4",
            "mount it with `vers=4.1,noac,lookupcache=none`",
        ),
        kind => refuse(
            path,
            kind,
            "put it on a local file system, CephFS, GFS2, Lustre, or NFSv4 with `noac,lookupcache=none`",
        ),
    }
}

fn refuse(path: &Path, found: &str, way_out: &str) -> Result<Reach> {
    Err(Error::new(ErrorKind::Config, OPERATION).context(format!(
        "{} is on {found}, whose listings may be stale: {way_out}",
        path.display()
    )))
}

/// A line of mountinfo.
#[derive(Debug)]
struct Mount {
    point: String,
    kind: String,
    options: String,
}

impl Mount {
    /// `36 35 98:0 /root /mnt/point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`
    fn parse(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(4);
        let point = unescape(mount.next()?);
        let own_options = mount.next()?;
        let mut system = system.split(' ');
        let kind = system.next()?.to_owned();
        let options = format!("{own_options},{}", system.nth(1)?);
        Some(Self {
            point,
            kind,
            options,
        })
    }

    fn is_coherent_nfs(&self) -> bool {
        let has = |option: &str| self.options.split(',').any(|own| own == option);
        let no_attributes = has("noac")
            || has("actimeo=0")
            || ["acregmin=0", "acregmax=0", "acdirmin=0", "acdirmax=0"]
                .iter()
                .all(|option| has(option));
        no_attributes && has("lookupcache=none")
    }
}

/// Spaces and their like are written as `\040`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            out.push(char::from(code));
            out.push_str(part.get(3..).unwrap_or_default());
        } else {
            out.push('\\');
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /dev/shm rw - tmpfs tmpfs rw
40 22 0:40 / /srv rw,relatime shared:2 - nfs4 host:/srv rw,vers=4.1,lookupcache=none,acregmin=0,acregmax=0,acdirmin=0,acdirmax=0
41 22 0:41 / /srv/cached rw - nfs4 host:/srv rw,vers=4.1
42 22 0:42 / /srv/noac rw - nfs4 host:/srv rw,noac,lookupcache=none
43 22 0:43 / /old rw - nfs host:/old rw,vers=3,noac,lookupcache=none
44 22 0:44 / /ceph rw - ceph mon:/ rw
45 22 0:45 / /with\\040space rw - 9p host rw
";

    fn reach_of(path: &str) -> Result<Reach> {
        reach_in(MOUNTS, Path::new(path))
    }

    #[test]
    fn the_innermost_mount_decides() {
        assert_eq!(reach_of("/var/lib/standfast").unwrap(), Reach::Host);
        assert_eq!(reach_of("/dev/shm/log").unwrap(), Reach::Host);
        assert_eq!(reach_of("/ceph/log").unwrap(), Reach::Cluster);
        assert_eq!(reach_of("/srv/log").unwrap(), Reach::Cluster);
        assert_eq!(reach_of("/srv/noac/log").unwrap(), Reach::Cluster);
    }

    #[test]
    fn what_may_show_stale_listings_is_refused_with_the_options_to_set() {
        for (path, hint) in [
            ("/srv/cached/log", "noac"),
            ("/old/log", "vers=4.1"),
            ("/with space/log", "9p"),
        ] {
            let error = reach_of(path).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn this_machine_has_a_local_file_system_for_its_temporary_files() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(reach(dir.path()).unwrap(), Reach::Host);
    }
}
