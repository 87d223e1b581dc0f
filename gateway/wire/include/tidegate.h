/* Tidegate's client protocol: made from the code by `UPDATE_PROTOCOL=1 cargo test -p tidegate-wire`.
 *
 * Every message is a frame of 16 bytes and a block. The structs below are blocks as they stand on the wire, naturally
 * aligned and without hidden padding, so a block is copied as it is. Members called padding_N must be zero. Wire and host are
 * little-endian. What each message is for, and the rules of a session, are in PROTOCOL.md. C99 and C++11.
 */
#ifndef TIDEGATE_H
#define TIDEGATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tidegate.h needs a little-endian host"
#endif

#ifdef __cplusplus
#define TIDEGATE_ASSERT(name, condition) static_assert(condition, #name)
extern "C" {
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TIDEGATE_ASSERT(name, condition) _Static_assert(condition, #name)
#else
/* C99 has no static assertion: an array of a negative length does not compile. */
#define TIDEGATE_ASSERT(name, condition) typedef char tidegate_assert_##name[(condition) ? 1 : -1]
#endif

#define TIDEGATE_PROTOCOL_VERSION 1
#define TIDEGATE_SCHEMA_ID 1
#define TIDEGATE_SCHEMA_VERSION 1
#define TIDEGATE_FRAME_HEADER_LENGTH 16
#define TIDEGATE_FRAME_LENGTH_MAX 1024
#define TIDEGATE_LOGON_BYTES_LENGTH 73
#define TIDEGATE_REPORT_TEMPLATE_FIRST 96
#define TIDEGATE_REPORT_TEMPLATE_LAST 127

/* What is before every block. */
struct tidegate_frame_header {
    uint32_t length; /* Bytes of the whole frame, these included. */
    uint16_t protocol_version;
    uint16_t flags;
    uint16_t block_length; /* length - 16, or less where a group follows the block. */
    uint16_t template_id;
    uint16_t schema_id;
    uint16_t schema_version;
};
TIDEGATE_ASSERT(frame_header_size, sizeof(struct tidegate_frame_header) == TIDEGATE_FRAME_HEADER_LENGTH);

/* An unsigned integer of 128 bits. */
struct tidegate_u128 {
    uint64_t low;
    uint64_t high;
};
TIDEGATE_ASSERT(u128_size, sizeof(struct tidegate_u128) == 16);

/* Dimensions of a repeating group: after the block, before the entries. */
struct tidegate_group_size {
    uint16_t entry_length; /* Bytes of one entry. */
    uint16_t count; /* How many entries follow. */
    uint32_t padding; /* Zero. */
};
TIDEGATE_ASSERT(group_size_size, sizeof(struct tidegate_group_size) == 8);

/* Template ids. */
enum tidegate_template {
    TIDEGATE_TEMPLATE_LOGON = 1,
    TIDEGATE_TEMPLATE_HEARTBEAT = 2,
    TIDEGATE_TEMPLATE_CLIENT_LOGOUT = 3,
    TIDEGATE_TEMPLATE_TEST_REQUEST = 4,
    TIDEGATE_TEMPLATE_TEST_REPLY = 5,
    TIDEGATE_TEMPLATE_NEW_ORDER = 16,
    TIDEGATE_TEMPLATE_CANCEL_ORDER = 17,
    TIDEGATE_TEMPLATE_REDUCE_ORDER = 18,
    TIDEGATE_TEMPLATE_CANCEL_ALL = 19,
    TIDEGATE_TEMPLATE_NEW_ORDER_FULL = 20,
    TIDEGATE_TEMPLATE_REPLACE_ORDER = 21,
    TIDEGATE_TEMPLATE_SET_PROTECTION = 22,
    TIDEGATE_TEMPLATE_RESET_PROTECTION = 23,
    TIDEGATE_TEMPLATE_SET_KILL_SWITCH = 24,
    TIDEGATE_TEMPLATE_MASS_QUOTE = 25,
    TIDEGATE_TEMPLATE_CANCEL_ALL_AFTER = 26,
    TIDEGATE_TEMPLATE_QUERY_ORDER = 27,
    TIDEGATE_TEMPLATE_QUERY_ORDERS = 28,
    TIDEGATE_TEMPLATE_QUERY_BALANCES = 29,
    TIDEGATE_TEMPLATE_CHALLENGE = 64,
    TIDEGATE_TEMPLATE_NOT_PRIMARY = 65,
    TIDEGATE_TEMPLATE_LOGON_ACCEPTED = 66,
    TIDEGATE_TEMPLATE_REPLAY_DONE = 67,
    TIDEGATE_TEMPLATE_MARKET_DEFINITION = 68,
    TIDEGATE_TEMPLATE_LOGOUT = 69,
    TIDEGATE_TEMPLATE_REQUEST_REFUSED = 70,
    TIDEGATE_TEMPLATE_GAP_FILL = 71,
    TIDEGATE_TEMPLATE_MAINTENANCE = 72,
    TIDEGATE_TEMPLATE_DROP_COPY_POSITION = 73,
    TIDEGATE_TEMPLATE_ORDER_ACCEPTED = 96,
    TIDEGATE_TEMPLATE_FILL = 97,
    TIDEGATE_TEMPLATE_ORDER_CANCELLED = 98,
    TIDEGATE_TEMPLATE_ORDER_REDUCED = 99,
    TIDEGATE_TEMPLATE_CANCEL_ALL_DONE = 100,
    TIDEGATE_TEMPLATE_REJECTED = 101,
    TIDEGATE_TEMPLATE_OUTCOME = 102,
    TIDEGATE_TEMPLATE_ORDER_REPLACED = 103,
    TIDEGATE_TEMPLATE_ORDER_TRIGGERED = 104,
    TIDEGATE_TEMPLATE_ORDER_REFRESHED = 105,
    TIDEGATE_TEMPLATE_PROTECTION_SET = 106,
    TIDEGATE_TEMPLATE_PROTECTION_RESET = 107,
    TIDEGATE_TEMPLATE_PROTECTION_TRIGGERED = 108,
    TIDEGATE_TEMPLATE_QUOTE_REJECTED = 109,
    TIDEGATE_TEMPLATE_MASS_QUOTE_DONE = 110,
    TIDEGATE_TEMPLATE_ORDER_ACCEPTED_FULL = 111,
    TIDEGATE_TEMPLATE_ORDER_STATUS = 112,
    TIDEGATE_TEMPLATE_BALANCE_STATUS = 113,
    TIDEGATE_TEMPLATE_QUERY_DONE = 114,
    TIDEGATE_TEMPLATE_CANCEL_ALL_AFTER_SET = 115,
    TIDEGATE_TEMPLATE_CANCEL_ALL_AFTER_FIRED = 116,
    TIDEGATE_TEMPLATE_FEED_PACKET = 128,
    TIDEGATE_TEMPLATE_FEED_SUBSCRIBE = 129,
    TIDEGATE_TEMPLATE_FEED_RETRANSMIT = 130,
    TIDEGATE_TEMPLATE_FEED_SNAPSHOT_REQUEST = 131,
    TIDEGATE_TEMPLATE_FEED_HELLO = 140,
    TIDEGATE_TEMPLATE_FEED_HEARTBEAT = 141,
    TIDEGATE_TEMPLATE_FEED_SUBSCRIBED = 142,
    TIDEGATE_TEMPLATE_FEED_GAP = 143,
    TIDEGATE_TEMPLATE_FEED_RETRANSMITTED = 144,
    TIDEGATE_TEMPLATE_FEED_REFUSED = 145,
    TIDEGATE_TEMPLATE_FEED_LOGOUT = 146,
    TIDEGATE_TEMPLATE_FEED_MARKET = 160,
    TIDEGATE_TEMPLATE_FEED_MARKET_STATE = 161,
    TIDEGATE_TEMPLATE_FEED_ORDER_ADDED = 162,
    TIDEGATE_TEMPLATE_FEED_ORDER_EXECUTED = 163,
    TIDEGATE_TEMPLATE_FEED_ORDER_CHANGED = 164,
    TIDEGATE_TEMPLATE_FEED_ORDER_DELETED = 165,
    TIDEGATE_TEMPLATE_FEED_LEVEL = 166,
    TIDEGATE_TEMPLATE_FEED_TRADE = 167,
    TIDEGATE_TEMPLATE_FEED_CHECKSUM = 168,
    TIDEGATE_TEMPLATE_FEED_SNAPSHOT_BEGIN = 176,
    TIDEGATE_TEMPLATE_FEED_SNAPSHOT_ORDER = 177,
    TIDEGATE_TEMPLATE_FEED_SNAPSHOT_LEVEL = 178
};

/* The name of a template code; "" for one that is newer than this header. */
static inline const char *tidegate_template_name(unsigned code) {
    switch (code) {
    case 1:
        return "Logon";
    case 2:
        return "Heartbeat";
    case 3:
        return "ClientLogout";
    case 4:
        return "TestRequest";
    case 5:
        return "TestReply";
    case 16:
        return "NewOrder";
    case 17:
        return "CancelOrder";
    case 18:
        return "ReduceOrder";
    case 19:
        return "CancelAll";
    case 20:
        return "NewOrderFull";
    case 21:
        return "ReplaceOrder";
    case 22:
        return "SetProtection";
    case 23:
        return "ResetProtection";
    case 24:
        return "SetKillSwitch";
    case 25:
        return "MassQuote";
    case 26:
        return "CancelAllAfter";
    case 27:
        return "QueryOrder";
    case 28:
        return "QueryOrders";
    case 29:
        return "QueryBalances";
    case 64:
        return "Challenge";
    case 65:
        return "NotPrimary";
    case 66:
        return "LogonAccepted";
    case 67:
        return "ReplayDone";
    case 68:
        return "MarketDefinition";
    case 69:
        return "Logout";
    case 70:
        return "RequestRefused";
    case 71:
        return "GapFill";
    case 72:
        return "Maintenance";
    case 73:
        return "DropCopyPosition";
    case 96:
        return "OrderAccepted";
    case 97:
        return "Fill";
    case 98:
        return "OrderCancelled";
    case 99:
        return "OrderReduced";
    case 100:
        return "CancelAllDone";
    case 101:
        return "Rejected";
    case 102:
        return "Outcome";
    case 103:
        return "OrderReplaced";
    case 104:
        return "OrderTriggered";
    case 105:
        return "OrderRefreshed";
    case 106:
        return "ProtectionSet";
    case 107:
        return "ProtectionReset";
    case 108:
        return "ProtectionTriggered";
    case 109:
        return "QuoteRejected";
    case 110:
        return "MassQuoteDone";
    case 111:
        return "OrderAcceptedFull";
    case 112:
        return "OrderStatus";
    case 113:
        return "BalanceStatus";
    case 114:
        return "QueryDone";
    case 115:
        return "CancelAllAfterSet";
    case 116:
        return "CancelAllAfterFired";
    case 128:
        return "FeedPacket";
    case 129:
        return "FeedSubscribe";
    case 130:
        return "FeedRetransmit";
    case 131:
        return "FeedSnapshotRequest";
    case 140:
        return "FeedHello";
    case 141:
        return "FeedHeartbeat";
    case 142:
        return "FeedSubscribed";
    case 143:
        return "FeedGap";
    case 144:
        return "FeedRetransmitted";
    case 145:
        return "FeedRefused";
    case 146:
        return "FeedLogout";
    case 160:
        return "FeedMarket";
    case 161:
        return "FeedMarketState";
    case 162:
        return "FeedOrderAdded";
    case 163:
        return "FeedOrderExecuted";
    case 164:
        return "FeedOrderChanged";
    case 165:
        return "FeedOrderDeleted";
    case 166:
        return "FeedLevel";
    case 167:
        return "FeedTrade";
    case 168:
        return "FeedChecksum";
    case 176:
        return "FeedSnapshotBegin";
    case 177:
        return "FeedSnapshotOrder";
    case 178:
        return "FeedSnapshotLevel";
    default:
        return "";
    }
}

enum tidegate_bool {
    TIDEGATE_BOOL_NO = 0,
    TIDEGATE_BOOL_YES = 1
};

/* The name of a bool code; "" for one that is newer than this header. */
static inline const char *tidegate_bool_name(unsigned code) {
    switch (code) {
    case 0:
        return "no";
    case 1:
        return "yes";
    default:
        return "";
    }
}

/* What it means: a bool code; "" for one that is newer than this header. */
static inline const char *tidegate_bool_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "No.";
    case 1:
        return "Yes.";
    default:
        return "";
    }
}

enum tidegate_cancel_reason {
    TIDEGATE_CANCEL_REASON_REQUESTED = 1,
    TIDEGATE_CANCEL_REASON_CANCEL_ALL = 2,
    TIDEGATE_CANCEL_REASON_REDUCED_TO_ZERO = 3,
    TIDEGATE_CANCEL_REASON_IMMEDIATE_OR_CANCEL = 4,
    TIDEGATE_CANCEL_REASON_INSUFFICIENT_FUNDS = 5,
    TIDEGATE_CANCEL_REASON_DISCONNECTED = 6,
    TIDEGATE_CANCEL_REASON_SELF_TRADE = 7,
    TIDEGATE_CANCEL_REASON_EXPIRED = 8,
    TIDEGATE_CANCEL_REASON_PROTECTION = 9,
    TIDEGATE_CANCEL_REASON_KILL_SWITCH = 10,
    TIDEGATE_CANCEL_REASON_MARKET_CLOSED = 11,
    TIDEGATE_CANCEL_REASON_NO_LIQUIDITY = 12,
    TIDEGATE_CANCEL_REASON_QUOTE_WITHDRAWN = 13,
    TIDEGATE_CANCEL_REASON_DEAD_MAN = 14
};

/* The name of a cancel_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_cancel_reason_name(unsigned code) {
    switch (code) {
    case 1:
        return "requested";
    case 2:
        return "cancel_all";
    case 3:
        return "reduced_to_zero";
    case 4:
        return "immediate_or_cancel";
    case 5:
        return "insufficient_funds";
    case 6:
        return "disconnected";
    case 7:
        return "self_trade";
    case 8:
        return "expired";
    case 9:
        return "protection";
    case 10:
        return "kill_switch";
    case 11:
        return "market_closed";
    case 12:
        return "no_liquidity";
    case 13:
        return "quote_withdrawn";
    case 14:
        return "dead_man";
    default:
        return "";
    }
}

/* What it means: a cancel_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_cancel_reason_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Its owner asked for this order.";
    case 2:
        return "Its owner asked for all of them.";
    case 3:
        return "Its owner took off all that was left.";
    case 4:
        return "Remainder of an immediate-or-cancel or market order.";
    case 5:
        return "A market order's account ran out of money for the next fill.";
    case 6:
        return "Its session stayed away longer than its grace time.";
    case 7:
        return "It would have traded with an order of its own owner.";
    case 8:
        return "Its time is over.";
    case 9:
        return "Its group's protection was triggered.";
    case 10:
        return "Its account's kill switch was engaged.";
    case 11:
        return "Its market was closed.";
    case 12:
        return "It was triggered, and the other side of the book was empty.";
    case 13:
        return "Its side of a mass quote was withdrawn, or the quote that should replace it was refused.";
    case 14:
        return "Its key's own timer was due: the client did not set it anew in time.";
    default:
        return "";
    }
}

enum tidegate_command_kind {
    TIDEGATE_COMMAND_KIND_GENESIS = 1,
    TIDEGATE_COMMAND_KIND_TAKE_LEAD = 2,
    TIDEGATE_COMMAND_KIND_SET_DURABILITY = 3,
    TIDEGATE_COMMAND_KIND_TICK = 4,
    TIDEGATE_COMMAND_KIND_CREATE_ASSET = 16,
    TIDEGATE_COMMAND_KIND_CREATE_MARKET = 17,
    TIDEGATE_COMMAND_KIND_CREATE_ACCOUNT = 18,
    TIDEGATE_COMMAND_KIND_CREATE_KEY = 19,
    TIDEGATE_COMMAND_KIND_SET_MARKET_STATE = 20,
    TIDEGATE_COMMAND_KIND_SET_MARKET_RULES = 21,
    TIDEGATE_COMMAND_KIND_SET_ACCOUNT_LIMITS = 22,
    TIDEGATE_COMMAND_KIND_SET_ACCOUNT_OWNER = 23,
    TIDEGATE_COMMAND_KIND_SET_ACCOUNT_TIER = 24,
    TIDEGATE_COMMAND_KIND_SET_FEE_TIER = 25,
    TIDEGATE_COMMAND_KIND_SET_KILL_SWITCH = 26,
    TIDEGATE_COMMAND_KIND_SET_KEY_ROLES = 27,
    TIDEGATE_COMMAND_KIND_SET_KEY_NETWORKS = 28,
    TIDEGATE_COMMAND_KIND_DEPOSIT = 32,
    TIDEGATE_COMMAND_KIND_WITHDRAW = 33,
    TIDEGATE_COMMAND_KIND_HOLD_WITHDRAWAL = 34,
    TIDEGATE_COMMAND_KIND_SETTLE_WITHDRAWAL = 35,
    TIDEGATE_COMMAND_KIND_RELEASE_WITHDRAWAL = 36,
    TIDEGATE_COMMAND_KIND_TRANSFER = 37,
    TIDEGATE_COMMAND_KIND_OPEN_SESSION = 48,
    TIDEGATE_COMMAND_KIND_CLOSE_SESSION = 49,
    TIDEGATE_COMMAND_KIND_NEW_ORDER = 64,
    TIDEGATE_COMMAND_KIND_CANCEL_ORDER = 65,
    TIDEGATE_COMMAND_KIND_REDUCE_ORDER = 66,
    TIDEGATE_COMMAND_KIND_CANCEL_ALL = 67,
    TIDEGATE_COMMAND_KIND_REPLACE_ORDER = 68,
    TIDEGATE_COMMAND_KIND_SET_PROTECTION = 69,
    TIDEGATE_COMMAND_KIND_RESET_PROTECTION = 70,
    TIDEGATE_COMMAND_KIND_MASS_QUOTE = 71,
    TIDEGATE_COMMAND_KIND_CANCEL_ALL_AFTER = 72,
    TIDEGATE_COMMAND_KIND_QUERY_ORDER = 73,
    TIDEGATE_COMMAND_KIND_QUERY_ORDERS = 74,
    TIDEGATE_COMMAND_KIND_QUERY_BALANCES = 75
};

/* The name of a command_kind code; "" for one that is newer than this header. */
static inline const char *tidegate_command_kind_name(unsigned code) {
    switch (code) {
    case 1:
        return "genesis";
    case 2:
        return "take_lead";
    case 3:
        return "set_durability";
    case 4:
        return "tick";
    case 16:
        return "create_asset";
    case 17:
        return "create_market";
    case 18:
        return "create_account";
    case 19:
        return "create_key";
    case 20:
        return "set_market_state";
    case 21:
        return "set_market_rules";
    case 22:
        return "set_account_limits";
    case 23:
        return "set_account_owner";
    case 24:
        return "set_account_tier";
    case 25:
        return "set_fee_tier";
    case 26:
        return "set_kill_switch";
    case 27:
        return "set_key_roles";
    case 28:
        return "set_key_networks";
    case 32:
        return "deposit";
    case 33:
        return "withdraw";
    case 34:
        return "hold_withdrawal";
    case 35:
        return "settle_withdrawal";
    case 36:
        return "release_withdrawal";
    case 37:
        return "transfer";
    case 48:
        return "open_session";
    case 49:
        return "close_session";
    case 64:
        return "new_order";
    case 65:
        return "cancel_order";
    case 66:
        return "reduce_order";
    case 67:
        return "cancel_all";
    case 68:
        return "replace_order";
    case 69:
        return "set_protection";
    case 70:
        return "reset_protection";
    case 71:
        return "mass_quote";
    case 72:
        return "cancel_all_after";
    case 73:
        return "query_order";
    case 74:
        return "query_orders";
    case 75:
        return "query_balances";
    default:
        return "";
    }
}

enum tidegate_feed_channel {
    TIDEGATE_FEED_CHANNEL_ORDERS = 1,
    TIDEGATE_FEED_CHANNEL_LEVELS = 2,
    TIDEGATE_FEED_CHANNEL_TRADES = 3
};

/* The name of a feed_channel code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_channel_name(unsigned code) {
    switch (code) {
    case 1:
        return "orders";
    case 2:
        return "levels";
    case 3:
        return "trades";
    default:
        return "";
    }
}

/* What it means: a feed_channel code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_channel_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Every displayed order (L3): added, executed, changed, deleted.";
    case 2:
        return "Every price level (L2), as it is after a command that changed it.";
    case 3:
        return "Every trade.";
    default:
        return "";
    }
}

enum tidegate_feed_logout_reason {
    TIDEGATE_FEED_LOGOUT_REASON_SLOW_CONSUMER = 1,
    TIDEGATE_FEED_LOGOUT_REASON_NODE_STOPPING = 2,
    TIDEGATE_FEED_LOGOUT_REASON_MALFORMED_FRAME = 3,
    TIDEGATE_FEED_LOGOUT_REASON_TOO_MANY_CONNECTIONS = 4,
    TIDEGATE_FEED_LOGOUT_REASON_HEARTBEAT_MISSED = 5
};

/* The name of a feed_logout_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_logout_reason_name(unsigned code) {
    switch (code) {
    case 1:
        return "slow_consumer";
    case 2:
        return "node_stopping";
    case 3:
        return "malformed_frame";
    case 4:
        return "too_many_connections";
    case 5:
        return "heartbeat_missed";
    default:
        return "";
    }
}

/* What it means: a feed_logout_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_logout_reason_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "The client did not read for so long that its next message is not kept any more; subscribe again from resume.";
    case 2:
        return "The node is being stopped; go to the other node.";
    case 3:
        return "The bytes are not a frame of this protocol; the detail names the field and what it allows.";
    case 4:
        return "The node, or this address, has as many connections as it may.";
    case 5:
        return "Nothing came from the client for ten heartbeat intervals.";
    default:
        return "";
    }
}

enum tidegate_feed_refusal {
    TIDEGATE_FEED_REFUSAL_TOO_OLD = 1,
    TIDEGATE_FEED_REFUSAL_TOO_NEW = 2,
    TIDEGATE_FEED_REFUSAL_TOO_MANY = 3,
    TIDEGATE_FEED_REFUSAL_RATE = 4,
    TIDEGATE_FEED_REFUSAL_UNKNOWN_MARKET = 5,
    TIDEGATE_FEED_REFUSAL_TAIL_LOST = 6
};

/* The name of a feed_refusal code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_refusal_name(unsigned code) {
    switch (code) {
    case 1:
        return "too_old";
    case 2:
        return "too_new";
    case 3:
        return "too_many";
    case 4:
        return "rate";
    case 5:
        return "unknown_market";
    case 6:
        return "tail_lost";
    default:
        return "";
    }
}

/* What it means: a feed_refusal code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_refusal_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "The first message asked for is not kept any more; take a snapshot.";
    case 2:
        return "Not all of what was asked for exists yet.";
    case 3:
        return "More messages than one request may ask for.";
    case 4:
        return "This address asked for more than its share; try again after retry_after_ms.";
    case 5:
        return "No market has this id.";
    case 6:
        return "The newest messages that the client has were lost with the node that led before; forget the channel and take snapshots.";
    default:
        return "";
    }
}

enum tidegate_feed_service {
    TIDEGATE_FEED_SERVICE_INCREMENTS = 1,
    TIDEGATE_FEED_SERVICE_SNAPSHOT = 2
};

/* The name of a feed_service code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_service_name(unsigned code) {
    switch (code) {
    case 1:
        return "increments";
    case 2:
        return "snapshot";
    default:
        return "";
    }
}

/* What it means: a feed_service code; "" for one that is newer than this header. */
static inline const char *tidegate_feed_service_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Numbered messages of one channel, first_number the first of them; or a heartbeat without any.";
    case 2:
        return "A piece of one market's snapshot on one channel.";
    default:
        return "";
    }
}

enum tidegate_gap_fill_reason {
    TIDEGATE_GAP_FILL_REASON_NOT_REQUESTED = 1,
    TIDEGATE_GAP_FILL_REASON_STALE_ANSWER = 2
};

/* The name of a gap_fill_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_gap_fill_reason_name(unsigned code) {
    switch (code) {
    case 1:
        return "not_requested";
    case 2:
        return "stale_answer";
    default:
        return "";
    }
}

/* What it means: a gap_fill_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_gap_fill_reason_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "The client said that it does not want them (`replay_max`).";
    case 2:
        return "Answers to queries, which are out of date by now: ask again.";
    default:
        return "";
    }
}

enum tidegate_gateway_reject {
    TIDEGATE_GATEWAY_REJECT_MALFORMED = 1,
    TIDEGATE_GATEWAY_REJECT_REPLAY_NOT_DONE = 2,
    TIDEGATE_GATEWAY_REJECT_TOO_MANY_IN_FLIGHT = 3,
    TIDEGATE_GATEWAY_REJECT_NOT_PRIMARY = 4,
    TIDEGATE_GATEWAY_REJECT_THROTTLED_KEY = 5,
    TIDEGATE_GATEWAY_REJECT_THROTTLED_ADDRESS = 6,
    TIDEGATE_GATEWAY_REJECT_DROP_COPY_ONLY = 7
};

/* The name of a gateway_reject code; "" for one that is newer than this header. */
static inline const char *tidegate_gateway_reject_name(unsigned code) {
    switch (code) {
    case 1:
        return "malformed";
    case 2:
        return "replay_not_done";
    case 3:
        return "too_many_in_flight";
    case 4:
        return "not_primary";
    case 5:
        return "throttled_key";
    case 6:
        return "throttled_address";
    case 7:
        return "drop_copy_only";
    default:
        return "";
    }
}

/* What it means: a gateway_reject code; "" for one that is newer than this header. */
static inline const char *tidegate_gateway_reject_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "A field of the request holds what the protocol does not allow; `field` and `value` name it.";
    case 2:
        return "Requests are taken after ReplayDone; send it again then.";
    case 3:
        return "As many requests as `limit` are unanswered; send it again after an answer.";
    case 4:
        return "The node stopped leading before the request was taken; send it to the new primary.";
    case 5:
        return "The key has no token left; `value` is in how many nanoseconds it has enough, `limit` its tokens per second. What takes orders away costs none.";
    case 6:
        return "The client's address has no token left; `value` is in how many nanoseconds it has enough, `limit` its tokens per second.";
    case 7:
        return "A drop copy takes no requests; log on with mode trading.";
    default:
        return "";
    }
}

enum tidegate_liquidity {
    TIDEGATE_LIQUIDITY_MAKER = 1,
    TIDEGATE_LIQUIDITY_TAKER = 2
};

/* The name of a liquidity code; "" for one that is newer than this header. */
static inline const char *tidegate_liquidity_name(unsigned code) {
    switch (code) {
    case 1:
        return "maker";
    case 2:
        return "taker";
    default:
        return "";
    }
}

/* What it means: a liquidity code; "" for one that is newer than this header. */
static inline const char *tidegate_liquidity_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "It rested.";
    case 2:
        return "It came in.";
    default:
        return "";
    }
}

