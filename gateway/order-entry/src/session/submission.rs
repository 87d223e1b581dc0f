//! The records of one command, on their way to the inbox.

use tidegate_domain::{AccountId, Command, CommandHeader, CommandRecord, KeyId};
use tidegate_wire::OrderRequest;

/// One record, or the several of a long command, which reach the sequencer together or not at all.
#[derive(Clone, Debug)]
pub(crate) enum Submission {
    One(CommandRecord),
    Several(Vec<CommandRecord>),
}

impl Submission {
    /// Of a command that is one record.
    pub(super) fn of(key: KeyId, account: AccountId, command: &Command) -> Self {
        let header = CommandHeader { key, account, ..CommandHeader::default() };
        Self::One(CommandRecord::encode(&header, command))
    }

    /// Of a client's request.
    pub(super) fn of_request(request: &OrderRequest, key: KeyId, account: AccountId) -> Self {
        let mut submission = None;
        request.for_each_record(key, account, |record| match &mut submission {
            None => submission = Some(Self::One(record)),
            Some(Self::One(first)) => submission = Some(Self::Several(vec![*first, record])),
            Some(Self::Several(records)) => records.push(record),
        });
        submission.expect("every request has a record")
    }

    /// Its records, in order.
    pub(crate) fn records(&self) -> &[CommandRecord] {
        match self {
            Self::One(record) => std::slice::from_ref(record),
            Self::Several(records) => records,
        }
    }
}
