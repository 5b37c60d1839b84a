//! How statements are executed: whose votes count, how long is waited, what is repeated.

use super::options::{Options, Writers};
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::{Consistency, SerialConsistency};
use std::sync::Arc;
use std::time::Duration;

/// How long a conditional write or a serial read may take: of a request's time at most so much.
const SERIAL_TIME: Duration = Duration::from_secs(3);
/// How long any other statement may take.
const TIME: Duration = Duration::from_secs(5);

/// The profiles, one for each kind of statement.
pub(super) struct Profiles {
    /// Conditional writes. The driver repeats none: a repeat would be refused by its own first
    /// copy, and told as somebody else's. (The driver's default policy does repeat them.)
    pub(super) conditional: ExecutionProfileHandle,
    /// Reads that decide something.
    pub(super) serial: ExecutionProfileHandle,
    /// Reads and writes of tables that no conditional write touches.
    pub(super) ordinary: ExecutionProfileHandle,
}

impl Profiles {
    pub(super) fn new(options: &Options) -> Self {
        let (quorum, serial, serial_read) = match options.writers {
            Writers::Everywhere => (
                Consistency::Quorum,
                SerialConsistency::Serial,
                Consistency::Serial,
            ),
            Writers::OneDatacenter => (
                Consistency::LocalQuorum,
                SerialConsistency::LocalSerial,
                Consistency::LocalSerial,
            ),
        };
        let balancing = |shuffling| balancing(options, shuffling);
        let base = ExecutionProfile::builder()
            .serial_consistency(Some(serial))
            .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
            .speculative_execution_policy(None)
            .request_timeout(Some(SERIAL_TIME));
        // Contenders that come to one coordinator wait there and do not outbid each other.
        let conditional = base
            .clone()
            .consistency(quorum)
            .load_balancing_policy(balancing(false));
        let serial_read = base
            .consistency(serial_read)
            .load_balancing_policy(balancing(false));
        let ordinary = ExecutionProfile::builder()
            .consistency(quorum)
            .serial_consistency(Some(serial))
            .load_balancing_policy(balancing(true))
            .request_timeout(Some(TIME));
        Self {
            conditional: conditional.build().into_handle(),
            serial: serial_read.build().into_handle(),
            ordinary: ordinary.build().into_handle(),
        }
    }
}

fn balancing(options: &Options, shuffling: bool) -> Arc<dyn LoadBalancingPolicy> {
    let policy = DefaultPolicy::builder()
        .token_aware(true)
        .enable_shuffling_replicas(shuffling);
    let policy = match &options.datacenter {
        Some(name) => policy.prefer_datacenter(name.clone()),
        None => policy,
    };
    // Votes of another datacentre would be no votes of this one.
    policy
        .permit_dc_failover(options.writers == Writers::Everywhere)
        .build()
}