enum tidegate_logout_reason {
    TIDEGATE_LOGOUT_REASON_CLIENT_REQUESTED = 1,
    TIDEGATE_LOGOUT_REASON_TAKEN_OVER = 2,
    TIDEGATE_LOGOUT_REASON_SLOW_CONSUMER = 3,
    TIDEGATE_LOGOUT_REASON_HEARTBEAT_MISSED = 4,
    TIDEGATE_LOGOUT_REASON_MALFORMED_FRAME = 5,
    TIDEGATE_LOGOUT_REASON_NODE_STOPPING = 6,
    TIDEGATE_LOGOUT_REASON_NO_LONGER_PRIMARY = 7,
    TIDEGATE_LOGOUT_REASON_BAD_SIGNATURE = 8,
    TIDEGATE_LOGOUT_REASON_UNKNOWN_KEY = 9,
    TIDEGATE_LOGOUT_REASON_LOGON_TIMEOUT = 10,
    TIDEGATE_LOGOUT_REASON_LOGON_EXPECTED = 11,
    TIDEGATE_LOGOUT_REASON_TOO_MANY_CONNECTIONS = 12,
    TIDEGATE_LOGOUT_REASON_REPLAY_FROM_FUTURE = 13,
    TIDEGATE_LOGOUT_REASON_TOO_BUSY = 14,
    TIDEGATE_LOGOUT_REASON_UNEXPECTED_MESSAGE = 15,
    TIDEGATE_LOGOUT_REASON_LOGON_REFUSED = 16,
    TIDEGATE_LOGOUT_REASON_HEARTBEAT_OUT_OF_RANGE = 17,
    TIDEGATE_LOGOUT_REASON_ALREADY_LOGGED_ON = 18,
    TIDEGATE_LOGOUT_REASON_ADDRESS_NOT_ALLOWED = 19,
    TIDEGATE_LOGOUT_REASON_POSITION_UNKNOWN = 20,
    TIDEGATE_LOGOUT_REASON_KEY_NOT_ALLOWED = 21
};

/* The name of a logout_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_logout_reason_name(unsigned code) {
    switch (code) {
    case 1:
        return "client_requested";
    case 2:
        return "taken_over";
    case 3:
        return "slow_consumer";
    case 4:
        return "heartbeat_missed";
    case 5:
        return "malformed_frame";
    case 6:
        return "node_stopping";
    case 7:
        return "no_longer_primary";
    case 8:
        return "bad_signature";
    case 9:
        return "unknown_key";
    case 10:
        return "logon_timeout";
    case 11:
        return "logon_expected";
    case 12:
        return "too_many_connections";
    case 13:
        return "replay_from_future";
    case 14:
        return "too_busy";
    case 15:
        return "unexpected_message";
    case 16:
        return "logon_refused";
    case 17:
        return "heartbeat_out_of_range";
    case 18:
        return "already_logged_on";
    case 19:
        return "address_not_allowed";
    case 20:
        return "position_unknown";
    case 21:
        return "key_not_allowed";
    default:
        return "";
    }
}

/* What it means: a logout_reason code; "" for one that is newer than this header. */
static inline const char *tidegate_logout_reason_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "The client asked for it.";
    case 2:
        return "The same key logged on again on another connection, which is the live one now.";
    case 3:
        return "The client did not read its reports; log on again to get them after resume_after.";
    case 4:
        return "Nothing came from the client for three heartbeat intervals.";
    case 5:
        return "The bytes are not a frame of this protocol; the detail names the field and what it allows.";
    case 6:
        return "The node is being stopped; log on to the other node.";
    case 7:
        return "The node lost the lead; log on to the other node.";
    case 8:
        return "The signature does not fit the key and the challenge of this connection.";
    case 9:
        return "No key has this id; ask the operator to create it.";
    case 10:
        return "No logon came in time after the challenge.";
    case 11:
        return "The first message of a connection must be a logon.";
    case 12:
        return "The node has as many connections as it may; try the other node or come back later.";
    case 13:
        return "last_session_sequence is beyond this key's last report: the client's state is of another cluster or key.";
    case 14:
        return "Too many logons at once; come back later.";
    case 15:
        return "The message is not allowed at this point, such as a second logon.";
    case 16:
        return "The engine refused the session; the detail names its reject.";
    case 17:
        return "heartbeat_ms is outside the limits in the detail.";
    case 18:
        return "The key has a live session, and this venue does not let a second one take over; log out there first.";
    case 19:
        return "The key may not be used from this address; ask the operator to allow its network.";
    case 20:
        return "resume_after is no place in this cluster's events: the client's state is of another cluster.";
    case 21:
        return "The key does not have the role that this kind of session needs.";
    default:
        return "";
    }
}

enum tidegate_market_state {
    TIDEGATE_MARKET_STATE_OPEN = 1,
    TIDEGATE_MARKET_STATE_HALTED = 2,
    TIDEGATE_MARKET_STATE_POST_ONLY = 3,
    TIDEGATE_MARKET_STATE_CANCEL_ONLY = 4,
    TIDEGATE_MARKET_STATE_CLOSED = 5
};

/* The name of a market_state code; "" for one that is newer than this header. */
static inline const char *tidegate_market_state_name(unsigned code) {
    switch (code) {
    case 1:
        return "open";
    case 2:
        return "halted";
    case 3:
        return "post_only";
    case 4:
        return "cancel_only";
    case 5:
        return "closed";
    default:
        return "";
    }
}

/* What it means: a market_state code; "" for one that is newer than this header. */
static inline const char *tidegate_market_state_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Everything.";
    case 2:
        return "Cancels only; resting orders stay.";
    case 3:
        return "Everything that does not take.";
    case 4:
        return "Cancels and reduces only.";
    case 5:
        return "Nothing; its orders were cancelled.";
    default:
        return "";
    }
}

enum tidegate_on_disconnect {
    TIDEGATE_ON_DISCONNECT_SESSION = 0,
    TIDEGATE_ON_DISCONNECT_CANCEL = 1,
    TIDEGATE_ON_DISCONNECT_STAY = 2
};

/* The name of a on_disconnect code; "" for one that is newer than this header. */
static inline const char *tidegate_on_disconnect_name(unsigned code) {
    switch (code) {
    case 0:
        return "session";
    case 1:
        return "cancel";
    case 2:
        return "stay";
    default:
        return "";
    }
}

/* What it means: a on_disconnect code; "" for one that is newer than this header. */
static inline const char *tidegate_on_disconnect_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "What the session said when it was opened.";
    case 1:
        return "It is cancelled.";
    case 2:
        return "It stays.";
    default:
        return "";
    }
}

enum tidegate_order_type {
    TIDEGATE_ORDER_TYPE_LIMIT = 1,
    TIDEGATE_ORDER_TYPE_MARKET = 2,
    TIDEGATE_ORDER_TYPE_BUDGET = 3,
    TIDEGATE_ORDER_TYPE_STOP = 4,
    TIDEGATE_ORDER_TYPE_STOP_LIMIT = 5
};

/* The name of a order_type code; "" for one that is newer than this header. */
static inline const char *tidegate_order_type_name(unsigned code) {
    switch (code) {
    case 1:
        return "limit";
    case 2:
        return "market";
    case 3:
        return "budget";
    case 4:
        return "stop";
    case 5:
        return "stop_limit";
    default:
        return "";
    }
}

/* What it means: a order_type code; "" for one that is newer than this header. */
static inline const char *tidegate_order_type_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "At its price or better.";
    case 2:
        return "At whatever the book offers; never rests, its price is 0 and its time in force IOC or FOK.";
    case 3:
        return "A market order for as much as an amount of the quote asset buys or brings; its quantity is 0.";
    case 4:
        return "Waits until the last price reaches its trigger, then a market order.";
    case 5:
        return "Waits until the last price reaches its trigger, then a limit order.";
    default:
        return "";
    }
}

enum tidegate_quote_mode {
    TIDEGATE_QUOTE_MODE_MAY_TAKE = 0,
    TIDEGATE_QUOTE_MODE_POST_ONLY = 1,
    TIDEGATE_QUOTE_MODE_REPRICE = 2
};

/* The name of a quote_mode code; "" for one that is newer than this header. */
static inline const char *tidegate_quote_mode_name(unsigned code) {
    switch (code) {
    case 0:
        return "may_take";
    case 1:
        return "post_only";
    case 2:
        return "reprice";
    default:
        return "";
    }
}

/* What it means: a quote_mode code; "" for one that is newer than this header. */
static inline const char *tidegate_quote_mode_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "They trade with what they cross.";
    case 1:
        return "One that would take is refused.";
    case 2:
        return "One that would take is re-priced.";
    default:
        return "";
    }
}

enum tidegate_refused_field {
    TIDEGATE_REFUSED_FIELD_NONE = 0,
    TIDEGATE_REFUSED_FIELD_TEMPLATE = 1,
    TIDEGATE_REFUSED_FIELD_BLOCK_LENGTH = 2,
    TIDEGATE_REFUSED_FIELD_PADDING = 3,
    TIDEGATE_REFUSED_FIELD_SIDE = 4,
    TIDEGATE_REFUSED_FIELD_ORDER_TYPE = 5,
    TIDEGATE_REFUSED_FIELD_TIME_IN_FORCE = 6,
    TIDEGATE_REFUSED_FIELD_POST_ONLY = 7,
    TIDEGATE_REFUSED_FIELD_TARGET_KIND = 8,
    TIDEGATE_REFUSED_FIELD_SELF_TRADE = 9,
    TIDEGATE_REFUSED_FIELD_REPRICE = 10,
    TIDEGATE_REFUSED_FIELD_ON_DISCONNECT = 11,
    TIDEGATE_REFUSED_FIELD_MODE = 12,
    TIDEGATE_REFUSED_FIELD_ENGAGED = 13,
    TIDEGATE_REFUSED_FIELD_GROUP = 14,
    TIDEGATE_REFUSED_FIELD_LENGTH = 15
};

/* The name of a refused_field code; "" for one that is newer than this header. */
static inline const char *tidegate_refused_field_name(unsigned code) {
    switch (code) {
    case 0:
        return "none";
    case 1:
        return "template";
    case 2:
        return "block_length";
    case 3:
        return "padding";
    case 4:
        return "side";
    case 5:
        return "order_type";
    case 6:
        return "time_in_force";
    case 7:
        return "post_only";
    case 8:
        return "target_kind";
    case 9:
        return "self_trade";
    case 10:
        return "reprice";
    case 11:
        return "on_disconnect";
    case 12:
        return "mode";
    case 13:
        return "engaged";
    case 14:
        return "group";
    case 15:
        return "length";
    default:
        return "";
    }
}

/* What it means: a refused_field code; "" for one that is newer than this header. */
static inline const char *tidegate_refused_field_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "No single field.";
    case 1:
        return "The template id: no order message has it.";
    case 2:
        return "The block length: shorter than the message, `limit` is the shortest.";
    case 3:
        return "Bytes that must be zero.";
    case 4:
        return "The side.";
    case 5:
        return "The order type.";
    case 6:
        return "The time in force.";
    case 7:
        return "The post-only mark.";
    case 8:
        return "What `target` is.";
    case 9:
        return "The self-trade mode.";
    case 10:
        return "The mark that a post-only order is re-priced.";
    case 11:
        return "What becomes of the order when its session stays away.";
    case 12:
        return "The mode of a mass quote.";
    case 13:
        return "Whether the kill switch is engaged.";
    case 14:
        return "The dimensions of the repeating group: length of an entry and how many.";
    case 15:
        return "The length of the frame: it does not hold what its group says.";
    default:
        return "";
    }
}

enum tidegate_reject {
    TIDEGATE_REJECT_UNKNOWN_MARKET = 1,
    TIDEGATE_REJECT_UNKNOWN_ASSET = 2,
    TIDEGATE_REJECT_UNKNOWN_ACCOUNT = 3,
    TIDEGATE_REJECT_UNKNOWN_KEY = 4,
    TIDEGATE_REJECT_UNKNOWN_ORDER = 5,
    TIDEGATE_REJECT_NAME_TAKEN = 6,
    TIDEGATE_REJECT_PUBLIC_KEY_TAKEN = 7,
    TIDEGATE_REJECT_TABLE_FULL = 8,
    TIDEGATE_REJECT_ORDER_NOT_OPEN = 9,
    TIDEGATE_REJECT_UNKNOWN_REFERENCE = 10,
    TIDEGATE_REJECT_MARKET_HALTED = 16,
    TIDEGATE_REJECT_QTY_ZERO = 17,
    TIDEGATE_REJECT_QTY_TOO_LARGE = 18,
    TIDEGATE_REJECT_PRICE_NOT_POSITIVE = 19,
    TIDEGATE_REJECT_PRICE_TOO_HIGH = 20,
    TIDEGATE_REJECT_PRICE_ON_MARKET_ORDER = 21,
    TIDEGATE_REJECT_MARKET_ORDER_CANNOT_REST = 22,
    TIDEGATE_REJECT_POST_ONLY_MUST_REST = 23,
    TIDEGATE_REJECT_POST_ONLY_WOULD_TAKE = 24,
    TIDEGATE_REJECT_FILL_OR_KILL_UNFILLABLE = 25,
    TIDEGATE_REJECT_INSUFFICIENT_FUNDS = 26,
    TIDEGATE_REJECT_TOO_MANY_OPEN_ORDERS = 27,
    TIDEGATE_REJECT_NO_LIQUIDITY = 28,
    TIDEGATE_REJECT_MARKET_CLOSED = 29,
    TIDEGATE_REJECT_MARKET_POST_ONLY = 30,
    TIDEGATE_REJECT_QTY_TOO_SMALL = 31,
    TIDEGATE_REJECT_PRICE_TOO_LOW = 32,
    TIDEGATE_REJECT_PRICE_OUT_OF_BAND = 33,
    TIDEGATE_REJECT_NOTIONAL_TOO_SMALL = 34,
    TIDEGATE_REJECT_ACCOUNT_KILLED = 36,
    TIDEGATE_REJECT_KEY_NOT_ALLOWED = 37,
    TIDEGATE_REJECT_BUDGET_ZERO = 38,
    TIDEGATE_REJECT_BUDGET_WITHOUT_BUDGET_ORDER = 39,
    TIDEGATE_REJECT_QTY_ON_BUDGET_ORDER = 40,
    TIDEGATE_REJECT_STOP_MUST_WAIT = 41,
    TIDEGATE_REJECT_TRIGGER_WITHOUT_STOP = 42,
    TIDEGATE_REJECT_TRIGGER_OUT_OF_RANGE = 43,
    TIDEGATE_REJECT_STOP_WOULD_TRIGGER = 44,
    TIDEGATE_REJECT_DISPLAY_WITHOUT_LIMIT_ORDER = 45,
    TIDEGATE_REJECT_EXPIRY_WITHOUT_GTD = 46,
    TIDEGATE_REJECT_EXPIRY_IN_THE_PAST = 47,
    TIDEGATE_REJECT_AMOUNT_ZERO = 48,
    TIDEGATE_REJECT_AMOUNT_TOO_LARGE = 49,
    TIDEGATE_REJECT_REFERENCE_REUSED = 50,
    TIDEGATE_REJECT_REFERENCE_EXPIRED = 51,
    TIDEGATE_REJECT_REFERENCE_IN_THE_FUTURE = 52,
    TIDEGATE_REJECT_WITHDRAWAL_DONE = 53,
    TIDEGATE_REJECT_REQUEST_NUMBER_REUSED = 64,
    TIDEGATE_REJECT_OUTCOME_EXPIRED = 65,
    TIDEGATE_REJECT_REQUEST_NUMBER_ZERO = 66,
    TIDEGATE_REJECT_REPLACE_BELOW_FILLED = 67,
    TIDEGATE_REJECT_STOP_NOT_REPLACEABLE = 68,
    TIDEGATE_REJECT_PROTECTION_TRIGGERED = 69,
    TIDEGATE_REJECT_QUOTES_COUNT = 70,
    TIDEGATE_REJECT_QUOTE_CROSSED = 71,
    TIDEGATE_REJECT_QTY_OVER_ACCOUNT_LIMIT = 72,
    TIDEGATE_REJECT_NOTIONAL_OVER_ACCOUNT_LIMIT = 73,
    TIDEGATE_REJECT_PRICE_OUT_OF_STATIC_BAND = 74,
    TIDEGATE_REJECT_TIMEOUT_OUT_OF_RANGE = 75,
    TIDEGATE_REJECT_SESSION_OPEN = 76,
    TIDEGATE_REJECT_DECIMALS_TOO_MANY = 80,
    TIDEGATE_REJECT_BASE_EQUALS_QUOTE = 83,
    TIDEGATE_REJECT_DAY_END_OUT_OF_RANGE = 87,
    TIDEGATE_REJECT_GROUP_ZERO = 89,
    TIDEGATE_REJECT_TIER_ZERO = 90,
    TIDEGATE_REJECT_MAKER_FEE_OUT_OF_RANGE = 91,
    TIDEGATE_REJECT_TAKER_FEE_OUT_OF_RANGE = 92,
    TIDEGATE_REJECT_BASE_UNITS_PER_LOT_ZERO = 93,
    TIDEGATE_REJECT_QUOTE_UNITS_PER_TICK_LOT_ZERO = 94,
    TIDEGATE_REJECT_QTY_MAX_ZERO = 95,
    TIDEGATE_REJECT_PRICE_MAX_NOT_POSITIVE = 96,
    TIDEGATE_REJECT_BASE_AMOUNT_OVERFLOW = 97,
    TIDEGATE_REJECT_QUOTE_AMOUNT_OVERFLOW = 98,
    TIDEGATE_REJECT_QTY_MIN_OVER_QTY_MAX = 99,
    TIDEGATE_REJECT_PRICE_MIN_OVER_PRICE_MAX = 100,
    TIDEGATE_REJECT_PRICE_MIN_NEGATIVE = 101,
    TIDEGATE_REJECT_REFERENCE_NEGATIVE = 102,
    TIDEGATE_REJECT_STATIC_BAND_OUT_OF_RANGE = 103,
    TIDEGATE_REJECT_DYNAMIC_BAND_OUT_OF_RANGE = 104
};

/* The name of a reject code; "" for one that is newer than this header. */
static inline const char *tidegate_reject_name(unsigned code) {
    switch (code) {
    case 1:
        return "unknown_market";
    case 2:
        return "unknown_asset";
    case 3:
        return "unknown_account";
    case 4:
        return "unknown_key";
    case 5:
        return "unknown_order";
    case 6:
        return "name_taken";
    case 7:
        return "public_key_taken";
    case 8:
        return "table_full";
    case 9:
        return "order_not_open";
    case 10:
        return "unknown_reference";
    case 16:
        return "market_halted";
    case 17:
        return "qty_zero";
    case 18:
        return "qty_too_large";
    case 19:
        return "price_not_positive";
    case 20:
        return "price_too_high";
    case 21:
        return "price_on_market_order";
    case 22:
        return "market_order_cannot_rest";
    case 23:
        return "post_only_must_rest";
    case 24:
        return "post_only_would_take";
    case 25:
        return "fill_or_kill_unfillable";
    case 26:
        return "insufficient_funds";
    case 27:
        return "too_many_open_orders";
    case 28:
        return "no_liquidity";
    case 29:
        return "market_closed";
    case 30:
        return "market_post_only";
    case 31:
        return "qty_too_small";
    case 32:
        return "price_too_low";
    case 33:
        return "price_out_of_band";
    case 34:
        return "notional_too_small";
    case 36:
        return "account_killed";
    case 37:
        return "key_not_allowed";
    case 38:
        return "budget_zero";
    case 39:
        return "budget_without_budget_order";
    case 40:
        return "qty_on_budget_order";
    case 41:
        return "stop_must_wait";
    case 42:
        return "trigger_without_stop";
    case 43:
        return "trigger_out_of_range";
    case 44:
        return "stop_would_trigger";
    case 45:
        return "display_without_limit_order";
    case 46:
        return "expiry_without_gtd";
    case 47:
        return "expiry_in_the_past";
    case 48:
        return "amount_zero";
    case 49:
        return "amount_too_large";
    case 50:
        return "reference_reused";
    case 51:
        return "reference_expired";
    case 52:
        return "reference_in_the_future";
    case 53:
        return "withdrawal_done";
    case 64:
        return "request_number_reused";
    case 65:
        return "outcome_expired";
    case 66:
        return "request_number_zero";
    case 67:
        return "replace_below_filled";
    case 68:
        return "stop_not_replaceable";
    case 69:
        return "protection_triggered";
    case 70:
        return "quotes_count";
    case 71:
        return "quote_crossed";
    case 72:
        return "qty_over_account_limit";
    case 73:
        return "notional_over_account_limit";
    case 74:
        return "price_out_of_static_band";
    case 75:
        return "timeout_out_of_range";
    case 76:
        return "session_open";
    case 80:
        return "decimals_too_many";
    case 83:
        return "base_equals_quote";
    case 87:
        return "day_end_out_of_range";
    case 89:
        return "group_zero";
    case 90:
        return "tier_zero";
    case 91:
        return "maker_fee_out_of_range";
    case 92:
        return "taker_fee_out_of_range";
    case 93:
        return "base_units_per_lot_zero";
    case 94:
        return "quote_units_per_tick_lot_zero";
    case 95:
        return "qty_max_zero";
    case 96:
        return "price_max_not_positive";
    case 97:
        return "base_amount_overflow";
    case 98:
        return "quote_amount_overflow";
    case 99:
        return "qty_min_over_qty_max";
    case 100:
        return "price_min_over_price_max";
    case 101:
        return "price_min_negative";
    case 102:
        return "reference_negative";
    case 103:
        return "static_band_out_of_range";
    case 104:
        return "dynamic_band_out_of_range";
    default:
        return "";
    }
}

/* What it means: a reject code; "" for one that is newer than this header. */
static inline const char *tidegate_reject_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "No market has this id or name.";
    case 2:
        return "No asset has this name.";
    case 3:
        return "No account has this id.";
    case 4:
        return "No key has this id, or it belongs to another account.";
    case 5:
        return "No open order of this account has this id, and none that this key created lately.";
    case 6:
        return "Something of this kind already has this name.";
    case 7:
        return "Another key already has this public key.";
    case 8:
        return "A table of the engine is full; its size is a limit of the journal's first record.";
    case 9:
        return "This key created the order, but it is filled or cancelled already.";
    case 10:
        return "No held withdrawal has this business reference.";
    case 16:
        return "The market's state does not allow this now.";
    case 17:
        return "The quantity must be at least one lot.";
    case 18:
        return "The quantity is over the market's limit for one order.";
    case 19:
        return "The price of a limit order must be at least one tick.";
    case 20:
        return "The price is over the market's limit.";
    case 21:
        return "A market order has no price: it must be 0.";
    case 22:
        return "A market order must be IOC or FOK.";
    case 23:
        return "A post-only order must be a limit order that can rest.";
    case 24:
        return "The post-only order would have traded at once.";
    case 25:
        return "The book cannot fill the whole quantity at once.";
    case 26:
        return "The account's available balance does not cover it.";
    case 27:
        return "The account, or the engine, has as many open orders as it may.";
    case 28:
        return "The other side of the book is empty.";
    case 29:
        return "The market is closed.";
    case 30:
        return "The market takes only orders that rest; this one would have traded at once.";
    case 31:
        return "The quantity is under the market's limit for one order.";
    case 32:
        return "The price is under the market's limit.";
    case 33:
        return "The price is too far from the market's last price.";
    case 34:
        return "Price times quantity is under the market's limit for one order.";
    case 36:
        return "The account's kill switch is engaged: cancels only.";
    case 37:
        return "The key does not have the role that this needs.";
    case 38:
        return "The budget must be at least one smallest unit.";
    case 39:
        return "Only a budget order has a budget.";
    case 40:
        return "A budget order has no quantity: it must be 0.";
    case 41:
        return "A stop order must be good till cancelled, till a date or for the day.";
    case 42:
        return "Only a stop order has a trigger price.";
    case 43:
        return "The trigger price must be from one tick to the market's highest price.";
    case 44:
        return "The last price has reached the trigger price already.";
    case 45:
        return "Only a limit order that can rest has a displayed quantity.";
    case 46:
        return "Only a good-till-date order has an expiry.";
    case 47:
        return "The expiry must be later than now.";
    case 48:
        return "The amount must be at least one smallest unit.";
    case 49:
        return "The amount, or the balance that it would make, is 2^96 units or more.";
    case 50:
        return "The business reference was used with another payload.";
    case 51:
        return "The business reference is older than 30 days; nothing was applied.";
    case 52:
        return "The business time is more than a day ahead.";
    case 53:
        return "The held withdrawal was settled or released already.";
    case 64:
        return "The request number was used with another payload.";
    case 65:
        return "The request number is older than the window of kept outcomes; nothing was executed.";
    case 66:
        return "Request numbers start at 1.";
    case 67:
        return "The new quantity is not more than what is filled already.";
    case 68:
        return "A waiting stop order cannot be replaced: cancel it and send a new one.";
    case 69:
        return "The group's protection was triggered: reset it first.";
    case 70:
        return "A mass quote has 1 to 15 quotes.";
    case 71:
        return "The bid of the quote is not below its ask.";
    case 72:
        return "The quantity is over the account's limit for one order.";
    case 73:
        return "Price times quantity is over the account's limit for one order.";
    case 74:
        return "The price is too far from the market's reference price.";
    case 75:
        return "The timeout must be 0, or 100 milliseconds to 24 hours.";
    case 76:
        return "The key has a live session; log out there first.";
    case 80:
        return "An asset has at most 30 decimal places.";
    case 83:
        return "A market needs two different assets.";
    case 87:
        return "The end of the day must be before 86,400 seconds.";
    case 89:
        return "A group is a number from 1 to 255.";
    case 90:
        return "A fee tier is a number from 1 to 255; tier 0 is the market's own fees.";
    case 91:
        return "A maker's fee is from -1,000,000 to 1,000,000 parts per million.";
    case 92:
        return "A taker's fee is from 0 to 1,000,000 parts per million.";
    case 93:
        return "A lot must be at least one smallest unit of the base asset.";
    case 94:
        return "A tick of a lot must be at least one smallest unit of the quote asset.";
    case 95:
        return "The market's largest quantity must be at least one lot.";
    case 96:
        return "The market's highest price must be at least one tick.";
    case 97:
        return "The largest quantity must stay below 2^96 units of the base asset.";
    case 98:
        return "Highest price times largest quantity must stay below 2^96 units of the quote asset.";
    case 99:
        return "The market's smallest quantity is over its largest.";
    case 100:
        return "The market's lowest price is over its highest.";
    case 101:
        return "The market's lowest price must not be below 0.";
    case 102:
        return "The market's reference price must not be below 0.";
    case 103:
        return "The band around the reference price is at most 1,000,000 parts per million.";
    case 104:
        return "The band around the last price is at most 1,000,000 parts per million.";
    default:
        return "";
    }
}

