use async_trait::async_trait;
use parking_lot::{Condvar, Mutex};
use standfast_core::conformance::Wire;
use tokio::sync::watch;

/// What all calls over one way to the disk pass, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    plan: Mutex<Plan>,
    opened: Condvar,
    held: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    hold_at: Option<u64>,
    lose_at: Option<u64>,
}

impl Gate {
    /// Counts a call, and holds it if it is the one. Whether its answer is lost.
    pub(super) fn pass(&self) -> bool {
        let mut plan = self.plan.lock();
        let call = plan.calls;
        plan.calls += 1;
        let is_held = |plan: &mut Plan| plan.hold_at == Some(call);
        if is_held(&mut plan) {
            self.held.send_replace(true);
            self.opened.wait_while(&mut plan, is_held);
        }
        plan.lose_at == Some(call)
    }
}

#[async_trait]
impl Wire for Gate {
    fn calls(&self) -> u64 {
        self.plan.lock().calls
    }

    fn hold_at(&self, call: u64) {
        self.plan.lock().hold_at = Some(call);
    }

    async fn held(&self) {
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held)
            .await
            .expect("the gate keeps the sender");
    }

    fn release(&self) {
        self.plan.lock().hold_at = None;
        self.opened.notify_all();
    }

    fn lose_answer_at(&self, call: u64) {
        self.plan.lock().lose_at = Some(call);
    }
}
