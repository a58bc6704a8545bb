//! What figures depend on beside the code: processor, compiler, libraries, the day. Asks the system
//! for it; measures nothing.

use std::{fs, process::Command, time::SystemTime};

use serde::Serialize;

/// The versions that cargo built this program with.
pub(crate) const LOCK: &str = include_str!("../Cargo.lock");

/// Those whose versions belong beside the figures.
const CRATES: [&str; 5] = ["axum", "axum-extra", "axum_session", "tokio", "tower-sessions"];

#[derive(Serialize)]
pub struct Machine {
    pub processor: String,
    pub rustc: String,
    pub libc: String,
    /// What programs that ask for it find: they choose their code by it.
    pub features: String,
    pub date: String,
    pub crates: Vec<(&'static str, String)>,
}

impl Machine {
    pub fn this() -> Self {
        Self::with(&CRATES)
    }

    /// With the versions of these crates instead.
    pub fn with(crates: &[&'static str]) -> Self {
        Self {
            processor: processor(),
            rustc: first_line(&mut Command::new("rustc"), "-V"),
            libc: first_line(&mut Command::new("ldd"), "--version"),
            features: features(),
            date: humantime::format_rfc3339(SystemTime::now()).to_string()[..10].to_owned(),
            crates: crates.iter().filter_map(|name| Some((*name, version(name)?))).collect(),
        }
    }

    /// What belongs below a table or chart, in two lines.
    pub fn caption(&self) -> String {
        let crates: Vec<String> =
            self.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let Self { processor, rustc, date, .. } = self;
        format!("{date}; {processor}; {rustc};\n{}", crates.join(", "))
    }
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn features() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let mut features = "x86_64".to_owned();
        for (name, is_there) in [
            ("aes", is_x86_feature_detected!("aes")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("sha", is_x86_feature_detected!("sha")),
        ] {
            if is_there {
                features.push(' ');
                features.push_str(name);
            }
        }
        features
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::env::consts::ARCH.to_owned()
}

fn first_line(command: &mut Command, argument: &str) -> String {
    let output = command.arg(argument).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}

/// The newest, if there are several: only the contest on Redis uses an older one, and says so.
fn version(name: &str) -> Option<String> {
    let named = format!("name = \"{name}\"\n");
    let package = LOCK.split("[[package]]").filter(|package| package.contains(&named)).last()?;
    let version = package.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(version.trim_matches('"').to_owned())
}