enum tidegate_reject_or_none {
    TIDEGATE_REJECT_OR_NONE_NONE = 0,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_MARKET = 1,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_ASSET = 2,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_ACCOUNT = 3,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_KEY = 4,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_ORDER = 5,
    TIDEGATE_REJECT_OR_NONE_NAME_TAKEN = 6,
    TIDEGATE_REJECT_OR_NONE_PUBLIC_KEY_TAKEN = 7,
    TIDEGATE_REJECT_OR_NONE_TABLE_FULL = 8,
    TIDEGATE_REJECT_OR_NONE_ORDER_NOT_OPEN = 9,
    TIDEGATE_REJECT_OR_NONE_UNKNOWN_REFERENCE = 10,
    TIDEGATE_REJECT_OR_NONE_MARKET_HALTED = 16,
    TIDEGATE_REJECT_OR_NONE_QTY_ZERO = 17,
    TIDEGATE_REJECT_OR_NONE_QTY_TOO_LARGE = 18,
    TIDEGATE_REJECT_OR_NONE_PRICE_NOT_POSITIVE = 19,
    TIDEGATE_REJECT_OR_NONE_PRICE_TOO_HIGH = 20,
    TIDEGATE_REJECT_OR_NONE_PRICE_ON_MARKET_ORDER = 21,
    TIDEGATE_REJECT_OR_NONE_MARKET_ORDER_CANNOT_REST = 22,
    TIDEGATE_REJECT_OR_NONE_POST_ONLY_MUST_REST = 23,
    TIDEGATE_REJECT_OR_NONE_POST_ONLY_WOULD_TAKE = 24,
    TIDEGATE_REJECT_OR_NONE_FILL_OR_KILL_UNFILLABLE = 25,
    TIDEGATE_REJECT_OR_NONE_INSUFFICIENT_FUNDS = 26,
    TIDEGATE_REJECT_OR_NONE_TOO_MANY_OPEN_ORDERS = 27,
    TIDEGATE_REJECT_OR_NONE_NO_LIQUIDITY = 28,
    TIDEGATE_REJECT_OR_NONE_MARKET_CLOSED = 29,
    TIDEGATE_REJECT_OR_NONE_MARKET_POST_ONLY = 30,
    TIDEGATE_REJECT_OR_NONE_QTY_TOO_SMALL = 31,
    TIDEGATE_REJECT_OR_NONE_PRICE_TOO_LOW = 32,
    TIDEGATE_REJECT_OR_NONE_PRICE_OUT_OF_BAND = 33,
    TIDEGATE_REJECT_OR_NONE_NOTIONAL_TOO_SMALL = 34,
    TIDEGATE_REJECT_OR_NONE_ACCOUNT_KILLED = 36,
    TIDEGATE_REJECT_OR_NONE_KEY_NOT_ALLOWED = 37,
    TIDEGATE_REJECT_OR_NONE_BUDGET_ZERO = 38,
    TIDEGATE_REJECT_OR_NONE_BUDGET_WITHOUT_BUDGET_ORDER = 39,
    TIDEGATE_REJECT_OR_NONE_QTY_ON_BUDGET_ORDER = 40,
    TIDEGATE_REJECT_OR_NONE_STOP_MUST_WAIT = 41,
    TIDEGATE_REJECT_OR_NONE_TRIGGER_WITHOUT_STOP = 42,
    TIDEGATE_REJECT_OR_NONE_TRIGGER_OUT_OF_RANGE = 43,
    TIDEGATE_REJECT_OR_NONE_STOP_WOULD_TRIGGER = 44,
    TIDEGATE_REJECT_OR_NONE_DISPLAY_WITHOUT_LIMIT_ORDER = 45,
    TIDEGATE_REJECT_OR_NONE_EXPIRY_WITHOUT_GTD = 46,
    TIDEGATE_REJECT_OR_NONE_EXPIRY_IN_THE_PAST = 47,
    TIDEGATE_REJECT_OR_NONE_AMOUNT_ZERO = 48,
    TIDEGATE_REJECT_OR_NONE_AMOUNT_TOO_LARGE = 49,
    TIDEGATE_REJECT_OR_NONE_REFERENCE_REUSED = 50,
    TIDEGATE_REJECT_OR_NONE_REFERENCE_EXPIRED = 51,
    TIDEGATE_REJECT_OR_NONE_REFERENCE_IN_THE_FUTURE = 52,
    TIDEGATE_REJECT_OR_NONE_WITHDRAWAL_DONE = 53,
    TIDEGATE_REJECT_OR_NONE_REQUEST_NUMBER_REUSED = 64,
    TIDEGATE_REJECT_OR_NONE_OUTCOME_EXPIRED = 65,
    TIDEGATE_REJECT_OR_NONE_REQUEST_NUMBER_ZERO = 66,
    TIDEGATE_REJECT_OR_NONE_REPLACE_BELOW_FILLED = 67,
    TIDEGATE_REJECT_OR_NONE_STOP_NOT_REPLACEABLE = 68,
    TIDEGATE_REJECT_OR_NONE_PROTECTION_TRIGGERED = 69,
    TIDEGATE_REJECT_OR_NONE_QUOTES_COUNT = 70,
    TIDEGATE_REJECT_OR_NONE_QUOTE_CROSSED = 71,
    TIDEGATE_REJECT_OR_NONE_QTY_OVER_ACCOUNT_LIMIT = 72,
    TIDEGATE_REJECT_OR_NONE_NOTIONAL_OVER_ACCOUNT_LIMIT = 73,
    TIDEGATE_REJECT_OR_NONE_PRICE_OUT_OF_STATIC_BAND = 74,
    TIDEGATE_REJECT_OR_NONE_TIMEOUT_OUT_OF_RANGE = 75,
    TIDEGATE_REJECT_OR_NONE_SESSION_OPEN = 76,
    TIDEGATE_REJECT_OR_NONE_DECIMALS_TOO_MANY = 80,
    TIDEGATE_REJECT_OR_NONE_BASE_EQUALS_QUOTE = 83,
    TIDEGATE_REJECT_OR_NONE_DAY_END_OUT_OF_RANGE = 87,
    TIDEGATE_REJECT_OR_NONE_GROUP_ZERO = 89,
    TIDEGATE_REJECT_OR_NONE_TIER_ZERO = 90,
    TIDEGATE_REJECT_OR_NONE_MAKER_FEE_OUT_OF_RANGE = 91,
    TIDEGATE_REJECT_OR_NONE_TAKER_FEE_OUT_OF_RANGE = 92,
    TIDEGATE_REJECT_OR_NONE_BASE_UNITS_PER_LOT_ZERO = 93,
    TIDEGATE_REJECT_OR_NONE_QUOTE_UNITS_PER_TICK_LOT_ZERO = 94,
    TIDEGATE_REJECT_OR_NONE_QTY_MAX_ZERO = 95,
    TIDEGATE_REJECT_OR_NONE_PRICE_MAX_NOT_POSITIVE = 96,
    TIDEGATE_REJECT_OR_NONE_BASE_AMOUNT_OVERFLOW = 97,
    TIDEGATE_REJECT_OR_NONE_QUOTE_AMOUNT_OVERFLOW = 98,
    TIDEGATE_REJECT_OR_NONE_QTY_MIN_OVER_QTY_MAX = 99,
    TIDEGATE_REJECT_OR_NONE_PRICE_MIN_OVER_PRICE_MAX = 100,
    TIDEGATE_REJECT_OR_NONE_PRICE_MIN_NEGATIVE = 101,
    TIDEGATE_REJECT_OR_NONE_REFERENCE_NEGATIVE = 102,
    TIDEGATE_REJECT_OR_NONE_STATIC_BAND_OUT_OF_RANGE = 103,
    TIDEGATE_REJECT_OR_NONE_DYNAMIC_BAND_OUT_OF_RANGE = 104
};

/* The name of a reject_or_none code; "" for one that is newer than this header. */
static inline const char *tidegate_reject_or_none_name(unsigned code) {
    switch (code) {
    case 0:
        return "none";
    case 1:
        return "unknown_market";
    case 2:
        return "unknown_asset";
    case 3:
        return "unknown_account";
    case 4:
        return "unknown_key";
    case 5:
        return "unknown_order";
    case 6:
        return "name_taken";
    case 7:
        return "public_key_taken";
    case 8:
        return "table_full";
    case 9:
        return "order_not_open";
    case 10:
        return "unknown_reference";
    case 16:
        return "market_halted";
    case 17:
        return "qty_zero";
    case 18:
        return "qty_too_large";
    case 19:
        return "price_not_positive";
    case 20:
        return "price_too_high";
    case 21:
        return "price_on_market_order";
    case 22:
        return "market_order_cannot_rest";
    case 23:
        return "post_only_must_rest";
    case 24:
        return "post_only_would_take";
    case 25:
        return "fill_or_kill_unfillable";
    case 26:
        return "insufficient_funds";
    case 27:
        return "too_many_open_orders";
    case 28:
        return "no_liquidity";
    case 29:
        return "market_closed";
    case 30:
        return "market_post_only";
    case 31:
        return "qty_too_small";
    case 32:
        return "price_too_low";
    case 33:
        return "price_out_of_band";
    case 34:
        return "notional_too_small";
    case 36:
        return "account_killed";
    case 37:
        return "key_not_allowed";
    case 38:
        return "budget_zero";
    case 39:
        return "budget_without_budget_order";
    case 40:
        return "qty_on_budget_order";
    case 41:
        return "stop_must_wait";
    case 42:
        return "trigger_without_stop";
    case 43:
        return "trigger_out_of_range";
    case 44:
        return "stop_would_trigger";
    case 45:
        return "display_without_limit_order";
    case 46:
        return "expiry_without_gtd";
    case 47:
        return "expiry_in_the_past";
    case 48:
        return "amount_zero";
    case 49:
        return "amount_too_large";
    case 50:
        return "reference_reused";
    case 51:
        return "reference_expired";
    case 52:
        return "reference_in_the_future";
    case 53:
        return "withdrawal_done";
    case 64:
        return "request_number_reused";
    case 65:
        return "outcome_expired";
    case 66:
        return "request_number_zero";
    case 67:
        return "replace_below_filled";
    case 68:
        return "stop_not_replaceable";
    case 69:
        return "protection_triggered";
    case 70:
        return "quotes_count";
    case 71:
        return "quote_crossed";
    case 72:
        return "qty_over_account_limit";
    case 73:
        return "notional_over_account_limit";
    case 74:
        return "price_out_of_static_band";
    case 75:
        return "timeout_out_of_range";
    case 76:
        return "session_open";
    case 80:
        return "decimals_too_many";
    case 83:
        return "base_equals_quote";
    case 87:
        return "day_end_out_of_range";
    case 89:
        return "group_zero";
    case 90:
        return "tier_zero";
    case 91:
        return "maker_fee_out_of_range";
    case 92:
        return "taker_fee_out_of_range";
    case 93:
        return "base_units_per_lot_zero";
    case 94:
        return "quote_units_per_tick_lot_zero";
    case 95:
        return "qty_max_zero";
    case 96:
        return "price_max_not_positive";
    case 97:
        return "base_amount_overflow";
    case 98:
        return "quote_amount_overflow";
    case 99:
        return "qty_min_over_qty_max";
    case 100:
        return "price_min_over_price_max";
    case 101:
        return "price_min_negative";
    case 102:
        return "reference_negative";
    case 103:
        return "static_band_out_of_range";
    case 104:
        return "dynamic_band_out_of_range";
    default:
        return "";
    }
}

/* What it means: a reject_or_none code; "" for one that is newer than this header. */
static inline const char *tidegate_reject_or_none_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "It was not refused.";
    case 1:
        return "No market has this id or name.";
    case 2:
        return "No asset has this name.";
    case 3:
        return "No account has this id.";
    case 4:
        return "No key has this id, or it belongs to another account.";
    case 5:
        return "No open order of this account has this id, and none that this key created lately.";
    case 6:
        return "Something of this kind already has this name.";
    case 7:
        return "Another key already has this public key.";
    case 8:
        return "A table of the engine is full; its size is a limit of the journal's first record.";
    case 9:
        return "This key created the order, but it is filled or cancelled already.";
    case 10:
        return "No held withdrawal has this business reference.";
    case 16:
        return "The market's state does not allow this now.";
    case 17:
        return "The quantity must be at least one lot.";
    case 18:
        return "The quantity is over the market's limit for one order.";
    case 19:
        return "The price of a limit order must be at least one tick.";
    case 20:
        return "The price is over the market's limit.";
    case 21:
        return "A market order has no price: it must be 0.";
    case 22:
        return "A market order must be IOC or FOK.";
    case 23:
        return "A post-only order must be a limit order that can rest.";
    case 24:
        return "The post-only order would have traded at once.";
    case 25:
        return "The book cannot fill the whole quantity at once.";
    case 26:
        return "The account's available balance does not cover it.";
    case 27:
        return "The account, or the engine, has as many open orders as it may.";
    case 28:
        return "The other side of the book is empty.";
    case 29:
        return "The market is closed.";
    case 30:
        return "The market takes only orders that rest; this one would have traded at once.";
    case 31:
        return "The quantity is under the market's limit for one order.";
    case 32:
        return "The price is under the market's limit.";
    case 33:
        return "The price is too far from the market's last price.";
    case 34:
        return "Price times quantity is under the market's limit for one order.";
    case 36:
        return "The account's kill switch is engaged: cancels only.";
    case 37:
        return "The key does not have the role that this needs.";
    case 38:
        return "The budget must be at least one smallest unit.";
    case 39:
        return "Only a budget order has a budget.";
    case 40:
        return "A budget order has no quantity: it must be 0.";
    case 41:
        return "A stop order must be good till cancelled, till a date or for the day.";
    case 42:
        return "Only a stop order has a trigger price.";
    case 43:
        return "The trigger price must be from one tick to the market's highest price.";
    case 44:
        return "The last price has reached the trigger price already.";
    case 45:
        return "Only a limit order that can rest has a displayed quantity.";
    case 46:
        return "Only a good-till-date order has an expiry.";
    case 47:
        return "The expiry must be later than now.";
    case 48:
        return "The amount must be at least one smallest unit.";
    case 49:
        return "The amount, or the balance that it would make, is 2^96 units or more.";
    case 50:
        return "The business reference was used with another payload.";
    case 51:
        return "The business reference is older than 30 days; nothing was applied.";
    case 52:
        return "The business time is more than a day ahead.";
    case 53:
        return "The held withdrawal was settled or released already.";
    case 64:
        return "The request number was used with another payload.";
    case 65:
        return "The request number is older than the window of kept outcomes; nothing was executed.";
    case 66:
        return "Request numbers start at 1.";
    case 67:
        return "The new quantity is not more than what is filled already.";
    case 68:
        return "A waiting stop order cannot be replaced: cancel it and send a new one.";
    case 69:
        return "The group's protection was triggered: reset it first.";
    case 70:
        return "A mass quote has 1 to 15 quotes.";
    case 71:
        return "The bid of the quote is not below its ask.";
    case 72:
        return "The quantity is over the account's limit for one order.";
    case 73:
        return "Price times quantity is over the account's limit for one order.";
    case 74:
        return "The price is too far from the market's reference price.";
    case 75:
        return "The timeout must be 0, or 100 milliseconds to 24 hours.";
    case 76:
        return "The key has a live session; log out there first.";
    case 80:
        return "An asset has at most 30 decimal places.";
    case 83:
        return "A market needs two different assets.";
    case 87:
        return "The end of the day must be before 86,400 seconds.";
    case 89:
        return "A group is a number from 1 to 255.";
    case 90:
        return "A fee tier is a number from 1 to 255; tier 0 is the market's own fees.";
    case 91:
        return "A maker's fee is from -1,000,000 to 1,000,000 parts per million.";
    case 92:
        return "A taker's fee is from 0 to 1,000,000 parts per million.";
    case 93:
        return "A lot must be at least one smallest unit of the base asset.";
    case 94:
        return "A tick of a lot must be at least one smallest unit of the quote asset.";
    case 95:
        return "The market's largest quantity must be at least one lot.";
    case 96:
        return "The market's highest price must be at least one tick.";
    case 97:
        return "The largest quantity must stay below 2^96 units of the base asset.";
    case 98:
        return "Highest price times largest quantity must stay below 2^96 units of the quote asset.";
    case 99:
        return "The market's smallest quantity is over its largest.";
    case 100:
        return "The market's lowest price is over its highest.";
    case 101:
        return "The market's lowest price must not be below 0.";
    case 102:
        return "The market's reference price must not be below 0.";
    case 103:
        return "The band around the reference price is at most 1,000,000 parts per million.";
    case 104:
        return "The band around the last price is at most 1,000,000 parts per million.";
    default:
        return "";
    }
}

enum tidegate_self_trade {
    TIDEGATE_SELF_TRADE_NONE = 0,
    TIDEGATE_SELF_TRADE_CANCEL_NEWEST = 1,
    TIDEGATE_SELF_TRADE_CANCEL_OLDEST = 2,
    TIDEGATE_SELF_TRADE_CANCEL_BOTH = 3,
    TIDEGATE_SELF_TRADE_DECREMENT = 4
};

/* The name of a self_trade code; "" for one that is newer than this header. */
static inline const char *tidegate_self_trade_name(unsigned code) {
    switch (code) {
    case 0:
        return "none";
    case 1:
        return "cancel_newest";
    case 2:
        return "cancel_oldest";
    case 3:
        return "cancel_both";
    case 4:
        return "decrement";
    default:
        return "";
    }
}

/* What it means: a self_trade code; "" for one that is newer than this header. */
static inline const char *tidegate_self_trade_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "They trade.";
    case 1:
        return "What is left of the incoming order is cancelled.";
    case 2:
        return "The resting order is cancelled.";
    case 3:
        return "Both are cancelled.";
    case 4:
        return "The smaller is cancelled, the larger becomes smaller by as much.";
    default:
        return "";
    }
}

enum tidegate_session_mode {
    TIDEGATE_SESSION_MODE_TRADING = 1,
    TIDEGATE_SESSION_MODE_DROP_COPY = 2
};

/* The name of a session_mode code; "" for one that is newer than this header. */
static inline const char *tidegate_session_mode_name(unsigned code) {
    switch (code) {
    case 1:
        return "trading";
    case 2:
        return "drop_copy";
    default:
        return "";
    }
}

/* What it means: a session_mode code; "" for one that is newer than this header. */
static inline const char *tidegate_session_mode_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Requests of one key, and all of its reports.";
    case 2:
        return "A copy of every report of the key's owner group, or of its account where it has none; no requests.";
    default:
        return "";
    }
}

enum tidegate_side {
    TIDEGATE_SIDE_BUY = 1,
    TIDEGATE_SIDE_SELL = 2
};

/* The name of a side code; "" for one that is newer than this header. */
static inline const char *tidegate_side_name(unsigned code) {
    switch (code) {
    case 1:
        return "buy";
    case 2:
        return "sell";
    default:
        return "";
    }
}

/* What it means: a side code; "" for one that is newer than this header. */
static inline const char *tidegate_side_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Wants the base asset, pays with the quote asset.";
    case 2:
        return "Gives the base asset for the quote asset.";
    default:
        return "";
    }
}

enum tidegate_side_or_both {
    TIDEGATE_SIDE_OR_BOTH_BOTH = 0,
    TIDEGATE_SIDE_OR_BOTH_BUY = 1,
    TIDEGATE_SIDE_OR_BOTH_SELL = 2
};

/* The name of a side_or_both code; "" for one that is newer than this header. */
static inline const char *tidegate_side_or_both_name(unsigned code) {
    switch (code) {
    case 0:
        return "both";
    case 1:
        return "buy";
    case 2:
        return "sell";
    default:
        return "";
    }
}

/* What it means: a side_or_both code; "" for one that is newer than this header. */
static inline const char *tidegate_side_or_both_sentence(unsigned code) {
    switch (code) {
    case 0:
        return "Both sides.";
    case 1:
        return "Wants the base asset, pays with the quote asset.";
    case 2:
        return "Gives the base asset for the quote asset.";
    default:
        return "";
    }
}

enum tidegate_target_kind {
    TIDEGATE_TARGET_KIND_ORDER = 1,
    TIDEGATE_TARGET_KIND_REQUEST = 2
};

/* The name of a target_kind code; "" for one that is newer than this header. */
static inline const char *tidegate_target_kind_name(unsigned code) {
    switch (code) {
    case 1:
        return "order";
    case 2:
        return "request";
    default:
        return "";
    }
}

/* What it means: a target_kind code; "" for one that is newer than this header. */
static inline const char *tidegate_target_kind_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "An order id.";
    case 2:
        return "The request number with which the same key created the order.";
    default:
        return "";
    }
}

enum tidegate_time_in_force {
    TIDEGATE_TIME_IN_FORCE_GTC = 1,
    TIDEGATE_TIME_IN_FORCE_IOC = 2,
    TIDEGATE_TIME_IN_FORCE_FOK = 3,
    TIDEGATE_TIME_IN_FORCE_GTD = 4,
    TIDEGATE_TIME_IN_FORCE_DAY = 5
};

/* The name of a time_in_force code; "" for one that is newer than this header. */
static inline const char *tidegate_time_in_force_name(unsigned code) {
    switch (code) {
    case 1:
        return "gtc";
    case 2:
        return "ioc";
    case 3:
        return "fok";
    case 4:
        return "gtd";
    case 5:
        return "day";
    default:
        return "";
    }
}

/* What it means: a time_in_force code; "" for one that is newer than this header. */
static inline const char *tidegate_time_in_force_sentence(unsigned code) {
    switch (code) {
    case 1:
        return "Good till cancelled: the remainder rests.";
    case 2:
        return "Immediate or cancel: the remainder is cancelled.";
    case 3:
        return "Fill or kill: all at once, or rejected.";
    case 4:
        return "Good till date: the remainder rests until its expiry.";
    case 5:
        return "The remainder rests until the market's next end of day.";
    default:
        return "";
    }
}

/* What every report begins with. */
struct tidegate_report_head {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
};
TIDEGATE_ASSERT(report_head_size, sizeof(struct tidegate_report_head) == 72);
TIDEGATE_ASSERT(report_head_session_sequence, offsetof(struct tidegate_report_head, session_sequence) == 0);
TIDEGATE_ASSERT(report_head_request, offsetof(struct tidegate_report_head, request) == 8);
TIDEGATE_ASSERT(report_head_sequence, offsetof(struct tidegate_report_head, sequence) == 16);
TIDEGATE_ASSERT(report_head_time, offsetof(struct tidegate_report_head, time) == 24);
TIDEGATE_ASSERT(report_head_account, offsetof(struct tidegate_report_head, account) == 32);
TIDEGATE_ASSERT(report_head_market, offsetof(struct tidegate_report_head, market) == 36);
TIDEGATE_ASSERT(report_head_epoch, offsetof(struct tidegate_report_head, epoch) == 40);
TIDEGATE_ASSERT(report_head_index, offsetof(struct tidegate_report_head, index) == 44);
TIDEGATE_ASSERT(report_head_degraded, offsetof(struct tidegate_report_head, degraded) == 48);
TIDEGATE_ASSERT(report_head_last, offsetof(struct tidegate_report_head, last) == 49);
TIDEGATE_ASSERT(report_head_tokens, offsetof(struct tidegate_report_head, tokens) == 50);
TIDEGATE_ASSERT(report_head_key, offsetof(struct tidegate_report_head, key) == 52);
TIDEGATE_ASSERT(report_head_received, offsetof(struct tidegate_report_head, received) == 56);
TIDEGATE_ASSERT(report_head_sent, offsetof(struct tidegate_report_head, sent) == 64);

/* Answers the challenge. The first message of a client. */
struct tidegate_logon {
    uint32_t key; /* The key that signs. */
    uint32_t heartbeat_ms; /* Each side sends something at least this often. */
    uint64_t last_session_sequence; /* The last report that the client has; 0 for none. Later ones are replayed. Not used by a drop copy. */
    uint32_t grace_ms; /* How long the client may stay away before its orders go. */
    uint8_t cancel_on_disconnect; /* Whether its orders go when it stays away longer than that, where an order does not say otherwise. enum tidegate_bool. */
    uint8_t mode; /* What the connection is for. enum tidegate_session_mode. */
    uint8_t padding_22[2]; /* Zero. */
    uint64_t resume_sequence; /* Drop copy: command of the last event that the client has; 0 is from the beginning. */
    uint32_t resume_index; /* Drop copy: place of that event among those of its command. */
    uint32_t replay_max; /* Most reports to replay, the newest ones; 0 is all. GapFill says what was passed over. */
    uint8_t signature[64]; /* Ed25519 over the logon bytes. */
};
TIDEGATE_ASSERT(logon_size, sizeof(struct tidegate_logon) == 104);
TIDEGATE_ASSERT(logon_key, offsetof(struct tidegate_logon, key) == 0);
TIDEGATE_ASSERT(logon_heartbeat_ms, offsetof(struct tidegate_logon, heartbeat_ms) == 4);
TIDEGATE_ASSERT(logon_last_session_sequence, offsetof(struct tidegate_logon, last_session_sequence) == 8);
TIDEGATE_ASSERT(logon_grace_ms, offsetof(struct tidegate_logon, grace_ms) == 16);
TIDEGATE_ASSERT(logon_cancel_on_disconnect, offsetof(struct tidegate_logon, cancel_on_disconnect) == 20);
TIDEGATE_ASSERT(logon_mode, offsetof(struct tidegate_logon, mode) == 21);
TIDEGATE_ASSERT(logon_padding_22, offsetof(struct tidegate_logon, padding_22) == 22);
TIDEGATE_ASSERT(logon_resume_sequence, offsetof(struct tidegate_logon, resume_sequence) == 24);
TIDEGATE_ASSERT(logon_resume_index, offsetof(struct tidegate_logon, resume_index) == 32);
TIDEGATE_ASSERT(logon_replay_max, offsetof(struct tidegate_logon, replay_max) == 36);
TIDEGATE_ASSERT(logon_signature, offsetof(struct tidegate_logon, signature) == 40);

/* Are you there? Answered by TestReply. */
struct tidegate_test_request {
    uint64_t id; /* Comes back in the answer. */
};
TIDEGATE_ASSERT(test_request_size, sizeof(struct tidegate_test_request) == 8);
TIDEGATE_ASSERT(test_request_id, offsetof(struct tidegate_test_request, id) == 0);

/* Answers TestRequest. */
struct tidegate_test_reply {
    uint64_t id; /* That of the test request. */
};
TIDEGATE_ASSERT(test_reply_size, sizeof(struct tidegate_test_reply) == 8);
TIDEGATE_ASSERT(test_reply_id, offsetof(struct tidegate_test_reply, id) == 0);

/* Asks for a new order. */
struct tidegate_new_order {
    uint64_t request; /* Strictly increasing per key, from 1. */
    int64_t price; /* In ticks; 0 for a market order. */
    uint64_t qty; /* In lots. */
    uint32_t market; /* Where. */
    uint8_t side; /* Which side. enum tidegate_side. */
    uint8_t order_type; /* How its price is found. enum tidegate_order_type. */
    uint8_t time_in_force; /* How long it stays. enum tidegate_time_in_force. */
    uint8_t post_only; /* Reject it rather than let it take. enum tidegate_bool. */
};
TIDEGATE_ASSERT(new_order_size, sizeof(struct tidegate_new_order) == 32);
TIDEGATE_ASSERT(new_order_request, offsetof(struct tidegate_new_order, request) == 0);
TIDEGATE_ASSERT(new_order_price, offsetof(struct tidegate_new_order, price) == 8);
TIDEGATE_ASSERT(new_order_qty, offsetof(struct tidegate_new_order, qty) == 16);
TIDEGATE_ASSERT(new_order_market, offsetof(struct tidegate_new_order, market) == 24);
TIDEGATE_ASSERT(new_order_side, offsetof(struct tidegate_new_order, side) == 28);
TIDEGATE_ASSERT(new_order_order_type, offsetof(struct tidegate_new_order, order_type) == 29);
TIDEGATE_ASSERT(new_order_time_in_force, offsetof(struct tidegate_new_order, time_in_force) == 30);
TIDEGATE_ASSERT(new_order_post_only, offsetof(struct tidegate_new_order, post_only) == 31);

