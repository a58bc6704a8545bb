//! The examples, each built and started as a program of its own and used with `curl`, as their
//! readers would. Knows nothing of the library behind them.

#[cfg(target_os = "linux")]
mod attacks;
mod browser;
mod jobs;
mod kestrun;
mod ktor;
mod ktor_auth;
mod ktor_client;
mod ktor_header;
mod ktor_options;
mod ktor_server;
mod metrics;
mod moving;
mod operated;
mod pode;
mod pode_header;
mod primate;
#[cfg(all(unix, feature = "postgres"))]
mod rehearsal;
mod shop;
#[cfg(all(unix, feature = "postgres"))]
mod stopped;
mod verb;
