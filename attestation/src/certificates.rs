//! Certificates and revocation lists as far as verdicts speak of them: dates, numbers, serials, and
//! who signed what. The chains themselves are decided by `dcap-qvl`.

use dcap_qvl::{config::EcdsaSigEncoder as _, signature::DerSigEncoder};
use pem::{EncodeConfig, LineEnding, Pem};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use x509_cert::{
    certificate::Rfc5280,
    crl::CertificateList,
    der::{
        self, Decode as _, Reader as _, SliceReader, Tag,
        asn1::{BitStringRef, UintRef},
    },
    name::Name,
    serial_number::SerialNumber,
    time::Time,
};

use crate::crypto;

/// The most certificates in one chain: leaf, CA and root.
pub const MAX_CHAIN_CERTIFICATES: usize = 3;

/// The largest PEM chain that is read, in bytes. Intel's take 3.7 KB.
pub const MAX_CHAIN_BYTES: usize = 12 * 1024;

const TAG: &str = "CERTIFICATE";
const CRL_NUMBER: &str = "2.5.29.20";
/// The identifier octet of a revocation list's extensions: `[0]`, constructed (RFC 5280, 5.1).
const CRL_EXTENSIONS: u8 = 0xa0;

/// The longest name of an issuer that is read, in bytes. Intel's take 114; each part of one is looked
/// up in a long table to be shown, and a list of revocations that is all name took 17 ms.
const MAX_NAME_BYTES: usize = 1024;

/// The longest list of extensions of a revocation list, in bytes. Intel's take 49.
const MAX_CRL_EXTENSIONS_BYTES: usize = 1024;

/// RFC 5758's `ecdsa-with-SHA256` without parameters, DER: all that Intel signs with.
const ECDSA_WITH_SHA256: [u8; 12] =
    [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// DER certificates, leaf first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain(Vec<Vec<u8>>);

impl Chain {
    /// Reads a PEM chain as a quote carries it: whatever else stands in it is passed over, a zero
    /// byte at its end among it.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, String> {
        if text.len() > MAX_CHAIN_BYTES {
            return Err(format!("{} bytes of certificates, at most {MAX_CHAIN_BYTES}", text.len()));
        }
        let most = MAX_CHAIN_CERTIFICATES.saturating_add(1);
        let certificates = CertificateDer::pem_slice_iter(text).take(most);
        let chain: Vec<Vec<u8>> = certificates
            .map(|der| der.map(|der| der.to_vec()))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        if chain.is_empty() || chain.len() > MAX_CHAIN_CERTIFICATES {
            return Err(format!("1 to {MAX_CHAIN_CERTIFICATES} certificates are wanted"));
        }
        Ok(Self(chain))
    }

    /// Reads a PEM chain in which nothing but white space stands between the certificates, each in
    /// its one encoding, so that what is not read cannot hide a change.
    pub(crate) fn from_exact_pem(text: &[u8]) -> Result<Self, String> {
        let chain = Self::from_pem(text)?;
        let squeezed = |text: &[u8]| -> Vec<u8> {
            text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
        };
        if squeezed(text) != squeezed(chain.to_pem().as_bytes()) {
            return Err("something else than certificates stands in the chain".to_owned());
        }
        Ok(chain)
    }

    pub(crate) fn to_pem(&self) -> String {
        to_pem(&self.0)
    }

    /// The first certificate alone, for `dcap-qvl`.
    pub(crate) fn leaf_for_dcap(&self) -> String {
        pem_for_dcap(self.0.get(..1).unwrap_or_default())
    }

    /// The DER of the certificates, leaf first.
    pub(crate) fn der(&self) -> &[Vec<u8>] {
        &self.0
    }

    pub(crate) fn leaf(&self) -> &[u8] {
        self.0.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The chain without the root, which is known and need not be sent. A chain that ends in another
    /// self-signed certificate is not touched.
    pub(crate) fn without_root(&self, root_der: &[u8]) -> &[Vec<u8>] {
        match self.0.split_last() {
            Some((last, rest)) if last == root_der && !rest.is_empty() => rest,
            _ => &self.0,
        }
    }
}

fn to_pem(certificates: &[Vec<u8>]) -> String {
    encode(certificates.iter().map(|der| Pem::new(TAG, der.as_slice())), 64)
}

/// Certificates as `dcap-qvl` takes them, and as it reads them fastest: `pem` looks for the end of a
/// certificate's headers twice through all of it where there are none, so there is one. One line each.
pub(crate) fn pem_for_dcap(certificates: &[Vec<u8>]) -> String {
    let certificates = certificates.iter().map(|der| {
        let mut pem = Pem::new(TAG, der.as_slice());
        // Neither text has what a header may not have.
        let _ = pem.headers_mut().add("For", "dcap-qvl");
        pem
    });
    encode(certificates, MAX_CHAIN_BYTES)
}

fn encode(certificates: impl Iterator<Item = Pem>, line_bytes: usize) -> String {
    let pems: Vec<Pem> = certificates.collect();
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF).set_line_wrap(line_bytes);
    pem::encode_many_config(&pems, config)
}

