use std::net::SocketAddr;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::{Context, Place, Read, Text};

/// An address of this machine, with its port.
pub(super) struct Socket(pub(super) SocketAddr);

/// A host, by name or number, with a port.
pub(super) struct HostPort(pub(super) String);

impl<'i> Read<'i> for Socket {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let span = value.span();
        let Text(text) = Text::read(value, place, cx)?;
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("{place} is `{text:.80}`, which is no address to listen on");
            cx.advise(Some(span), message, "write it as 127.0.0.1:9464 or [::1]:9464");
        }
        address.map(Self)
    }
}

impl<'i> Read<'i> for HostPort {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let span = value.span();
        let Text(text) = Text::read(value, place, cx)?;
        let parts = text.rsplit_once(':');
        let is_one = parts.is_some_and(|(host, port)| {
            let host_is_plain = !host.is_empty() && !host.contains(['/', '@', ' ']);
            host_is_plain && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !is_one {
            let message = format!("{place} is `{text:.80}`, which is no host with a port");
            cx.advise(Some(span), message, "write it as node-2.example:7400 or 10.0.0.2:7400");
            return None;
        }
        Some(Self(text))
    }
}
