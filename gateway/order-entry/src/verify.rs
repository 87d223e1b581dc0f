//! Verifies logon signatures, away from the thread that moves the bytes.
//!
//! Invariants: strict verification (no weak keys, no malleable signatures); at most [`WORKERS_MAX`] at a time, so that a
//! flood of logons costs a bounded share of the machine.

use ed25519_dalek::{Signature, VerifyingKey};

/// Most verifications under way; beyond it a logon is refused as "too busy".
pub(crate) const WORKERS_MAX: usize = 64;

/// Whether `signature` is the holder of `public_key`'s over `message`. About 60 µs of CPU.
pub(crate) fn signature_is_valid(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public_key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
