use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use standfast::node::ClusterStatus;
use standfast::replay::Meter;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::command::status::ask;
use crate::command::{Failure, output};

/// What the story tells, and beneath it, on a terminal, how the cluster is right now. Where the output is not a terminal
/// the picture is printed once a second.
pub(super) struct View {
    lines: MultiProgress,
    task: JoinSet<()>,
    began: Instant,
}

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(200);
/// How often it is printed where it cannot be redrawn.
const PRINT: Duration = Duration::from_secs(1);

impl View {
    pub(super) fn start(endpoints: Vec<String>, meter: Arc<Meter>) -> Self {
        let terminal = io::stdout().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stdout()
        } else {
            ProgressDrawTarget::hidden()
        };
        let lines = MultiProgress::with_draw_target(target);
        let mut task = JoinSet::new();
        if terminal {
            let bars: Vec<_> = (0..=endpoints.len())
                .map(|_| {
                    let plain = ProgressStyle::with_template("{msg}");
                    let bar = lines.add(ProgressBar::new_spinner());
                    plain.map_or_else(|_| bar.clone(), |plain| bar.clone().with_style(plain))
                })
                .collect();
            task.spawn(async move {
                draw(&endpoints, &meter, FRAME, |picture| {
                    for (bar, line) in bars.iter().zip(picture) {
                        bar.set_message(line);
                    }
                })
                .await;
            });
        } else {
            task.spawn(async move {
                draw(&endpoints, &meter, PRINT, |picture| {
                    for line in picture {
                        drop(output::line(line));
                    }
                })
                .await;
            });
        }
        Self {
            lines,
            task,
            began: Instant::now(),
        }
    }

    /// Tells the next step of the story.
    pub(super) fn tell(&self, text: &str) -> Result<(), Failure> {
        let line = format!("[{:5.1} s] {text}", self.began.elapsed().as_secs_f64());
        if self.lines.is_hidden() {
            return output::line(line);
        }
        Ok(self.lines.println(line)?)
    }

    /// Ends the picture.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.task.shutdown().await;
        Ok(self.lines.clear()?)
    }
}

#[expect(
    clippy::infinite_loop,
    reason = "aborted by the view that owns the task"
)]
async fn draw(
    endpoints: &[String],
    meter: &Meter,
    every: Duration,
    mut show: impl FnMut(Vec<String>),
) {
    let mut ticks = tokio::time::interval(every);
    let mut before = (Instant::now(), meter.progress().operations);
    loop {
        ticks.tick().await;
        let mut status = None;
        for endpoint in endpoints {
            if let Ok(found) = ask(endpoint).await {
                status = Some(found);
                break;
            }
        }
        let progress = meter.progress();
        let now = Instant::now();
        let passed = (now - before.0).as_secs_f64().max(1e-3);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = progress.operations.saturating_sub(before.1) as f64 / passed;
        before = (now, progress.operations);
        let mut picture = status.as_ref().map(node_lines).unwrap_or_default();
        picture.push(format!(
            "  load  {:>9.0} ops/s   {} acknowledged   {} errors",
            rate, progress.acknowledged, progress.errors
        ));
        show(picture);
    }
}

fn node_lines(status: &ClusterStatus) -> Vec<String> {
    let lines = status.nodes.iter().map(|node| {
        format!(
            "  {:<5} {:<9} epoch {:<3} seq {:<9} lag {:<6} snapshot {:<9} verified {:<9}",
            node.id,
            format!("{:?}", node.role).to_lowercase(),
            node.epoch,
            node.applied_seq,
            node.lag_entries,
            node.snapshot_seq,
            node.verified_seq
        )
    });
    lines.collect()
}
