//! The reference model of delivery: what was taken, what the wire carried, what arrived, what was given up.

use std::collections::BTreeMap;

use ipc_proto::{Outcome, Timestamp};

use super::{log::Log, text::GREETING, text::number_of};

/// Who sent a message: all connections of a client are one channel, a server has one for each connection.
pub(super) type Channel = usize;

/// The channel of the clients; a message's number says which of them.
pub(super) const CLIENTS: Channel = 0;

/// The channel of what a server sends on connection `link`.
pub(super) const fn server_channel(link: usize) -> Channel {
    link + 1
}

/// What is known of one message to one receiver.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) text: Vec<u8>,
    pub(super) at: Timestamp,
    /// The latest connection that took it whole.
    pub(super) whole_on: Option<usize>,
    pub(super) delivered: bool,
    pub(super) undelivered: Option<bool>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) tracked: bool,
    /// Its sender may send it twice.
    pub(super) again: bool,
    /// Its sender died.
    pub(super) excused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<(Channel, u64), Entry>,
    /// The latest message of each sender that a connection took whole.
    latest: BTreeMap<(Channel, usize), u64>,
}

type Checked<T = ()> = Result<T, String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

impl Ledger {
    pub(super) fn accept(&mut self, channel: Channel, n: u64, entry: Entry) {
        self.entries.insert((channel, n), entry);
    }

    pub(super) fn get(&self, channel: Channel, n: u64) -> Option<&Entry> {
        self.entries.get(&(channel, n))
    }

    fn find(&mut self, channel: Channel, text: &[u8]) -> Checked<(u64, &mut Entry)> {
        let shown = || String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        let n = number_of(text).ok_or_else(|| format!("nobody sent {:?}", shown()))?;
        let entry = self.entries.get_mut(&(channel, n)).ok_or_else(|| format!("never taken: {:?}", shown()))?;
        ensure(entry.text == text, || format!("message {n} has changed: {:?}", shown()))?;
        Ok((n, entry))
    }

    /// Looks at the frames that connection `link` of sender `who` took since it was looked at.
    pub(super) fn absorb(&mut self, channel: Channel, who: usize, link: usize, log: &mut Log) -> Checked {
        while let Some(whole) = log.whole.get(log.absorbed) {
            let first = log.absorbed == 0;
            log.absorbed += 1;
            if whole.forged.is_some() {
                continue;
            }
            if channel == CLIENTS && whole.text == GREETING.as_bytes() {
                ensure(first, || format!("connection {link}: a greeting that is not first"))?;
                continue;
            }
            self.note_whole(channel, who, link, &whole.text)?;
        }
        Ok(())
    }

    fn note_whole(&mut self, channel: Channel, who: usize, link: usize, text: &[u8]) -> Checked {
        let latest = self.latest.get(&(channel, who)).copied();
        let (n, entry) = self.find(channel, text)?;
        let again = entry.again && latest == Some(n);
        ensure(entry.whole_on.is_none() || again, || {
            format!("message {n} was written whole on connection {:?} and again on {link}", entry.whole_on)
        })?;
        ensure(entry.undelivered != Some(false), || format!("message {n} was given up and is written"))?;
        ensure(again || latest.is_none_or(|latest| latest < n), || {
            format!("message {n} was written after {latest:?}")
        })?;
        entry.whole_on = Some(link);
        self.latest.insert((channel, who), n);
        Ok(())
    }

    /// A datagram left.
    pub(super) fn sent(&mut self, channel: Channel, text: &[u8]) -> Checked {
        let (n, entry) = self.find(channel, text)?;
        ensure(entry.whole_on.is_none(), || format!("message {n} was sent twice"))?;
        ensure(entry.undelivered.is_none(), || format!("message {n} was given up and is sent"))?;
        entry.whole_on = Some(0);
        Ok(())
    }

