//! The rules once more, as plainly as they can be said: one list of orders that is searched from end to end, balances as
//! totals from which what is held is computed anew each time, full payloads instead of hashes. Shares no code with the
//! engine but the words of `domain`, and not even its arithmetic.

use std::collections::BTreeMap;

use tidegate_domain::*;

/// 2^96.
const TOO_MUCH: i128 = 79_228_162_514_264_337_593_543_950_336;
const WINDOW: usize = 1_024;
const GRACE_AFTER_RESTART_NS: u64 = 10_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct NaiveOrder {
    pub(crate) id: u64,
    pub(crate) key: u32,
    pub(crate) account: u32,
    pub(crate) request: u64,
    pub(crate) market: u32,
    pub(crate) is_buy: bool,
    pub(crate) price: i128,
    pub(crate) left: i128,
    /// A market buy reserves nothing.
    backed: bool,
}

struct NaiveMarket {
    name: Name,
    base: u32,
    quote: u32,
    base_unit: i128,
    quote_unit: i128,
    maker_fee: i128,
    taker_fee: i128,
    qty_max: i128,
    price_max: i128,
    halted: bool,
}

struct NaiveKey {
    name: Name,
    public_key: [u8; 32],
    account: u32,
    mark: u64,
    reports: u64,
    done: Vec<Done>,
    session: Option<NaiveSession>,
}

struct Done {
    request: u64,
    sequence: u64,
    payload: Vec<u8>,
    order: Option<u64>,
    created: bool,
    reject: Option<Reject>,
}

#[derive(Clone)]
struct NaiveSession {
    id: u64,
    cancels: bool,
    grace: u64,
    told: bool,
    due: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Naive {
    limits: EngineLimits,
    assets: Vec<Name>,
    markets: Vec<NaiveMarket>,
    accounts: Vec<Name>,
    keys: Vec<NaiveKey>,
    /// Available and held together.
    total: BTreeMap<(u32, u32), i128>,
    pub(crate) fees: BTreeMap<u32, i128>,
    there: BTreeMap<u32, i128>,
    references: Vec<(Reference, u32, Vec<u8>, u64)>,
    /// In the order of arrival.
    pub(crate) orders: Vec<NaiveOrder>,
    now: CommandHeader,
    kind: Option<CommandKind>,
    payload: Vec<u8>,
    out: Vec<(EventHeader, Event)>,
}

type Answer = Result<Option<u64>, Reject>;

impl Naive {
    pub(crate) fn apply(&mut self, record: &CommandRecord) -> Vec<(EventHeader, Event)> {
        let (header, command) = record.decode().unwrap();
        self.now = header;
        self.kind = Some(command.kind());
        self.payload = record.payload().to_vec();
        if !matches!(command, Command::TakeLead { .. }) {
            while let Some(key) = self.most_overdue() {
                self.stayed_away(key);
            }
        }
        self.execute(&command);
        let mut out = std::mem::take(&mut self.out);
        if let Some((last, _)) = out.last_mut() {
            last.flags = EventFlags::LAST;
        }
        out
    }

    pub(crate) fn balance(&self, account: u32, asset: u32) -> (i128, i128) {
        let held = self.held(account, asset);
        (self.total.get(&(account, asset)).copied().unwrap_or(0) - held, held)
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        self.keys.iter().filter_map(|key| key.session.as_ref()?.due).min()
    }

    fn held(&self, account: u32, asset: u32) -> i128 {
        let mut held = 0;
        for order in &self.orders {
            let market = &self.markets[order.market as usize - 1];
            if order.account == account && order.backed {
                if order.is_buy && market.quote == asset {
                    held += order.price * order.left * market.quote_unit;
                }
                if !order.is_buy && market.base == asset {
                    held += order.left * market.base_unit;
                }
            }
        }
        held
    }

