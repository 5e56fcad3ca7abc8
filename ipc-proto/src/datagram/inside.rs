//! What the public methods of a UDP socket are made of.

use super::*;

impl Datagrams {
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    pub(super) fn is_raw(&self) -> bool {
        self.config.profile == Profile::Raw
    }

    /// A peer had to make room.
    pub(super) fn clear_after(&mut self, displaced: Option<PeerId>) {
        if let Some(peer) = displaced {
            self.inbox.reset(peer);
        }
    }

    pub(super) fn next_idle(&self) -> Option<(PeerId, Timestamp)> {
        let timeout = self.config.limits.udp_idle_timeout;
        if timeout.is_zero() { None } else { self.roster.next_idle(timeout) }
    }

    pub(super) fn event(&mut self, peer: PeerId, input: Input) -> Event {
        match input {
            Input::Raw(bytes) => {
                self.count_message(peer);
                Event::Raw(bytes)
            }
            Input::Frame(cut) => match rules::decode(&self.config, cut) {
                Ok(message) => self.admit(peer, message),
                Err(error) => self.reject(peer, error),
            },
            Input::Refused(error) => self.reject(peer, error),
        }
    }

    fn admit(&mut self, peer: PeerId, message: Message) -> Event {
        self.count_message(peer);
        if self.config.identifies_peers() {
            if let Some(remote) = self.roster.get_mut(peer) {
                message.name_peer(&mut remote.name);
            }
        }
        Event::Message(message)
    }

    /// An error event. Where a stream would end, the peer loses what it began.
    pub(super) fn reject(&mut self, peer: PeerId, error: ProtocolError) -> Event {
        if rules::is_fatal(&self.config, error) {
            self.inbox.reset(peer);
        }
        self.count_error(peer);
        Event::Error(error.into())
    }

    fn count_message(&mut self, peer: PeerId) {
        if let Some(remote) = self.roster.get_mut(peer) {
            remote.stats.messages_in += 1;
        }
    }

    pub(super) fn count_error(&mut self, peer: PeerId) {
        if let Some(remote) = self.roster.get_mut(peer) {
            remote.stats.errors += 1;
        }
    }

    pub(super) fn send_tagged(&mut self, peer: PeerId, frame: Frame, tag: Tag) -> Result<Pressure, EmitError> {
        let frame = rules::outgoing(&self.config, frame)?;
        let Some(remote) = self.roster.get(peer) else { return Err(EmitError::Closed(frame)) };
        let wire = self.wire(&frame);
        check_len(max_len(remote.address), wire.len())?;
        if !remote.may_take(wire.len()) {
            return Err(EmitError::Unconfirmed(frame));
        }
        if rules::exceeds(&self.config, self.pending, wire.len()) {
            return Err(EmitError::Full(frame));
        }
        self.queue(peer, wire, tag).ok_or(EmitError::Closed(frame))
    }

    /// The frame as a datagram.
    pub(super) fn wire(&self, frame: &Frame) -> Bytes {
        if frame.is_raw() {
            return frame.as_bytes().clone();
        }
        let mut wire = BytesMut::with_capacity(wire_len(&self.config, frame));
        wire.extend_from_slice(frame.as_bytes());
        wire.extend_from_slice(self.config.delimiter.as_bytes());
        wire.freeze()
    }

    pub(super) fn queue(&mut self, peer: PeerId, bytes: Bytes, tag: Tag) -> Option<Pressure> {
        let remote = self.roster.get_mut(peer)?;
        remote.note_queued(bytes.len());
        self.pending += bytes.len();
        self.letters.push_back(Letter { peer, to: remote.address, bytes, tag });
        Some(remote.pressure())
    }

    pub(super) fn take_letter(&mut self) -> Option<Letter> {
        let letter = self.letters.pop_front()?;
        self.pending -= letter.bytes.len();
        let remote = self.roster.get_mut(letter.peer);
        if remote.is_some_and(|remote| remote.note_unqueued(letter.bytes.len())) {
            self.due.push_back((letter.peer, Event::Writable));
        }
        Some(letter)
    }

    /// What was given out last is sent.
    pub(super) fn settle_leaving(&mut self) {
        let Some(letter) = self.leaving.take() else { return };
        if let Some(remote) = self.roster.get_mut(letter.peer) {
            remote.stats.bytes_out += letter.bytes.len() as u64;
        }
        self.settle(letter.tag, Outcome::Flushed);
    }

    pub(super) fn give_up(&mut self, letter: Letter) {
        if let Some(remote) = self.roster.get_mut(letter.peer) {
            remote.stats.undelivered += 1;
        }
        let backing = letter.bytes.len();
        let unsent = Unsent { bytes: letter.bytes, backing, tag: letter.tag, begun: false, doubtful: false };
        self.settle(letter.tag, Outcome::Undelivered);
        self.due.push_back((letter.peer, Event::Undelivered(unsent.give_up(&self.config))));
    }

    fn settle(&mut self, tag: Tag, outcome: Outcome) {
        if let Tag::Ticket(ticket) = tag {
            self.outcomes.push_back((Ticket(ticket), outcome));
        }
    }
}
