//! The behaviour of the library, as seen by HTTP clients on real sockets and by stores that watch.
//! One program for all of it, because each program links the whole library anew.

mod at_rest;
mod bind;
mod cap;
mod codec;
mod consent;
mod deadlines;
mod ending;
mod expiry;
mod failure;
mod fields;
mod forced;
mod guards;
mod handle;
mod headers;
mod ids;
mod keys;
mod lifetimes;
mod live;
mod loaded;
mod login;
mod missing_layer;
mod parallel;
mod peek;
mod presets;
mod quiet;
mod redaction;
mod saves;
mod sealed;
mod secure;
mod tokens;
mod touch;
mod transact;
mod unread;
mod versions;
