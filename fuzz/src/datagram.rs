//! A UDP socket against a buffer for each address (PROTOCOL.md, rules U2–U5, U9 and U11).

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use ipc_proto::{Config, Dialect, Event, Message, Timestamp, datagram::Datagrams};
use memchr::memmem;

const DELIMITERS: [&str; 4] = ["\u{c}", "||", "\u{e9}", "aba"];

/// What came of whom: a message's name and data, or an error's code.
type Heard = Vec<(u8, String)>;

/// Three bytes choose the configuration. Then each datagram is a byte for its sender and whether events are polled after
/// it, one for its length, and its bytes.
pub fn datagram(input: &[u8]) {
    let [choice, partial, budget, steps @ ..] = input else { return };
    let delimiter = DELIMITERS[usize::from(choice >> 1) % DELIMITERS.len()];
    let dialect = if choice & 1 == 0 { Dialect::Modern } else { Dialect::Classic };
    let mut config = Config::default().dialect(dialect).delimiter(delimiter);
    config.limits.max_udp_partial = usize::from(*partial).max(1);
    config.limits.udp_partial_budget = usize::from(*budget).max(1);
    let steps = cut(steps);
    assert_eq!(heard(&config, &steps), expected(&config, &steps));
}

/// A datagram, its sender, and whether events are polled after it.
type Step<'a> = (u8, bool, &'a [u8]);

fn cut(mut input: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let [head, len, rest @ ..] = input {
        let (datagram, rest) = rest.split_at(rest.len().min((*len).into()));
        steps.push((head & 3, head & 4 != 0, datagram));
        input = rest;
    }
    steps
}

fn address(sender: u8) -> SocketAddr {
    ([127, 0, 0, 1], 1000 + u16::from(sender)).into()
}

fn heard(config: &Config, steps: &[Step<'_>]) -> Heard {
    let mut socket = Datagrams::new(Arc::new(config.clone())).expect("UDP is for this profile");
    let mut heard = Heard::new();
    let mut account = BTreeMap::<u8, [usize; 3]>::new();
    for (sender, polls, datagram) in steps {
        socket.handle_datagram(Timestamp::ZERO, address(*sender), datagram);
        let [datagrams, received, _] = account.entry(*sender).or_default();
        *datagrams += 1;
        *received += datagram.len();
        if *polls {
            drain(&mut socket, &mut heard);
        }
        answers_stay_in_proportion(&mut socket, &mut account);
        assert!(!polls || socket.held_bytes() <= config.limits.udp_partial_budget);
    }
    drain(&mut socket, &mut heard);
    assert_eq!(socket.dropped(), 0);
    heard
}

/// Takes all events. Each message is echoed, where that is allowed.
fn drain(socket: &mut Datagrams, heard: &mut Heard) {
    while let Some((peer, event)) = socket.poll_event() {
        let port = socket.peer_addr(peer).expect("nobody is forgotten").port();
        let text = match event {
            Event::Message(message) => {
                let _ = socket.send(peer, message.to_frame());
                shown(&message)
            }
            Event::Error(error) => error.code().to_owned(),
            Event::Writable => continue,
            other => panic!("{other:?}"),
        };
        heard.push(((port - 1000) as u8, text));
    }
}

fn shown(message: &Message) -> String {
    format!("{} {:?}", message.name_token(), message.data().map(|data| data.as_str().to_owned()))
}

/// Who was heard from once gets at most three times as much.
fn answers_stay_in_proportion(socket: &mut Datagrams, account: &mut BTreeMap<u8, [usize; 3]>) {
    while let Some((to, datagram)) = socket.poll_transmit() {
        let [datagrams, received, sent] = account.entry((to.port() - 1000) as u8).or_default();
        *sent += datagram.len();
        assert!(*datagrams > 1 || *sent <= 3 * *received);
    }
}

fn expected(config: &Config, steps: &[Step<'_>]) -> Heard {
    let mut heard = Heard::new();
    let mut rests = BTreeMap::<u8, Vec<u8>>::new();
    // The senders in the order in which they came.
    let mut order = Vec::new();
    for (sender, _, datagram) in steps {
        if !order.contains(sender) {
            order.push(*sender);
        }
        if datagram.is_empty() {
            continue;
        }
        let mut text = rests.remove(sender).unwrap_or_default();
        text.extend(String::from_utf8_lossy(datagram).bytes());
        let rest = frames(config, *sender, &text, &mut heard);
        if rest.is_empty() || config.dialect == Dialect::Classic {
            continue;
        }
        if rest.len() > config.limits.max_udp_partial {
            heard.push((*sender, "ERR_IPC_FRAME_TOO_LARGE".into()));
            continue;
        }
        rests.insert(*sender, rest.to_vec());
        if rests.values().map(Vec::len).sum::<usize>() > config.limits.udp_partial_budget {
            let len = |sender: &&u8| rests.get(sender).map_or(0, Vec::len);
            let largest = *order.iter().max_by_key(len).expect("one was put in");
            rests.remove(&largest);
            heard.push((largest, "ERR_IPC_BACKPRESSURE".into()));
        }
    }
    heard
}

/// Takes the frames apart that are complete; what is left of a bad one is nothing in Modern.
fn frames<'a>(config: &Config, sender: u8, mut text: &'a [u8], heard: &mut Heard) -> &'a [u8] {
    let delimiter = config.delimiter.as_bytes();
    while let Some(at) = memmem::find(text, delimiter) {
        let message = Message::parse(text[..at].to_vec().into());
        text = &text[at + delimiter.len()..];
        let failed = message.is_err();
        heard.push((sender, message.map_or_else(|error| error.code().to_string(), |message| shown(&message))));
        if failed && config.dialect == Dialect::Modern {
            return &[];
        }
    }
    text
}
