//! The operator's socket: one JSON request a line, one JSON reply a line, over a Unix socket in the data folder that only
//! its owner can open.
//!
//!   tidegate admin / status / promote / durability --AdminRequest--> admin.sock --[serve]--> desk, control --> AdminReply
//!
//! Invariants: whatever changes state is a command or an order of [`crate::control`]; a text is checked here and its error
//! names the field and what is allowed. Thread: tokio.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate_domain::{
    AccountId, AssetAmount, Command, Event, EventHeader, FeeRate, MarketState, MarketTerms, Name, Price, Qty,
    Reference, Roles,
};
use tidegate_wire::decimal::parse_decimal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::config::DurabilityName;
use crate::control::Control;

/// Longest request line.
const LINE_MAX_BYTES: u64 = 64 * 1_024;

/// What an operator can ask. Names and amounts are texts: the node checks and converts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    /// The node's status; with `digest`, a digest of the state as it is now.
    Status {
        /// Whether to compute a digest.
        digest: bool,
    },
    /// Everything that exists.
    List,
    /// See [`Command::CreateAsset`].
    CreateAsset {
        /// Its name.
        name: String,
        /// Its decimal places.
        decimals: u8,
    },
    /// See [`Command::CreateMarket`].
    CreateMarket {
        /// Its name.
        name: String,
        /// Name of the base asset.
        base: String,
        /// Name of the quote asset.
        quote: String,
        /// Price step, in quote per base, decimal.
        tick: String,
        /// Quantity step, in base, decimal.
        lot: String,
        /// Fee of the resting side in parts per million.
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million.
        taker_fee_ppm: i32,
        /// Largest quantity of one order, in lots.
        qty_max_lots: u64,
        /// Highest price of one order, in ticks.
        price_max_ticks: i64,
    },
    /// See [`Command::CreateAccount`].
    CreateAccount {
        /// Its name.
        name: String,
    },
    /// See [`Command::CreateKey`].
    CreateKey {
        /// Its name.
        name: String,
        /// Whose.
        account: u32,
        /// 64 hexadecimal digits.
        public_key: String,
    },
    /// See [`Command::Deposit`].
    Deposit {
        /// Whose.
        account: u32,
        /// Which asset.
        asset: String,
        /// How much, decimal.
        amount: String,
        /// The business reference.
        reference: String,
    },
    /// See [`Command::Withdraw`].
    Withdraw {
        /// Whose.
        account: u32,
        /// Which asset.
        asset: String,
        /// How much, decimal.
        amount: String,
        /// The business reference.
        reference: String,
    },
    /// See [`Command::SetMarketState`].
    Halt {
        /// Which market.
        market: String,
    },
    /// See [`Command::SetMarketState`].
    Open {
        /// Which market.
        market: String,
    },
    /// Has a snapshot taken now, beside the node.
    Snapshot,
    /// Makes a standby the primary.
    Promote {
        /// Even while the link to the primary is alive.
        force: bool,
    },
    /// Changes what an acknowledgement needs.
    SetDurability {
        /// The rule.
        durability: DurabilityName,
    },
}

/// What the node answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// It is done; this came of it.
    Done(Value),
    /// It is refused; nothing changed.
    Refused {
        /// Stable name of the refusal, such as a reject of the catalogue.
        reason: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A refusal on the way to a reply.
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }

    fn field(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new("bad_field", format!("`{field}` {why}"))
    }
}

