//! A drop copy gets every report of its group, in the order of the log, and can go on after any place that it was told.

use super::*;

const MATE: AccountId = AccountId::new(10);
const STRANGER: AccountId = AccountId::new(11);

/// Logged on for a drop copy that goes on after a place.
fn copying(after: Position, roles: Roles) -> Rig {
    let mut directory = Directory::default();
    let of = |account| EventHeader { account, ..EventHeader::default() };
    let name = Name::new("k").unwrap();
    directory.on_event(&of(ACCOUNT), &Event::KeyCreated { key: KEY, name, public_key: [1; 32], roles });
    for (account, owner) in [(ACCOUNT, 3), (MATE, 3), (STRANGER, 4)] {
        directory.on_event(&of(account), &Event::AccountOwnerSet { owner });
    }
    let mut rig = Rig::with_terms(directory, |_| {});
    let ClientMessage::Logon(wanted) = logon(KEY, 0) else { unreachable!() };
    rig.message(&ClientMessage::Logon(Logon { mode: SessionMode::DropCopy, resume_after: after, ..wanted }));
    rig
}

fn event(sequence: u64, account: AccountId) -> EventRecord {
    EventRecord::encode(
        &EventHeader { account, key: KeyId::new(account.raw()), ..header(sequence, sequence) },
        &rejected(),
    )
}

fn place(sequence: u64) -> Position {
    Position { sequence: Sequence::new(sequence), index: 0 }
}

#[test]
fn every_report_of_the_group_is_copied_and_nobody_elses() {
    let mut rig = copying(Position::default(), Roles::READ);
    assert_eq!((rig.follows.as_slice(), rig.submitted.len()), ([None].as_slice(), 0), "the engine knows nothing of it");
    assert!(matches!(rig.written()[..], [ServerMessage::Challenge { .. }, ServerMessage::LogonAccepted { .. }]));
    let events: Vec<_> = [(1, ACCOUNT), (2, STRANGER), (3, MATE), (4, STRANGER)].map(|(at, who)| event(at, who)).into();
    rig.with(|core, view| core.on_events(&events, false, view));
    let copied: Vec<_> = rig
        .written()
        .into_iter()
        .map(|message| match message {
            ServerMessage::Report(report) => (report.sequence.raw(), report.account, report.key.raw()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(copied, [(1, ACCOUNT, ACCOUNT.raw()), (3, MATE, MATE.raw())]);
    rig.with(|core, view| core.on_events(&[], true, view));
    assert_eq!(rig.written(), [ServerMessage::DropCopyPosition(place(4))], "it has everything up to here");
}

#[test]
fn an_idle_copy_is_told_how_far_the_log_is_instead_of_a_heartbeat() {
    let mut rig = copying(place(7), Roles::READ);
    assert_eq!(rig.follows, [Some(place(7))]);
    rig.with(|core, view| core.on_events(&[], true, view));
    assert!(rig.written().contains(&ServerMessage::DropCopyPosition(place(7))));
    rig.tick(1_000);
    assert_eq!(rig.written(), [ServerMessage::Heartbeat]);
    rig.message(&ClientMessage::Heartbeat);
    rig.with(|core, view| core.on_events(&[event(8, STRANGER)], true, view));
    assert_eq!(rig.written(), []);
    rig.tick(2_000);
    assert_eq!(rig.written(), [ServerMessage::DropCopyPosition(place(8))]);
}

#[test]
fn a_copy_that_is_not_read_is_not_brought_more() {
    let mut rig = copying(Position::default(), Roles::READ);
    rig.written();
    let mut sequence = 0;
    while rig.core.wants_events() {
        sequence += 1;
        rig.with(|core, view| core.on_events(&[event(sequence, MATE)], false, view));
    }
    assert!(rig.core.output.len() < OUTPUT_SOFT_MAX_BYTES, "what waits is bounded");
    assert_eq!(rig.written().len() as u64, sequence);
    assert!(rig.core.wants_events());
}

#[test]
fn requests_on_a_copy_are_refused_and_the_copy_goes_on() {
    let mut rig = copying(Position::default(), Roles::READ);
    rig.written();
    rig.message(&order(1));
    assert!(matches!(
        rig.written()[..],
        [ServerMessage::RequestRefused { reason: tidegate_wire::GatewayReject::DropCopyOnly, .. }]
    ));
    assert!(rig.core.wants_events());
}

#[test]
fn a_place_that_nobody_was_told_of_ends_the_copy() {
    let mut rig = copying(place(99), Roles::READ);
    rig.with(|core, view| core.on_position_unknown(view));
    assert!(is_logout(rig.written().last(), LogoutReason::PositionUnknown, 0));
    assert_eq!(rig.submitted, []);
}

#[test]
fn a_copy_needs_the_role_read() {
    let mut rig = copying(Position::default(), Roles::TRADE);
    assert!(is_logout(rig.written().last(), LogoutReason::KeyNotAllowed, 0));
}

#[test]
fn a_standby_serves_copies_too_and_a_node_that_stops_serving_ends_them() {
    let mut rig = copying(Position::default(), Roles::READ);
    rig.written();
    rig.serving = Serving::Standby { epoch: EPOCH, primary: None };
    rig.with(|core, view| core.on_serving(view));
    assert!(rig.core.wants_events());
    rig.serving = Serving::Not;
    rig.with(|core, view| core.on_serving(view));
    assert!(rig.core.is_closed());
}

#[test]
fn a_copy_that_loses_its_role_ends_with_the_place_to_resume_after() {
    let mut rig = copying(Position::default(), Roles::READ);
    rig.with(|core, view| core.on_events(&[event(1, MATE), event(2, STRANGER)], true, view));
    rig.directory.on_event(&EventHeader::default(), &Event::KeyRolesSet { key: KEY, roles: Roles::TRADE });
    rig.with(|core, view| core.on_key_changed(KEY, view));
    let told = rig.written();
    assert!(is_logout(told.last(), LogoutReason::KeyNotAllowed, 0));
    assert!(told.contains(&ServerMessage::DropCopyPosition(place(2))));
}

#[test]
fn a_slow_copy_is_told_the_place_of_what_it_was_given() {
    let mut rig = copying(Position::default(), Roles::READ);
    rig.with(|core, view| core.on_events(&[event(1, MATE)], true, view));
    let taken = rig.core.take_output(Vec::new(), Nanos::default()).unwrap();
    assert!(messages(&taken).iter().any(|message| matches!(message, ServerMessage::Report(_))));
    rig.with(|core, view| core.on_events(&[event(2, MATE), event(3, MATE)], true, view));
    // The socket takes nothing for longer than it may.
    rig.tick(900);
    rig.message(&ClientMessage::Heartbeat);
    rig.tick(1_800);
    rig.message(&ClientMessage::Heartbeat);
    for at in 3..12 {
        rig.message(&ClientMessage::Heartbeat);
        rig.tick(at * 1_000);
    }
    assert!(rig.core.is_closed());
    rig.core.on_written();
    let told = rig.written();
    assert!(
        matches!(told[..], [ServerMessage::DropCopyPosition(at), ServerMessage::Logout { .. }] if at == place(1)),
        "{told:?}"
    );
}
