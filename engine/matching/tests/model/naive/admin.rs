//! What the operator sets up: assets, markets, accounts, keys and their rules. RULES.md, 6 and 7.

use std::collections::VecDeque;

use tidegate_domain::*;

use super::{Naive, NaiveAccount, NaiveKey, NaiveMarket, TOO_MUCH, refuse_if};

impl Naive {
    pub(super) fn set_up(&mut self, command: &Command) -> Result<(), Reject> {
        match *command {
            Command::CreateAsset { name, decimals } => self.create_asset(name, decimals),
            Command::CreateMarket(ref terms) => self.create_market(terms),
            Command::CreateAccount { name } => self.create_account(name),
            Command::CreateKey { name, public_key, roles } => self.create_key(name, public_key, roles),
            Command::SetMarketState { market, state } => self.set_market_state(market, state),
            Command::SetMarketRules { market, ref rules } => self.set_market_rules(market, rules),
            Command::SetFeeTier { tier, maker_fee, taker_fee } => {
                refuse_if(tier == 0, Reject::TierZero)?;
                check_fees(maker_fee, taker_fee)?;
                self.tiers.insert(tier, (maker_fee.ppm().into(), taker_fee.ppm().into()));
                self.answer(0, Event::FeeTierSet { tier, maker_fee, taker_fee });
                Ok(())
            }
            _ => self.set_up_account(command),
        }
    }

    fn set_up_account(&mut self, command: &Command) -> Result<(), Reject> {
        let id = self.now.account.raw();
        refuse_if(!self.has_account(id), Reject::UnknownAccount)?;
        let account = &mut self.accounts[id as usize - 1];
        let event = match *command {
            Command::SetAccountLimits(limits) => {
                account.limits = limits;
                Event::AccountLimitsSet(limits)
            }
            Command::SetAccountOwner { owner } => {
                account.owner = owner;
                Event::AccountOwnerSet { owner }
            }
            Command::SetAccountTier { tier } => {
                account.tier = tier;
                Event::AccountTierSet { tier }
            }
            Command::SetKillSwitch { engaged } => {
                let by_operator = self.now.key.raw() == 0;
                refuse_if(!engaged && !by_operator && account.is_killed_by_operator, Reject::KeyNotAllowed)?;
                account.is_killed = engaged;
                if by_operator {
                    account.is_killed_by_operator = engaged;
                }
                let is_meant = |order: &super::NaiveOrder| engaged && order.account == id;
                let cancelled = self.cancel_every(CancelReason::KillSwitch, is_meant);
                Event::KillSwitchSet { engaged, cancelled }
            }
            Command::SetKeyRoles { key, roles } => {
                let is_known = self.has_key(key.raw()) && self.keys[key.raw() as usize - 1].account == id;
                refuse_if(!is_known, Reject::UnknownKey)?;
                self.keys[key.raw() as usize - 1].roles = roles;
                Event::KeyRolesSet { key, roles }
            }
            // Who looks at them is the gateway.
            Command::SetKeyNetworks { key, networks } => {
                let is_known = self.has_key(key.raw()) && self.keys[key.raw() as usize - 1].account == id;
                refuse_if(!is_known, Reject::UnknownKey)?;
                Event::KeyNetworksSet { key, networks }
            }
            _ => unreachable!(),
        };
        self.answer(0, event);
        Ok(())
    }

    fn create_asset(&mut self, name: Name, decimals: u8) -> Result<(), Reject> {
        refuse_if(self.assets.contains(&name), Reject::NameTaken)?;
        refuse_if(decimals > 30, Reject::DecimalsTooMany)?;
        refuse_if(self.assets.len() >= self.limits.assets_max as usize, Reject::TableFull)?;
        self.assets.push(name);
        let asset = AssetId::new(self.assets.len() as u32);
        self.answer(0, Event::AssetCreated { asset, name, decimals });
        Ok(())
    }

    fn create_account(&mut self, name: Name) -> Result<(), Reject> {
        refuse_if(self.accounts.iter().any(|account| account.name == name), Reject::NameTaken)?;
        refuse_if(self.accounts.len() >= self.limits.accounts_max as usize, Reject::TableFull)?;
        self.accounts.push(NaiveAccount { name, ..NaiveAccount::default() });
        self.tell(0, self.accounts.len() as u32, 0, self.now.request.raw(), Event::AccountCreated { name });
        Ok(())
    }

    fn create_key(&mut self, name: Name, public_key: [u8; 32], roles: Roles) -> Result<(), Reject> {
        let account = self.now.account.raw();
        refuse_if(!self.has_account(account), Reject::UnknownAccount)?;
        refuse_if(self.keys.iter().any(|key| key.name == name), Reject::NameTaken)?;
        refuse_if(self.keys.iter().any(|key| key.public_key == public_key), Reject::PublicKeyTaken)?;
        refuse_if(self.keys.len() >= self.limits.keys_max as usize, Reject::TableFull)?;
        let (done, session) = (VecDeque::new(), None);
        self.keys.push(NaiveKey {
            name,
            public_key,
            account,
            roles,
            mark: 0,
            reports: 0,
            done,
            session,
            dead_man: None,
        });
        let key = KeyId::new(self.keys.len() as u32);
        self.answer(0, Event::KeyCreated { key, name, public_key, roles });
        Ok(())
    }

