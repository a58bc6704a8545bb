//! Reads the command line and runs what it asks for; `cargo xtask bench` calls it.

use std::{fs, io, process::ExitCode};

use benches::{
    chart, compile,
    contest::{self, Options},
    count, crypto, document, gate, memory,
};
use serde::Serialize;

const USAGE: &str = "\
usage: benches in-process [--instructions] [--json] [--record] [--svg FILE]
       benches memory [--json] [--record]
       benches growth [--json] [--record] [--svg FILE]
       benches crypto [--json] [--record]
       benches redis [--json] [--record]    (feature `redis`)
       benches embedded [--json] [--record] [--dir DIR]    (feature `embedded`)
       benches compile [--json] [--record]
       benches gate [--record]
";

const SUBJECTS: [&str; 7] =
    ["in-process", "memory", "growth", "crypto", "redis", "embedded", "compile"];

/// How to show what was measured.
#[derive(Default)]
struct Output {
    json: bool,
    /// Into the document, too.
    record: bool,
    instructions: bool,
    svg: Option<String>,
    /// Where files are written that are measured.
    dir: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // Callgrind runs these.
        ["count", contestant, letter] => count::run(contestant, letter, |measure| measure()),
        ["count-crypto", kind] => crypto::count(kind),
        ["gate"] => gate::check(),
        ["gate", "--record"] => gate::record(),
        [subject, ref options @ ..] if SUBJECTS.contains(&subject) => {
            let Some(output) = Output::parse(options) else { return usage() };
            if let Err(error) = show(subject, &output) {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

impl Output {
    fn parse(arguments: &[&str]) -> Option<Self> {
        let mut output = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--json" => output.json = true,
                "--record" => output.record = true,
                "--instructions" => output.instructions = true,
                "--dir" => output.dir = Some((*arguments.next()?).to_owned()),
                "--svg" => output.svg = Some((*arguments.next()?).to_owned()),
                _ => return None,
            }
        }
        // The chart shows them, and so does the document.
        output.instructions |= output.svg.is_some() || output.record;
        Some(output)
    }

    /// The chart goes where it was asked for, and beside the document.
    fn draw(&self, name: &str, svg: &str) -> io::Result<()> {
        if let Some(file) = &self.svg {
            fs::write(file, svg)?;
        }
        if self.record { document::record_chart(name, svg) } else { Ok(()) }
    }

    fn print(&self, name: &str, of: &impl Serialize, text: &str, figures: &str) -> io::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(of)?);
        } else {
            print!("{text}");
        }
        if self.record { document::record(name, figures) } else { Ok(()) }
    }
}

fn show(subject: &str, output: &Output) -> io::Result<()> {
    match subject {
        "memory" => {
            let memory = memory::run();
            let text = memory.markdown();
            output.print(subject, &memory, &text, &text)
        }
        #[cfg(feature = "peers")]
        "growth" => {
            let growth = benches::growth::run();
            let text = growth.markdown();
            output.draw(subject, &growth.svg())?;
            output.print(subject, &growth, &text, &text)
        }
        #[cfg(not(feature = "peers"))]
        "growth" => Err(io::Error::other("built without the feature `peers`")),
        "crypto" => {
            let crypto = crypto::run();
            let text = crypto.markdown();
            output.print(subject, &crypto, &text, &text)
        }
        #[cfg(feature = "redis")]
        "redis" => {
            let redis = benches::redis::run();
            let text = redis.markdown();
            output.print(subject, &redis, &text, &text)
        }
        #[cfg(not(feature = "redis"))]
        "redis" => Err(io::Error::other("built without the feature `redis`")),
        "compile" => {
            let compile = compile::run()?;
            let text = compile.markdown();
            output.print(subject, &compile, &text, &text)
        }
        #[cfg(feature = "embedded")]
        "embedded" => {
            let embedded = benches::embedded::run(output.dir.as_deref())?;
            let text = embedded.markdown();
            output.print(subject, &embedded, &text, &text)
        }
        #[cfg(not(feature = "embedded"))]
        "embedded" => Err(io::Error::other("built without the feature `embedded`")),
        _ => {
            let options = Options { instructions: output.instructions, ..Options::default() };
            let contest = contest::run(&options);
            if let Some(svg) = chart::svg(&contest) {
                output.draw("performance", &svg)?;
            }
            if output.record {
                document::record("stores", &contest.by_store().to_string())?;
            }
            output.print(subject, &contest, &contest.markdown(), &contest.document())
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
