//! A handler as anybody writes it for apalis, and the catalogue that offers it to templates.

mod resize;

use std::sync::Arc;

use apalis::prelude::{Data, WorkerBuilder, WorkerBuilderExt, task_fn};
use tokio_util::sync::CancellationToken;
use windlass_workers::apalis::{BackendOptions, WindlassBackend};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::source::Bridge;

pub use self::resize::{Resize, Resized, Side, resize};

/// The handlers of this worker. Any tower layer goes around one; here it brings the shared setting.
pub fn catalogue(side: Side) -> Catalogue {
    let resize = tower::ServiceBuilder::new()
        .layer(Data::new(side))
        .service(task_fn(resize));
    Catalogue::new().with::<Resize, _>("resize", "1.0.0", resize)
}

/// The same handler under apalis' own `Worker`: the catalogue's calls cross a bridge to it.
///
/// The future ends at `stop`, once its running handlers have ended.
pub fn apalis_worker(
    side: Side,
    stop: CancellationToken,
) -> (Catalogue, impl Future<Output = ()> + Send + 'static) {
    let bridge = Bridge::new();
    let catalogue = bridge.offer(Catalogue::new(), "resize", "1.0.0");
    let run = async move {
        let worker = WorkerBuilder::new("resizer")
            .backend(WindlassBackend::<Resize>::new(
                Arc::new(bridge),
                BackendOptions::default(),
            ))
            .data(side)
            .concurrency(8)
            .build(resize);
        // The backend cannot fail: trouble with the store is the pumps' own.
        let _ = worker.run_until(stopped(stop)).await;
    };
    (catalogue, run)
}

async fn stopped(stop: CancellationToken) -> std::io::Result<()> {
    stop.cancelled().await;
    Ok(())
}
