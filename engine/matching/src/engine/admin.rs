//! What the operator sets up: assets, markets, accounts, keys, the state of a market.
//!
//! Invariants: a name is unique within its kind; market terms are checked so that no later product of price, quantity
//! and units can reach 2^96. Answers go to the operator, with its request number.

use tidegate_domain::{
    AccountId, AssetId, CancelReason, Command, Event, FeeRate, KeyId, MarketDefinition, MarketId, MarketRules,
    MarketState, MarketTerms, Name, Networks, Price, Qty, Reject, RequestNumber, Roles, SessionSequence,
};

use super::money::UNITS_LIMIT;
use super::tables::{Account, Asset, Key, Market, name_words};
use super::{Call, Engine, To};
use crate::hash::{Fact, Sum, hash};

pub(super) const DECIMALS_MAX: u8 = 30;
const PPM: i32 = 1_000_000;
const DAY_S: u32 = 86_400;

impl Engine {
    pub(super) fn administer(&mut self, call: &mut Call<'_>, command: &Command) {
        let to = call.requester();
        if !call.is_operators() {
            // No gateway sends this for a client; refusing it here too costs nothing.
            return self.reject(call, to, Reject::UnknownKey);
        }
        match self.set_up(call, to, command) {
            Ok((to, event)) => self.emit(call, to, event),
            Err(reason) => self.reject(call, to, reason),
        }
    }

    /// Does what an administrator asks, the operator or a client for its own account; what came of it, and whom it concerns.
    pub(super) fn set_up(&mut self, call: &mut Call<'_>, to: To, command: &Command) -> Result<(To, Event), Reject> {
        match *command {
            Command::CreateAsset { name, decimals } => self.create_asset(to, name, decimals),
            Command::CreateMarket(ref terms) => self.create_market(to, terms),
            Command::CreateAccount { name } => self.create_account(to, name),
            Command::CreateKey { name, public_key, roles } => self.create_key(to, name, public_key, roles),
            Command::SetMarketState { market, state } => self.set_market_state(call, to, market, state),
            Command::SetMarketRules { market, ref rules } => self.set_market_rules(to, market, rules),
            Command::SetAccountLimits(ref limits) => self.set_account_limits(to, limits),
            Command::SetAccountOwner { owner } => self.set_account_owner(to, owner),
            Command::SetAccountTier { tier } => self.set_account_tier(to, tier),
            Command::SetFeeTier { tier, maker_fee, taker_fee } => self.set_fee_tier(to, tier, maker_fee, taker_fee),
            Command::SetKillSwitch { engaged } => self.set_kill_switch(call, to, engaged),
            Command::SetKeyRoles { key, roles } => self.set_key_roles(to, key, roles),
            Command::SetKeyNetworks { key, ref networks } => self.set_key_networks(to, key, networks),
            _ => unreachable!("dispatch sends only what is set up here"),
        }
    }

    fn create_asset(&mut self, to: To, name: Name, decimals: u8) -> Result<(To, Event), Reject> {
        self.assets.check_name(name)?;
        if decimals > DECIMALS_MAX {
            return Err(Reject::DecimalsTooMany);
        }
        self.assets.check_room(self.limits().assets_max)?;
        let asset = AssetId::new(self.assets.add(name, Asset { name, decimals }));
        self.ledger.add_asset();
        self.sum.add(asset_hash(asset.raw(), name, decimals));
        Ok((to, Event::AssetCreated { asset, name, decimals }))
    }

    fn create_market(&mut self, to: To, terms: &MarketTerms) -> Result<(To, Event), Reject> {
        self.markets.check_name(terms.name)?;
        let base = AssetId::new(self.assets.id_of(terms.base).ok_or(Reject::UnknownAsset)?);
        let quote = AssetId::new(self.assets.id_of(terms.quote).ok_or(Reject::UnknownAsset)?);
        if base == quote {
            return Err(Reject::BaseEqualsQuote);
        }
        let definition = MarketDefinition {
            name: terms.name,
            base,
            quote,
            base_units_per_lot: terms.base_units_per_lot,
            quote_units_per_tick_lot: terms.quote_units_per_tick_lot,
            maker_fee: terms.maker_fee,
            taker_fee: terms.taker_fee,
            qty_max: terms.qty_max,
            price_max: terms.price_max,
        };
        check_definition(&definition)?;
        self.markets.check_room(self.limits().markets_max)?;
        let market = MarketId::new(self.markets.add(terms.name, Market::new(definition)));
        self.sum.add(definition_hash(market.raw(), &definition));
        self.sum.add(self.market(market).hash(market.raw()));
        Ok((to.in_market(market), Event::MarketCreated(definition)))
    }