    fn tell(&mut self, key: u32, account: u32, market: u32, request: u64, event: Event) {
        let numbered = matches!(
            event,
            Event::Rejected { .. }
                | Event::Outcome { .. }
                | Event::OrderAccepted { .. }
                | Event::Fill(_)
                | Event::OrderCancelled { .. }
                | Event::OrderReduced { .. }
                | Event::CancelAllDone { .. }
        );
        let mut number = 0;
        if numbered && key >= 1 && key as usize <= self.keys.len() {
            self.keys[key as usize - 1].reports += 1;
            number = self.keys[key as usize - 1].reports;
        }
        let header = EventHeader {
            sequence: self.now.sequence,
            index: self.out.len() as u32,
            time: self.now.time,
            epoch: self.now.epoch,
            key: KeyId::new(key),
            account: AccountId::new(account),
            market: MarketId::new(market),
            request: RequestNumber::new(request),
            session_sequence: SessionSequence::new(number),
            previous_report: LogAddress::NONE,
            flags: EventFlags::NONE,
        };
        self.out.push((header, event));
    }

    /// To whoever asked.
    fn answer(&mut self, market: u32, event: Event) {
        let CommandHeader { key, account, request, .. } = self.now;
        self.tell(key.raw(), account.raw(), market, request.raw(), event);
    }

    fn refuse(&mut self, market: u32, reason: Reject) {
        let command = self.kind.unwrap();
        self.answer(market, Event::Rejected { reason, command });
    }

    fn execute(&mut self, command: &Command) {
        match *command {
            Command::Genesis(genesis) => {
                self.limits = genesis.limits;
                self.answer(0, Event::JournalBegun(genesis));
            }
            Command::TakeLead { node, incarnation } => self.take_lead(node, incarnation),
            Command::SetDurability { durability, degraded } => {
                self.answer(0, Event::DurabilityChanged { durability, degraded });
            }
            Command::Tick => {}
            Command::OpenSession { session, cancel_on_disconnect, grace } => {
                self.login(session, cancel_on_disconnect, grace);
            }
            Command::CloseSession { session } => self.logout(session.raw()),
            Command::NewOrder(ref new) => self.once(new.market.raw(), command),
            Command::CancelAll(filter) => self.once(filter.market.map_or(0, MarketId::raw), command),
            Command::CancelOrder { .. } | Command::ReduceOrder { .. } => self.once(0, command),
            _ if self.now.key.raw() != 0 => self.refuse(0, Reject::UnknownKey),
            Command::Deposit { asset, amount, reference, .. } => self.money(asset, amount, reference, true),
            Command::Withdraw { asset, amount, reference, .. } => self.money(asset, amount, reference, false),
            _ => {
                if let Err(reason) = self.set_up(command) {
                    self.refuse(0, reason);
                }
            }
        }
    }

    fn set_up(&mut self, command: &Command) -> Result<(), Reject> {
        let owner = self.now.account.raw();
        match *command {
            Command::CreateAsset { name, decimals } => {
                refuse_if(self.assets.contains(&name), Reject::NameTaken)?;
                refuse_if(decimals > 30, Reject::DecimalsTooMany)?;
                refuse_if(self.assets.len() >= self.limits.assets_max as usize, Reject::TableFull)?;
                self.assets.push(name);
                let asset = AssetId::new(self.assets.len() as u32);
                self.answer(0, Event::AssetCreated { asset, name, decimals });
            }
            Command::CreateAccount { name } => {
                refuse_if(self.accounts.contains(&name), Reject::NameTaken)?;
                refuse_if(self.accounts.len() >= self.limits.accounts_max as usize, Reject::TableFull)?;
                self.accounts.push(name);
                self.tell(0, self.accounts.len() as u32, 0, self.now.request.raw(), Event::AccountCreated { name });
            }
            Command::CreateKey { name, public_key, roles } => {
                refuse_if(owner == 0 || owner as usize > self.accounts.len(), Reject::UnknownAccount)?;
                refuse_if(self.keys.iter().any(|key| key.name == name), Reject::NameTaken)?;
                refuse_if(self.keys.iter().any(|key| key.public_key == public_key), Reject::PublicKeyTaken)?;
                refuse_if(self.keys.len() >= self.limits.keys_max as usize, Reject::TableFull)?;
                let (done, session) = (Vec::new(), None);
                self.keys.push(NaiveKey { name, public_key, account: owner, mark: 0, reports: 0, done, session });
                let key = KeyId::new(self.keys.len() as u32);
                self.answer(0, Event::KeyCreated { key, name, public_key, roles });
            }
            Command::SetMarketState { market, state } => {
                let id = 1 + self.markets.iter().position(|at| at.name == market).ok_or(Reject::UnknownMarket)?;
                self.markets[id - 1].halted = state == MarketState::Halted;
                self.answer(id as u32, Event::MarketStateChanged { state });
            }
            Command::CreateMarket(ref terms) => self.create_market(terms)?,
            _ => unreachable!(),
        }
        Ok(())
    }

