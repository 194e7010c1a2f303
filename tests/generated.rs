//! The gRPC code that is checked in is what its `.proto` files say.
//!
//! It is checked in because compiling the compiler of `.proto` files takes longer than compiling everything that uses its
//! code. After a change of a `.proto` file write it anew with
//! `STANDFAST_WRITE_GOLDEN=1 cargo test --test generated`.

use std::error::Error;
use std::path::Path;

use prost::Message;

/// One set of `.proto` files, below `proto/` of a folder; its code is in `generated/` beside it.
struct Api {
    folder: &'static str,
    files: &'static [&'static str],
    /// Whether `bytes` fields are `bytes::Bytes`, which a message shares with the buffer it was read from.
    shares_bytes: bool,
}

const APIS: [Api; 3] = [
    Api {
        folder: "wire",
        files: &["standfast/v1/replication.proto", "standfast/v1/admin.proto"],
        shares_bytes: false,
    },
    Api {
        folder: "metadata",
        files: &["standfast/metadata/v1/master.proto"],
        shares_bytes: true,
    },
    Api {
        folder: "examples/own_service",
        files: &["namespace/v1/namespace.proto"],
        shares_bytes: false,
    },
];

impl Api {
    /// Writes code and descriptors into `out`.
    fn generate(&self, out: &Path) -> Result<(), Box<dyn Error>> {
        let protos = root().join(self.folder).join("proto");
        let descriptors = protox::compile(self.files, [protos])?;
        std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
        let mut builder = tonic_prost_build::configure().out_dir(out);
        if self.shares_bytes {
            builder = builder.bytes(".");
        }
        Ok(builder.compile_fds(descriptors)?)
    }

    /// Compares what is in `made` with what is checked in, both ways, and gives the names that differ.
    fn differences(&self, made: &Path) -> Result<Vec<String>, Box<dyn Error>> {
        let checked_in = root().join(self.folder).join("generated");
        let mut names = Vec::new();
        for folder in [made, &checked_in] {
            for entry in folder.read_dir()? {
                names.push(entry?.file_name());
            }
        }
        names.sort();
        names.dedup();
        names.retain(|name| {
            let read = |folder: &Path| std::fs::read(folder.join(name)).ok();
            read(made) != read(&checked_in)
        });
        let shown = names.iter().map(|name| name.to_string_lossy().into_owned());
        Ok(shown.collect())
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_code_that_is_checked_in_is_what_the_proto_files_say() {
    for api in &APIS {
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            let checked_in = root().join(api.folder).join("generated");
            std::fs::create_dir_all(&checked_in).unwrap();
            api.generate(&checked_in).unwrap();
        }
        let made = tempfile::tempdir().unwrap();
        api.generate(made.path()).unwrap();
        let differences = api.differences(made.path()).unwrap();
        assert!(
            differences.is_empty(),
            "{}/generated is not what its .proto files say: {differences:?}; write it anew with \
             `STANDFAST_WRITE_GOLDEN=1 cargo test --test generated`",
            api.folder
        );
    }
}