    fn create_account(&mut self, to: To, name: Name) -> Result<(To, Event), Reject> {
        self.accounts.check_name(name)?;
        self.accounts.check_room(self.limits().accounts_max)?;
        let account = AccountId::new(self.accounts.add(name, Account::new(name)));
        self.sum.add(self.account(account).hash(account.raw()));
        Ok((To { account, ..to }, Event::AccountCreated { name }))
    }

    fn create_key(&mut self, to: To, name: Name, public_key: [u8; 32], roles: Roles) -> Result<(To, Event), Reject> {
        self.accounts.get(to.account.raw()).ok_or(Reject::UnknownAccount)?;
        self.keys.check_name(name)?;
        if self.public_keys.contains(&public_key) {
            return Err(Reject::PublicKeyTaken);
        }
        self.keys.check_room(self.limits().keys_max)?;
        let id = KeyId::new(u32::try_from(self.keys.len() + 1).expect("the limit of keys is a u32"));
        let key = Key {
            weight: Key::weight_of(id),
            name,
            public_key,
            account: to.account,
            roles,
            request_mark: RequestNumber::new(0),
            report_mark: SessionSequence::new(0),
            session: None,
            dead_man: None,
            networks: Networks::default(),
        };
        let key = KeyId::new(self.keys.add(name, key));
        self.accounts.get_mut(to.account.raw()).expect("checked above").has_a_key();
        self.outcomes.add_key();
        self.public_keys.insert(public_key);
        self.sum.add(public_key_hash(key.raw(), name, &public_key));
        let hash = self.key_mut(key).hash(key);
        self.sum.add(hash);
        Ok((to, Event::KeyCreated { key, name, public_key, roles }))
    }

    fn set_market_state(
        &mut self,
        call: &mut Call<'_>,
        to: To,
        name: Name,
        state: MarketState,
    ) -> Result<(To, Event), Reject> {
        let market = MarketId::new(self.markets.id_of(name).ok_or(Reject::UnknownMarket)?);
        self.change_market(market, |market| market.state = state);
        if state == MarketState::Closed {
            self.cancel_in_market(call, market);
        }
        Ok((to.in_market(market), Event::MarketStateChanged { state }))
    }

    /// Every order of a market, oldest first: found by walking all, since a market is hardly ever closed.
    fn cancel_in_market(&mut self, call: &mut Call<'_>, id: MarketId) {
        let market = self.market(id);
        let mut orders: alloc::vec::Vec<_> =
            self.stops_of(market).map(|(handle, order)| (order.id.age(), handle)).collect();
        for side in [tidegate_domain::Side::Buy, tidegate_domain::Side::Sell] {
            orders.extend(self.orders_of(market, side).map(|(handle, order)| (order.id.age(), handle)));
        }
        orders.sort_unstable_by_key(|(age, _)| *age);
        for (_, handle) in orders {
            self.cancel(call, handle, CancelReason::MarketClosed);
        }
    }

    fn set_market_rules(&mut self, to: To, name: Name, rules: &MarketRules) -> Result<(To, Event), Reject> {
        let market = MarketId::new(self.markets.id_of(name).ok_or(Reject::UnknownMarket)?);
        check_rules(&self.market(market).definition, rules)?;
        self.change_market(market, |market| market.rules = *rules);
        Ok((to.in_market(market), Event::MarketRulesSet(*rules)))
    }

    /// Hashes of everything that is created once, from the tables themselves.
    pub(crate) fn names_sum(&self) -> Sum {
        let mut sum = Sum::default();
        self.assets.iter().for_each(|(id, asset)| sum.add(asset_hash(id, asset.name, asset.decimals)));
        self.markets.iter().for_each(|(id, market)| sum.add(definition_hash(id, &market.definition)));
        self.keys.iter().for_each(|(id, key)| sum.add(public_key_hash(id, key.name, &key.public_key)));
        sum.add(self.tiers_hash());
        sum
    }
}

fn asset_hash(id: u32, name: Name, decimals: u8) -> u128 {
    let [low, high] = name_words(name);
    hash(Fact::Name, [1, u64::from(id) << 8 | u64::from(decimals), low, high])
}

