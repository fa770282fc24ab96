//! What a figure was measured on; without it a figure says nothing.

use serde::Serialize;

/// The machine and how busy it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// As the processor calls itself.
    pub processor: String,
    /// Threads that can run at once.
    pub threads: usize,
    /// Instruction sets that our kernels look for.
    pub instructions: Vec<&'static str>,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Name and version of the system.
    pub system: String,
    /// Runnable tasks in the last minute, when the run began. Much above 0 means that others worked too.
    pub load: Option<f64>,
    /// `release` or `development`.
    pub build: &'static str,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn here() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN);
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            instructions: instructions(),
            memory_gib: (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            system: format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned(),
            load: read("/proc/loadavg").split_whitespace().next().and_then(|text| text.parse().ok()),
            build: if cfg!(debug_assertions) { "development" } else { "release" },
        }
    }

    /// One line for people.
    pub(crate) fn text(&self) -> String {
        let load = self.load.map_or_else(String::new, |load| format!(", load {load} at the beginning"));
        format!(
            "{}, {} threads ({}), {} GiB, {}, {} build{load}",
            self.processor,
            self.threads,
            self.instructions.join(", "),
            self.memory_gib,
            self.system,
            self.build,
        )
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    let known = [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("AVX-512", std::arch::is_x86_feature_detected!("avx512f")),
        ("VNNI", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    known.into_iter().filter(|(_, is_here)| *is_here).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}
