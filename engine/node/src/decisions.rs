//! What a node may do with what it knows: start in a role, lead, be promoted, go on after a claim of its peer. No I/O.
//!
//!   folder, promises, peer's words, operator's wish --> [may_start], [at_start], [may_promote], [on_higher_epoch]
//!
//! Invariants: an epoch is led by one node; a node leads an epoch again only if it led it before and promised no higher one;
//! nobody leads who knows, or was once told, that acknowledged commands are missing from its journal, unless the operator
//! forces it.

use std::net::SocketAddr;

use tidegate_domain::{Epoch, Sequence};

use crate::admin::Refusal;
use crate::config::Role;

/// What a node must remember across restarts beside its journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promises {
    /// The highest epoch that it respects.
    pub(crate) epoch: Epoch,
    /// The highest epoch that it led; 0 for a folder that never led.
    pub(crate) led: Epoch,
    /// How far the peer's journal or acknowledgements reached when this node's journal ended before it.
    pub(crate) commit_seen: Sequence,
    /// Where this standby's state differed from its primary's.
    pub(crate) digest_differs_at: Option<Sequence>,
}

/// Whether a folder may be started in a role.
///
/// # Errors
/// Why not and what to do.
pub(crate) fn may_start(role: Role, last: Sequence, promises: &Promises) -> Result<(), String> {
    let Promises { epoch, led, commit_seen, .. } = *promises;
    let (has_led, is_new) = (led > Epoch::default(), last == Sequence::ZERO && epoch == Epoch::default());
    match role {
        Role::Standby if has_led => Err("was a leader's: its tail may hold orders that nobody acknowledged. If this node was \
                                         promoted and leads still, set node.role = \"primary\"; if another node leads, move \
                                         the folder away and start with an empty one"
            .to_owned()),
        Role::Primary if has_led && led < epoch => Err(format!(
            "led epoch {led}, and another node leads since epoch {epoch}: its tail may hold orders that nobody acknowledged. \
             Move the folder away, set node.role = \"standby\" and start with an empty one"
        )),
        Role::Primary if !has_led && !is_new => Err(format!(
            "followed a primary in epoch {epoch} and was never promoted: what it lacks nobody knows before it asks. Set \
             node.role = \"standby\", start it, and run `tidegate promote`"
        )),
        Role::Primary if last < commit_seen => Err(format!(
            "ends at {last}, and the peer had {commit_seen}: commands that were acknowledged may be missing here. Run `tidegate \
             promote` on the peer; then start this node as standby with an empty folder. If the peer's data is lost for good and \
             you accept the loss, delete the line `commit_seen` from node.state"
        )),
        Role::Primary | Role::Standby => Ok(()),
    }
}

/// What the peer said of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) leads: bool,
    pub(crate) epoch: Epoch,
    pub(crate) order_entry: SocketAddr,
    /// The end of its journal.
    pub(crate) last: Sequence,
}

/// What a starting primary does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtStart {
    Lead,
    /// The peer leads, or knows of a higher epoch.
    GiveWay {
        epoch: Epoch,
        order_entry: SocketAddr,
    },
    /// The peer's journal reaches further.
    Behind {
        peer_last: Sequence,
    },
}

/// Whether a starting primary, whose journal ends at `last`, leads `epoch` again.
pub(crate) fn at_start(epoch: Epoch, last: Sequence, peer: Option<Peer>) -> AtStart {
    match peer {
        Some(peer) if peer.epoch > epoch || (peer.leads && peer.epoch == epoch) => {
            AtStart::GiveWay { epoch: peer.epoch, order_entry: peer.order_entry }
        }
        // A peer of a lower epoch has a tail that nobody acknowledged: more of it proves nothing.
        Some(peer) if peer.epoch == epoch && peer.last > last => AtStart::Behind { peer_last: peer.last },
        _ => AtStart::Lead,
    }
}

/// The part that a node plays now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its role has not begun.
    Starting,
    Follows,
    Leads,
    /// It stops, or another node has replaced it.
    Retired,
}