    /// A receiver was handed a message on connection `link`.
    pub(super) fn deliver(&mut self, channel: Channel, link: usize, text: &[u8]) -> Checked<u64> {
        let (n, entry) = self.find(channel, text)?;
        ensure(!entry.delivered || entry.again, || format!("message {n} was delivered twice"))?;
        ensure(entry.whole_on.is_some_and(|on| on >= link), || format!("message {n} was delivered and not written"))?;
        ensure(entry.undelivered != Some(false), || format!("message {n} was delivered and is reported unsent"))?;
        entry.delivered = true;
        Ok(n)
    }

    /// A sender was told that a message is given up.
    pub(super) fn give_up(&mut self, channel: Channel, text: &[u8], maybe_sent: bool) -> Checked<u64> {
        let (n, entry) = self.find(channel, text)?;
        ensure(entry.undelivered.is_none(), || format!("message {n} was given up twice"))?;
        ensure(maybe_sent || entry.whole_on.is_none(), || format!("message {n} is reported unsent and was written"))?;
        entry.undelivered = Some(maybe_sent);
        Ok(n)
    }

    pub(super) fn settle(&mut self, channel: Channel, n: u64, outcome: Outcome) -> Checked {
        let entry = self.entries.get_mut(&(channel, n)).ok_or_else(|| format!("an outcome for {n}, never taken"))?;
        entry.outcomes.push(outcome);
        // What is written and then not answered, in sync mode, has two ends.
        let twice = entry.outcomes.len() == 2 && entry.outcomes.contains(&Outcome::Maybe);
        ensure(entry.outcomes.len() < 2 || twice || entry.again, || {
            format!("message {n} has the outcomes {:?}", entry.outcomes)
        })
    }

    /// The sender of what `which` picks died with what it had.
    pub(super) fn excuse(&mut self, which: impl Fn(Channel, u64) -> bool) {
        self.entries
            .iter_mut()
            .filter(|((channel, n), _)| which(*channel, *n))
            .for_each(|(_, entry)| entry.excused = true);
    }

    /// Every message of `channel` that `concerns` picks and that is neither written nor given up.
    pub(super) fn waiting(
        &self,
        channel: Channel,
        concerns: impl Fn(u64) -> bool,
    ) -> impl Iterator<Item = (u64, &Entry)> {
        let of_channel = self.entries.range((channel, 0)..(channel + 1, 0));
        of_channel
            .map(|((_, n), entry)| (*n, entry))
            .filter(move |(n, entry)| concerns(*n) && entry.whole_on.is_none() && entry.undelivered.is_none())
    }

    /// At the end nothing may be open. `is_excused` says whether a connection may have swallowed what it took.
    pub(super) fn close(&self, is_excused: impl Fn(Channel, usize) -> bool) -> Checked {
        for ((channel, n), entry) in &self.entries {
            if !entry.excused {
                Self::close_entry(*n, entry, |link| is_excused(*channel, link))?;
            }
        }
        Ok(())
    }

    fn close_entry(n: u64, entry: &Entry, is_excused: impl Fn(usize) -> bool) -> Checked {
        let swallowed = entry.whole_on.is_some_and(is_excused);
        ensure(entry.delivered || entry.undelivered.is_some() || swallowed, || {
            format!("message {n} is lost: written on connection {:?}, not delivered and not reported", entry.whole_on)
        })?;
        if !entry.tracked {
            return ensure(entry.outcomes.is_empty(), || format!("message {n} has outcomes that nobody asked for"));
        }
        let expected = match entry.undelivered {
            Some(true) => Outcome::Maybe,
            Some(false) => Outcome::Undelivered,
            None => Outcome::Flushed,
        };
        ensure(entry.outcomes.contains(&expected), || {
            format!("message {n} ended as {:?} instead of {expected:?}", entry.outcomes)
        })?;
        let flushed = entry.outcomes.contains(&Outcome::Flushed);
        ensure(!flushed || entry.whole_on.is_some(), || format!("message {n} is called flushed and was not written"))
    }
}

impl Entry {
    pub(super) const fn new(text: Vec<u8>, at: Timestamp, tracked: bool, again: bool) -> Self {
        Self {
            text,
            at,
            whole_on: None,
            delivered: false,
            undelivered: None,
            outcomes: Vec::new(),
            tracked,
            again,
            excused: false,
        }
    }
}
