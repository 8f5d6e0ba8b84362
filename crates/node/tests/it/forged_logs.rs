//! Logs that nobody's committee wrote: with what an auditor has, they are found out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use holobiont_attestation::{Binding, BootBinding, Evidence, PckCa, QuoteProvider as _};
use holobiont_committee::{
    ExportFile, ExportReader, ExportStart, LogCommand, SeedKey, Signed, Signer as _,
    enrolment_digest,
};
use holobiont_enclave_simulated::{QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel};
use holobiont_identity::{Organism, UniqueId};
use holobiont_policy::{Command, Roster};

/// What anybody has who has read one export.
struct Seen {
    organism: Organism,
    roster: Roster,
    /// Enrolment and quote of every node.
    boots: BTreeMap<u16, (Vec<u8>, Vec<u8>)>,
}

impl Seen {
    fn of(export: &Path, config: &Path) -> Self {
        let organism = Organism::parse(&fs::read_to_string(config).unwrap()).unwrap();
        let mut reader = ExportReader::open(export).unwrap();
        let ExportStart::First { roster, .. } = reader.start().clone() else {
            panic!("it begins with the first entry");
        };
        let mut boots = BTreeMap::new();
        while let Some((_, entry)) = reader.entry().unwrap() {
            let signed = Signed::decode(&entry).unwrap();
            if let LogCommand::Key { enrolment, quote, .. } = signed.command {
                boots.insert(signed.node, (enrolment, quote));
            }
        }
        Self { organism, roster, boots }
    }

    /// A whole committee of keys that the forger has, with the real nodes' enrolments.
    fn forge(&self, file: &Path, quote: impl Fn(u16, &[u8; 32], &[u8]) -> Vec<u8>) {
        let start = ExportStart::First {
            content_hash: self.organism.content_hash(),
            roster: self.roster.clone(),
        };
        let mut export = ExportFile::create(file, &start).unwrap();
        let keys: Vec<SeedKey> =
            (0..3).map(|seed| SeedKey::from_seed(&[seed + 1; 32]).unwrap()).collect();
        let mut commands = Vec::new();
        for (node, key) in (0_u16..).zip(&keys) {
            let (key, enrolment) = (key.public(), self.boots[&node].0.clone());
            let quote = quote(node, &key, &enrolment);
            commands.push((node, LogCommand::Key { key, enrolment, quote }));
        }
        for (node, key) in (0_u16..).zip(&keys) {
            let key = key.public();
            let others = (0..3).filter(|by| *by != node);
            commands.extend(others.map(|by| (by, LogCommand::Admit { node, key })));
        }
        commands.push((0, LogCommand::Policy(Command::Tick)));
        for (index, (node, command)) in (1..).zip(commands) {
            let id = &self.roster.nodes()[usize::from(node)];
            let key = &keys[usize::from(node)];
            let stable_id = self.organism.stable_id();
            let entry = Signed::make(stable_id, id, node, command, key).encode();
            export.entry(index, &entry).unwrap();
        }
        export.finish().unwrap();
    }

    /// A quote as node `node` would make it for this key, of another fake Intel.
    fn own_quote(
        &self,
        intel: &SimulatedIntel,
        node: u16,
        key: &[u8; 32],
        leave: &[u8],
    ) -> Vec<u8> {
        let platform = intel.platform(u32::from(node), PckCa::Platform).unwrap();
        let image = SimulatedImage::new("holobiont simulated committee", "ro quiet");
        let guest = SimulatedGuest::new(platform, image, QuoteForm::V5Td15);
        let id: &UniqueId = &self.roster.nodes()[usize::from(node)];
        let binding = Binding::Boot(BootBinding {
            simulated: true,
            node: *id.as_bytes(),
            boot_key: key.to_vec(),
            enrolment: *enrolment_digest(&self.organism.stable_id(), leave).as_bytes(),
        });
        let quote = guest.quote(&binding.report_data()).unwrap();
        Evidence { quote, event_log: None, batch: None }.encode().unwrap()
    }
}

/// Writes `borrowed.log`, whose keys come with the real nodes' quotes, `bare.log`, whose keys come
/// with none, and `forged.log`, whose quotes are right in all but who signed them.
pub(crate) fn write(root: &Path, export: &str, config: &str) {
    let seen = Seen::of(&root.join(export), &root.join(config));
    seen.forge(&root.join("borrowed.log"), |node, _, _| seen.boots[&node].1.clone());
    seen.forge(&root.join("bare.log"), |_, _, _| Vec::new());
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let intel = SimulatedIntel::new(now_s).unwrap();
    seen.forge(&root.join("forged.log"), |node, key, leave| {
        seen.own_quote(&intel, node, key, leave)
    });
}