/// A node that an operator wants to promote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) part: Part,
    pub(crate) linked: bool,
    /// It has tried to reach the primary since it follows, well or not.
    pub(crate) has_tried: bool,
    pub(crate) digest_differs: bool,
    /// The end of its journal.
    pub(crate) last: Sequence,
    /// What the primary acknowledged, as far as this node knows.
    pub(crate) commit: Sequence,
}

/// Whether a node may be promoted; `force` overrules what only an operator can judge.
///
/// # Errors
/// Why not and what to do.
pub(crate) fn may_promote(node: &Candidate, force: bool) -> Result<(), Refusal> {
    let Candidate { last, commit, .. } = *node;
    match node.part {
        Part::Leads => return Err(Refusal::new("already_primary", "this node leads already")),
        Part::Starting => return Err(starting()),
        Part::Retired => return Err(Refusal::new("stopping", "this node stops")),
        Part::Follows => {}
    }
    if node.linked && !force {
        let why = "the link to the primary is alive: stop the primary first, or repeat with --force";
        return Err(Refusal::new("primary_alive", why));
    }
    if !node.has_tried && !force {
        return Err(starting());
    }
    if node.digest_differs && !force {
        let why = "this node's state differed from the primary's: it must not lead while the primary can be restarted. Once the \
                   primary runs, start this node again with an empty folder. If the primary is lost for good, this node's \
                   state is all there is: repeat with --force";
        return Err(Refusal::new("digest_differs", why));
    }
    if last == Sequence::ZERO {
        let why = "this node has no data: it never received anything from a primary";
        return Err(Refusal::new("no_data", why));
    }
    if last < commit && !force {
        let why = format!(
            "the primary acknowledged through {commit}, this node has only {last}: promoting it would lose the difference; \
             restart the primary, or repeat with --force and lose it"
        );
        return Err(Refusal::new("behind", why));
    }
    Ok(())
}

/// A node whose role has not begun changes nothing.
pub(crate) fn starting() -> Refusal {
    Refusal::new("starting", "this node starts and does not know yet whether its peer is alive; try again in a moment")
}

/// What follows from the peer's word that a higher epoch exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Old news.
    Ignore,
    /// A standby respects the new leader.
    Respect,
    /// This node is replaced.
    Retire,
}