/* Asks to cancel one order. */
struct tidegate_cancel_order {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t target; /* Which order, as target_kind says. */
    uint8_t target_kind; /* Whether target is an order id or the request number that created the order. enum tidegate_target_kind. */
    uint8_t padding_17[7]; /* Zero. */
};
TIDEGATE_ASSERT(cancel_order_size, sizeof(struct tidegate_cancel_order) == 24);
TIDEGATE_ASSERT(cancel_order_request, offsetof(struct tidegate_cancel_order, request) == 0);
TIDEGATE_ASSERT(cancel_order_target, offsetof(struct tidegate_cancel_order, target) == 8);
TIDEGATE_ASSERT(cancel_order_target_kind, offsetof(struct tidegate_cancel_order, target_kind) == 16);
TIDEGATE_ASSERT(cancel_order_padding_17, offsetof(struct tidegate_cancel_order, padding_17) == 17);

/* Asks to take quantity off one order; it keeps its priority. */
struct tidegate_reduce_order {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t target; /* Which order, as target_kind says. */
    uint64_t by; /* In lots. */
    uint8_t target_kind; /* Whether target is an order id or the request number that created the order. enum tidegate_target_kind. */
    uint8_t padding_25[7]; /* Zero. */
};
TIDEGATE_ASSERT(reduce_order_size, sizeof(struct tidegate_reduce_order) == 32);
TIDEGATE_ASSERT(reduce_order_request, offsetof(struct tidegate_reduce_order, request) == 0);
TIDEGATE_ASSERT(reduce_order_target, offsetof(struct tidegate_reduce_order, target) == 8);
TIDEGATE_ASSERT(reduce_order_by, offsetof(struct tidegate_reduce_order, by) == 16);
TIDEGATE_ASSERT(reduce_order_target_kind, offsetof(struct tidegate_reduce_order, target_kind) == 24);
TIDEGATE_ASSERT(reduce_order_padding_25, offsetof(struct tidegate_reduce_order, padding_25) == 25);

/* Asks to cancel every order of the account that matches all that is given. */
struct tidegate_cancel_all {
    uint64_t request; /* Strictly increasing per key, from 1. */
    int64_t price_low; /* Lowest limit price in ticks; 0 is any. */
    int64_t price_high; /* Highest limit price in ticks; 0 is any. */
    uint32_t market; /* In which market; 0 for all. */
    uint8_t side; /* On which side. enum tidegate_side_or_both. */
    uint8_t group; /* Of which group; 0 is any. */
    uint8_t padding_30[2]; /* Zero. */
};
TIDEGATE_ASSERT(cancel_all_size, sizeof(struct tidegate_cancel_all) == 32);
TIDEGATE_ASSERT(cancel_all_request, offsetof(struct tidegate_cancel_all, request) == 0);
TIDEGATE_ASSERT(cancel_all_price_low, offsetof(struct tidegate_cancel_all, price_low) == 8);
TIDEGATE_ASSERT(cancel_all_price_high, offsetof(struct tidegate_cancel_all, price_high) == 16);
TIDEGATE_ASSERT(cancel_all_market, offsetof(struct tidegate_cancel_all, market) == 24);
TIDEGATE_ASSERT(cancel_all_side, offsetof(struct tidegate_cancel_all, side) == 28);
TIDEGATE_ASSERT(cancel_all_group, offsetof(struct tidegate_cancel_all, group) == 29);
TIDEGATE_ASSERT(cancel_all_padding_30, offsetof(struct tidegate_cancel_all, padding_30) == 30);

/* Asks for a new order, with everything that an order can have. */
struct tidegate_new_order_full {
    uint64_t request; /* Strictly increasing per key, from 1. */
    int64_t price; /* In ticks; 0 for a market, budget or stop order. */
    uint64_t qty; /* In lots; 0 for a budget order. */
    int64_t trigger; /* Of a stop order: where it triggers, in ticks; else 0. */
    uint64_t display; /* Of an iceberg: how much is shown at a time, in lots; else 0. */
    uint64_t expires; /* Of a good-till-date order: when it leaves, nanoseconds since 1970; else 0. */
    struct tidegate_u128 budget; /* Of a budget order: smallest units of the quote asset; else 0. */
    uint32_t market; /* Where. */
    uint8_t side; /* Which side. enum tidegate_side. */
    uint8_t order_type; /* How its price is found. enum tidegate_order_type. */
    uint8_t time_in_force; /* How long it stays. enum tidegate_time_in_force. */
    uint8_t post_only; /* Reject it rather than let it take. enum tidegate_bool. */
    uint8_t reprice; /* Of a post-only order: re-price it rather than reject it. enum tidegate_bool. */
    uint8_t self_trade; /* What becomes of two orders of one owner that would trade with each other. enum tidegate_self_trade. */
    uint8_t group; /* The client's own grouping, 1 to 255; 0 is none. */
    uint8_t on_disconnect; /* What becomes of it when its session stays away longer than its grace time. enum tidegate_on_disconnect. */
    uint8_t padding_76[4]; /* Zero. */
};
TIDEGATE_ASSERT(new_order_full_size, sizeof(struct tidegate_new_order_full) == 80);
TIDEGATE_ASSERT(new_order_full_request, offsetof(struct tidegate_new_order_full, request) == 0);
TIDEGATE_ASSERT(new_order_full_price, offsetof(struct tidegate_new_order_full, price) == 8);
TIDEGATE_ASSERT(new_order_full_qty, offsetof(struct tidegate_new_order_full, qty) == 16);
TIDEGATE_ASSERT(new_order_full_trigger, offsetof(struct tidegate_new_order_full, trigger) == 24);
TIDEGATE_ASSERT(new_order_full_display, offsetof(struct tidegate_new_order_full, display) == 32);
TIDEGATE_ASSERT(new_order_full_expires, offsetof(struct tidegate_new_order_full, expires) == 40);
TIDEGATE_ASSERT(new_order_full_budget, offsetof(struct tidegate_new_order_full, budget) == 48);
TIDEGATE_ASSERT(new_order_full_market, offsetof(struct tidegate_new_order_full, market) == 64);
TIDEGATE_ASSERT(new_order_full_side, offsetof(struct tidegate_new_order_full, side) == 68);
TIDEGATE_ASSERT(new_order_full_order_type, offsetof(struct tidegate_new_order_full, order_type) == 69);
TIDEGATE_ASSERT(new_order_full_time_in_force, offsetof(struct tidegate_new_order_full, time_in_force) == 70);
TIDEGATE_ASSERT(new_order_full_post_only, offsetof(struct tidegate_new_order_full, post_only) == 71);
TIDEGATE_ASSERT(new_order_full_reprice, offsetof(struct tidegate_new_order_full, reprice) == 72);
TIDEGATE_ASSERT(new_order_full_self_trade, offsetof(struct tidegate_new_order_full, self_trade) == 73);
TIDEGATE_ASSERT(new_order_full_group, offsetof(struct tidegate_new_order_full, group) == 74);
TIDEGATE_ASSERT(new_order_full_on_disconnect, offsetof(struct tidegate_new_order_full, on_disconnect) == 75);
TIDEGATE_ASSERT(new_order_full_padding_76, offsetof(struct tidegate_new_order_full, padding_76) == 76);

/* Asks to give one order another price and another total quantity. */
struct tidegate_replace_order {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t target; /* Which order, as target_kind says. */
    int64_t price; /* Its new limit in ticks. */
    uint64_t qty; /* Its new quantity in lots, what is filled already included. */
    uint8_t target_kind; /* Whether target is an order id or the request number that created the order. enum tidegate_target_kind. */
    uint8_t padding_33[7]; /* Zero. */
};
TIDEGATE_ASSERT(replace_order_size, sizeof(struct tidegate_replace_order) == 40);
TIDEGATE_ASSERT(replace_order_request, offsetof(struct tidegate_replace_order, request) == 0);
TIDEGATE_ASSERT(replace_order_target, offsetof(struct tidegate_replace_order, target) == 8);
TIDEGATE_ASSERT(replace_order_price, offsetof(struct tidegate_replace_order, price) == 16);
TIDEGATE_ASSERT(replace_order_qty, offsetof(struct tidegate_replace_order, qty) == 24);
TIDEGATE_ASSERT(replace_order_target_kind, offsetof(struct tidegate_replace_order, target_kind) == 32);
TIDEGATE_ASSERT(replace_order_padding_33, offsetof(struct tidegate_replace_order, padding_33) == 33);

/* Sets what pulls the orders of a group of the account, and clears its counts. All 0: no protection. */
struct tidegate_set_protection {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t window; /* How long fills are counted together, in nanoseconds. */
    uint64_t qty_max; /* Most that is filled in a window, in lots; 0 is none. */
    uint32_t count_max; /* Most fills in a window; 0 is none. */
    uint8_t group; /* The group, from 1. */
    uint8_t padding_29[3]; /* Zero. */
};
TIDEGATE_ASSERT(set_protection_size, sizeof(struct tidegate_set_protection) == 32);
TIDEGATE_ASSERT(set_protection_request, offsetof(struct tidegate_set_protection, request) == 0);
TIDEGATE_ASSERT(set_protection_window, offsetof(struct tidegate_set_protection, window) == 8);
TIDEGATE_ASSERT(set_protection_qty_max, offsetof(struct tidegate_set_protection, qty_max) == 16);
TIDEGATE_ASSERT(set_protection_count_max, offsetof(struct tidegate_set_protection, count_max) == 24);
TIDEGATE_ASSERT(set_protection_group, offsetof(struct tidegate_set_protection, group) == 28);
TIDEGATE_ASSERT(set_protection_padding_29, offsetof(struct tidegate_set_protection, padding_29) == 29);

/* Lets a group whose protection was triggered trade again. */
struct tidegate_reset_protection {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint8_t group; /* The group. */
    uint8_t padding_9[7]; /* Zero. */
};
TIDEGATE_ASSERT(reset_protection_size, sizeof(struct tidegate_reset_protection) == 16);
TIDEGATE_ASSERT(reset_protection_request, offsetof(struct tidegate_reset_protection, request) == 0);
TIDEGATE_ASSERT(reset_protection_group, offsetof(struct tidegate_reset_protection, group) == 8);
TIDEGATE_ASSERT(reset_protection_padding_9, offsetof(struct tidegate_reset_protection, padding_9) == 9);

/* Engages or releases the kill switch of the account. Answered by Outcome. */
struct tidegate_set_kill_switch {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint8_t engaged; /* Whether it is engaged from here on. enum tidegate_bool. */
    uint8_t padding_9[7]; /* Zero. */
};
TIDEGATE_ASSERT(set_kill_switch_size, sizeof(struct tidegate_set_kill_switch) == 16);
TIDEGATE_ASSERT(set_kill_switch_request, offsetof(struct tidegate_set_kill_switch, request) == 0);
TIDEGATE_ASSERT(set_kill_switch_engaged, offsetof(struct tidegate_set_kill_switch, engaged) == 8);
TIDEGATE_ASSERT(set_kill_switch_padding_9, offsetof(struct tidegate_set_kill_switch, padding_9) == 9);

/* Puts, replaces or withdraws up to 15 two-sided quotes of the account. */
struct tidegate_mass_quote {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint8_t group; /* The client's own grouping; part of which quote is meant. 0 is a group here. */
    uint8_t mode; /* Whether the quotes may take. enum tidegate_quote_mode. */
    uint8_t self_trade; /* What becomes of two orders of one owner that would trade with each other. enum tidegate_self_trade. */
    uint8_t padding_11[5]; /* Zero. */
};
TIDEGATE_ASSERT(mass_quote_size, sizeof(struct tidegate_mass_quote) == 16);
TIDEGATE_ASSERT(mass_quote_request, offsetof(struct tidegate_mass_quote, request) == 0);
TIDEGATE_ASSERT(mass_quote_group, offsetof(struct tidegate_mass_quote, group) == 8);
TIDEGATE_ASSERT(mass_quote_mode, offsetof(struct tidegate_mass_quote, mode) == 9);
TIDEGATE_ASSERT(mass_quote_self_trade, offsetof(struct tidegate_mass_quote, self_trade) == 10);
TIDEGATE_ASSERT(mass_quote_padding_11, offsetof(struct tidegate_mass_quote, padding_11) == 11);

/* One of at most 16 in MassQuote: Its quotes. A side with price 0 and quantity 0 is withdrawn. */
struct tidegate_mass_quote_quotes {
    int64_t bid_price; /* To buy, in ticks. */
    uint64_t bid_qty; /* How much is left from here on, in lots. */
    int64_t ask_price; /* To sell, in ticks. */
    uint64_t ask_qty; /* How much is left from here on, in lots. */
    uint32_t market; /* Where. */
    uint8_t padding_36[4]; /* Zero. */
};
TIDEGATE_ASSERT(mass_quote_quotes_size, sizeof(struct tidegate_mass_quote_quotes) == 40);
TIDEGATE_ASSERT(mass_quote_quotes_bid_price, offsetof(struct tidegate_mass_quote_quotes, bid_price) == 0);
TIDEGATE_ASSERT(mass_quote_quotes_bid_qty, offsetof(struct tidegate_mass_quote_quotes, bid_qty) == 8);
TIDEGATE_ASSERT(mass_quote_quotes_ask_price, offsetof(struct tidegate_mass_quote_quotes, ask_price) == 16);
TIDEGATE_ASSERT(mass_quote_quotes_ask_qty, offsetof(struct tidegate_mass_quote_quotes, ask_qty) == 24);
TIDEGATE_ASSERT(mass_quote_quotes_market, offsetof(struct tidegate_mass_quote_quotes, market) == 32);
TIDEGATE_ASSERT(mass_quote_quotes_padding_36, offsetof(struct tidegate_mass_quote_quotes, padding_36) == 36);

/* Arms the key's own timer anew: when it is due, every open order that this key created is cancelled, whether or not it is logged on. */
struct tidegate_cancel_all_after {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t timeout; /* From now, in nanoseconds: 100 ms to 24 h; 0 disarms it. */
};
TIDEGATE_ASSERT(cancel_all_after_size, sizeof(struct tidegate_cancel_all_after) == 16);
TIDEGATE_ASSERT(cancel_all_after_request, offsetof(struct tidegate_cancel_all_after, request) == 0);
TIDEGATE_ASSERT(cancel_all_after_timeout, offsetof(struct tidegate_cancel_all_after, timeout) == 8);

/* Asks for one open order of the account. */
struct tidegate_query_order {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint64_t target; /* Which order, as target_kind says. */
    uint8_t target_kind; /* Whether target is an order id or the request number that created the order. enum tidegate_target_kind. */
    uint8_t padding_17[7]; /* Zero. */
};
TIDEGATE_ASSERT(query_order_size, sizeof(struct tidegate_query_order) == 24);
TIDEGATE_ASSERT(query_order_request, offsetof(struct tidegate_query_order, request) == 0);
TIDEGATE_ASSERT(query_order_target, offsetof(struct tidegate_query_order, target) == 8);
TIDEGATE_ASSERT(query_order_target_kind, offsetof(struct tidegate_query_order, target_kind) == 16);
TIDEGATE_ASSERT(query_order_padding_17, offsetof(struct tidegate_query_order, padding_17) == 17);

/* Asks for every open order of the account. */
struct tidegate_query_orders {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint32_t market; /* In which market; 0 for all. */
    uint8_t padding_12[4]; /* Zero. */
};
TIDEGATE_ASSERT(query_orders_size, sizeof(struct tidegate_query_orders) == 16);
TIDEGATE_ASSERT(query_orders_request, offsetof(struct tidegate_query_orders, request) == 0);
TIDEGATE_ASSERT(query_orders_market, offsetof(struct tidegate_query_orders, market) == 8);
TIDEGATE_ASSERT(query_orders_padding_12, offsetof(struct tidegate_query_orders, padding_12) == 12);

/* Asks what the account has. */
struct tidegate_query_balances {
    uint64_t request; /* Strictly increasing per key, from 1. */
    uint32_t asset; /* Of which asset; 0 for all. */
    uint8_t padding_12[4]; /* Zero. */
};
TIDEGATE_ASSERT(query_balances_size, sizeof(struct tidegate_query_balances) == 16);
TIDEGATE_ASSERT(query_balances_request, offsetof(struct tidegate_query_balances, request) == 0);
TIDEGATE_ASSERT(query_balances_asset, offsetof(struct tidegate_query_balances, asset) == 8);
TIDEGATE_ASSERT(query_balances_padding_12, offsetof(struct tidegate_query_balances, padding_12) == 12);

/* The first message of the gateway: what the client must sign. */
struct tidegate_challenge {
    uint8_t nonce[32]; /* Random, good for one logon on this connection. */
    struct tidegate_u128 cluster; /* The cluster. */
    uint32_t node; /* The node. */
    uint32_t epoch; /* Its leadership term. */
};
TIDEGATE_ASSERT(challenge_size, sizeof(struct tidegate_challenge) == 56);
TIDEGATE_ASSERT(challenge_nonce, offsetof(struct tidegate_challenge, nonce) == 0);
TIDEGATE_ASSERT(challenge_cluster, offsetof(struct tidegate_challenge, cluster) == 32);
TIDEGATE_ASSERT(challenge_node, offsetof(struct tidegate_challenge, node) == 48);
TIDEGATE_ASSERT(challenge_epoch, offsetof(struct tidegate_challenge, epoch) == 52);

/* This node does not lead; the gateway closes after it. */
struct tidegate_not_primary {
    uint32_t epoch; /* The highest term that it knows. */
    uint8_t padding_4[4]; /* Zero. */
    char address[64]; /* Where the primary takes orders, as host:port; empty where it does not know. */
};
TIDEGATE_ASSERT(not_primary_size, sizeof(struct tidegate_not_primary) == 72);
TIDEGATE_ASSERT(not_primary_epoch, offsetof(struct tidegate_not_primary, epoch) == 0);
TIDEGATE_ASSERT(not_primary_padding_4, offsetof(struct tidegate_not_primary, padding_4) == 4);
TIDEGATE_ASSERT(not_primary_address, offsetof(struct tidegate_not_primary, address) == 8);

/* The session is open. Market definitions, replayed reports and ReplayDone follow. */
struct tidegate_logon_accepted {
    uint64_t session; /* The gateway's number for it. */
    uint64_t request_mark; /* Highest request number that was applied for this key. */
    uint64_t report_mark; /* Number of the last report made for this key. */
    uint32_t epoch; /* The leadership term. */
    uint32_t heartbeat_ms; /* The interval that holds for both sides. */
    uint32_t tokens_per_s; /* Tokens that the key gets back in a second; 0 where requests are not limited. */
    uint32_t tokens_max; /* Most tokens that it can have. */
};
TIDEGATE_ASSERT(logon_accepted_size, sizeof(struct tidegate_logon_accepted) == 40);
TIDEGATE_ASSERT(logon_accepted_session, offsetof(struct tidegate_logon_accepted, session) == 0);
TIDEGATE_ASSERT(logon_accepted_request_mark, offsetof(struct tidegate_logon_accepted, request_mark) == 8);
TIDEGATE_ASSERT(logon_accepted_report_mark, offsetof(struct tidegate_logon_accepted, report_mark) == 16);
TIDEGATE_ASSERT(logon_accepted_epoch, offsetof(struct tidegate_logon_accepted, epoch) == 24);
TIDEGATE_ASSERT(logon_accepted_heartbeat_ms, offsetof(struct tidegate_logon_accepted, heartbeat_ms) == 28);
TIDEGATE_ASSERT(logon_accepted_tokens_per_s, offsetof(struct tidegate_logon_accepted, tokens_per_s) == 32);
TIDEGATE_ASSERT(logon_accepted_tokens_max, offsetof(struct tidegate_logon_accepted, tokens_max) == 36);

/* Every report up to report_mark was sent; requests are taken from here on. */
struct tidegate_replay_done {
    uint64_t report_mark; /* Number of the last replayed report. */
};
TIDEGATE_ASSERT(replay_done_size, sizeof(struct tidegate_replay_done) == 8);
TIDEGATE_ASSERT(replay_done_report_mark, offsetof(struct tidegate_replay_done, report_mark) == 0);

/* A market, after logon and whenever one is created or changes its state. */
struct tidegate_market_definition {
    char name[16]; /* Its name. */
    uint64_t base_units_per_lot; /* Smallest units of the base asset in one lot. */
    uint64_t quote_units_per_tick_lot; /* Smallest units of the quote asset that one lot costs per tick. */
    uint64_t qty_max; /* Largest quantity of one order. */
    int64_t price_max; /* Highest price of one order. */
    uint32_t market; /* Its id. */
    uint32_t base; /* The asset that is traded. */
    uint32_t quote; /* The asset that pays. */
    int32_t maker_fee; /* Fee of the resting side in parts per million. */
    int32_t taker_fee; /* Fee of the incoming side in parts per million. */
    uint8_t state; /* What it accepts. enum tidegate_market_state. */
    uint8_t padding_69[3]; /* Zero. */
};
TIDEGATE_ASSERT(market_definition_size, sizeof(struct tidegate_market_definition) == 72);
TIDEGATE_ASSERT(market_definition_name, offsetof(struct tidegate_market_definition, name) == 0);
TIDEGATE_ASSERT(market_definition_base_units_per_lot, offsetof(struct tidegate_market_definition, base_units_per_lot) == 16);
TIDEGATE_ASSERT(market_definition_quote_units_per_tick_lot, offsetof(struct tidegate_market_definition, quote_units_per_tick_lot) == 24);
TIDEGATE_ASSERT(market_definition_qty_max, offsetof(struct tidegate_market_definition, qty_max) == 32);
TIDEGATE_ASSERT(market_definition_price_max, offsetof(struct tidegate_market_definition, price_max) == 40);
TIDEGATE_ASSERT(market_definition_market, offsetof(struct tidegate_market_definition, market) == 48);
TIDEGATE_ASSERT(market_definition_base, offsetof(struct tidegate_market_definition, base) == 52);
TIDEGATE_ASSERT(market_definition_quote, offsetof(struct tidegate_market_definition, quote) == 56);
TIDEGATE_ASSERT(market_definition_maker_fee, offsetof(struct tidegate_market_definition, maker_fee) == 60);
TIDEGATE_ASSERT(market_definition_taker_fee, offsetof(struct tidegate_market_definition, taker_fee) == 64);
TIDEGATE_ASSERT(market_definition_state, offsetof(struct tidegate_market_definition, state) == 68);
TIDEGATE_ASSERT(market_definition_padding_69, offsetof(struct tidegate_market_definition, padding_69) == 69);

/* The gateway ends the connection. */
struct tidegate_logout {
    uint16_t reason; /* Why. enum tidegate_logout_reason. */
    uint8_t padding_2[6]; /* Zero. */
    uint64_t resume_after; /* The last report that was sent on this connection. */
    char detail[64]; /* Field, value and limit, for people. */
};
TIDEGATE_ASSERT(logout_size, sizeof(struct tidegate_logout) == 80);
TIDEGATE_ASSERT(logout_reason, offsetof(struct tidegate_logout, reason) == 0);
TIDEGATE_ASSERT(logout_padding_2, offsetof(struct tidegate_logout, padding_2) == 2);
TIDEGATE_ASSERT(logout_resume_after, offsetof(struct tidegate_logout, resume_after) == 8);
TIDEGATE_ASSERT(logout_detail, offsetof(struct tidegate_logout, detail) == 16);

/* A request was refused before it became a command: not journaled, its number is not used up. */
struct tidegate_request_refused {
    uint64_t request; /* Which; 0 where it could not be read. */
    uint64_t value; /* What the field held. */
    uint64_t limit; /* The limit that it broke; 0 where the rule is not a limit. */
    uint16_t reason; /* Why. enum tidegate_gateway_reject. */
    uint16_t field; /* Which field. enum tidegate_refused_field. */
    uint8_t padding_28[4]; /* Zero. */
};
TIDEGATE_ASSERT(request_refused_size, sizeof(struct tidegate_request_refused) == 32);
TIDEGATE_ASSERT(request_refused_request, offsetof(struct tidegate_request_refused, request) == 0);
TIDEGATE_ASSERT(request_refused_value, offsetof(struct tidegate_request_refused, value) == 8);
TIDEGATE_ASSERT(request_refused_limit, offsetof(struct tidegate_request_refused, limit) == 16);
TIDEGATE_ASSERT(request_refused_reason, offsetof(struct tidegate_request_refused, reason) == 24);
TIDEGATE_ASSERT(request_refused_field, offsetof(struct tidegate_request_refused, field) == 26);
TIDEGATE_ASSERT(request_refused_padding_28, offsetof(struct tidegate_request_refused, padding_28) == 28);

/* Reports that are not sent: the next one has the number after last. */
struct tidegate_gap_fill {
    uint64_t first; /* The first of them. */
    uint64_t last; /* The last of them. */
    uint8_t reason; /* Why. enum tidegate_gap_fill_reason. */
    uint8_t padding_17[7]; /* Zero. */
};
TIDEGATE_ASSERT(gap_fill_size, sizeof(struct tidegate_gap_fill) == 24);
TIDEGATE_ASSERT(gap_fill_first, offsetof(struct tidegate_gap_fill, first) == 0);
TIDEGATE_ASSERT(gap_fill_last, offsetof(struct tidegate_gap_fill, last) == 8);
TIDEGATE_ASSERT(gap_fill_reason, offsetof(struct tidegate_gap_fill, reason) == 16);
TIDEGATE_ASSERT(gap_fill_padding_17, offsetof(struct tidegate_gap_fill, padding_17) == 17);

/* The node will be stopped for maintenance. */
struct tidegate_maintenance {
    uint64_t at; /* When, nanoseconds since 1970. */
    char detail[64]; /* What the operator says of it. */
};
TIDEGATE_ASSERT(maintenance_size, sizeof(struct tidegate_maintenance) == 72);
TIDEGATE_ASSERT(maintenance_at, offsetof(struct tidegate_maintenance, at) == 0);
TIDEGATE_ASSERT(maintenance_detail, offsetof(struct tidegate_maintenance, detail) == 8);

/* Of a drop copy: every report of its group up to here was sent. The place to resume after. */
struct tidegate_drop_copy_position {
    uint64_t sequence; /* The command. */
    uint32_t index; /* The event of that command. */
    uint8_t padding_12[4]; /* Zero. */
};
TIDEGATE_ASSERT(drop_copy_position_size, sizeof(struct tidegate_drop_copy_position) == 16);
TIDEGATE_ASSERT(drop_copy_position_sequence, offsetof(struct tidegate_drop_copy_position, sequence) == 0);
TIDEGATE_ASSERT(drop_copy_position_index, offsetof(struct tidegate_drop_copy_position, index) == 8);
TIDEGATE_ASSERT(drop_copy_position_padding_12, offsetof(struct tidegate_drop_copy_position, padding_12) == 12);

