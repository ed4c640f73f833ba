//! Clusters and workloads: from the watch's memory, with the age of the cluster's last heartbeat.

use app::model::{ClusterRow, ClusterView, Health, Seen, SystemId, WorkloadView};
use chrono::DateTime;

use super::Drawing;
use crate::{
    cluster_pages::{cluster_row, cluster_view, workload_view},
    overview::{Ages, Offers as _},
};

impl Drawing {
    /// Every cluster, one row each.
    #[must_use]
    pub fn cluster_rows(&self, ages: Ages) -> Vec<ClusterRow> {
        self.adapters.kube.watches().filter_map(|watch| cluster_row(watch, self.heartbeat(watch.name(), ages))).collect()
    }

    /// One cluster's page; `None` when it is not in the estate.
    #[must_use]
    pub fn cluster(&self, system: &SystemId, ages: Ages) -> Option<ClusterView> {
        let watch = self.adapters.kube.watch(system.name())?;
        cluster_view(watch, self.heartbeat(watch.name(), ages), &|at| ages.moment(at))
    }

    /// One workload's page; `None` when there is no such Deployment, as far as is known.
    #[must_use]
    pub fn workload(&self, system: &SystemId, ages: Ages) -> Option<WorkloadView> {
        let watch = self.adapters.kube.of(system).ok()?;
        let runbooks = self.executor.catalog().offers(system);
        let mut view = workload_view(watch, system, runbooks, self.heartbeat(watch.name(), ages), &|at| ages.moment(at)).ok().flatten()?;
        if view.seen.is_stale() {
            // Its last known health says nothing about now.
            view.health = Health::Unknown;
            view.verdict =
                format!("The cluster has not been heard of since {}; this is what it said then.", view.seen.at.format("%H:%M:%S UTC"));
        }
        Some(view)
    }

    /// The age of a cluster's data: that of its pods, which are as old as the last heartbeat. (The cluster's own probe is fresh even when the
    /// server is away: that it is away is news of this moment.)
    fn heartbeat(&self, cluster: &str, ages: Ages) -> Seen {
        let world = self.world.borrow();
        world
            .instances
            .iter()
            .find(|instance| instance.spec.id == "kube_pods" && instance.system.name() == cluster)
            .and_then(|instance| ages.seen(instance))
            .unwrap_or(Seen { source: 0, at: DateTime::UNIX_EPOCH, age_ms: u64::MAX, deadline_ms: 0 })
    }
}
