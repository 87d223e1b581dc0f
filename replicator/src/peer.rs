//! What this node makes of its peer's claims about the term. No I/O.
//!
//!   NodeState of the peer --[PeerWatch]--> PeerClaim, once per term --> LinkEvent
//!
//! Invariants: a leader that learns of a higher term is told exactly once per term, however often the peer repeats it.
//! Owning thread: the link task.

use tidegate_domain::{ClusterId, Epoch, NodeId};

use crate::message::{LinkRole, NodeState, PROTOCOL_VERSION, Refusal, RefusalCode};

/// A claim that this node must act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerClaim {
    /// The peer knows of a term above ours.
    HigherEpoch,
    /// Both lead in the same term: an operator promoted one while the other was away.
    SameEpoch,
}

/// See the module.
#[derive(Debug, Default)]
pub struct PeerWatch {
    told_higher: Epoch,
    told_same: Epoch,
}

impl PeerWatch {
    /// Judges what the peer says of itself. A standby is told only of a leader: whatever else the peer knows, the standby
    /// learns it when it is shipped.
    pub fn on_state(&mut self, own_role: LinkRole, own_epoch: Epoch, peer: &NodeState) -> Option<PeerClaim> {
        let concerns = match own_role {
            LinkRole::Idle => false,
            LinkRole::Leader => true,
            LinkRole::Standby => peer.role == LinkRole::Leader,
        };
        if !concerns {
            return None;
        }
        if peer.epoch > own_epoch && peer.epoch > self.told_higher {
            self.told_higher = peer.epoch;
            return Some(PeerClaim::HigherEpoch);
        }
        let both_lead = own_role == LinkRole::Leader && peer.role == LinkRole::Leader;
        if both_lead && peer.epoch == own_epoch && self.told_same != own_epoch {
            self.told_same = own_epoch;
            return Some(PeerClaim::SameEpoch);
        }
        None
    }
}

/// Whether the other side is the peer in the configuration, by its own words; its certificate said so before.
///
/// # Errors
/// The refusal to send.
pub fn check_peer(cluster: ClusterId, peer_node: NodeId, own_epoch: Epoch, peer: &NodeState) -> Result<(), Refusal> {
    let refuse = |code, text| Err(Refusal { code, epoch: own_epoch, text });
    if peer.protocol != PROTOCOL_VERSION {
        let text = format!(
            "protocol is {}, this node speaks {PROTOCOL_VERSION}: run the same version of tidegate on both nodes",
            peer.protocol
        );
        return refuse(RefusalCode::Protocol, text);
    }
    if peer.cluster != cluster {
        let text = format!(
            "cluster is {:032x}, this node belongs to {:032x}: check the key folder in the configuration",
            peer.cluster.raw(),
            cluster.raw()
        );
        return refuse(RefusalCode::WrongCluster, text);
    }
    if peer.node != peer_node {
        let text = format!("node is {}, the peer in this node's configuration is {peer_node}", peer.node);
        return refuse(RefusalCode::WrongNode, text);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tidegate_domain::Sequence;

    use super::*;

    fn peer(role: LinkRole, epoch: u32) -> NodeState {
        NodeState {
            protocol: PROTOCOL_VERSION,
            cluster: ClusterId::new(9),
            node: NodeId::new(2),
            epoch: Epoch::new(epoch),
            role,
            last: Sequence::ZERO,
            order_entry: "127.0.0.1:1".parse().unwrap(),
        }
    }

    #[test]
    fn a_claim_is_made_once_and_only_where_it_concerns_this_node() {
        use LinkRole::{Idle, Leader, Standby};
        use PeerClaim::{HigherEpoch, SameEpoch};
        for (own, own_epoch, role, epoch, claim) in [
            (Leader, 3, Leader, 4, Some(HigherEpoch)),
            (Leader, 3, Standby, 4, Some(HigherEpoch)),
            (Leader, 3, Idle, 4, Some(HigherEpoch)),
            (Leader, 3, Leader, 3, Some(SameEpoch)),
            (Leader, 3, Standby, 3, None),
            (Leader, 3, Leader, 2, None),
            (Standby, 3, Leader, 4, Some(HigherEpoch)),
            (Standby, 3, Leader, 3, None),
            (Standby, 3, Standby, 4, None),
            (Idle, 0, Leader, 4, None),
        ] {
            let mut watch = PeerWatch::default();
            let state = peer(role, epoch);
            assert_eq!(
                watch.on_state(own, Epoch::new(own_epoch), &state),
                claim,
                "{own:?} {own_epoch} meets {state:?}"
            );
            assert_eq!(watch.on_state(own, Epoch::new(own_epoch), &state), None, "told twice");
        }
    }

    #[test]
    fn each_higher_term_is_told_anew() {
        let mut watch = PeerWatch::default();
        for epoch in [4, 5] {
            let claim = watch.on_state(LinkRole::Leader, Epoch::new(3), &peer(LinkRole::Leader, epoch));
            assert_eq!(claim, Some(PeerClaim::HigherEpoch));
        }
    }

    #[test]
    fn a_stranger_is_refused_with_what_differs() {
        let good = peer(LinkRole::Standby, 1);
        for (state, code) in [
            (NodeState { protocol: 2, ..good }, RefusalCode::Protocol),
            (NodeState { cluster: ClusterId::new(8), ..good }, RefusalCode::WrongCluster),
            (NodeState { node: NodeId::new(3), ..good }, RefusalCode::WrongNode),
        ] {
            let refusal = check_peer(ClusterId::new(9), NodeId::new(2), Epoch::new(1), &state).unwrap_err();
            assert_eq!(refusal.code, code);
        }
        assert!(check_peer(ClusterId::new(9), NodeId::new(2), Epoch::new(1), &good).is_ok());
    }
}
