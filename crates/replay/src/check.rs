use holobiont_identity::Organism;
use holobiont_policy::Agreed;
use holobiont_surface::{Cursor, RecordHeader};

use crate::advance::Advance;
use crate::spans::Spans;
use crate::{ReplayError, Surfaces};

/// Checks what a log says that a majority agreed on against a copy of the members' surfaces.
#[derive(Debug)]
pub(crate) struct Check {
    members: Vec<Checked>,
}

/// What a member's heads are checked against.
#[derive(Debug)]
struct Checked {
    name: String,
    spans: Spans,
    /// Before any record.
    advance: Advance,
    cursor: Option<Cursor>,
}

impl Check {
    pub(crate) fn new(organism: &Organism, surfaces: &Surfaces) -> Self {
        let members = organism.members.iter().enumerate().filter_map(|(place, member)| {
            let (name, spans) = surfaces.spans(place)?;
            Some(Checked {
                name: name.to_owned(),
                spans: spans.clone(),
                advance: Advance::new(organism, member),
                cursor: None,
            })
        });
        Self { members: members.collect() }
    }

    /// Lets go of what it reads of a member.
    pub(crate) fn release(&mut self, place: usize) {
        if let Some(member) = self.members.get_mut(place) {
            (member.cursor, member.spans) = (None, Spans::default());
        }
    }

    /// Reads these views of a member from here on.
    pub(crate) fn renew(&mut self, place: usize, spans: Spans) {
        if let Some(member) = self.members.get_mut(place) {
            member.spans = spans;
        }
    }

    /// Checks a head that was agreed on when the member was in this state: its hash, its closed
    /// clock, and how its clock went there. `cut` and `log_index` say where in the log that was.
    pub(crate) fn head(
        &mut self,
        Agreed { head, before, from_seq }: &Agreed,
        (cut, log_index): (u64, u64),
    ) -> Result<(), ReplayError> {
        let Some(Checked { name, spans, advance, cursor }) =
            self.members.get_mut(usize::from(head.member))
        else {
            return Ok(());
        };
        let failed = |source| ReplayError::Member { member: name.clone(), source };
        let ends = |next_seq| ReplayError::SurfaceEnds {
            cut,
            log_index,
            member: name.clone(),
            wanted_seq: head.seq,
            next_seq,
        };
        if cursor.as_ref().is_none_or(|cursor| cursor.next_seq() != *from_seq) {
            let end = spans.newest().map_or(0, holobiont_surface::Surface::next_seq);
            *cursor = spans.cursor((*from_seq).min(end)).map_err(failed)?;
        }
        let Some(cursor) = cursor else { return Err(ends(0)) };
        let mut advance = *advance;
        advance.follow(*before);
        let mut last: Option<RecordHeader> = None;
        while cursor.next_seq() <= head.seq {
            let next_seq = cursor.next_seq();
            if cursor.peek().map_err(failed)?.is_none() {
                // Another view may go on where this one ends.
                let next = spans.cursor_having(next_seq).map_err(failed)?;
                *cursor = next.ok_or_else(|| ends(next_seq))?;
            }
            let Some(mut records) = cursor.records().map_err(failed)? else {
                return Err(ends(next_seq));
            };
            while let Some(record) = records.next_if(|header| header.seq <= head.seq) {
                advance.pass(record.header());
                last = Some(*record.header());
            }
        }
        let differs = |what: &'static str, expected: String, got: String| {
            let member = name.clone();
            let seq = head.seq;
            Err(ReplayError::HeadDiffers { cut, log_index, member, seq, what, expected, got })
        };
        if let Some(own) = cursor.head()
            && own.hash != head.head
        {
            return differs("head", head.head.to_string(), own.hash.to_string());
        }
        let closed = last.and_then(|header| header.closed_clock());
        if closed != head.closed {
            return differs("closed clock", show(head.closed), show(closed));
        }
        if advance.largest() != head.advance {
            let (claimed, own) = (head.advance.to_string(), advance.largest().to_string());
            return differs("largest step of its clock", claimed, own);
        }
        Ok(())
    }
}

fn show(clock: Option<u64>) -> String {
    clock.map_or_else(|| "none".to_owned(), |clock| clock.to_string())
}
