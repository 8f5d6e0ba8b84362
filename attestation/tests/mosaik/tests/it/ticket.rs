//! mosaik's TDX ticket as it is on the wire. In mosaik only a guest with TDX can make one, from
//! types that are private to it; whoever reads its source can write the same bytes.

use chrono::{DateTime, Utc};
use mosaik::{
    NetworkId, PeerId, SecretKey,
    discovery::{PeerEntry, SignedPeerEntry},
    iroh::EndpointAddr,
    tdx::Tdx,
    tickets::{Expiration, Ticket},
    unique_id,
};
use serde::Serialize;
use serde_json::json;

/// mosaik's `ExtraData` (`src/tee/tdx/ticket.rs`), field by field.
#[derive(Serialize)]
pub struct Claims {
    pub peer_id: PeerId,
    pub network_id: NetworkId,
    pub started_at: DateTime<Utc>,
    pub quoted_at: DateTime<Utc>,
    pub expiration: Expiration,
}

impl Claims {
    /// What a quote for this ticket must have as `report_data`: `ExtraData::signature`, and zeros.
    pub fn report_data(&self) -> [u8; 64] {
        let hash = unique_id!("mosaik.tdx.ticket.extra")
            .derive(self.peer_id.as_bytes())
            .derive(self.network_id.as_bytes())
            .derive(self.started_at.timestamp().to_le_bytes())
            .derive(self.quoted_at.timestamp().to_le_bytes())
            .derive(match self.expiration {
                Expiration::Never => [0; 8],
                Expiration::At(time) => time.timestamp().to_le_bytes(),
            });
        let mut data = [0; 64];
        data[..32].copy_from_slice(hash.as_bytes());
        data
    }
}

/// Postcard of quote and claims, compressed with zstd.
pub fn ticket(quote: &[u8], claims: &Claims) -> Ticket {
    let encoded = postcard::to_stdvec(&(quote, claims)).unwrap();
    Ticket::new(Tdx::CLASS, zstd::bulk::compress(&encoded, 3).unwrap().into())
}

/// The peer's entry with this ticket, as another peer has it: signed, sent, and read again.
pub fn as_received(secret: &SecretKey, claims: &Claims, ticket: Ticket) -> PeerEntry {
    let started_ms = claims.started_at.timestamp_millis();
    let entry: PeerEntry = serde_json::from_value(json!({
        "protocol": "0.4.2",
        "network": claims.network_id,
        "version": [started_ms, started_ms],
        "address": EndpointAddr::new(secret.public()),
        "tags": [],
        "streams": [],
        "functions": [],
        "groups": [],
        "tickets": {},
    }))
    .unwrap();
    let signed = entry.add_ticket(ticket).sign(secret).unwrap();
    let sent = postcard::to_stdvec(&signed).unwrap();
    postcard::from_bytes::<SignedPeerEntry>(&sent).unwrap().into_unsigned()
}
