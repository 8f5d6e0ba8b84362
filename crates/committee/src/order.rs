use holobiont_identity::framing::Framed;
use holobiont_identity::{Digest, MAX_OPERATORS, OrderAction, Organism, UniqueId, versioned};
use holobiont_policy::{Order, PolicyError, Roster};
use serde::{Deserialize, Serialize};

use crate::signer::verifies;
use crate::{OrderError, Signer, signature_bytes};

/// Largest file of a signed order, in bytes.
pub const MAX_ORDER_FILE_BYTES: usize = 64 * 1024;

const VERSION: u8 = 1;

/// An operators' order with their signatures, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// The order.
    pub order: Order,
    /// Of a roster order: the digest of the roster that it replaces, so that rosters are a chain
    /// from the first one.
    pub replaces: Option<Digest>,
    /// The operators' signatures, ascending by their places.
    pub signatures: Vec<OperatorSignature>,
}

/// One operator's signature of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorSignature {
    /// The operator's place in the config's `[acl]`.
    pub operator: u16,
    /// Of the order and what it replaces.
    #[serde(with = "signature_bytes")]
    pub signature: [u8; 64],
}

/// A signed order in a file of its own: JSON, ids, digests and signatures in hex.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderFile {
    version: u8,
    order: Order,
    replaces: Option<Digest>,
    signatures: Vec<OperatorSignature>,
}

impl SignedOrder {
    /// The order with one operator's signature.
    ///
    /// ```
    /// use holobiont_committee::{SeedKey, SignedOrder};
    /// use holobiont_identity::{OrderAction, UniqueId};
    /// use holobiont_policy::Order;
    ///
    /// let (organism, action) = (UniqueId::from_name("organism"), OrderAction::Pause);
    /// let order = Order { organism, sequence: 1, expires_ms: None, action };
    /// let (ann, ben) = (SeedKey::from_seed(&[1; 32])?, SeedKey::from_seed(&[2; 32])?);
    /// let by_ann = SignedOrder::sign(order.clone(), None, 0, &ann);
    /// let by_both = by_ann.merge(SignedOrder::sign(order, None, 1, &ben))?;
    /// assert_eq!(by_both.signatures.len(), 2);
    /// assert_eq!(SignedOrder::from_json(&by_both.to_json())?, by_both);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sign(
        order: Order,
        replaces: Option<Digest>,
        operator: u16,
        signer: &dyn Signer,
    ) -> Self {
        let mut signed = Self { order, replaces, signatures: Vec::new() };
        let signature = signer.sign(&signed.signed_bytes());
        signed.signatures.push(OperatorSignature { operator, signature });
        signed
    }

    /// The same order with both's signatures; of one operator's two, this one's.
    ///
    /// # Errors
    ///
    /// [`OrderError::Different`] for signatures of another order.
    pub fn merge(mut self, other: Self) -> Result<Self, OrderError> {
        if (&self.order, &self.replaces) != (&other.order, &other.replaces) {
            return Err(OrderError::Different);
        }
        self.signatures.extend(other.signatures);
        self.signatures.sort_by_key(|signature| signature.operator);
        self.signatures.dedup_by_key(|signature| signature.operator);
        Ok(self)
    }

    /// Whether enough of the organism's operators have signed it, and it is for this organism. What
    /// else an order needs (its sequence, its expiry, the roster it replaces) is known to the
    /// committee's state alone.
    ///
    /// # Errors
    ///
    /// [`OrderError`]. One bad signature refuses the whole.
    pub fn check(&self, organism: &Organism) -> Result<(), OrderError> {
        let (expected, got) = (organism.stable_id(), self.order.organism);
        if got != expected {
            return Err(OrderError::OtherOrganism { expected, got });
        }
        match (&self.order.action, &self.replaces) {
            (OrderAction::Roster { nodes }, Some(_)) => drop(roster(nodes)?),
            (OrderAction::Roster { .. }, None) | (_, Some(_)) => return Err(OrderError::Replaces),
            (_, None) => {}
        }
        if !self.signatures.is_sorted_by(|a, b| a.operator < b.operator) {
            return Err(OrderError::Unordered);
        }
        let bytes = self.signed_bytes();
        for OperatorSignature { operator, signature } in &self.signatures {
            let operators = &organism.acl.operators;
            let known = operators.get(usize::from(*operator));
            let known = known.ok_or(OrderError::UnknownOperator {
                operator: *operator,
                operators: operators.len(),
            })?;
            if !verifies(&known.key, &bytes, signature) {
                return Err(OrderError::BadSignature { operator: *operator });
            }
        }
        let (got, need) = (self.signatures.len(), organism.acl.orders_need);
        // Nobody's order is no order, whatever the config says.
        if got == 0 || u32::try_from(got).is_ok_and(|got| got < need) {
            return Err(OrderError::TooFew { got, need });
        }
        Ok(())
    }

    /// The order as a file, for the operators to pass around.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { order, replaces, signatures } = self.clone();
        let file = OrderFile { version: VERSION, order, replaces, signatures };
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote. It checks no signature: see
    /// [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// [`OrderError::File`] for text over [`MAX_ORDER_FILE_BYTES`], another version, and anything
    /// that is no such file.
    pub fn from_json(text: &str) -> Result<Self, OrderError> {
        let refuse = |why: String| OrderError::File { why };
        if text.len() > MAX_ORDER_FILE_BYTES {
            return Err(refuse(format!("{} bytes are over {MAX_ORDER_FILE_BYTES}", text.len())));
        }
        let file: OrderFile =
            serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        if file.version != VERSION {
            let version = file.version;
            return Err(refuse(format!("version {version} is not known to this build; upgrade")));
        }
        let OrderFile { order, replaces, signatures, .. } = file;
        let signed = Self { order, replaces, signatures };
        match signed.is_bounded() {
            true => Ok(signed),
            false => Err(refuse(format!("more than {MAX_OPERATORS} signatures"))),
        }
    }

    /// `"holobiont-order|" ‖ 0x01 ‖ framed(version ‖ postcard of the order, optional digest of the
    /// roster replaced)`.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut framed = Framed::new();
        framed.fixed(b"holobiont-order|\x01").blob(versioned::encode(VERSION, &self.order));
        framed.option(self.replaces.is_some());
        if let Some(replaces) = &self.replaces {
            framed.fixed(replaces);
        }
        framed.into_bytes()
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.signatures.len() <= MAX_OPERATORS
    }
}

/// The roster that these nodes make.
pub(crate) fn roster(nodes: &[UniqueId]) -> Result<Roster, OrderError> {
    Roster::new(nodes.to_vec()).map_err(|error| match error {
        PolicyError::Roster { why } => OrderError::Roster { why },
        _ => OrderError::Roster { why: "it is not readable" },
    })
}
