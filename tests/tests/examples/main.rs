//! The examples, each built and started as a program of its own and used with `curl`, as their
//! readers would. Knows nothing of the library behind them.

mod shop;