fn definition_hash(id: u32, market: &MarketDefinition) -> u128 {
    let [low, high] = name_words(market.name);
    let assets = u64::from(market.base.raw()) << 32 | u64::from(market.quote.raw());
    let (base, quote) = (market.base_units_per_lot, market.quote_units_per_tick_lot);
    let fees =
        u64::from(market.maker_fee.ppm().cast_unsigned()) << 32 | u64::from(market.taker_fee.ppm().cast_unsigned());
    let (qty_max, price_max) = (market.qty_max.lots(), market.price_max.ticks().cast_unsigned());
    hash(Fact::Name, [2, id.into(), low, high, assets, fees, base, quote, qty_max, price_max])
}

fn public_key_hash(id: u32, name: Name, public_key: &[u8; 32]) -> u128 {
    let word = |at: usize| u64::from_le_bytes(public_key[at..at + 8].try_into().expect("a public key is 32 bytes"));
    let [low, high] = name_words(name);
    hash(Fact::PublicKey, [id.into(), 0, low, high, word(0), word(8), word(16), word(24)])
}

pub(super) fn check_fees(maker: FeeRate, taker: FeeRate) -> Result<(), Reject> {
    if !(-PPM..=PPM).contains(&maker.ppm()) {
        return Err(Reject::MakerFeeOutOfRange);
    }
    if !(0..=PPM).contains(&taker.ppm()) {
        return Err(Reject::TakerFeeOutOfRange);
    }
    Ok(())
}

/// What a market may be, but for its name and its assets.
pub(super) fn check_definition(market: &MarketDefinition) -> Result<(), Reject> {
    if market.base_units_per_lot == 0 {
        return Err(Reject::BaseUnitsPerLotZero);
    }
    if market.quote_units_per_tick_lot == 0 {
        return Err(Reject::QuoteUnitsPerTickLotZero);
    }
    check_fees(market.maker_fee, market.taker_fee)?;
    check_largest(market.qty_max, market.price_max)?;
    check_amounts(market.base_units_per_lot, market.quote_units_per_tick_lot, market.qty_max, market.price_max)
}

/// What the rules of a market may be.
pub(super) fn check_rules(definition: &MarketDefinition, rules: &MarketRules) -> Result<(), Reject> {
    check_largest(rules.qty_max, rules.price_max)?;
    if rules.qty_min > rules.qty_max {
        return Err(Reject::QtyMinOverQtyMax);
    }
    if rules.price_min > rules.price_max {
        return Err(Reject::PriceMinOverPriceMax);
    }
    if rules.price_min.ticks() < 0 {
        return Err(Reject::PriceMinNegative);
    }
    if rules.reference.ticks() < 0 {
        return Err(Reject::ReferenceNegative);
    }
    check_fees(rules.maker_fee, rules.taker_fee)?;
    let (base, quote) = (definition.base_units_per_lot, definition.quote_units_per_tick_lot);
    check_amounts(base, quote, rules.qty_max, rules.price_max)?;
    if rules.day_end_s >= DAY_S {
        return Err(Reject::DayEndOutOfRange);
    }
    if rules.static_band_ppm > PPM.unsigned_abs() {
        return Err(Reject::StaticBandOutOfRange);
    }
    if rules.dynamic_band_ppm > PPM.unsigned_abs() {
        return Err(Reject::DynamicBandOutOfRange);
    }
    Ok(())
}

fn check_largest(qty_max: Qty, price_max: Price) -> Result<(), Reject> {
    if qty_max.is_zero() {
        return Err(Reject::QtyMaxZero);
    }
    if price_max.ticks() < 1 {
        return Err(Reject::PriceMaxNotPositive);
    }
    Ok(())
}

/// The largest order stays below 2^96 units on both sides.
fn check_amounts(base_units: u64, quote_units: u64, qty_max: Qty, price_max: Price) -> Result<(), Reject> {
    let (qty_max, price_max) = (u128::from(qty_max.lots()), u128::from(price_max.ticks().unsigned_abs()));
    // Two factors below 2^64 fit; the third may not.
    let base = qty_max * u128::from(base_units);
    let quote = (price_max * qty_max).checked_mul(u128::from(quote_units));
    if base >= UNITS_LIMIT {
        return Err(Reject::BaseAmountOverflow);
    }
    if quote.is_none_or(|quote| quote >= UNITS_LIMIT) {
        return Err(Reject::QuoteAmountOverflow);
    }
    Ok(())
}
