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
    -- These, and fees, largest quantity and highest price above, are the rules that are in force.
    qty_min_lots             TEXT NOT NULL DEFAULT '0',
    price_min_ticks          INTEGER NOT NULL DEFAULT 0,
    notional_min_tick_lots   TEXT NOT NULL DEFAULT '0',
    static_band_ppm          INTEGER NOT NULL DEFAULT 0,
    dynamic_band_ppm         INTEGER NOT NULL DEFAULT 0,
    reference_ticks          INTEGER NOT NULL DEFAULT 0,
    day_end_s                INTEGER NOT NULL DEFAULT 0,
    state                    TEXT NOT NULL,     -- open, halted, post_only, cancel_only, closed
    created_sequence         INTEGER NOT NULL
);

-- Three holders that are no clients: 0 collects the fees, -1 is the world outside, where deposits come from, -2 is where held
-- withdrawals wait. Their names have spaces, so no client's account can have them.
CREATE TABLE accounts (
    account_id             INTEGER PRIMARY KEY,
    name                   TEXT NOT NULL,
    owner                  INTEGER NOT NULL DEFAULT 0,  -- owner group; 0 is none
    tier                   INTEGER NOT NULL DEFAULT 0,  -- fee tier; 0 is the market's own fees
    is_killed              INTEGER NOT NULL DEFAULT 0,
    -- Limits; 0 is none.
    open_orders_max        INTEGER NOT NULL DEFAULT 0,
    market_open_orders_max INTEGER NOT NULL DEFAULT 0,
    qty_max_lots           TEXT NOT NULL DEFAULT '0',
    notional_max           TEXT NOT NULL DEFAULT '0',
    created_sequence       INTEGER NOT NULL
);

CREATE TABLE fee_tiers (
    tier          INTEGER PRIMARY KEY,
    maker_fee_ppm INTEGER NOT NULL,
    taker_fee_ppm INTEGER NOT NULL
);

CREATE TABLE keys (
    key_id           INTEGER PRIMARY KEY,
    account_id       INTEGER NOT NULL,
    name             TEXT NOT NULL,
    public_key       BLOB NOT NULL,
    roles            TEXT NOT NULL,         -- such as read,trade
    networks         TEXT NOT NULL DEFAULT 'any', -- that it may log on from, such as 10.0.0.0/8,2001:db8::/32
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
    reason      TEXT NOT NULL,              -- deposit, withdrawal, withdrawal_held, withdrawal_settled, withdrawal_released, transfer, trade_paid,
                                        -- trade_received, fee, rebate
    PRIMARY KEY (sequence, event_index, line)
) WITHOUT ROWID;

-- The business references of what came from outside or went there: deposits, withdrawals, held withdrawals that were settled.
CREATE TABLE transfers (
    sequence   INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    asset_id   INTEGER NOT NULL,
    delta      TEXT NOT NULL,
    reference  TEXT NOT NULL,
    time       INTEGER NOT NULL
);

-- The business references of what one account, or the fees (0), gave to another.
CREATE TABLE internal_transfers (
    sequence        INTEGER PRIMARY KEY,
    from_account_id INTEGER NOT NULL,
    to_account_id   INTEGER NOT NULL,
    asset_id        INTEGER NOT NULL,
    amount          TEXT NOT NULL,
    reference       TEXT NOT NULL,
    time            INTEGER NOT NULL
);

-- Held withdrawals. What is pending of an account is the sum of those that are held.
CREATE TABLE withdrawals (
    held_sequence  INTEGER PRIMARY KEY,
    account_id     INTEGER NOT NULL,
    asset_id       INTEGER NOT NULL,
    amount         TEXT NOT NULL,
    reference      TEXT NOT NULL,
    held_time      INTEGER NOT NULL,
    state          TEXT NOT NULL,           -- held, settled, released
    ended_sequence INTEGER,
    ended_time     INTEGER
);
CREATE INDEX withdrawals_by_reference ON withdrawals (reference);

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

INSERT INTO accounts (account_id, name, created_sequence) VALUES (0, 'the fees', 0), (-1, 'the world outside', 0),
    (-2, 'the held withdrawals', 0);
INSERT INTO sink_position (id, epoch, sequence, event_index) VALUES (1, 0, 0, 0);
PRAGMA user_version = 3;
