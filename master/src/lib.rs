//! A term of leadership: intake, sequencer, commit, tenure.
