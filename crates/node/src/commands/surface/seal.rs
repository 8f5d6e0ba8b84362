use serde::Serialize;

use crate::cli::Seal as Args;
use crate::failure::Failure;
use crate::opened::{name_of, surface_dirs};
use crate::print;
use crate::reading::read_seal_key;
use crate::text::{Grouped, count};

/// What was sealed of one surface.
#[derive(Debug, Serialize)]
struct Sealed {
    name: String,
    segments_sealed: u64,
    segments: usize,
}

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let key = read_seal_key(&args.key)?;
    let mut sealed = Vec::new();
    for dir in surface_dirs(&args.dir)? {
        let surface = args.reading.surface(&dir)?;
        let segments_sealed = surface.seal(&key)?;
        sealed.push(Sealed {
            name: name_of(&dir),
            segments_sealed,
            segments: surface.segments().count(),
        });
    }
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            surfaces: &'a [Sealed],
        }
        return print::json("surface.seal", &Told { surfaces: &sealed });
    }
    let rows = sealed.iter().map(|it| {
        let left =
            u64::try_from(it.segments).unwrap_or(u64::MAX).saturating_sub(it.segments_sealed);
        [it.name.clone(), Grouped(it.segments_sealed).to_string(), Grouped(left).to_string()]
    });
    print::text(&print::table(["surface", "segments sealed", "still open"], rows))?;
    let all = sealed.iter().map(|it| it.segments_sealed).fold(0, u64::saturating_add);
    if all == 0 {
        print::note(
            "all is verified, and nothing is sealed: segments are closed when they reach their \
             size (`surface import --segment-bytes`)",
        );
        return Ok(());
    }
    print::note(&format!(
        "{} verified and sealed; read them with --verify seal --seal-key {}",
        count(all, "segment"),
        args.key.display()
    ));
    Ok(())
}
