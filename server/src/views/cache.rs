//! A cache's own page: from what the adapters remember, with the ages of the probes that looked.

use app::model::{CacheView, SystemId};

use super::Drawing;
use crate::{
    cache_page::{Beside, cache_view},
    overview::{Ages, spark},
};

impl Drawing {
    /// The page of a cache; `None` when the estate has none of that name.
    pub(super) async fn cache(&self, system: &SystemId, ages: Ages) -> Option<CacheView> {
        let base = self.system(system, ages).await?;
        let cache = self.estate.caches.get(system.name())?;
        let known = self.adapters.redis.get(system.name())?.last();
        let sentinels = self.adapters.sentinel.get(system.name()).map(|sentinel| sentinel.last()).unwrap_or_default();
        let world = self.world.borrow().clone();
        let seen = |probe: &str| world.get(probe, system).and_then(|instance| ages.seen(instance));
        let hit_rate = world.get("redis_hit_rate", system);
        let evictions = world.get("redis_memory", system).and_then(|instance| {
            let facts = &instance.reading.as_ref()?.facts;
            facts.iter().find(|fact| fact.name == "evictions").map(|fact| fact.value.clone())
        });
        let beside = Beside {
            base,
            hit_rate: (
                hit_rate.and_then(|instance| instance.reading.as_ref()?.figure.clone()),
                hit_rate.and_then(|instance| spark(&self.estate, instance)),
            ),
            evictions,
            seen: seen("redis_members"),
            sentinels_seen: seen("sentinel_quorum"),
            moments: &|at| ages.moment(at),
        };
        Some(cache_view(cache, &known, &sentinels, beside))
    }
}