/* A new order was taken. */
struct tidegate_order_accepted {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Its id. */
    int64_t price; /* Its limit in ticks; 0 for a market order. */
    uint64_t qty; /* Its quantity in lots. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t order_type; /* How its price is found. enum tidegate_order_type. */
    uint8_t time_in_force; /* How long it stays. enum tidegate_time_in_force. */
    uint8_t post_only; /* Whether it may only rest. enum tidegate_bool. */
    uint8_t padding_100[4]; /* Zero. */
};
TIDEGATE_ASSERT(order_accepted_size, sizeof(struct tidegate_order_accepted) == 104);
TIDEGATE_ASSERT(order_accepted_session_sequence, offsetof(struct tidegate_order_accepted, session_sequence) == 0);
TIDEGATE_ASSERT(order_accepted_request, offsetof(struct tidegate_order_accepted, request) == 8);
TIDEGATE_ASSERT(order_accepted_sequence, offsetof(struct tidegate_order_accepted, sequence) == 16);
TIDEGATE_ASSERT(order_accepted_time, offsetof(struct tidegate_order_accepted, time) == 24);
TIDEGATE_ASSERT(order_accepted_account, offsetof(struct tidegate_order_accepted, account) == 32);
TIDEGATE_ASSERT(order_accepted_market, offsetof(struct tidegate_order_accepted, market) == 36);
TIDEGATE_ASSERT(order_accepted_epoch, offsetof(struct tidegate_order_accepted, epoch) == 40);
TIDEGATE_ASSERT(order_accepted_index, offsetof(struct tidegate_order_accepted, index) == 44);
TIDEGATE_ASSERT(order_accepted_degraded, offsetof(struct tidegate_order_accepted, degraded) == 48);
TIDEGATE_ASSERT(order_accepted_last, offsetof(struct tidegate_order_accepted, last) == 49);
TIDEGATE_ASSERT(order_accepted_tokens, offsetof(struct tidegate_order_accepted, tokens) == 50);
TIDEGATE_ASSERT(order_accepted_key, offsetof(struct tidegate_order_accepted, key) == 52);
TIDEGATE_ASSERT(order_accepted_received, offsetof(struct tidegate_order_accepted, received) == 56);
TIDEGATE_ASSERT(order_accepted_sent, offsetof(struct tidegate_order_accepted, sent) == 64);
TIDEGATE_ASSERT(order_accepted_order, offsetof(struct tidegate_order_accepted, order) == 72);
TIDEGATE_ASSERT(order_accepted_price, offsetof(struct tidegate_order_accepted, price) == 80);
TIDEGATE_ASSERT(order_accepted_qty, offsetof(struct tidegate_order_accepted, qty) == 88);
TIDEGATE_ASSERT(order_accepted_side, offsetof(struct tidegate_order_accepted, side) == 96);
TIDEGATE_ASSERT(order_accepted_order_type, offsetof(struct tidegate_order_accepted, order_type) == 97);
TIDEGATE_ASSERT(order_accepted_time_in_force, offsetof(struct tidegate_order_accepted, time_in_force) == 98);
TIDEGATE_ASSERT(order_accepted_post_only, offsetof(struct tidegate_order_accepted, post_only) == 99);
TIDEGATE_ASSERT(order_accepted_padding_100, offsetof(struct tidegate_order_accepted, padding_100) == 100);

/* One side of one trade. The trade is (sequence, index of the taker's fill); the maker's fill has the next index. */
struct tidegate_fill {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* The order that was filled. */
    uint64_t counter_order; /* The order on the other side. */
    int64_t price; /* Price of the trade in ticks. */
    uint64_t qty; /* Quantity of the trade in lots. */
    uint64_t leaves; /* What is left of the order. */
    struct tidegate_u128 fee; /* Smallest units of the asset that this side receives (buyer: base, seller: quote). */
    uint8_t side; /* Side of the order. enum tidegate_side. */
    uint8_t liquidity; /* Whether the order rested or came in. enum tidegate_liquidity. */
    uint8_t is_rebate; /* The fee is none but a rebate: this side gets it, in the asset that it pays. enum tidegate_bool. */
    uint8_t padding_131[5]; /* Zero. */
};
TIDEGATE_ASSERT(fill_size, sizeof(struct tidegate_fill) == 136);
TIDEGATE_ASSERT(fill_session_sequence, offsetof(struct tidegate_fill, session_sequence) == 0);
TIDEGATE_ASSERT(fill_request, offsetof(struct tidegate_fill, request) == 8);
TIDEGATE_ASSERT(fill_sequence, offsetof(struct tidegate_fill, sequence) == 16);
TIDEGATE_ASSERT(fill_time, offsetof(struct tidegate_fill, time) == 24);
TIDEGATE_ASSERT(fill_account, offsetof(struct tidegate_fill, account) == 32);
TIDEGATE_ASSERT(fill_market, offsetof(struct tidegate_fill, market) == 36);
TIDEGATE_ASSERT(fill_epoch, offsetof(struct tidegate_fill, epoch) == 40);
TIDEGATE_ASSERT(fill_index, offsetof(struct tidegate_fill, index) == 44);
TIDEGATE_ASSERT(fill_degraded, offsetof(struct tidegate_fill, degraded) == 48);
TIDEGATE_ASSERT(fill_last, offsetof(struct tidegate_fill, last) == 49);
TIDEGATE_ASSERT(fill_tokens, offsetof(struct tidegate_fill, tokens) == 50);
TIDEGATE_ASSERT(fill_key, offsetof(struct tidegate_fill, key) == 52);
TIDEGATE_ASSERT(fill_received, offsetof(struct tidegate_fill, received) == 56);
TIDEGATE_ASSERT(fill_sent, offsetof(struct tidegate_fill, sent) == 64);
TIDEGATE_ASSERT(fill_order, offsetof(struct tidegate_fill, order) == 72);
TIDEGATE_ASSERT(fill_counter_order, offsetof(struct tidegate_fill, counter_order) == 80);
TIDEGATE_ASSERT(fill_price, offsetof(struct tidegate_fill, price) == 88);
TIDEGATE_ASSERT(fill_qty, offsetof(struct tidegate_fill, qty) == 96);
TIDEGATE_ASSERT(fill_leaves, offsetof(struct tidegate_fill, leaves) == 104);
TIDEGATE_ASSERT(fill_fee, offsetof(struct tidegate_fill, fee) == 112);
TIDEGATE_ASSERT(fill_side, offsetof(struct tidegate_fill, side) == 128);
TIDEGATE_ASSERT(fill_liquidity, offsetof(struct tidegate_fill, liquidity) == 129);
TIDEGATE_ASSERT(fill_is_rebate, offsetof(struct tidegate_fill, is_rebate) == 130);
TIDEGATE_ASSERT(fill_padding_131, offsetof(struct tidegate_fill, padding_131) == 131);

/* An order, or what was left of it, is gone. */
struct tidegate_order_cancelled {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Which. */
    int64_t price; /* Its limit in ticks. */
    uint64_t cancelled; /* What was left of it. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t reason; /* Why. enum tidegate_cancel_reason. */
    uint8_t padding_98[6]; /* Zero. */
};
TIDEGATE_ASSERT(order_cancelled_size, sizeof(struct tidegate_order_cancelled) == 104);
TIDEGATE_ASSERT(order_cancelled_session_sequence, offsetof(struct tidegate_order_cancelled, session_sequence) == 0);
TIDEGATE_ASSERT(order_cancelled_request, offsetof(struct tidegate_order_cancelled, request) == 8);
TIDEGATE_ASSERT(order_cancelled_sequence, offsetof(struct tidegate_order_cancelled, sequence) == 16);
TIDEGATE_ASSERT(order_cancelled_time, offsetof(struct tidegate_order_cancelled, time) == 24);
TIDEGATE_ASSERT(order_cancelled_account, offsetof(struct tidegate_order_cancelled, account) == 32);
TIDEGATE_ASSERT(order_cancelled_market, offsetof(struct tidegate_order_cancelled, market) == 36);
TIDEGATE_ASSERT(order_cancelled_epoch, offsetof(struct tidegate_order_cancelled, epoch) == 40);
TIDEGATE_ASSERT(order_cancelled_index, offsetof(struct tidegate_order_cancelled, index) == 44);
TIDEGATE_ASSERT(order_cancelled_degraded, offsetof(struct tidegate_order_cancelled, degraded) == 48);
TIDEGATE_ASSERT(order_cancelled_last, offsetof(struct tidegate_order_cancelled, last) == 49);
TIDEGATE_ASSERT(order_cancelled_tokens, offsetof(struct tidegate_order_cancelled, tokens) == 50);
TIDEGATE_ASSERT(order_cancelled_key, offsetof(struct tidegate_order_cancelled, key) == 52);
TIDEGATE_ASSERT(order_cancelled_received, offsetof(struct tidegate_order_cancelled, received) == 56);
TIDEGATE_ASSERT(order_cancelled_sent, offsetof(struct tidegate_order_cancelled, sent) == 64);
TIDEGATE_ASSERT(order_cancelled_order, offsetof(struct tidegate_order_cancelled, order) == 72);
TIDEGATE_ASSERT(order_cancelled_price, offsetof(struct tidegate_order_cancelled, price) == 80);
TIDEGATE_ASSERT(order_cancelled_cancelled, offsetof(struct tidegate_order_cancelled, cancelled) == 88);
TIDEGATE_ASSERT(order_cancelled_side, offsetof(struct tidegate_order_cancelled, side) == 96);
TIDEGATE_ASSERT(order_cancelled_reason, offsetof(struct tidegate_order_cancelled, reason) == 97);
TIDEGATE_ASSERT(order_cancelled_padding_98, offsetof(struct tidegate_order_cancelled, padding_98) == 98);

/* An order became smaller and kept its priority. */
struct tidegate_order_reduced {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Which. */
    int64_t price; /* Its limit in ticks. */
    uint64_t by; /* What was taken off. */
    uint64_t leaves; /* What is left. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_105[7]; /* Zero. */
};
TIDEGATE_ASSERT(order_reduced_size, sizeof(struct tidegate_order_reduced) == 112);
TIDEGATE_ASSERT(order_reduced_session_sequence, offsetof(struct tidegate_order_reduced, session_sequence) == 0);
TIDEGATE_ASSERT(order_reduced_request, offsetof(struct tidegate_order_reduced, request) == 8);
TIDEGATE_ASSERT(order_reduced_sequence, offsetof(struct tidegate_order_reduced, sequence) == 16);
TIDEGATE_ASSERT(order_reduced_time, offsetof(struct tidegate_order_reduced, time) == 24);
TIDEGATE_ASSERT(order_reduced_account, offsetof(struct tidegate_order_reduced, account) == 32);
TIDEGATE_ASSERT(order_reduced_market, offsetof(struct tidegate_order_reduced, market) == 36);
TIDEGATE_ASSERT(order_reduced_epoch, offsetof(struct tidegate_order_reduced, epoch) == 40);
TIDEGATE_ASSERT(order_reduced_index, offsetof(struct tidegate_order_reduced, index) == 44);
TIDEGATE_ASSERT(order_reduced_degraded, offsetof(struct tidegate_order_reduced, degraded) == 48);
TIDEGATE_ASSERT(order_reduced_last, offsetof(struct tidegate_order_reduced, last) == 49);
TIDEGATE_ASSERT(order_reduced_tokens, offsetof(struct tidegate_order_reduced, tokens) == 50);
TIDEGATE_ASSERT(order_reduced_key, offsetof(struct tidegate_order_reduced, key) == 52);
TIDEGATE_ASSERT(order_reduced_received, offsetof(struct tidegate_order_reduced, received) == 56);
TIDEGATE_ASSERT(order_reduced_sent, offsetof(struct tidegate_order_reduced, sent) == 64);
TIDEGATE_ASSERT(order_reduced_order, offsetof(struct tidegate_order_reduced, order) == 72);
TIDEGATE_ASSERT(order_reduced_price, offsetof(struct tidegate_order_reduced, price) == 80);
TIDEGATE_ASSERT(order_reduced_by, offsetof(struct tidegate_order_reduced, by) == 88);
TIDEGATE_ASSERT(order_reduced_leaves, offsetof(struct tidegate_order_reduced, leaves) == 96);
TIDEGATE_ASSERT(order_reduced_side, offsetof(struct tidegate_order_reduced, side) == 104);
TIDEGATE_ASSERT(order_reduced_padding_105, offsetof(struct tidegate_order_reduced, padding_105) == 105);

/* A cancel-all is complete; its OrderCancelled reports came before. */
struct tidegate_cancel_all_done {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t cancelled; /* How many orders went. */
};
TIDEGATE_ASSERT(cancel_all_done_size, sizeof(struct tidegate_cancel_all_done) == 80);
TIDEGATE_ASSERT(cancel_all_done_session_sequence, offsetof(struct tidegate_cancel_all_done, session_sequence) == 0);
TIDEGATE_ASSERT(cancel_all_done_request, offsetof(struct tidegate_cancel_all_done, request) == 8);
TIDEGATE_ASSERT(cancel_all_done_sequence, offsetof(struct tidegate_cancel_all_done, sequence) == 16);
TIDEGATE_ASSERT(cancel_all_done_time, offsetof(struct tidegate_cancel_all_done, time) == 24);
TIDEGATE_ASSERT(cancel_all_done_account, offsetof(struct tidegate_cancel_all_done, account) == 32);
TIDEGATE_ASSERT(cancel_all_done_market, offsetof(struct tidegate_cancel_all_done, market) == 36);
TIDEGATE_ASSERT(cancel_all_done_epoch, offsetof(struct tidegate_cancel_all_done, epoch) == 40);
TIDEGATE_ASSERT(cancel_all_done_index, offsetof(struct tidegate_cancel_all_done, index) == 44);
TIDEGATE_ASSERT(cancel_all_done_degraded, offsetof(struct tidegate_cancel_all_done, degraded) == 48);
TIDEGATE_ASSERT(cancel_all_done_last, offsetof(struct tidegate_cancel_all_done, last) == 49);
TIDEGATE_ASSERT(cancel_all_done_tokens, offsetof(struct tidegate_cancel_all_done, tokens) == 50);
TIDEGATE_ASSERT(cancel_all_done_key, offsetof(struct tidegate_cancel_all_done, key) == 52);
TIDEGATE_ASSERT(cancel_all_done_received, offsetof(struct tidegate_cancel_all_done, received) == 56);
TIDEGATE_ASSERT(cancel_all_done_sent, offsetof(struct tidegate_cancel_all_done, sent) == 64);
TIDEGATE_ASSERT(cancel_all_done_cancelled, offsetof(struct tidegate_cancel_all_done, cancelled) == 72);

/* A request was refused by the engine and changed nothing; its number is used up. */
struct tidegate_rejected {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint16_t reason; /* Why. enum tidegate_reject. */
    uint16_t command; /* What was asked. enum tidegate_command_kind. */
    uint8_t padding_76[4]; /* Zero. */
};
TIDEGATE_ASSERT(rejected_size, sizeof(struct tidegate_rejected) == 80);
TIDEGATE_ASSERT(rejected_session_sequence, offsetof(struct tidegate_rejected, session_sequence) == 0);
TIDEGATE_ASSERT(rejected_request, offsetof(struct tidegate_rejected, request) == 8);
TIDEGATE_ASSERT(rejected_sequence, offsetof(struct tidegate_rejected, sequence) == 16);
TIDEGATE_ASSERT(rejected_time, offsetof(struct tidegate_rejected, time) == 24);
TIDEGATE_ASSERT(rejected_account, offsetof(struct tidegate_rejected, account) == 32);
TIDEGATE_ASSERT(rejected_market, offsetof(struct tidegate_rejected, market) == 36);
TIDEGATE_ASSERT(rejected_epoch, offsetof(struct tidegate_rejected, epoch) == 40);
TIDEGATE_ASSERT(rejected_index, offsetof(struct tidegate_rejected, index) == 44);
TIDEGATE_ASSERT(rejected_degraded, offsetof(struct tidegate_rejected, degraded) == 48);
TIDEGATE_ASSERT(rejected_last, offsetof(struct tidegate_rejected, last) == 49);
TIDEGATE_ASSERT(rejected_tokens, offsetof(struct tidegate_rejected, tokens) == 50);
TIDEGATE_ASSERT(rejected_key, offsetof(struct tidegate_rejected, key) == 52);
TIDEGATE_ASSERT(rejected_received, offsetof(struct tidegate_rejected, received) == 56);
TIDEGATE_ASSERT(rejected_sent, offsetof(struct tidegate_rejected, sent) == 64);
TIDEGATE_ASSERT(rejected_reason, offsetof(struct tidegate_rejected, reason) == 72);
TIDEGATE_ASSERT(rejected_command, offsetof(struct tidegate_rejected, command) == 74);
TIDEGATE_ASSERT(rejected_padding_76, offsetof(struct tidegate_rejected, padding_76) == 76);

/* Answer to a request that was applied before: what came of it then. */
struct tidegate_outcome {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t original; /* The command that was applied. */
    uint64_t order; /* The order that it created; 0 for none. */
    uint16_t reject; /* Its reject. enum tidegate_reject_or_none. */
    uint16_t command; /* What was asked. enum tidegate_command_kind. */
    uint8_t padding_92[4]; /* Zero. */
};
TIDEGATE_ASSERT(outcome_size, sizeof(struct tidegate_outcome) == 96);
TIDEGATE_ASSERT(outcome_session_sequence, offsetof(struct tidegate_outcome, session_sequence) == 0);
TIDEGATE_ASSERT(outcome_request, offsetof(struct tidegate_outcome, request) == 8);
TIDEGATE_ASSERT(outcome_sequence, offsetof(struct tidegate_outcome, sequence) == 16);
TIDEGATE_ASSERT(outcome_time, offsetof(struct tidegate_outcome, time) == 24);
TIDEGATE_ASSERT(outcome_account, offsetof(struct tidegate_outcome, account) == 32);
TIDEGATE_ASSERT(outcome_market, offsetof(struct tidegate_outcome, market) == 36);
TIDEGATE_ASSERT(outcome_epoch, offsetof(struct tidegate_outcome, epoch) == 40);
TIDEGATE_ASSERT(outcome_index, offsetof(struct tidegate_outcome, index) == 44);
TIDEGATE_ASSERT(outcome_degraded, offsetof(struct tidegate_outcome, degraded) == 48);
TIDEGATE_ASSERT(outcome_last, offsetof(struct tidegate_outcome, last) == 49);
TIDEGATE_ASSERT(outcome_tokens, offsetof(struct tidegate_outcome, tokens) == 50);
TIDEGATE_ASSERT(outcome_key, offsetof(struct tidegate_outcome, key) == 52);
TIDEGATE_ASSERT(outcome_received, offsetof(struct tidegate_outcome, received) == 56);
TIDEGATE_ASSERT(outcome_sent, offsetof(struct tidegate_outcome, sent) == 64);
TIDEGATE_ASSERT(outcome_original, offsetof(struct tidegate_outcome, original) == 72);
TIDEGATE_ASSERT(outcome_order, offsetof(struct tidegate_outcome, order) == 80);
TIDEGATE_ASSERT(outcome_reject, offsetof(struct tidegate_outcome, reject) == 88);
TIDEGATE_ASSERT(outcome_command, offsetof(struct tidegate_outcome, command) == 90);
TIDEGATE_ASSERT(outcome_padding_92, offsetof(struct tidegate_outcome, padding_92) == 92);

/* An order has another price and quantity. */
struct tidegate_order_replaced {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Which. */
    int64_t price; /* Its limit in ticks from here on. */
    uint64_t leaves; /* What is left of it from here on. */
    uint64_t displayed; /* How much of that is shown while it rests. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t kept_place; /* Whether it kept its place in the queue. enum tidegate_bool. */
    uint8_t padding_106[6]; /* Zero. */
};
TIDEGATE_ASSERT(order_replaced_size, sizeof(struct tidegate_order_replaced) == 112);
TIDEGATE_ASSERT(order_replaced_session_sequence, offsetof(struct tidegate_order_replaced, session_sequence) == 0);
TIDEGATE_ASSERT(order_replaced_request, offsetof(struct tidegate_order_replaced, request) == 8);
TIDEGATE_ASSERT(order_replaced_sequence, offsetof(struct tidegate_order_replaced, sequence) == 16);
TIDEGATE_ASSERT(order_replaced_time, offsetof(struct tidegate_order_replaced, time) == 24);
TIDEGATE_ASSERT(order_replaced_account, offsetof(struct tidegate_order_replaced, account) == 32);
TIDEGATE_ASSERT(order_replaced_market, offsetof(struct tidegate_order_replaced, market) == 36);
TIDEGATE_ASSERT(order_replaced_epoch, offsetof(struct tidegate_order_replaced, epoch) == 40);
TIDEGATE_ASSERT(order_replaced_index, offsetof(struct tidegate_order_replaced, index) == 44);
TIDEGATE_ASSERT(order_replaced_degraded, offsetof(struct tidegate_order_replaced, degraded) == 48);
TIDEGATE_ASSERT(order_replaced_last, offsetof(struct tidegate_order_replaced, last) == 49);
TIDEGATE_ASSERT(order_replaced_tokens, offsetof(struct tidegate_order_replaced, tokens) == 50);
TIDEGATE_ASSERT(order_replaced_key, offsetof(struct tidegate_order_replaced, key) == 52);
TIDEGATE_ASSERT(order_replaced_received, offsetof(struct tidegate_order_replaced, received) == 56);
TIDEGATE_ASSERT(order_replaced_sent, offsetof(struct tidegate_order_replaced, sent) == 64);
TIDEGATE_ASSERT(order_replaced_order, offsetof(struct tidegate_order_replaced, order) == 72);
TIDEGATE_ASSERT(order_replaced_price, offsetof(struct tidegate_order_replaced, price) == 80);
TIDEGATE_ASSERT(order_replaced_leaves, offsetof(struct tidegate_order_replaced, leaves) == 88);
TIDEGATE_ASSERT(order_replaced_displayed, offsetof(struct tidegate_order_replaced, displayed) == 96);
TIDEGATE_ASSERT(order_replaced_side, offsetof(struct tidegate_order_replaced, side) == 104);
TIDEGATE_ASSERT(order_replaced_kept_place, offsetof(struct tidegate_order_replaced, kept_place) == 105);
TIDEGATE_ASSERT(order_replaced_padding_106, offsetof(struct tidegate_order_replaced, padding_106) == 106);

/* A stop order was triggered and trades from here on. */
struct tidegate_order_triggered {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Which. */
    int64_t price; /* Its limit in ticks; 0 for a stop without. */
    uint64_t leaves; /* Its quantity. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_97[7]; /* Zero. */
};
TIDEGATE_ASSERT(order_triggered_size, sizeof(struct tidegate_order_triggered) == 104);
TIDEGATE_ASSERT(order_triggered_session_sequence, offsetof(struct tidegate_order_triggered, session_sequence) == 0);
TIDEGATE_ASSERT(order_triggered_request, offsetof(struct tidegate_order_triggered, request) == 8);
TIDEGATE_ASSERT(order_triggered_sequence, offsetof(struct tidegate_order_triggered, sequence) == 16);
TIDEGATE_ASSERT(order_triggered_time, offsetof(struct tidegate_order_triggered, time) == 24);
TIDEGATE_ASSERT(order_triggered_account, offsetof(struct tidegate_order_triggered, account) == 32);
TIDEGATE_ASSERT(order_triggered_market, offsetof(struct tidegate_order_triggered, market) == 36);
TIDEGATE_ASSERT(order_triggered_epoch, offsetof(struct tidegate_order_triggered, epoch) == 40);
TIDEGATE_ASSERT(order_triggered_index, offsetof(struct tidegate_order_triggered, index) == 44);
TIDEGATE_ASSERT(order_triggered_degraded, offsetof(struct tidegate_order_triggered, degraded) == 48);
TIDEGATE_ASSERT(order_triggered_last, offsetof(struct tidegate_order_triggered, last) == 49);
TIDEGATE_ASSERT(order_triggered_tokens, offsetof(struct tidegate_order_triggered, tokens) == 50);
TIDEGATE_ASSERT(order_triggered_key, offsetof(struct tidegate_order_triggered, key) == 52);
TIDEGATE_ASSERT(order_triggered_received, offsetof(struct tidegate_order_triggered, received) == 56);
TIDEGATE_ASSERT(order_triggered_sent, offsetof(struct tidegate_order_triggered, sent) == 64);
TIDEGATE_ASSERT(order_triggered_order, offsetof(struct tidegate_order_triggered, order) == 72);
TIDEGATE_ASSERT(order_triggered_price, offsetof(struct tidegate_order_triggered, price) == 80);
TIDEGATE_ASSERT(order_triggered_leaves, offsetof(struct tidegate_order_triggered, leaves) == 88);
TIDEGATE_ASSERT(order_triggered_side, offsetof(struct tidegate_order_triggered, side) == 96);
TIDEGATE_ASSERT(order_triggered_padding_97, offsetof(struct tidegate_order_triggered, padding_97) == 97);

/* The next part of an iceberg is shown, at the tail of its price. */
struct tidegate_order_refreshed {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Which. */
    int64_t price; /* Its limit in ticks. */
    uint64_t displayed; /* What is shown. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_97[7]; /* Zero. */
};
TIDEGATE_ASSERT(order_refreshed_size, sizeof(struct tidegate_order_refreshed) == 104);
TIDEGATE_ASSERT(order_refreshed_session_sequence, offsetof(struct tidegate_order_refreshed, session_sequence) == 0);
TIDEGATE_ASSERT(order_refreshed_request, offsetof(struct tidegate_order_refreshed, request) == 8);
TIDEGATE_ASSERT(order_refreshed_sequence, offsetof(struct tidegate_order_refreshed, sequence) == 16);
TIDEGATE_ASSERT(order_refreshed_time, offsetof(struct tidegate_order_refreshed, time) == 24);
TIDEGATE_ASSERT(order_refreshed_account, offsetof(struct tidegate_order_refreshed, account) == 32);
TIDEGATE_ASSERT(order_refreshed_market, offsetof(struct tidegate_order_refreshed, market) == 36);
TIDEGATE_ASSERT(order_refreshed_epoch, offsetof(struct tidegate_order_refreshed, epoch) == 40);
TIDEGATE_ASSERT(order_refreshed_index, offsetof(struct tidegate_order_refreshed, index) == 44);
TIDEGATE_ASSERT(order_refreshed_degraded, offsetof(struct tidegate_order_refreshed, degraded) == 48);
TIDEGATE_ASSERT(order_refreshed_last, offsetof(struct tidegate_order_refreshed, last) == 49);
TIDEGATE_ASSERT(order_refreshed_tokens, offsetof(struct tidegate_order_refreshed, tokens) == 50);
TIDEGATE_ASSERT(order_refreshed_key, offsetof(struct tidegate_order_refreshed, key) == 52);
TIDEGATE_ASSERT(order_refreshed_received, offsetof(struct tidegate_order_refreshed, received) == 56);
TIDEGATE_ASSERT(order_refreshed_sent, offsetof(struct tidegate_order_refreshed, sent) == 64);
TIDEGATE_ASSERT(order_refreshed_order, offsetof(struct tidegate_order_refreshed, order) == 72);
TIDEGATE_ASSERT(order_refreshed_price, offsetof(struct tidegate_order_refreshed, price) == 80);
TIDEGATE_ASSERT(order_refreshed_displayed, offsetof(struct tidegate_order_refreshed, displayed) == 88);
TIDEGATE_ASSERT(order_refreshed_side, offsetof(struct tidegate_order_refreshed, side) == 96);
TIDEGATE_ASSERT(order_refreshed_padding_97, offsetof(struct tidegate_order_refreshed, padding_97) == 97);

