use standfast_core::{Durability, Error, ErrorKind, OpLogStore, Result};

use super::file::Config;

/// Refuses a combination that cannot keep its promises (R9).
///
/// # Errors
/// `Config` with what to change.
pub(crate) fn check_promises(config: &Config, oplog: &dyn OpLogStore) -> Result<()> {
    let Some(backend) = &config.oplog else {
        // What mode `snapshot` keeps was said to whoever wrote the configuration.
        return Ok(());
    };
    let declared = oplog.capabilities();
    if config.master.ack.is_committed() && declared.durability == Durability::Process {
        return Err(Error::new(ErrorKind::Config, "check promises").context(format!(
            "[oplog] type = \"{}\" keeps nothing when its process ends, so ack = \"{}\" cannot hold: \
             choose another type, or ack = \"async\"",
            backend.kind, config.master.ack.name()
        )));
    }
    if config.streams_from().is_some() && !declared.follower {
        return Err(Error::new(ErrorKind::Config, "check promises").context(format!(
            "[oplog] type = \"{}\" cannot be filled from another node's log, so [replication] mode = \"stream\" cannot \
             work: choose a type that can, as \"file\", or mode = \"log\"",
            backend.kind
        )));
    }
    if config.master.batch_max_bytes.as_usize() > declared.max_batch_bytes {
        return Err(
            Error::new(ErrorKind::Config, "check promises").context(format!(
                "[oplog] batch_max_bytes = {} is more than type = \"{}\" takes ({} bytes)",
                config.master.batch_max_bytes, backend.kind, declared.max_batch_bytes
            )),
        );
    }
    Ok(())
}
