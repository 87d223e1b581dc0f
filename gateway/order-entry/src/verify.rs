//! Verifies logon signatures, away from the thread that moves the bytes.
//!
//!   gateway --job--> bounded queue --> [verify threads] --verdict--> mailbox of the gateway
//!
//! Invariants: strict verification (no weak keys, no malleable signatures); at most [`QUEUE_MAX`] wait, so that a flood of
//! logons costs a bounded share of the machine and the gateway never waits; every job gets its verdict.
//! Owning threads: `verify`, as many as [`THREADS`].

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::mailbox::{Mail, Mailbox};
use tidegate_sockets::Token;

/// Most logons that wait for verification; beyond it one is refused as "too busy".
const QUEUE_MAX: usize = 64;
/// One keeps up with some 15,000 logons a second.
const THREADS: usize = 1;

/// One signature to look at.
pub(crate) struct Job {
    pub(crate) token: Token,
    pub(crate) public_key: [u8; 32],
    pub(crate) message: Vec<u8>,
    pub(crate) signature: [u8; 64],
}

/// See the module.
pub(crate) struct Verifier {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Verifier {
    /// Starts the threads; verdicts go to `mailbox`.
    pub(crate) fn start(mailbox: &Arc<Mailbox>) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut verifier = Self { jobs: Some(jobs), threads: Vec::new() };
        for _ in 0..THREADS {
            let (waiting, mailbox) = (Arc::clone(&waiting), Arc::clone(mailbox));
            let thread =
                std::thread::Builder::new().name("verify".to_owned()).spawn(move || run(&waiting, &mailbox))?;
            verifier.threads.push(thread);
        }
        Ok(verifier)
    }

    /// Hands a job over; whether there was room.
    pub(crate) fn submit(&self, job: Job) -> bool {
        self.jobs.as_ref().expect("there until it is dropped").try_send(job).is_ok()
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        // The threads end with the queue; they have some milliseconds of work at most.
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a verify thread panicked");
            }
        }
    }
}

fn run(waiting: &Mutex<Receiver<Job>>, mailbox: &Mailbox) {
    loop {
        let job = waiting.lock().expect("no holder of this lock panics").recv();
        let Ok(Job { token, public_key, message, signature }) = job else { return };
        let valid = signature_is_valid(&public_key, &message, &signature);
        mailbox.put(Mail::Verdict { token, valid });
    }
}

/// Whether `signature` is the holder of `public_key`'s over `message`. About 60 µs of CPU.
fn signature_is_valid(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public_key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
