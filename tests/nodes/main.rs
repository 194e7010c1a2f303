//! Stories of nodes that are real processes: killed, frozen, told to stop, started again.

#[cfg(feature = "etcd")]
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod http;
#[cfg(test)]
mod lender;
#[cfg(test)]
mod metric;
#[cfg(test)]
mod node;
#[cfg(test)]
mod seeds;
#[cfg(feature = "etcd")]
#[cfg(test)]
mod served;
#[cfg(test)]
mod support;

#[cfg(test)]
mod archive;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod behind;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod certify;
#[cfg(test)]
mod certify_stopped;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cold_start;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod drill;
#[cfg(feature = "etcd")]
#[cfg(test)]
mod etcd;
#[cfg(test)]
mod evict;
#[cfg(test)]
mod failed_standby;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod lost_lender;
#[cfg(test)]
mod nine_rules;
#[cfg(test)]
mod orphans;
#[cfg(test)]
mod overwrite;
#[cfg(test)]
mod point_in_time;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod regressed;
#[cfg(test)]
mod remove_many;
#[cfg(test)]
mod replicated;
#[cfg(test)]
mod retention;
#[cfg(all(test, feature = "rocksdb"))]
mod rocksdb;
#[cfg(all(feature = "etcd", feature = "s3"))]
#[cfg(test)]
mod s3;
#[cfg(test)]
mod segment_mount;
#[cfg(test)]
mod skip;
#[cfg(test)]
mod snapshot_mode;
#[cfg(test)]
mod snapshot_mode_end;
#[cfg(test)]
mod snapshot_mode_loss;
#[cfg(test)]
mod stalled_disk;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod stream_refused;
#[cfg(test)]
mod transfer;
#[cfg(test)]
mod trimmed;
#[cfg(test)]
mod truthful_metrics;
#[cfg(test)]
mod unmount;
#[cfg(test)]
mod verify;