/* A group's protection was set. */
struct tidegate_protection_set {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t window_ns; /* How long fills are counted together, in nanoseconds. */
    uint64_t qty_max; /* Most that is filled in a window; 0 is none. */
    uint32_t count_max; /* Most fills in a window; 0 is none. */
    uint32_t group; /* The group. */
};
TIDEGATE_ASSERT(protection_set_size, sizeof(struct tidegate_protection_set) == 96);
TIDEGATE_ASSERT(protection_set_session_sequence, offsetof(struct tidegate_protection_set, session_sequence) == 0);
TIDEGATE_ASSERT(protection_set_request, offsetof(struct tidegate_protection_set, request) == 8);
TIDEGATE_ASSERT(protection_set_sequence, offsetof(struct tidegate_protection_set, sequence) == 16);
TIDEGATE_ASSERT(protection_set_time, offsetof(struct tidegate_protection_set, time) == 24);
TIDEGATE_ASSERT(protection_set_account, offsetof(struct tidegate_protection_set, account) == 32);
TIDEGATE_ASSERT(protection_set_market, offsetof(struct tidegate_protection_set, market) == 36);
TIDEGATE_ASSERT(protection_set_epoch, offsetof(struct tidegate_protection_set, epoch) == 40);
TIDEGATE_ASSERT(protection_set_index, offsetof(struct tidegate_protection_set, index) == 44);
TIDEGATE_ASSERT(protection_set_degraded, offsetof(struct tidegate_protection_set, degraded) == 48);
TIDEGATE_ASSERT(protection_set_last, offsetof(struct tidegate_protection_set, last) == 49);
TIDEGATE_ASSERT(protection_set_tokens, offsetof(struct tidegate_protection_set, tokens) == 50);
TIDEGATE_ASSERT(protection_set_key, offsetof(struct tidegate_protection_set, key) == 52);
TIDEGATE_ASSERT(protection_set_received, offsetof(struct tidegate_protection_set, received) == 56);
TIDEGATE_ASSERT(protection_set_sent, offsetof(struct tidegate_protection_set, sent) == 64);
TIDEGATE_ASSERT(protection_set_window_ns, offsetof(struct tidegate_protection_set, window_ns) == 72);
TIDEGATE_ASSERT(protection_set_qty_max, offsetof(struct tidegate_protection_set, qty_max) == 80);
TIDEGATE_ASSERT(protection_set_count_max, offsetof(struct tidegate_protection_set, count_max) == 88);
TIDEGATE_ASSERT(protection_set_group, offsetof(struct tidegate_protection_set, group) == 92);

/* A group may trade again. */
struct tidegate_protection_reset {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint32_t group; /* The group. */
    uint8_t padding_76[4]; /* Zero. */
};
TIDEGATE_ASSERT(protection_reset_size, sizeof(struct tidegate_protection_reset) == 80);
TIDEGATE_ASSERT(protection_reset_session_sequence, offsetof(struct tidegate_protection_reset, session_sequence) == 0);
TIDEGATE_ASSERT(protection_reset_request, offsetof(struct tidegate_protection_reset, request) == 8);
TIDEGATE_ASSERT(protection_reset_sequence, offsetof(struct tidegate_protection_reset, sequence) == 16);
TIDEGATE_ASSERT(protection_reset_time, offsetof(struct tidegate_protection_reset, time) == 24);
TIDEGATE_ASSERT(protection_reset_account, offsetof(struct tidegate_protection_reset, account) == 32);
TIDEGATE_ASSERT(protection_reset_market, offsetof(struct tidegate_protection_reset, market) == 36);
TIDEGATE_ASSERT(protection_reset_epoch, offsetof(struct tidegate_protection_reset, epoch) == 40);
TIDEGATE_ASSERT(protection_reset_index, offsetof(struct tidegate_protection_reset, index) == 44);
TIDEGATE_ASSERT(protection_reset_degraded, offsetof(struct tidegate_protection_reset, degraded) == 48);
TIDEGATE_ASSERT(protection_reset_last, offsetof(struct tidegate_protection_reset, last) == 49);
TIDEGATE_ASSERT(protection_reset_tokens, offsetof(struct tidegate_protection_reset, tokens) == 50);
TIDEGATE_ASSERT(protection_reset_key, offsetof(struct tidegate_protection_reset, key) == 52);
TIDEGATE_ASSERT(protection_reset_received, offsetof(struct tidegate_protection_reset, received) == 56);
TIDEGATE_ASSERT(protection_reset_sent, offsetof(struct tidegate_protection_reset, sent) == 64);
TIDEGATE_ASSERT(protection_reset_group, offsetof(struct tidegate_protection_reset, group) == 72);
TIDEGATE_ASSERT(protection_reset_padding_76, offsetof(struct tidegate_protection_reset, padding_76) == 76);

/* A group's fills reached a limit: its orders are cancelled next. */
struct tidegate_protection_triggered {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint32_t group; /* The group. */
    uint8_t padding_76[4]; /* Zero. */
};
TIDEGATE_ASSERT(protection_triggered_size, sizeof(struct tidegate_protection_triggered) == 80);
TIDEGATE_ASSERT(protection_triggered_session_sequence, offsetof(struct tidegate_protection_triggered, session_sequence) == 0);
TIDEGATE_ASSERT(protection_triggered_request, offsetof(struct tidegate_protection_triggered, request) == 8);
TIDEGATE_ASSERT(protection_triggered_sequence, offsetof(struct tidegate_protection_triggered, sequence) == 16);
TIDEGATE_ASSERT(protection_triggered_time, offsetof(struct tidegate_protection_triggered, time) == 24);
TIDEGATE_ASSERT(protection_triggered_account, offsetof(struct tidegate_protection_triggered, account) == 32);
TIDEGATE_ASSERT(protection_triggered_market, offsetof(struct tidegate_protection_triggered, market) == 36);
TIDEGATE_ASSERT(protection_triggered_epoch, offsetof(struct tidegate_protection_triggered, epoch) == 40);
TIDEGATE_ASSERT(protection_triggered_index, offsetof(struct tidegate_protection_triggered, index) == 44);
TIDEGATE_ASSERT(protection_triggered_degraded, offsetof(struct tidegate_protection_triggered, degraded) == 48);
TIDEGATE_ASSERT(protection_triggered_last, offsetof(struct tidegate_protection_triggered, last) == 49);
TIDEGATE_ASSERT(protection_triggered_tokens, offsetof(struct tidegate_protection_triggered, tokens) == 50);
TIDEGATE_ASSERT(protection_triggered_key, offsetof(struct tidegate_protection_triggered, key) == 52);
TIDEGATE_ASSERT(protection_triggered_received, offsetof(struct tidegate_protection_triggered, received) == 56);
TIDEGATE_ASSERT(protection_triggered_sent, offsetof(struct tidegate_protection_triggered, sent) == 64);
TIDEGATE_ASSERT(protection_triggered_group, offsetof(struct tidegate_protection_triggered, group) == 72);
TIDEGATE_ASSERT(protection_triggered_padding_76, offsetof(struct tidegate_protection_triggered, padding_76) == 76);

/* One side of a quote was refused; what was quoted there before is cancelled next. */
struct tidegate_quote_rejected {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint32_t quote; /* Which quote of the mass quote, from 0. */
    uint16_t reason; /* Why. enum tidegate_reject. */
    uint8_t side; /* Which side of it. enum tidegate_side. */
    uint8_t padding_79[1]; /* Zero. */
};
TIDEGATE_ASSERT(quote_rejected_size, sizeof(struct tidegate_quote_rejected) == 80);
TIDEGATE_ASSERT(quote_rejected_session_sequence, offsetof(struct tidegate_quote_rejected, session_sequence) == 0);
TIDEGATE_ASSERT(quote_rejected_request, offsetof(struct tidegate_quote_rejected, request) == 8);
TIDEGATE_ASSERT(quote_rejected_sequence, offsetof(struct tidegate_quote_rejected, sequence) == 16);
TIDEGATE_ASSERT(quote_rejected_time, offsetof(struct tidegate_quote_rejected, time) == 24);
TIDEGATE_ASSERT(quote_rejected_account, offsetof(struct tidegate_quote_rejected, account) == 32);
TIDEGATE_ASSERT(quote_rejected_market, offsetof(struct tidegate_quote_rejected, market) == 36);
TIDEGATE_ASSERT(quote_rejected_epoch, offsetof(struct tidegate_quote_rejected, epoch) == 40);
TIDEGATE_ASSERT(quote_rejected_index, offsetof(struct tidegate_quote_rejected, index) == 44);
TIDEGATE_ASSERT(quote_rejected_degraded, offsetof(struct tidegate_quote_rejected, degraded) == 48);
TIDEGATE_ASSERT(quote_rejected_last, offsetof(struct tidegate_quote_rejected, last) == 49);
TIDEGATE_ASSERT(quote_rejected_tokens, offsetof(struct tidegate_quote_rejected, tokens) == 50);
TIDEGATE_ASSERT(quote_rejected_key, offsetof(struct tidegate_quote_rejected, key) == 52);
TIDEGATE_ASSERT(quote_rejected_received, offsetof(struct tidegate_quote_rejected, received) == 56);
TIDEGATE_ASSERT(quote_rejected_sent, offsetof(struct tidegate_quote_rejected, sent) == 64);
TIDEGATE_ASSERT(quote_rejected_quote, offsetof(struct tidegate_quote_rejected, quote) == 72);
TIDEGATE_ASSERT(quote_rejected_reason, offsetof(struct tidegate_quote_rejected, reason) == 76);
TIDEGATE_ASSERT(quote_rejected_side, offsetof(struct tidegate_quote_rejected, side) == 78);
TIDEGATE_ASSERT(quote_rejected_padding_79, offsetof(struct tidegate_quote_rejected, padding_79) == 79);

/* A mass quote is complete: what became of its sides came before this. */
struct tidegate_mass_quote_done {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint32_t accepted; /* Sides that were taken, as new orders or as replacements. */
    uint32_t withdrawn; /* Orders that were withdrawn as asked. */
    uint32_t rejected; /* Sides that were refused. */
    uint8_t padding_84[4]; /* Zero. */
};
TIDEGATE_ASSERT(mass_quote_done_size, sizeof(struct tidegate_mass_quote_done) == 88);
TIDEGATE_ASSERT(mass_quote_done_session_sequence, offsetof(struct tidegate_mass_quote_done, session_sequence) == 0);
TIDEGATE_ASSERT(mass_quote_done_request, offsetof(struct tidegate_mass_quote_done, request) == 8);
TIDEGATE_ASSERT(mass_quote_done_sequence, offsetof(struct tidegate_mass_quote_done, sequence) == 16);
TIDEGATE_ASSERT(mass_quote_done_time, offsetof(struct tidegate_mass_quote_done, time) == 24);
TIDEGATE_ASSERT(mass_quote_done_account, offsetof(struct tidegate_mass_quote_done, account) == 32);
TIDEGATE_ASSERT(mass_quote_done_market, offsetof(struct tidegate_mass_quote_done, market) == 36);
TIDEGATE_ASSERT(mass_quote_done_epoch, offsetof(struct tidegate_mass_quote_done, epoch) == 40);
TIDEGATE_ASSERT(mass_quote_done_index, offsetof(struct tidegate_mass_quote_done, index) == 44);
TIDEGATE_ASSERT(mass_quote_done_degraded, offsetof(struct tidegate_mass_quote_done, degraded) == 48);
TIDEGATE_ASSERT(mass_quote_done_last, offsetof(struct tidegate_mass_quote_done, last) == 49);
TIDEGATE_ASSERT(mass_quote_done_tokens, offsetof(struct tidegate_mass_quote_done, tokens) == 50);
TIDEGATE_ASSERT(mass_quote_done_key, offsetof(struct tidegate_mass_quote_done, key) == 52);
TIDEGATE_ASSERT(mass_quote_done_received, offsetof(struct tidegate_mass_quote_done, received) == 56);
TIDEGATE_ASSERT(mass_quote_done_sent, offsetof(struct tidegate_mass_quote_done, sent) == 64);
TIDEGATE_ASSERT(mass_quote_done_accepted, offsetof(struct tidegate_mass_quote_done, accepted) == 72);
TIDEGATE_ASSERT(mass_quote_done_withdrawn, offsetof(struct tidegate_mass_quote_done, withdrawn) == 76);
TIDEGATE_ASSERT(mass_quote_done_rejected, offsetof(struct tidegate_mass_quote_done, rejected) == 80);
TIDEGATE_ASSERT(mass_quote_done_padding_84, offsetof(struct tidegate_mass_quote_done, padding_84) == 84);

/* A new order was taken that has more than the short message says. */
struct tidegate_order_accepted_full {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Its id. */
    int64_t price; /* Its limit in ticks; 0 for a market, budget or stop order. */
    uint64_t qty; /* Its quantity in lots; 0 for a budget order. */
    int64_t trigger; /* Of a stop order: where it triggers, in ticks. */
    uint64_t display; /* Of an iceberg: how much is shown at a time, in lots. */
    uint64_t expires; /* Of a good-till-date order: when it leaves. */
    struct tidegate_u128 budget; /* Of a budget order: smallest units of the quote asset. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t order_type; /* How its price is found. enum tidegate_order_type. */
    uint8_t time_in_force; /* How long it stays. enum tidegate_time_in_force. */
    uint8_t post_only; /* Whether it may only rest. enum tidegate_bool. */
    uint8_t reprice; /* Whether it is re-priced rather than rejected. enum tidegate_bool. */
    uint8_t self_trade; /* What becomes of two orders of one owner that would trade with each other. enum tidegate_self_trade. */
    uint8_t group; /* The client's own grouping. */
    uint8_t on_disconnect; /* What becomes of it when its session stays away longer than its grace time. enum tidegate_on_disconnect. */
};
TIDEGATE_ASSERT(order_accepted_full_size, sizeof(struct tidegate_order_accepted_full) == 144);
TIDEGATE_ASSERT(order_accepted_full_session_sequence, offsetof(struct tidegate_order_accepted_full, session_sequence) == 0);
TIDEGATE_ASSERT(order_accepted_full_request, offsetof(struct tidegate_order_accepted_full, request) == 8);
TIDEGATE_ASSERT(order_accepted_full_sequence, offsetof(struct tidegate_order_accepted_full, sequence) == 16);
TIDEGATE_ASSERT(order_accepted_full_time, offsetof(struct tidegate_order_accepted_full, time) == 24);
TIDEGATE_ASSERT(order_accepted_full_account, offsetof(struct tidegate_order_accepted_full, account) == 32);
TIDEGATE_ASSERT(order_accepted_full_market, offsetof(struct tidegate_order_accepted_full, market) == 36);
TIDEGATE_ASSERT(order_accepted_full_epoch, offsetof(struct tidegate_order_accepted_full, epoch) == 40);
TIDEGATE_ASSERT(order_accepted_full_index, offsetof(struct tidegate_order_accepted_full, index) == 44);
TIDEGATE_ASSERT(order_accepted_full_degraded, offsetof(struct tidegate_order_accepted_full, degraded) == 48);
TIDEGATE_ASSERT(order_accepted_full_last, offsetof(struct tidegate_order_accepted_full, last) == 49);
TIDEGATE_ASSERT(order_accepted_full_tokens, offsetof(struct tidegate_order_accepted_full, tokens) == 50);
TIDEGATE_ASSERT(order_accepted_full_key, offsetof(struct tidegate_order_accepted_full, key) == 52);
TIDEGATE_ASSERT(order_accepted_full_received, offsetof(struct tidegate_order_accepted_full, received) == 56);
TIDEGATE_ASSERT(order_accepted_full_sent, offsetof(struct tidegate_order_accepted_full, sent) == 64);
TIDEGATE_ASSERT(order_accepted_full_order, offsetof(struct tidegate_order_accepted_full, order) == 72);
TIDEGATE_ASSERT(order_accepted_full_price, offsetof(struct tidegate_order_accepted_full, price) == 80);
TIDEGATE_ASSERT(order_accepted_full_qty, offsetof(struct tidegate_order_accepted_full, qty) == 88);
TIDEGATE_ASSERT(order_accepted_full_trigger, offsetof(struct tidegate_order_accepted_full, trigger) == 96);
TIDEGATE_ASSERT(order_accepted_full_display, offsetof(struct tidegate_order_accepted_full, display) == 104);
TIDEGATE_ASSERT(order_accepted_full_expires, offsetof(struct tidegate_order_accepted_full, expires) == 112);
TIDEGATE_ASSERT(order_accepted_full_budget, offsetof(struct tidegate_order_accepted_full, budget) == 120);
TIDEGATE_ASSERT(order_accepted_full_side, offsetof(struct tidegate_order_accepted_full, side) == 136);
TIDEGATE_ASSERT(order_accepted_full_order_type, offsetof(struct tidegate_order_accepted_full, order_type) == 137);
TIDEGATE_ASSERT(order_accepted_full_time_in_force, offsetof(struct tidegate_order_accepted_full, time_in_force) == 138);
TIDEGATE_ASSERT(order_accepted_full_post_only, offsetof(struct tidegate_order_accepted_full, post_only) == 139);
TIDEGATE_ASSERT(order_accepted_full_reprice, offsetof(struct tidegate_order_accepted_full, reprice) == 140);
TIDEGATE_ASSERT(order_accepted_full_self_trade, offsetof(struct tidegate_order_accepted_full, self_trade) == 141);
TIDEGATE_ASSERT(order_accepted_full_group, offsetof(struct tidegate_order_accepted_full, group) == 142);
TIDEGATE_ASSERT(order_accepted_full_on_disconnect, offsetof(struct tidegate_order_accepted_full, on_disconnect) == 143);

/* An open order, as a query found it. */
struct tidegate_order_status {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t order; /* Its id. */
    uint64_t created_by; /* With which request of its key it was created. */
    int64_t price; /* Its limit in ticks; 0 for a stop without. */
    uint64_t leaves; /* All that is left of it, in lots. */
    uint64_t filled; /* What was filled before, in lots. */
    uint64_t displayed; /* How much of what is left is shown. */
    int64_t trigger; /* Of a stop that waits: where it triggers; else 0. */
    uint64_t expires; /* When it leaves; 0 is never. */
    uint32_t creator; /* Which key created it. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t order_type; /* What it is now. enum tidegate_order_type. */
    uint8_t time_in_force; /* How long it stays. enum tidegate_time_in_force. */
    uint8_t post_only; /* Whether it may only rest. enum tidegate_bool. */
    uint8_t reprice; /* Whether it is re-priced rather than rejected. enum tidegate_bool. */
    uint8_t is_quote; /* Whether it is one side of a quote. enum tidegate_bool. */
    uint8_t self_trade; /* What becomes of two orders of one owner that would trade with each other. enum tidegate_self_trade. */
    uint8_t group; /* The client's own grouping. */
    uint8_t on_disconnect; /* What becomes of it when its session stays away longer than its grace time. enum tidegate_on_disconnect. */
    uint8_t padding_149[11]; /* Zero. */
};
TIDEGATE_ASSERT(order_status_size, sizeof(struct tidegate_order_status) == 160);
TIDEGATE_ASSERT(order_status_session_sequence, offsetof(struct tidegate_order_status, session_sequence) == 0);
TIDEGATE_ASSERT(order_status_request, offsetof(struct tidegate_order_status, request) == 8);
TIDEGATE_ASSERT(order_status_sequence, offsetof(struct tidegate_order_status, sequence) == 16);
TIDEGATE_ASSERT(order_status_time, offsetof(struct tidegate_order_status, time) == 24);
TIDEGATE_ASSERT(order_status_account, offsetof(struct tidegate_order_status, account) == 32);
TIDEGATE_ASSERT(order_status_market, offsetof(struct tidegate_order_status, market) == 36);
TIDEGATE_ASSERT(order_status_epoch, offsetof(struct tidegate_order_status, epoch) == 40);
TIDEGATE_ASSERT(order_status_index, offsetof(struct tidegate_order_status, index) == 44);
TIDEGATE_ASSERT(order_status_degraded, offsetof(struct tidegate_order_status, degraded) == 48);
TIDEGATE_ASSERT(order_status_last, offsetof(struct tidegate_order_status, last) == 49);
TIDEGATE_ASSERT(order_status_tokens, offsetof(struct tidegate_order_status, tokens) == 50);
TIDEGATE_ASSERT(order_status_key, offsetof(struct tidegate_order_status, key) == 52);
TIDEGATE_ASSERT(order_status_received, offsetof(struct tidegate_order_status, received) == 56);
TIDEGATE_ASSERT(order_status_sent, offsetof(struct tidegate_order_status, sent) == 64);
TIDEGATE_ASSERT(order_status_order, offsetof(struct tidegate_order_status, order) == 72);
TIDEGATE_ASSERT(order_status_created_by, offsetof(struct tidegate_order_status, created_by) == 80);
TIDEGATE_ASSERT(order_status_price, offsetof(struct tidegate_order_status, price) == 88);
TIDEGATE_ASSERT(order_status_leaves, offsetof(struct tidegate_order_status, leaves) == 96);
TIDEGATE_ASSERT(order_status_filled, offsetof(struct tidegate_order_status, filled) == 104);
TIDEGATE_ASSERT(order_status_displayed, offsetof(struct tidegate_order_status, displayed) == 112);
TIDEGATE_ASSERT(order_status_trigger, offsetof(struct tidegate_order_status, trigger) == 120);
TIDEGATE_ASSERT(order_status_expires, offsetof(struct tidegate_order_status, expires) == 128);
TIDEGATE_ASSERT(order_status_creator, offsetof(struct tidegate_order_status, creator) == 136);
TIDEGATE_ASSERT(order_status_side, offsetof(struct tidegate_order_status, side) == 140);
TIDEGATE_ASSERT(order_status_order_type, offsetof(struct tidegate_order_status, order_type) == 141);
TIDEGATE_ASSERT(order_status_time_in_force, offsetof(struct tidegate_order_status, time_in_force) == 142);
TIDEGATE_ASSERT(order_status_post_only, offsetof(struct tidegate_order_status, post_only) == 143);
TIDEGATE_ASSERT(order_status_reprice, offsetof(struct tidegate_order_status, reprice) == 144);
TIDEGATE_ASSERT(order_status_is_quote, offsetof(struct tidegate_order_status, is_quote) == 145);
TIDEGATE_ASSERT(order_status_self_trade, offsetof(struct tidegate_order_status, self_trade) == 146);
TIDEGATE_ASSERT(order_status_group, offsetof(struct tidegate_order_status, group) == 147);
TIDEGATE_ASSERT(order_status_on_disconnect, offsetof(struct tidegate_order_status, on_disconnect) == 148);
TIDEGATE_ASSERT(order_status_padding_149, offsetof(struct tidegate_order_status, padding_149) == 149);

/* What the account has of an asset, as a query found it. */
struct tidegate_balance_status {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    struct tidegate_u128 available; /* What it can use, in smallest units. */
    struct tidegate_u128 held; /* What its open orders hold. */
    struct tidegate_u128 pending; /* What waits as withdrawals. */
    uint32_t asset; /* Which. */
    uint8_t padding_124[4]; /* Zero. */
};
TIDEGATE_ASSERT(balance_status_size, sizeof(struct tidegate_balance_status) == 128);
TIDEGATE_ASSERT(balance_status_session_sequence, offsetof(struct tidegate_balance_status, session_sequence) == 0);
TIDEGATE_ASSERT(balance_status_request, offsetof(struct tidegate_balance_status, request) == 8);
TIDEGATE_ASSERT(balance_status_sequence, offsetof(struct tidegate_balance_status, sequence) == 16);
TIDEGATE_ASSERT(balance_status_time, offsetof(struct tidegate_balance_status, time) == 24);
TIDEGATE_ASSERT(balance_status_account, offsetof(struct tidegate_balance_status, account) == 32);
TIDEGATE_ASSERT(balance_status_market, offsetof(struct tidegate_balance_status, market) == 36);
TIDEGATE_ASSERT(balance_status_epoch, offsetof(struct tidegate_balance_status, epoch) == 40);
TIDEGATE_ASSERT(balance_status_index, offsetof(struct tidegate_balance_status, index) == 44);
TIDEGATE_ASSERT(balance_status_degraded, offsetof(struct tidegate_balance_status, degraded) == 48);
TIDEGATE_ASSERT(balance_status_last, offsetof(struct tidegate_balance_status, last) == 49);
TIDEGATE_ASSERT(balance_status_tokens, offsetof(struct tidegate_balance_status, tokens) == 50);
TIDEGATE_ASSERT(balance_status_key, offsetof(struct tidegate_balance_status, key) == 52);
TIDEGATE_ASSERT(balance_status_received, offsetof(struct tidegate_balance_status, received) == 56);
TIDEGATE_ASSERT(balance_status_sent, offsetof(struct tidegate_balance_status, sent) == 64);
TIDEGATE_ASSERT(balance_status_available, offsetof(struct tidegate_balance_status, available) == 72);
TIDEGATE_ASSERT(balance_status_held, offsetof(struct tidegate_balance_status, held) == 88);
TIDEGATE_ASSERT(balance_status_pending, offsetof(struct tidegate_balance_status, pending) == 104);
TIDEGATE_ASSERT(balance_status_asset, offsetof(struct tidegate_balance_status, asset) == 120);
TIDEGATE_ASSERT(balance_status_padding_124, offsetof(struct tidegate_balance_status, padding_124) == 124);

/* A query is answered: what it found came before this. */
struct tidegate_query_done {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t count; /* How many. */
};
TIDEGATE_ASSERT(query_done_size, sizeof(struct tidegate_query_done) == 80);
TIDEGATE_ASSERT(query_done_session_sequence, offsetof(struct tidegate_query_done, session_sequence) == 0);
TIDEGATE_ASSERT(query_done_request, offsetof(struct tidegate_query_done, request) == 8);
TIDEGATE_ASSERT(query_done_sequence, offsetof(struct tidegate_query_done, sequence) == 16);
TIDEGATE_ASSERT(query_done_time, offsetof(struct tidegate_query_done, time) == 24);
TIDEGATE_ASSERT(query_done_account, offsetof(struct tidegate_query_done, account) == 32);
TIDEGATE_ASSERT(query_done_market, offsetof(struct tidegate_query_done, market) == 36);
TIDEGATE_ASSERT(query_done_epoch, offsetof(struct tidegate_query_done, epoch) == 40);
TIDEGATE_ASSERT(query_done_index, offsetof(struct tidegate_query_done, index) == 44);
TIDEGATE_ASSERT(query_done_degraded, offsetof(struct tidegate_query_done, degraded) == 48);
TIDEGATE_ASSERT(query_done_last, offsetof(struct tidegate_query_done, last) == 49);
TIDEGATE_ASSERT(query_done_tokens, offsetof(struct tidegate_query_done, tokens) == 50);
TIDEGATE_ASSERT(query_done_key, offsetof(struct tidegate_query_done, key) == 52);
TIDEGATE_ASSERT(query_done_received, offsetof(struct tidegate_query_done, received) == 56);
TIDEGATE_ASSERT(query_done_sent, offsetof(struct tidegate_query_done, sent) == 64);
TIDEGATE_ASSERT(query_done_count, offsetof(struct tidegate_query_done, count) == 72);