    fn create_market(&mut self, terms: &MarketTerms) -> Result<(), Reject> {
        refuse_if(self.markets.iter().any(|market| market.name == terms.name), Reject::NameTaken)?;
        let id_of = |name| self.assets.iter().position(|at| *at == name).map(|at| at as u32 + 1);
        let base = id_of(terms.base).ok_or(Reject::UnknownAsset)?;
        let quote = id_of(terms.quote).ok_or(Reject::UnknownAsset)?;
        refuse_if(base == quote, Reject::BaseEqualsQuote)?;
        let (base_unit, quote_unit) = (terms.base_units_per_lot, terms.quote_units_per_tick_lot);
        refuse_if(base_unit < 1 || quote_unit < 1, Reject::UnitsPerLotZero)?;
        let (maker, taker) = (terms.maker_fee.ppm(), terms.taker_fee.ppm());
        refuse_if(maker.max(taker) > 1_000_000, Reject::FeeTooHigh)?;
        let (qty, price) = (i128::from(terms.qty_max.lots()), i128::from(terms.price_max.ticks()));
        refuse_if(qty < 1 || price < 1, Reject::MarketLimitZero)?;
        let (base_unit, quote_unit) = (i128::from(base_unit), i128::from(quote_unit));
        let is_too_much = |product: Option<i128>| product.is_none_or(|product| product >= TOO_MUCH);
        let quote_product = qty.checked_mul(price).and_then(|product| product.checked_mul(quote_unit));
        refuse_if(is_too_much(qty.checked_mul(base_unit)) || is_too_much(quote_product), Reject::NotionalOverflow)?;
        refuse_if(self.markets.len() >= self.limits.markets_max as usize, Reject::TableFull)?;
        self.markets.push(NaiveMarket {
            name: terms.name,
            base,
            quote,
            base_unit,
            quote_unit,
            maker_fee: maker.into(),
            taker_fee: taker.into(),
            qty_max: qty,
            price_max: price,
            halted: false,
        });
        let MarketTerms { name, base_units_per_lot, quote_units_per_tick_lot, .. } = *terms;
        let MarketTerms { maker_fee, taker_fee, qty_max, price_max, .. } = *terms;
        let (base, quote) = (AssetId::new(base), AssetId::new(quote));
        let definition = event::MarketDefinition {
            name,
            base,
            quote,
            base_units_per_lot,
            quote_units_per_tick_lot,
            maker_fee,
            taker_fee,
            qty_max,
            price_max,
        };
        self.answer(self.markets.len() as u32, Event::MarketCreated(definition));
        Ok(())
    }

    fn money(&mut self, asset: Name, amount: AssetAmount, reference: Reference, is_deposit: bool) {
        let account = self.now.account.raw();
        if let Some((_, owner, payload, sequence)) = self.references.iter().find(|(known, ..)| *known == reference) {
            let original = Sequence::new(*sequence);
            if *owner == account && *payload == self.payload {
                let command = self.kind.unwrap();
                return self.answer(0, Event::Outcome { original, order: None, reject: None, command });
            }
            return self.refuse(0, Reject::ReferenceReused);
        }
        if let Err(reason) = self.try_money(asset, amount, reference, is_deposit) {
            self.refuse(0, reason);
        }
    }

