//! How long things take that controllers and machines do.

use std::time::Duration;

/// Times of the simulated cluster. The defaults are those of a cluster that is not busy, with images already near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From a change to what a controller makes of it.
    pub sync: Duration,
    /// From a change to what the garbage collector makes of it.
    pub collect: Duration,
    /// From a pod's placement on a node to its containers running, images apart.
    pub pod_start: Duration,
    /// From the request to delete a pod to the end of its containers.
    pub pod_stop: Duration,
    /// How long a container runs that ends by itself.
    pub job_run: Duration,
    /// Pull of an image that the node does not have.
    pub image_pull: Duration,
    /// From a new node to a ready one.
    pub node_start: Duration,
    /// From a LoadBalancer Service to its address.
    pub load_balancer: Duration,
    /// The horizontal autoscaler looks this often.
    pub autoscale: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            sync: Duration::from_millis(20),
            collect: Duration::from_millis(50),
            pod_start: Duration::from_secs(1),
            pod_stop: Duration::from_secs(1),
            job_run: Duration::from_secs(1),
            image_pull: Duration::from_millis(200),
            node_start: Duration::from_millis(100),
            load_balancer: Duration::from_millis(200),
            autoscale: Duration::from_secs(15),
        }
    }
}
