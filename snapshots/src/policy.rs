use serde::{Deserialize, Serialize};
use standfast_core::{ByteSize, Span};

/// No part is made smaller than this for the sake of a small state.
const SMALL_PART: usize = 1 << 18;
/// How many snapshots may be listed for their age.
const MOST_KEPT: u32 = 1000;

/// `[snapshots]`: when snapshots are made, how, and how many are kept, whatever the `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotPolicy {
    /// Time between two snapshots. Default `5m`.
    pub every: Span,
    /// A snapshot is made earlier when so many entries were applied since the last one. Default 0: not by entries.
    pub every_entries: u64,
    /// Or when so many bytes of log were applied since the last one. Default `0B`: not by bytes.
    pub every_bytes: ByteSize,
    /// How many snapshots are kept, newest first. Default 3.
    pub keep: usize,
    /// A snapshot is kept besides while it is less than so much older than the newest one. Default `0s`: by count alone.
    pub keep_for: Span,
    /// A part is closed at about this size before compression, or at less: half a byte for each row of the state, but not
    /// under 256 KiB. Default `16MiB`.
    pub part_size: ByteSize,
    /// zstd level, 1 to 19. Default 1.
    pub level: i32,
    /// Parts under way at once, up or down. Default 4.
    pub parallel: usize,
    /// Memory for parts under way. Default `256MiB`.
    pub memory: ByteSize,
    /// The log is trimmed only behind so many verified snapshots that share no part, and so many verified ones are kept
    /// whatever `keep` says. Default 2.
    pub min_verified: usize,
    /// The log is trimmed only so long after this was possible. Default `0s`.
    pub trim_delay: Span,
    /// A pin that was not renewed for so long belongs to a restore that died. Default `1h`.
    pub pin_expiry: Span,
    /// An upload that began so long ago and was not proposed has died: it is revoked. Default `1h`.
    pub upload_expiry: Span,
}

impl Default for SnapshotPolicy {
    fn default() -> Self {
        Self {
            every: Span::secs(300),
            every_entries: 0,
            every_bytes: ByteSize(0),
            keep: 3,
            keep_for: Span::secs(0),
            part_size: ByteSize::mib(16),
            level: 1,
            parallel: 4,
            memory: ByteSize::mib(256),
            min_verified: 2,
            trim_delay: Span::secs(0),
            pin_expiry: Span::secs(3600),
            upload_expiry: Span::secs(3600),
        }
    }
}

impl SnapshotPolicy {
    /// The keys there are.
    pub const KEYS: &'static [&'static str] = &[
        "every",
        "every_entries",
        "every_bytes",
        "keep",
        "keep_for",
        "part_size",
        "level",
        "parallel",
        "memory",
        "min_verified",
        "trim_delay",
        "pin_expiry",
        "upload_expiry",
    ];

    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let counts = [
            ("keep", self.keep),
            ("parallel", self.parallel),
            ("min_verified", self.min_verified),
        ];
        for (key, _) in counts.into_iter().filter(|(_, value)| *value == 0) {
            found.push(format!("{key} = 0: want at least 1"));
        }
        if !(1..=19).contains(&self.level) {
            found.push(format!("level = {}: want 1 to 19", self.level));
        }
        if self.part_size < ByteSize(4096) || self.part_size > ByteSize::mib(1024) {
            found.push(format!(
                "part_size = \"{}\": want \"4KiB\" to \"1GiB\"",
                self.part_size
            ));
        }
        if self.memory.0 < 2 * self.part_size.0 {
            found.push(format!(
                "memory = \"{}\" with part_size = \"{}\": want at least twice the part",
                self.memory, self.part_size
            ));
        }
        let spans = [
            ("every", self.every),
            ("pin_expiry", self.pin_expiry),
            ("upload_expiry", self.upload_expiry),
        ];
        for (key, span) in spans.into_iter().filter(|(_, span)| *span < Span::secs(1)) {
            found.push(format!("{key} = \"{span}\": want at least \"1s\""));
        }
        if self.keep_for.0 > self.every.0.saturating_mul(MOST_KEPT) {
            found.push(format!(
                "keep_for = \"{}\" with every = \"{}\": every catalog entry would list more than {MOST_KEPT} \
                 snapshots; make them less often, or keep them shorter",
                self.keep_for, self.every
            ));
        }
        found
    }

    /// At which size a part of a state of so many rows is closed. A row has some 30 bytes, and several parts are in memory at
    /// once: they are to stay a small part of the state.
    pub(crate) fn part_size_of(&self, rows: u64) -> usize {
        let share = usize::try_from(rows / 2).unwrap_or(usize::MAX);
        self.part_size.as_usize().min(share.max(SMALL_PART))
    }

    /// How many parts may be in memory at once. Each counts twice, raw and compressed.
    pub(crate) fn slots(&self) -> usize {
        let fit = self.memory.0 / self.part_size.0.saturating_mul(2).max(1);
        usize::try_from(fit)
            .unwrap_or(usize::MAX)
            .clamp(1, self.parallel.max(1) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problem_and_every_key_is_known() {
        assert_eq!(SnapshotPolicy::default().problems(), Vec::<String>::new());
        let json = serde_json::to_value(SnapshotPolicy::default()).unwrap();
        let mut keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let mut known = SnapshotPolicy::KEYS.to_vec();
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known);
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_value() {
        let policy = SnapshotPolicy {
            keep: 0,
            level: 40,
            memory: ByteSize::mib(1),
            every: Span::millis(5),
            keep_for: Span::secs(6),
            ..SnapshotPolicy::default()
        };
        let problems = policy.problems().join("\n");
        for part in [
            "keep = 0",
            "level = 40",
            "memory = \"1MiB\"",
            "every = \"5ms\"",
            "keep_for = \"6s\" with every",
        ] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
    }

    #[test]
    fn a_small_state_has_small_parts() {
        let policy = SnapshotPolicy::default();
        assert_eq!(policy.part_size_of(0), 1 << 18);
        assert_eq!(policy.part_size_of(10_000_000), 5_000_000);
        assert_eq!(policy.part_size_of(u64::MAX), 16 << 20);
        let tiny = SnapshotPolicy {
            part_size: ByteSize(4096),
            ..policy
        };
        assert_eq!(tiny.part_size_of(10_000_000), 4096);
    }

    #[test]
    fn parts_under_way_stay_within_the_memory() {
        let policy = SnapshotPolicy {
            memory: ByteSize::mib(64),
            ..SnapshotPolicy::default()
        };
        assert_eq!(policy.slots(), 2);
        assert_eq!(SnapshotPolicy::default().slots(), 5);
    }
}
