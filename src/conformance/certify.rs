use standfast_core::conformance::{Plan, Row, Verdict};
use standfast_core::{Error, Registry, Result};

use super::suite::Suite;
use crate::config::Config;

/// Runs every case on the stores that `config` names, in scratch places that are gone afterwards. One that is not gone
/// fails the last row, `the_scratch_places_are_removed` of kind `suite`, which is there only then.
///
/// # Errors
/// As [`Suite::claim`] and [`Suite::check`]. That a case failed is in its row.
///
/// # Cancel safety
/// Scratch places stay behind.
pub async fn certify(config: &Config, registry: &Registry, plan: &Plan) -> Result<Vec<Row>> {
    let name = format!("suite-{:08x}", rand::random::<u32>());
    let suite = Suite::claim(config, registry, &name).await?;
    let rows = match suite.check(config).await {
        Ok(()) => suite.run(plan, "", |_row| {}).await,
        Err(error) => Err(error),
    };
    let cleaned = suite.clean().await;
    let mut rows = rows?;
    rows.extend(cleaned.err().map(|error| not_removed(plan, &error)));
    Ok(rows)
}

fn not_removed(plan: &Plan, error: &Error) -> Row {
    Row {
        kind: "suite",
        case: "the_scratch_places_are_removed",
        rules: &[],
        verdict: Verdict::Failed {
            seed: plan.seed,
            why: error.to_string(),
        },
    }
}