    fn try_money(&mut self, name: Name, amount: AssetAmount, reference: Reference, is_in: bool) -> Result<(), Reject> {
        let account = self.now.account.raw();
        refuse_if(account == 0 || account as usize > self.accounts.len(), Reject::UnknownAccount)?;
        let asset = 1 + self.assets.iter().position(|at| *at == name).ok_or(Reject::UnknownAsset)? as u32;
        refuse_if(amount.units() == 0, Reject::AmountZero)?;
        refuse_if(amount.units() >= TOO_MUCH as u128, Reject::AmountTooLarge)?;
        let units = amount.units() as i128;
        let there = self.there.get(&asset).copied().unwrap_or(0);
        if is_in {
            refuse_if(there + units >= TOO_MUCH, Reject::AmountTooLarge)?;
        } else {
            refuse_if(self.balance(account, asset).0 < units, Reject::InsufficientFunds)?;
        }
        refuse_if(self.references.len() >= self.limits.references_max as usize, Reject::TableFull)?;
        self.references.push((reference, account, self.payload.clone(), self.now.sequence.raw()));
        let change = if is_in { units } else { -units };
        *self.total.entry((account, asset)).or_default() += change;
        *self.there.entry(asset).or_default() += change;
        let asset = AssetId::new(asset);
        self.answer(
            0,
            if is_in {
                Event::Deposited { asset, amount, reference }
            } else {
                Event::Withdrawn { asset, amount, reference }
            },
        );
        Ok(())
    }

    fn login(&mut self, session: SessionId, cancel_on_disconnect: bool, grace: Nanos) {
        let key = self.now.key.raw();
        if key == 0 || key as usize > self.keys.len() {
            return self.refuse(0, Reject::UnknownKey);
        }
        let at = key as usize - 1;
        if let Some(old) = self.keys[at].session.take()
            && !old.told
        {
            self.session_over(key, old.id, SessionCloseReason::TakenOver, self.now.request.raw());
        }
        let (id, grace_ns) = (session.raw(), grace.nanos());
        self.keys[at].session =
            Some(NaiveSession { id, cancels: cancel_on_disconnect, grace: grace_ns, told: false, due: None });
        let event = Event::SessionOpened {
            session,
            request_mark: RequestNumber::new(self.keys[at].mark),
            report_mark: SessionSequence::new(self.keys[at].reports),
            cancel_on_disconnect,
            grace,
        };
        self.tell(key, self.keys[at].account, 0, self.now.request.raw(), event);
    }

    fn session_over(&mut self, key: u32, id: u64, reason: SessionCloseReason, request: u64) {
        let account = self.keys[key as usize - 1].account;
        self.tell(key, account, 0, request, Event::SessionClosed { session: SessionId::new(id), reason });
    }

    fn logout(&mut self, id: u64) {
        let key = self.now.key.raw();
        let now = self.now.time.nanos();
        if key == 0 || key as usize > self.keys.len() {
            return;
        }
        let Some(mut session) = self.keys[key as usize - 1].session.clone() else { return };
        if session.id != id || session.told {
            return;
        }
        self.session_over(key, id, SessionCloseReason::Disconnected, self.now.request.raw());
        if !session.cancels {
            self.keys[key as usize - 1].session = None;
            return;
        }
        session.told = true;
        session.due = Some(session.due.unwrap_or(u64::MAX).min(now.saturating_add(session.grace)));
        let is_due = session.due <= Some(now);
        self.keys[key as usize - 1].session = Some(session);
        if is_due {
            self.stayed_away(key);
        }
    }

    fn take_lead(&mut self, node: NodeId, incarnation: u64) {
        self.answer(0, Event::LeadTaken { node, incarnation });
        for key in 1..=self.keys.len() as u32 {
            let due = self.now.time.nanos() + GRACE_AFTER_RESTART_NS;
            let Some(session) = &mut self.keys[key as usize - 1].session else { continue };
            if session.cancels {
                session.due = Some(due);
            } else {
                let id = session.id;
                self.keys[key as usize - 1].session = None;
                self.session_over(key, id, SessionCloseReason::Disconnected, 0);
            }
        }
    }

    fn most_overdue(&self) -> Option<u32> {
        let due = |key: &u32| self.keys[*key as usize - 1].session.as_ref().and_then(|session| session.due);
        let overdue = (1..=self.keys.len() as u32).filter(|key| due(key).is_some_and(|at| at <= self.now.time.nanos()));
        overdue.min_by_key(|key| (due(key), *key))
    }

    fn stayed_away(&mut self, key: u32) {
        let session = self.keys[key as usize - 1].session.take().unwrap();
        if !session.told {
            self.session_over(key, session.id, SessionCloseReason::Disconnected, 0);
        }
        while let Some(at) = self.orders.iter().position(|order| order.key == key) {
            let order = self.orders.remove(at);
            self.tell_cancelled(key, order.request, &order, CancelReason::Disconnected);
        }
    }

