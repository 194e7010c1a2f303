/// A node `a` on ports that are free now, without snapshots, on stores of these types.
pub(crate) fn config(oplog: &str, election: &str) -> String {
    let address = || format!("127.0.0.1:{}", standfast::ports::reserve().unwrap());
    let (listen, http) = (address(), address());
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
