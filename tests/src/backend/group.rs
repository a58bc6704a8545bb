//! Groups of Redis servers as the tests of the whole application take them: one that all tests of
//! a process share, or one of a test's own that loses a member.

use super::{
    kind::{Backend, Group},
    redis::{Cluster, Sentinels},
};

impl Backend for Cluster {
    fn url(&self) -> String {
        self.url()
    }
}

impl Group for Cluster {
    fn kill_a_primary(&mut self) {
        let primary = self.primary_of("any key");
        self.nodes()[primary].kill();
    }
}

impl Backend for Sentinels {
    fn url(&self) -> String {
        self.url()
    }
}

impl Group for Sentinels {
    fn kill_a_primary(&mut self) {
        let master = self.master();
        self.servers()[master].kill();
    }
}