/// What a verdict needs of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// `notBefore` and `notAfter`, unix seconds.
    pub(crate) window: (u64, u64),
    pub(crate) serial: Vec<u8>,
    /// The public key's bits: an uncompressed P-256 point.
    pub(crate) key: Vec<u8>,
}

impl CertificateFacts {
    /// Walks over a certificate (RFC 5280, 4.1) and reads these fields alone: whether the others are
    /// well formed is `webpki`'s business, and reading all of them costs as much as it.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let facts = SliceReader::new(der).and_then(|mut outer| {
            outer.sequence(|certificate| {
                let facts = certificate.sequence(Self::read_body)?;
                skip_rest(certificate)?;
                Ok(facts)
            })
        });
        facts.map_err(|error: der::Error| error.to_string())
    }

    fn read_body(body: &mut SliceReader<'_>) -> der::Result<Self> {
        if Tag::peek(body)?.is_context_specific() {
            body.tlv_bytes()?;
        }
        let serial = SerialNumber::<Rfc5280>::decode(body)?;
        let [_algorithm, _issuer] = [body.tlv_bytes()?, body.tlv_bytes()?];
        let window = body.sequence(|validity| {
            Ok::<_, der::Error>((Time::decode(validity)?, Time::decode(validity)?))
        })?;
        let _subject = body.tlv_bytes()?;
        let key = body.sequence(|info| {
            let _algorithm = info.tlv_bytes()?;
            BitStringRef::decode(info)
        })?;
        skip_rest(body)?;
        Ok(Self {
            window: (seconds(window.0), seconds(window.1)),
            serial: serial.as_bytes().to_vec(),
            key: key.raw_bytes().to_vec(),
        })
    }
}

fn skip_rest(reader: &mut SliceReader<'_>) -> der::Result<()> {
    while !reader.is_finished() {
        reader.tlv_bytes()?;
    }
    Ok(())
}

/// What a verdict needs of one revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrlFacts {
    /// `thisUpdate` and the last second before `nextUpdate`, unix seconds.
    pub(crate) window: (u64, u64),
    pub(crate) issuer: String,
    pub(crate) number: u64,
    revoked: Vec<Vec<u8>>,
}

impl CrlFacts {
    /// A list without `nextUpdate` or number cannot be told from an old one: refused.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        if let Some(what) = outsized(der).map_err(|error| error.to_string())? {
            return Err(format!("{what} is too long"));
        }
        let list: CertificateList =
            CertificateList::from_der(der).map_err(|error| error.to_string())?;
        let body = &list.tbs_cert_list;
        let next_update = body.next_update.ok_or("it has no nextUpdate")?;
        let number = body
            .crl_extensions
            .iter()
            .flatten()
            .find(|extension| extension.extn_id.to_string() == CRL_NUMBER)
            .ok_or("it has no CRL number")?;
        let number = UintRef::from_der(number.extn_value.as_bytes())
            .ok()
            .and_then(|number| big_endian(number.as_bytes()))
            .ok_or("its CRL number is no number of up to 64 bits")?;
        let revoked = body.revoked_certificates.iter().flatten();
        Ok(Self {
            window: (seconds(body.this_update), seconds(next_update).saturating_sub(1)),
            issuer: body.issuer.to_string(),
            number,
            revoked: revoked.map(|entry| entry.serial_number.as_bytes().to_vec()).collect(),
        })
    }

    pub(crate) fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.iter().any(|revoked| revoked == serial)
    }
}

/// The name of who issued a certificate; empty where it cannot be read or is too long.
pub(crate) fn issuer(der: &[u8]) -> String {
    let name = SliceReader::new(der).and_then(|mut outer| {
        outer.sequence(|certificate| {
            let name = certificate.sequence(|body| {
                if Tag::peek(body)?.is_context_specific() {
                    body.tlv_bytes()?;
                }
                let [_serial, _algorithm] = [body.tlv_bytes()?, body.tlv_bytes()?];
                let name = body.tlv_bytes()?;
                skip_rest(body)?;
                Ok::<_, der::Error>(name)
            })?;
            skip_rest(certificate)?;
            Ok::<_, der::Error>(name)
        })
    });
    let name = name.ok().filter(|name| name.len() <= MAX_NAME_BYTES);
    name.and_then(|name| Name::from_der(name).ok()).map(|name| name.to_string()).unwrap_or_default()
}

