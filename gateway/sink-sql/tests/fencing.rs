//! Who may write: one writer, of the highest term, exactly where the position is.
#![allow(clippy::unwrap_used)]

mod flow;
mod run;

use run::{Reader, fill_log, project};
use tidegate_domain::{Epoch, EventRecord};
use tidegate_sink::Sink;
use tidegate_sink_sql::{SqlSink, SqlSinkError};

/// The first `count` events and a few more, up to the end of a command.
fn cut(events: &[EventRecord], count: usize) -> (&[EventRecord], &[EventRecord]) {
    let end = count + events[count..].iter().position(EventRecord::is_last).unwrap() + 1;
    events.split_at(end)
}

async fn connect(file: &std::path::Path, epoch: u32) -> SqlSink {
    SqlSink::connect(file.to_str().unwrap(), Epoch::new(epoch)).await.unwrap()
}

#[tokio::test]
async fn a_writer_of_a_lower_term_is_stopped_as_soon_as_the_higher_one_claims() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sink.sqlite");
    let (_, events) = flow::events(21, 300);
    let (first, rest) = cut(&events, 60);
    let mut old = connect(&file, 1).await;
    assert_eq!(old.position().await.unwrap(), None);
    old.apply(first).await.unwrap();

    let mut new = connect(&file, 2).await;
    let position = new.position().await.unwrap().unwrap();
    assert_eq!(position.sequence, first.last().unwrap().sequence());
    let before = Reader::open(&file).await.everything().await;
    let refused = old.apply(rest).await.unwrap_err();
    assert!(matches!(refused, SqlSinkError::HigherEpoch { .. }), "{refused}");
    assert!(before == Reader::open(&file).await.everything().await, "the refused writer changed something");

    new.apply(rest).await.unwrap();
    let mut late = connect(&file, 1).await;
    let refused = late.position().await.unwrap_err().to_string();
    assert!(refused.contains("belongs to epoch 2") && refused.contains("leads in epoch 1"), "{refused}");
}

#[tokio::test]
async fn two_writers_of_one_term_never_write_the_same_event() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sink.sqlite");
    let (_, events) = flow::events(22, 300);
    let (first, rest) = cut(&events, 60);
    let (mut one, mut other) = (connect(&file, 1).await, connect(&file, 1).await);
    one.position().await.unwrap();
    other.position().await.unwrap();
    one.apply(first).await.unwrap();
    let before = Reader::open(&file).await.everything().await;
    let refused = other.apply(first).await.unwrap_err();
    assert!(matches!(refused, SqlSinkError::AnotherWriter { .. }), "{refused}");
    assert!(before == Reader::open(&file).await.everything().await, "the refused writer changed something");
    one.apply(rest).await.unwrap();
}

#[tokio::test]
async fn a_database_ahead_of_the_event_log_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sink.sqlite");
    let (_, events) = flow::events(23, 200);
    let (first, _) = cut(&events, 60);
    let (long, short) = (dir.path().join("long"), dir.path().join("short"));
    for folder in [&long, &short] {
        std::fs::create_dir(folder).unwrap();
    }
    project(&fill_log(&long, &events).log, &file, 1).await.unwrap();
    let before = Reader::open(&file).await.everything().await;
    let refused = project(&fill_log(&short, first).log, &file, 1).await.unwrap_err().to_string();
    assert!(refused.contains("ahead of the log"), "{refused}");
    assert!(before == Reader::open(&file).await.everything().await, "the refused sink changed something");
}

#[tokio::test]
async fn a_database_in_use_by_somebody_else_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sink.sqlite");
    let (_, events) = flow::events(24, 200);
    let mut sink = connect(&file, 1).await;
    sink.position().await.unwrap();
    let mut human = Reader::open(&file).await;
    human.execute("BEGIN IMMEDIATE").await;
    let writing = tokio::spawn(async move { sink.apply(&events).await.map(|_| sink) });
    // The other connection sees the database as it was: nothing is written under the lock.
    assert_eq!(human.numbers("SELECT COUNT(*) FROM orders").await, [0]);
    human.execute("ROLLBACK").await;
    let sink = writing.await.unwrap().unwrap();
    assert!(human.numbers("SELECT COUNT(*) FROM orders").await[0] > 0);
    drop(sink);
}

#[tokio::test]
async fn what_is_not_our_database_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let said = |result: Result<SqlSink, SqlSinkError>| result.unwrap_err().to_string();
    let other = said(SqlSink::connect("postgres://db/tidegate", Epoch::new(1)).await);
    assert!(other.contains("postgres://db/tidegate") && other.contains("sqlite:PATH"), "{other}");

    let missing = dir.path().join("no-such-folder/sink.sqlite");
    let missing = said(SqlSink::connect(missing.to_str().unwrap(), Epoch::new(1)).await);
    assert!(missing.contains("no-such-folder"), "{missing}");

    let text = dir.path().join("text.sqlite");
    std::fs::write(
        &text,
        "this is no database, it is only a text that is long enough to be looked at by SQLite".repeat(20),
    )
    .unwrap();
    let text = said(SqlSink::connect(text.to_str().unwrap(), Epoch::new(1)).await);
    assert!(text.contains("text.sqlite"), "{text}");

    let foreign = dir.path().join("foreign.sqlite");
    drop(connect(&foreign, 1).await);
    // 1 and 2 are the versions before this one, 9 one that is not there yet.
    for (set, has) in [
        ("PRAGMA user_version = 1", "schema version 1"),
        ("PRAGMA user_version = 2", "schema version 2"),
        ("PRAGMA user_version = 9", "schema version 9"),
    ] {
        Reader::open(&foreign).await.execute(set).await;
        let refused = said(SqlSink::connect(foreign.to_str().unwrap(), Epoch::new(1)).await);
        assert!(
            refused.contains(has) && refused.contains("writes 3") && refused.contains("move the file"),
            "{refused}"
        );
    }

    // The way with a scheme opens the same file.
    let url = format!("sqlite:{}", dir.path().join("by-url.sqlite").display());
    assert_eq!(SqlSink::connect(&url, Epoch::new(1)).await.unwrap().trade_count().await.unwrap(), 0);
}
