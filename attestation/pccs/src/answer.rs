use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::value::RawValue;
use ureq::http::HeaderMap;

const SEQUENCE: u8 = 0x30;

/// A signed document and its signature, in the order in which Intel writes them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The document's text, byte for byte as it was signed.
    pub(crate) document: String,
    /// The signature: r then s.
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct TcbInfoAnswer<'a> {
    #[serde(borrow, rename = "tcbInfo")]
    document: &'a RawValue,
    #[serde(with = "hex::serde")]
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct QeIdentityAnswer<'a> {
    #[serde(borrow, rename = "enclaveIdentity")]
    document: &'a RawValue,
    #[serde(with = "hex::serde")]
    signature: Vec<u8>,
}

/// Cuts the TCB info out of its answer.
pub(crate) fn tcb_info(body: &[u8]) -> Result<Signed, String> {
    let answer: TcbInfoAnswer<'_> = serde_json::from_slice(body).map_err(|it| it.to_string())?;
    Ok(Signed { document: answer.document.get().to_owned(), signature: answer.signature })
}

/// Cuts the QE identity out of its answer.
pub(crate) fn qe_identity(body: &[u8]) -> Result<Signed, String> {
    let answer: QeIdentityAnswer<'_> = serde_json::from_slice(body).map_err(|it| it.to_string())?;
    Ok(Signed { document: answer.document.get().to_owned(), signature: answer.signature })
}

/// A revocation list's DER, which Intel sends as it is and some caches as hex.
pub(crate) fn crl(body: Vec<u8>) -> Result<Vec<u8>, String> {
    // An ASN.1 sequence begins with 0x30; its hex with the digit `3`, 0x33.
    if body.first() == Some(&SEQUENCE) {
        return Ok(body);
    }
    let der = hex::decode(body.trim_ascii()).ok().filter(|der| der.first() == Some(&SEQUENCE));
    der.ok_or_else(|| "it is neither DER nor the hex of DER".to_owned())
}

/// The issuer chain in the first of these headers that is there: PEM, escaped for a URL.
pub(crate) fn issuer_chain(headers: &HeaderMap, names: &[&str]) -> Result<String, String> {
    let value = names.iter().find_map(|name| headers.get(*name));
    let value = value.ok_or_else(|| format!("the header {} is missing", names.join(" or ")))?;
    let chain = percent_decode(value.as_bytes()).decode_utf8();
    let chain = chain.map_err(|_| "its issuer chain is no text".to_owned())?;
    if chain.starts_with("-----BEGIN CERTIFICATE-----") {
        Ok(chain.into_owned())
    } else {
        Err("its issuer chain is no PEM text".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_cut_out_byte_for_byte() {
        let document = "{ \"id\" :\"TDX\",\"b\":1,\n\"a\":[ 1.0 ,2],\"u\":\"\\u0041\" }";
        let body = format!("{{\"tcbInfo\": {document} ,\"signature\":\"00ff\"}}");
        let signed = Signed { document: document.to_owned(), signature: vec![0, 255] };
        assert_eq!(tcb_info(body.as_bytes()), Ok(signed));
        assert!(qe_identity(body.as_bytes()).is_err());
    }

    #[test]
    fn a_document_given_twice_is_refused() {
        let body = br#"{"tcbInfo":{},"tcbInfo":{"id":"TDX"},"signature":"00"}"#;
        assert!(tcb_info(body).unwrap_err().contains("duplicate"));
    }

    #[test]
    fn a_revocation_list_may_come_as_der_or_as_hex_and_as_nothing_else() {
        assert_eq!(crl(vec![0x30, 1, 2]), Ok(vec![0x30, 1, 2]));
        assert_eq!(crl(b"300102\r\n".to_vec()), Ok(vec![0x30, 1, 2]));
        for other in [&b"-----BEGIN X509 CRL-----"[..], b"<html>", b"", b"1234", b"3"] {
            assert!(crl(other.to_vec()).is_err(), "{other:?}");
        }
    }
}
