//! A share of one core for a process, by a control group of Linux. It takes root.

use crate::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// How often the share is doled out, in microseconds: what is left of a period is a pause for
/// whoever has used its share up. The shorter it is, the less the pauses show in how long requests
/// take; of much less than this the system takes a part for itself.
const PERIOD: u32 = 5_000;

/// A group, until it is dropped. Its processes must have ended by then.
pub(crate) struct CpuShare(PathBuf);

impl CpuShare {
    /// Makes a group whose processes have so many hundredths of one core together.
    pub(crate) fn make(hundredths: u32) -> Result<Self, Failure> {
        Self::try_make(hundredths).map_err(|error| {
            format!(
                "a CPU share cannot be set here ({error}): it takes root, and a writable {GROUPS} \
                 with the controller `cpu`"
            )
            .into()
        })
    }

    fn try_make(hundredths: u32) -> io::Result<Self> {
        let quota = PERIOD / 100 * hundredths;
        let name = format!("cartwright-bench-{}", std::process::id());
        let root = Path::new(GROUPS);
        let controllers = fs::read_to_string(root.join("cgroup.controllers"));
        if let Ok(controllers) = controllers
            && controllers.split_whitespace().any(|name| name == "cpu")
        {
            fs::write(root.join("cgroup.subtree_control"), "+cpu")?;
            let group = Self::group(root.join(name))?;
            fs::write(group.0.join("cpu.max"), format!("{quota} {PERIOD}"))?;
            return Ok(group);
        }
        let group = Self::group(root.join("cpu").join(name))?;
        fs::write(group.0.join("cpu.cfs_period_us"), PERIOD.to_string())?;
        fs::write(group.0.join("cpu.cfs_quota_us"), quota.to_string())?;
        Ok(group)
    }

    fn group(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir(&dir)?;
        Ok(Self(dir))
    }

    /// Puts a process into the group, with all of its threads.
    pub(crate) fn hold(&self, process: u32) -> Result<(), Failure> {
        Ok(fs::write(self.0.join("cgroup.procs"), process.to_string())?)
    }
}

impl Drop for CpuShare {
    fn drop(&mut self) {
        // A process that has just ended may still be counted in.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("cartwright-bench: {} is left behind", self.0.display());
    }
}
