//! What goes out as JSON. Integers are ticks, lots and nanoseconds; beside a price or a quantity stands its exact decimal
//! as a text, or null where it has none.

use serde::Serialize;
use tidegate_domain::{Price, Qty, Side};

use crate::ticker::Span;
use crate::views::{Level, MarketView, MarketViews, Trade};

/// Levels of each side in a depth push.
pub(crate) const PUSH_LEVELS: usize = 20;

/// An answer that says what was wrong.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: String,
    pub(crate) field: String,
    pub(crate) allowed: String,
}

/// Where in the order of everything an answer stands.
#[derive(Debug, Serialize)]
pub(crate) struct At {
    epoch: u32,
    sequence: u64,
}

impl At {
    pub(crate) fn of(views: &MarketViews) -> Self {
        Self { epoch: views.epoch().raw(), sequence: views.through().raw() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct MarketsBody<'a> {
    #[serde(flatten)]
    pub(crate) at: At,
    pub(crate) markets: Vec<MarketBody<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MarketBody<'a> {
    id: u32,
    name: &'a str,
    base: &'a str,
    quote: &'a str,
    base_decimals: u8,
    quote_decimals: u8,
    state: &'static str,
    /// One tick and one lot as decimals.
    tick: Option<String>,
    lot: Option<String>,
    base_units_per_lot: u64,
    quote_units_per_tick_lot: u64,
    #[serde(flatten)]
    rules: RulesBody,
}

/// The rules that are in force. RULES.md of `matching`, 6.
#[derive(Debug, Serialize)]
struct RulesBody {
    maker_fee_ppm: i32,
    taker_fee_ppm: i32,
    qty_min_lots: u64,
    qty_min: Option<String>,
    qty_max_lots: u64,
    qty_max: Option<String>,
    price_min_ticks: i64,
    price_min: Option<String>,
    price_max_ticks: i64,
    price_max: Option<String>,
    notional_min_tick_lots: u64,
    notional_min: Option<String>,
    static_band_ppm: u32,
    dynamic_band_ppm: u32,
    reference_ticks: i64,
    reference: Option<String>,
    day_end_s: u32,
}

impl RulesBody {
    fn of(market: &MarketView) -> Self {
        let (rules, scale) = (&market.rules, &market.scale);
        Self {
            maker_fee_ppm: rules.maker_fee.ppm(),
            taker_fee_ppm: rules.taker_fee.ppm(),
            qty_min_lots: rules.qty_min.lots(),
            qty_min: qty(market, rules.qty_min),
            qty_max_lots: rules.qty_max.lots(),
            qty_max: qty(market, rules.qty_max),
            price_min_ticks: rules.price_min.ticks(),
            price_min: scale.price(rules.price_min),
            price_max_ticks: rules.price_max.ticks(),
            price_max: scale.price(rules.price_max),
            notional_min_tick_lots: rules.notional_min,
            notional_min: scale.notional(rules.notional_min.into()),
            static_band_ppm: rules.static_band_ppm,
            dynamic_band_ppm: rules.dynamic_band_ppm,
            reference_ticks: rules.reference.ticks(),
            reference: scale.price(rules.reference),
            day_end_s: rules.day_end_s,
        }
    }
}

impl<'a> MarketBody<'a> {
    pub(crate) fn of(market: &'a MarketView) -> Self {
        let terms = &market.definition;
        Self {
            id: market.id.raw(),
            name: terms.name.as_str(),
            base: &market.base.name,
            quote: &market.quote.name,
            base_decimals: market.base.decimals,
            quote_decimals: market.quote.decimals,
            state: market.state.as_str(),
            tick: market.scale.price(Price::from_ticks(1)),
            lot: market.scale.qty(1),
            base_units_per_lot: terms.base_units_per_lot,
            quote_units_per_tick_lot: terms.quote_units_per_tick_lot,
            rules: RulesBody::of(market),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct DepthBody<'a> {
    market: &'a str,
    #[serde(flatten)]
    at: At,
    bids: Vec<LevelBody>,
    asks: Vec<LevelBody>,
}

impl<'a> DepthBody<'a> {
    pub(crate) fn of(views: &MarketViews, market: &'a MarketView, levels: usize) -> Self {
        let half = |side| {
            let levels = market.levels(side, levels).into_iter();
            levels.map(|(price, level)| LevelBody::of(market, price, level)).collect()
        };
        let name = market.definition.name.as_str();
        Self { market: name, at: At::of(views), bids: half(Side::Buy), asks: half(Side::Sell) }
    }
}

#[derive(Debug, Serialize)]
struct LevelBody {
    price_ticks: i64,
    price: Option<String>,
    qty_lots: u128,
    qty: Option<String>,
    orders: u32,
}

impl LevelBody {
    fn of(market: &MarketView, price: Price, level: Level) -> Self {
        Self {
            price_ticks: price.ticks(),
            price: market.scale.price(price),
            qty_lots: level.lots,
            qty: market.scale.qty(level.lots),
            orders: level.orders,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TradesBody<'a> {
    market: &'a str,
    #[serde(flatten)]
    at: At,
    trades: Vec<TradeBody>,
}

impl<'a> TradesBody<'a> {
    /// In the order in which they are given.
    pub(crate) fn of<'t>(
        views: &MarketViews,
        market: &'a MarketView,
        trades: impl IntoIterator<Item = &'t Trade>,
    ) -> Self {
        let trades = trades.into_iter().map(|trade| TradeBody::of(market, trade)).collect();
        Self { market: market.definition.name.as_str(), at: At::of(views), trades }
    }
}

#[derive(Debug, Serialize)]
struct TradeBody {
    sequence: u64,
    index: u32,
    time_ns: u64,
    price_ticks: i64,
    price: Option<String>,
    qty_lots: u64,
    qty: Option<String>,
    taker_side: &'static str,
}

impl TradeBody {
    fn of(market: &MarketView, trade: &Trade) -> Self {
        Self {
            sequence: trade.sequence.raw(),
            index: trade.index,
            time_ns: trade.time.nanos(),
            price_ticks: trade.price.ticks(),
            price: market.scale.price(trade.price),
            qty_lots: trade.qty.lots(),
            qty: qty(market, trade.qty),
            taker_side: trade.taker_side.as_str(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TickerBody<'a> {
    market: &'a str,
    #[serde(flatten)]
    at: At,
    /// Time of the last command: what the 24 hours are counted from.
    time_ns: u64,
    last_ticks: Option<i64>,
    last: Option<String>,
    best_bid_ticks: Option<i64>,
    best_bid: Option<String>,
    best_ask_ticks: Option<i64>,
    best_ask: Option<String>,
    since_start: Option<SpanBody>,
    day: Option<SpanBody>,
}

impl<'a> TickerBody<'a> {
    pub(crate) fn of(views: &MarketViews, market: &'a MarketView) -> Self {
        let best = |side| market.levels(side, 1).first().map(|(price, _)| *price);
        let (bid, ask, last) = (best(Side::Buy), best(Side::Sell), market.all().map(|span| span.last));
        let text = |price: Option<Price>| price.and_then(|price| market.scale.price(price));
        Self {
            market: market.definition.name.as_str(),
            at: At::of(views),
            time_ns: views.time().nanos(),
            last_ticks: last.map(Price::ticks),
            last: text(last),
            best_bid_ticks: bid.map(Price::ticks),
            best_bid: text(bid),
            best_ask_ticks: ask.map(Price::ticks),
            best_ask: text(ask),
            since_start: market.all().map(|span| SpanBody::of(market, &span)),
            day: market.day(views.time()).map(|span| SpanBody::of(market, &span)),
        }
    }
}

#[derive(Debug, Serialize)]
struct SpanBody {
    open_ticks: i64,
    open: Option<String>,
    high_ticks: i64,
    high: Option<String>,
    low_ticks: i64,
    low: Option<String>,
    volume_lots: u128,
    volume: Option<String>,
    trades: u64,
}

impl SpanBody {
    fn of(market: &MarketView, span: &Span) -> Self {
        Self {
            open_ticks: span.open.ticks(),
            open: market.scale.price(span.open),
            high_ticks: span.high.ticks(),
            high: market.scale.price(span.high),
            low_ticks: span.low.ticks(),
            low: market.scale.price(span.low),
            volume_lots: span.volume_lots,
            volume: market.scale.qty(span.volume_lots),
            trades: span.trades,
        }
    }
}

/// A message on the WebSocket about a channel.
#[derive(Debug, Serialize)]
pub(crate) struct Push<'a, T> {
    pub(crate) channel: &'a str,
    /// `snapshot` once, then `update`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) body: T,
}

/// What a client says on the WebSocket.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientMessage {
    pub(crate) subscribe: Vec<String>,
    pub(crate) unsubscribe: Vec<String>,
}

/// Any other message on the WebSocket.
#[derive(Debug, Serialize)]
pub(crate) struct Notice<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<&'a str>,
    pub(crate) error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allowed: Option<&'a str>,
}

/// As text.
pub(crate) fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("our own structs of numbers and texts always serialise")
}

fn qty(market: &MarketView, qty: Qty) -> Option<String> {
    market.scale.qty(qty.lots().into())
}
