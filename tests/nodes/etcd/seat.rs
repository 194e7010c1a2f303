use std::time::Duration;

use etcd_client::Client;
use tokio::time::Instant;

use super::Members;

/// Who leads, as etcd has it.
pub(crate) struct Seat {
    client: Client,
    leader: Vec<u8>,
}

impl Members {
    /// The seat of the leader that there is.
    pub(crate) async fn seat(&self) -> Seat {
        let mut client = Client::connect(&self.endpoints, None).await.unwrap();
        let leader = look(&mut client).await.expect("somebody leads");
        Seat { client, leader }
    }
}

impl Seat {
    /// Waits until it is free or somebody else's: when that was seen.
    pub(crate) async fn until_changed(&mut self) -> Instant {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while look(&mut self.client).await.as_ref() == Some(&self.leader) {
            ticks.tick().await;
        }
        Instant::now()
    }
}

async fn look(client: &mut Client) -> Option<Vec<u8>> {
    let found = client.get("/standfast/test/leader", None).await.unwrap();
    let mut found = found.kvs().iter();
    found.next().map(|kv| kv.value().to_vec())
}