    fn tell_cancelled(&mut self, key: u32, request: u64, order: &NaiveOrder, reason: CancelReason) {
        let event = Event::OrderCancelled {
            order: OrderId::new(order.id),
            side: side(order.is_buy),
            price: Price::from_ticks(order.price as i64),
            cancelled: Qty::from_lots(order.left as u64),
            reason,
        };
        self.tell(key, order.account, order.market, request, event);
    }

    /// A request, executed at most once.
    fn once(&mut self, market: u32, command: &Command) {
        let (key, request) = (self.now.key.raw(), self.now.request.raw());
        let known = (key as usize).checked_sub(1).and_then(|at| self.keys.get(at));
        if known.is_none_or(|known| known.account != self.now.account.raw()) {
            return self.refuse(market, Reject::UnknownKey);
        }
        if request == 0 {
            return self.refuse(market, Reject::RequestNumberZero);
        }
        let known = known.unwrap();
        if request <= known.mark {
            let recent = known.done.iter().rev().take(WINDOW).find(|done| done.request == request);
            let answer = match recent {
                None => Err(Reject::OutcomeExpired),
                Some(done) if done.payload != self.payload => Err(Reject::RequestNumberReused),
                Some(done) => Ok(Event::Outcome {
                    original: Sequence::new(done.sequence),
                    order: done.order.map(OrderId::new),
                    reject: done.reject,
                    command: command.kind(),
                }),
            };
            return match answer {
                Ok(event) => self.answer(market, event),
                Err(reason) => self.refuse(market, reason),
            };
        }
        let answer = match *command {
            Command::NewOrder(ref new) => self.new_order(new),
            Command::CancelOrder { target } => self.change(target, None),
            Command::ReduceOrder { target, by } => self.change(target, Some(i128::from(by.lots()))),
            Command::CancelAll(filter) => self.cancel_all(filter.market),
            _ => unreachable!(),
        };
        if let Err(reason) = answer {
            self.refuse(market, reason);
        }
        let done = Done {
            request,
            sequence: self.now.sequence.raw(),
            payload: self.payload.clone(),
            order: answer.unwrap_or(None),
            created: command.kind() == CommandKind::NewOrder && answer.is_ok(),
            reject: answer.err(),
        };
        let known = &mut self.keys[key as usize - 1];
        known.mark = request;
        known.done.push(done);
    }

    fn new_order(&mut self, new: &NewOrder) -> Answer {
        let (account, id) = (self.now.account.raw(), new.market.raw() as usize);
        let is_buy = new.side == Side::Buy;
        let is_market = new.order_type == OrderType::Market;
        let is_gtc = new.time_in_force == TimeInForce::Gtc;
        refuse_if(id == 0 || id > self.markets.len(), Reject::UnknownMarket)?;
        let market = &self.markets[id - 1];
        let (price, qty) = (i128::from(new.price.ticks()), i128::from(new.qty.lots()));
        refuse_if(market.halted, Reject::MarketHalted)?;
        refuse_if(new.post_only && (is_market || !is_gtc), Reject::PostOnlyMustRest)?;
        refuse_if(is_market && price != 0, Reject::PriceOnMarketOrder)?;
        refuse_if(is_market && is_gtc, Reject::MarketOrderCannotRest)?;
        refuse_if(qty == 0, Reject::QtyZero)?;
        refuse_if(qty > market.qty_max, Reject::QtyTooLarge)?;
        refuse_if(!is_market && price <= 0, Reject::PriceNotPositive)?;
        refuse_if(price > market.price_max, Reject::PriceTooHigh)?;
        if is_gtc {
            let of_account = self.orders.iter().filter(|order| order.account == account).count();
            let is_full = of_account >= self.limits.account_open_orders_max as usize
                || self.orders.len() >= self.limits.open_orders_max as usize;
            refuse_if(is_full, Reject::TooManyOpenOrders)?;
        }
        // Everything that it could trade with, in the order in which it would.
        let against = self.against(new);
        refuse_if(is_market && against.is_empty(), Reject::NoLiquidity)?;
        refuse_if(new.post_only && !against.is_empty(), Reject::PostOnlyWouldTake)?;
        let best = against.first().map_or(0, |maker| maker.price);
        let (asset, need) = match (is_buy, is_market) {
            (true, false) => (market.quote, price * qty * market.quote_unit),
            (true, true) => (market.quote, best * market.quote_unit),
            (false, _) => (market.base, qty * market.base_unit),
        };
        let money = self.balance(account, asset).0;
        refuse_if(money < need, Reject::InsufficientFunds)?;
        if new.time_in_force == TimeInForce::Fok {
            let (mut missing, mut cost) = (qty, 0);
            for maker in &against {
                let part = missing.min(maker.left);
                missing -= part;
                cost += part * maker.price * market.quote_unit;
            }
            let is_payable = !(is_buy && is_market) || cost <= money;
            refuse_if(missing > 0 || !is_payable, Reject::FillOrKillUnfillable)?;
        }
        self.accept(new, against)
    }

