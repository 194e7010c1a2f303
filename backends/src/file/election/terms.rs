//! Term records: `{dir}/terms/{epoch:020}-{n:020}`, JSON, version 1, created once and never changed. The newest is the
//! one with the largest epoch, and of that the largest number.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dir::ElectionDir;
use crate::file::cluster::decode;
use crate::file::error::{error, io_error};
use crate::file::{exclusive, numbered};
use crate::term_fields::TermFields;
use standfast_core::{Epoch, ErrorKind, Result, TermRecord};

const FORMAT: &str = "standfast-term";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct TermFile {
    format: String,
    version: u32,
    #[serde(flatten)]
    record: TermFields,
}

/// Adds a record.
pub(super) fn create(dir: &ElectionDir, record: &TermRecord) -> Result<()> {
    let file = TermFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        record: record.into(),
    };
    let bytes = serde_json::to_vec(&file)
        .map_err(|source| error(ErrorKind::Invalid, "publish term record").source(source))?;
    let terms = dir.layout().at("terms");
    loop {
        let number = match newest(&terms)? {
            Some((epoch, number)) if epoch == record.epoch => number + 1,
            _ => 1,
        };
        let name = name(record.epoch, number);
        if exclusive::create(&dir.layout().tmp(), &terms, &name, &bytes)
            .map_err(|source| io_error("publish term record", &terms, source))?
        {
            return Ok(());
        }
    }
}

/// The newest record.
pub(super) fn read(dir: &ElectionDir) -> Result<Option<TermRecord>> {
    let terms = dir.layout().at("terms");
    let Some((epoch, number)) = newest(&terms)? else {
        return Ok(None);
    };
    let path = terms.join(name(epoch, number));
    let bytes = fs::read(&path).map_err(|source| io_error("read term record", &path, source))?;
    let file: TermFile = decode(&bytes, FORMAT, VERSION)
        .map_err(|error| error.context(path.display().to_string()))?;
    file.record.into_record().map(Some)
}

fn name(epoch: Epoch, number: u64) -> String {
    format!("{}-{}", numbered::name(epoch.0), numbered::name(number))
}

fn newest(terms: &Path) -> Result<Option<(Epoch, u64)>> {
    let list = || {
        let mut newest = None;
        for entry in fs::read_dir(terms)? {
            newest = newest.max(entry?.file_name().to_str().and_then(parse));
        }
        Ok(newest)
    };
    list().map_err(|source| io_error("list term records", terms, source))
}

fn parse(name: &str) -> Option<(Epoch, u64)> {
    let (epoch, number) = name.split_once('-')?;
    Some((
        Epoch(numbered::parse(epoch.as_bytes())?),
        numbered::parse(number.as_bytes())?,
    ))
}
