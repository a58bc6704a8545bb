//! A layer that does nothing, around the bare application: what axum takes for any layer at all.

use std::task::{Context, Poll};

use axum::Router;
use tower::{Layer, Service};

use super::bare;

pub(super) fn router() -> Router {
    bare::router().layer(Noop)
}

#[derive(Clone)]
struct Noop;

#[derive(Clone)]
struct Around<S>(S);

impl<S> Layer<S> for Noop {
    type Service = Around<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Around(inner)
    }
}

impl<S: Service<R>, R> Service<R> for Around<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}
