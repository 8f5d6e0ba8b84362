use std::time::Instant;

use holobiont_attestation::{Collateral, CollateralParts, PckCa};
use ureq::tls::TlsConfig;

use crate::http::{self, Answer, Http};
use crate::{FetchError, FetchLimits, answer};

/// Intel's provisioning certification service.
pub const INTEL_PCS_URL: &str = "https://api.trustedservices.intel.com";

/// Where Intel publishes the revocation list of its root, as its root certificate says.
pub const INTEL_ROOT_CRL_URL: &str =
    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

const TCB_INFO_CHAIN: &[&str] = &["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"];
const QE_IDENTITY_CHAIN: &[&str] = &["SGX-Enclave-Identity-Issuer-Chain"];
const PCK_CRL_CHAIN: &[&str] = &["SGX-PCK-CRL-Issuer-Chain"];

/// Where collateral is fetched from: Intel's service, or a PCCS, which caches it. Both speak
/// version 4 of Intel's protocol.
///
/// What comes back was signed by Intel, so neither the service nor the way to it is trusted; a PCCS
/// may be reached by plain `http://`. A set is checked for its shape only: a verdict checks the
/// rest. A proxy named in the environment is used, as other programs do.
///
/// *Limits*: [`FetchLimits`]; every answer at most [`holobiont_attestation::MAX_COLLATERAL_BYTES`].
///
/// ```no_run
/// use holobiont_attestation::PckCa;
/// use holobiont_attestation_pccs::CollateralSource;
///
/// let source = CollateralSource::new("https://pccs.example.org:8081")?;
/// let collateral = source.fetch([0x00, 0x80, 0x6f, 0x05, 0x00, 0x00], PckCa::Platform)?;
/// # Ok::<(), holobiont_attestation_pccs::FetchError>(())
/// ```
#[derive(Debug)]
pub struct CollateralSource {
    base: String,
    root_crl: String,
    http: Http,
}

impl CollateralSource {
    /// Intel's own service.
    pub fn intel() -> Self {
        Self {
            base: INTEL_PCS_URL.to_owned(),
            root_crl: INTEL_ROOT_CRL_URL.to_owned(),
            http: Http::new(TlsConfig::default()),
        }
    }

    /// A PCCS, or Intel's service when it is that address: `http(s)://host[:port][/path]`.
    ///
    /// # Errors
    ///
    /// [`FetchError::Url`].
    pub fn new(url: &str) -> Result<Self, FetchError> {
        let base = http::address(url)?;
        // Addresses are often copied with the protocol's path.
        let base = base.trim_end_matches("/sgx/certification/v4");
        let base = base.trim_end_matches("/tdx/certification/v4");
        if base == INTEL_PCS_URL {
            return Ok(Self::intel());
        }
        Ok(Self {
            base: base.to_owned(),
            root_crl: format!("{base}/sgx/certification/v4/rootcacrl"),
            http: Http::new(TlsConfig::default()),
        })
    }

    /// Takes the root's revocation list from this address: for a cache that has none.
    ///
    /// # Errors
    ///
    /// [`FetchError::Url`].
    pub fn root_crl_at(self, url: &str) -> Result<Self, FetchError> {
        http::address(url)?;
        Ok(Self { root_crl: url.to_owned(), ..self })
    }

    /// Trusts the certificates in this PEM text instead of the public ones, for a PCCS with one of
    /// its own.
    ///
    /// # Errors
    ///
    /// [`FetchError::Certificates`].
    pub fn trusting(self, pem: &[u8]) -> Result<Self, FetchError> {
        Ok(self.over(http::trusting(pem)?))
    }

    /// Trusts whatever certificate a PCCS shows, as `USE_SECURE_CERT=FALSE` does for Intel's own
    /// client: the ones that PCCS makes at its installation are of a version that TLS libraries
    /// refuse. Somebody in between can then see which platforms are asked for, and keep back what
    /// is new; never forge it.
    #[must_use]
    pub fn trusting_any(self) -> Self {
        self.over(TlsConfig::builder().disable_verification(true).build())
    }

    /// Gives fetches this long.
    #[must_use]
    pub fn within(mut self, limits: FetchLimits) -> Self {
        self.http.limits = limits;
        self
    }

    /// Where this source is.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// The current set for platforms of this FMSPC whose PCK certificates come from this CA. Blocks
    /// for at most [`FetchLimits::deadline`].
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub fn fetch(&self, fmspc: [u8; 6], ca: PckCa) -> Result<Collateral, FetchError> {
        let now = Instant::now();
        let until = now.checked_add(self.http.limits.deadline).unwrap_or(now);
        let get = |path: String| -> Result<(String, Answer), FetchError> {
            let url = format!("{}{path}", self.base);
            let answer = self.http.get(&url, until)?;
            Ok((url, answer))
        };
        let fmspc_hex = hex::encode_upper(fmspc);

        let (url, got) = get(format!("/tdx/certification/v4/tcb?fmspc={fmspc_hex}"))?;
        let tcb_info = answer::tcb_info(&got.body).map_err(bad(&url))?;
        let tcb_info_issuer_chain =
            answer::issuer_chain(&got.headers, TCB_INFO_CHAIN).map_err(bad(&url))?;

        let (url, got) = get("/tdx/certification/v4/qe/identity".to_owned())?;
        let qe_identity = answer::qe_identity(&got.body).map_err(bad(&url))?;
        let qe_identity_issuer_chain =
            answer::issuer_chain(&got.headers, QE_IDENTITY_CHAIN).map_err(bad(&url))?;

        let (url, got) = get(format!("/sgx/certification/v4/pckcrl?ca={ca}&encoding=der"))?;
        let pck_crl = answer::crl(got.body).map_err(bad(&url))?;
        let pck_crl_issuer_chain =
            answer::issuer_chain(&got.headers, PCK_CRL_CHAIN).map_err(bad(&url))?;

        let got = self.http.get(&self.root_crl, until)?;
        let root_ca_crl = answer::crl(got.body).map_err(bad(&self.root_crl))?;

        self.shaped(
            &CollateralParts {
                pck_crl_issuer_chain,
                root_ca_crl,
                pck_crl,
                tcb_info_issuer_chain,
                tcb_info: tcb_info.document,
                tcb_info_signature: tcb_info.signature,
                qe_identity_issuer_chain,
                qe_identity: qe_identity.document,
                qe_identity_signature: qe_identity.signature,
                pck_certificate_chain: None,
            },
            fmspc,
            ca,
        )
    }

    fn over(self, tls: TlsConfig) -> Self {
        let mut http = Http::new(tls);
        http.limits = self.http.limits;
        Self { http, ..self }
    }

    /// The set, when its parts read and it is the one that was asked for.
    fn shaped(
        &self,
        parts: &CollateralParts,
        fmspc: [u8; 6],
        ca: PckCa,
    ) -> Result<Collateral, FetchError> {
        let refuse = bad(&self.base);
        let collateral = Collateral::new(parts).map_err(|error| refuse(error.to_string()))?;
        let got = (collateral.fmspc(), collateral.ca());
        if got == (fmspc, ca) {
            return Ok(collateral);
        }
        let [asked, got_fmspc] = [fmspc, got.0].map(hex::encode);
        let got_ca = got.1;
        Err(refuse(format!(
            "platform {asked} of the {ca} CA was asked for, it is for {got_fmspc} of the {got_ca} CA"
        )))
    }
}

fn bad(url: &str) -> impl Fn(String) -> FetchError {
    let url = url.to_owned();
    move |why| FetchError::BadAnswer { url: url.clone(), why }
}
