//! Messages of a session: logon, heartbeats, marks, and how it ends.

use tidegate_domain::{
    AssetId, ClusterId, Epoch, FeeRate, KeyId, MarketId, MarketState, Name, NodeId, Price, Qty, RequestNumber,
    Sequence, SessionId, SessionSequence, Timestamp,
};

use crate::field::{Field, FieldError, Pad, Text};
use crate::layout::{BLOCK_LENGTH_FIELD, Block, FieldLayout, MessageLayout, Origin, message};
use crate::reason::{GapFillReason, GatewayReject, LogoutReason, RefusedField, SessionMode};

message!(LogonBlock "Logon" = 1, Client, start 0, block 104, "Answers the challenge. The first message of a client." {
    0 key: KeyId = "The key that signs.",
    4 heartbeat_ms: u32 = "Each side sends something at least this often.",
    8 last_session_sequence: SessionSequence = "The last report that the client has; 0 for none. Later ones are replayed. Not used by a drop copy.",
    16 grace_ms: u32 = "How long the client may stay away before its orders go.",
    20 cancel_on_disconnect: bool = "Whether its orders go when it stays away longer than that, where an order does not say otherwise.",
    21 mode: SessionMode = "What the connection is for.",
    22 padding: Pad<2> = "Zero.",
    24 resume_sequence: Sequence = "Drop copy: command of the last event that the client has; 0 is from the beginning.",
    32 resume_index: u32 = "Drop copy: place of that event among those of its command.",
    36 replay_max: u32 = "Most reports to replay, the newest ones; 0 is all. GapFill says what was passed over.",
    40 signature: [u8; 64] = "Ed25519 over the logon bytes.",
});
message!(HeartbeatBlock "Heartbeat" = 2, Both, start 0, block 0, "Says that the sender is there." {});
message!(ClientLogoutBlock "ClientLogout" = 3, Client, start 0, block 0, "Ends the session; the gateway answers with Logout and closes." {});
message!(TestRequestBlock "TestRequest" = 4, Both, start 0, block 8, "Are you there? Answered by TestReply." {
    0 id: u64 = "Comes back in the answer.",
});
message!(TestReplyBlock "TestReply" = 5, Both, start 0, block 8, "Answers TestRequest." {
    0 id: u64 = "That of the test request.",
});

message!(ChallengeBlock "Challenge" = 64, Server, start 0, block 56, "The first message of the gateway: what the client must sign." {
    0 nonce: [u8; 32] = "Random, good for one logon on this connection.",
    32 cluster: ClusterId = "The cluster.",
    48 node: NodeId = "The node.",
    52 epoch: Epoch = "Its leadership term.",
});
message!(NotPrimaryBlock "NotPrimary" = 65, Server, start 0, block 72, "This node does not lead; the gateway closes after it." {
    0 epoch: Epoch = "The highest term that it knows.",
    4 padding: Pad<4> = "Zero.",
    8 address: Text = "Where the primary takes orders, as host:port; empty where it does not know.",
});
message!(LogonAcceptedBlock "LogonAccepted" = 66, Server, start 0, block 40, "The session is open. Market definitions, replayed reports and ReplayDone follow." {
    0 session: SessionId = "The gateway's number for it.",
    8 request_mark: RequestNumber = "Highest request number that was applied for this key.",
    16 report_mark: SessionSequence = "Number of the last report made for this key.",
    24 epoch: Epoch = "The leadership term.",
    28 heartbeat_ms: u32 = "The interval that holds for both sides.",
    32 tokens_per_s: u32 = "Tokens that the key gets back in a second; 0 where requests are not limited.",
    36 tokens_max: u32 = "Most tokens that it can have.",
});
message!(ReplayDoneBlock "ReplayDone" = 67, Server, start 0, block 8, "Every report up to report_mark was sent; requests are taken from here on." {
    0 report_mark: SessionSequence = "Number of the last replayed report.",
});
message!(MarketDefinitionBlock "MarketDefinition" = 68, Server, start 0, block 72, "A market, after logon and whenever one is created or changes its state." {
    0 name: Name = "Its name.",
    16 base_units_per_lot: u64 = "Smallest units of the base asset in one lot.",
    24 quote_units_per_tick_lot: u64 = "Smallest units of the quote asset that one lot costs per tick.",
    32 qty_max: Qty = "Largest quantity of one order.",
    40 price_max: Price = "Highest price of one order.",
    48 market: MarketId = "Its id.",
    52 base: AssetId = "The asset that is traded.",
    56 quote: AssetId = "The asset that pays.",
    60 maker_fee: FeeRate = "Fee of the resting side in parts per million.",
    64 taker_fee: FeeRate = "Fee of the incoming side in parts per million.",
    68 state: MarketState = "What it accepts.",
    69 padding: Pad<3> = "Zero.",
});
message!(LogoutBlock "Logout" = 69, Server, start 0, block 80, "The gateway ends the connection." {
    0 reason: LogoutReason = "Why.",
    2 padding: Pad<6> = "Zero.",
    8 resume_after: SessionSequence = "The last report that was sent on this connection.",
    16 detail: Text = "Field, value and limit, for people.",
});
message!(RequestRefusedBlock "RequestRefused" = 70, Server, start 0, block 32, "A request was refused before it became a command: not journaled, its number is not used up." {
    0 request: RequestNumber = "Which; 0 where it could not be read.",
    8 value: u64 = "What the field held.",
    16 limit: u64 = "The limit that it broke; 0 where the rule is not a limit.",
    24 reason: GatewayReject = "Why.",
    26 field: RefusedField = "Which field.",
    28 padding: Pad<4> = "Zero.",
});
message!(GapFillBlock "GapFill" = 71, Server, start 0, block 24, "Reports that are not sent: the next one has the number after last." {
    0 first: SessionSequence = "The first of them.",
    8 last: SessionSequence = "The last of them.",
    16 reason: GapFillReason = "Why.",
    17 padding: Pad<7> = "Zero.",
});
message!(MaintenanceBlock "Maintenance" = 72, Server, start 0, block 72, "The node will be stopped for maintenance." {
    0 at: Timestamp = "When, nanoseconds since 1970.",
    8 detail: Text = "What the operator says of it.",
});
message!(DropCopyPositionBlock "DropCopyPosition" = 73, Server, start 0, block 16, "Of a drop copy: every report of its group up to here was sent. The place to resume after." {
    0 sequence: Sequence = "The command.",
    8 index: u32 = "The event of that command.",
    12 padding: Pad<4> = "Zero.",
});
