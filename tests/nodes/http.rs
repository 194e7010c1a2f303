//! As much of HTTP/1.1 as a look at a node takes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The status code and the body of what `http://{address}{path}` answers.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    let answer = ask("GET", address, path).await;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{address}{path} answered {answer:?}"));
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

/// The same with any method, and what stands above the body.
pub(crate) async fn ask(method: &str, address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The value of a metric: the sum over those of its lines that hold all of `labels`; `None` if there is no line.
pub(crate) fn value(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let is_it = rest.starts_with(' ') || rest.starts_with('{');
        let fits = labels.iter().all(|label| rest.contains(label));
        let value = rest.rsplit(' ').next()?.parse::<f64>().ok()?;
        (is_it && fits).then_some(value)
    });
    values.reduce(|a, b| a + b)
}
