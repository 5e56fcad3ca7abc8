//! What each step of a script does.

use ipc_proto::{Profile, Timestamp, drive::End};

use super::{
    log::{Forged, Meaning},
    post::Weather,
    script::{Act, Step},
    world::World,
};

/// Frames that nobody sent: good ones in unusual clothes, and bad ones.
const FORGED: [(&[u8], Meaning); 6] = [
    (br#" { "data" : [1, {}] , "type" : "odd" } "#, Ok(("odd", "[1, {}]"))),
    (b"{\"type\":\"odd\",\"data\":\"\xff\"}", Ok(("odd", "\"\u{fffd}\""))),
    (b"bad", Err("ERR_IPC_INVALID_JSON")),
    (b"", Err("ERR_IPC_INVALID_JSON")),
    (b"[1]", Err("ERR_IPC_INVALID_MESSAGE")),
    (br#"{"type":5,"data":1}"#, Err("ERR_IPC_INVALID_EVENT")),
];

fn nth(n: u16, len: usize) -> Option<usize> {
    (len > 0).then(|| usize::from(n) % len.max(1))
}

impl World {
    pub(super) fn act(&mut self, step: Step) {
        self.scene.say(|| format!("-- {:?} {} {} {}", step.act, step.who, step.a, step.b));
        match step.act {
            Act::Wait => self.pass(self.after(u64::from(step.a) % 100 * (u64::from(step.b) % 8))),
            Act::Cut | Act::Reset | Act::Part | Act::Stall | Act::Refuse | Act::Forge => self.disturb(step),
            Act::SendDatagram
            | Act::AnswerDatagram
            | Act::BroadcastDatagram
            | Act::NameDatagramPeer
            | Act::ForgetDatagramPeer
            | Act::PauseSocket
            | Act::Weather => self.act_at_socket(step),
            _ if step.act.is_client() => self.act_at_client(step),
            _ => self.act_at_server(step),
        }
        self.settle();
    }

    fn after(&self, millis: u64) -> Timestamp {
        self.scene.time.after(millis)
    }

    fn act_at_client(&mut self, Step { act, who, a, b }: Step) {
        let until = self.after(u64::from(a) % 600);
        let now = self.now();
        let Some(at) = nth(who, self.clients.len()) else { return };
        let (it, scene) = (&mut self.clients[at], &mut self.scene);
        match act {
            Act::Emit => it.emit(scene, a, b),
            Act::Burst => (0..2 + b % 12).for_each(|n| it.emit(scene, a.wrapping_add(n), b)),
            Act::Flood => it.flood(scene, a, b),
            Act::Ask => it.ask(scene, a, b),
            Act::Cancel => it.cancel(scene),
            Act::Connect => it.connect(scene),
            Act::Disconnect => it.end(scene, End::Disconnect),
            Act::Close => it.end(scene, End::Drained),
            Act::Abort => it.end(scene, End::Abort),
            Act::Renew => it.renew(),
            Act::StopRetrying => it.stop_retrying(a % 2 == 0),
            Act::PauseClient => it.pause(now, until, b % 2 == 0),
            _ => {}
        }
    }

    fn act_at_server(&mut self, Step { act, who, a, b }: Step) {
        let until = self.after(u64::from(a) % 600);
        let Some(at) = nth(who, self.servers.len()) else { return };
        let (it, scene) = (&mut self.servers[at], &mut self.scene);
        match act {
            Act::Broadcast => it.broadcast(scene, None, a, b),
            Act::BroadcastToRoom => it.broadcast(scene, Some(b % 2), a, b),
            Act::Join => it.join(scene, a, b % 2),
            Act::Leave => it.leave(scene, a, b % 2),
            Act::StopServer => it.stop(scene, if a % 2 == 0 { End::Drained } else { End::Abort }),
            Act::CrashServer => it.crash(scene),
            Act::StartServer => it.start(scene),
            _ => {
                let Some((_, peer)) = it.nth(who / 2) else { return };
                match act {
                    Act::Answer => peer.answer_held(scene, a),
                    Act::EmitToPeer => peer.emit(scene, a, b),
                    Act::ClosePeer => peer.end(scene, End::Drained),
                    Act::AbortPeer => peer.end(scene, End::Abort),
                    Act::PausePeer => peer.seat.pause(until, b % 2 == 0),
                    _ => {}
                }
            }
        }
    }

    fn act_at_socket(&mut self, Step { act, who, a, b }: Step) {
        let until = self.after(u64::from(a) % 600);
        let (Some(at), Some(other)) = (nth(who, self.sockets.len()), nth(b, self.sockets.len())) else { return };
        let now = self.now();
        let (it, scene) = (&mut self.sockets[at], &mut self.scene);
        match act {
            Act::SendDatagram => it.send_to(scene, other, a),
            Act::AnswerDatagram => it.answer(scene, b, a),
            Act::BroadcastDatagram => it.broadcast(scene, a),
            Act::NameDatagramPeer => it.name(now, other),
            Act::ForgetDatagramPeer => it.forget(b),
            Act::PauseSocket if b % 3 == 0 => self.post.borrow_mut().stick(at, until),
            Act::PauseSocket => it.seat.pause(until, b % 2 == 0),
            _ => {
                let percent = |n: u16| [0, 0, 10, 50][usize::from(n) % 4];
                let delay = [0, 5, 50, 300][usize::from(a >> 6) % 4];
                let weather = Weather {
                    dropped: percent(a),
                    doubled: percent(a >> 2),
                    failed: percent(a >> 4) / 5,
                    mangled: percent(a >> 8),
                    delay,
                };
                self.post.borrow_mut().weather = weather;
            }
        }
    }

    /// The wire has a bad day.
    fn disturb(&mut self, Step { act, who, a, b }: Step) {
        let until = self.after(u64::from(a) % 500);
        let Some(client) = nth(who, self.clients.len()) else { return };
        let (latest, server) = {
            let net = self.scene.net.borrow();
            (net.latest_of(client), net.roads[client].server)
        };
        if act == Act::Refuse {
            self.scene.totals.count("fault: refusals");
            self.scene.net.borrow_mut().doors[server].refusals = u32::from(a % 5);
        }
        if act == Act::Part {
            self.scene.totals.count("fault: partition");
            self.scene.net.borrow_mut().parted_until[client] = until;
        }
        let Some(link) = latest.map(|latest| self.scene.link(latest)) else { return };
        let over = link.up.borrow().is_over() && link.down.borrow().is_over();
        if over {
            return;
        }
        let opening = link.up.borrow().is_opening() || link.down.borrow().is_opening();
        if opening {
            self.scene.totals.count("fault: in a handshake");
        }
        let (one, other) = if b % 2 == 0 { (&link.up, &link.down) } else { (&link.down, &link.up) };
        match act {
            Act::Cut => {
                self.scene.totals.count("fault: cut");
                for pipe in [one, other] {
                    let kept = usize::from(a) % (pipe.borrow().unread() + 1);
                    pipe.borrow_mut().cut(kept);
                }
            }
            Act::Reset => {
                self.scene.totals.count("fault: reset");
                one.borrow_mut().reset();
                other.borrow_mut().reset();
            }
            Act::Part => [one, other].iter().for_each(|pipe| pipe.borrow_mut().hold(until)),
            Act::Stall => {
                self.scene.totals.count("fault: stall");
                one.borrow_mut().hold(until);
            }
            Act::Forge if !opening && self.clients[client].config.profile != Profile::Raw => {
                let (bytes, meaning) = FORGED[usize::from(a) % FORGED.len()];
                let forged = one.borrow_mut().forge(Forged { bytes, meaning });
                self.scene.totals.add("fault: forged frame", u64::from(forged));
            }
            _ => {}
        }
    }
}
