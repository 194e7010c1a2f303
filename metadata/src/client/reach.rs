use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::iter::successors;

use tonic::{ConnectError, Status};

use crate::v1;

/// What became of the last question to each node: told when none of them leads.
#[derive(Debug, Default)]
pub(super) struct Reach {
    tries: BTreeMap<String, Try>,
}

#[derive(Debug)]
struct Try {
    connected: bool,
    told: String,
}

impl Reach {
    pub(super) fn answered(&mut self, address: &str, answer: &v1::GetPrimaryResponse) {
        let told = match (answer.leads, answer.primary.as_str()) {
            (true, _) => format!("{address} said that it leads"),
            (false, "") => format!("{address} does not lead, and knows nobody who does"),
            (false, primary) => format!("{address} does not lead, and says that {primary} does"),
        };
        self.note(address, true, told);
    }

    /// Nothing came back in time. Whether it can be connected to is not known.
    pub(super) fn silent(&mut self, address: &str) {
        self.note(address, true, format!("{address} does not answer"));
    }

    pub(super) fn failed(&mut self, address: &str, status: &Status) {
        let mut causes = successors(status.source(), |cause| (*cause).source());
        if causes.any(<dyn Error>::is::<ConnectError>) {
            let told = format!("cannot connect to {address}: {}", root_cause(status));
            self.note(address, false, told);
        } else {
            self.note(address, true, format!("{address}: {}", status.message()));
        }
    }

    fn note(&mut self, address: &str, connected: bool, told: String) {
        self.tries
            .insert(address.to_owned(), Try { connected, told });
    }

    /// Whether nodes were tried, and none could be connected to.
    pub(super) fn is_nowhere(&self) -> bool {
        !self.tries.is_empty() && self.tries.values().all(|one| !one.connected)
    }

    pub(super) fn told(&self) -> String {
        let told: Vec<_> = self.tries.values().map(|one| one.told.as_str()).collect();
        told.join("; ")
    }
}

/// What is at the bottom of an error, in words without a number: `connection refused`.
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let deepest = successors(Some(error), |cause| (*cause).source()).last();
    let deepest = deepest.unwrap_or(error);
    match deepest.downcast_ref::<io::Error>() {
        Some(of_the_system) if of_the_system.raw_os_error().is_some() => {
            of_the_system.kind().to_string()
        }
        _ => deepest.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Status {
        // ECONNREFUSED
        let source = io::Error::from_raw_os_error(111);
        Status::from_error(Box::new(ConnectError(Box::new(source))))
    }

    #[test]
    fn a_refused_connection_is_told_with_its_address() {
        let mut reach = Reach::default();
        reach.failed("a:1", &refused());
        assert_eq!(reach.told(), "cannot connect to a:1: connection refused");
        assert!(reach.is_nowhere());
    }

    #[test]
    fn one_node_that_may_be_there_is_enough_to_go_on() {
        let mut reach = Reach::default();
        reach.failed("a:1", &refused());
        reach.silent("b:1");
        assert!(!reach.is_nowhere());
        reach.failed("b:1", &refused());
        assert!(reach.is_nowhere());
        reach.answered("b:1", &v1::GetPrimaryResponse::default());
        assert!(!reach.is_nowhere());
    }

    #[test]
    fn where_nobody_was_asked_yet_there_may_be_somebody() {
        assert!(!Reach::default().is_nowhere());
    }
}
