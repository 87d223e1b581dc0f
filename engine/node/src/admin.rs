//! The operator's socket: one JSON request a line, one JSON reply a line, over a Unix socket in the data folder that only
//! its owner can open.
//!
//!   tidegate admin / status / promote / durability --AdminRequest--> admin.sock --[serve]--> desk, control --> AdminReply
//!
//! What a noun needs is in a file of its own: `market`, `account` (and keys), `money`; `outcome` says what came of it.
//!
//! Invariants: whatever changes state is a command or an order of [`crate::control`]; a text is checked here and its error
//! names the field and what is allowed. Thread: tokio.

mod account;
mod market;
mod money;
mod outcome;
mod request;
mod time;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tidegate_domain::{AccountId, Command, Name, Reject, Timestamp};
use tidegate_order_entry::Maintenance;
use tidegate_wire::TEXT_LEN_MAX_BYTES;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use self::money::Move;
use crate::control::Control;

pub(crate) use self::account::limits_json;
pub(crate) use self::market::rules_json;
pub use self::request::{AdminReply, AdminRequest, LimitsRequest, MoneyRequest, ROLES_DEFAULT, TransferRequest};

/// Longest request line.
const LINE_MAX_BYTES: u64 = 64 * 1_024;

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

    fn out_of_range(field: &str, value: &str, allowed: &str) -> Self {
        Self::field(field, format!("is `{value}`; allowed: {allowed}"))
    }
}

/// A reject of the catalogue as the operator reads it.
fn refused(reject: Reject) -> Refusal {
    Refusal::new(reject.as_str(), reject.sentence())
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
        AdminRequest::Sample => {
            let sample = control.sample().await;
            Ok(serde_json::to_value(sample).expect("a sample always serialises"))
        }
        AdminRequest::Histograms => {
            let histograms = control.latency.histograms();
            Ok(serde_json::to_value(histograms).expect("histograms always serialise"))
        }
        AdminRequest::List => Ok(control.desk.directory().to_json()),
        AdminRequest::Snapshot => {
            control.snapshots.request()?;
            let message = "a process of its own takes it; `tidegate status` shows when it is there";
            Ok(json!({ "started": true, "message": message }))
        }
        AdminRequest::AnnounceMaintenance { in_s, detail } => announce_maintenance(control, in_s, detail),
        AdminRequest::Promote { force } => control.promote(force).await,
        AdminRequest::SetDurability { durability } => control.set_durability(durability.into()).await,
        request => {
            // First: what a standby knows of names and settings may be old.
            control.check_leads()?;
            match request {
                AdminRequest::SetMarketRules { market, rules } => market::set_rules(control, &market, &rules).await,
                AdminRequest::SetAccountLimits(limits) => account::set_limits(control, &limits).await,
                request => {
                    let (account, command) = command_of(request, control)?;
                    change(control, account, command).await
                }
            }
        }
    }
}

/// Longest time ahead of an announced maintenance: a week.
const MAINTENANCE_MAX_S: u64 = 604_800;

fn announce_maintenance(control: &Control, in_s: Option<u64>, detail: String) -> Result<Value, Refusal> {
    let is_printable = detail.len() <= TEXT_LEN_MAX_BYTES && detail.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if !is_printable {
        return Err(Refusal::out_of_range("detail", &detail, "at most 64 printable ASCII characters"));
    }
    let Some(in_s) = in_s else {
        control.announcer.maintenance(None);
        return Ok(json!({ "announced": false, "message": "nobody is told of a maintenance any more" }));
    };
    if !(1..=MAINTENANCE_MAX_S).contains(&in_s) {
        return Err(Refusal::out_of_range("in_s", &in_s.to_string(), "1 to 604800 seconds"));
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_secs(in_s);
    let at = Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX));
    control.announcer.maintenance(Some(&Maintenance { at, detail }));
    let sessions = control.gateway.sessions.load(Ordering::Relaxed);
    let message = "clients are told, also those who log on before then; the node is stopped by you";
    Ok(json!({ "announced": true, "at_ns": at.nanos(), "sessions": sessions, "message": message }))
}

