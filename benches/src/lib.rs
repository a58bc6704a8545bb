//! What a request costs, measured: the scenarios, the contestants, and how time, instructions,
//! allocations and memory are counted. Two programs are made of it: `benches` runs and reports,
//! `allocations` is the same code under an allocator that counts, which would distort the times.

pub mod changes;
pub mod chart;
pub mod compile;
pub mod contest;
pub mod contestants;
pub mod count;
pub mod crypto;
pub mod document;
pub mod driver;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod gate;
#[cfg(feature = "peers")]
pub mod growth;
pub mod machine;
pub mod memory;
pub mod plot;
#[cfg(feature = "redis")]
pub mod redis;
pub mod report;
pub mod rounds;
#[cfg(feature = "peers")]
pub mod sized;
pub mod stored;
pub mod stores;
pub mod threads;
pub mod workload;
