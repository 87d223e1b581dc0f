//! What the operator sets up: assets, markets, accounts, keys, the state of a market.
//!
//! Invariants: a name is unique within its kind; market terms are checked so that no later product of price, quantity
//! and units can reach 2^96. Answers go to the operator, with its request number.

use alloc::collections::VecDeque;

use tidegate_domain::{
    AccountId, AssetId, Command, Event, KeyId, MarketDefinition, MarketId, MarketState, MarketTerms, Name, Reject,
    RequestNumber, SessionSequence,
};

use super::money::UNITS_LIMIT;
use super::tables::{Account, Asset, Key, Market};
use super::{Call, Engine, To};
use crate::book::Book;

const DECIMALS_MAX: u8 = 30;
const FEE_MAX_PPM: u32 = 1_000_000;

impl Engine {
    pub(super) fn administer(&mut self, call: &mut Call<'_>, command: &Command) {
        let to = call.requester();
        if to.key != KeyId::OPERATOR {
            // No gateway sends this for a client; refusing it here too costs nothing.
            return self.reject(call, to, Reject::UnknownKey);
        }
        let done = match *command {
            Command::CreateAsset { name, decimals } => self.create_asset(to, name, decimals),
            Command::CreateMarket(ref terms) => self.create_market(to, terms),
            Command::CreateAccount { name } => self.create_account(to, name),
            Command::CreateKey { name, public_key } => self.create_key(to, name, public_key),
            Command::SetMarketState { market, state } => self.set_market_state(to, market, state),
            _ => unreachable!("dispatch sends only the operator's commands here"),
        };
        match done {
            Ok((to, event)) => self.emit(call, to, event),
            Err(reason) => self.reject(call, to, reason),
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
        Ok((to, Event::AssetCreated { asset, name, decimals }))
    }

    fn create_market(&mut self, to: To, terms: &MarketTerms) -> Result<(To, Event), Reject> {
        self.markets.check_name(terms.name)?;
        let base = AssetId::new(self.assets.id_of(terms.base).ok_or(Reject::UnknownAsset)?);
        let quote = AssetId::new(self.assets.id_of(terms.quote).ok_or(Reject::UnknownAsset)?);
        if base == quote {
            return Err(Reject::BaseEqualsQuote);
        }
        check_terms(terms)?;
        self.markets.check_room(self.limits().markets_max)?;
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
        let market = Market { definition, state: MarketState::Open, book: Book::new() };
        let market = MarketId::new(self.markets.add(terms.name, market));
        Ok((to.in_market(market), Event::MarketCreated(definition)))
    }

    fn create_account(&mut self, to: To, name: Name) -> Result<(To, Event), Reject> {
        self.accounts.check_name(name)?;
        self.accounts.check_room(self.limits().accounts_max)?;
        let account =
            AccountId::new(self.accounts.add(name, Account { name, open_orders: 0, oldest: None, newest: None }));
        self.ledger.add_account();
        Ok((To { account, ..to }, Event::AccountCreated { name }))
    }

    fn create_key(&mut self, to: To, name: Name, public_key: [u8; 32]) -> Result<(To, Event), Reject> {
        self.accounts.get(to.account.raw()).ok_or(Reject::UnknownAccount)?;
        self.keys.check_name(name)?;
        if self.public_keys.contains(&public_key) {
            return Err(Reject::PublicKeyTaken);
        }
        self.keys.check_room(self.limits().keys_max)?;
        let key = Key {
            name,
            public_key,
            account: to.account,
            request_mark: RequestNumber::new(0),
            report_mark: SessionSequence::new(0),
            outcomes: VecDeque::new(),
            session: None,
        };
        let key = KeyId::new(self.keys.add(name, key));
        self.public_keys.insert(public_key);
        Ok((to, Event::KeyCreated { key, name, public_key }))
    }

    fn set_market_state(&mut self, to: To, name: Name, state: MarketState) -> Result<(To, Event), Reject> {
        let id = self.markets.id_of(name).ok_or(Reject::UnknownMarket)?;
        self.markets.get_mut(id).expect("a name leads to a market").state = state;
        Ok((to.in_market(MarketId::new(id)), Event::MarketStateChanged { state }))
    }
}

fn check_terms(terms: &MarketTerms) -> Result<(), Reject> {
    let (base_units, quote_units) = (terms.base_units_per_lot, terms.quote_units_per_tick_lot);
    if base_units == 0 || quote_units == 0 {
        return Err(Reject::UnitsPerLotZero);
    }
    if terms.maker_fee.ppm() > FEE_MAX_PPM || terms.taker_fee.ppm() > FEE_MAX_PPM {
        return Err(Reject::FeeTooHigh);
    }
    let price_max = u128::try_from(terms.price_max.ticks()).unwrap_or(0);
    if terms.qty_max.is_zero() || price_max == 0 {
        return Err(Reject::MarketLimitZero);
    }
    let qty_max = u128::from(terms.qty_max.lots());
    // Two factors below 2^64 fit; the third may not.
    let base = qty_max * u128::from(base_units);
    let quote = (price_max * qty_max).checked_mul(u128::from(quote_units));
    if base >= UNITS_LIMIT || quote.is_none_or(|quote| quote >= UNITS_LIMIT) {
        return Err(Reject::NotionalOverflow);
    }
    Ok(())
}
