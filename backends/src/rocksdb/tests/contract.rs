//! The stories that fit a log in which whoever holds the lock writes: a higher epoch does not take it away from another
//! handle, it waits until it is given up.

use std::sync::Arc;

use super::Log;
use crate::contract_tests::{LogFixture, oplog_stories};
use standfast_core::OpLogStore;

impl LogFixture for Log {
    async fn new() -> Self {
        Self::new().await
    }

    fn open(&self) -> Arc<dyn OpLogStore> {
        Arc::new(self.handle())
    }
}

oplog_stories!(Log:
    oplog: what_is_acknowledged_is_read_back_byte_for_byte,
    oplog: what_nobody_marked_is_settled_by_the_next_writer,
    oplog: an_epoch_that_is_not_higher_is_fenced,
    oplog: a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives,
    oplog: a_batch_over_the_limit_is_unsupported_and_the_writer_lives,
    oplog: a_position_of_another_history_is_regressed,
    oplog: a_read_keeps_its_limits_but_gives_one_batch,
    oplog: data_of_another_cluster_are_foreign,
    oplog: trim_keeps_what_is_needed_and_the_last_batch,
    oplog: its_size_grows_with_appends_and_falls_with_trims,
    oplog: a_tail_below_the_floor_says_so,
    oplog: what_is_left_is_read_from_before_the_floor,
    begun: a_log_begun_anew_holds_nothing_of_lower_epochs,
    begun: what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out,
    tailing: a_tail_sees_all_batches_in_order_while_they_are_written,
    tailing: a_dropped_wait_loses_nothing
);
