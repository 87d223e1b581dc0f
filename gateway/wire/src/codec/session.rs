//! Session messages to blocks and back.

use tidegate_domain::MarketDefinition;

use super::append;
use crate::blocks::*;
use crate::field::{FieldError, Pad, Text};
use crate::layout::Block;
use crate::message::{Logon, Position, ServerMessage};

pub(super) fn logon(block: &LogonBlock) -> Logon {
    Logon {
        key: block.key,
        mode: block.mode,
        last_session_sequence: block.last_session_sequence,
        replay_max: block.replay_max,
        resume_after: Position { sequence: block.resume_sequence, index: block.resume_index },
        heartbeat_ms: block.heartbeat_ms,
        grace_ms: block.grace_ms,
        cancel_on_disconnect: block.cancel_on_disconnect,
        signature: block.signature,
    }
}

pub(super) fn encode_logon(logon: &Logon, out: &mut Vec<u8>) {
    let block = LogonBlock {
        key: logon.key,
        heartbeat_ms: logon.heartbeat_ms,
        last_session_sequence: logon.last_session_sequence,
        grace_ms: logon.grace_ms,
        cancel_on_disconnect: logon.cancel_on_disconnect,
        mode: logon.mode,
        padding: Pad,
        resume_sequence: logon.resume_after.sequence,
        resume_index: logon.resume_after.index,
        replay_max: logon.replay_max,
        signature: logon.signature,
    };
    append(&block, out);
}

pub(super) fn decode(template: u16, block: &[u8]) -> Result<ServerMessage, FieldError> {
    Ok(match template {
        ChallengeBlock::TEMPLATE => {
            let ChallengeBlock { nonce, cluster, node, epoch } = ChallengeBlock::get(block)?;
            ServerMessage::Challenge { nonce, cluster, node, epoch }
        }
        NotPrimaryBlock::TEMPLATE => {
            let block = NotPrimaryBlock::get(block)?;
            ServerMessage::NotPrimary { epoch: block.epoch, address: block.address.to_text() }
        }
        LogonAcceptedBlock::TEMPLATE => {
            let block = LogonAcceptedBlock::get(block)?;
            ServerMessage::LogonAccepted {
                session: block.session,
                request_mark: block.request_mark,
                report_mark: block.report_mark,
                epoch: block.epoch,
                heartbeat_ms: block.heartbeat_ms,
                tokens_per_s: block.tokens_per_s,
                tokens_max: block.tokens_max,
            }
        }
        ReplayDoneBlock::TEMPLATE => {
            ServerMessage::ReplayDone { report_mark: ReplayDoneBlock::get(block)?.report_mark }
        }
        MarketDefinitionBlock::TEMPLATE => market_definition(&MarketDefinitionBlock::get(block)?),
        LogoutBlock::TEMPLATE => {
            let LogoutBlock { reason, resume_after, detail, .. } = LogoutBlock::get(block)?;
            ServerMessage::Logout { reason, resume_after, detail: detail.to_text() }
        }
        GapFillBlock::TEMPLATE => {
            let GapFillBlock { first, last, reason, .. } = GapFillBlock::get(block)?;
            ServerMessage::GapFill { first, last, reason }
        }
        MaintenanceBlock::TEMPLATE => {
            let MaintenanceBlock { at, detail } = MaintenanceBlock::get(block)?;
            ServerMessage::Maintenance { at, detail: detail.to_text() }
        }
        DropCopyPositionBlock::TEMPLATE => {
            let DropCopyPositionBlock { sequence, index, .. } = DropCopyPositionBlock::get(block)?;
            ServerMessage::DropCopyPosition(Position { sequence, index })
        }
        _ => {
            let RequestRefusedBlock { request, value, limit, reason, field, .. } = RequestRefusedBlock::get(block)?;
            ServerMessage::RequestRefused { request, reason, field, value, limit }
        }
    })
}

fn market_definition(block: &MarketDefinitionBlock) -> ServerMessage {
    let definition = MarketDefinition {
        name: block.name,
        base: block.base,
        quote: block.quote,
        base_units_per_lot: block.base_units_per_lot,
        quote_units_per_tick_lot: block.quote_units_per_tick_lot,
        maker_fee: block.maker_fee,
        taker_fee: block.taker_fee,
        qty_max: block.qty_max,
        price_max: block.price_max,
    };
    ServerMessage::MarketDefinition { market: block.market, definition, state: block.state }
}

pub(super) fn encode(message: &ServerMessage, out: &mut Vec<u8>) {
    match *message {
        ServerMessage::Challenge { nonce, cluster, node, epoch } => {
            append(&ChallengeBlock { nonce, cluster, node, epoch }, out);
        }
        ServerMessage::NotPrimary { epoch, ref address } => {
            append(&NotPrimaryBlock { epoch, padding: Pad, address: Text::new(address) }, out);
        }
        ServerMessage::LogonAccepted {
            session,
            request_mark,
            report_mark,
            epoch,
            heartbeat_ms,
            tokens_per_s,
            tokens_max,
        } => append(
            &LogonAcceptedBlock { session, request_mark, report_mark, epoch, heartbeat_ms, tokens_per_s, tokens_max },
            out,
        ),
        ServerMessage::ReplayDone { report_mark } => append(&ReplayDoneBlock { report_mark }, out),
        ServerMessage::MarketDefinition { market, ref definition, state } => append(
            &MarketDefinitionBlock {
                name: definition.name,
                base_units_per_lot: definition.base_units_per_lot,
                quote_units_per_tick_lot: definition.quote_units_per_tick_lot,
                qty_max: definition.qty_max,
                price_max: definition.price_max,
                market,
                base: definition.base,
                quote: definition.quote,
                maker_fee: definition.maker_fee,
                taker_fee: definition.taker_fee,
                state,
                padding: Pad,
            },
            out,
        ),
        ServerMessage::Heartbeat => append(&HeartbeatBlock {}, out),
        ServerMessage::Logout { reason, resume_after, ref detail } => {
            append(&LogoutBlock { reason, padding: Pad, resume_after, detail: Text::new(detail) }, out);
        }
        ServerMessage::RequestRefused { request, reason, field, value, limit } => {
            append(&RequestRefusedBlock { request, value, limit, reason, field, padding: Pad }, out);
        }
        ServerMessage::TestRequest { id } => append(&TestRequestBlock { id }, out),
        ServerMessage::TestReply { id } => append(&TestReplyBlock { id }, out),
        ServerMessage::GapFill { first, last, reason } => {
            append(&GapFillBlock { first, last, reason, padding: Pad }, out);
        }
        ServerMessage::Maintenance { at, ref detail } => {
            append(&MaintenanceBlock { at, detail: Text::new(detail) }, out);
        }
        ServerMessage::DropCopyPosition(Position { sequence, index }) => {
            append(&DropCopyPositionBlock { sequence, index, padding: Pad }, out);
        }
        ServerMessage::Report(_) => unreachable!("the caller takes reports to their own module"),
    }
}
