//! The contract of the general storage, kept by a cluster as by a single server.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::Areas;
use ges_testkit::areas::AreasUnderTest;

use crate::world::{Servers, Uses, entered};

struct Fresh {
    uses: Uses,
    // The clients before their servers.
    _servers: Servers,
}

#[async_trait]
impl AreasUnderTest for Fresh {
    fn areas(&self) -> &dyn Areas {
        &self.uses.areas
    }

    async fn pass(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

async fn fresh() -> Fresh {
    let servers = Servers::start(false);
    let uses = Uses::of(&entered(servers.cluster.ports()[0])).await;
    Fresh { uses, _servers: servers }
}

ges_testkit::areas_tests!(fresh);
