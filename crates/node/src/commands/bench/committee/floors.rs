use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use super::paced::ms;
use super::report::{Floors, Spread};
use crate::commands::dev::handshake;
use crate::failure::Failure;

const FSYNCS: usize = 200;
const WRITE_BYTES: usize = 4_096;
const ROUND_TRIPS: usize = 2_000;

pub(super) async fn measure(dir: &Path) -> Result<Floors, Failure> {
    let round_trips = handshake::round_trips(ROUND_TRIPS).await?;
    Ok(Floors {
        fsync_ms: fsyncs(&dir.join("fsync"))?,
        attested_round_trip_ms: Spread::of(round_trips.into_iter().map(ms).collect()),
    })
}

fn fsyncs(path: &Path) -> Result<Spread, Failure> {
    let mut file = File::create(path).map_err(Failure::io(path, "creating"))?;
    let mut all = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        let began = Instant::now();
        let written = file.write_all(&[1; WRITE_BYTES]).and_then(|()| file.sync_data());
        written.map_err(Failure::io(path, "writing"))?;
        all.push(ms(began.elapsed()));
    }
    fs::remove_file(path).map_err(Failure::io(path, "removing"))?;
    Ok(Spread::of(all))
}
