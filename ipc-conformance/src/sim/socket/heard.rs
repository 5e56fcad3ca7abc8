//! What a socket is handed, against what the datagrams mean that it took.

use ipc_proto::{Code, ConnectionError, Event, PeerId};

use super::super::{
    mail::{Due, Taken, is_told},
    post::socket_at,
    scene::Scene,
    text::number_of,
};
use super::{SocketParty, datagram_channel};

impl SocketParty {
    pub(super) fn event(&mut self, scene: &mut Scene, peer: PeerId, event: Event) {
        match event {
            Event::Message(message) => {
                scene.say(|| format!("socket {} gets {} {:.60?}", self.number, message.name(), message.data()));
                let is_it = |due: &Due| matches!(due, Due::Message(text) if is_told(text, &message));
                if let Some((from, Due::Message(text))) = self.next(scene, message.name(), is_it) {
                    self.delivered(scene, from, text.as_bytes());
                }
            }
            Event::Raw(bytes) => {
                let is_it = |due: &Due| matches!(due, Due::Raw(expected) if *expected == bytes);
                if let Some((from, _)) = self.next(scene, "a raw datagram", is_it) {
                    self.delivered(scene, from, &bytes);
                }
            }
            Event::Undelivered(lost) => self.undelivered(scene, peer, lost.frame.as_bytes(), lost.maybe_sent),
            Event::Error(ConnectionError::Protocol(broken)) => self.broken(scene, peer, broken.code()),
            Event::Error(error) => {
                let failed = error.code() == "ENETUNREACH";
                scene.check(failed, || format!("socket {}: {}", self.number, error.code()));
            }
            _ => {}
        }
    }

    fn broken(&mut self, scene: &mut Scene, peer: PeerId, code: Code) {
        scene.totals.count("state: error over a datagram");
        scene.say(|| format!("socket {}: {}", self.number, code.as_str()));
        if code == Code::MessageTimeout {
            let from = self.driver.machine_ref().peer_addr(peer).map(socket_at);
            let late = from.is_some_and(|from| self.expire(scene, from));
            scene.check(late || self.may_skip(), || format!("socket {} gave up a frame too early", self.number));
        } else {
            self.next(scene, code.as_str(), |due| *due == Due::Error(code.as_str()));
        }
    }

    /// The beginning of a frame was too old, which may be of a datagram that the model has not read.
    fn expire(&mut self, scene: &Scene, from: usize) -> bool {
        while !self.mail.expire(&self.config, from, scene.time.now()) {
            let taken = self.post.borrow_mut().taken[self.number].pop_front();
            let Some(taken) = taken else { return false };
            self.read(&taken);
        }
        true
    }

    /// What comes is what the datagrams mean, in their order. Says whose it is.
    fn next(&mut self, scene: &mut Scene, what: &str, is_it: impl Fn(&Due) -> bool) -> Option<(usize, Due)> {
        let sure = !self.may_skip();
        while self.mail.is_empty() || !sure {
            let taken = self.post.borrow_mut().taken[self.number].pop_front();
            let Some(taken) = taken else { break };
            self.read(&taken);
        }
        let at = if sure { 0 } else { self.mail.find(&is_it).unwrap_or(usize::MAX) };
        let due = self.mail.skip_to(at).filter(|(_, due)| is_it(due));
        let may_be_odd = !sure && (what.starts_with("ERR_IPC") || self.post.borrow().mangled[self.number]);
        scene.check(due.is_some() || may_be_odd, || format!("socket {} got {what:.60}, which is not due", self.number));
        due
    }

    /// Who has taken everything was handed everything.
    pub(super) fn catch_up(&mut self, scene: &mut Scene) {
        loop {
            let taken = self.post.borrow_mut().taken[self.number].pop_front();
            let Some(taken) = taken else { break };
            self.read(&taken);
        }
        let left = self.mail.skip_to(0);
        scene
            .check(left.is_none() || self.may_skip(), || format!("socket {} was not handed {left:.200?}", self.number));
        self.mail.clear();
    }

    fn read(&mut self, taken: &Taken) {
        let sure = !self.may_skip();
        let machine = self.driver.machine_ref();
        let known: Vec<usize> = machine.peers().filter_map(|peer| machine.peer_addr(peer)).map(socket_at).collect();
        let rank = |from: usize| known.iter().position(|known| *known == from).unwrap_or(0);
        self.mail.read(&self.config, taken, sure, rank);
    }

    /// A message came; what the wire has made of one is nobody's.
    fn delivered(&mut self, scene: &mut Scene, from: usize, text: &[u8]) {
        self.absorb(scene);
        let channel = datagram_channel(from, self.number);
        let Some(n) = number_of(text).filter(|n| scene.ledger.get(channel, *n).is_some_and(|it| it.text == text))
        else {
            return scene.totals.count("app: changed datagrams delivered");
        };
        scene.totals.count("app: datagrams delivered");
        if self.seen.insert((from, n)) {
            let result = scene.ledger.deliver(channel, 0, text);
            scene.require(result);
        }
    }
}
