//! What every provider must do.

use likeness_base::Secret;
use likeness_keys::provider::{KeyProvider, ProviderError, Signer};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};

const ADA: &[u8] = b"account ada";
const BOB: &[u8] = b"account bob";

/// Wraps, unwraps, and opens nothing that it did not wrap. There is one version of the key at the beginning.
pub(crate) async fn wraps(provider: &dyn KeyProvider) {
    let key = Secret::new([7; 32]);
    let first = provider.describe().await.unwrap();
    let wrapped = provider.wrap(ADA, &key).await.unwrap();
    assert_eq!(provider.version(&wrapped), Some(first.version));
    assert!(!wrapped.windows(32).any(|window| window == [7; 32]), "the key is in it");
    assert_eq!(provider.unwrap(ADA, &wrapped).await.unwrap().expose(), &[7; 32]);
    assert_ne!(provider.wrap(ADA, &key).await.unwrap(), wrapped, "no two wrapped keys are the same");
    // For another account, altered, cut off, and something else altogether.
    assert_eq!(provider.unwrap(BOB, &wrapped).await.err(), Some(ProviderError::DoesNotOpen));
    for position in [0, wrapped.len() / 2, wrapped.len() - 1] {
        let mut altered = wrapped.clone();
        altered[position] ^= 1;
        let refused = provider.unwrap(ADA, &altered).await.err();
        assert!(
            matches!(refused, Some(ProviderError::DoesNotOpen | ProviderError::Disabled)),
            "{position}: {refused:?}"
        );
    }
    for half in [&wrapped[..wrapped.len() / 2], b"", b"something else altogether, and long enough to be something"] {
        assert!(provider.unwrap(ADA, half).await.is_err());
    }
    assert!(!format!("{provider:?}").contains("07, 07"), "{provider:?}");
}

/// A newer version wraps, the older one still opens, and what it wrapped is wrapped anew.
pub(crate) async fn rotates(provider: &dyn KeyProvider) {
    let key = Secret::new([9; 32]);
    let old = provider.wrap(ADA, &key).await.unwrap();
    let before = provider.describe().await.unwrap().version;
    assert_eq!(provider.rewrap(ADA, &old).await.unwrap(), None, "it is by the newest");
    let newest = provider.rotate().await.unwrap();
    assert!(newest > before);
    assert_eq!(provider.describe().await.unwrap().version, newest);
    assert_eq!(provider.unwrap(ADA, &old).await.unwrap().expose(), &[9; 32]);
    assert_eq!(provider.rewrap(BOB, &old).await.err(), Some(ProviderError::DoesNotOpen));
    let new = provider.rewrap(ADA, &old).await.unwrap().unwrap();
    assert_eq!((provider.version(&old), provider.version(&new)), (Some(before), Some(newest)));
    assert_eq!(provider.unwrap(ADA, &new).await.unwrap().expose(), &[9; 32]);
    assert_eq!(provider.rewrap(ADA, &new).await.unwrap(), None);
}

/// Signs what verifies under the published key, and under no other.
pub(crate) async fn signs(signer: &dyn Signer) {
    let (one, two) = (signer.create("one").await.unwrap(), signer.create("two").await.unwrap());
    assert_ne!(one.public_key, two.public_key);
    let verifies = |public_key: &[u8; 65], signature: &[u8; 64]| {
        let key = VerifyingKey::from_sec1_bytes(public_key).unwrap();
        key.verify(b"a message", &Signature::from_slice(signature).unwrap()).is_ok()
    };
    let signature = signer.sign(&one.handle, b"a message").await.unwrap();
    assert!(verifies(&one.public_key, &signature));
    assert!(!verifies(&two.public_key, &signature));
    let other = signer.sign(&one.handle, b"another message").await.unwrap();
    assert!(!verifies(&one.public_key, &other));
    assert!(signer.sign(b"nothing that was made here", b"a message").await.is_err());
    signer.retire(&two.handle).await.unwrap();
    signer.retire(&two.handle).await.unwrap();
}