/// Binds the socket, replacing one that a dead process left, readable by its owner only.
pub(crate) fn bind(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves operators until the runtime ends.
pub(crate) async fn serve(listener: UnixListener, control: Arc<Control>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve_one(stream, Arc::clone(&control)));
            }
            Err(error) => {
                tracing::warn!(%error, "the operator's socket refused a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(stream: UnixStream, control: Arc<Control>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(tokio::io::AsyncReadExt::take(read, LINE_MAX_BYTES));
    let mut line = String::new();
    loop {
        line.clear();
        read.get_mut().set_limit(LINE_MAX_BYTES);
        match read.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let reply = match serde_json::from_str(&line) {
            Ok(request) => answer(request, &control).await,
            Err(error) => {
                Err(Refusal::new("bad_request", format!("this is not a request that this node knows: {error}")))
            }
        };
        let reply = match reply {
            Ok(value) => AdminReply::Done(value),
            Err(Refusal { reason, message }) => AdminReply::Refused { reason, message },
        };
        let mut bytes = serde_json::to_vec(&reply).expect("a reply always serialises");
        bytes.push(b'\n');
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn answer(request: AdminRequest, control: &Arc<Control>) -> Result<Value, Refusal> {
    match request {
        AdminRequest::Status { digest } => {
            let status = control.status(digest).await;
            Ok(serde_json::to_value(status).expect("a status always serialises"))
        }
        AdminRequest::List => Ok(control.desk.directory().to_json()),
        AdminRequest::Snapshot => {
            control.snapshots.request()?;
            let message = "a process of its own takes it; `tidegate status` shows when it is there";
            Ok(json!({ "started": true, "message": message }))
        }
        AdminRequest::Promote { force } => control.promote(force).await,
        AdminRequest::SetDurability { durability } => control.set_durability(durability.into()).await,
        request => {
            let (account, command) = command_of(request, control)?;
            control.check_leads()?;
            let answer = control.desk.ask(account, command).await;
            let (header, event) = answer.map_err(|message| Refusal::new("no_answer", message))?;
            outcome(&header, &event)
        }
    }
}

fn name(field: &str, text: &str) -> Result<Name, Refusal> {
    Name::new(text).map_err(|error| Refusal::field(field, error))
}

/// Turns a request into the command that it asks for.
fn command_of(request: AdminRequest, control: &Control) -> Result<(AccountId, Command), Refusal> {
    let nobody = AccountId::default();
    Ok(match request {
        AdminRequest::CreateAsset { name: text, decimals } => {
            (nobody, Command::CreateAsset { name: name("name", &text)?, decimals })
        }
        request @ AdminRequest::CreateMarket { .. } => (nobody, Command::CreateMarket(market_terms(request, control)?)),
        AdminRequest::CreateAccount { name: text } => (nobody, Command::CreateAccount { name: name("name", &text)? }),
        AdminRequest::CreateKey { name: text, account, public_key } => {
            let key = hex::decode(&public_key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let public_key = key.ok_or_else(|| Refusal::field("public_key", "must be 64 hexadecimal digits"))?;
            (
                AccountId::new(account),
                Command::CreateKey { name: name("name", &text)?, public_key, roles: Roles::READ.with(Roles::TRADE) },
            )
        }
        AdminRequest::Deposit { account, asset, amount, reference } => {
            let (asset, amount, reference) = money(control, &asset, &amount, &reference)?;
            (AccountId::new(account), Command::Deposit { asset, amount, reference, at: control.desk.now() })
        }
        AdminRequest::Withdraw { account, asset, amount, reference } => {
            let (asset, amount, reference) = money(control, &asset, &amount, &reference)?;
            (AccountId::new(account), Command::Withdraw { asset, amount, reference, at: control.desk.now() })
        }
        AdminRequest::Halt { market } => {
            (nobody, Command::SetMarketState { market: name("market", &market)?, state: MarketState::Halted })
        }
        AdminRequest::Open { market } => {
            (nobody, Command::SetMarketState { market: name("market", &market)?, state: MarketState::Open })
        }
        AdminRequest::Status { .. }
        | AdminRequest::List
        | AdminRequest::Snapshot
        | AdminRequest::Promote { .. }
        | AdminRequest::SetDurability { .. } => unreachable!("answered without a command"),
    })
}

fn decimals(control: &Control, field: &str, asset: &Name) -> Result<u8, Refusal> {
    let known = control.desk.directory().decimals(asset);
    known.ok_or_else(|| {
        Refusal::new("unknown_asset", format!("`{field}`: there is no asset {asset}; `tidegate admin list` shows all"))
    })
}

fn money(
    control: &Control,
    asset: &str,
    amount: &str,
    reference: &str,
) -> Result<(Name, AssetAmount, Reference), Refusal> {
    let asset = name("asset", asset)?;
    let places = decimals(control, "asset", &asset)?;
    let units =
        parse_decimal(amount, places).map_err(|error| Refusal::field("amount", format!("is refused: {error}")))?;
    let reference = Reference::new(reference).map_err(|error| Refusal::field("reference", error))?;
    Ok((asset, AssetAmount::from_units(units), reference))
}

/// `lot` in base units, `tick` times `lot` in quote units: both must come out whole, so that trades never round.
fn market_terms(request: AdminRequest, control: &Control) -> Result<MarketTerms, Refusal> {
    let AdminRequest::CreateMarket {
        name: text,
        base,
        quote,
        tick,
        lot,
        maker_fee_ppm,
        taker_fee_ppm,
        qty_max_lots,
        price_max_ticks,
    } = request
    else {
        unreachable!("the caller matched it");
    };
    let (base, quote) = (name("base", &base)?, name("quote", &quote)?);
    let (base_places, quote_places) = (decimals(control, "base", &base)?, decimals(control, "quote", &quote)?);
    let lot_units =
        parse_decimal(&lot, base_places).map_err(|error| Refusal::field("lot", format!("is refused: {error}")))?;
    // The tick in units of 10^-18: finer than any price step in use.
    const TICK_PLACES: u8 = 18;
    let tick_units =
        parse_decimal(&tick, TICK_PLACES).map_err(|error| Refusal::field("tick", format!("is refused: {error}")))?;
    // tick [quote/base] * lot [base] * 10^quote_places, with tick in 10^-18 and lot in 10^-base_places.
    let scale = 10_u128.checked_pow(u32::from(TICK_PLACES) + u32::from(base_places));
    let product =
        tick_units.checked_mul(lot_units).and_then(|p| p.checked_mul(10_u128.checked_pow(quote_places.into())?));
    let too_fine = || {
        Refusal::field(
            "tick",
            format!("times `lot` is out of range for assets with {base_places} and {quote_places} decimal places"),
        )
    };
    let (scale, product) = (scale.ok_or_else(too_fine)?, product.ok_or_else(too_fine)?);
    if product == 0 || !product.is_multiple_of(scale) {
        let least = format!(
            "times `lot` must be a whole number of the smallest unit of {quote} ({quote_places} decimal places); make `tick` or `lot` larger"
        );
        return Err(Refusal::field("tick", least));
    }
    let narrow = |value: u128, field| u64::try_from(value).map_err(|_| Refusal::field(field, "is too large"));
    Ok(MarketTerms {
        name: name("name", &text)?,
        base,
        quote,
        base_units_per_lot: narrow(lot_units, "lot")?,
        quote_units_per_tick_lot: narrow(product / scale, "tick")?,
        maker_fee: FeeRate::from_ppm(maker_fee_ppm),
        taker_fee: FeeRate::from_ppm(taker_fee_ppm),
        qty_max: Qty::from_lots(qty_max_lots),
        price_max: Price::from_ticks(price_max_ticks),
    })
}

/// What the operator reads of an answer.
fn outcome(header: &EventHeader, event: &Event) -> Result<Value, Refusal> {
    let at = json!({ "epoch": header.epoch.raw(), "sequence": header.sequence.raw() });
    let mut value = match *event {
        Event::Rejected { reason, .. } | Event::Outcome { reject: Some(reason), .. } => {
            return Err(Refusal::new(reason.as_str(), reason.sentence()));
        }
        Event::Outcome { original, .. } => json!({ "already_applied_at": original.raw() }),
        Event::AssetCreated { asset, name, .. } => json!({ "asset": asset.raw(), "name": name.as_str() }),
        Event::MarketCreated(ref market) => json!({ "market": header.market.raw(), "name": market.name.as_str() }),
        Event::AccountCreated { name } => json!({ "account": header.account.raw(), "name": name.as_str() }),
        Event::KeyCreated { key, name, .. } => json!({ "key": key.raw(), "name": name.as_str() }),
        Event::Deposited { amount, .. } | Event::Withdrawn { amount, .. } => {
            json!({ "account": header.account.raw(), "units": amount.units().to_string() })
        }
        Event::MarketStateChanged { state } => json!({ "market": header.market.raw(), "state": state.as_str() }),
        ref other => json!({ "event": other.kind().as_str() }),
    };
    value["at"] = at;
    Ok(value)
}
