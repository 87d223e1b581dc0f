//! Catalogues of the gateway: why a connection ends, why a request is refused before it becomes a command.
//!
//! Invariants: a code is never reused or renumbered. What is refused here is not journaled and uses up no request
//! number. Owning thread: none, these are values.

/// Declares an enum with a stable number on the wire, a name for metrics, and a sentence for people.
macro_rules! catalogue {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($variant:ident = $code:literal $text:literal $sentence:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $(#[doc = $sentence] $variant = $code,)*
        }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable number on the wire.
            #[must_use]
            pub const fn code(self) -> $repr {
                self as $repr
            }

            /// The value with this number.
            #[must_use]
            pub const fn from_code(code: $repr) -> Option<Self> {
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

pub(crate) use catalogue;

catalogue!(
    /// Why the gateway ends a connection.
    LogoutReason: u16 {
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
        AlreadyLoggedOn = 18 "already_logged_on" "The key has a live session, and this venue does not let a second one take over; log out there first.",
        AddressNotAllowed = 19 "address_not_allowed" "The key may not be used from this address; ask the operator to allow its network.",
        PositionUnknown = 20 "position_unknown" "resume_after is no place in this cluster's events: the client's state is of another cluster.",
        KeyNotAllowed = 21 "key_not_allowed" "The key does not have the role that this kind of session needs.",
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
            | Self::HeartbeatOutOfRange
            | Self::AddressNotAllowed
            | Self::PositionUnknown
            | Self::KeyNotAllowed => true,
            Self::SlowConsumer
            | Self::HeartbeatMissed
            | Self::NodeStopping
            | Self::NoLongerPrimary
            | Self::LogonTimeout
            | Self::TooManyConnections
            | Self::TooBusy
            | Self::AlreadyLoggedOn => false,
        }
    }
}

catalogue!(
    /// Why the gateway refused a request. It was not journaled and used up no request number: the same number may be
    /// sent again.
    GatewayReject: u16 {
        Malformed = 1 "malformed" "A field of the request holds what the protocol does not allow; `field` and `value` name it.",
        ReplayNotDone = 2 "replay_not_done" "Requests are taken after ReplayDone; send it again then.",
        TooManyInFlight = 3 "too_many_in_flight" "As many requests as `limit` are unanswered; send it again after an answer.",
        NotPrimary = 4 "not_primary" "The node stopped leading before the request was taken; send it to the new primary.",
        ThrottledKey = 5 "throttled_key" "The key has no token left; `value` is in how many nanoseconds it has enough, `limit` its tokens per second. What takes orders away costs none.",
        ThrottledAddress = 6 "throttled_address" "The client's address has no token left; `value` is in how many nanoseconds it has enough, `limit` its tokens per second.",
        DropCopyOnly = 7 "drop_copy_only" "A drop copy takes no requests; log on with mode trading.",
    }
);

catalogue!(
    /// Which part of a request was refused, as a number for machines.
    RefusedField: u16 {
        None = 0 "none" "No single field.",
        Template = 1 "template" "The template id: no order message has it.",
        BlockLength = 2 "block_length" "The block length: shorter than the message, `limit` is the shortest.",
        Padding = 3 "padding" "Bytes that must be zero.",
        Side = 4 "side" "The side.",
        OrderType = 5 "order_type" "The order type.",
        TimeInForce = 6 "time_in_force" "The time in force.",
        PostOnly = 7 "post_only" "The post-only mark.",
        TargetKind = 8 "target_kind" "What `target` is.",
        SelfTrade = 9 "self_trade" "The self-trade mode.",
        Reprice = 10 "reprice" "The mark that a post-only order is re-priced.",
        OnDisconnect = 11 "on_disconnect" "What becomes of the order when its session stays away.",
        Mode = 12 "mode" "The mode of a mass quote.",
        Engaged = 13 "engaged" "Whether the kill switch is engaged.",
        Group = 14 "group" "The dimensions of the repeating group: length of an entry and how many.",
        Length = 15 "length" "The length of the frame: it does not hold what its group says.",
    }
);

catalogue!(
    /// What a connection is for.
    SessionMode: u8 {
        Trading = 1 "trading" "Requests of one key, and all of its reports.",
        DropCopy = 2 "drop_copy" "A copy of every report of the key's owner group, or of its account where it has none; no requests.",
    }
);

catalogue!(
    /// Why reports are passed over.
    GapFillReason: u8 {
        NotRequested = 1 "not_requested" "The client said that it does not want them (`replay_max`).",
        StaleAnswer = 2 "stale_answer" "Answers to queries, which are out of date by now: ask again.",
    }
);

catalogue!(
    /// What the `target` of a request is.
    TargetKind: u8 {
        Order = 1 "order" "An order id.",
        Request = 2 "request" "The request number with which the same key created the order.",
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
