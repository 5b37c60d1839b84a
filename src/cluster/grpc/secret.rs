//! What nodes of one cluster know each other by.

use crate::auth::secret::Secret;
use hmac::Mac;
use std::fmt;
use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

const HEADER: &str = "authorization";

/// Proves to other nodes that this one knows the cluster's secret. The secret itself is not sent.
#[derive(Clone)]
pub struct ClusterSecret(MetadataValue<Ascii>);

impl ClusterSecret {
    /// What follows from the secret that all nodes are given.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let tag = secret.derive("cluster").finalize().into_bytes();
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits are a value of metadata.
        let value = MetadataValue::try_from(format!("Bearer {hex}"));
        Self(value.unwrap_or_else(|_| MetadataValue::from_static("")))
    }

    /// Puts the proof into a call.
    pub(super) fn prove(&self, metadata: &mut MetadataMap) {
        metadata.insert(HEADER, self.0.clone());
    }

    /// Whether a call has the proof. Takes as long for a wrong one as for the right one.
    pub(super) fn admits(&self, metadata: &MetadataMap) -> bool {
        let given = metadata.get(HEADER);
        given.is_some_and(|given| given.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

/// The proof is as good as the secret.
impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_proof_of_the_same_secret_admits() {
        let secret = |text| ClusterSecret::new(&Secret::parse(text).unwrap());
        let one = secret("k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a");
        let other = secret("V1J2dGhhdHdhc3JhbmRvbWVub3VnaD8hKys=");
        let mut metadata = MetadataMap::new();
        assert!(!one.admits(&metadata));
        one.prove(&mut metadata);
        assert!(one.admits(&metadata) && !other.admits(&metadata));
        let proof = metadata.get(HEADER).unwrap().to_str().unwrap().to_owned();
        let cut = proof[..proof.len() - 1].parse().unwrap();
        metadata.insert(HEADER, cut);
        assert!(!one.admits(&metadata));
        metadata.insert(HEADER, MetadataValue::from_static(""));
        assert!(!one.admits(&metadata));
        assert_eq!(format!("{one:?}"), "ClusterSecret(..)");
    }
}
