//! Futures that are dropped at random points, on any runtime.

use std::{
    env,
    future::{Future, poll_fn},
    hash::{BuildHasher, RandomState},
    pin::pin,
    task::Poll,
};

/// Where futures are dropped. Its seed is printed; `IPC_CANCEL_SEED=…` uses it again.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn new() -> Self {
        let given = env::var("IPC_CANCEL_SEED").ok().map(|seed| seed.parse().expect("a number"));
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        println!("IPC_CANCEL_SEED={seed}");
        Self(seed | 1)
    }

    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    /// Polls a future a few times, or not at all, and then drops it.
    pub(crate) async fn cut<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut left = self.roll(6);
        let mut future = pin!(future);
        let result = poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            // How often it is polled is the dice's business, whether or not it can go on.
            cx.waker().wake_by_ref();
            future.as_mut().poll(cx).map(Some)
        })
        .await;
        yield_now().await;
        result
    }
}

/// A turn for everybody else on this thread.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Makes futures and drops them until one is ready in time.
macro_rules! until_ready {
    ($dice:expr, $future:expr) => {
        loop {
            if let Some(value) = $dice.cut($future).await {
                break value;
            }
        }
    };
}

pub(crate) use until_ready;