    fn create_market(&mut self, terms: &MarketTerms) -> Result<(), Reject> {
        refuse_if(self.markets.iter().any(|market| market.name == terms.name), Reject::NameTaken)?;
        let id_of = |name| self.assets.iter().position(|at| *at == name).map(|at| at as u32 + 1);
        let base = id_of(terms.base).ok_or(Reject::UnknownAsset)?;
        let quote = id_of(terms.quote).ok_or(Reject::UnknownAsset)?;
        refuse_if(base == quote, Reject::BaseEqualsQuote)?;
        let (base_unit, quote_unit) = (terms.base_units_per_lot, terms.quote_units_per_tick_lot);
        refuse_if(base_unit < 1, Reject::BaseUnitsPerLotZero)?;
        refuse_if(quote_unit < 1, Reject::QuoteUnitsPerTickLotZero)?;
        check_fees(terms.maker_fee, terms.taker_fee)?;
        let (base_unit, quote_unit) = (i128::from(base_unit), i128::from(quote_unit));
        let MarketTerms { name, maker_fee, taker_fee, qty_max, price_max, .. } = *terms;
        check_not_zero(qty_max, price_max)?;
        check_notional(qty_max, price_max, base_unit, quote_unit)?;
        refuse_if(self.markets.len() >= self.limits.markets_max as usize, Reject::TableFull)?;
        let rules = MarketRules {
            maker_fee,
            taker_fee,
            qty_min: Qty::ZERO,
            qty_max,
            price_min: Price::from_ticks(0),
            price_max,
            notional_min: 0,
            static_band_ppm: 0,
            dynamic_band_ppm: 0,
            reference: Price::from_ticks(0),
            day_end_s: 0,
        };
        let state = MarketState::Open;
        self.markets.push(NaiveMarket { name, base, quote, base_unit, quote_unit, state, rules, last: None });
        let definition = event::MarketDefinition {
            name,
            base: AssetId::new(base),
            quote: AssetId::new(quote),
            base_units_per_lot: terms.base_units_per_lot,
            quote_units_per_tick_lot: terms.quote_units_per_tick_lot,
            maker_fee,
            taker_fee,
            qty_max,
            price_max,
        };
        self.answer(self.markets.len() as u32, Event::MarketCreated(definition));
        Ok(())
    }

    fn market_named(&self, name: Name) -> Result<u32, Reject> {
        let at = self.markets.iter().position(|market| market.name == name);
        at.map(|at| at as u32 + 1).ok_or(Reject::UnknownMarket)
    }

    fn set_market_state(&mut self, name: Name, state: MarketState) -> Result<(), Reject> {
        let id = self.market_named(name)?;
        self.markets[id as usize - 1].state = state;
        if state == MarketState::Closed {
            self.cancel_every(CancelReason::MarketClosed, |order| order.market == id);
        }
        self.answer(id, Event::MarketStateChanged { state });
        Ok(())
    }

    fn set_market_rules(&mut self, name: Name, rules: &MarketRules) -> Result<(), Reject> {
        let id = self.market_named(name)?;
        let market = self.market(id);
        check_not_zero(rules.qty_max, rules.price_max)?;
        refuse_if(rules.qty_min > rules.qty_max, Reject::QtyMinOverQtyMax)?;
        refuse_if(rules.price_min > rules.price_max, Reject::PriceMinOverPriceMax)?;
        refuse_if(rules.price_min.ticks() < 0, Reject::PriceMinNegative)?;
        refuse_if(rules.reference.ticks() < 0, Reject::ReferenceNegative)?;
        check_fees(rules.maker_fee, rules.taker_fee)?;
        check_notional(rules.qty_max, rules.price_max, market.base_unit, market.quote_unit)?;
        refuse_if(rules.day_end_s >= 86_400, Reject::DayEndOutOfRange)?;
        refuse_if(rules.static_band_ppm > 1_000_000, Reject::StaticBandOutOfRange)?;
        refuse_if(rules.dynamic_band_ppm > 1_000_000, Reject::DynamicBandOutOfRange)?;
        self.markets[id as usize - 1].rules = *rules;
        self.answer(id, Event::MarketRulesSet(*rules));
        Ok(())
    }
}

fn check_fees(maker: FeeRate, taker: FeeRate) -> Result<(), Reject> {
    refuse_if(i64::from(maker.ppm()).abs() > 1_000_000, Reject::MakerFeeOutOfRange)?;
    refuse_if(taker.ppm() < 0 || taker.ppm() > 1_000_000, Reject::TakerFeeOutOfRange)
}

fn check_not_zero(qty_max: Qty, price_max: Price) -> Result<(), Reject> {
    refuse_if(qty_max.lots() < 1, Reject::QtyMaxZero)?;
    refuse_if(price_max.ticks() < 1, Reject::PriceMaxNotPositive)
}

/// The largest trade must stay below 2^96 units on both sides.
fn check_notional(qty_max: Qty, price_max: Price, base_unit: i128, quote_unit: i128) -> Result<(), Reject> {
    let (qty, price) = (i128::from(qty_max.lots()), i128::from(price_max.ticks()));
    let is_too_much = |product: Option<i128>| product.is_none_or(|product| product >= TOO_MUCH);
    let money = qty.checked_mul(price).and_then(|product| product.checked_mul(quote_unit));
    refuse_if(is_too_much(qty.checked_mul(base_unit)), Reject::BaseAmountOverflow)?;
    refuse_if(is_too_much(money), Reject::QuoteAmountOverflow)
}