/// Sends a command and reads its answer.
async fn change(control: &Control, account: AccountId, command: Command) -> Result<Value, Refusal> {
    let (header, event) = control.desk.ask(account, command).await?;
    outcome::outcome(&header, &event, &control.desk.directory())
}

fn name(field: &str, text: &str) -> Result<Name, Refusal> {
    Name::new(text).map_err(|error| Refusal::field(field, error))
}

/// Decimal places of an asset.
fn decimals(control: &Control, field: &str, asset: &Name) -> Result<u8, Refusal> {
    let known = control.desk.directory().decimals(asset);
    known.ok_or_else(|| {
        let message = format!("`{field}`: there is no asset {asset}; `tidegate admin list` shows all");
        Refusal::new(Reject::UnknownAsset.as_str(), message)
    })
}

/// Turns a request into the command that it asks for, and the account that it concerns.
fn command_of(request: AdminRequest, control: &Control) -> Result<(AccountId, Command), Refusal> {
    let of = |account, command| Ok((AccountId::new(account), command));
    match request {
        AdminRequest::CreateAsset { name: text, decimals } => {
            of(0, Command::CreateAsset { name: name("name", &text)?, decimals })
        }
        request @ AdminRequest::CreateMarket { .. } => of(0, Command::CreateMarket(market::terms(request, control)?)),
        AdminRequest::SetMarketState { market, state } => {
            of(0, Command::SetMarketState { market: name("market", &market)?, state: market::state(&state)? })
        }
        AdminRequest::CreateAccount { name: text } => of(0, Command::CreateAccount { name: name("name", &text)? }),
        AdminRequest::SetAccountOwner { account, owner } => of(account, Command::SetAccountOwner { owner }),
        AdminRequest::SetAccountTier { account, tier } => of(account, Command::SetAccountTier { tier }),
        AdminRequest::SetKillSwitch { account, engaged } => of(account, Command::SetKillSwitch { engaged }),
        AdminRequest::SetFeeTier { tier, maker_fee_ppm, taker_fee_ppm } => {
            of(0, account::fee_tier(tier, maker_fee_ppm, taker_fee_ppm)?)
        }
        AdminRequest::CreateKey { name, account, public_key, roles } => {
            of(account, account::create_key(&name, &public_key, &roles)?)
        }
        AdminRequest::SetKeyRoles { key, roles } => account::set_roles(control, key, &roles),
        AdminRequest::SetKeyNetworks { key, networks } => account::set_networks(control, key, &networks),
        AdminRequest::Deposit(money) => money::of_account(control, Move::Deposit, &money),
        AdminRequest::Withdraw(money) => money::of_account(control, Move::Withdraw, &money),
        AdminRequest::HoldWithdrawal(money) => money::of_account(control, Move::Hold, &money),
        AdminRequest::SettleWithdrawal { account, reference } => {
            of(account, Command::SettleWithdrawal { reference: money::reference(&reference)? })
        }
        AdminRequest::ReleaseWithdrawal { account, reference } => {
            of(account, Command::ReleaseWithdrawal { reference: money::reference(&reference)? })
        }
        AdminRequest::Transfer(transfer) => money::transfer(control, &transfer),
        AdminRequest::Status { .. }
        | AdminRequest::List
        | AdminRequest::Sample
        | AdminRequest::Histograms
        | AdminRequest::Snapshot
        | AdminRequest::AnnounceMaintenance { .. }
        | AdminRequest::SetMarketRules { .. }
        | AdminRequest::SetAccountLimits(_)
        | AdminRequest::Promote { .. }
        | AdminRequest::SetDurability { .. } => unreachable!("answered without coming here"),
    }
}