/* The key's own timer was set. */
struct tidegate_cancel_all_after_set {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t deadline; /* When its orders go, nanoseconds since 1970; 0: it is disarmed. */
};
TIDEGATE_ASSERT(cancel_all_after_set_size, sizeof(struct tidegate_cancel_all_after_set) == 80);
TIDEGATE_ASSERT(cancel_all_after_set_session_sequence, offsetof(struct tidegate_cancel_all_after_set, session_sequence) == 0);
TIDEGATE_ASSERT(cancel_all_after_set_request, offsetof(struct tidegate_cancel_all_after_set, request) == 8);
TIDEGATE_ASSERT(cancel_all_after_set_sequence, offsetof(struct tidegate_cancel_all_after_set, sequence) == 16);
TIDEGATE_ASSERT(cancel_all_after_set_time, offsetof(struct tidegate_cancel_all_after_set, time) == 24);
TIDEGATE_ASSERT(cancel_all_after_set_account, offsetof(struct tidegate_cancel_all_after_set, account) == 32);
TIDEGATE_ASSERT(cancel_all_after_set_market, offsetof(struct tidegate_cancel_all_after_set, market) == 36);
TIDEGATE_ASSERT(cancel_all_after_set_epoch, offsetof(struct tidegate_cancel_all_after_set, epoch) == 40);
TIDEGATE_ASSERT(cancel_all_after_set_index, offsetof(struct tidegate_cancel_all_after_set, index) == 44);
TIDEGATE_ASSERT(cancel_all_after_set_degraded, offsetof(struct tidegate_cancel_all_after_set, degraded) == 48);
TIDEGATE_ASSERT(cancel_all_after_set_last, offsetof(struct tidegate_cancel_all_after_set, last) == 49);
TIDEGATE_ASSERT(cancel_all_after_set_tokens, offsetof(struct tidegate_cancel_all_after_set, tokens) == 50);
TIDEGATE_ASSERT(cancel_all_after_set_key, offsetof(struct tidegate_cancel_all_after_set, key) == 52);
TIDEGATE_ASSERT(cancel_all_after_set_received, offsetof(struct tidegate_cancel_all_after_set, received) == 56);
TIDEGATE_ASSERT(cancel_all_after_set_sent, offsetof(struct tidegate_cancel_all_after_set, sent) == 64);
TIDEGATE_ASSERT(cancel_all_after_set_deadline, offsetof(struct tidegate_cancel_all_after_set, deadline) == 72);

/* The key's own timer was due, and is disarmed: its cancelled orders came before this. */
struct tidegate_cancel_all_after_fired {
    uint64_t session_sequence; /* Position among the key's reports: dense, from 1. */
    uint64_t request; /* The request that this answers; on a later report of an order, the one that created it. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t account; /* Whose. */
    uint32_t market; /* Where; 0 where no market is concerned. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* Position among the events of that command. */
    uint8_t degraded; /* Released by a primary without a standby: safe on one disk only. enum tidegate_bool. */
    uint8_t last; /* The last event of its command. enum tidegate_bool. */
    uint16_t tokens; /* Tokens that the key has left; 65535 where there are as many or more, or no limit. */
    uint32_t key; /* The key whose report it is: on a drop copy, any of the owner group. */
    uint64_t received; /* When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection. */
    uint64_t sent; /* When the gateway wrote this report, nanoseconds since 1970. */
    uint64_t cancelled; /* How many orders went. */
};
TIDEGATE_ASSERT(cancel_all_after_fired_size, sizeof(struct tidegate_cancel_all_after_fired) == 80);
TIDEGATE_ASSERT(cancel_all_after_fired_session_sequence, offsetof(struct tidegate_cancel_all_after_fired, session_sequence) == 0);
TIDEGATE_ASSERT(cancel_all_after_fired_request, offsetof(struct tidegate_cancel_all_after_fired, request) == 8);
TIDEGATE_ASSERT(cancel_all_after_fired_sequence, offsetof(struct tidegate_cancel_all_after_fired, sequence) == 16);
TIDEGATE_ASSERT(cancel_all_after_fired_time, offsetof(struct tidegate_cancel_all_after_fired, time) == 24);
TIDEGATE_ASSERT(cancel_all_after_fired_account, offsetof(struct tidegate_cancel_all_after_fired, account) == 32);
TIDEGATE_ASSERT(cancel_all_after_fired_market, offsetof(struct tidegate_cancel_all_after_fired, market) == 36);
TIDEGATE_ASSERT(cancel_all_after_fired_epoch, offsetof(struct tidegate_cancel_all_after_fired, epoch) == 40);
TIDEGATE_ASSERT(cancel_all_after_fired_index, offsetof(struct tidegate_cancel_all_after_fired, index) == 44);
TIDEGATE_ASSERT(cancel_all_after_fired_degraded, offsetof(struct tidegate_cancel_all_after_fired, degraded) == 48);
TIDEGATE_ASSERT(cancel_all_after_fired_last, offsetof(struct tidegate_cancel_all_after_fired, last) == 49);
TIDEGATE_ASSERT(cancel_all_after_fired_tokens, offsetof(struct tidegate_cancel_all_after_fired, tokens) == 50);
TIDEGATE_ASSERT(cancel_all_after_fired_key, offsetof(struct tidegate_cancel_all_after_fired, key) == 52);
TIDEGATE_ASSERT(cancel_all_after_fired_received, offsetof(struct tidegate_cancel_all_after_fired, received) == 56);
TIDEGATE_ASSERT(cancel_all_after_fired_sent, offsetof(struct tidegate_cancel_all_after_fired, sent) == 64);
TIDEGATE_ASSERT(cancel_all_after_fired_cancelled, offsetof(struct tidegate_cancel_all_after_fired, cancelled) == 72);

/* The first frame of every datagram: what the frames after it are. */
struct tidegate_feed_packet {
    uint64_t stream; /* Identity of the numbering: the time of the journal's first record. Another one means that all numbers began anew. */
    uint64_t first_number; /* Increments: number of the first message, or, without any, of the next one to come. Snapshot: the number that it includes. */
    uint32_t market; /* Snapshot: its market. Increments: 0. */
    uint8_t channel; /* Which channel. enum tidegate_feed_channel. */
    uint8_t service; /* What the frames are. enum tidegate_feed_service. */
    uint8_t padding_22[2]; /* Zero. */
};
TIDEGATE_ASSERT(feed_packet_size, sizeof(struct tidegate_feed_packet) == 24);
TIDEGATE_ASSERT(feed_packet_stream, offsetof(struct tidegate_feed_packet, stream) == 0);
TIDEGATE_ASSERT(feed_packet_first_number, offsetof(struct tidegate_feed_packet, first_number) == 8);
TIDEGATE_ASSERT(feed_packet_market, offsetof(struct tidegate_feed_packet, market) == 16);
TIDEGATE_ASSERT(feed_packet_channel, offsetof(struct tidegate_feed_packet, channel) == 20);
TIDEGATE_ASSERT(feed_packet_service, offsetof(struct tidegate_feed_packet, service) == 21);
TIDEGATE_ASSERT(feed_packet_padding_22, offsetof(struct tidegate_feed_packet, padding_22) == 22);

