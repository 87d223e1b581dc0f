//! Catalogues of the gateway: why a connection ends, why a request is refused before it becomes a command.
//!
//! Invariants: a code is never reused or renumbered. What is refused here is not journaled and uses up no request
//! number. Owning thread: none, these are values.

/// Declares an enum with a stable number on the wire, a name for metrics, and a sentence for people.
macro_rules! catalogue {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal $text:literal $sentence:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum $name {
            $(#[doc = $sentence] $variant = $code,)*
        }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable number on the wire.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The value with this number.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name in logs, JSON and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// What it means and what to do.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

catalogue!(
    /// Why the gateway ends a connection.
    LogoutReason {
        ClientRequested = 1 "client_requested" "The client asked for it.",
        TakenOver = 2 "taken_over" "The same key logged on again on another connection, which is the live one now.",
        SlowConsumer = 3 "slow_consumer" "The client did not read its reports; log on again to get them after resume_after.",
        HeartbeatMissed = 4 "heartbeat_missed" "Nothing came from the client for three heartbeat intervals.",
        MalformedFrame = 5 "malformed_frame" "The bytes are not a frame of this protocol; the detail names the field and what it allows.",
        NodeStopping = 6 "node_stopping" "The node is being stopped; log on to the other node.",
        NoLongerPrimary = 7 "no_longer_primary" "The node lost the lead; log on to the other node.",
        BadSignature = 8 "bad_signature" "The signature does not fit the key and the challenge of this connection.",
        UnknownKey = 9 "unknown_key" "No key has this id; ask the operator to create it.",
        LogonTimeout = 10 "logon_timeout" "No logon came in time after the challenge.",
        LogonExpected = 11 "logon_expected" "The first message of a connection must be a logon.",
        TooManyConnections = 12 "too_many_connections" "The node has as many connections as it may; try the other node or come back later.",
        ReplayFromFuture = 13 "replay_from_future" "last_session_sequence is beyond this key's last report: the client's state is of another cluster or key.",
        TooBusy = 14 "too_busy" "Too many logons at once; come back later.",
        UnexpectedMessage = 15 "unexpected_message" "The message is not allowed at this point, such as a second logon.",
        LogonRefused = 16 "logon_refused" "The engine refused the session; the detail names its reject.",
        HeartbeatOutOfRange = 17 "heartbeat_out_of_range" "heartbeat_ms is outside the limits in the detail.",
    }
);

impl LogoutReason {
    /// Whether logging on again with the same key and state cannot help: a client should stop and say so.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::ClientRequested
            | Self::TakenOver
            | Self::MalformedFrame
            | Self::BadSignature
            | Self::UnknownKey
            | Self::LogonExpected
            | Self::ReplayFromFuture
            | Self::UnexpectedMessage
            | Self::LogonRefused
            | Self::HeartbeatOutOfRange => true,
            Self::SlowConsumer
            | Self::HeartbeatMissed
            | Self::NodeStopping
            | Self::NoLongerPrimary
            | Self::LogonTimeout
            | Self::TooManyConnections
            | Self::TooBusy => false,
        }
    }
}

catalogue!(
    /// Why the gateway refused a request. It was not journaled and used up no request number: the same number may be
    /// sent again.
    GatewayReject {
        Malformed = 1 "malformed" "A field of the request holds what the protocol does not allow; `field` and `value` name it.",
        ReplayNotDone = 2 "replay_not_done" "Requests are taken after ReplayDone; send it again then.",
        TooManyInFlight = 3 "too_many_in_flight" "As many requests as `limit` are unanswered; send it again after an answer.",
        NotPrimary = 4 "not_primary" "The node stopped leading before the request was taken; send it to the new primary.",
    }
);

catalogue!(
    /// Which part of a request was refused, as a number for machines.
    RefusedField {
        None = 0 "none" "No single field.",
        Template = 1 "template" "The template id: no order message has it.",
        BlockLength = 2 "block_length" "The block length: shorter than the message, `limit` is the shortest.",
        Padding = 3 "padding" "Bytes that must be zero.",
        Side = 4 "side" "The side.",
        OrderType = 5 "order_type" "The order type.",
        TimeInForce = 6 "time_in_force" "The time in force.",
        PostOnly = 7 "post_only" "The post-only mark.",
        TargetKind = 8 "target_kind" "What `target` is.",
    }
);

impl RefusedField {
    /// The field with this name in the layout tables; [`RefusedField::None`] for one without a code.
    #[must_use]
    pub fn from_field_name(name: &str) -> Self {
        Self::ALL.iter().copied().find(|field| field.as_str() == name).unwrap_or(Self::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_value_and_no_code_is_used_twice() {
        assert!(LogoutReason::ALL.iter().all(|value| LogoutReason::from_code(value.code()) == Some(*value)));
        assert!(GatewayReject::ALL.iter().all(|value| GatewayReject::from_code(value.code()) == Some(*value)));
        assert!(RefusedField::ALL.iter().all(|value| RefusedField::from_code(value.code()) == Some(*value)));
        assert!(LogoutReason::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        assert!(GatewayReject::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        assert!(RefusedField::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }
}
