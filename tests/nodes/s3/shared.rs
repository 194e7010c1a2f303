/// The S3 that the tests share.
pub(crate) fn shared() -> String {
    std::env::var("STANDFAST_S3").unwrap_or_else(|_unset| {
        panic!(
            "STANDFAST_S3 names no S3: run `make test`, or `scripts/s3 DIR` beside this, and set it to what that prints"
        )
    })
}