/* Asks for a channel, of one market or of all. */
struct tidegate_feed_subscribe {
    uint64_t from; /* The first message that is wanted; 0 for a snapshot and what comes after it. */
    uint32_t market; /* Which market; 0 for all. */
    uint32_t epoch; /* The term of the last message that the client has on the channel; 0 where from is 0. */
    uint8_t channel; /* Which channel. enum tidegate_feed_channel. */
    uint8_t padding_17[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_subscribe_size, sizeof(struct tidegate_feed_subscribe) == 24);
TIDEGATE_ASSERT(feed_subscribe_from, offsetof(struct tidegate_feed_subscribe, from) == 0);
TIDEGATE_ASSERT(feed_subscribe_market, offsetof(struct tidegate_feed_subscribe, market) == 8);
TIDEGATE_ASSERT(feed_subscribe_epoch, offsetof(struct tidegate_feed_subscribe, epoch) == 12);
TIDEGATE_ASSERT(feed_subscribe_channel, offsetof(struct tidegate_feed_subscribe, channel) == 16);
TIDEGATE_ASSERT(feed_subscribe_padding_17, offsetof(struct tidegate_feed_subscribe, padding_17) == 17);

/* Asks for messages that were lost. */
struct tidegate_feed_retransmit {
    uint64_t first; /* Number of the first. */
    uint32_t count; /* How many, from 1. */
    uint8_t channel; /* Of which channel. enum tidegate_feed_channel. */
    uint8_t padding_13[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_retransmit_size, sizeof(struct tidegate_feed_retransmit) == 16);
TIDEGATE_ASSERT(feed_retransmit_first, offsetof(struct tidegate_feed_retransmit, first) == 0);
TIDEGATE_ASSERT(feed_retransmit_count, offsetof(struct tidegate_feed_retransmit, count) == 8);
TIDEGATE_ASSERT(feed_retransmit_channel, offsetof(struct tidegate_feed_retransmit, channel) == 12);
TIDEGATE_ASSERT(feed_retransmit_padding_13, offsetof(struct tidegate_feed_retransmit, padding_13) == 13);

/* Asks for the snapshot of a market, without what comes after it. */
struct tidegate_feed_snapshot_request {
    uint32_t market; /* Which market; 0 for all. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_5[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_snapshot_request_size, sizeof(struct tidegate_feed_snapshot_request) == 8);
TIDEGATE_ASSERT(feed_snapshot_request_market, offsetof(struct tidegate_feed_snapshot_request, market) == 0);
TIDEGATE_ASSERT(feed_snapshot_request_channel, offsetof(struct tidegate_feed_snapshot_request, channel) == 4);
TIDEGATE_ASSERT(feed_snapshot_request_padding_5, offsetof(struct tidegate_feed_snapshot_request, padding_5) == 5);

/* The first message of the server. */
struct tidegate_feed_hello {
    uint64_t stream; /* Identity of the numbering: the time of the journal's first record; 0 where there is none yet. */
    uint32_t node; /* The node. */
    uint32_t heartbeat_ms; /* The server says something at least this often; the client within ten of these. */
    uint64_t oldest_orders; /* The oldest message of the channel orders that is kept. */
    uint64_t oldest_levels; /* The same of levels. */
    uint64_t oldest_trades; /* The same of trades. */
    uint64_t next_orders; /* The next message of the channel orders. */
    uint64_t next_levels; /* The same of levels. */
    uint64_t next_trades; /* The same of trades. */
    uint32_t retransmit_max; /* Most messages that one FeedRetransmit may ask for. */
    uint8_t padding_68[4]; /* Zero. */
};
TIDEGATE_ASSERT(feed_hello_size, sizeof(struct tidegate_feed_hello) == 72);
TIDEGATE_ASSERT(feed_hello_stream, offsetof(struct tidegate_feed_hello, stream) == 0);
TIDEGATE_ASSERT(feed_hello_node, offsetof(struct tidegate_feed_hello, node) == 8);
TIDEGATE_ASSERT(feed_hello_heartbeat_ms, offsetof(struct tidegate_feed_hello, heartbeat_ms) == 12);
TIDEGATE_ASSERT(feed_hello_oldest_orders, offsetof(struct tidegate_feed_hello, oldest_orders) == 16);
TIDEGATE_ASSERT(feed_hello_oldest_levels, offsetof(struct tidegate_feed_hello, oldest_levels) == 24);
TIDEGATE_ASSERT(feed_hello_oldest_trades, offsetof(struct tidegate_feed_hello, oldest_trades) == 32);
TIDEGATE_ASSERT(feed_hello_next_orders, offsetof(struct tidegate_feed_hello, next_orders) == 40);
TIDEGATE_ASSERT(feed_hello_next_levels, offsetof(struct tidegate_feed_hello, next_levels) == 48);
TIDEGATE_ASSERT(feed_hello_next_trades, offsetof(struct tidegate_feed_hello, next_trades) == 56);
TIDEGATE_ASSERT(feed_hello_retransmit_max, offsetof(struct tidegate_feed_hello, retransmit_max) == 64);
TIDEGATE_ASSERT(feed_hello_padding_68, offsetof(struct tidegate_feed_hello, padding_68) == 68);

/* Nothing is missing up to these numbers; sent when nothing else was. */
struct tidegate_feed_heartbeat {
    uint64_t next_orders; /* The next message of the channel orders. */
    uint64_t next_levels; /* The same of levels. */
    uint64_t next_trades; /* The same of trades. */
};
TIDEGATE_ASSERT(feed_heartbeat_size, sizeof(struct tidegate_feed_heartbeat) == 24);
TIDEGATE_ASSERT(feed_heartbeat_next_orders, offsetof(struct tidegate_feed_heartbeat, next_orders) == 0);
TIDEGATE_ASSERT(feed_heartbeat_next_levels, offsetof(struct tidegate_feed_heartbeat, next_levels) == 8);
TIDEGATE_ASSERT(feed_heartbeat_next_trades, offsetof(struct tidegate_feed_heartbeat, next_trades) == 16);

/* Markets and snapshots of the subscription were sent; its messages follow, all of them from number first on. */
struct tidegate_feed_subscribed {
    uint64_t first; /* No message of the subscription from this number on is left out. */
    uint32_t market; /* As asked. */
    uint8_t channel; /* As asked. enum tidegate_feed_channel. */
    uint8_t padding_13[3]; /* Zero. */
    uint64_t next; /* The next message of the channel, at this moment. */
};
TIDEGATE_ASSERT(feed_subscribed_size, sizeof(struct tidegate_feed_subscribed) == 24);
TIDEGATE_ASSERT(feed_subscribed_first, offsetof(struct tidegate_feed_subscribed, first) == 0);
TIDEGATE_ASSERT(feed_subscribed_market, offsetof(struct tidegate_feed_subscribed, market) == 8);
TIDEGATE_ASSERT(feed_subscribed_channel, offsetof(struct tidegate_feed_subscribed, channel) == 12);
TIDEGATE_ASSERT(feed_subscribed_padding_13, offsetof(struct tidegate_feed_subscribed, padding_13) == 13);
TIDEGATE_ASSERT(feed_subscribed_next, offsetof(struct tidegate_feed_subscribed, next) == 16);

/* Messages of the channel that were asked for are not kept any more; snapshots follow. */
struct tidegate_feed_gap {
    uint64_t first; /* The first that is missing. */
    uint64_t last; /* The last that is missing. */
    uint32_t market; /* As asked. */
    uint8_t channel; /* Which channel. enum tidegate_feed_channel. */
    uint8_t padding_21[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_gap_size, sizeof(struct tidegate_feed_gap) == 24);
TIDEGATE_ASSERT(feed_gap_first, offsetof(struct tidegate_feed_gap, first) == 0);
TIDEGATE_ASSERT(feed_gap_last, offsetof(struct tidegate_feed_gap, last) == 8);
TIDEGATE_ASSERT(feed_gap_market, offsetof(struct tidegate_feed_gap, market) == 16);
TIDEGATE_ASSERT(feed_gap_channel, offsetof(struct tidegate_feed_gap, channel) == 20);
TIDEGATE_ASSERT(feed_gap_padding_21, offsetof(struct tidegate_feed_gap, padding_21) == 21);

/* All messages of a FeedRetransmit were sent. */
struct tidegate_feed_retransmitted {
    uint64_t first; /* Number of the first. */
    uint32_t count; /* How many. */
    uint8_t channel; /* Of which channel. enum tidegate_feed_channel. */
    uint8_t padding_13[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_retransmitted_size, sizeof(struct tidegate_feed_retransmitted) == 16);
TIDEGATE_ASSERT(feed_retransmitted_first, offsetof(struct tidegate_feed_retransmitted, first) == 0);
TIDEGATE_ASSERT(feed_retransmitted_count, offsetof(struct tidegate_feed_retransmitted, count) == 8);
TIDEGATE_ASSERT(feed_retransmitted_channel, offsetof(struct tidegate_feed_retransmitted, channel) == 12);
TIDEGATE_ASSERT(feed_retransmitted_padding_13, offsetof(struct tidegate_feed_retransmitted, padding_13) == 13);

/* A request was refused; the connection goes on. */
struct tidegate_feed_refused {
    uint64_t first; /* The first number of the request; 0 where it had none. */
    uint64_t oldest; /* The oldest message of the channel that is kept. */
    uint64_t next; /* The next message of the channel. */
    uint64_t limit; /* The limit that was broken; 0 where the rule is not a limit. */
    uint32_t market; /* The market of the request; 0 where it had none. */
    uint32_t retry_after_ms; /* When to ask again; 0 where asking again does not help. */
    uint16_t reason; /* Why. enum tidegate_feed_refusal. */
    uint8_t channel; /* The channel of the request. enum tidegate_feed_channel. */
    uint8_t padding_43[5]; /* Zero. */
};
TIDEGATE_ASSERT(feed_refused_size, sizeof(struct tidegate_feed_refused) == 48);
TIDEGATE_ASSERT(feed_refused_first, offsetof(struct tidegate_feed_refused, first) == 0);
TIDEGATE_ASSERT(feed_refused_oldest, offsetof(struct tidegate_feed_refused, oldest) == 8);
TIDEGATE_ASSERT(feed_refused_next, offsetof(struct tidegate_feed_refused, next) == 16);
TIDEGATE_ASSERT(feed_refused_limit, offsetof(struct tidegate_feed_refused, limit) == 24);
TIDEGATE_ASSERT(feed_refused_market, offsetof(struct tidegate_feed_refused, market) == 32);
TIDEGATE_ASSERT(feed_refused_retry_after_ms, offsetof(struct tidegate_feed_refused, retry_after_ms) == 36);
TIDEGATE_ASSERT(feed_refused_reason, offsetof(struct tidegate_feed_refused, reason) == 40);
TIDEGATE_ASSERT(feed_refused_channel, offsetof(struct tidegate_feed_refused, channel) == 42);
TIDEGATE_ASSERT(feed_refused_padding_43, offsetof(struct tidegate_feed_refused, padding_43) == 43);

/* The server ends the connection. */
struct tidegate_feed_logout {
    uint64_t resume_orders; /* The next message of the channel orders that this connection would have got. */
    uint64_t resume_levels; /* The same of levels. */
    uint64_t resume_trades; /* The same of trades. */
    uint16_t reason; /* Why. enum tidegate_feed_logout_reason. */
    uint8_t padding_26[6]; /* Zero. */
    char detail[64]; /* Field, value and limit, for people. */
};
TIDEGATE_ASSERT(feed_logout_size, sizeof(struct tidegate_feed_logout) == 96);
TIDEGATE_ASSERT(feed_logout_resume_orders, offsetof(struct tidegate_feed_logout, resume_orders) == 0);
TIDEGATE_ASSERT(feed_logout_resume_levels, offsetof(struct tidegate_feed_logout, resume_levels) == 8);
TIDEGATE_ASSERT(feed_logout_resume_trades, offsetof(struct tidegate_feed_logout, resume_trades) == 16);
TIDEGATE_ASSERT(feed_logout_reason, offsetof(struct tidegate_feed_logout, reason) == 24);
TIDEGATE_ASSERT(feed_logout_padding_26, offsetof(struct tidegate_feed_logout, padding_26) == 26);
TIDEGATE_ASSERT(feed_logout_detail, offsetof(struct tidegate_feed_logout, detail) == 32);

/* A market was created, open and empty. */
struct tidegate_feed_market {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    char name[16]; /* Its name. */
    char base[16]; /* Name of the asset that is traded. */
    char quote[16]; /* Name of the asset that pays. */
    uint64_t base_units_per_lot; /* Smallest units of the base asset in one lot. */
    uint64_t quote_units_per_tick_lot; /* Smallest units of the quote asset that one lot costs per tick. */
    uint32_t base_id; /* Id of the base asset. */
    uint32_t quote_id; /* Id of the quote asset. */
    uint32_t base_decimals; /* Decimal places of the base asset. */
    uint32_t quote_decimals; /* Decimal places of the quote asset. */
    uint8_t state; /* What it accepts. enum tidegate_market_state. */
    uint8_t padding_129[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_market_size, sizeof(struct tidegate_feed_market) == 136);
TIDEGATE_ASSERT(feed_market_number, offsetof(struct tidegate_feed_market, number) == 0);
TIDEGATE_ASSERT(feed_market_market_number, offsetof(struct tidegate_feed_market, market_number) == 8);
TIDEGATE_ASSERT(feed_market_sequence, offsetof(struct tidegate_feed_market, sequence) == 16);
TIDEGATE_ASSERT(feed_market_time, offsetof(struct tidegate_feed_market, time) == 24);
TIDEGATE_ASSERT(feed_market_market, offsetof(struct tidegate_feed_market, market) == 32);
TIDEGATE_ASSERT(feed_market_epoch, offsetof(struct tidegate_feed_market, epoch) == 36);
TIDEGATE_ASSERT(feed_market_index, offsetof(struct tidegate_feed_market, index) == 40);
TIDEGATE_ASSERT(feed_market_market_last, offsetof(struct tidegate_feed_market, market_last) == 44);
TIDEGATE_ASSERT(feed_market_last, offsetof(struct tidegate_feed_market, last) == 45);
TIDEGATE_ASSERT(feed_market_channel, offsetof(struct tidegate_feed_market, channel) == 46);
TIDEGATE_ASSERT(feed_market_padding_47, offsetof(struct tidegate_feed_market, padding_47) == 47);
TIDEGATE_ASSERT(feed_market_name, offsetof(struct tidegate_feed_market, name) == 48);
TIDEGATE_ASSERT(feed_market_base, offsetof(struct tidegate_feed_market, base) == 64);
TIDEGATE_ASSERT(feed_market_quote, offsetof(struct tidegate_feed_market, quote) == 80);
TIDEGATE_ASSERT(feed_market_base_units_per_lot, offsetof(struct tidegate_feed_market, base_units_per_lot) == 96);
TIDEGATE_ASSERT(feed_market_quote_units_per_tick_lot, offsetof(struct tidegate_feed_market, quote_units_per_tick_lot) == 104);
TIDEGATE_ASSERT(feed_market_base_id, offsetof(struct tidegate_feed_market, base_id) == 112);
TIDEGATE_ASSERT(feed_market_quote_id, offsetof(struct tidegate_feed_market, quote_id) == 116);
TIDEGATE_ASSERT(feed_market_base_decimals, offsetof(struct tidegate_feed_market, base_decimals) == 120);
TIDEGATE_ASSERT(feed_market_quote_decimals, offsetof(struct tidegate_feed_market, quote_decimals) == 124);
TIDEGATE_ASSERT(feed_market_state, offsetof(struct tidegate_feed_market, state) == 128);
TIDEGATE_ASSERT(feed_market_padding_129, offsetof(struct tidegate_feed_market, padding_129) == 129);

/* A market changed its state: halts and their ends. */
struct tidegate_feed_market_state {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint8_t state; /* What it accepts from here on. enum tidegate_market_state. */
    uint8_t padding_49[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_market_state_size, sizeof(struct tidegate_feed_market_state) == 56);
TIDEGATE_ASSERT(feed_market_state_number, offsetof(struct tidegate_feed_market_state, number) == 0);
TIDEGATE_ASSERT(feed_market_state_market_number, offsetof(struct tidegate_feed_market_state, market_number) == 8);
TIDEGATE_ASSERT(feed_market_state_sequence, offsetof(struct tidegate_feed_market_state, sequence) == 16);
TIDEGATE_ASSERT(feed_market_state_time, offsetof(struct tidegate_feed_market_state, time) == 24);
TIDEGATE_ASSERT(feed_market_state_market, offsetof(struct tidegate_feed_market_state, market) == 32);
TIDEGATE_ASSERT(feed_market_state_epoch, offsetof(struct tidegate_feed_market_state, epoch) == 36);
TIDEGATE_ASSERT(feed_market_state_index, offsetof(struct tidegate_feed_market_state, index) == 40);
TIDEGATE_ASSERT(feed_market_state_market_last, offsetof(struct tidegate_feed_market_state, market_last) == 44);
TIDEGATE_ASSERT(feed_market_state_last, offsetof(struct tidegate_feed_market_state, last) == 45);
TIDEGATE_ASSERT(feed_market_state_channel, offsetof(struct tidegate_feed_market_state, channel) == 46);
TIDEGATE_ASSERT(feed_market_state_padding_47, offsetof(struct tidegate_feed_market_state, padding_47) == 47);
TIDEGATE_ASSERT(feed_market_state_state, offsetof(struct tidegate_feed_market_state, state) == 48);
TIDEGATE_ASSERT(feed_market_state_padding_49, offsetof(struct tidegate_feed_market_state, padding_49) == 49);

/* An order is shown, at the tail of its price. The next part of an iceberg comes under its old id. */
struct tidegate_feed_order_added {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint64_t order; /* Its id. */
    int64_t price; /* Its price in ticks. */
    uint64_t qty; /* What is shown of it, in lots. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_73[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_order_added_size, sizeof(struct tidegate_feed_order_added) == 80);
TIDEGATE_ASSERT(feed_order_added_number, offsetof(struct tidegate_feed_order_added, number) == 0);
TIDEGATE_ASSERT(feed_order_added_market_number, offsetof(struct tidegate_feed_order_added, market_number) == 8);
TIDEGATE_ASSERT(feed_order_added_sequence, offsetof(struct tidegate_feed_order_added, sequence) == 16);
TIDEGATE_ASSERT(feed_order_added_time, offsetof(struct tidegate_feed_order_added, time) == 24);
TIDEGATE_ASSERT(feed_order_added_market, offsetof(struct tidegate_feed_order_added, market) == 32);
TIDEGATE_ASSERT(feed_order_added_epoch, offsetof(struct tidegate_feed_order_added, epoch) == 36);
TIDEGATE_ASSERT(feed_order_added_index, offsetof(struct tidegate_feed_order_added, index) == 40);
TIDEGATE_ASSERT(feed_order_added_market_last, offsetof(struct tidegate_feed_order_added, market_last) == 44);
TIDEGATE_ASSERT(feed_order_added_last, offsetof(struct tidegate_feed_order_added, last) == 45);
TIDEGATE_ASSERT(feed_order_added_channel, offsetof(struct tidegate_feed_order_added, channel) == 46);
TIDEGATE_ASSERT(feed_order_added_padding_47, offsetof(struct tidegate_feed_order_added, padding_47) == 47);
TIDEGATE_ASSERT(feed_order_added_order, offsetof(struct tidegate_feed_order_added, order) == 48);
TIDEGATE_ASSERT(feed_order_added_price, offsetof(struct tidegate_feed_order_added, price) == 56);
TIDEGATE_ASSERT(feed_order_added_qty, offsetof(struct tidegate_feed_order_added, qty) == 64);
TIDEGATE_ASSERT(feed_order_added_side, offsetof(struct tidegate_feed_order_added, side) == 72);
TIDEGATE_ASSERT(feed_order_added_padding_73, offsetof(struct tidegate_feed_order_added, padding_73) == 73);

/* An order that is shown traded. */
struct tidegate_feed_order_executed {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint64_t order; /* Which. */
    uint64_t qty; /* How much traded, in lots; of an iceberg that is met twice by one taker it can be more than was shown. */
    uint64_t displayed; /* What is still shown; 0: it is taken off the book. It keeps its place. */
};
TIDEGATE_ASSERT(feed_order_executed_size, sizeof(struct tidegate_feed_order_executed) == 72);
TIDEGATE_ASSERT(feed_order_executed_number, offsetof(struct tidegate_feed_order_executed, number) == 0);
TIDEGATE_ASSERT(feed_order_executed_market_number, offsetof(struct tidegate_feed_order_executed, market_number) == 8);
TIDEGATE_ASSERT(feed_order_executed_sequence, offsetof(struct tidegate_feed_order_executed, sequence) == 16);
TIDEGATE_ASSERT(feed_order_executed_time, offsetof(struct tidegate_feed_order_executed, time) == 24);
TIDEGATE_ASSERT(feed_order_executed_market, offsetof(struct tidegate_feed_order_executed, market) == 32);
TIDEGATE_ASSERT(feed_order_executed_epoch, offsetof(struct tidegate_feed_order_executed, epoch) == 36);
TIDEGATE_ASSERT(feed_order_executed_index, offsetof(struct tidegate_feed_order_executed, index) == 40);
TIDEGATE_ASSERT(feed_order_executed_market_last, offsetof(struct tidegate_feed_order_executed, market_last) == 44);
TIDEGATE_ASSERT(feed_order_executed_last, offsetof(struct tidegate_feed_order_executed, last) == 45);
TIDEGATE_ASSERT(feed_order_executed_channel, offsetof(struct tidegate_feed_order_executed, channel) == 46);
TIDEGATE_ASSERT(feed_order_executed_padding_47, offsetof(struct tidegate_feed_order_executed, padding_47) == 47);
TIDEGATE_ASSERT(feed_order_executed_order, offsetof(struct tidegate_feed_order_executed, order) == 48);
TIDEGATE_ASSERT(feed_order_executed_qty, offsetof(struct tidegate_feed_order_executed, qty) == 56);
TIDEGATE_ASSERT(feed_order_executed_displayed, offsetof(struct tidegate_feed_order_executed, displayed) == 64);

/* What is shown of an order changed; it keeps its place. */
struct tidegate_feed_order_changed {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint64_t order; /* Which. */
    uint64_t displayed; /* What is shown from here on, in lots; at least 1. */
};
TIDEGATE_ASSERT(feed_order_changed_size, sizeof(struct tidegate_feed_order_changed) == 64);
TIDEGATE_ASSERT(feed_order_changed_number, offsetof(struct tidegate_feed_order_changed, number) == 0);
TIDEGATE_ASSERT(feed_order_changed_market_number, offsetof(struct tidegate_feed_order_changed, market_number) == 8);
TIDEGATE_ASSERT(feed_order_changed_sequence, offsetof(struct tidegate_feed_order_changed, sequence) == 16);
TIDEGATE_ASSERT(feed_order_changed_time, offsetof(struct tidegate_feed_order_changed, time) == 24);
TIDEGATE_ASSERT(feed_order_changed_market, offsetof(struct tidegate_feed_order_changed, market) == 32);
TIDEGATE_ASSERT(feed_order_changed_epoch, offsetof(struct tidegate_feed_order_changed, epoch) == 36);
TIDEGATE_ASSERT(feed_order_changed_index, offsetof(struct tidegate_feed_order_changed, index) == 40);
TIDEGATE_ASSERT(feed_order_changed_market_last, offsetof(struct tidegate_feed_order_changed, market_last) == 44);
TIDEGATE_ASSERT(feed_order_changed_last, offsetof(struct tidegate_feed_order_changed, last) == 45);
TIDEGATE_ASSERT(feed_order_changed_channel, offsetof(struct tidegate_feed_order_changed, channel) == 46);
TIDEGATE_ASSERT(feed_order_changed_padding_47, offsetof(struct tidegate_feed_order_changed, padding_47) == 47);
TIDEGATE_ASSERT(feed_order_changed_order, offsetof(struct tidegate_feed_order_changed, order) == 48);
TIDEGATE_ASSERT(feed_order_changed_displayed, offsetof(struct tidegate_feed_order_changed, displayed) == 56);

/* An order is taken off the book. */
struct tidegate_feed_order_deleted {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint64_t order; /* Which. */
};
TIDEGATE_ASSERT(feed_order_deleted_size, sizeof(struct tidegate_feed_order_deleted) == 56);
TIDEGATE_ASSERT(feed_order_deleted_number, offsetof(struct tidegate_feed_order_deleted, number) == 0);
TIDEGATE_ASSERT(feed_order_deleted_market_number, offsetof(struct tidegate_feed_order_deleted, market_number) == 8);
TIDEGATE_ASSERT(feed_order_deleted_sequence, offsetof(struct tidegate_feed_order_deleted, sequence) == 16);
TIDEGATE_ASSERT(feed_order_deleted_time, offsetof(struct tidegate_feed_order_deleted, time) == 24);
TIDEGATE_ASSERT(feed_order_deleted_market, offsetof(struct tidegate_feed_order_deleted, market) == 32);
TIDEGATE_ASSERT(feed_order_deleted_epoch, offsetof(struct tidegate_feed_order_deleted, epoch) == 36);
TIDEGATE_ASSERT(feed_order_deleted_index, offsetof(struct tidegate_feed_order_deleted, index) == 40);
TIDEGATE_ASSERT(feed_order_deleted_market_last, offsetof(struct tidegate_feed_order_deleted, market_last) == 44);
TIDEGATE_ASSERT(feed_order_deleted_last, offsetof(struct tidegate_feed_order_deleted, last) == 45);
TIDEGATE_ASSERT(feed_order_deleted_channel, offsetof(struct tidegate_feed_order_deleted, channel) == 46);
TIDEGATE_ASSERT(feed_order_deleted_padding_47, offsetof(struct tidegate_feed_order_deleted, padding_47) == 47);
TIDEGATE_ASSERT(feed_order_deleted_order, offsetof(struct tidegate_feed_order_deleted, order) == 48);

/* A level as it is after the command. */
struct tidegate_feed_level {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    int64_t price; /* Its price in ticks. */
    struct tidegate_u128 lots; /* What is shown at it, in lots; 0: it is gone. */
    uint32_t orders; /* Orders that are shown at it. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_77[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_level_size, sizeof(struct tidegate_feed_level) == 80);
TIDEGATE_ASSERT(feed_level_number, offsetof(struct tidegate_feed_level, number) == 0);
TIDEGATE_ASSERT(feed_level_market_number, offsetof(struct tidegate_feed_level, market_number) == 8);
TIDEGATE_ASSERT(feed_level_sequence, offsetof(struct tidegate_feed_level, sequence) == 16);
TIDEGATE_ASSERT(feed_level_time, offsetof(struct tidegate_feed_level, time) == 24);
TIDEGATE_ASSERT(feed_level_market, offsetof(struct tidegate_feed_level, market) == 32);
TIDEGATE_ASSERT(feed_level_epoch, offsetof(struct tidegate_feed_level, epoch) == 36);
TIDEGATE_ASSERT(feed_level_index, offsetof(struct tidegate_feed_level, index) == 40);
TIDEGATE_ASSERT(feed_level_market_last, offsetof(struct tidegate_feed_level, market_last) == 44);
TIDEGATE_ASSERT(feed_level_last, offsetof(struct tidegate_feed_level, last) == 45);
TIDEGATE_ASSERT(feed_level_channel, offsetof(struct tidegate_feed_level, channel) == 46);
TIDEGATE_ASSERT(feed_level_padding_47, offsetof(struct tidegate_feed_level, padding_47) == 47);
TIDEGATE_ASSERT(feed_level_price, offsetof(struct tidegate_feed_level, price) == 48);
TIDEGATE_ASSERT(feed_level_lots, offsetof(struct tidegate_feed_level, lots) == 56);
TIDEGATE_ASSERT(feed_level_orders, offsetof(struct tidegate_feed_level, orders) == 72);
TIDEGATE_ASSERT(feed_level_side, offsetof(struct tidegate_feed_level, side) == 76);
TIDEGATE_ASSERT(feed_level_padding_77, offsetof(struct tidegate_feed_level, padding_77) == 77);

/* A trade, at the resting order's price. */
struct tidegate_feed_trade {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    int64_t price; /* Its price in ticks. */
    uint64_t qty; /* Its quantity in lots. */
    uint64_t taker_order; /* The order that came in. */
    uint64_t maker_order; /* The order that rested. */
    uint8_t taker_side; /* Side of the order that came in. enum tidegate_side. */
    uint8_t padding_81[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_trade_size, sizeof(struct tidegate_feed_trade) == 88);
TIDEGATE_ASSERT(feed_trade_number, offsetof(struct tidegate_feed_trade, number) == 0);
TIDEGATE_ASSERT(feed_trade_market_number, offsetof(struct tidegate_feed_trade, market_number) == 8);
TIDEGATE_ASSERT(feed_trade_sequence, offsetof(struct tidegate_feed_trade, sequence) == 16);
TIDEGATE_ASSERT(feed_trade_time, offsetof(struct tidegate_feed_trade, time) == 24);
TIDEGATE_ASSERT(feed_trade_market, offsetof(struct tidegate_feed_trade, market) == 32);
TIDEGATE_ASSERT(feed_trade_epoch, offsetof(struct tidegate_feed_trade, epoch) == 36);
TIDEGATE_ASSERT(feed_trade_index, offsetof(struct tidegate_feed_trade, index) == 40);
TIDEGATE_ASSERT(feed_trade_market_last, offsetof(struct tidegate_feed_trade, market_last) == 44);
TIDEGATE_ASSERT(feed_trade_last, offsetof(struct tidegate_feed_trade, last) == 45);
TIDEGATE_ASSERT(feed_trade_channel, offsetof(struct tidegate_feed_trade, channel) == 46);
TIDEGATE_ASSERT(feed_trade_padding_47, offsetof(struct tidegate_feed_trade, padding_47) == 47);
TIDEGATE_ASSERT(feed_trade_price, offsetof(struct tidegate_feed_trade, price) == 48);
TIDEGATE_ASSERT(feed_trade_qty, offsetof(struct tidegate_feed_trade, qty) == 56);
TIDEGATE_ASSERT(feed_trade_taker_order, offsetof(struct tidegate_feed_trade, taker_order) == 64);
TIDEGATE_ASSERT(feed_trade_maker_order, offsetof(struct tidegate_feed_trade, maker_order) == 72);
TIDEGATE_ASSERT(feed_trade_taker_side, offsetof(struct tidegate_feed_trade, taker_side) == 80);
TIDEGATE_ASSERT(feed_trade_padding_81, offsetof(struct tidegate_feed_trade, padding_81) == 81);

/* The ten best levels of both sides, after all other messages of its command. */
struct tidegate_feed_checksum {
    uint64_t number; /* Position on the channel: dense, from 1. */
    uint64_t market_number; /* Position among the messages of this market on the channel: dense, from 1. */
    uint64_t sequence; /* The command that caused it: its place in the journal. */
    uint64_t time; /* When the sequencer took that command, nanoseconds since 1970. */
    uint32_t market; /* Which market. */
    uint32_t epoch; /* The leadership term of that command. */
    uint32_t index; /* The event of that command that caused it; of a trade with (sequence, index) its identity. */
    uint8_t market_last; /* The last message of its command for this market: its book is consistent after it. enum tidegate_bool. */
    uint8_t last; /* The last message of its command on this channel: every book is. enum tidegate_bool. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_47[1]; /* Zero. */
    uint32_t checksum; /* CRC-32C of them, as FEED.md lays them out. */
    uint8_t padding_52[4]; /* Zero. */
};
TIDEGATE_ASSERT(feed_checksum_size, sizeof(struct tidegate_feed_checksum) == 56);
TIDEGATE_ASSERT(feed_checksum_number, offsetof(struct tidegate_feed_checksum, number) == 0);
TIDEGATE_ASSERT(feed_checksum_market_number, offsetof(struct tidegate_feed_checksum, market_number) == 8);
TIDEGATE_ASSERT(feed_checksum_sequence, offsetof(struct tidegate_feed_checksum, sequence) == 16);
TIDEGATE_ASSERT(feed_checksum_time, offsetof(struct tidegate_feed_checksum, time) == 24);
TIDEGATE_ASSERT(feed_checksum_market, offsetof(struct tidegate_feed_checksum, market) == 32);
TIDEGATE_ASSERT(feed_checksum_epoch, offsetof(struct tidegate_feed_checksum, epoch) == 36);
TIDEGATE_ASSERT(feed_checksum_index, offsetof(struct tidegate_feed_checksum, index) == 40);
TIDEGATE_ASSERT(feed_checksum_market_last, offsetof(struct tidegate_feed_checksum, market_last) == 44);
TIDEGATE_ASSERT(feed_checksum_last, offsetof(struct tidegate_feed_checksum, last) == 45);
TIDEGATE_ASSERT(feed_checksum_channel, offsetof(struct tidegate_feed_checksum, channel) == 46);
TIDEGATE_ASSERT(feed_checksum_padding_47, offsetof(struct tidegate_feed_checksum, padding_47) == 47);
TIDEGATE_ASSERT(feed_checksum_checksum, offsetof(struct tidegate_feed_checksum, checksum) == 48);
TIDEGATE_ASSERT(feed_checksum_padding_52, offsetof(struct tidegate_feed_checksum, padding_52) == 52);

/* The first piece of a snapshot, position 0: the market. On the channel trades it is the only one. */
struct tidegate_feed_snapshot_begin {
    uint64_t number; /* The snapshot includes every message of the channel up to this one. */
    uint32_t market; /* Which market. */
    uint32_t position; /* Position in the snapshot, from 0. */
    uint32_t total; /* Pieces of the snapshot, this one included. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_21[3]; /* Zero. */
    uint64_t market_number; /* The last message of this market that is included. */
    uint64_t sequence; /* The last command that is included. */
    uint64_t time; /* When that was, nanoseconds since 1970. */
    char name[16]; /* The market's name. */
    char base[16]; /* Name of the asset that is traded. */
    char quote[16]; /* Name of the asset that pays. */
    uint64_t base_units_per_lot; /* Smallest units of the base asset in one lot. */
    uint64_t quote_units_per_tick_lot; /* Smallest units of the quote asset that one lot costs per tick. */
    uint32_t base_id; /* Id of the base asset. */
    uint32_t quote_id; /* Id of the quote asset. */
    uint32_t base_decimals; /* Decimal places of the base asset. */
    uint32_t quote_decimals; /* Decimal places of the quote asset. */
    uint8_t state; /* What it accepts. enum tidegate_market_state. */
    uint8_t padding_129[3]; /* Zero. */
    uint32_t checksum; /* CRC-32C of the ten best levels of both sides; 0 on the channel trades. */
    uint64_t orders; /* Orders that are shown; 0 on the channel trades. */
    uint64_t stream; /* Identity of the numbering, as in FeedHello. */
    uint32_t epoch; /* The leadership term of the last command that is included. */
    uint8_t padding_end[4]; /* Zero. */
};
TIDEGATE_ASSERT(feed_snapshot_begin_size, sizeof(struct tidegate_feed_snapshot_begin) == 160);
TIDEGATE_ASSERT(feed_snapshot_begin_number, offsetof(struct tidegate_feed_snapshot_begin, number) == 0);
TIDEGATE_ASSERT(feed_snapshot_begin_market, offsetof(struct tidegate_feed_snapshot_begin, market) == 8);
TIDEGATE_ASSERT(feed_snapshot_begin_position, offsetof(struct tidegate_feed_snapshot_begin, position) == 12);
TIDEGATE_ASSERT(feed_snapshot_begin_total, offsetof(struct tidegate_feed_snapshot_begin, total) == 16);
TIDEGATE_ASSERT(feed_snapshot_begin_channel, offsetof(struct tidegate_feed_snapshot_begin, channel) == 20);
TIDEGATE_ASSERT(feed_snapshot_begin_padding_21, offsetof(struct tidegate_feed_snapshot_begin, padding_21) == 21);
TIDEGATE_ASSERT(feed_snapshot_begin_market_number, offsetof(struct tidegate_feed_snapshot_begin, market_number) == 24);
TIDEGATE_ASSERT(feed_snapshot_begin_sequence, offsetof(struct tidegate_feed_snapshot_begin, sequence) == 32);
TIDEGATE_ASSERT(feed_snapshot_begin_time, offsetof(struct tidegate_feed_snapshot_begin, time) == 40);
TIDEGATE_ASSERT(feed_snapshot_begin_name, offsetof(struct tidegate_feed_snapshot_begin, name) == 48);
TIDEGATE_ASSERT(feed_snapshot_begin_base, offsetof(struct tidegate_feed_snapshot_begin, base) == 64);
TIDEGATE_ASSERT(feed_snapshot_begin_quote, offsetof(struct tidegate_feed_snapshot_begin, quote) == 80);
TIDEGATE_ASSERT(feed_snapshot_begin_base_units_per_lot, offsetof(struct tidegate_feed_snapshot_begin, base_units_per_lot) == 96);
TIDEGATE_ASSERT(feed_snapshot_begin_quote_units_per_tick_lot, offsetof(struct tidegate_feed_snapshot_begin, quote_units_per_tick_lot) == 104);
TIDEGATE_ASSERT(feed_snapshot_begin_base_id, offsetof(struct tidegate_feed_snapshot_begin, base_id) == 112);
TIDEGATE_ASSERT(feed_snapshot_begin_quote_id, offsetof(struct tidegate_feed_snapshot_begin, quote_id) == 116);
TIDEGATE_ASSERT(feed_snapshot_begin_base_decimals, offsetof(struct tidegate_feed_snapshot_begin, base_decimals) == 120);
TIDEGATE_ASSERT(feed_snapshot_begin_quote_decimals, offsetof(struct tidegate_feed_snapshot_begin, quote_decimals) == 124);
TIDEGATE_ASSERT(feed_snapshot_begin_state, offsetof(struct tidegate_feed_snapshot_begin, state) == 128);
TIDEGATE_ASSERT(feed_snapshot_begin_padding_129, offsetof(struct tidegate_feed_snapshot_begin, padding_129) == 129);
TIDEGATE_ASSERT(feed_snapshot_begin_checksum, offsetof(struct tidegate_feed_snapshot_begin, checksum) == 132);
TIDEGATE_ASSERT(feed_snapshot_begin_orders, offsetof(struct tidegate_feed_snapshot_begin, orders) == 136);
TIDEGATE_ASSERT(feed_snapshot_begin_stream, offsetof(struct tidegate_feed_snapshot_begin, stream) == 144);
TIDEGATE_ASSERT(feed_snapshot_begin_epoch, offsetof(struct tidegate_feed_snapshot_begin, epoch) == 152);
TIDEGATE_ASSERT(feed_snapshot_begin_padding_end, offsetof(struct tidegate_feed_snapshot_begin, padding_end) == 156);

/* An order. Bids come first, then asks, each in the order in which they would trade. */
struct tidegate_feed_snapshot_order {
    uint64_t number; /* The snapshot includes every message of the channel up to this one. */
    uint32_t market; /* Which market. */
    uint32_t position; /* Position in the snapshot, from 0. */
    uint32_t total; /* Pieces of the snapshot, this one included. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_21[3]; /* Zero. */
    uint64_t order; /* Its id. */
    int64_t price; /* Its price in ticks. */
    uint64_t qty; /* What is shown of it, in lots. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_49[7]; /* Zero. */
};
TIDEGATE_ASSERT(feed_snapshot_order_size, sizeof(struct tidegate_feed_snapshot_order) == 56);
TIDEGATE_ASSERT(feed_snapshot_order_number, offsetof(struct tidegate_feed_snapshot_order, number) == 0);
TIDEGATE_ASSERT(feed_snapshot_order_market, offsetof(struct tidegate_feed_snapshot_order, market) == 8);
TIDEGATE_ASSERT(feed_snapshot_order_position, offsetof(struct tidegate_feed_snapshot_order, position) == 12);
TIDEGATE_ASSERT(feed_snapshot_order_total, offsetof(struct tidegate_feed_snapshot_order, total) == 16);
TIDEGATE_ASSERT(feed_snapshot_order_channel, offsetof(struct tidegate_feed_snapshot_order, channel) == 20);
TIDEGATE_ASSERT(feed_snapshot_order_padding_21, offsetof(struct tidegate_feed_snapshot_order, padding_21) == 21);
TIDEGATE_ASSERT(feed_snapshot_order_order, offsetof(struct tidegate_feed_snapshot_order, order) == 24);
TIDEGATE_ASSERT(feed_snapshot_order_price, offsetof(struct tidegate_feed_snapshot_order, price) == 32);
TIDEGATE_ASSERT(feed_snapshot_order_qty, offsetof(struct tidegate_feed_snapshot_order, qty) == 40);
TIDEGATE_ASSERT(feed_snapshot_order_side, offsetof(struct tidegate_feed_snapshot_order, side) == 48);
TIDEGATE_ASSERT(feed_snapshot_order_padding_49, offsetof(struct tidegate_feed_snapshot_order, padding_49) == 49);

/* A level. Bids come first, then asks, best first. */
struct tidegate_feed_snapshot_level {
    uint64_t number; /* The snapshot includes every message of the channel up to this one. */
    uint32_t market; /* Which market. */
    uint32_t position; /* Position in the snapshot, from 0. */
    uint32_t total; /* Pieces of the snapshot, this one included. */
    uint8_t channel; /* On which channel. enum tidegate_feed_channel. */
    uint8_t padding_21[3]; /* Zero. */
    int64_t price; /* Its price in ticks. */
    struct tidegate_u128 lots; /* What is shown at it, in lots. */
    uint32_t orders; /* Orders that are shown at it. */
    uint8_t side; /* Its side. enum tidegate_side. */
    uint8_t padding_53[3]; /* Zero. */
};
TIDEGATE_ASSERT(feed_snapshot_level_size, sizeof(struct tidegate_feed_snapshot_level) == 56);
TIDEGATE_ASSERT(feed_snapshot_level_number, offsetof(struct tidegate_feed_snapshot_level, number) == 0);
TIDEGATE_ASSERT(feed_snapshot_level_market, offsetof(struct tidegate_feed_snapshot_level, market) == 8);
TIDEGATE_ASSERT(feed_snapshot_level_position, offsetof(struct tidegate_feed_snapshot_level, position) == 12);
TIDEGATE_ASSERT(feed_snapshot_level_total, offsetof(struct tidegate_feed_snapshot_level, total) == 16);
TIDEGATE_ASSERT(feed_snapshot_level_channel, offsetof(struct tidegate_feed_snapshot_level, channel) == 20);
TIDEGATE_ASSERT(feed_snapshot_level_padding_21, offsetof(struct tidegate_feed_snapshot_level, padding_21) == 21);
TIDEGATE_ASSERT(feed_snapshot_level_price, offsetof(struct tidegate_feed_snapshot_level, price) == 24);
TIDEGATE_ASSERT(feed_snapshot_level_lots, offsetof(struct tidegate_feed_snapshot_level, lots) == 32);
TIDEGATE_ASSERT(feed_snapshot_level_orders, offsetof(struct tidegate_feed_snapshot_level, orders) == 48);
TIDEGATE_ASSERT(feed_snapshot_level_side, offsetof(struct tidegate_feed_snapshot_level, side) == 52);
TIDEGATE_ASSERT(feed_snapshot_level_padding_53, offsetof(struct tidegate_feed_snapshot_level, padding_53) == 53);

/* Writes a frame around a block to `frame`, which has room for TIDEGATE_FRAME_HEADER_LENGTH + block_length bytes. `block`
 * may be NULL where block_length is 0. Returns the length of the frame. */
static inline size_t tidegate_encode(uint8_t *frame, uint16_t template_id, const void *block, uint16_t block_length) {
    struct tidegate_frame_header header;
    header.length = (uint32_t)TIDEGATE_FRAME_HEADER_LENGTH + block_length;
    header.protocol_version = TIDEGATE_PROTOCOL_VERSION;
    header.flags = 0;
    header.block_length = block_length;
    header.template_id = template_id;
    header.schema_id = TIDEGATE_SCHEMA_ID;
    header.schema_version = TIDEGATE_SCHEMA_VERSION;
    memcpy(frame, &header, sizeof header);
    if (block_length > 0) {
        memcpy(frame + sizeof header, block, block_length);
    }
    return header.length;
}

/* Writes a frame of a block and a group of `count` entries of `entry_length` bytes each to `frame`, which has room for
 * TIDEGATE_FRAME_LENGTH_MAX bytes. Returns the length of the frame, or 0 where it would be longer than that. */
static inline size_t tidegate_encode_group(uint8_t *frame, uint16_t template_id, const void *block,
                                           uint16_t block_length, const void *entries, uint16_t entry_length,
                                           uint16_t count) {
    struct tidegate_group_size size;
    const size_t start = TIDEGATE_FRAME_HEADER_LENGTH + (size_t)block_length;
    const size_t entries_length = (size_t)entry_length * count;
    uint32_t length;
    if (start + sizeof size + entries_length > TIDEGATE_FRAME_LENGTH_MAX) {
        return 0;
    }
    tidegate_encode(frame, template_id, block, block_length);
    size.entry_length = entry_length;
    size.count = count;
    size.padding = 0;
    memcpy(frame + start, &size, sizeof size);
    if (entries_length > 0) {
        memcpy(frame + start + sizeof size, entries, entries_length);
    }
    length = (uint32_t)(start + sizeof size + entries_length);
    memcpy(frame, &length, sizeof length);
    return length;
}

/* Looks at the first `length` bytes of a stream. Returns the length of the first frame and its header when all of it is
 * there, 0 when more bytes are needed, and -1 when these bytes are not a frame of this protocol. */
static inline int tidegate_frame(const uint8_t *bytes, size_t length, struct tidegate_frame_header *header) {
    uint32_t frame_length;
    if (length < sizeof frame_length) {
        return 0;
    }
    memcpy(&frame_length, bytes, sizeof frame_length);
    if (frame_length < TIDEGATE_FRAME_HEADER_LENGTH || frame_length > TIDEGATE_FRAME_LENGTH_MAX) {
        return -1;
    }
    if (length < frame_length) {
        return 0;
    }
    memcpy(header, bytes, sizeof *header);
    if (header->protocol_version != TIDEGATE_PROTOCOL_VERSION || header->flags != 0 ||
        header->block_length > header->length - TIDEGATE_FRAME_HEADER_LENGTH ||
        header->schema_id != TIDEGATE_SCHEMA_ID || header->schema_version < TIDEGATE_SCHEMA_VERSION) {
        return -1;
    }
    return (int)frame_length;
}

/* Copies the block of a whole frame into a struct of `size` bytes. A longer block is of a newer version, and what this
 * header does not know of it is left out; a shorter one is not the message: returns -1. */
static inline int tidegate_decode(const uint8_t *frame, void *block, size_t size) {
    struct tidegate_frame_header header;
    memcpy(&header, frame, sizeof header);
    if (header.block_length < size) {
        return -1;
    }
    memcpy(block, frame + sizeof header, size);
    return 0;
}

/* The bytes that a logon signs with Ed25519. */
static inline void tidegate_logon_bytes(const struct tidegate_challenge *challenge, uint32_t key,
                                        uint8_t bytes[TIDEGATE_LOGON_BYTES_LENGTH]) {
    memcpy(bytes, "tidegate-logon-v1", 17);
    memcpy(bytes + 17, &challenge->cluster, 16);
    memcpy(bytes + 33, &challenge->node, 4);
    memcpy(bytes + 37, challenge->nonce, 32);
    memcpy(bytes + 69, &key, 4);
}

#ifdef __cplusplus
}
#endif
#endif
