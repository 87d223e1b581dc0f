-- The tables of the SQL sink. One name from socket to column: see ARCHITECTURE.md.
--
-- Numbers: sequences, ids, ticks, lots and times (nanoseconds since the Unix epoch) are INTEGER. Amounts of an asset and
-- a client's request numbers may exceed 63 bits, so they are TEXT: decimal digits, with a leading minus where negative,
-- in the asset's smallest unit. Add them as exact integers, never as floats.

CREATE TABLE sink_position (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    epoch       INTEGER NOT NULL,   -- highest term of a node that wrote here: a lower one is refused
    sequence    INTEGER NOT NULL,   -- the last event that is projected; 0 before the first
    event_index INTEGER NOT NULL
);

CREATE TABLE assets (
    asset_id         INTEGER PRIMARY KEY,
    name             TEXT NOT NULL,
    decimals         INTEGER NOT NULL,
    created_sequence INTEGER NOT NULL
);

CREATE TABLE markets (
    market_id                INTEGER PRIMARY KEY,
    name                     TEXT NOT NULL,
    base_asset_id            INTEGER NOT NULL,
    quote_asset_id           INTEGER NOT NULL,
    base_units_per_lot       TEXT NOT NULL,
    quote_units_per_tick_lot TEXT NOT NULL,
    maker_fee_ppm            INTEGER NOT NULL,
    taker_fee_ppm            INTEGER NOT NULL,
    qty_max_lots             TEXT NOT NULL,
    price_max_ticks          INTEGER NOT NULL,
    state                    TEXT NOT NULL,
    created_sequence         INTEGER NOT NULL
);

-- Two holders that are no clients: 0 collects the fees, -1 is the world outside, where deposits come from. Their names
-- have spaces, so no client's account can have them.
CREATE TABLE accounts (
    account_id       INTEGER PRIMARY KEY,
    name             TEXT NOT NULL,
    created_sequence INTEGER NOT NULL
);

CREATE TABLE keys (
    key_id           INTEGER PRIMARY KEY,
    account_id       INTEGER NOT NULL,
    name             TEXT NOT NULL,
    public_key       BLOB NOT NULL,
    created_sequence INTEGER NOT NULL
);

CREATE TABLE orders (
    order_id         INTEGER PRIMARY KEY,   -- the sequence of the command that created it
    account_id       INTEGER NOT NULL,
    key_id           INTEGER NOT NULL,
    request          TEXT NOT NULL,
    market_id        INTEGER NOT NULL,
    side             TEXT NOT NULL,         -- buy, sell
    order_type       TEXT NOT NULL,         -- limit, market
    time_in_force    TEXT NOT NULL,         -- gtc, ioc, fok
    post_only        INTEGER NOT NULL,
    price_ticks      INTEGER NOT NULL,      -- 0 for a market order
    qty_lots         INTEGER NOT NULL,      -- as it was ordered
    leaves_lots      INTEGER NOT NULL,      -- what may still trade
    filled_lots      INTEGER NOT NULL,
    status           TEXT NOT NULL,         -- open, filled, cancelled
    cancel_reason    TEXT,                  -- why, if cancelled
    created_sequence INTEGER NOT NULL,
    created_time     INTEGER NOT NULL,
    updated_sequence INTEGER NOT NULL,
    updated_time     INTEGER NOT NULL
);
CREATE INDEX orders_by_account ON orders (account_id, order_id);

-- One row for a trade. It is identified by (sequence, event_index) of the taker's fill.
CREATE TABLE trades (
    sequence         INTEGER NOT NULL,
    event_index      INTEGER NOT NULL,
    market_id        INTEGER NOT NULL,
    price_ticks      INTEGER NOT NULL,
    qty_lots         INTEGER NOT NULL,
    taker_side       TEXT NOT NULL,
    taker_order_id   INTEGER NOT NULL,
    taker_account_id INTEGER NOT NULL,
    taker_fee        TEXT NOT NULL,         -- in the asset that the taker receives: base if it buys, quote if it sells
    maker_order_id   INTEGER NOT NULL,
    maker_account_id INTEGER NOT NULL,
    maker_fee        TEXT NOT NULL,         -- in the asset that the maker receives
    time             INTEGER NOT NULL,
    PRIMARY KEY (sequence, event_index)
) WITHOUT ROWID;

-- The postings: the lines of one command add up to zero for each asset.
CREATE TABLE balance_changes (
    sequence    INTEGER NOT NULL,
    event_index INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    account_id  INTEGER NOT NULL,
    asset_id    INTEGER NOT NULL,
    delta       TEXT NOT NULL,
    reason      TEXT NOT NULL,              -- deposit, withdrawal, trade_paid, trade_received, fee
    PRIMARY KEY (sequence, event_index, line)
) WITHOUT ROWID;

-- The business references of deposits and withdrawals.
CREATE TABLE transfers (
    sequence   INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    asset_id   INTEGER NOT NULL,
    delta      TEXT NOT NULL,
    reference  TEXT NOT NULL,
    time       INTEGER NOT NULL
);

CREATE TABLE rejects (
    sequence    INTEGER NOT NULL,
    event_index INTEGER NOT NULL,
    key_id      INTEGER NOT NULL,
    account_id  INTEGER NOT NULL,
    request     TEXT NOT NULL,
    command     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    time        INTEGER NOT NULL,
    PRIMARY KEY (sequence, event_index)
) WITHOUT ROWID;

INSERT INTO accounts (account_id, name, created_sequence) VALUES (0, 'the fees', 0), (-1, 'the world outside', 0);
INSERT INTO sink_position (id, epoch, sequence, event_index) VALUES (1, 0, 0, 0);
PRAGMA user_version = 1;
