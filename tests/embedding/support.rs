/// A node `a` on ports that are free now, without snapshots, on stores of these types.
pub(crate) fn config(oplog: &str, election: &str) -> String {
    let bind = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Both are held until both are known, so that they differ.
    let (grpc, web) = (bind(), bind());
    let (listen, http) = (grpc.local_addr().unwrap(), web.local_addr().unwrap());
    format!(
        r#"
        cluster = {{ id = "embedded" }}
        node = {{ id = "a", data_dir = "a", listen = "{listen}", http = "{http}" }}
        election = {{ {election} }}
        oplog = {{ {oplog} }}
        recovery = {{ mode = "log" }}
        "#
    )
}
