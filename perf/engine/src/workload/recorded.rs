//! Workload e: a recorded hour of one stock, planned by `tidegate-replay` exactly as it would send it to a node.
//!
//!   files --`LobsterFlow`--> new, reduce, cancel by request number --ids--> [`Op`](crate::op::Op)
//!
//! Invariants: the opening book is not measured. Only new orders have an id, dense like everywhere; the plan addresses an
//! order by the number of the request that made it.

use std::path::Path;

use tidegate_domain::{MarketId, NewOrder, OrderTarget, RequestNumber, TimeInForce};
use tidegate_replay::Flow as _;
use tidegate_replay::lobster::{LobsterFlow, LobsterOptions};
use tidegate_wire::OrderAction;

use super::builder::Builder;
use super::{Request, Workload};
use crate::op::Tif;

const MESSAGES: &str = "AAPL_message_50.csv.xz";
const SEED_BOOK: &str = "AAPL_orderbook_50_first672.csv.xz";
/// Whose orders they are, nobody knows.
const ACCOUNTS: u32 = 1_000;

pub(super) fn recorded(request: &Request) -> Result<Workload, String> {
    let file = |name: &str| {
        let path = request.recorded.join(name);
        if path.is_file() { Ok(path) } else { Err(absent(&path)) }
    };
    let options = LobsterOptions { messages: file(MESSAGES)?, seed_book: file(SEED_BOOK)?, check_l1: None };
    let mut flow = LobsterFlow::open(&options, MarketId::new(1)).map_err(|error| error.to_string())?;
    let mut builder = Builder::new(request.seed, 1, ACCOUNTS, 0);
    // By request number: the order that it made.
    let mut ids: Vec<u64> = vec![0];
    while let Some(action) = flow.next_action() {
        let is_opening = flow.steps_done() == 0;
        if !is_opening && builder.parts_count() == 0 {
            builder.end_unmeasured();
        }
        flow.on_sent(RequestNumber::new(ids.len() as u64));
        let id = write_down(&mut builder, &ids, &action)?;
        ids.push(id);
        let mix = builder.mix();
        if !is_opening && mix.gtc + mix.ioc + mix.cancels + mix.reduces >= request.commands as u64 {
            break;
        }
    }
    Ok(builder.finish(&request.name))
}

fn write_down(builder: &mut Builder, ids: &[u64], action: &OrderAction) -> Result<u64, String> {
    let id_of = |target| match target {
        OrderTarget::Request(number) => Ok(ids[number.raw() as usize]),
        OrderTarget::Order(order) => Err(format!("the recorded flow names order {order}, which only a node can know")),
    };
    match *action {
        OrderAction::New(NewOrder { side, price, qty, time_in_force, .. }) => {
            let tif = if time_in_force == TimeInForce::Gtc { Tif::Gtc } else { Tif::Ioc };
            Ok(builder.new_order(0, side, price.ticks(), qty.lots(), tif))
        }
        OrderAction::Cancel { target } => {
            builder.cancel(0, id_of(target)?);
            Ok(0)
        }
        OrderAction::Reduce { target, by } => {
            let id = id_of(target)?;
            match builder.book.leaves(id) {
                // To take off all of it is to cancel it.
                Some(leaves) if by.lots() < leaves => builder.reduce(0, id, by.lots()),
                _ => builder.cancel(0, id),
            }
            Ok(0)
        }
        _ => Err(format!("the recorded flow asks for {action:?}, which is not measured")),
    }
}

fn absent(path: &Path) -> String {
    format!("{} is not there: the recorded flow is not part of the project", path.display())
}