    fn against(&self, new: &NewOrder) -> Vec<NaiveOrder> {
        let is_buy = new.side == Side::Buy;
        let limit = i128::from(new.price.ticks());
        let is_fine =
            |price: i128| new.order_type == OrderType::Market || if is_buy { price <= limit } else { price >= limit };
        let mut against: Vec<NaiveOrder> = self
            .orders
            .iter()
            .filter(|maker| maker.market == new.market.raw() && maker.is_buy != is_buy && is_fine(maker.price))
            .cloned()
            .collect();
        against.sort_by_key(|maker| (if is_buy { maker.price } else { -maker.price }, maker.id));
        against
    }

    fn accept(&mut self, new: &NewOrder, against: Vec<NaiveOrder>) -> Answer {
        let (key, account, request) = (self.now.key.raw(), self.now.account.raw(), self.now.request.raw());
        let id = self.now.sequence.raw();
        let NewOrder { side, order_type, time_in_force, post_only, price, qty, .. } = *new;
        let order = OrderId::new(id);
        let market = new.market.raw();
        let options = OrderOptions::default();
        self.answer(
            market,
            Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options },
        );
        let backed = !(side == Side::Buy && order_type == OrderType::Market);
        self.orders.push(NaiveOrder {
            id,
            key,
            account,
            request,
            market,
            is_buy: side == Side::Buy,
            price: price.ticks().into(),
            left: qty.lots().into(),
            backed,
        });
        let mut is_broke = false;
        for maker in against {
            let wanted = maker.left.min(self.order(id).left);
            if wanted == 0 {
                break;
            }
            let terms = &self.markets[market as usize - 1];
            let payable = self.balance(account, terms.quote).0 / (maker.price * terms.quote_unit);
            let part = if backed { wanted } else { wanted.min(payable) };
            if part > 0 {
                self.trade(id, maker.id, part);
            }
            if part < wanted {
                is_broke = true;
                break;
            }
        }
        let rest = self.order(id).clone();
        if rest.left == 0 || time_in_force != TimeInForce::Gtc {
            self.orders.retain(|order| order.id != id);
        }
        if rest.left > 0 && time_in_force != TimeInForce::Gtc {
            let reason = if is_broke { CancelReason::InsufficientFunds } else { CancelReason::ImmediateOrCancel };
            self.tell_cancelled(key, request, &rest, reason);
        }
        Ok(Some(id))
    }

    fn order(&mut self, id: u64) -> &mut NaiveOrder {
        self.orders.iter_mut().find(|order| order.id == id).unwrap()
    }

