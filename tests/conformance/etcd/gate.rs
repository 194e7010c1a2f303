use std::sync::Mutex;

use async_trait::async_trait;
use standfast::conformance::Wire;
use tokio::sync::watch;

/// Where a proxy asks whether a call may go on.
#[derive(Debug)]
pub(super) struct Gate {
    orders: Mutex<Orders>,
    /// Whether what is held goes on.
    open: watch::Sender<bool>,
    held: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Orders {
    calls: u64,
    hold_at: Option<u64>,
    lose_at: Option<u64>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            orders: Mutex::default(),
            open: watch::Sender::new(true),
            held: watch::Sender::new(false),
        }
    }
}

impl Gate {
    /// Counts a call, and waits as long as it is held. Whether its answer is to be lost.
    pub(super) async fn pass(&self) -> bool {
        let lost = {
            let mut orders = self.orders.lock().unwrap();
            let call = orders.calls;
            orders.calls += 1;
            if orders.hold_at.is_some_and(|hold_at| call >= hold_at) {
                orders.hold_at = None;
                self.open.send_replace(false);
            }
            let lost = orders.lose_at == Some(call);
            if lost {
                orders.lose_at = None;
            }
            lost
        };
        let mut open = self.open.subscribe();
        if !*open.borrow() {
            self.held.send_replace(true);
        }
        open.wait_for(|open| *open).await.unwrap();
        lost
    }
}

#[async_trait]
impl Wire for Gate {
    fn calls(&self) -> u64 {
        self.orders.lock().unwrap().calls
    }

    fn hold_at(&self, call: u64) {
        self.orders.lock().unwrap().hold_at = Some(call);
    }

    async fn held(&self) {
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held).await.unwrap();
    }

    fn release(&self) {
        self.orders.lock().unwrap().hold_at = None;
        self.held.send_replace(false);
        self.open.send_replace(true);
    }

    fn lose_answer_at(&self, call: u64) {
        self.orders.lock().unwrap().lose_at = Some(call);
    }
}
