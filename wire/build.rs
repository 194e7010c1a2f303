//! Generates the gRPC code of `standfast.v1` without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["standfast/v1/replication.proto", "standfast/v1/admin.proto"];
    let descriptors = protox::compile(files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        out.join("descriptors.bin"),
        prost::Message::encode_to_vec(&descriptors),
    )?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
