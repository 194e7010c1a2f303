use proptest::prelude::*;

use super::*;
use crate::words::{ClusterId, Section};

fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("test").unwrap(), [7; 16])
}

fn id(request: u64, item: u32, answered: u64) -> EntryId {
    EntryId {
        session: SessionId(5),
        request: RequestId(request),
        item,
        answered: RequestId(answered),
    }
}

fn reply(n: u8) -> Reply {
    Reply(vec![n])
}

#[test]
fn the_same_request_gets_the_same_answer() {
    let mut sessions = Sessions::new(cluster());
    sessions.remember(&id(1, 0, 0), Seq(9), reply(1));
    let again = sessions.recall(SessionId(5), RequestId(1), 0);
    assert_eq!(
        again,
        Recall::Remembered {
            reply: reply(1),
            seq: Seq(9)
        }
    );
    assert_eq!(sessions.recall(SessionId(5), RequestId(1), 1), Recall::New);
    assert_eq!(sessions.recall(SessionId(6), RequestId(1), 0), Recall::New);
}

#[test]
fn an_answer_the_client_has_is_forgotten_and_never_executed_again() {
    let mut sessions = Sessions::new(cluster());
    sessions.remember(&id(1, 0, 0), Seq(1), reply(1));
    sessions.remember(&id(2, 0, 1), Seq(2), reply(2));
    assert_eq!(
        sessions.recall(SessionId(5), RequestId(1), 0),
        Recall::TooOld
    );
}

#[test]
fn items_are_remembered_in_whatever_order_and_however_often_they_come() {
    let in_order = {
        let mut sessions = Sessions::new(cluster());
        for item in 0..50 {
            sessions.remember(&id(1, item, 0), Seq(50), reply(u8::from(item > 20)));
        }
        sessions
    };
    let mut shuffled = Sessions::new(cluster());
    for item in (0..50).map(|n| n * 17 % 50) {
        shuffled.remember(&id(1, item, 0), Seq(1), reply(9));
        shuffled.remember(&id(1, item, 0), Seq(50), reply(u8::from(item > 20)));
    }
    assert_eq!(in_order.digest(), shuffled.digest());
    for item in 0..50 {
        let recalled = shuffled.recall(SessionId(5), RequestId(1), item);
        assert_eq!(recalled, in_order.recall(SessionId(5), RequestId(1), item));
    }
    assert_eq!(shuffled.recall(SessionId(5), RequestId(1), 50), Recall::New);
}

#[test]
fn a_request_below_the_window_is_too_old() {
    let mut sessions = Sessions::new(cluster());
    sessions.remember(&id(300, 0, 0), Seq(1), reply(1));
    assert_eq!(
        sessions.recall(SessionId(5), RequestId(44), 0),
        Recall::TooOld
    );
    assert_eq!(sessions.recall(SessionId(5), RequestId(45), 0), Recall::New);
}

#[test]
fn of_two_entries_of_one_item_the_last_answer_counts() {
    let mut sessions = Sessions::new(cluster());
    sessions.remember(&id(1, 0, 0), Seq(1), reply(1));
    sessions.remember(&id(1, 0, 0), Seq(2), reply(2));
    let found = sessions.recall(SessionId(5), RequestId(1), 0);
    assert_eq!(
        found,
        Recall::Remembered {
            reply: reply(2),
            seq: Seq(2)
        }
    );
}

#[test]
fn an_ended_session_leaves_nothing() {
    let mut sessions = Sessions::new(cluster());
    sessions.remember(&id(1, 0, 0), Seq(1), reply(1));
    sessions.end(SessionId(5));
    assert!(sessions.is_empty());
    assert_eq!(sessions.digest(), Digest::default());
}

proptest! {
    /// A state restored from rows has the digest of the one they were read from.
    #[test]
    fn rows_restore_the_digest(
        requests in prop::collection::vec((1_u64..600, 0_u32..4, 0_u64..40, any::<u8>()), 0..200),
    ) {
        let mut sessions = Sessions::new(cluster());
        for (seq, (request, item, back, byte)) in requests.into_iter().enumerate() {
            let answered = request.saturating_sub(back + 1);
            sessions.remember(&id(request, item, answered), Seq(seq as u64), reply(byte));
        }
        sessions.capture();
        let mut restored = Sessions::new(cluster());
        for bucket in Section::all().filter_map(Section::sessions) {
            let mut rows = Vec::new();
            sessions.read_some(bucket, usize::MAX, &mut rows);
            restored.load(&rows).unwrap();
        }
        prop_assert_eq!(restored.digest(), sessions.digest());
    }
}
