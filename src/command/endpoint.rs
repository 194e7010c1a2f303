use std::time::Duration;

/// A command gives up when none of the nodes it is told can be connected to for so long.
pub(super) const REACH: Duration = Duration::from_secs(5);

/// The `host:port` of a node.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let address = text.trim_start_matches("http://").trim_end_matches('/');
    let good = address.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = !host.is_empty() && !host.contains([':', '/', '@', ' ']);
        (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if good {
        Ok(address.to_owned())
    } else {
        Err("want host:port, as 127.0.0.1:7401".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for good in ["127.0.0.1:1", "[::1]:7401", "node-a.lan:65535"] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        assert_eq!(parse("http://a:1/").as_deref(), Ok("a:1"));
        for wrong in [
            "",
            "foo",
            "foo:",
            ":1",
            "foo:0",
            "foo:65536",
            "::1:7401",
            "a:b:1",
            "a/b:1",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