/// What of a revocation list is too long to be Intel's, seen before it is read as a whole.
fn outsized(der: &[u8]) -> der::Result<Option<&'static str>> {
    SliceReader::new(der)?.sequence(|list| {
        let found = list.sequence(|body| {
            if Tag::peek(body)? == Tag::Integer {
                body.tlv_bytes()?;
            }
            let [_algorithm, issuer] = [body.tlv_bytes()?, body.tlv_bytes()?];
            let mut found = (issuer.len() > MAX_NAME_BYTES).then_some("its issuer's name");
            while !body.is_finished() {
                let part = body.tlv_bytes()?;
                if part.first() == Some(&CRL_EXTENSIONS) && part.len() > MAX_CRL_EXTENSIONS_BYTES {
                    found = Some("its list of extensions");
                }
            }
            Ok::<_, der::Error>(found)
        })?;
        skip_rest(list)?;
        Ok(found)
    })
}

/// Whether this certificate or revocation list, DER, is signed by the holder of the key, and nothing
/// in it is outside of the signature.
pub(crate) fn is_signed_by(der: &[u8], key: &[u8]) -> bool {
    signed_parts(der).is_ok_and(|(body, algorithm, signature)| {
        algorithm == ECDSA_WITH_SHA256 && crypto::verify(key, body, signature)
    })
}

/// Whether the holder of this certificate, DER, signed the text; r then s.
pub(crate) fn has_signed(signer_der: &[u8], text: &str, signature: &[u8]) -> bool {
    let signer = CertificateFacts::read(signer_der).ok();
    let parts = signature.split_at_checked(32);
    let signature = parts.and_then(|(r, s)| DerSigEncoder::encode_ecdsa_sig(r, s).ok());
    signer
        .zip(signature)
        .is_some_and(|(signer, signature)| crypto::verify(&signer.key, text.as_bytes(), &signature))
}

/// The signed bytes of a certificate or revocation list, the algorithm, and the signature.
fn signed_parts(der: &[u8]) -> der::Result<(&[u8], &[u8], &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|outer| {
        let body = outer.tlv_bytes()?;
        let algorithm = outer.tlv_bytes()?;
        let signature = BitStringRef::decode(outer)?;
        let whole = signature.as_bytes().unwrap_or_default();
        Ok::<_, der::Error>((body, algorithm, whole))
    })?;
    reader.finish()?;
    Ok(parts)
}

fn seconds(time: Time) -> u64 {
    time.to_unix_duration().as_secs()
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    let mut value = [0; 8];
    let from = value.len().checked_sub(bytes.len())?;
    value.get_mut(from..)?.copy_from_slice(bytes);
    Some(u64::from_be_bytes(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_cert::Certificate;

    use super::*;
    use crate::{Intel, TrustRoot as _};

    #[test]
    fn the_walk_reads_what_a_full_parse_reads() {
        let der = Intel.certificate_der();
        let facts = CertificateFacts::read(der).unwrap();
        let certificate = Certificate::from_der(der).unwrap();
        let body = certificate.tbs_certificate();
        let validity = body.validity();
        assert_eq!(facts.window, (seconds(validity.not_before), seconds(validity.not_after)));
        assert_eq!(facts.serial, body.serial_number().as_bytes());
        assert_eq!(issuer(der), body.issuer().to_string());
        let key = body.subject_public_key_info().subject_public_key.raw_bytes();
        assert_eq!(facts.key, key);
        assert!(is_signed_by(der, key), "the root signs itself");
        for end in 0..der.len() {
            assert!(CertificateFacts::read(&der[..end]).is_err(), "{end} bytes");
            assert!(!is_signed_by(&der[..end], key), "{end} bytes");
        }
    }

    #[test]
    fn an_exact_chain_has_nothing_but_certificates() {
        let pem = to_pem(&[Intel.certificate_der().to_vec()]);
        let chain = Chain::from_exact_pem(pem.as_bytes()).unwrap();
        assert_eq!(chain.to_pem(), pem);
        let spaced = pem.replace('\n', "\r\n");
        assert_eq!(Chain::from_exact_pem(spaced.as_bytes()), Ok(chain.clone()));
        for other in [format!("{pem}note"), format!("note\n{pem}"), format!("{pem}\0")] {
            assert!(Chain::from_exact_pem(other.as_bytes()).is_err());
        }
        // Some quotes end their chain with a zero byte.
        assert_eq!(Chain::from_pem(format!("{pem}\0").as_bytes()), Ok(chain));
        assert!(Chain::from_pem(pem.repeat(4).as_bytes()).is_err());
        assert!(Chain::from_pem(&vec![b' '; MAX_CHAIN_BYTES + 1]).is_err());
        assert!(Chain::from_pem(b"").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            at in 0_usize..600,
            byte: u8,
        ) {
            let mut der = Intel.certificate_der().to_vec();
            let at = at % der.len();
            der[at] = byte;
            for bytes in [bytes, der] {
                let _ = CertificateFacts::read(&bytes);
                let _ = CrlFacts::read(&bytes);
                let _ = Chain::from_pem(&bytes);
                let _ = issuer(&bytes);
                let _ = is_signed_by(&bytes, &bytes);
            }
        }
    }
}
