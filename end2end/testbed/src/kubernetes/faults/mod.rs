//! What can be broken on the cluster, and mended again.

mod nodes;
mod plane;
mod pods;
mod rollouts;

use super::{Identity, Plane, estate};
use crate::{
    bed::Bed,
    error::Result,
    faults::{self, Step},
};

/// A fault of the Kubernetes half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A backend pod's container exits with 1 again and again.
    CrashPods,
    /// A backend pod's container is killed for its memory again and again.
    OomPods,
    /// The backend is rolled out with an image that no registry has.
    ImagePull,
    /// The backend is rolled out with a request that no node can satisfy.
    Unschedulable,
    /// A node with a backend pod stops its heartbeat.
    NodeNotReady,
    /// The API server, controllers and scheduler stop in their tracks.
    PlaneFrozen,
    /// The API server, controllers and scheduler are killed.
    PlaneDown,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 7] = [
        Fault::CrashPods,
        Fault::OomPods,
        Fault::ImagePull,
        Fault::Unschedulable,
        Fault::NodeNotReady,
        Fault::PlaneFrozen,
        Fault::PlaneDown,
    ];

    /// Breaks it and returns once kubectl shows it; the answer is what [`Fault::mend_at`] needs.
    pub async fn strike_at(self, plane: &Plane) -> Result<String> {
        match self {
            Fault::CrashPods => pods::strike(plane, "crash").await,
            Fault::OomPods => pods::strike(plane, "oom").await,
            Fault::ImagePull => rollouts::strike_image(plane).await,
            Fault::Unschedulable => rollouts::strike_requests(plane).await,
            Fault::NodeNotReady => nodes::strike(plane).await,
            Fault::PlaneFrozen => plane::freeze(plane).await,
            Fault::PlaneDown => plane::kill(plane).await,
        }
    }

    /// Mends what was hit and returns once the estate is whole again, or as whole as other faults leave it.
    pub async fn mend_at(self, plane: &Plane, hit: &str) -> Result<()> {
        match self {
            Fault::CrashPods | Fault::OomPods => pods::mend(plane, hit).await?,
            Fault::ImagePull => rollouts::mend_image(plane, hit).await?,
            Fault::Unschedulable => rollouts::mend_requests(plane, hit).await?,
            Fault::NodeNotReady => nodes::mend(plane, hit).await?,
            Fault::PlaneFrozen => plane::thaw(plane).await?,
            Fault::PlaneDown => plane::restart(plane).await?,
        }
        if self.stands_alone(plane) {
            let kubectl = plane.kubectl(Identity::Admin);
            nodes::all_ready(&kubectl).await?;
            estate::wait_available(&kubectl).await?;
        }
        Ok(())
    }

    /// Whether no other fault of the cluster is struck.
    fn stands_alone(self, plane: &Plane) -> bool {
        use faults::Fault as _;
        let others = Fault::ALL.iter().filter(|fault| **fault != self);
        others.map(|fault| plane.layout.scar_file(fault.name())).all(|scar| !scar.exists())
    }
}

impl faults::Fault for Fault {
    fn name(&self) -> &'static str {
        match self {
            Fault::CrashPods => "crash-pods",
            Fault::OomPods => "oom-pods",
            Fault::ImagePull => "image-pull",
            Fault::Unschedulable => "unschedulable",
            Fault::NodeNotReady => "node-not-ready",
            Fault::PlaneFrozen => "plane-frozen",
            Fault::PlaneDown => "plane-down",
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Fault::CrashPods => "A backend pod's container exits with 1 again and again.",
            Fault::OomPods => "A backend pod's container is killed for its memory again and again.",
            Fault::ImagePull => "The backend is rolled out with an image that no registry has.",
            Fault::Unschedulable => "The backend is rolled out with a request that no node can satisfy.",
            Fault::NodeNotReady => "A node with a backend pod stops its heartbeat.",
            Fault::PlaneFrozen => "The API server, controllers and scheduler stop in their tracks.",
            Fault::PlaneDown => "The API server, controllers and scheduler are killed.",
        }
    }

    fn system(&self) -> Option<&'static str> {
        Some(match self {
            Fault::CrashPods | Fault::OomPods | Fault::ImagePull | Fault::Unschedulable => {
                "deployment/aia-production-eu/aia-production/aia-backend-simple"
            }
            Fault::NodeNotReady | Fault::PlaneFrozen | Fault::PlaneDown => "cluster/aia-production-eu",
        })
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move { self.strike_at(&Plane::find(bed.layout())?).await })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move { self.mend_at(&Plane::find(bed.layout())?, hit).await })
    }
}
