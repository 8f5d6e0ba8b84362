use anyhow::{Error, Result, bail};
use dcap_qvl::config::{ParsedCert, PckCa as DcapPckCa, X509Codec};
use x509_cert::{
    der::{self, Decode as _, Reader as _, SliceReader, asn1::AnyRef},
    ext::Extension,
};

use crate::{PckCa, certificates};

/// The identifier octet of a certificate's extensions: `[3]`, constructed (RFC 5280, 4.1).
const EXTENSIONS: u8 = 0xa3;

/// Finds an extension in a certificate without reading the rest of it: `webpki` has, by then. The full
/// parse that `dcap-qvl` would do instead builds every name in it, and finds the same.
#[derive(Debug)]
pub(crate) struct ExtensionWalk;

impl X509Codec for ExtensionWalk {
    type Parsed<'a> = Walked<'a>;

    fn from_der(cert_der: &[u8]) -> Result<Walked<'_>> {
        Ok(Walked { der: cert_der, extensions: extensions(cert_der).map_err(Error::msg)? })
    }
}

/// A certificate's extensions.
#[derive(Debug)]
pub(crate) struct Walked<'a> {
    der: &'a [u8],
    extensions: Vec<Extension>,
}

impl ParsedCert for Walked<'_> {
    fn pck_ca(&self) -> Option<DcapPckCa> {
        PckCa::of_issuer(&certificates::issuer(self.der)).map(|ca| match ca {
            PckCa::Platform => DcapPckCa::Platform,
            PckCa::Processor => DcapPckCa::Processor,
        })
    }

    fn extension(&self, oid: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut found = self.extensions.iter().filter(|it| it.extn_id.as_bytes() == oid);
        let first = found.next().map(|extension| extension.extn_value.as_bytes().to_vec());
        if found.next().is_some() {
            bail!("an extension appears more than once");
        }
        Ok(first)
    }
}

fn extensions(der: &[u8]) -> der::Result<Vec<Extension>> {
    let mut certificate = SliceReader::new(der)?;
    let extensions = certificate.sequence(|parts| {
        let extensions = parts.sequence(|body| {
            let mut extensions = Vec::new();
            while !body.is_finished() {
                let part = body.tlv_bytes()?;
                if part.first() == Some(&EXTENSIONS) {
                    extensions.extend(Vec::<Extension>::from_der(AnyRef::from_der(part)?.value())?);
                }
            }
            Ok::<_, der::Error>(extensions)
        })?;
        let [_algorithm, _signature] = [parts.tlv_bytes()?, parts.tlv_bytes()?];
        Ok::<_, der::Error>(extensions)
    })?;
    certificate.finish()?;
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use dcap_qvl::x509::X509CertBackend;
    use proptest::prelude::*;

    use super::*;
    use crate::{Intel, TrustRoot as _};

    /// What a codec says of these extensions: key usage, which the root has, and one that it has not.
    fn said<C: X509Codec>(der: &[u8]) -> Option<[Option<Vec<u8>>; 2]> {
        let parsed = C::from_der(der).ok()?;
        let said = [&[0x55, 0x1d, 0x0f][..], &[0x55, 0x1d, 0x25]];
        let [Ok(one), Ok(other)] = said.map(|oid| parsed.extension(oid)) else { return None };
        Some([one, other])
    }

    #[test]
    fn it_finds_what_a_full_parse_finds() {
        let der = Intel.certificate_der();
        let found = said::<ExtensionWalk>(der).unwrap();
        assert!(found[0].is_some() && found[1].is_none());
        assert_eq!(Some(found), said::<X509CertBackend>(der));
        for end in 0..der.len() {
            assert_eq!(said::<ExtensionWalk>(&der[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn an_extension_twice_is_refused() {
        let der = Intel.certificate_der();
        let mut walked = ExtensionWalk::from_der(der).unwrap();
        let oid = walked.extensions[0].extn_id;
        assert!(walked.extension(oid.as_bytes()).is_ok());
        walked.extensions.push(walked.extensions[0].clone());
        assert!(walked.extension(oid.as_bytes()).is_err());
    }

    proptest! {
        /// Whatever a full parse accepts, the walk reads alike.
        #[test]
        fn a_changed_byte_changes_both(at in 0_usize..659, byte: u8) {
            let mut der = Intel.certificate_der().to_vec();
            der[at] = byte;
            let walked = said::<ExtensionWalk>(&der);
            if let Some(parsed) = said::<X509CertBackend>(&der) {
                prop_assert_eq!(walked, Some(parsed));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = said::<ExtensionWalk>(&bytes);
        }
    }
}
