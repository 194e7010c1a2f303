use std::fs;

use crate::command::Failure;

/// Resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) resident: u64,
    /// The most since it began, or since [`Self::forget_peak`].
    pub(super) peak: u64,
}

impl Memory {
    /// As the kernel tells.
    pub(super) fn of(pid: u32) -> Result<Self, Failure> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/status"))?)
    }

    /// The peak is counted from now on.
    pub(super) fn forget_peak(pid: u32) -> Result<(), Failure> {
        Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
    }

    fn parse(status: &str) -> Result<Self, Failure> {
        let bytes = |name: &str| -> Result<u64, Failure> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
            let kib: u64 = kib.ok_or_else(|| format!("no {name} in it"))?.parse()?;
            Ok(kib * 1024)
        };
        Ok(Self {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_and_its_peak_are_read_in_bytes() {
        let memory = Memory::parse("VmHWM:\t    2048 kB\nVmRSS:\t     100 kB\n").unwrap();
        assert_eq!((memory.resident, memory.peak), (102_400, 2_097_152));
        assert!(Memory::parse("VmRSS:\t     100 kB\n").is_err());
    }
}
