use std::fs;
use std::path::Path;

use crate::disk::Loss;
use crate::support::TestCluster;

/// Which log the nodes have.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    File,
    #[cfg(feature = "rocksdb")]
    RocksDb,
}

impl Kind {
    /// The worst that a seed may take from such nodes.
    pub(crate) fn loss(self, seed: u64) -> Loss {
        match self {
            Self::File => Loss::Random(seed),
            #[cfg(feature = "rocksdb")]
            Self::RocksDb => Loss::InOrder(seed),
        }
    }
}

/// Nodes with everything they keep on `disk`, their data directories included.
pub(crate) async fn start(disk: &Path, names: &[&str], kind: Kind) -> TestCluster {
    let mut cluster = TestCluster::prepare(names, "1h");
    match kind {
        Kind::File => {}
        #[cfg(feature = "rocksdb")]
        Kind::RocksDb => cluster.turn_to_rocksdb(),
    }
    for node in &mut cluster.nodes {
        let mut text = fs::read_to_string(&node.config).unwrap();
        let data = format!("data-{}", node.name);
        for (key, dir) in [
            ("dir", "log"),
            ("dir", "election"),
            ("url", "bucket"),
            ("data_dir", data.as_str()),
        ] {
            let line = format!("\n{key} = \"{dir}\"");
            assert!(text.contains(&line), "{text}");
            let there = format!("\n{key} = \"{}\"", disk.join(dir).display());
            text = text.replace(&line, &there);
        }
        fs::write(&node.config, text).unwrap();
        node.data_dir = disk.join(data);
    }
    cluster.launch().await;
    cluster
}