    fn trade(&mut self, taker: u64, maker: u64, qty: i128) {
        let price = self.order(maker).price;
        for (id, other) in [(taker, maker), (maker, taker)] {
            self.order(id).left -= qty;
            let order = self.order(id).clone();
            let counter_account = self.order(other).account;
            let market = &self.markets[order.market as usize - 1];
            let (base, quote) = (qty * market.base_unit, qty * price * market.quote_unit);
            let ((pays, paid), (gets, got)) = if order.is_buy {
                ((market.quote, quote), (market.base, base))
            } else {
                ((market.base, base), (market.quote, quote))
            };
            let rate = if id == taker { market.taker_fee } else { market.maker_fee };
            let fee = (got * rate + 999_999) / 1_000_000;
            *self.total.entry((order.account, pays)).or_default() -= paid;
            *self.total.entry((order.account, gets)).or_default() += got - fee;
            *self.fees.entry(gets).or_default() += fee;
            let fill = Fill {
                is_rebate: false,
                order: OrderId::new(id),
                counter_order: OrderId::new(other),
                counter_account: AccountId::new(counter_account),
                side: side(order.is_buy),
                liquidity: if id == taker { Liquidity::Taker } else { Liquidity::Maker },
                price: Price::from_ticks(price as i64),
                qty: Qty::from_lots(qty as u64),
                leaves: Qty::from_lots(order.left as u64),
                fee: AssetAmount::from_units(fee as u128),
            };
            self.tell(order.key, order.account, order.market, order.request, Event::Fill(fill));
        }
        self.orders.retain(|order| order.id != maker || order.left > 0);
    }

    /// An order that this key created and that is gone is told apart from one that never was.
    fn no_such_order(&self, target: OrderTarget) -> Reject {
        let OrderTarget::Request(number) = target else { return Reject::UnknownOrder };
        let done = &self.keys[self.now.key.raw() as usize - 1].done;
        let created = done.iter().rev().take(WINDOW).any(|done| done.request == number.raw() && done.created);
        if created { Reject::OrderNotOpen } else { Reject::UnknownOrder }
    }

    /// Cancels, or takes `by` off.
    fn change(&mut self, target: OrderTarget, by: Option<i128>) -> Answer {
        refuse_if(by == Some(0), Reject::QtyZero)?;
        let (key, account, request) = (self.now.key.raw(), self.now.account.raw(), self.now.request.raw());
        let is_it = |order: &NaiveOrder| match target {
            OrderTarget::Order(id) => order.id == id.raw() && order.account == account,
            OrderTarget::Request(number) => order.request == number.raw() && order.key == key,
        };
        let Some(at) = self.orders.iter().position(is_it) else { return Err(self.no_such_order(target)) };
        let order = self.orders[at].clone();
        refuse_if(by.is_some() && self.markets[order.market as usize - 1].halted, Reject::MarketHalted)?;
        let about = if order.key == key { request } else { order.request };
        match by {
            Some(by) if by < order.left => {
                self.orders[at].left -= by;
                let event = Event::OrderReduced {
                    order: OrderId::new(order.id),
                    side: side(order.is_buy),
                    price: Price::from_ticks(order.price as i64),
                    by: Qty::from_lots(by as u64),
                    leaves: Qty::from_lots((order.left - by) as u64),
                };
                self.tell(order.key, order.account, order.market, about, event);
            }
            _ => {
                self.orders.remove(at);
                let reason = if by.is_some() { CancelReason::ReducedToZero } else { CancelReason::Requested };
                self.tell_cancelled(order.key, about, &order, reason);
            }
        }
        if order.key != key {
            let (original, command) = (self.now.sequence, self.kind.unwrap());
            let id = Some(OrderId::new(order.id));
            self.answer(order.market, Event::Outcome { original, order: id, reject: None, command });
        }
        Ok(Some(order.id))
    }

    fn cancel_all(&mut self, market: Option<MarketId>) -> Answer {
        let wanted = market.map(MarketId::raw);
        refuse_if(wanted.is_some_and(|id| id == 0 || id as usize > self.markets.len()), Reject::UnknownMarket)?;
        let account = self.now.account.raw();
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.orders)
            .into_iter()
            .partition(|order| order.account == account && wanted.is_none_or(|id| id == order.market));
        self.orders = kept;
        for order in &gone {
            self.tell_cancelled(order.key, order.request, order, CancelReason::CancelAll);
        }
        self.answer(wanted.unwrap_or(0), Event::CancelAllDone { cancelled: gone.len() as u64 });
        Ok(None)
    }
}

fn side(is_buy: bool) -> Side {
    if is_buy { Side::Buy } else { Side::Sell }
}

fn refuse_if(condition: bool, reason: Reject) -> Result<(), Reject> {
    if condition { Err(reason) } else { Ok(()) }
}