/// Judges a claim that `epoch` exists; news may be older than a promotion of this node.
pub(crate) fn on_higher_epoch(part: Part, led: Epoch, epoch: Epoch) -> Claim {
    match part {
        Part::Leads if epoch > led => Claim::Retire,
        Part::Follows => Claim::Respect,
        Part::Leads | Part::Starting | Part::Retired => Claim::Ignore,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn promises(epoch: u32, led: u32) -> Promises {
        Promises { epoch: Epoch::new(epoch), led: Epoch::new(led), ..Promises::default() }
    }

    #[test]
    fn a_folder_starts_only_in_a_role_that_its_past_allows() {
        use Role::{Primary, Standby};
        for (role, last, epoch, led, refused) in [
            (Primary, 0, 0, 0, None),
            (Primary, 9, 1, 1, None),
            (Primary, 0, 1, 1, None),
            (Primary, 9, 2, 1, Some("another node leads since epoch 2")),
            (Primary, 9, 1, 0, Some("never promoted")),
            (Primary, 0, 1, 0, Some("never promoted")),
            (Primary, 9, 0, 0, Some("never promoted")),
            (Standby, 0, 0, 0, None),
            (Standby, 9, 4, 0, None),
            (Standby, 9, 4, 4, Some("was a leader's")),
            (Standby, 9, 4, 3, Some("was a leader's")),
        ] {
            let outcome = may_start(role, Sequence::new(last), &promises(epoch, led));
            let case = format!("{role:?} with {last} records, epoch {epoch}, led {led}: {outcome:?}");
            match refused {
                None => assert!(outcome.is_ok(), "{case}"),
                Some(why) => assert!(outcome.is_err_and(|text| text.contains(why)), "{case}"),
            }
        }
    }

    #[test]
    fn a_primary_that_was_told_of_more_does_not_start_until_the_operator_accepts_the_loss() {
        let told = Promises { commit_seen: Sequence::new(10), ..promises(1, 1) };
        assert!(may_start(Role::Primary, Sequence::new(9), &told).is_err_and(|text| text.contains("the peer had 10")));
        assert!(may_start(Role::Primary, Sequence::new(10), &told).is_ok());
        let follower = Promises { commit_seen: Sequence::new(10), ..promises(1, 0) };
        assert!(may_start(Role::Standby, Sequence::new(9), &follower).is_ok());
    }

    #[test]
    fn a_starting_primary_gives_way_to_a_leader_and_to_more_data() {
        let order_entry = "127.0.0.1:1".parse().unwrap();
        let peer =
            |leads, epoch, last| Peer { leads, epoch: Epoch::new(epoch), order_entry, last: Sequence::new(last) };
        let give_way = |epoch| AtStart::GiveWay { epoch: Epoch::new(epoch), order_entry };
        for (peer, does) in [
            (None, AtStart::Lead),
            (Some(peer(false, 3, 100)), AtStart::Lead),
            (Some(peer(false, 0, 0)), AtStart::Lead),
            (Some(peer(true, 2, 50)), AtStart::Lead),
            (Some(peer(false, 2, 150)), AtStart::Lead),
            (Some(peer(true, 2, 150)), AtStart::Lead),
            (Some(peer(true, 3, 50)), give_way(3)),
            (Some(peer(true, 4, 50)), give_way(4)),
            (Some(peer(false, 4, 50)), give_way(4)),
            (Some(peer(false, 3, 101)), AtStart::Behind { peer_last: Sequence::new(101) }),
        ] {
            assert_eq!(at_start(Epoch::new(3), Sequence::new(100), peer), does, "{peer:?}");
        }
    }

    #[test]
    fn a_promotion_is_refused_while_anything_speaks_against_it() {
        let good = Candidate {
            part: Part::Follows,
            linked: false,
            has_tried: true,
            digest_differs: false,
            last: Sequence::new(100),
            commit: Sequence::new(100),
        };
        let always = true;
        for (node, reason, even_with_force) in [
            (Candidate { part: Part::Starting, ..good }, "starting", always),
            (Candidate { part: Part::Leads, ..good }, "already_primary", always),
            (Candidate { part: Part::Retired, ..good }, "stopping", always),
            (Candidate { linked: true, ..good }, "primary_alive", false),
            (Candidate { has_tried: false, ..good }, "starting", false),
            (Candidate { digest_differs: true, ..good }, "digest_differs", false),
            (Candidate { last: Sequence::ZERO, commit: Sequence::ZERO, ..good }, "no_data", always),
            (Candidate { commit: Sequence::new(101), ..good }, "behind", false),
        ] {
            let refused = |force| may_promote(&node, force).err().map(|refusal| refusal.reason);
            assert_eq!(refused(false).as_deref(), Some(reason), "{node:?}");
            assert_eq!(refused(true).is_some(), even_with_force, "{node:?}");
        }
        assert!(may_promote(&good, false).is_ok());
        assert!(may_promote(&Candidate { commit: Sequence::new(7), ..good }, false).is_ok());
    }

    #[test]
    fn news_of_an_epoch_that_was_overtaken_retires_nobody() {
        for (part, led, epoch, follows) in [
            (Part::Leads, 3, 4, Claim::Retire),
            (Part::Leads, 3, 3, Claim::Ignore),
            (Part::Leads, 3, 2, Claim::Ignore),
            (Part::Follows, 0, 2, Claim::Respect),
            (Part::Starting, 3, 4, Claim::Ignore),
            (Part::Retired, 3, 4, Claim::Ignore),
        ] {
            assert_eq!(on_higher_epoch(part, Epoch::new(led), Epoch::new(epoch)), follows, "{part:?} {led} {epoch}");
        }
    }
}
