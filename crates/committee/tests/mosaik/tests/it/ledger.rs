//! The replicated state: an append-only list of lines. What a node applied can be read off it.

use mosaik::{
    UniqueId,
    groups::{ApplyContext, LogReplaySync, StateMachine},
};

#[derive(Default)]
pub struct Ledger {
    lines: Vec<String>,
}

/// Asks for all lines.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct AllLines;

impl StateMachine for Ledger {
    type Command = String;
    type Query = AllLines;
    type QueryResult = Vec<String>;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        UniqueId::from("holobiont.ledger")
    }

    fn apply(&mut self, line: String, _: &dyn ApplyContext) {
        self.lines.push(line);
    }

    fn query(&self, AllLines: AllLines) -> Vec<String> {
        self.lines.clone()
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}
