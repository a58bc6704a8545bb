//! Notices as text, and the channel within a process.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::store::{Bus, Namespace, Notice, Selector, StoreKey, bus::CAPACITY};

fn session(number: u8) -> Notice {
    let namespace = Namespace::new("shop.eu");
    Notice::Session(StoreKey { namespace, selector: Selector::from_bytes([number; 16]) })
}

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn a_notice_reads_back_from_its_text() {
    for notice in [session(7), Notice::Namespace(Namespace::new("shop.eu")), Notice::Everything] {
        assert_eq!(Notice::parse(&notice.to_string()), Some(notice));
    }
}

#[test]
fn a_text_that_is_no_notice_is_none() {
    for text in ["shop:", "shop:12", "shop:0707070707070707070707070707070g", ""] {
        assert_eq!(Notice::parse(text), None, "{text:?}");
    }
}

#[test]
fn who_is_behind_looks_at_everything_and_goes_on_from_there() {
    let bus = Bus::new();
    let mut watch = bus.watch();
    assert_eq!(now(watch.next()), Some(Some(Notice::Everything)));
    assert_eq!(now(watch.next()), None);
    for _ in 0..=CAPACITY {
        bus.publish(&session(1));
    }
    bus.publish(&session(2));
    assert_eq!(now(watch.next()), Some(Some(Notice::Everything)));
    let rest: Vec<_> = std::iter::from_fn(|| now(watch.next()).flatten()).collect();
    assert_eq!(rest.len(), CAPACITY);
    assert_eq!(rest.last(), Some(&session(2)));
}
